package webhook

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

var enricher = &board.Registration{Needs: []string{"party.number"}, Gives: []string{"party.name"}}

// TestWork: a hook is handed works as an enricher on a stream is, and its answer is the write (B-11). An empty answer is one:
// the record settles at once (B-16).
func TestWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 0)
		h.set(func(string, told) (int, string, string) { return 200, "", `{"name":"Ann"}` })
		h.add("crm", Settings{Work: enricher})
		h.calm()
		record := h.open("+4512345678")
		h.calm()
		r := h.board.Get(record)
		if f := r.Fields["party.name"]; f == nil || f.Shown().Source != "crm" || f.Shown().Round != 1 || f.Shown().Work == "" {
			t.Errorf("%+v", f)
		}
		h.set(always(204))
		record = h.open("+4512345679")
		h.calm()
		if r := h.board.Get(record); r.Settled == nil || len(r.Settled.Unanswered) != 0 || r.Settled.TookMS != 0 {
			t.Errorf("%+v", r.Settled)
		}
		if got := h.all("crm"); len(got) != 2 || got[0].ID != got[0].Work || h.log("crm")[0].Kind != "work" || h.log("crm")[0].State != Sent {
			t.Errorf("%+v", got)
		}
	})
}

// TestWorkFails: a work is tried again until its deadline and then answered as one that could not be done, so that nobody
// waits longer. After three in a row the hook is asked nothing; when it comes back it is asked what it has not answered.
func TestWorkFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 0)
		h.set(always(503))
		h.add("crm", Settings{Work: enricher})
		h.calm()
		record := h.open("+4512345678")
		time.Sleep(6 * time.Second)
		if n := len(h.all("crm")); n != 4 { // after 0, 0.5, 1.5, 3.5 s
			t.Errorf("%d attempts within the deadline", n)
		}
		r := h.board.Get(record)
		if r.Settled == nil || !slices.Equal(r.Settled.Unanswered, []string{"crm"}) || r.Settled.TookMS > 5000 {
			t.Errorf("%+v", r.Settled)
		}
		h.open("+4512345679")
		h.open("+4512345670")
		time.Sleep(6 * time.Second)
		if _, asked := h.board.Enrichers()["crm"]; asked {
			t.Error("it is still asked")
		}
		h.forget()
		h.open("+4512345671")
		time.Sleep(10 * time.Second)
		if got := h.all("crm"); len(got) != 0 {
			t.Errorf("it was asked %v", got)
		}
		h.set(func(string, told) (int, string, string) { return 200, "", `{"name":"Ann"}` })
		time.Sleep(time.Minute)
		if got := h.all("crm"); len(got) != 4 || h.board.Get(record).Value("party.name") != "Ann" {
			t.Errorf("then it was asked %v", got)
		}
	})
}

// TestWorkBadAnswer: an answer that cannot be read is a problem in the log, and nobody waits for another.
func TestWorkBadAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 0)
		h.set(func(string, told) (int, string, string) { return 200, "", `{"name":7}` })
		h.add("crm", Settings{Work: enricher})
		h.calm()
		record := h.open("+4512345678")
		h.calm()
		if r := h.board.Get(record); r.Settled == nil {
			t.Error("it has not settled")
		}
		if d := h.log("crm")[0]; d.State != Sent || !strings.Contains(d.Attempts[0].Problem, "not taken") {
			t.Errorf("%+v", d)
		}
	})
}

// TestStreamTakesOver: while a stream of the same app is the enricher, the hook is not; then it is again.
func TestStreamTakesOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 0)
		h.add("crm", Settings{Work: enricher})
		h.calm()
		stream := h.board.Register("crm", *enricher, time.Now())
		time.Sleep(2 * time.Minute)
		h.open("+4512345678")
		time.Sleep(2 * time.Minute)
		select {
		case <-stream.Replaced():
			t.Error("the hook has taken over")
		default:
		}
		if got := h.all("crm"); len(got) != 0 {
			t.Errorf("the hook was asked %v", got)
		}
		h.board.Unregister(stream, time.Now())
		time.Sleep(2 * time.Minute)
		if got := h.all("crm"); len(got) != 1 {
			t.Errorf("the hook was asked %v", got)
		}
	})
}
