package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/client/clienttest"
)

func TestGarbageOnceIsReadAgain(t *testing.T) {
	for name, garbage := range map[string]string{"no json": "\x00\xff{", "null": "null", "no type": "{}", "wrong data": `{"type":"record.changed","id":"e1:2","subject":"r1","data":{"rev":"two"}}`,
		"number": "7", "cut": `{"type":"record.ch`} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
				c := connect(t, o)
				h := listen(c)
				start(t, c)
				s.Open(clienttest.Call("r1", "+4512345678"))
				synctest.Wait()
				var done atomic.Bool
				s.SetFaults(clienttest.Faults{Mangle: func(b []byte) []byte {
					if done.CompareAndSwap(false, true) {
						return []byte(garbage)
					}
					return b
				}})
				s.Claim("r1", "crm", map[string]string{"party.name": "Mette Holm"})
				time.Sleep(time.Minute)
				h.want(t, "record.opened r1 1", "record.changed r1 2")
				if c.Board()[0].Value("party.name") != "Mette Holm" {
					t.Error("the change is not in the local copy")
				}
			})
		})
	}
}

// A notification that can never be read must not hold up those behind it for ever.
func TestGarbageForEverIsPassed(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		c := connect(t, o)
		h := listen(c)
		c.OnListed(func(_ context.Context, records []*client.Record) { h.add("listed %d", len(records)) })
		start(t, c)
		s.SetFaults(clienttest.Faults{Mangle: func(b []byte) []byte {
			if bytes.Contains(b, []byte("poison")) {
				return []byte("{")
			}
			return b
		}})
		s.Open(clienttest.Call("r1", "+4512345678"))
		s.Claim("r1", "crm", map[string]string{"x.crm.n": "poison"})
		time.Sleep(time.Minute)
		s.EndCall("r1", "missed")
		h.want(t, "listed 0", "record.opened r1 1", "listed 1", "call.ended r1 3")
		if c.Board()[0].Value("x.crm.n") != "poison" {
			t.Error("what could not be read was not listed either")
		}
	})
}

func TestFramesSplitAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := clienttest.NewInMemory(t)
		c := connect(t, client.Options{URL: s.URL, Token: s.Token, HTTPClient: s.HTTPClient})
		h := listen(c)
		s.SetFaults(clienttest.Faults{SSE: func(w http.ResponseWriter, frame []byte) error {
			frame = bytes.ReplaceAll(append([]byte(": hello\n"), frame...), []byte("\n"), []byte("\r\n"))
			for i := range frame {
				if _, err := w.Write(frame[i : i+1]); err != nil {
					return err
				}
				if err := http.NewResponseController(w).Flush(); err != nil {
					return err
				}
			}
			return nil
		}})
		start(t, c)
		s.Open(clienttest.Call("r1", "+4512345678"))
		s.Claim("r1", "crm", map[string]string{"party.name": "Søren Ærø 📞"})
		h.want(t, "record.opened r1 1", "record.changed r1 2")
		if got := c.Board()[0].Value("party.name"); got != "Søren Ærø 📞" {
			t.Errorf("the name arrived as %q", got)
		}
	})
}

// Every frame is cut once at every fifth place; nothing is told of the half, all is told after.
func TestFramesCutAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := clienttest.NewInMemory(t)
		c := connect(t, client.Options{URL: s.URL, Token: s.Token, HTTPClient: s.HTTPClient})
		h := listen(c)
		var at atomic.Int64
		s.SetFaults(clienttest.Faults{SSE: func(w http.ResponseWriter, frame []byte) error {
			n := min(int(at.Add(5)), len(frame))
			_, _ = w.Write(frame[:n])
			_ = http.NewResponseController(w).Flush()
			if n < len(frame) {
				return errors.New("cut")
			}
			return nil
		}})
		start(t, c)
		want := []string{"record.opened r1 1"}
		s.Open(clienttest.Call("r1", "+4512345678"))
		for i := range 20 {
			s.Claim("r1", "crm", map[string]string{"x.crm.n": fmt.Sprint(i)})
			want = append(want, fmt.Sprintf("record.changed r1 %d", i+2))
		}
		time.Sleep(24 * time.Hour)
		h.want(t, want...)
	})
}

func TestSilenceIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := clienttest.NewInMemory(t)
		c := connect(t, client.Options{URL: s.URL, Token: s.Token, HTTPClient: s.HTTPClient})
		h := listen(c)
		var why error
		dead := make(chan struct{})
		c.OnStatus(func(st client.Status) {
			if st.Link == client.Offline && why == nil {
				why = st.Err
				s.SetFaults(clienttest.Faults{})
				close(dead)
			}
		})
		var frames atomic.Int64
		s.SetFaults(clienttest.Faults{SSE: func(w http.ResponseWriter, frame []byte) error {
			if frames.Add(1) > 1 {
				<-dead
				return errors.New("the wire is dead")
			}
			_, err := w.Write(frame)
			return errors.Join(err, http.NewResponseController(w).Flush())
		}})
		start(t, c)
		s.WaitStream(t, 1)
		s.Open(clienttest.Call("r1", "+4512345678"))
		time.Sleep(59 * time.Second)
		h.want(t)
		time.Sleep(2 * time.Second)
		h.want(t, "record.opened r1 1")
		if why == nil || !strings.Contains(why.Error(), "nothing was heard for 1m0s") {
			t.Errorf("the break is told as %v", why)
		}
	})
}

func TestEndlessFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := clienttest.NewInMemory(t)
		c := connect(t, client.Options{URL: s.URL, Token: s.Token, HTTPClient: s.HTTPClient})
		h := listen(c)
		block := bytes.Repeat([]byte("a"), 1<<20)
		var once, sent atomic.Int64
		s.SetFaults(clienttest.Faults{SSE: func(w http.ResponseWriter, frame []byte) error {
			if once.Add(1) == 1 {
				for {
					n, err := w.Write(block)
					sent.Add(int64(n))
					if err != nil {
						return err
					}
				}
			}
			_, err := w.Write(frame)
			return errors.Join(err, http.NewResponseController(w).Flush())
		}})
		start(t, c)
		s.Open(clienttest.Call("r1", "+4512345678"))
		time.Sleep(time.Minute)
		h.want(t, "record.opened r1 1")
		if sent.Load() > 20<<20 {
			t.Errorf("%d bytes of one frame were taken", sent.Load())
		}
	})
}

// Two processes with one token take the registration from each other: the server ends the older stream. They must not
// do so many times a second.
func TestTwoOfOneAppDoNotRace(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		c := connect(t, o)
		start(t, c)
		before := len(s.Requests())
		for range 600 { // a second each
			s.Send("app.registered", "", map[string]any{"app": "test"})
			synctest.Wait()
			s.Cut()
			time.Sleep(time.Second)
		}
		if n := len(s.Requests()) - before; n < 30 || n > 100 {
			t.Errorf("the stream was opened %d times in ten minutes", n)
		}
		s.Open(clienttest.Call("r1", "+4512345678"))
		time.Sleep(time.Minute)
		if len(c.Board()) != 1 {
			t.Error("the stream did not come back")
		}
	})
}
