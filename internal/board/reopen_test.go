package board_test

import (
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// B-23: a record that is reopened is the same one, with its old facts and their dates; every app is asked in a new wave, what
// they add is on it, and it closes again after the grace time.
func TestReopen(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.ring("c1", number)
	if _, err := s.Claim(id, "crm", []board.NewClaim{{Field: "party.name", Value: "Ann"}}, s.now); err != nil {
		t.Fatal(err)
	}
	s.show()
	known := s.Get(id).Fields["party.name"].Shown().At
	s.pbx("c1", telephony.CallEnded, telephony.Ended, number)
	s.sleep(11 * time.Minute)
	s.show()
	old := s.Get(id)
	if old.State != board.Closed {
		t.Fatal("it is open still")
	}
	crm := s.Register("crm", board.Registration{Needs: []string{"party.number"}, Gives: []string{"party.company"}}, s.now)
	late := s.Register("mail", board.Registration{On: []board.Moment{board.Opened}, Gives: []string{"party.email"}}, s.now)
	s.sleep(time.Hour)
	done, err := s.Reopen(id, "user", s.now)
	if err != nil || done.Record != id || done.Changed != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	s.show()
	r := s.Get(id)
	if r.State != board.Open || r.Origin != board.FromReopen || r.First != board.FromCall || !r.ClosedAt.IsZero() || !r.ReopenedAt.Equal(s.now) || r.Wave <= old.Wave {
		t.Errorf("reopened: %+v", r)
	}
	if f := r.Fields["party.name"].Shown(); f.Value != "Ann" || !f.At.Equal(known) || r.Call == nil || r.Call.ID != "c1" {
		t.Errorf("the old facts: %+v, call %+v", f, r.Call)
	}
	if again, err := s.Reopen(id, "user", s.now); err != nil || again.Changed != 0 || again.Rev != done.Rev {
		t.Errorf("reopened twice: %+v, %v", again, err)
	}
	for _, en := range []*board.Enricher{crm, late} {
		works := s.TakeWork(en, 10, s.now)
		if len(works) != 1 || works[0].Record.ID != id || works[0].Wave != r.Wave {
			t.Fatalf("%s is asked %+v", en.App, works)
		}
		if _, err := s.Answer(en.App, works[0].ID, board.Answer{Claims: []board.NewClaim{{Field: en.Registration.Gives[0], Value: "new"}}}, s.now); err != nil {
			t.Fatal(err)
		}
	}
	s.show()
	if r = s.Get(id); r.Settled == nil || r.Settled.Wave != r.Wave || r.Value("party.company") != "new" || r.Value("party.email") != "new" {
		t.Errorf("settled %+v: %+v", r.Settled, r.Fields)
	}
	s.closesAfterGrace(id)
	if _, err := s.Reopen("rec-none", "user", s.now); err == nil {
		t.Error("a record that is not there was reopened")
	}
}

// B-23: what an app did not know it is asked again when the record is reopened, though its word would hold still (B-6).
func TestReopenAsksAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	crm := s.Register("crm", board.Registration{Needs: []string{"party.number"}, Gives: []string{"party.name"}}, s.now)
	id := s.ring("c1", number)
	works := s.TakeWork(crm, 1, s.now)
	if _, err := s.Answer("crm", works[0].ID, board.Answer{NothingFound: true, NothingFor: 24 * time.Hour}, s.now); err != nil {
		t.Fatal(err)
	}
	s.pbx("c1", telephony.CallEnded, telephony.Ended, number)
	s.sleep(11 * time.Minute)
	s.show()
	if _, err := s.Reopen(id, "user", s.now); err != nil {
		t.Fatal(err)
	}
	s.show()
	if works := s.TakeWork(crm, 1, s.now); len(works) != 1 || len(s.Get(id).Nothing) > 0 {
		t.Errorf("asked %+v, nothing known %+v", works, s.Get(id).Nothing)
	}
}

// A record is closed by the person, but not while they talk; a lookup that they closed waits for no call (B-20).
func TestClose(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.ring("c1", number)
	if _, err := s.Close(id, "user", s.now); err == nil || s.Get(id).State != board.Open {
		t.Errorf("a live call was closed: %v", err)
	}
	s.pbx("c1", telephony.CallEnded, telephony.Ended, number)
	for range 2 {
		if _, err := s.Close(id, "user", s.now); err != nil {
			t.Fatal(err)
		}
	}
	s.show()
	if s.Get(id).State != board.Closed {
		t.Error("it is open")
	}
	look, _ := s.OpenLookup("desk", "user", []board.NewClaim{{Field: "party.number", Value: number}}, s.now)
	if _, err := s.Close(look, "user", s.now); err != nil {
		t.Fatal(err)
	}
	s.show()
	if r := s.ring("c2", number); r == look {
		t.Error("a call joined a lookup that the person has closed")
	}
}

// B-20: a lookup that time has closed is joined as long as it is kept for that, also by a board that was filled from the store.
func TestClosedLookupIsJoined(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id, _ := s.OpenLookup("desk", "user", []board.NewClaim{{Field: "party.number", Value: number}, {Field: "party.name", Value: "Ann"}}, s.now)
	s.show()
	s.sleep(8 * 24 * time.Hour)
	s.show()
	stored := s.Get(id)
	if stored.State != board.Closed {
		t.Fatal("it is open")
	}
	next := newStage(t)
	next.now, next.revs[id] = s.now, stored.Rev
	next.Restore([]*board.Record{stored}, nil, 0, 0)
	if r := next.ring("c1", number); r != id {
		t.Fatalf("the call has record %s", r)
	}
	r := next.Get(id)
	if r.State != board.Open || r.Call == nil || r.Value("party.name") != "Ann" || !r.Fields["party.name"].Shown().At.Equal(stored.Fields["party.name"].Shown().At) {
		t.Errorf("joined: %+v", r)
	}
	s.sleep(23 * 24 * time.Hour) // more than 30 days in all
	if r := s.ring("c2", number); r == id {
		t.Error("joined after the time that it is kept")
	}
}

// B-22: an open lookup of the same e-mail address is the same record, at rest too; a card's items come with it.
func TestLookupByEmail(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	claims := []board.NewClaim{{Field: "party.email", Value: "Ann@Example.com"}, {Field: "party.name", Value: "Ann"}}
	id, _ := s.OpenCard("desk", "user", claims, []board.NewItem{{List: "cards", Title: "Ann", Text: "Number: +4587654321"}}, s.now)
	s.show()
	if r := s.Get(id); len(r.Items["cards"]) != 1 || r.Items["cards"][0].ID == "" || r.Fields["party.email"].Shown().Quality != board.Confirmed {
		t.Errorf("%+v", r)
	}
	s.sleep(2 * time.Minute)
	s.show()
	for line, same := range map[string]bool{"desk": true, "other line": false} {
		if again, _ := s.OpenLookup(line, "user", []board.NewClaim{{Field: "party.email", Value: "ann@example.com"}}, s.now); (again == id) != same {
			t.Errorf("on %s: %s", line, again)
		}
	}
	if other, _ := s.OpenLookup("desk", "user", []board.NewClaim{{Field: "party.number", Value: number}, claims[0]}, s.now); other == id {
		t.Error("one with a number is another")
	}
}
