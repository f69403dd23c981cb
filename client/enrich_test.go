package client_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/client/clienttest"
)

func names(answer client.Answer, err error) func(context.Context, *client.Record, client.Work) (client.Answer, error) {
	return func(context.Context, *client.Record, client.Work) (client.Answer, error) { return answer, err }
}

func TestEnrichmentsAreOneRegistration(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		c := connect(t, o)
		c.Enrich(client.Enrichment{Needs: []string{"party.number", "party.*"}, Gives: []string{"party.name"}, On: []client.Moment{client.Opened}}, names(client.Answer{}, nil))
		off := c.Enrich(client.Enrichment{Needs: []string{"party.number", "party.company"}, Gives: []string{"x.crm.segment"}, On: []client.Moment{client.Ended, client.Opened}}, names(client.Answer{}, nil))
		start(t, c)
		q := s.WaitStream(t, 1)
		if q.Get("needs") != "party.*,party.company,party.number" || q.Get("gives") != "party.name,x.crm.segment" || q.Get("on") != "ended,opened" {
			t.Errorf("registered as %v", q)
		}
		off()
		q = s.WaitStream(t, 2)
		if q.Get("needs") != "party.*,party.number" || q.Get("gives") != "party.name" || q.Get("on") != "opened" || q.Get("cursor") == "" {
			t.Errorf("registered anew as %v", q)
		}
		// The commas must not be escaped: OpenAPI reads an escaped one as part of a value.
		if r := s.Requests(); !strings.Contains(r[len(r)-1], "needs=party.%2A,party.number") {
			t.Errorf("asked for %s", r[len(r)-1])
		}
	})
}

func TestWorkIsAnswered(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		s.Open(clienttest.Call("r1", "+4512345678"))
		c := connect(t, o)
		var work client.Work
		c.Enrich(client.Enrichment{Needs: []string{"party.number"}}, func(ctx context.Context, r *client.Record, w client.Work) (client.Answer, error) {
			work = w
			end, _ := ctx.Deadline()
			if !end.Equal(w.Deadline) || r.Value("party.number") != "+4512345678" {
				t.Errorf("work %+v of %+v until %v", w, r, end)
			}
			return client.Answer{Claims: client.Claims{"party.name": "Mette Holm", "party.company": "Holm Marine ApS"},
				More:  []client.NewClaim{{Field: "party.email", Value: "mette@holm-marine.example", Quality: api.QualityGuess}, {Field: "party.name", Value: "M. Holm"}},
				Items: []client.NewItem{{List: "links", ID: "l1", URL: "https://book.example/1"}}}, nil
		})
		c.Enrich(client.Enrichment{Needs: []string{"party.company"}}, names(client.Answer{Claims: client.Claims{"x.crm.segment": "A"}, Quality: api.QualityVerified}, nil))
		c.Enrich(client.Enrichment{Needs: []string{"party.n*"}}, names(client.Answer{}, errors.New("no answer from the directory")))
		c.Enrich(client.Enrichment{On: []client.Moment{client.Ended}}, names(client.Answer{Claims: client.Claims{"party.name": "second"}}, nil))
		start(t, c)

		a := s.Hand(t, "r1", api.Work{Changed: []string{"party.number"}, Round: 2, Wave: 3, DeadlineMs: 4000})
		want := []api.NewClaim{{Field: "party.company", Value: "Holm Marine ApS", Quality: "matched"}, {Field: "party.name", Value: "Mette Holm", Quality: "matched"},
			{Field: "party.email", Value: "mette@holm-marine.example", Quality: "guess"}}
		if !slices.Equal(a.Claims, want) || len(a.Items) != 1 || a.NothingFound || a.Error != "" {
			t.Errorf("answer %+v", a)
		}
		if work.ID == "" || work.Round != 2 || work.Wave != 3 || !slices.Equal(work.Changed, []string{"party.number"}) {
			t.Errorf("work %+v", work)
		}
		if a := s.Hand(t, "r1", api.Work{Changed: []string{"party.company"}}); len(a.Claims) != 1 || a.Claims[0].Field != "x.crm.segment" || a.Claims[0].Quality != "verified" {
			t.Errorf("the work of one enrichment is answered with %+v", a)
		}
		if a := s.Hand(t, "r1", api.Work{Changed: []string{"party.nationality"}}); a.Error != "no answer from the directory" || a.NothingFound {
			t.Errorf("a failure is answered with %+v", a)
		}
		// Where two claim one field, the first is heard; a work that names nothing is for all.
		if a := s.Hand(t, "r1", api.Work{}); len(a.Claims) != 4 || a.Claims[1].Value != "Mette Holm" || a.Error != "" {
			t.Errorf("a work for all is answered with %+v", a)
		}
		if a := s.Hand(t, "r1", api.Work{Moments: []api.Moment{"ended"}}); len(a.Claims) != 1 || a.Claims[0].Value != "second" {
			t.Errorf("a moment is answered with %+v", a)
		}
	})
}

func TestNothingFound(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		s.Open(clienttest.Call("r1", "+4512345678"))
		c := connect(t, o)
		var next atomic.Pointer[client.Answer]
		c.Enrich(client.Enrichment{Needs: []string{"*"}}, func(context.Context, *client.Record, client.Work) (client.Answer, error) {
			return *next.Load(), nil
		})
		start(t, c)
		for _, test := range []struct {
			in   client.Answer
			want api.Answer
		}{
			{client.Answer{}, api.Answer{NothingFound: true}},
			{client.Answer{NothingFound: true}, api.Answer{NothingFound: true}},
			{client.Answer{Claims: client.Claims{"party.name": ""}}, api.Answer{NothingFound: true, Claims: []api.NewClaim{{Field: "party.name", Quality: "matched"}}}},
			{client.Answer{Error: strings.Repeat("ø", 600)}, api.Answer{Error: strings.Repeat("ø", 511) + "…"}},
		} {
			next.Store(&test.in)
			got := s.Hand(t, "r1", api.Work{Changed: []string{"party.number"}})
			if got.NothingFound != test.want.NothingFound || got.Error != test.want.Error || !slices.Equal(got.Claims, test.want.Claims) {
				t.Errorf("%+v is answered as %+v, want %+v", test.in, got, test.want)
			}
		}
	})
}

func TestSlowWorkHoldsUpNothing(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		s.Open(clienttest.Call("r1", "+4512345678"))
		o.Parallel = 2
		c := connect(t, o)
		h := listen(c)
		var at, most atomic.Int64
		c.Enrich(client.Enrichment{Needs: []string{"*"}}, func(ctx context.Context, _ *client.Record, w client.Work) (client.Answer, error) {
			now := at.Add(1)
			for before := most.Load(); before < now && !most.CompareAndSwap(before, now); before = most.Load() {
			}
			defer at.Add(-1)
			<-ctx.Done()
			return client.Answer{}, ctx.Err()
		})
		_, stop := start(t, c)
		s.WaitStream(t, 1)
		var answers []<-chan api.Answer
		for range 5 {
			_, a := s.Start("r1", api.Work{DeadlineMs: 3000})
			answers = append(answers, a)
		}
		_, late := s.Start("r1", api.Work{DeadlineMs: 20_000})
		s.EndCall("r1", api.ResultAnswered)
		h.want(t, "call.ended r1 2")
		began := time.Now()
		busy := 0
		for _, a := range answers {
			got := clienttest.Receive(t, a)
			if strings.HasPrefix(got.Error, "too busy") {
				busy++
			} else if got.Error != "context deadline exceeded" {
				t.Errorf("answer %+v", got)
			}
		}
		if d := time.Since(began); d > 4*time.Second || most.Load() != 2 || busy < 3 {
			t.Errorf("the answers took %v, %d at a time, %d found no slot", d, most.Load(), busy)
		}
		// The end of Run ends the work, and Run waits for it.
		synctest.Wait()
		_ = stop()
		if at.Load() != 0 || len(late) != 0 {
			t.Errorf("%d works go on after Run", at.Load())
		}
	})
}

func TestRefusedAnswerLetsTheRecordSettle(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		s.Open(clienttest.Call("r1", "+4512345678"))
		c := connect(t, o)
		c.Enrich(client.Enrichment{Needs: []string{"*"}}, names(client.Answer{Claims: client.Claims{"call.state": "mine"}}, nil))
		start(t, c)
		s.SetFaults(clienttest.Faults{AnswerStatus: http.StatusUnprocessableEntity})
		if a := s.Hand(t, "r1", api.Work{}); !strings.Contains(a.Error, "the answer was refused: Unprocessable Entity") || len(a.Claims) != 0 {
			t.Errorf("answer %+v", a)
		}
		s.SetFaults(clienttest.Faults{AnswerStatus: http.StatusServiceUnavailable})
		_, answers := s.Start("r1", api.Work{})
		synctest.Wait()
		s.SetFaults(clienttest.Faults{})
		if a := clienttest.Receive(t, answers); len(a.Claims) != 1 {
			t.Errorf("after a moment of trouble the answer is %+v", a)
		}
	})
}

func TestAnswerAfterTheStreamBroke(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		s.Open(clienttest.Call("r1", "+4512345678"))
		c := connect(t, o)
		c.Enrich(client.Enrichment{Needs: []string{"*"}}, func(context.Context, *client.Record, client.Work) (client.Answer, error) {
			time.Sleep(2 * time.Second)
			return client.Answer{Claims: client.Claims{"party.name": "Mette Holm"}}, nil
		})
		h := listen(c)
		start(t, c)
		s.WaitStream(t, 1)
		_, answers := s.Start("r1", api.Work{})
		synctest.Wait()
		s.Cut()
		if a := clienttest.Receive(t, answers); len(a.Claims) != 1 {
			t.Errorf("answer %+v", a)
		}
		h.want(t, "record.changed r1 2")
	})
}

func TestBrokenWork(t *testing.T) {
	bubble(t, func(t *testing.T, s *clienttest.Server, o client.Options) {
		s.Open(clienttest.Call("r1", "+4512345678"))
		c := connect(t, o)
		c.Enrich(client.Enrichment{Needs: []string{"*"}}, names(client.Answer{}, nil))
		start(t, c)
		s.WaitStream(t, 1)
		s.Send("work", "", map[string]any{"work": 7}) // neither a work nor of this stream
		s.EndCall("r1", api.ResultAnswered)
		h := listen(c)
		time.Sleep(time.Minute) // the board was listed again
		if b := c.Board(); len(b) != 1 || b[0].Call.State != api.CallStateEnded {
			t.Errorf("board %+v", b)
		}
		h.want(t)
		if a := s.Hand(t, "r1", api.Work{}); !a.NothingFound {
			t.Errorf("answer %+v", a)
		}
	})
}
