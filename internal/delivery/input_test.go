package delivery

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"pgregory.net/rapid"
)

// peer speaks WebSocket by the library's own functions.
type peer struct {
	t    testing.TB
	conn net.Conn
}

func (p *peer) send(messages ...string) {
	p.t.Helper()
	for _, m := range messages {
		if err := wsutil.WriteClientText(p.conn, []byte(m)); err != nil {
			p.t.Fatal(err)
		}
	}
}

// until reads up to a message that has a text in it. Only notifications may come before.
func (p *peer) until(text string) {
	p.t.Helper()
	for {
		got, _, err := wsutil.ReadServerData(p.conn)
		switch {
		case err == nil && strings.Contains(string(got), text):
			return
		case err != nil || !strings.Contains(string(got), `"kind"`):
			p.t.Fatalf("got %s, %v, want %s", got, err, text)
		}
	}
}

// TestMessages: however frames are cut into fragments, and the stream into reads, the messages are the same (RFC 6455, 5.4).
func TestMessages(t *testing.T) {
	t.Parallel()
	h := open(t, 0, spelled{})
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.StringN(0, 2000, 70_000)).Draw(t, "messages")
		var stream bytes.Buffer
		for _, message := range want {
			op, rest := ws.OpText, []byte(message)
			for {
				n := rapid.IntRange(0, len(rest)).Draw(t, "fragment")
				frame := ws.NewFrame(op, n == len(rest), slices.Clone(rest[:n]))
				if err := ws.WriteFrame(&stream, ws.MaskFrame(frame)); err != nil {
					t.Fatal(err)
				}
				if rest, op = rest[n:], ws.OpContinuation; frame.Header.Fin {
					break
				}
				if rapid.Bool().Draw(t, "ping between") {
					stream.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewPongFrame([]byte("x")))))
				}
			}
		}
		var got []string
		in := input{reader: &Reader{loop: h.loop}, receiver: receives(func(m []byte) Reply { got = append(got, string(m)); return Reply{} })}
		for data := stream.Bytes(); len(data) > 0; {
			n := rapid.IntRange(1, min(len(data), 16<<10)).Draw(t, "read")
			if err := in.take(slices.Clone(data[:n])); err != nil {
				t.Fatal(err)
			}
			data = data[n:]
		}
		if !slices.Equal(got, want) || len(in.held)+len(in.message) > 0 {
			t.Fatalf("got %d messages, want %d; %d bytes are left", len(got), len(want), len(in.held))
		}
	})
}

// FuzzInput: whatever a peer sends ends its own stream at most, and is held within bounds.
func FuzzInput(f *testing.F) {
	for _, seed := range []string{"", "\x81\x05hello", "\x81\x85\x01\x02\x03\x04hello", "\x89\x80\x00\x00\x00\x00", "\x88\x82\x00\x00\x00\x00\x03\xe8",
		"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xffmask", "\x01\x85\x00\x00\x00\x00hello\x80\x80\x00\x00\x00\x00", "\x81\xfe\xff\xff\x00\x00\x00\x00"} {
		f.Add([]byte(seed), 3)
	}
	h := open(f, 0, spelled{})
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		r := &Reader{Asked: Asked{Form: WebSocket}, loop: h.loop, lane: ended}
		r.room.L = &r.mu
		in := input{reader: r, receiver: receives(func(m []byte) Reply {
			if len(m) > MaxMessage {
				t.Errorf("a message of %d bytes", len(m))
			}
			return Reply{}
		})}
		for step := max(1, cut%len(append(data, 0))); len(data) > 0; {
			n := min(step, len(data))
			if in.take(slices.Clone(data[:n])) != nil {
				return
			}
			data = data[n:]
			if len(in.held) > MaxMessage+ws.MaxHeaderSize || len(in.message) > MaxMessage {
				t.Fatalf("%d and %d bytes are held", len(in.held), len(in.message))
			}
		}
	})
}

// TestClosing: a peer that closes, or breaks the protocol, is told in a close frame, and the connection ends (RFC 6455, 7).
func TestClosing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		send []byte
		want ws.StatusCode
	}{
		{"closes", ws.MustCompileFrame(ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))), ws.StatusNormalClosure},
		{"no mask", ws.MustCompileFrame(ws.NewTextFrame([]byte("x"))), ws.StatusProtocolError},
		{"no UTF-8", ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte{0xff}))), ws.StatusInvalidFramePayloadData},
		{"too large", ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame(make([]byte, MaxMessage+1)))), ws.StatusMessageTooBig},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, 0, spelled{})
			conn, client := pair(t)
			h.begin(Asked{Source: "crm", Form: WebSocket}, conn, func([]byte) Reply { return Reply{} })
			if _, err := client.Write(c.send); err != nil {
				t.Fatal(err)
			}
			_, _, err := wsutil.ReadServerData(client)
			for err == nil {
				_, _, err = wsutil.ReadServerData(client)
			}
			closed, ok := errors.AsType[wsutil.ClosedError](err)
			if !ok || closed.Code != c.want {
				t.Errorf("ended with %v, want %d", err, c.want)
			}
			client.(*net.TCPConn).CloseWrite()
			if _, err := io.Copy(io.Discard, client); err != nil {
				t.Errorf("the connection did not end well: %v", err)
			}
		})
	}
}

// TestPing is answered at once (RFC 6455, 5.5.2).
func TestPing(t *testing.T) {
	t.Parallel()
	h := open(t, 0, spelled{})
	conn, client := pair(t)
	h.begin(Asked{Source: "crm", Form: WebSocket}, conn, func([]byte) Reply { return Reply{} })
	if err := wsutil.WriteClientMessage(client, ws.OpPing, []byte("are you there")); err != nil {
		t.Fatal(err)
	}
	client.SetDeadline(time.Now().Add(time.Minute))
	for {
		frame, err := ws.ReadFrame(client)
		if err != nil {
			t.Fatal(err)
		}
		if frame.Header.OpCode == ws.OpPong {
			if string(frame.Payload) != "are you there" {
				t.Errorf("the pong says %q", frame.Payload)
			}
			return
		}
	}
}
