package board_test

import (
	"slices"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// An app that goes with work in flight leaves it unanswered; what it was asked is not forgotten when it comes back.
func TestAppVanishes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	needs := board.Registration{Needs: []string{"party.number"}, On: []board.Moment{board.Ended}}
	en := s.Register("crm", needs, s.now)
	r := s.ring("c1", number)
	s.answer(en, s.work(en), "party.name", "Ann")
	s.pbx("c1", telephony.CallEnded, telephony.Ended, number)
	s.show()
	w := s.work(en)
	s.Unregister(en, s.now)
	s.show()
	if settled := s.wantSettled(r, 2); !slices.Equal(settled.Unanswered, []string{"crm"}) {
		t.Errorf("settled %+v, want crm unanswered", *settled)
	}
	if s.noWork(en); len(s.Enrichers()) != 0 {
		t.Errorf("enrichers %v", s.Enrichers())
	}
	s.Unregister(en, s.now) // again does nothing
	if kinds := s.show(); len(kinds) != 0 {
		t.Errorf("told %+v", kinds[0])
	}
	back := s.Register("crm", needs, s.now)
	s.show()
	again := s.work(back)
	if !slices.Equal(again.Moments, []board.Moment{board.Ended}) || len(again.Changed) != 0 {
		t.Errorf("back again it is given %v %v, want the end of the call", again.Moments, again.Changed)
	}
	if written, err := s.Answer("crm", w.ID, board.Answer{Claims: []board.NewClaim{{Field: "party.company", Value: "Acme"}}}, s.now); err != nil || written.Changed != 1 {
		t.Errorf("the answer to the lost work: %+v, %v; want a write", written, err)
	}
	s.answer(back, again)
	s.wantSettled(r, 3)
}

// A newer registration of the same app takes over: the older gets nothing more, its work in flight is handed out anew.
func TestReplacedRegistration(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	old := s.register("crm", "party.number")
	r := s.ring("c1", number)
	s.work(old)
	fresh := s.register("crm", "party.number")
	select {
	case <-old.Replaced():
	default:
		t.Error("the older registration was not told")
	}
	s.noWork(old)
	s.Unregister(old, s.now) // its stream ends late
	s.show()
	s.wantSettled(r, 0)
	s.answer(fresh, s.work(fresh))
	if settled := s.wantSettled(r, 1); len(settled.Unanswered) != 0 {
		t.Errorf("settled %+v", *settled)
	}
	other := s.register("crm", "party.company")
	s.noWork(other)
}

// An app that connects in mid-call is given the open records that it has not worked on as they are now.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	s.claim(r, "book", "party.company", "Acme")
	s.show()
	s.sleep(3 * time.Minute)
	crm := s.register("crm", "party.company")
	s.noWork(s.register("other", "party.website"))
	w := s.work(crm)
	if !slices.Equal(w.Changed, []string{"party.company"}) || w.Round != 0 {
		t.Errorf("work %+v", w)
	}
	s.now = s.now.Add(20 * time.Millisecond)
	s.answer(crm, w, "x.crm.owner", "Kim")
	if settled := s.wantSettled(r, 2); settled.TookMS != 20 {
		t.Errorf("it took %d ms, want 20: nobody was asked before the app came", settled.TookMS)
	}
	s.Unregister(crm, s.now)
	crm = s.register("crm", "party.company")
	s.noWork(crm) // nothing is new to it
	s.Unregister(crm, s.now)
	s.claim(r, "user", "party.company", "Akme")
	s.show()
	crm = s.register("crm", "party.company")
	if w := s.work(crm); w.Record.Value("party.company") != "Akme" {
		t.Errorf("work on %q", w.Record.Value("party.company"))
	}
}

// TakeWork hands out no more than asked for, and says that there is more.
func TestWorkLimit(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	en := s.register("crm", "party.number")
	for _, id := range []telephony.CallID{"c1", "c2", "c3"} {
		s.ring(id, number+string(id[1:]))
	}
	if n := len(s.TakeWork(en, 2, s.now)); n != 2 {
		t.Errorf("%d works, want 2", n)
	}
	select {
	case <-en.Woken():
	default:
		t.Error("not woken for the rest")
	}
	if n := len(s.TakeWork(en, 2, s.now)); n != 1 {
		t.Errorf("%d works, want the last 1", n)
	}
}

// B-10, B-11: causes that fold into one work count as the deepest of the newest wave.
func TestFoldedCauses(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	book, crm := s.register("book", "party.number"), s.register("crm", "party.*")
	r := s.ring("c1", number)
	s.answer(book, s.work(book), "party.name", "Ann") // round 1, beside the number of round 0
	if w := s.work(crm); w.Round != 1 || !slices.Equal(w.Changed, []string{"party.name", "party.number"}) {
		t.Errorf("work of round %d on %v, want 1 and both", w.Round, w.Changed)
	}
	s.claim(r, "book", "party.email", "a@example.com") // outside work: round 1 of wave 1
	s.claim(r, "user", "party.name", "Anna")           // wave 2
	s.show()
	s.sleep(deadline + time.Second)
	s.show()
	if w := s.work(crm); w.Wave != 2 || w.Round != 0 {
		t.Errorf("work of wave %d, round %d, want 2 and 0", w.Wave, w.Round)
	}
}
