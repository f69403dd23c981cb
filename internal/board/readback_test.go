package board_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// readBack is a call that nobody saw, missed some time ago.
func (s *stage) readBack(id telephony.CallID, number, name string, began time.Time) string {
	s.t.Helper()
	call := &telephony.Call{ID: id, State: telephony.Ended, Result: telephony.Missed, Unseen: true, StartedAt: began, EndedAt: began.Add(9 * time.Second)}
	record, _ := s.ReadBack("desk", call, []board.NewClaim{{Field: "party.number", Value: number, Quality: board.Verified}, {Field: "party.name", Value: name, Quality: board.Guess}}, s.now)
	s.show()
	return record
}

// B-20: a call that is read back joins the lookup that waited for its number when it began. As with a call that is seen, what was gathered
// stays, every app is given work, and the record closes some time later.
func TestPastCallJoins(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"an open one": 3 * 24 * time.Hour, "one that time has closed": 20 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			id, _ := s.OpenLookup("desk", "user", []board.NewClaim{{Field: "party.number", Value: number}, {Field: "party.name", Value: "Ann"}}, s.now)
			s.show()
			s.claim(id, "crm", "party.company", "Acme")
			s.show()
			s.sleep(wait)
			s.show()
			crm := s.register("crm", "party.number")
			for _, w := range s.TakeWork(crm, 10, s.now) { // of the lookup, if it is open
				s.answer(crm, w)
			}
			log, began := len(s.log), s.now.Add(-time.Hour)
			if got := s.readBack("c1", number, "Bo", began); got != id {
				t.Fatalf("the call has record %s", got)
			}
			if c := s.log[log]; c.Kind != board.RecordJoined || c.Opened == nil || c.Opened.Call == nil || len(s.log) != log+1 {
				t.Errorf("told: %+v, %d changes", c, len(s.log)-log)
			}
			r := s.Get(id)
			pbx := r.Fields["party.name"].Of("pbx")
			if r.State != board.Open || r.Call == nil || !r.Call.Unseen || r.Origin != board.FromLookup || r.Value("party.name") != "Ann" || r.Value("party.company") != "Acme" {
				t.Errorf("joined: %+v", r)
			}
			if pbx == nil || pbx.Value != "Bo" || !pbx.At.Equal(began.Add(9*time.Second)) || r.Fields["party.name"].Others != 1 {
				t.Errorf("what the records say: %+v", r.Fields["party.name"])
			}
			s.answer(crm, s.work(crm), "party.job_title", "Baker")
			if s.Get(id).Value("party.job_title") != "Baker" {
				t.Error("the app has not answered")
			}
			if again := s.readBack("c2", number, "Bo", began.Add(time.Minute)); again == id || s.Get(again).State != board.Closed || s.Get(again).Value("party.company") != "" {
				t.Errorf("the next call has record %s: %+v", again, s.Get(again))
			}
			s.noWork(crm)
			s.closesAfterGrace(id)
		})
	}
}

// B-20, B-24: a call that is read back joins no lookup that did not wait for it.
func TestPastCallJoinsNoOther(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		line, number string
		close        bool
		began        time.Duration // after the lookup
	}{
		"of another number": {"desk", "+4500000000", false, time.Hour}, "of another line": {"other", number, false, time.Hour},
		"that came after the call": {"desk", number, false, -time.Second}, "that the person closed": {"desk", number, true, time.Hour},
		"that had waited for its time": {"desk", number, false, 31 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			opened := s.now
			id, _ := s.OpenLookup(test.line, "user", []board.NewClaim{{Field: "party.number", Value: test.number}}, s.now)
			s.show()
			if test.close {
				if _, err := s.Close(id, "user", s.now); err != nil {
					t.Fatal(err)
				}
			}
			s.sleep(32 * 24 * time.Hour)
			s.show()
			if got := s.readBack("c1", number, "Bo", opened.Add(test.began)); got == id || s.Get(got).State != board.Closed {
				t.Errorf("the call has record %s: %+v", got, s.Get(got))
			}
		})
	}
}

// B-20: a lookup that waits no more is kept so much longer as calls are read back, for one of those may have come in time.
func TestLookupIsKeptForPastCalls(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(o *board.Options) { o.Past = 7 * 24 * time.Hour })
	id, _ := s.OpenLookup("desk", "user", []board.NewClaim{{Field: "party.number", Value: number}}, s.now)
	s.show()
	began := s.now.Add(29 * 24 * time.Hour)
	s.sleep(35 * 24 * time.Hour)
	for n := range 300 { // more closed ones than are held
		s.readBack(telephony.CallID(fmt.Sprint("more-", n)), "", "", s.now)
	}
	if got := s.readBack("c1", number, "Bo", began); got != id {
		t.Errorf("the call has record %s", got)
	}
}
