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

const (
	canaryNumber = "+4587654321"
	canaryName   = "Canary Bird"
)

// crowd is a stage with a call of the canary and one of somebody else, in which the canary is mentioned.
func crowd(t tester) (s *stage, own, other string) {
	s = newStage(t)
	call := &telephony.Call{ID: "c1", State: telephony.Connected, Party: telephony.Party{Number: canaryNumber, Name: canaryName, RawName: "CANARY BIRD\x00"},
		Legs: []telephony.Leg{{ID: "l1", Party: telephony.Party{Number: "87654321"}}}, Timeline: []telephony.TimelineEntry{{At: s.now, What: "ringing", Detail: "for 87654321"}}}
	s.Call("desk", []telephony.Change{{Kind: telephony.CallRinging, At: s.now, Call: call}}, []board.NewClaim{
		{Field: "party.number", Value: canaryNumber}, {Field: "party.name", Value: "canary  bird", Quality: board.Guess}})
	s.show()
	own = s.log[len(s.log)-1].Record
	s.claim(own, "crm", "x.crm.owes", "12 000")
	if _, _, err := s.PutItem(own, "user", board.NewItem{List: "notes", Text: "wants a cage"}, s.now); err != nil {
		t.Fatalf("%v", err)
	}
	other = s.ring("c2", number)
	s.claim(other, "crm", "party.name", "Kim")
	s.claim(other, "mail", "party.bio", "married to Canary Bird")
	s.claim(other, "mail", "party.website", "https://tel.example/004587654321")
	for _, text := range []string{"call 87 65 43 21 back", "not 8765432"} {
		if _, _, err := s.PutItem(other, "user", board.NewItem{List: "notes", Text: text}, s.now); err != nil {
			t.Fatalf("%v", err)
		}
	}
	transferred := &telephony.Call{ID: "c2", State: telephony.Ended, EndedAt: s.now, Party: telephony.Party{Number: number}}
	transferred.TransferredTo = "87654321"
	s.Call("desk", []telephony.Change{{Kind: telephony.CallEnded, At: s.now, Call: transferred}}, []board.NewClaim{{Field: "party.number", Value: number}})
	s.show()
	return s, own, other
}

var canary = board.Match{Numbers: []string{canaryNumber, "87654321"}, Words: []string{canaryName}}

// grep finds the canary in anything.
func grep(t tester, v any) []string {
	var found []string
	text := strings.ToLower(asJSON(t, v))
	for _, word := range []string{"canary", "87654321", "87 65 43 21", "cage", "12 000"} {
		if strings.Contains(text, word) {
			found = append(found, word)
		}
	}
	return found
}

// all is everything that can be read from a board.
func (s *stage) all() any {
	s.t.Helper()
	records, _ := s.Snapshot("")
	w, err := s.Watch(board.Cursor{Epoch: "e1"})
	if err != nil {
		s.t.Fatalf("%v", err)
	}
	defer w.Close()
	changes, err := w.Next(10_000)
	if err != nil {
		s.t.Fatalf("%v", err)
	}
	var after []*board.Record
	for _, c := range changes {
		after = append(after, c.After)
	}
	return []any{records, changes, after}
}

// SEC-45: nothing of a person is left on records, claims, items and the log; what others have said of others is.
func TestErase(t *testing.T) {
	t.Parallel()
	s, own, other := crowd(t)
	if len(grep(t, s.all())) != 5 {
		t.Fatal("the canary is not there")
	}
	before := len(s.log)
	proof, err := s.Erase(canary, s.now)
	if err != nil {
		t.Fatal(err)
	}
	s.show()
	if found := grep(t, s.all()); len(found) > 0 {
		t.Fatalf("left: %q\n%s", found, asJSON(t, s.all()))
	}
	if !slices.Equal(proof.Records, []string{own}) || !slices.Equal(proof.Mentioned, []string{other}) || proof.Claims != 5 || proof.Items != 2 {
		t.Errorf("the proof says %+v", proof)
	}
	if proof.From != uint64(before)+1 || proof.Seq != uint64(before)+2 || len(proof.Changes) < 6 {
		t.Errorf("the proof says %+v", proof)
	}
	left := s.Get(own)
	if len(left.Fields)+len(left.Items) != 0 || left.Call == nil || left.Call.ID != "c1" || left.Call.State != telephony.Connected {
		t.Errorf("left of the record: %+v", left)
	}
	if !left.ErasedAt.Equal(s.now) || !s.Get(other).ErasedAt.IsZero() {
		t.Errorf("erased at %v, and another's at %v", left.ErasedAt, s.Get(other).ErasedAt)
	}
	s.reads(other, "party.name", "Kim", "crm", 0)
	s.reads(other, "party.number", number, "pbx", 0)
	if notes := s.Get(other).Items["notes"]; len(notes) != 1 || notes[0].Text != "not 8765432" {
		t.Errorf("notes %+v", notes)
	}
	told := s.kinds(board.RecordErased)
	if len(told) != 2 || told[0].Opened == nil || told[0].Source != "user" {
		t.Fatalf("told %+v", told)
	}
	again, err := s.Erase(canary, s.now)
	if err != nil || len(again.Records)+len(again.Mentioned)+again.Claims+again.Items != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
}

// SEC-45: a record says when it was erased, whatever comes later; a second erasure counts only where something was said in between.
func TestErasedAt(t *testing.T) {
	t.Parallel()
	s, own, _ := crowd(t)
	first := s.now
	erase := func() time.Time {
		t.Helper()
		s.now = s.now.Add(time.Minute)
		if _, err := s.Erase(board.Match{Records: []string{own}}, s.now); err != nil {
			t.Fatal(err)
		}
		s.show()
		return s.Get(own).ErasedAt
	}
	if _, err := s.Erase(canary, first); err != nil {
		t.Fatal(err)
	}
	if at := erase(); !at.Equal(first) {
		t.Errorf("nothing was said since %v, and it is erased at %v", first, at)
	}
	s.claim(own, "crm", "party.company", "Acme")
	if at := s.Get(own).ErasedAt; !at.Equal(first) {
		t.Errorf("with something said later it is erased at %v", at)
	}
	if at := erase(); !at.Equal(s.now) {
		t.Errorf("erased at %v, want %v", at, s.now)
	}
}

// SEC-45, D-1, D-4: cursors stay good: who resumes from before sees every seq, and ends with what the list says.
func TestCursorsSurviveErasure(t *testing.T) {
	t.Parallel()
	s, _, _ := crowd(t)
	mirror := newReplica(t, nil)
	w, err := s.Watch(board.Cursor{Epoch: "e1", Seq: 0})
	if err != nil {
		t.Fatal(err)
	}
	first, err := w.Next(5)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range first {
		mirror.apply(c)
	}
	if _, err := s.Erase(canary, s.now); err != nil {
		t.Fatal(err)
	}
	s.show()
	rest, err := w.Next(1000)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range rest {
		if c.Seq != uint64(6+i) {
			t.Fatalf("seq %d, want %d", c.Seq, 6+i)
		}
		mirror.apply(c)
	}
	if len(grep(t, mirror.records)) > 0 {
		t.Error("the client still has it")
	}
	for id, r := range mirror.records {
		if got, want := asJSON(t, r), asJSON(t, s.Get(id)); got != want {
			t.Errorf("the watch gives\n%s\nthe list\n%s", got, want)
		}
	}
}

// TestEraseTellsTheRest: somebody is mentioned in a change that says more, and in nothing any more that is there now. Who has not read the change
// before it is struck is told of the rest by the erasure: a list and the changes since give the later list (D-3).
func TestEraseTellsTheRest(t *testing.T) {
	t.Parallel()
	for _, shown := range []bool{false, true} {
		s := newStage(t)
		record := s.ring("c1", number)
		s.show()
		list, cursor := s.Snapshot("")
		mirror := newReplica(t, list)
		s.must(s.Claim(record, "mail", []board.NewClaim{{Field: "party.bio", Value: "married to Canary Bird"}, {Field: "party.email", Value: "kim@example.com"}}, s.now))
		s.claim(record, "mail", "party.bio", "likes birds")
		if shown {
			s.show()
		}
		proof, err := s.Erase(canary, s.now)
		if err != nil || len(proof.Changes) != 1 || len(proof.Mentioned) != 0 {
			t.Fatalf("%+v, %v", proof, err)
		}
		s.show()
		w, err := s.Watch(cursor)
		if err != nil {
			t.Fatal(err)
		}
		changes, err := w.Next(100)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			if found := grep(t, c); found != nil {
				t.Errorf("%q is still told", found)
			}
			mirror.apply(c)
		}
		list, _ = s.Snapshot("")
		if got, want := asJSON(t, mirror.records[record]), asJSON(t, list[0]); got != want {
			t.Errorf("shown before: %v: the watch gives\n%s\nthe list\n%s", shown, got, want)
		}
	}
}

// SEC-45: what is pending is struck before it reaches the store; what is on its way there is struck as soon as that is
// shown. A work on an erased record is not answered any more.
func TestEraseOnTheWay(t *testing.T) {
	t.Parallel()
	s, own, _ := crowd(t)
	en := s.register("crm", "party.number")
	works := s.TakeWork(en, 10, s.now)
	s.claim(own, "crm", "party.bio", "likes "+canaryName)
	batch := s.Take()
	s.claim(own, "crm", "party.bio", canaryName+" has a cage")
	if _, err := s.Erase(canary, s.now); err != nil {
		t.Fatal(err)
	}
	for _, c := range batch {
		s.inOrder(c)
	}
	s.Show(batch, true, s.now)
	for _, c := range s.Take() {
		if found := grep(t, []any{c, c.After}); len(found) > 0 {
			t.Errorf("%s goes to the store with %q", c.Kind, found)
		}
		batch = append(batch[:0:0], c)
		s.inOrder(c)
		s.Show(batch, true, s.now)
	}
	s.show()
	if found := grep(t, s.all()); len(found) > 0 {
		t.Errorf("left: %q", found)
	}
	refused := 0
	for _, w := range works {
		if _, err := s.Answer("crm", w.ID, board.Answer{}, s.now); err != nil {
			wantCode(t, err, telephony.CodeWorkUnknown)
			refused++
		}
	}
	if refused != 1 {
		t.Errorf("%d works refused, want that on the erased record", refused)
	}
}

// SEC-45: the log of a record that is no longer on the board is struck as well; and by its id, whatever is on it.
func TestEraseOffTheBoard(t *testing.T) {
	t.Parallel()
	s, own, other := crowd(t)
	log := slices.Clone(s.log)
	fresh := newStage(t) // has the log, not the records
	fresh.Restore(nil, log, uint64(len(log)), 0)
	fresh.log = log
	proof, err := fresh.Erase(canary, s.now)
	if err != nil {
		t.Fatal(err)
	}
	if found := grep(t, fresh.all()); len(found) > 0 || len(proof.Changes) < 6 {
		t.Errorf("left: %q; struck %v", found, proof.Changes)
	}
	if _, err := s.Erase(board.Match{Records: []string{other}}, s.now); err != nil {
		t.Fatal(err)
	}
	if s.show(); len(s.Get(other).Fields) > 0 || len(s.Get(own).Fields) == 0 {
		t.Error("not that record, or not only that")
	}
}

// SEC-45: the store strikes by the same rules.
func TestStriker(t *testing.T) {
	t.Parallel()
	s, own, other := crowd(t)
	records, _ := s.Snapshot("")
	log := slices.Clone(s.log)
	proof, err := s.Erase(canary, s.now)
	if err != nil {
		t.Fatal(err)
	}
	s.show()
	proof.At = s.now.Add(time.Hour)
	striker, err := s.Striker(canary, proof)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		left, struck := striker.Record(r)
		if want := r.ID == own || r.ID == other; struck != want || len(grep(t, left)) > 0 {
			t.Errorf("record %s: struck %v, left %s", r.ID, struck, asJSON(t, left))
		}
		if marked := left.ErasedAt.Equal(proof.At); marked != (r.ID == own) {
			t.Errorf("record %s is erased at %v", r.ID, left.ErasedAt)
		}
	}
	n := 0
	for _, c := range s.log {
		left, struck := striker.Change(c)
		if left.Seq != c.Seq || left.Rev != c.Rev || len(grep(t, left)) > 0 {
			t.Errorf("change %d: %s", c.Seq, asJSON(t, left))
		}
		if struck {
			n++
		}
	}
	if n != len(proof.Changes) || len(log)+len(s.log) == 0 {
		t.Errorf("struck %d, the proof says %d", n, len(proof.Changes))
	}
}

// SEC-45: nobody is erased by what could be anybody.
func TestEraseNobody(t *testing.T) {
	t.Parallel()
	s, _, _ := crowd(t)
	for _, m := range []board.Match{{}, {Numbers: []string{"1234"}}, {Words: []string{" a "}}, {Numbers: []string{""}}} {
		_, err := s.Erase(m, s.now)
		wantCode(t, err, telephony.CodeInvalid)
	}
}

// SEC-45 on records at rest: those of the person are found there too, the others go on resting.
func TestEraseAtRest(t *testing.T) {
	t.Parallel()
	s, own, _ := crowd(t)
	for i := range 20 {
		s.ring(telephony.CallID(fmt.Sprint("more", i)), fmt.Sprint("+4510000", i))
	}
	s.sleep(2 * time.Minute)
	s.show()
	if f := s.Footprint(); f.Packed != 22 {
		t.Fatalf("%d of %d packed", f.Packed, f.Records)
	}
	if _, err := s.Erase(canary, s.now); err != nil {
		t.Fatal(err)
	}
	s.show()
	if f := s.Footprint(); f.Packed != 20 || len(grep(t, s.all())) > 0 || len(s.Get(own).Fields) > 0 {
		t.Errorf("%d packed; left %q", f.Packed, grep(t, s.all()))
	}
}

// SEC-45: a number is known in each form, and another country's with the same digits is not it.
func TestNumbersInTexts(t *testing.T) {
	t.Parallel()
	m := board.Match{Numbers: []string{"+4587654321", "+45087654321", "87654321"}}
	s := newStage(t)
	striker, err := s.Striker(m, board.Erasure{})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"+4587654321": true, "+45 87 65 43 21": true, "004587654321": true, "00 45 8765 4321": true, "+45 (0)87654321": true, "87654321": true, "87-65-43-21": true,
		"87\u201165\u201143\u201121": true, "87\u201365\u201343\u201321": true, "87\u221265\u22124321": true, "87\u00b765\u00b743\u00b721": true, "87\u00ad65\u200d4321": true,
		"\uff18\uff17\uff16\uff15\uff14\uff13\uff12\uff11": true, "\u0668\u0667\u0666\u0665\u0664\u0663\u0662\u0661": true, "+\u0664\u0665 \u0668\u0667\u0666\u0665 \u0664\u0663\u0662\u0661": true,
		"\uff0b\uff14\uff1687654321": false, "+\u0664\u066687654321": false,
		"4587654321": true, "tel:+4587654321;x=1": true, "9 87654321": true, "+45 12345678 87654321": true, "12345678 / 87654321": true,
		"+4687654321": false, "004687654321": false, "+46 0 87 65 43 21": false, "8765432": false, "8765, 4321": false, "+1 4587654321": false, "": false,
	} {
		if got := striker.Mentions("", []byte(text)); got != want {
			t.Errorf("%q: got %v", text, got)
		}
		if got := striker.Mentions("", []byte(`{"a":[{"text":`+fmt.Sprintf("%q", text)+`}]}`)); got != want {
			t.Errorf("%q in JSON: got %v", text, got)
		}
	}
}

// SEC-45: a name is known however it is written: composed or not, in full width, with what cannot be seen in it.
func TestWordsInTexts(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, word := range []string{"Zo\u00eb  \u00d8rsted", "zoe\u0308 \u00d8rsted"} {
		striker, err := s.Striker(board.Match{Words: []string{word}}, board.Erasure{})
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]bool{
			"ask Zo\u00eb \u00d8rsted": true, "ZO\u00cb\n\u00d8RSTED's": true, "Zoe\u0308 \u00d8rsted": true, "Zo\u00ad\u00eb \u00d8rsted": true, "Zo\u00eb\u200d \u00d8rsted": true,
			"\uff3ao\u00eb \u00d8rsted": true, "Zo\u00eb\u00a0\u00d8rsted": true, "Zoe \u00d8rsted": false, "Zo\u00eb": false, "": false,
		} {
			if got := striker.Mentions("", []byte(text)); got != want {
				t.Errorf("%q in %q: got %v", word, text, got)
			}
		}
	}
}
