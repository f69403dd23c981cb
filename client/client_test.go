package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/client/clienttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bubble runs f once per transport, against a server in memory and with a clock that waits for nobody.
func bubble(t *testing.T, f func(t *testing.T, s *clienttest.Server, o client.Options)) {
	for _, tr := range []client.Transport{client.SSE, client.WebSocket} {
		t.Run(string(tr), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := clienttest.NewInMemory(t)
				f(t, s, client.Options{URL: s.URL, Token: s.Token, HTTPClient: s.HTTPClient, Transport: tr})
			})
		})
	}
}

func connect(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// start runs c. ended waits for the end of Run and gives what it returned; stop ends it before. It is stopped at the
// end of the test.
func start(t *testing.T, c *client.Client) (ended, stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	done := make(chan struct{})
	go func() { defer close(done); err = c.Run(ctx) }()
	ended = func() error { <-done; return err }
	stop = func() error { cancel(); return ended() }
	t.Cleanup(func() { _ = stop() })
	return ended, stop
}

// heard collects lines. Handlers run in one goroutine, the test reads in another.
type heard struct {
	mu    sync.Mutex
	lines []string
}

func (h *heard) add(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, fmt.Sprintf(format, args...))
}

func (h *heard) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.lines)
}

func (h *heard) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := h.all(); !slices.Equal(got, want) {
		t.Errorf("heard\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// listen notes every notification as "type record rev".
func listen(c *client.Client) *heard {
	h := new(heard)
	c.On("*", func(_ context.Context, r *client.Record, n client.Notification) {
		if r == nil {
			h.add("%s", n.Type)
			return
		}
		h.add("%s %s %d", n.Type, r.ID, r.Rev)
	})
	return h
}

func TestConnectSaysWhatIsWrong(t *testing.T) {
	s := clienttest.New(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	l.Close()
	for _, test := range []struct {
		name, url, token string
		faults           clienttest.Faults
		want             []string
	}{
		{"no url", "", "x", clienttest.Faults{}, []string{"no address", "http://127.0.0.1:8747"}},
		{"no scheme", "127.0.0.1:8747", "x", clienttest.Faults{}, []string{"not an http", "http://127.0.0.1:8747"}},
		{"page address", s.URL + "/#code=abc", "x", clienttest.Faults{}, []string{"must end after the host and port: write it as " + s.URL}},
		{"no token", s.URL, "", clienttest.Faults{}, []string{"no token", "callboard app add"}},
		{"broken token", s.URL, "a\nb", clienttest.Faults{}, []string{"line break"}},
		{"nobody there", nobody, "x", clienttest.Faults{}, []string{"cannot reach Callboard at " + nobody, "refused", "is it running?"}},
		{"wrong token", s.URL, "wrong", clienttest.Faults{}, []string{"Unauthorized", "unauthorized", "HTTP 401"}},
		{"web page", s.URL, s.Token, clienttest.Faults{HTML: true}, []string{"not as Callboard does", "text/html"}},
		{"ill", s.URL, s.Token, clienttest.Faults{Status: 503}, []string{"fault_503", "HTTP 503"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.SetFaults(test.faults)
			_, err := client.Connect(t.Context(), client.Options{URL: test.url, Token: test.token})
			if err == nil {
				t.Fatal("connected")
			}
			for _, w := range test.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not say %q", err, w)
				}
			}
			if p, ok := errors.AsType[*client.Problem](err); test.name == "wrong token" && (!ok || p.Code != "unauthorized") {
				t.Errorf("a wrong token gives %T, not a Problem with its code", err)
			}
		})
	}
	if _, err := client.Connect(t.Context(), client.Options{URL: s.URL, Token: "x", Transport: "pigeon"}); err == nil || !strings.Contains(err.Error(), "pigeon") {
		t.Errorf("an unknown transport gives %v", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := clienttest.New(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{Handler: http.RedirectHandler(elsewhere.URL+"/v1/records", http.StatusTemporaryRedirect)}
	go func() { _ = h.Serve(l) }()
	defer h.Close()
	_, err = client.Connect(t.Context(), client.Options{URL: "http://" + l.Addr().String(), Token: elsewhere.Token})
	if p, ok := errors.AsType[*client.Problem](err); !ok || p.Status != http.StatusTemporaryRedirect {
		t.Errorf("a redirect gives %v", err)
	}
	if len(elsewhere.Requests()) != 0 {
		t.Error("the token was carried elsewhere")
	}
}

func TestRunTellsInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		s.Open(clienttest.Call("r0", "+4511111111"))
		c := connect(t, o)
		h := listen(c)
		c.OnListed(func(_ context.Context, records []*client.Record) {
			for _, r := range records {
				h.add("listed %s %d", r.ID, r.Rev)
			}
		})
		var before, after *client.Record
		var kept []*client.Record
		c.On("*", func(_ context.Context, r *client.Record, _ client.Notification) { kept = append(kept, r) })
		off := c.On("record.opened", func(_ context.Context, r *client.Record, _ client.Notification) { before = r })
		c.On("call.*", func(_ context.Context, r *client.Record, n client.Notification) {
			h.add("call %s", r.Call.Result)
			after = r
		})
		_, stop := start(t, c)
		s.Open(clienttest.Call("r1", "+4512345678"))
		s.Claim("r1", "crm", map[string]string{"party.name": "Mette Holm"})
		s.Note("r1", "note-0001", "user", "calls back")
		s.Note("r1", "note-0001", "user", "calls back on Monday")
		s.Claim("r1", "crm", map[string]string{"party.name": ""})
		s.Note("r1", "note-0001", "user", "")
		s.Send("pbx.lost", "", map[string]any{"line": "alice"})
		s.Send("record.blessed", "r1", map[string]any{"by": "a later version"})
		s.EndCall("r1", api.ResultAnswered)
		h.want(t, "listed r0 1", "record.opened r1 1", "record.changed r1 2", "item.added r1 3", "item.changed r1 4", "record.changed r1 5",
			"item.removed r1 6", "pbx.lost", "record.blessed r1 7", "call.ended r1 8", "call answered")
		if kept[1].Value("party.name") != "Mette Holm" || kept[2].Notes()[0].Text != "calls back" || len(kept[4].Notes()) != 1 {
			t.Error("records that were handed out have changed")
		}
		if before.Rev != 1 || before.Value("party.name") != "" || len(before.Notes()) != 0 || before.Call.State != api.CallStateRinging {
			t.Errorf("the record that was handed out has changed: %+v", before)
		}
		if after.Value("party.number") != "+4512345678" || len(after.Fields) != 1 || len(after.Notes()) != 0 || !after.HasCall() {
			t.Errorf("the record at the end is %+v", after)
		}
		off()
		s.Open(clienttest.Call("r2", "+4522222222"))
		synctest.Wait()
		if before.ID != "r1" {
			t.Error("a handler was called after its end")
		}
		if b := c.Board(); len(b) != 3 || b[1].Rev+b[2].Rev != 9 {
			t.Errorf("the local copy is %+v", b)
		}
		if err := stop(); err != nil {
			t.Errorf("Run returns %v at the end of its context", err)
		}
	})
}

func TestBreaksLoseAndRepeatNothing(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		c := connect(t, o)
		h := listen(c)
		start(t, c)
		s.SetFaults(clienttest.Faults{Behind: 7})
		s.Open(clienttest.Call("r1", "+4512345678"))
		want := []string{"record.opened r1 1"}
		for i := range 30 {
			s.Claim("r1", "crm", map[string]string{"x.crm.n": fmt.Sprint(i)})
			want = append(want, fmt.Sprintf("record.changed r1 %d", i+2))
			if i%5 == 0 {
				s.Cut()
			}
			if i%7 == 0 {
				time.Sleep(time.Second) // of the bubble's clock
			}
		}
		time.Sleep(time.Minute)
		h.want(t, want...)
		if got := c.Board()[0].Value("x.crm.n"); got != "29" {
			t.Errorf("the local copy says %q", got)
		}
	})
}

func TestLostPlaceListsAgain(t *testing.T) {
	for _, inBand := range []bool{true, false} {
		t.Run(fmt.Sprintf("in band %v", inBand), func(t *testing.T) {
			bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
				c := connect(t, o)
				h := listen(c)
				c.OnListed(func(_ context.Context, records []*client.Record) {
					for _, r := range records {
						h.add("listed %s %d", r.ID, r.Rev)
					}
				})
				start(t, c)
				s.Open(clienttest.Call("r1", "+4512345678"))
				synctest.Wait()
				s.Forget(inBand)
				s.Claim("r1", "crm", map[string]string{"party.name": "Mette Holm"}) // not told, but listed
				time.Sleep(time.Minute)
				s.EndCall("r1", api.ResultMissed)
				h.want(t, "record.opened r1 1", "listed r1 2", "call.ended r1 3")
			})
		})
	}
}

func TestRefusalEndsRun(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		c := connect(t, o)
		h := new(heard)
		c.OnStatus(func(s client.Status) {
			if s.Err != nil {
				h.add("%s %v", s.Link, s.RetryIn > 0)
				return
			}
			h.add("%s", s.Link)
		})
		ended, _ := start(t, c)
		synctest.Wait()
		s.SetFaults(clienttest.Faults{Status: 503})
		s.Cut()
		time.Sleep(300 * time.Millisecond)
		s.SetFaults(clienttest.Faults{})
		time.Sleep(time.Minute)
		s.SetFaults(clienttest.Faults{Status: http.StatusUnauthorized}) // the app was removed
		err := ended()
		if p, ok := errors.AsType[*client.Problem](err); !ok || p.Status != http.StatusUnauthorized {
			t.Errorf("Run returns %v", err)
		}
		got := strings.Join(h.all(), ", ")
		// Between the two may be one or two tries, for the back-off is jittered.
		if !strings.HasPrefix(got, "connecting, online, offline true, connecting") || !strings.HasSuffix(got, "online, offline true, connecting, offline false") {
			t.Errorf("status went %s", got)
		}
	})
}

func TestBadRegistrationEndsRun(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		c := connect(t, o)
		s.SetFaults(clienttest.Faults{WatchStatus: http.StatusBadRequest})
		err := c.Run(t.Context())
		if p, ok := errors.AsType[*client.Problem](err); !ok || p.Code != "fault_400" {
			t.Errorf("Run returns %v", err)
		}
	})
}

func TestRunOnlyOnce(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		c := connect(t, o)
		_, stop := start(t, c)
		synctest.Wait()
		if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "one is enough") {
			t.Errorf("a second Run returns %v", err)
		}
		_ = stop()
		h := listen(c)
		s.Open(clienttest.Call("r1", "+4512345678")) // while nobody runs
		start(t, c)
		h.want(t, "record.opened r1 1")
	})
}

func TestRecordsThatAreNotOnTheList(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		c := connect(t, o)
		h := listen(c)
		c.On("item.*", func(_ context.Context, r *client.Record, _ client.Notification) {
			h.add("%s %s %d", r.State, r.Value("party.number"), len(r.Notes()))
		})
		start(t, c)
		s.Open(clienttest.Call("r1", "+4512345678"))
		s.Close("r1")
		synctest.Wait()
		if n := len(c.Board()); n != 0 {
			t.Errorf("%d closed records are held", n)
		}
		// Two notes come at once: the fetched record already has both, and yet each is told.
		s.Note("r1", "note-0001", "user", "paid")
		s.Note("r1", "note-0002", "user", "thanked")
		synctest.Wait()
		got := h.all()
		if len(got) != 6 || got[2] != "item.added r1 4" && got[2] != "item.added r1 3" || !strings.HasPrefix(got[3], "closed +4512345678") || got[4] != "item.added r1 4" || got[5] != "closed +4512345678 2" {
			t.Errorf("heard\n  %s", strings.Join(got, "\n  "))
		}
	})
}

func TestSlowHandlerHoldsUpNobodyElse(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		slow, quick := connect(t, o), connect(t, o)
		slow.On("*", func(context.Context, *client.Record, client.Notification) { time.Sleep(3 * time.Minute) })
		hs, hq := listen(slow), listen(quick)
		start(t, slow)
		start(t, quick)
		s.WaitStream(t, 2)
		s.Open(clienttest.Call("r1", "+4512345678"))
		s.EndCall("r1", api.ResultAnswered)
		hq.want(t, "record.opened r1 1", "call.ended r1 2")
		hs.want(t)
		time.Sleep(10 * time.Minute)
		hs.want(t, "record.opened r1 1", "call.ended r1 2")
	})
}
