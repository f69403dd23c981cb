package client_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/client/clienttest"
)

func TestDecisions(t *testing.T) {
	s := clienttest.New(t)
	s.Open(clienttest.Call("r1", "+4512345678"))
	c := connect(t, client.Options{URL: s.URL, Token: s.Token})
	ctx, before := t.Context(), len(s.Requests())
	_, err1 := c.Pin(ctx, "r1", "party.name", "crm")
	_, err2 := c.Unpin(ctx, "r1", "party.name")
	_, err3 := c.Hide(ctx, "r1", "party.name", "a/b")
	_, err4 := c.Unhide(ctx, "r1", "party.name", "crm")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	asked := strings.Join(s.Requests()[before:], "\n")
	for _, want := range []string{"PUT /v1/records/r1/fields/party.name/pin", "DELETE /v1/records/r1/fields/party.name/pin",
		"PUT /v1/records/r1/fields/party.name/hidden/a%2Fb", "DELETE /v1/records/r1/fields/party.name/hidden/crm"} {
		if !strings.Contains(asked, want) {
			t.Errorf("%s was not asked, but\n%s", want, asked)
		}
	}
	if _, err := c.Hide(ctx, "r1", "party.name", ""); err == nil {
		t.Error("nobody's claim is hidden")
	}
	sold := client.NewClaim{Field: "call.disposition", Value: "sold"}
	if _, err := c.ClaimMatch(ctx, "r1", s.Record("r1").Rev, sold); err != nil {
		t.Error(err)
	}
	_, err := c.ClaimMatch(ctx, "r1", 1, sold)
	if p, ok := errors.AsType[*client.Problem](err); !ok || p.Code != "rev_mismatch" {
		t.Errorf("with an earlier rev: %v", err)
	}
}

// TestProgress: the context of a work goes on as long as the app was given, and ends as one whose deadline is past.
func TestProgress(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		s.Open(clienttest.Call("r1", "+4512345678"))
		c := connect(t, o)
		c.Enrich(client.Enrichment{Needs: []string{"*"}, Deadline: 20 * time.Second}, func(ctx context.Context, _ *client.Record, w client.Work) (client.Answer, error) {
			until, err := w.Progress(ctx)
			end, _ := ctx.Deadline()
			if left := time.Until(until); err != nil || left > time.Minute || left < 55*time.Second || !end.Equal(until) {
				t.Errorf("%s are left, until %v, %v", left, end, err)
			}
			<-ctx.Done()
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) || time.Now().Before(until) {
				t.Errorf("it ended with %v, %s before the time", ctx.Err(), time.Until(until))
			}
			return client.Answer{Nothing: []string{"party.name", "party.company"}, NothingFor: time.Hour}, nil
		})
		start(t, c)
		if q := s.WaitStream(t, 1); q.Get("deadline_ms") != "20000" {
			t.Errorf("registered as %v", q)
		}
		_, answers := s.Start("r1", api.Work{Changed: []string{"party.number"}, DeadlineMs: 5000})
		a := <-answers
		if !a.NothingFound || !slices.Equal(a.NothingFields, []string{"party.company", "party.name"}) || a.NothingForMs != 3_600_000 {
			t.Errorf("answer %+v", a)
		}
	})
}

// TestOnly: what is not followed is asked for nowhere, and leaves the copy when it is told to be gone.
func TestOnly(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		s.Open(clienttest.Call("r1", "+4512345678"))
		o.Only = client.Filter{Lines: []string{"Front desk"}, States: []client.State{client.Open}, Calls: []api.CallState{"ringing", "connected"}}
		c := connect(t, o)
		told := make(chan string, 10)
		c.On("*", func(_ context.Context, r *client.Record, n client.Notification) {
			told <- string(n.Type) + " " + r.Value("party.name")
		})
		start(t, c)
		q := s.WaitStream(t, 1)
		if q.Get("lines") != "Front desk" || q.Get("states") != "open" || q.Get("call_states") != "connected,ringing" {
			t.Errorf("watched as %v", q)
		}
		if asked := strings.Join(s.Requests(), "\n"); !strings.Contains(asked, "/v1/records?lines=Front+desk&states=open&call_states=connected,ringing") {
			t.Errorf("asked for\n%s", asked)
		}
		s.Send("record.removed", "r1", map[string]any{})
		if got := clienttest.Receive(t, told); got != "record.removed " || len(c.Board()) != 0 {
			t.Errorf("told %q, held %d", got, len(c.Board()))
		}
		whole := s.Record("r1")
		whole.Rev++
		whole.Fields = map[string]api.Field{"party.name": {Value: "Ann"}}
		s.Send("record.added", "r1", map[string]any{"record": whole})
		if got := clienttest.Receive(t, told); got != "record.added Ann" || len(c.Board()) != 1 || c.Board()[0].Rev != whole.Rev {
			t.Errorf("told %q, held %d", got, len(c.Board()))
		}
	})
}

// TestNothingIsKept: the copy follows what apps say to know nothing of, and what is not shown.
func TestNothingIsKept(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		s.Open(clienttest.Call("r1", "+4512345678"))
		c := connect(t, o)
		records := make(chan *client.Record, 10)
		c.On("record.changed", func(_ context.Context, r *client.Record, _ client.Notification) { records <- r })
		start(t, c)
		s.WaitStream(t, 1)
		said := map[string]any{"source": "crm", "fields": []string{"party.company"}, "at": time.Now(), "round": 1}
		tell := func(more map[string]any) *client.Record {
			data := map[string]any{"source": "crm", "wave": 1, "round": 1, "fields": map[string]any{}}
			for name, value := range more {
				data[name] = value
			}
			s.Send("record.changed", "r1", data)
			return clienttest.Receive(t, records)
		}
		said["until"] = time.Now().Add(time.Minute)
		if r := tell(map[string]any{"nothing": said}); len(r.Nothing) != 1 {
			t.Errorf("nothing: %+v", r.Nothing)
		}
		hidden := map[string]any{"claims": []any{}, "hidden": []string{"crm"}}
		if r := tell(map[string]any{"fields": map[string]any{"party.name": nil}, "blank": map[string]any{"party.name": hidden}}); len(r.Blank) != 1 || len(r.Nothing) != 1 {
			t.Errorf("blank: %+v, nothing: %+v", r.Blank, r.Nothing)
		}
		delete(said, "until")
		if r := tell(map[string]any{"fields": map[string]any{"party.name": nil}, "nothing": said}); r.Nothing != nil || r.Blank != nil {
			t.Errorf("after: blank %+v, nothing %+v", r.Blank, r.Nothing)
		}
	})
}
