package ami

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// script is the other end of a pipe: it says what follows on each action, in a bubble of its own time.
type script struct {
	conn net.Conn
	out  chan string
	mute bool // reads but does not answer
	deaf bool // does not even read
	talk bool // but goes on telling of this and that
	drip bool // tells of this and that beside all else
}

// say sends without waiting, as a socket with its buffers does.
func (s *script) say(text string) { s.out <- text }

// serve logs a client in with an empty list and answers pings, until it is told to be mute or deaf after the list.
func (s *script) serve() {
	s.say(banner)
	r := NewReader(io.MultiReader(strings.NewReader(banner), s.conn))
	if _, err := r.Banner(); err != nil {
		return
	}
	listed, begun := false, time.Now()
	if s.drip {
		stop := make(chan struct{})
		var dripping sync.WaitGroup
		dripping.Go(func() {
			for tick := time.NewTicker(time.Second); ; {
				select {
				case <-tick.C:
					s.say("Event: Newexten\r\n\r\n")
				case <-stop:
					return
				}
			}
		})
		defer func() {
			close(stop)
			dripping.Wait()
		}()
	}
	for {
		for listed && s.deaf {
			time.Sleep(3 * time.Second)
			if s.talk {
				s.say("Event: Newexten\r\n\r\n")
			}
			if time.Since(begun) > time.Minute {
				return
			}
		}
		m, err := r.Next()
		if err != nil {
			return
		}
		id := "ActionID: " + m.Text("ActionID") + "\r\n"
		reply := "Response: Success\r\n" + id + "\r\n"
		switch m.Text("Action") {
		case "Challenge":
			reply = "Response: Success\r\n" + id + "Challenge: 1\r\n\r\n"
		case "Login":
			reply += "Event: FullyBooted\r\nUptime: 100\r\n\r\n"
		case "Status":
			reply += "Event: StatusComplete\r\n" + id + "ListItems: 0\r\n\r\n"
			listed = true
		case "Ping":
			if s.mute {
				continue
			}
		}
		s.say(reply)
	}
}

// piped runs a connector against a script in a bubble and returns the error and how long it took.
func piped(t *testing.T, s *script, serve func(), ctx context.Context) (err error, took time.Duration, reported []telephony.Observation) {
	t.Helper()
	return pipedTo(t, New(Config{Address: "pbx", Username: "u", Secret: "s"}), s, serve, ctx, nil)
}

// pipedTo is piped for a given connector; also is told each observation, too, if it is not nil.
func pipedTo(t *testing.T, c *Connector, s *script, serve func(), ctx context.Context, also func(telephony.Observation)) (err error, took time.Duration, reported []telephony.Observation) {
	t.Helper()
	near, far := net.Pipe()
	s.conn, s.out = far, make(chan string, 100)
	c.connect = func(context.Context, string, string) (net.Conn, error) { return near, nil }
	var serving sync.WaitGroup
	serving.Go(func() {
		defer close(s.out)
		serve()
	})
	serving.Go(func() {
		defer far.Close()
		for text := range s.out {
			_, _ = io.WriteString(far, text) // where nobody reads any more there is nobody to tell
		}
	})
	start := time.Now()
	err = c.Run(ctx, func(o telephony.Observation) {
		reported = append(reported, o)
		if also != nil {
			also(o)
		}
	})
	took = time.Since(start)
	far.Close()
	serving.Wait()
	return err, took, reported
}

// A PBX that hangs is found dead within 15 seconds, whether it reads or not; one that answers pings is left alone.
func TestStalledIsFoundDead(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*script{"it reads and says nothing": {mute: true}, "it does not read": {deaf: true}, "it only talks": {deaf: true, talk: true},
		"it reads and talks and answers nothing": {mute: true, drip: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err, took, reported := piped(t, s, s.serve, t.Context())
				f, ok := errors.AsType[*connector.Failure](err)
				if !ok || f.Permanent || !strings.Contains(f.Problem, "does not answer") {
					t.Errorf("told as %v", err)
				}
				if took > 15*time.Second || len(reported) != 2 {
					t.Errorf("found after %v, with %d observations", took, len(reported))
				}
			})
		})
	}
	t.Run("it lives", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &script{}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			if err, took, _ := piped(t, s, s.serve, ctx); !errors.Is(err, context.DeadlineExceeded) || took != time.Hour {
				t.Errorf("ended after %v: %v", took, err)
			}
		})
	})
}

// A peer that greets and then says nothing, or not even greets, is given up.
func TestSilentPeer(t *testing.T) {
	t.Parallel()
	for name, greeting := range map[string]string{"no greeting": "", "half a greeting": "Asterisk Call", "only a greeting": banner} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{}
				err, took, _ := piped(t, s, func() {
					s.say(greeting)
					_, _ = io.Copy(io.Discard, s.conn)
				}, t.Context())
				if f, ok := errors.AsType[*connector.Failure](err); !ok || !strings.Contains(f.Problem, "does not answer") || took > 15*time.Second {
					t.Errorf("after %v: %v", took, err)
				}
			})
		})
	}
}

// TLS to a peer that says nothing is given up, with words for a person.
func TestSilentTLSPeer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := New(Config{Address: "pbx", TLS: &tls.Config{ServerName: "pbx"}})
		c.connect = func(context.Context, string, string) (net.Conn, error) { return near, nil }
		var reading sync.WaitGroup
		reading.Go(func() { _, _ = io.Copy(io.Discard, far) })
		start := time.Now()
		err := c.Run(t.Context(), func(telephony.Observation) {})
		if f, ok := errors.AsType[*connector.Failure](err); !ok || !strings.Contains(f.Problem, "does not answer") || time.Since(start) > 15*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		far.Close()
		reading.Wait()
	})
}

// A PBX that answers pings and never its list is given up too.
func TestListNeverComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		err, took, reported := piped(t, s, func() {
			s.say(banner)
			r := NewReader(io.MultiReader(strings.NewReader(banner), s.conn))
			_, _ = r.Banner()
			for m, err := r.Next(); err == nil; m, err = r.Next() {
				if m.Text("Action") != "Status" {
					s.say("Response: Success\r\nActionID: " + m.Text("ActionID") + "\r\nChallenge: 1\r\n\r\n")
				}
			}
		}, t.Context())
		if _, ok := errors.AsType[*connector.Failure](err); !ok || took > time.Minute || len(reported) > 0 {
			t.Errorf("after %v: %v, %d observations", took, err, len(reported))
		}
	})
}

// What happens before the list is complete is reported after it, and nothing is reported before the account is in.
func TestEventsAroundTheList(t *testing.T) {
	t.Parallel()
	event := func(id string) string {
		return "Event: Newchannel\r\nChannel: PJSIP/1001-1\r\nChannelState: 4\r\nUniqueid: " + id + "\r\nLinkedid: " + id + "\r\n\r\n"
	}
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		err, _, reported := piped(t, s, func() {
			s.say(banner + event("too-early"))
			r := NewReader(io.MultiReader(strings.NewReader(banner), s.conn))
			_, _ = r.Banner()
			for m, err := r.Next(); err == nil; m, err = r.Next() {
				id := "ActionID: " + m.Text("ActionID") + "\r\n"
				ok := "Response: Success\r\n" + id + "Challenge: 1\r\n\r\n"
				if m.Text("Action") != "Status" {
					s.say(ok)
					continue
				}
				leg := "Event: Status\r\n" + id + "Channel: PJSIP/1002-1\r\nChannelState: 6\r\nSeconds: 7\r\nApplication: AppDial\r\nUniqueid: there\r\nLinkedid: there\r\n\r\n"
				other := strings.ReplaceAll(strings.ReplaceAll(leg, "cb-", "xx-"), "there", "not ours")
				s.say(event("before") + ok + event("during") + leg + other + "Event: StatusComplete\r\n" + id + "ListItems: 1\r\n\r\n" + event("after"))
				return
			}
		}, t.Context())
		if _, ok := errors.AsType[*connector.Failure](err); !ok {
			t.Errorf("ended with %v", err)
		}
		var order []string
		for _, o := range reported {
			switch f := o.Fact.(type) {
			case telephony.LinkUp:
				order = append(order, "up")
			case telephony.Snapshot:
				for _, leg := range f.Legs {
					if order = append(order, "list:"+string(leg.Leg)); !leg.Called || leg.Age != 7*time.Second {
						t.Errorf("the leg is %+v", leg)
					}
				}
			case telephony.LegAdded:
				order = append(order, string(f.Leg))
			}
		}
		if got := strings.Join(order, " "); got != "up list:there before during after" {
			t.Errorf("reported %s", got)
		}
	})
}
