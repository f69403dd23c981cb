package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/callboard-dev/callboard/api"
)

// TestReconnects: an app that opens one stream after another is slowed down, and told for how long; it may still write,
// another app and the person do not notice (FLT-09).
func TestReconnects(t *testing.T) {
	t.Parallel()
	h := open(t)
	bad, good := h.app("bad"), h.app("good")
	record := h.lookup("+4512345678")
	for range opensAtOnce {
		h.watch(bad, "").close()
	}
	for _, path := range []string{"/v1/watch", "/v1/watch/ws"} {
		got := h.do("GET", path, bad, nil)
		after, err := strconv.Atoi(got.header.Get("Retry-After"))
		if got.status != http.StatusTooManyRequests || got.problem(t).Code != "too_many_requests" || err != nil || after < 1 || after > int(opensEvery/time.Second) {
			t.Errorf("%s: %d, again after %q: %s", path, got.status, got.header.Get("Retry-After"), got.body)
		}
	}
	h.claim(bad, record, "x.bad.note", "still writes")
	for range 5 {
		h.watch(good, "").close()
	}
	for range 2 * opensAtOnce { // a person's pages share one token
		h.watch(h.user, "").close()
	}
}

// TestSlowedDown: ten reconnects a second become ten a minute; an SDK's back-off is never slowed down, also when nobody serves
// it for an hour (FLT-09).
func TestSlowedDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, let := newApp(KnownApp{ID: "bad"}, Limits{}), 0
		for range 10 * 600 {
			if _, err := c.mayFollow(time.Now()); err == nil {
				let++
			}
			time.Sleep(100 * time.Millisecond)
		}
		if most := opensAtOnce + int(10*time.Minute/opensEvery) + 1; let > most || let < most-2 {
			t.Errorf("%d of 6,000 reconnects were let in, want %d", let, most)
		}
		// What it waits for is true.
		for after, err := c.mayFollow(time.Now()); err != nil; {
			time.Sleep(time.Duration(after) * time.Second)
			if after, err = c.mayFollow(time.Now()); err != nil {
				t.Fatalf("after as long as it was told to wait it has to wait %d s more", after)
			}
		}
		sdk := newApp(KnownApp{ID: "sdk"}, Limits{})
		for attempt, began := 0, time.Now(); time.Since(began) < time.Hour; attempt++ {
			if after, err := sdk.mayFollow(time.Now()); err != nil {
				t.Fatalf("reconnect %d of an SDK has to wait %d s", attempt, after)
			}
			time.Sleep(250 * time.Millisecond << min(attempt, 5)) // the shortest that it waits: half of its back-off
		}
	})
}

// TestGarbage: whatever an app sends on its socket, it gets a problem or its socket is closed; who follows beside it is told
// everything, and the app may come again.
func TestGarbage(t *testing.T) {
	t.Parallel()
	h := open(t)
	token := h.app("garbage")
	record := h.lookup("+4512345678")
	beside := h.watch(h.user, "")
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(rng.IntN(256))
	}
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	for what, c := range map[string]struct {
		kind   websocket.MessageType
		frame  string
		closed websocket.StatusCode // zero: it stays open
	}{
		"nothing":          {websocket.MessageText, "", 0},
		"noise":            {websocket.MessageBinary, string(noise), 0},
		"noise as text":    {websocket.MessageText, string(noise), websocket.StatusInvalidFramePayloadData},
		"cut JSON":         {websocket.MessageText, `{"type":"answer","work":"`, 0},
		"deep JSON":        {websocket.MessageText, deep, 0},
		"deep in a claim":  {websocket.MessageText, `{"type":"answer","work":"w","claims":` + deep + `}`, 0},
		"a number":         {websocket.MessageText, "1e999", 0},
		"another type":     {websocket.MessageText, `{"type":"bookmark"}`, 0},
		"no such work":     {websocket.MessageText, `{"type":"answer","work":"\u0000"}`, 0},
		"many claims":      {websocket.MessageText, `{"type":"answer","work":"w","claims":[` + strings.TrimSuffix(strings.Repeat(`{"field":"party.name","value":"x"},`, 1500), ",") + `]}`, 0},
		"more than 64 KiB": {websocket.MessageText, `{"type":"answer","error":"` + strings.Repeat("x", 1<<20) + `"}`, websocket.StatusMessageTooBig},
	} {
		s := h.socket(token, "?needs=party.number")
		if err := s.conn.Write(s.ctx, c.kind, []byte(c.frame)); err != nil && c.closed == 0 {
			t.Fatalf("%s: %v", what, err)
		}
		problem, err := answerTo(s)
		switch {
		case c.closed != 0 && websocket.CloseStatus(err) != c.closed:
			t.Errorf("%s: %v, %+v", what, err, problem)
		case c.closed == 0 && (err != nil || problem.Problem.Status < 400 || problem.Problem.Status >= 500 || problem.Problem.Remedy == ""):
			t.Errorf("%s: %v, %+v", what, err, problem)
		}
		s.conn.CloseNow()
		want := "beside " + what
		h.claim(h.user, record, "party.bio", want)
		for {
			n := beside.until("record.changed")
			if f := n.Payload.(*api.ChangedData).Fields["party.bio"]; f != nil {
				if f.Value != want {
					t.Errorf("who follows was told %q, want %q", f.Value, want)
				}
				break
			}
		}
	}
}

// answerTo reads up to what answers an app's frame.
func answerTo(s *socket) (api.ProblemFrame, error) {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	for {
		_, message, err := s.conn.Read(ctx)
		if err != nil {
			return api.ProblemFrame{}, err
		}
		_, reply, err := s.contract.Message(message)
		if err != nil {
			return api.ProblemFrame{}, fmt.Errorf("not as the contract has it: %w", err)
		}
		if p, ok := reply.(*api.ProblemFrame); ok {
			return *p, nil
		}
	}
}
