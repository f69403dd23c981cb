package board_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// B-19: a record stays open for its grace after the call, then only people may write, and notes always.
func TestGraceAndClosing(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(o *board.Options) { o.Grace = time.Minute })
	r := s.ring("c1", number)
	live := s.ring("c2", "+4511111111")
	s.pbx("c1", telephony.CallEnded, telephony.Ended, number)
	s.show()
	s.sleep(time.Minute)
	s.show()
	if s.Get(r).State != board.Open {
		t.Fatal("closed within its grace")
	}
	s.sleep(time.Second)
	s.show()
	rec := s.Get(r)
	if rec.State != board.Closed || !rec.ClosedAt.Equal(s.now) || s.Get(live).State != board.Open {
		t.Fatalf("state %s, closed at %v; the live one %s", rec.State, rec.ClosedAt, s.Get(live).State)
	}
	_, err := s.Claim(r, "crm", []board.NewClaim{{Field: "party.name", Value: "Ann"}}, s.now)
	wantCode(t, err, telephony.CodeClosed)
	_, _, err = s.PutItem(r, "crm", board.NewItem{List: "links", Text: "x"}, s.now)
	wantCode(t, err, telephony.CodeClosed)
	if _, _, err := s.PutItem(r, "crm", board.NewItem{List: "notes", Text: "sent the offer"}, s.now); err != nil {
		t.Errorf("a note on a closed record: %v", err)
	}
	s.claim(r, "user", "party.name", "Ann")
	s.show()
	if got := s.Get(r); got.Value("party.name") != "Ann" || len(got.Items["notes"]) != 1 {
		t.Errorf("the person's word was not kept: %+v", got)
	}
	if open, _ := s.Snapshot(board.Open); len(open) != 1 || open[0].ID != live {
		t.Errorf("open are %d records", len(open))
	}
}

// B-16, B-19: closing a record ends the work on it: whoever was asked is unanswered, and nobody is asked any more.
func TestClosingEndsWork(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(o *board.Options) { o.Grace = time.Second })
	busy, idle := s.register("busy", "party.number"), s.register("idle", "party.number")
	r := s.ring("c1", number)
	s.pbx("c1", telephony.CallEnded, telephony.Ended, number)
	s.show()
	w := s.work(busy)
	s.sleep(2 * time.Second)
	_, err := s.Answer("busy", w.ID, board.Answer{Claims: []board.NewClaim{{Field: "party.name", Value: "Ann"}}}, s.now)
	wantCode(t, err, telephony.CodeClosed) // it is closed though nobody has seen it yet
	s.show()
	if settled := s.wantSettled(r, 1); !slices.Equal(settled.Unanswered, []string{"busy"}) {
		t.Errorf("settled %+v, want busy unanswered", *settled)
	}
	s.noWork(busy, idle)
	_, err = s.Answer("busy", w.ID, board.Answer{}, s.now)
	wantCode(t, err, telephony.CodeWorkUnknown)
	s.sleep(time.Minute)
	s.show()
	s.wantSettled(r, 1)
	s.noWork(s.register("late", "party.number"))
}

// An end that was not seen counts from when it was known at the latest.
func TestGraceOfUnseenEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(o *board.Options) { o.Grace = time.Minute })
	r := s.ring("c1", number)
	call := &telephony.Call{ID: "c1", State: telephony.Ended, EndedAfter: s.now.Add(-time.Hour), EndedBefore: s.now}
	s.Call("desk", []telephony.Change{{Kind: telephony.CallEnded, At: s.now, Call: call}}, nil)
	s.show()
	s.sleep(time.Minute)
	s.show()
	if got := s.Get(r); got.State != board.Open || got.Complete() {
		t.Errorf("state %s, complete %v; want open and not complete", got.State, got.Complete())
	}
	if s.Get(r).Fields["party.number"] != nil {
		t.Error("what the PBX no longer says is still shown")
	}
}

// B-20: a call joins the open lookup of its number: what was gathered stays, and every app is given work.
func TestCallJoinsLookup(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	crm := s.Register("crm", board.Registration{Needs: []string{"party.company"}}, s.now)
	cards := s.Register("cards", board.Registration{On: []board.Moment{board.Opened}}, s.now)
	typed := []board.NewClaim{{Field: "party.number", Value: number}}
	r, seq := s.OpenLookup("desk", "user", typed, s.now)
	s.show()
	if again, _ := s.OpenLookup("desk", "user", typed, s.now); again != r {
		t.Errorf("the same number again opens %s beside %s", again, r)
	}
	if s.show(); seq != 3 { // after the two registrations
		t.Errorf("opened at seq %d, want 3", seq)
	}
	if got := s.Get(r); got.Origin != board.FromLookup || got.Call != nil || !got.Complete() {
		t.Errorf("the lookup is %+v", got)
	}
	s.answer(cards, s.work(cards), "party.company", "Acme")
	s.answer(crm, s.work(crm), "x.crm.owner", "Kim")
	if other := s.ring("c0", "+4511111111"); other == r {
		t.Error("a call of another number joined")
	}
	s.answer(cards, s.work(cards))
	if joined := s.ring("c1", number); joined != r {
		t.Fatalf("the call opened %s, want it to join %s", joined, r)
	}
	got := s.Get(r)
	if got.Call == nil || got.Value("x.crm.owner") != "Kim" || got.Origin != board.FromLookup {
		t.Errorf("joined %+v", got)
	}
	if w := s.work(cards); !slices.Equal(w.Moments, []board.Moment{board.Opened}) || w.Round != 0 {
		t.Errorf("work %v of round %d", w.Moments, w.Round)
	}
	if w := s.work(crm); !slices.Contains(w.Changed, "party.company") {
		t.Errorf("work on %v", w.Changed)
	}
	if second := s.ring("c2", number); second == r {
		t.Error("a record that has a call was used for another call")
	}
	kinds := map[string]int{}
	for _, c := range s.log {
		if c.Record == r {
			kinds[c.Kind]++
		}
	}
	if kinds[board.RecordOpened] != 1 || kinds[board.RecordJoined] != 1 {
		t.Errorf("told %v", kinds)
	}
}

// B-20: only an open lookup of the same line is joined.
func TestCallDoesNotJoin(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	typed := []board.NewClaim{{Field: "party.number", Value: number}}
	elsewhere, _ := s.OpenLookup("other line", "user", typed, s.now)
	s.show()
	if r := s.ring("c1", number); r == elsewhere {
		t.Error("joined a lookup of another line")
	}
	old, _ := s.OpenLookup("desk", "user", typed, s.now)
	s.show()
	s.sleep(31 * 24 * time.Hour)
	s.show()
	if s.Get(old).State != board.Closed {
		t.Fatal("a lookup waits for ever")
	}
	if r := s.ring("c2", number); r == old {
		t.Error("joined a closed lookup")
	}
	if r := s.ring("c3", ""); r == elsewhere {
		t.Error("a call without a number joined a lookup")
	}
}

// Closed records are given back to memory, the oldest first; open ones never.
func TestClosedAreForgotten(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(o *board.Options) { o.Grace = time.Second })
	open := s.ring("live", "+4500000000")
	var first, last string
	for i := range 250 {
		id := telephony.CallID(fmt.Sprint("c", i))
		s.now = s.now.Add(time.Millisecond)
		last = s.ring(id, fmt.Sprint("+45", i))
		if first == "" {
			first = last
		}
		s.pbx(id, telephony.CallEnded, telephony.Ended, fmt.Sprint("+45", i))
		s.show()
	}
	s.sleep(time.Minute)
	s.show()
	all, _ := s.Snapshot("")
	if len(all) != 200 || s.Get(open) == nil || s.Get(first) != nil || s.Get(last) == nil {
		t.Errorf("%d records are left; live %v, first %v, last %v", len(all), s.Get(open) != nil, s.Get(first) != nil, s.Get(last) != nil)
	}
	for i := 1; i < len(all); i++ {
		if all[i].OpenedAt.After(all[i-1].OpenedAt) {
			t.Fatal("the list is not newest first")
		}
	}
}

// A record from the store is put back as it is, and can be written to.
func TestRestoreAndAdmit(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	s.claim(r, "crm", "party.name", "Ann")
	s.show()
	stored := s.Get(r)
	fresh := newStage(t)
	fresh.Restore([]*board.Record{stored}, s.log, uint64(len(s.log)), 0)
	fresh.log, fresh.revs[r] = slices.Clone(s.log), stored.Rev
	if got := fresh.Get(r); got != stored {
		t.Errorf("restored %+v", got)
	}
	w, err := fresh.Watch(board.Cursor{Epoch: "e1", Seq: 2})
	if err != nil {
		t.Fatal(err)
	}
	if tail, err := w.Next(100); err != nil || len(tail) != len(s.log)-2 || tail[0].Seq != 3 {
		t.Errorf("from seq 2 on it reads %d changes, %v", len(tail), err)
	}
	en := fresh.register("book", "party.number")
	fresh.answer(en, fresh.work(en), "party.company", "Acme")
	fresh.pbx("c1", telephony.CallEnded, telephony.Ended, number)
	fresh.show()
	if got := fresh.Get(r); got.Call.State != telephony.Ended || got.Value("party.company") != "Acme" {
		t.Errorf("it went on as %+v", got)
	}
	other := newStage(t)
	other.Admit(stored)
	other.revs[r] = stored.Rev
	other.claim(r, "user", "party.name", "Anna")
	other.show()
	other.Admit(stored) // it is there already
	if got := other.Get(r).Value("party.name"); got != "Anna" {
		t.Errorf("admitted again it reads %q", got)
	}
}
