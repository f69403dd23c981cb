package board_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

func person(id string, pairs ...string) board.NewItem {
	item := board.NewItem{List: board.Candidates, ID: id, Fields: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		item.Fields[pairs[i]] = pairs[i+1]
	}
	return item
}

// B-24: several people at one number are entries of their own. Nothing of them is mixed; the person picks one, and then
// that one's fields stand, by the app that knows them; the pick itself is a claim of the person.
func TestCandidates(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	crm, mail := s.register("crm", "party.number"), s.register("mail", "party.name")
	r := s.ring("c1", number)
	if _, err := s.Answer("crm", s.work(crm).ID, board.Answer{Items: []board.NewItem{
		person("17", "party.name", "Ann", "party.email", "ann@example.com"), person("18", "party.name", "Bo", "x.crm.owner", "Kim"),
	}}, s.now); err != nil {
		t.Fatal(err)
	}
	s.reads(r, "party.name", "", "", 0)
	if list := s.Get(r).Items[board.Candidates]; len(list) != 2 || list[0].Source != "crm" || list[1].Ref() != "crm/18" {
		t.Fatalf("candidates %+v", list)
	}
	s.noWork(mail)
	s.claim(r, "user", "party.candidate", "crm/17")
	s.reads(r, "party.name", "Ann", "crm", 0)
	s.reads(r, "party.email", "ann@example.com", "crm", 0)
	if picked := s.Get(r).Candidate(); picked == nil || picked.ID != "17" {
		t.Errorf("picked %+v", picked)
	}
	w := s.work(mail)
	if !slices.Equal(w.Changed, []string{"party.name"}) || w.Round != 0 {
		t.Errorf("work on %v in round %d", w.Changed, w.Round)
	}
	s.answer(mail, w)
	s.noWork(crm)
	s.claim(r, "user", "party.candidate", "crm/18")
	s.reads(r, "party.name", "Bo", "crm", 0)
	s.reads(r, "x.crm.owner", "Kim", "crm", 0)
	s.reads(r, "party.email", "", "", 0) // not Bo's
	if _, _, err := s.PutItem(r, "crm", person("18", "party.name", "Bo Lund"), s.now); err != nil {
		t.Fatal(err)
	}
	s.reads(r, "party.name", "Bo Lund", "crm", 0)
	s.reads(r, "x.crm.owner", "", "", 0)
	s.claim(r, "crm", "party.name", "Bo Lund-Holm") // its own word goes before
	s.reads(r, "party.name", "Bo Lund-Holm", "crm", 0)
	s.claim(r, "crm", "party.name", "")
	s.reads(r, "party.name", "Bo Lund", "crm", 0)
	s.claim(r, "crm", "party.name", "Bo Lund") // the same, by its own word
	s.claim(r, "user", "party.candidate", "")
	s.reads(r, "party.name", "Bo Lund", "crm", 0)
	s.claim(r, "crm", "party.name", "")
	s.reads(r, "party.name", "", "", 0)
	if _, _, err := s.PutItem(r, "mail", person("m3", "party.name", "Bo Lund"), s.now); err != nil {
		t.Fatal(err)
	}
	s.claim(r, "user", "party.candidate", "crm/18")
	s.reads(r, "party.name", "Bo Lund", "crm", 0)
	s.claim(r, "user", "party.candidate", "mail/m3") // the same name, of another
	s.reads(r, "party.name", "Bo Lund", "mail", 0)
	if f := s.Get(r).Fields["party.name"]; len(f.Claims) != 1 {
		t.Errorf("mixed: %+v", f.Claims)
	}
}

// B-24: the pick is remembered: history says it of the next call, and it holds when the app says who may be there.
func TestRememberedPick(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	s.must(s.Claim(r, board.SourceHistory, []board.NewClaim{{Field: "party.candidate", Value: "crm/18", Quality: board.Derived}}, s.now))
	s.reads(r, "party.candidate", "crm/18", "history", 0)
	for _, p := range []board.NewItem{person("17", "party.name", "Ann"), person("18", "party.name", "Bo")} {
		if _, _, err := s.PutItem(r, "crm", p, s.now); err != nil {
			t.Fatal(err)
		}
	}
	s.reads(r, "party.name", "Bo", "crm", 0)
	s.claim(r, "user", "party.candidate", "crm/17") // today it is another
	s.reads(r, "party.name", "Ann", "crm", 0)
	if _, err := s.RemoveItem(r, "crm", board.NewItem{List: board.Candidates, ID: "17"}, s.now); err != nil {
		t.Fatal(err)
	}
	s.reads(r, "party.name", "", "", 0)
	s.reads(r, "party.candidate", "crm/17", "user", 1)
}

// B-24: what is shown after the person has decided is what is to be remembered, under the number as it is then.
func TestPicked(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	s.must(s.Claim(r, board.SourceHistory, []board.NewClaim{{Field: "party.candidate", Value: "crm/18", Quality: board.Derived}}, s.now))
	for _, p := range []board.NewItem{person("17", "party.name", "Ann"), person("18", "party.name", "Bo")} {
		if _, _, err := s.PutItem(r, "crm", p, s.now); err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	heard := func() {
		for _, c := range s.show() {
			if p, decided := c.Picked(); decided {
				told = append(told, p.Line+" "+p.Number+" "+p.Ref)
			}
		}
	}
	heard()
	s.claim(r, "user", "party.candidate", "crm/17")
	heard()
	s.claim(r, "user", "party.name", "Anne")
	heard()
	s.claim(r, "user", "party.candidate", "") // back to what history says
	heard()
	if _, err := s.Hide(r, "party.candidate", board.SourceHistory, s.now); err != nil {
		t.Fatal(err)
	}
	heard()
	if want := []string{"desk " + number + " crm/17", "desk " + number + " crm/18", "desk " + number + " "}; !slices.Equal(told, want) {
		t.Errorf("remembered %q, want %q", told, want)
	}
}

// B-24: which it is, no app says; and a candidate is no way around the rules of fields.
func TestRefusedCandidates(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	_, err := s.Claim(r, "crm", []board.NewClaim{{Field: "party.candidate", Value: "crm/17"}}, s.now)
	wantCode(t, err, telephony.CodeForbidden)
	for _, bad := range []board.NewItem{
		person("17"), person("", "party.name", "Ann"), person("17", "party.number", "1"), person("17", "x.mail.n", "1"),
		person("17", "call.state", "x"), person("17", "party.candidate", "crm/17"), person("17", "Name", "x"),
		{List: "notes", Text: "x", Fields: map[string]string{"party.name": "Ann"}},
	} {
		_, _, err := s.PutItem(r, "crm", bad, s.now)
		wantCode(t, err, telephony.CodeInvalid)
	}
	if _, _, err := s.PutItem(r, "crm", person("17", "party.name", "A\x00nn\u202e"), s.now); err != nil {
		t.Fatal(err)
	}
	s.claim(r, "user", "party.candidate", "crm/17")
	s.reads(r, "party.name", "Ann", "crm", 0) // B-7
}

// B-6: an app that has nothing is not asked again while that lives, unless its inputs move. A moment that it named is no
// such question.
func TestNothingFound(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	reg := board.Registration{Needs: []string{"party.number", "party.name"}, Gives: []string{"party.company", "x.crm.*"}, On: []board.Moment{board.Ended, board.Changed}}
	en := s.Register("crm", reg, s.now)
	r := s.ring("c1", number)
	nothing := func(w *board.Work) board.Written {
		return s.must(s.Answer("crm", w.ID, board.Answer{NothingFound: true, NothingFor: time.Minute}, s.now))
	}
	if w := nothing(s.work(en)); w.Changed != 1 {
		t.Errorf("changed %d, want 1", w.Changed)
	}
	kept := s.Get(r).Nothing
	if len(kept) != 1 || kept[0].Source != "crm" || !slices.Equal(kept[0].Fields, []string{"party.company", "x.crm.*"}) || kept[0].Until != s.now.Add(time.Minute) || kept[0].Round != 1 {
		t.Fatalf("kept %+v", kept)
	}
	s.wantSettled(r, 1)
	s.claim(r, "mail", "party.bio", "x") // any change: it asked for those
	s.show()
	s.noWork(en)
	s.Unregister(en, s.now)
	en = s.Register("crm", reg, s.now)
	s.show()
	s.noWork(en)
	s.claim(r, "mail", "party.name", "Ann") // an input
	s.show()
	s.sleep(time.Second)
	if w := nothing(s.work(en)); w.Changed != 1 || len(s.Get(r).Nothing) != 1 {
		t.Errorf("of other inputs: changed %d, kept %+v", w.Changed, s.Get(r).Nothing)
	}
	s.pbx("c1", telephony.CallEnded, telephony.Ended, number)
	s.show()
	if w := s.work(en); !slices.Contains(w.Moments, board.Ended) {
		t.Errorf("moments %v", w.Moments)
	} else if done := nothing(w); done.Changed != 0 {
		t.Errorf("B-5: the same again changed %d", done.Changed)
	}
	s.sleep(time.Minute)
	s.show()
	if left := s.Get(r).Nothing; len(left) != 0 {
		t.Errorf("past its time: %+v", left)
	}
	s.noWork(en)
}

// B-6: what an app said to know nothing of is kept over a restart.
func TestNothingFoundIsKept(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	en := s.register("crm", "party.number")
	r := s.ring("c1", number)
	s.must(s.Answer("crm", s.work(en).ID, board.Answer{NothingFound: true}, s.now))
	again := newStage(t)
	again.Restore([]*board.Record{reread(t, s.Get(r))}, s.log, uint64(len(s.log)), 0)
	again.now, again.log, again.revs[r] = s.now, slices.Clone(s.log), s.Get(r).Rev
	again.noWork(again.register("crm", "party.number"))
	again.work(again.register("mail", "party.number"))
	again.sleep(11 * time.Minute)
	if again.show(); len(again.Get(r).Nothing) != 0 {
		t.Error("it is kept for ever")
	}
}

// B-6: when it claims after all, it no longer has nothing; nor when it is asked of other inputs and does not say so.
func TestFoundAfterAll(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	en := s.register("crm", "party.number")
	r := s.ring("c1", number)
	say := func(w *board.Work) {
		s.must(s.Answer("crm", w.ID, board.Answer{NothingFound: true, Nothing: []string{"party.company"}}, s.now))
	}
	say(s.work(en))
	s.claim(r, "crm", "party.name", "Ann")
	if s.show(); len(s.Get(r).Nothing) != 1 {
		t.Error("a claim of another field")
	}
	s.claim(r, "crm", "party.company", "Acme")
	if s.show(); len(s.Get(r).Nothing) != 0 {
		t.Error("a claim of that field")
	}
	s.claim(r, "crm", "party.company", "")
	s.pbx("c1", telephony.CallUpdated, telephony.Ringing, "+4511111111")
	s.show()
	say(s.work(en))
	s.pbx("c1", telephony.CallUpdated, telephony.Ringing, "+4522222222")
	s.show()
	s.answer(en, s.work(en))
	if left := s.Get(r).Nothing; len(left) != 0 {
		t.Errorf("left %+v", left)
	}
	again := newReplica(t, nil)
	for _, c := range s.log {
		again.apply(c)
	}
	if got, want := asJSON(t, again.records[r]), asJSON(t, s.Get(r)); got != want {
		t.Errorf("D-3: the watch gives\n%s\nthe list\n%s", got, want)
	}
}

// B-14: an app that says progress has as much time again, up to a minute in all.
func TestProgress(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	en := s.register("slow", "party.number")
	r := s.ring("c1", number)
	w := s.work(en)
	begun := s.now
	for s.now.Sub(begun) < 56*time.Second {
		s.sleep(4 * time.Second)
		until, err := s.Progress("slow", w.ID, s.now)
		if want := min(s.now.Sub(begun)+deadline, time.Minute); err != nil || until.Sub(begun) != want {
			t.Fatalf("at %v: until %v, %v; want %v", s.now.Sub(begun), until.Sub(begun), err, want)
		}
	}
	s.show()
	s.wantSettled(r, 0)
	s.sleep(4*time.Second + time.Millisecond)
	s.show()
	if settled := s.wantSettled(r, 1); !slices.Equal(settled.Unanswered, []string{"slow"}) {
		t.Errorf("settled %+v", *settled)
	}
	_, err := s.Progress("slow", w.ID, s.now)
	wantCode(t, err, telephony.CodeWorkUnknown)
	_, err = s.Progress("other", w.ID, s.now)
	wantCode(t, err, telephony.CodeWorkUnknown)
	if done := s.answer(en, w, "party.name", "Ann"); done.Changed != 1 {
		t.Error("the late answer was not taken")
	}
}

// B-14: an app may register with another deadline, of a minute at most.
func TestRegisteredDeadline(t *testing.T) {
	t.Parallel()
	for asked, want := range map[time.Duration]time.Duration{0: 5 * time.Second, 30 * time.Second: 30 * time.Second, time.Hour: time.Minute} {
		s := newStage(t)
		en := s.Register("slow", board.Registration{Needs: []string{"party.number"}, Deadline: asked}, s.now)
		s.ring("c1", number)
		if w := s.work(en); w.Deadline.Sub(s.now) != want {
			t.Errorf("asked for %v it has %v, want %v", asked, w.Deadline.Sub(s.now), want)
		}
	}
}

// B-14: late answers are known as such for the newest few works; the oldest are forgotten.
func TestLateAnswersAreBounded(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	en := s.register("slow", "party.number")
	s.ring("c1", number)
	var works []*board.Work
	for i := range 8 {
		works = append(works, s.work(en))
		s.sleep(deadline + time.Second)
		s.pbx("c1", telephony.CallUpdated, telephony.Ringing, number+string(rune('0'+i)))
		s.show()
	}
	for i, w := range works {
		_, err := s.Answer("slow", w.ID, board.Answer{Claims: []board.NewClaim{{Field: "x.slow.n", Value: w.ID}}}, s.now)
		if i < 4 {
			wantCode(t, err, telephony.CodeWorkUnknown)
		} else if err != nil {
			t.Errorf("work %d: %v", i, err)
		}
	}
}

// B-19: with the scope after-call an app writes on when the record is closed, also the answer that it owes.
func TestAfterCall(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(o *board.Options) { o.Grace = time.Second })
	en := s.Register("transcript", board.Registration{On: []board.Moment{board.Ended}}, s.now)
	s.Approve("transcript", board.Grant{AfterCall: true})
	r := s.ring("c1", number)
	s.pbx("c1", telephony.CallEnded, telephony.Ended, number)
	s.show()
	w := s.work(en)
	s.sleep(time.Minute)
	s.show()
	if s.Get(r).State != board.Closed {
		t.Fatal("not closed")
	}
	wantCode(t, s.tries(r, "crm", "party.name", "Ann"), telephony.CodeClosed)
	if err := s.tries(r, "transcript", "x.transcript.language", "da"); err != nil {
		t.Errorf("a claim: %v", err)
	}
	if done := s.answer(en, w, "x.transcript.summary", "wants an offer"); done.Changed != 1 {
		t.Error("the answer was not taken")
	}
	if _, _, err := s.PutItem(r, "transcript", board.NewItem{List: "documents", Text: "…"}, s.now); err != nil {
		t.Errorf("a document: %v", err)
	}
	s.noWork(en)
	s.Approve("transcript", board.Grant{})
	wantCode(t, s.tries(r, "transcript", "x.transcript.language", "en"), telephony.CodeClosed)
	note := []board.NewItem{{List: "notes", Text: "call back"}}
	if said, err := s.Say(r, "crm", board.Answer{Items: note}, s.now); err != nil || said.Changed != 1 {
		t.Errorf("a note, as anybody may write one: %+v, %v", said, err)
	}
	_, err := s.Say(r, "crm", board.Answer{Claims: []board.NewClaim{{Field: "party.name", Value: "Ann"}}, Items: note}, s.now)
	wantCode(t, err, telephony.CodeClosed)
}

// TestFullRecordIsSound: a record that is as full as apps may make it, and of which a candidate is picked besides, can be read back out
// of an export.
func TestFullRecordIsSound(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r, _ := s.OpenLookup("desk", "user", []board.NewClaim{{Field: "party.number", Value: number}}, s.now)
	s.show()
	for c := range 4 {
		var facts []string
		for f := range 30 {
			facts = append(facts, fmt.Sprintf("party.fact%d_%d", c, f), strings.Repeat("x", 2000))
		}
		if _, _, err := s.PutItem(r, "crm", person(fmt.Sprint(c), facts...), s.now); err != nil {
			t.Fatal(err)
		}
	}
	for f := range 240 {
		s.claim(r, "user", fmt.Sprintf("party.field%d", f), "x")
	}
	s.claim(r, "user", "party.candidate", "crm/2")
	s.show()
	if err := board.CheckStored(s.Get(r)); err != nil || len(s.Get(r).Fields) < 260 {
		t.Errorf("%d fields: %v", len(s.Get(r).Fields), err)
	}
}
