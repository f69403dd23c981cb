package board_test

import (
	"slices"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

const number = "+4512345678"

// B-10: one work per app and record is in flight; what changes meanwhile folds into the next, with the newest state.
func TestOneInFlight(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	crm := s.register("crm", "party.company", "party.name")
	r := s.ring("c1", number)
	s.claim(r, "book", "party.company", "Acme")
	s.show()
	first := s.work(crm)
	if first.Record.ID != r || first.Record.Value("party.company") != "Acme" || !slices.Equal(first.Changed, []string{"party.company"}) {
		t.Fatalf("work is %+v", first)
	}
	s.claim(r, "book", "party.name", "An")
	s.claim(r, "book", "party.name", "Ann")
	s.claim(r, "book", "party.company", "Acme Ltd")
	s.show()
	s.noWork(crm)
	s.answer(crm, first, "x.crm.owner", "Kim")
	second := s.work(crm)
	if second.Record.Value("party.name") != "Ann" || second.Record.Value("x.crm.owner") != "Kim" || !slices.Equal(second.Changed, []string{"party.company", "party.name"}) {
		t.Errorf("the next work is %+v %v", second.Record.Fields, second.Changed)
	}
	s.wantSettled(r, 1) // as it was opened
	s.answer(crm, second)
	s.noWork(crm)
	s.wantSettled(r, 2)
}

// B-11: rounds are exact across two apps: the address book knows the number, the CRM the company.
func TestRoundsAreExact(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	book, crm := s.register("addressbook", "party.number"), s.register("crm", "party.company")
	r := s.ring("c1", number)
	w := s.work(book)
	s.noWork(crm)
	if w.Round != 0 || w.Wave != 1 || !w.Deadline.Equal(s.now.Add(deadline)) {
		t.Errorf("the first work is of round %d, wave %d, deadline %v", w.Round, w.Wave, w.Deadline)
	}
	s.wantSettled(r, 0)
	s.now = s.now.Add(30 * time.Millisecond)
	s.answer(book, w, "party.name", "Mette Holm", "party.company", "Acme")
	w2 := s.work(crm)
	if w2.Round != 1 || w2.Wave != 1 || !slices.Equal(w2.Changed, []string{"party.company"}) {
		t.Errorf("the CRM's work is of round %d, wave %d, changed %v", w2.Round, w2.Wave, w2.Changed)
	}
	s.wantSettled(r, 0)
	s.now = s.now.Add(70 * time.Millisecond)
	s.answer(crm, w2, "x.crm.owner", "Kim")
	s.noWork(book, crm)
	rec := s.Get(r)
	for field, want := range map[string]struct {
		round int
		work  string
	}{"party.company": {1, w.ID}, "x.crm.owner": {2, w2.ID}, "party.number": {0, ""}} {
		if c := rec.Fields[field].Shown(); c.Round != want.round || c.Work != want.work || c.Wave != 1 {
			t.Errorf("%s has round %d, work %q, wave %d, want round %d, work %q, wave 1", field, c.Round, c.Work, c.Wave, want.round, want.work)
		}
	}
	settled := s.wantSettled(r, 1)
	if settled.Rounds != 2 || settled.Wave != 1 || settled.TookMS != 100 || len(settled.Unanswered) != 0 {
		t.Errorf("settled is %+v, want rounds 2, wave 1, 100 ms, nobody unanswered", *settled)
	}
	if rec.Settled != settled {
		t.Errorf("the record says %+v", rec.Settled)
	}
}

// B-11: a person's edit begins a new wave at round 0, and so does a change at the PBX.
func TestNewWaves(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	book, crm := s.register("addressbook", "party.number"), s.register("crm", "party.company")
	r := s.ring("c1", number)
	s.answer(book, s.work(book), "party.company", "Acme")
	s.answer(crm, s.work(crm), "x.crm.owner", "Kim")
	s.claim(r, "user", "party.company", "Akme")
	s.show()
	w := s.work(crm)
	if w.Wave != 2 || w.Round != 0 {
		t.Errorf("after an edit the work is of wave %d, round %d, want 2 and 0", w.Wave, w.Round)
	}
	s.answer(crm, w, "x.crm.owner", "Lee")
	if settled := s.wantSettled(r, 2); settled.Wave != 2 || settled.Rounds != 1 {
		t.Errorf("settled %+v, want wave 2, rounds 1", *settled)
	}
	s.pbx("c1", telephony.CallUpdated, telephony.Ringing, "+4599999999")
	s.show()
	if w := s.work(book); w.Wave != 3 || w.Round != 0 {
		t.Errorf("after a change at the PBX the work is of wave %d, round %d, want 3 and 0", w.Wave, w.Round)
	}
}

// B-11: a write outside any work follows from the newest change that was news to its source, for a minute.
func TestWriteOutsideWork(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	s.claim(r, "user", "party.name", "Ann") // wave 2
	s.show()
	for i, field := range []string{"x.crm.a", "x.crm.b", "x.crm.c"} {
		s.claim(r, "crm", field, "1")
		s.show()
		if c := s.Get(r).Fields[field].Shown(); c.Wave != 2 || c.Round != 1 {
			t.Errorf("write %d is of wave %d, round %d, want 2 and 1: its own writes are no news to it", i, c.Wave, c.Round)
		}
	}
	s.claim(r, "mail", "x.mail.a", "1")
	s.show()
	if c := s.Get(r).Fields["x.mail.a"].Shown(); c.Wave != 2 || c.Round != 2 {
		t.Errorf("a write after another app's is of wave %d, round %d, want 2 and 2", c.Wave, c.Round)
	}
	s.now = s.now.Add(61 * time.Second)
	s.claim(r, "crm", "x.crm.a", "2")
	s.show()
	if c := s.Get(r).Fields["x.crm.a"].Shown(); c.Wave != 3 || c.Round != 0 {
		t.Errorf("a write a minute later is of wave %d, round %d, want 3 and 0", c.Wave, c.Round)
	}
}

// B-12: only a change of the shown value of an input is work; a losing claim, another source or another quality is not.
func TestInputsOnly(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(o *board.Options) { o.Order = []string{"hr"} })
	crm, all := s.register("crm", "party.company"), s.register("log", "x.mail.*", "notes")
	r := s.ring("c1", number)
	s.claim(r, "book", "party.company", "Acme")
	s.show()
	s.answer(crm, s.work(crm))
	quiet := []struct{ source, field, value string }{
		{"zz", "party.company", "Acne"},   // loses
		{"hr", "party.company", "Acme"},   // wins with the same value
		{"book", "party.name", "Ann"},     // no input
		{"zz", "party.company", ""},       // a loser goes
		{"user", "party.company", "Acme"}, // the person agrees
	}
	for _, q := range quiet {
		s.claim(r, q.source, q.field, q.value)
		s.show()
		s.noWork(crm, all)
	}
	s.claim(r, "mail", "x.mail.unread", "5")
	s.show()
	if w := s.work(all); !slices.Equal(w.Changed, []string{"x.mail.unread"}) {
		t.Errorf("changed %v", w.Changed)
	}
	s.claim(r, "user", "party.company", "Akme")
	s.show()
	s.work(crm)
}

// B-12: the moments that an app asked for are work whatever the inputs are.
func TestMoments(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	en := s.Register("tickets", board.Registration{On: []board.Moment{board.Answered, board.Ended}}, s.now)
	opened := s.Register("cards", board.Registration{On: []board.Moment{board.Opened}}, s.now)
	r := s.ring("c1", number)
	s.noWork(en)
	if w := s.work(opened); !slices.Equal(w.Moments, []board.Moment{board.Opened}) {
		t.Errorf("moments %v", w.Moments)
	}
	s.pbx("c1", telephony.CallAnswered, telephony.Connected, number)
	s.show()
	w := s.work(en)
	if !slices.Equal(w.Moments, []board.Moment{board.Answered}) {
		t.Errorf("moments %v", w.Moments)
	}
	s.pbx("c1", telephony.CallHeld, telephony.Held, number)
	s.pbx("c1", telephony.CallEnded, telephony.Ended, number)
	s.show()
	s.answer(en, w)
	if w := s.work(en); !slices.Equal(w.Moments, []board.Moment{board.Ended}) || w.Record.ID != r || w.Record.Call.State != telephony.Ended {
		t.Errorf("the folded work is %v of %s in state %s", w.Moments, w.Record.ID, w.Record.Call.State)
	}
	s.noWork(opened)
}

// B-13: an app is not given work whose only cause is its own claim.
func TestNoEcho(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	en := s.Register("crm", board.Registration{Needs: []string{"party.*", "notes"}, On: []board.Moment{board.Changed}}, s.now)
	r := s.ring("c1", number)
	s.answer(en, s.work(en), "party.name", "Ann", "party.company", "Acme")
	s.noWork(en)
	s.claim(r, "crm", "party.email", "ann@example.com")
	if _, _, err := s.PutItem(r, "crm", board.NewItem{List: "notes", Text: "x"}, s.now); err != nil {
		t.Fatal(err)
	}
	s.show()
	s.noWork(en)
	s.claim(r, "mail", "party.email", "anna@example.com")
	s.show()
	s.work(en)
}

// B-14: a work that is not answered in its deadline is unanswered; the late answer is still a write.
func TestDeadlineAndLateAnswer(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	en := s.register("slow", "party.number")
	r := s.ring("c1", number)
	w := s.work(en)
	s.sleep(deadline)
	s.show()
	s.wantSettled(r, 0)
	s.sleep(time.Millisecond)
	s.show()
	if settled := s.wantSettled(r, 1); !slices.Equal(settled.Unanswered, []string{"slow"}) || settled.TookMS != 5001 {
		t.Errorf("settled %+v, want slow unanswered after 5001 ms", *settled)
	}
	s.sleep(time.Minute)
	if written := s.answer(en, w, "party.name", "Ann"); written.Changed != 1 {
		t.Errorf("the late answer changed %d, want 1", written.Changed)
	}
	if c := s.Get(r).Fields["party.name"].Shown(); c.Round != 1 || c.Work != w.ID {
		t.Errorf("the late claim is %+v", c)
	}
	s.wantSettled(r, 1)
	s.claim(r, "user", "x.slow.any", "1")
	s.show()
	s.noWork(en)
}

// B-14: an error counts as unanswered, and the app is asked again when its inputs move.
func TestErrorAnswer(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	en := s.register("crm", "party.number")
	r := s.ring("c1", number)
	if _, err := s.Answer("crm", s.work(en).ID, board.Answer{Error: "the CRM is down"}, s.now); err != nil {
		t.Fatal(err)
	}
	s.show()
	if settled := s.wantSettled(r, 1); !slices.Equal(settled.Unanswered, []string{"crm"}) {
		t.Errorf("settled %+v", *settled)
	}
	s.noWork(en)
	s.pbx("c1", telephony.CallUpdated, telephony.Ringing, "+4599999999")
	s.show()
	s.answer(en, s.work(en))
	if settled := s.wantSettled(r, 2); len(settled.Unanswered) != 0 {
		t.Errorf("settled %+v", *settled)
	}
}

// B-11: an answer is taken whole or not at all, and only from whom was asked.
func TestRefusedAnswers(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	en := s.register("crm", "party.number")
	r := s.ring("c1", number)
	w := s.work(en)
	_, err := s.Answer("mail", w.ID, board.Answer{}, s.now)
	wantCode(t, err, telephony.CodeWorkUnknown)
	_, err = s.Answer("crm", "work_0", board.Answer{}, s.now)
	wantCode(t, err, telephony.CodeWorkUnknown)
	good := []board.NewClaim{{Field: "party.name", Value: "Ann"}}
	_, err = s.Answer("crm", w.ID, board.Answer{Claims: append(good, board.NewClaim{Field: "party.number", Value: "1"})}, s.now)
	wantCode(t, err, telephony.CodeAuthoritative)
	_, err = s.Answer("crm", w.ID, board.Answer{Claims: good, Items: []board.NewItem{{List: "links", URL: "x"}}}, s.now)
	wantCode(t, err, telephony.CodeInvalid)
	many := make([]board.NewItem, 1001)
	for i := range many {
		many[i] = board.NewItem{List: "notes", Text: "x"}
	}
	_, err = s.Answer("crm", w.ID, board.Answer{Claims: good, Items: many}, s.now)
	wantCode(t, err, telephony.CodeTooLarge)
	if s.show(); s.Get(r).Value("party.name") != "" || len(s.Get(r).Items["notes"]) > 0 {
		t.Error("a part of a refused answer was written")
	}
	s.wantSettled(r, 0) // it may still answer rightly
	s.answer(en, w, "party.name", "Ann")
	s.wantSettled(r, 1)
}

// B-16: a record that interests nobody settles at once, and a change that interests nobody does not settle it again.
func TestSettledOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	if settled := s.wantSettled(r, 1); settled.Rounds != 0 || settled.TookMS != 0 {
		t.Errorf("settled %+v", *settled)
	}
	s.claim(r, "user", "party.name", "Ann")
	s.sleep(time.Second)
	s.show()
	s.wantSettled(r, 1)
	a, b := s.register("aa", "party.number"), s.register("bb", "party.number")
	s.wantSettled(r, 1)
	s.answer(a, s.work(a))
	s.wantSettled(r, 1) // bb has not even taken its work
	w := s.work(b)
	s.wantSettled(r, 1)
	s.answer(b, w)
	s.wantSettled(r, 2)
	s.answer(b, w) // again: a late answer
	s.sleep(time.Second)
	s.show()
	s.wantSettled(r, 2)
}

// B-16: not before all is shown: a change that waits for its commit may still be work for somebody.
func TestNotSettledBeforeShown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	book, crm := s.register("book", "party.number"), s.register("crm", "party.company")
	r := s.ring("c1", number)
	if _, err := s.Answer("book", s.work(book).ID, board.Answer{Claims: []board.NewClaim{{Field: "party.company", Value: "Acme"}}}, s.now); err != nil {
		t.Fatal(err)
	}
	s.sleep(time.Second)
	s.wantSettled(r, 0)
	s.show()
	s.wantSettled(r, 0)
	s.answer(crm, s.work(crm))
	s.wantSettled(r, 1)
}

// B-16: the rounds of a settled record are those since somebody was last asked; what nobody works from has none.
func TestRoundsSinceAsked(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	en := s.register("crm", "party.company")
	r := s.ring("c1", number)
	s.claim(r, "aa", "x.aa.n", "1")
	s.show()
	s.claim(r, "bb", "x.bb.n", "1")
	s.show()
	if c := s.Get(r).Fields["x.bb.n"].Shown(); c.Round != 2 {
		t.Fatalf("round %d, want 2", c.Round)
	}
	s.claim(r, "user", "party.company", "Acme")
	s.show()
	s.answer(en, s.work(en), "x.crm.owner", "Kim")
	if settled := s.wantSettled(r, 2); settled.Rounds != 1 {
		t.Errorf("settled after %d rounds, want 1", settled.Rounds)
	}
}
