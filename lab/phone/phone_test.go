package phone

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair makes two phones that have each other as PBX, and a context for the test.
func pair(t *testing.T) (ctx context.Context, a, b *Phone) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	var err error
	for range 20 { // another test may have the address
		net := fmt.Sprintf("127.%d.%d", 1+rand.IntN(254), rand.IntN(256))
		if a, err = New(ctx, Options{Addr: net + ".1", Server: net + ".2", User: "a", Name: "Phone A"}); err != nil {
			continue
		}
		if b, err = New(ctx, Options{Addr: net + ".2", Server: net + ".1", User: "b"}); err == nil {
			break
		}
		a.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(a.LogText())
			t.Log(b.LogText())
		}
		a.Close()
		b.Close()
	})
	return ctx, a, b
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func connect(t *testing.T, ctx context.Context, a, b *Phone) (ac, bc *Call) {
	t.Helper()
	ac, err := a.Call(ctx, "b", CallOptions{})
	must(t, err)
	bc, err = b.Incoming(ctx)
	must(t, err, bc.Ring(ctx), ac.WaitRinging(ctx), bc.Answer(ctx), ac.WaitAnswered(ctx))
	return ac, bc
}

func TestCallBetweenPhones(t *testing.T) {
	t.Parallel()
	ctx, a, b := pair(t)
	ac, bc := connect(t, ctx, a, b)
	if got := bc.Remote(); got != (Party{Number: "a", Name: "Phone A"}) {
		t.Errorf("caller: %+v", got)
	}
	must(t, ac.WaitAudio(ctx, 3), bc.WaitAudio(ctx, 3), ac.Digits(ctx, "1#"), bc.Hold(ctx), bc.Resume(ctx))
	if err := ac.BlindTransfer(ctx, "c"); err == nil || !strings.Contains(err.Error(), "405") {
		t.Errorf("transfer at a phone that cannot: %v", err)
	}
	if err := bc.Answer(ctx); err == nil {
		t.Error("answered twice")
	}
	must(t, bc.Hangup(ctx), bc.Hangup(ctx))
	end, err := ac.WaitEnded(ctx)
	must(t, err)
	if end.By != Other || end.How != "BYE" {
		t.Errorf("ended %v", end)
	}
	if err := ac.Hold(ctx); err == nil {
		t.Error("an ended call could be held")
	}
	entry, err := b.WaitLog(ctx, Sent, "BYE")
	must(t, err)
	if entry.Call != ac.ID || !strings.HasPrefix(entry.Raw, "BYE ") {
		t.Errorf("entry: %+v", entry)
	}
}

// Both offer at once: each refuses the other's with 491 and tries again.
func TestHoldAtOnce(t *testing.T) {
	t.Parallel()
	ctx, a, b := pair(t)
	ac, bc := connect(t, ctx, a, b)
	errs := make(chan error, 2)
	go func() { errs <- ac.Hold(ctx) }()
	go func() { errs <- bc.Hold(ctx) }()
	must(t, <-errs, <-errs, ac.Resume(ctx), bc.Resume(ctx), ac.Hangup(ctx))
}

func TestEndsBeforeAnswer(t *testing.T) {
	t.Parallel()
	ctx, a, b := pair(t)
	for _, c := range []struct {
		name string
		end  func(ac, bc *Call) error
		a, b End
	}{
		{"busy", func(ac, bc *Call) error { return bc.Reject(ctx, 486) },
			End{By: Other, How: "486 Busy Here", Code: 486}, End{By: Self, How: "486 Busy Here", Code: 486}},
		{"redirect", func(ac, bc *Call) error { return bc.Redirect(ctx, "c") },
			End{By: Other, How: "302 Moved Temporarily", Code: 302}, End{By: Self, How: "302 Moved Temporarily", Code: 302}},
		{"hang up ringing phone", func(ac, bc *Call) error { return bc.Hangup(ctx) },
			End{By: Other, How: "480 Temporarily Unavailable", Code: 480}, End{By: Self, How: "480 Temporarily Unavailable", Code: 480}},
		{"cancel", func(ac, bc *Call) error { return ac.Cancel(ctx) },
			End{By: Self, How: "CANCEL"}, End{By: Other, How: "CANCEL"}},
		{"hang up calling phone", func(ac, bc *Call) error { return ac.Hangup(ctx) },
			End{By: Self, How: "CANCEL"}, End{By: Other, How: "CANCEL"}},
	} {
		ac, err := a.Call(ctx, "b", CallOptions{})
		must(t, err)
		bc, err := b.Incoming(ctx)
		must(t, err, bc.Ring(ctx), c.end(ac, bc))
		ae, err := ac.WaitEnded(ctx)
		must(t, err)
		be, err := bc.WaitEnded(ctx)
		must(t, err)
		ae.At, be.At = time.Time{}, time.Time{}
		if ae != c.a || be != c.b {
			t.Errorf("%s: caller %v, called %v; want %v, %v", c.name, ae, be, c.a, c.b)
		}
	}
}

func TestWaitsEnd(t *testing.T) {
	t.Parallel()
	_, a, b := pair(t)
	cause := errors.New("enough")
	short, cancel := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, cause)
	defer cancel()
	if _, err := a.Incoming(short); !errors.Is(err, cause) || !strings.Contains(err.Error(), "incoming call") {
		t.Errorf("waiting for a call: %v", err)
	}
	c, err := a.Call(t.Context(), "b", CallOptions{})
	must(t, err)
	b.Close()
	waiting := make(chan error, 2)
	go func() { waiting <- c.WaitAnswered(t.Context()) }()
	go func() {
		_, err := a.Incoming(t.Context())
		waiting <- err
	}()
	a.Close()
	for range 2 {
		if err := <-waiting; err == nil {
			t.Error("a closed phone got a call or an answer")
		}
	}
	if _, err := a.Call(t.Context(), "b", CallOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed phone calls: %v", err)
	}
	if _, err := New(t.Context(), Options{Addr: a.o.Addr, Transport: "pigeon"}); err == nil {
		t.Error("transport pigeon is no error")
	}
}

func TestSDP(t *testing.T) {
	t.Parallel()
	key := make([]byte, keySize)
	want := session{dir: sendonly, secure: true, key: key, tag: "7"}
	var err error
	want.addr, err = netip.ParseAddrPort("127.0.0.9:4000")
	must(t, err)
	got, err := readSDP(want.write(1, 2))
	must(t, err)
	if got.addr != want.addr || got.dir != want.dir || !got.secure || string(got.key) != string(key) || got.tag != "7" {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, bad := range []string{"", "v=0\r\n", "m=video 1 RTP/AVP 0\r\n", "m=audio x\r\n", "c=IN IP4 x\r\nm=audio 1 RTP/AVP 0\r\n",
		"c=IN IP4 127.0.0.1\r\nm=audio 99999 RTP/AVP 0\r\n"} {
		if s, err := readSDP([]byte(bad)); err == nil {
			t.Errorf("%q gives %+v", bad, s)
		}
	}
}

func FuzzSDP(f *testing.F) {
	f.Add([]byte("c=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA|2^20|1:1\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := readSDP(body)
		if err == nil && s.key != nil && len(s.key) != keySize {
			t.Errorf("key of %d bytes", len(s.key))
		}
	})
}

func TestMuLaw(t *testing.T) {
	t.Parallel()
	// ITU-T G.711 table 2a: decision values and codes.
	for sample, want := range map[int]byte{0: 0xff, 1: 0xfe, 8158: 0x80, 9000: 0x80, -1: 0x7e, -9000: 0x00} {
		if got := muLaw(sample); got != want {
			t.Errorf("muLaw(%d) = %#x, want %#x", sample, got, want)
		}
	}
}
