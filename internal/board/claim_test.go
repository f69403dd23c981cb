package board_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// B-1: a source writes, changes and withdraws only its own claims.
func TestOwnSlot(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", "+4512345678")
	s.claim(r, "crm", "party.name", "Ann")
	s.claim(r, "book", "party.name", "Anne")
	s.claim(r, "crm", "party.name", "Annie")
	s.claim(r, "mail", "party.name", "") // withdraws nothing: it has no claim
	s.show()
	got := map[string]string{}
	for _, c := range s.Get(r).Fields["party.name"].Claims {
		got[c.Source] = c.Value
	}
	if fmt.Sprint(got) != "map[book:Anne crm:Annie]" {
		t.Errorf("claims are %v", got)
	}
	s.claim(r, "crm", "party.name", "")
	s.claim(r, "book", "party.name", "")
	s.show()
	if f := s.Get(r).Fields["party.name"]; f != nil {
		t.Errorf("a field that nobody claims is %+v, want none", f)
	}
	if last := s.log[len(s.log)-1]; last.Fields["party.name"] != nil || len(last.Fields) != 1 || len(last.Shown) != 1 {
		t.Errorf("the last withdrawal is told as %+v, want a nil field that is shown", last)
	}
}

// B-3: each step of the order decides where all before it are equal.
func TestResolverOrder(t *testing.T) {
	t.Parallel()
	type claim struct {
		source, value string
		quality       board.Quality
	}
	tests := []struct {
		name   string
		claims []claim // the first must win
	}{
		{"the user's own word before authority and quality", []claim{{"user", "U", ""}, {"hr", "H", board.Verified}}},
		{"authority before quality", []claim{{"hr", "H", board.Guess}, {"crm", "C", board.Verified}}},
		{"the stronger authority", []claim{{"hr", "H", board.Guess}, {"payroll", "P", board.Verified}}},
		{"quality before agreement", []claim{{"crm", "C", board.Verified}, {"mail", "M", board.Matched}, {"book", "M", board.Matched}}},
		{"derived before guess", []claim{{"zz", "Z", board.Derived}, {"aa", "A", board.Guess}}},
		{"matched before derived", []claim{{"zz", "Z", board.Matched}, {"aa", "A", board.Derived}}},
		{"agreement before the order of sources", []claim{{"mail", "Mm", ""}, {"zz", "mM ", ""}, {"crm", "C", ""}}},
		{"the order of sources before their ids", []claim{{"crm", "C", ""}, {"book", "B", ""}}},
		{"a source in the order before one that is not", []claim{{"mail", "M", ""}, {"aa", "A", ""}}},
		{"the source id at last", []claim{{"aa", "A", ""}, {"bb", "B", ""}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, func(o *board.Options) {
				o.Authority = map[string][]string{"party.name": {"hr", "payroll"}}
				o.Order = []string{"crm", "book", "mail"}
			})
			r := s.ring("c1", "+4512345678")
			for i := range test.claims { // the winner is claimed last, so that no order of arrival helps it
				c := test.claims[len(test.claims)-1-i]
				if _, err := s.Claim(r, c.source, []board.NewClaim{{Field: "party.name", Value: c.value, Quality: c.quality}}, s.now); err != nil {
					t.Fatal(err)
				}
			}
			s.show()
			if shown := s.Get(r).Fields["party.name"].Shown(); shown.Source != test.claims[0].source {
				t.Errorf("shown is %q by %s, want that of %s", shown.Value, shown.Source, test.claims[0].source)
			}
		})
	}
}

// B-3, B-18: the shown record is a pure function of the claims. Neither the order in which they came nor the time changes it.
func TestResolverIgnoresOrderAndTime(t *testing.T) {
	t.Parallel()
	sources := []string{"user", "aa", "bb", "crm", "book", "hr"}
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.SampledFrom([]string{"Ann", "ann ", "Bo", "Åse", ""}), len(sources), len(sources)).Draw(t, "values")
		qualities := rapid.SliceOfN(rapid.SampledFrom([]board.Quality{"", board.Guess, board.Derived, board.Matched, board.Verified}), len(sources), len(sources)).Draw(t, "qualities")
		play := func(label string) string {
			s := newStage(t, func(o *board.Options) {
				o.Authority = map[string][]string{"party.name": {"hr"}}
				o.Order = []string{"crm", "book"}
			})
			r := s.ring("c1", "+4512345678")
			order := rapid.Permutation([]int{0, 1, 2, 3, 4, 5}).Draw(t, label)
			for _, i := range order {
				s.now = begin.Add(time.Duration(rapid.IntRange(-5000, 5000).Draw(t, "ms")) * time.Millisecond)
				for range rapid.IntRange(1, 2).Draw(t, "times") {
					if _, err := s.Claim(r, sources[i], []board.NewClaim{{Field: "party.name", Value: values[i], Quality: qualities[i]}}, s.now); err != nil {
						t.Fatalf("%v", err)
					}
				}
			}
			s.show()
			f := s.Get(r).Fields["party.name"]
			if f == nil {
				return "nobody"
			}
			text := fmt.Sprint(f.Others)
			for _, c := range f.Claims {
				text += fmt.Sprintf(" %s=%q/%s", c.Source, c.Value, c.Quality)
			}
			return text
		}
		if a, b := play("one order"), play("another order"); a != b {
			t.Fatalf("one order gives\n%s\nanother\n%s", a, b)
		}
	})
}

// B-4: the field says how many other values there are; equal ones count once, after normalising.
func TestOthers(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", "+4512345678")
	for i, step := range []struct {
		source, value string
		others        int
	}{{"aa", "Ann Lee", 0}, {"bb", "ann  lee", 0}, {"cc", "Anna", 1}, {"dd", "Bo", 2}, {"dd", "ANNA", 1}, {"cc", "", 1}, {"dd", "", 0}} {
		s.claim(r, step.source, "party.name", step.value)
		s.show()
		if got := s.Get(r).Fields["party.name"].Others; got != step.others {
			t.Errorf("step %d: %d others, want %d", i, got, step.others)
		}
	}
}

// B-5: a claim equal after normalising changes nothing. A person may mend the spelling.
func TestNoOpIsSilence(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", "+4512345678")
	s.claim(r, "crm", "party.name", "Ann Lee")
	s.show()
	before, rev := len(s.log), s.Get(r).Rev
	s.now = s.now.Add(time.Minute)
	for _, same := range []string{"Ann Lee", "ann lee", "ANN   LEE "} {
		if w := s.claim(r, "crm", "party.name", same); w.Changed != 0 || w.Rev != rev {
			t.Errorf("%q changed %d (rev %d), want nothing", same, w.Changed, w.Rev)
		}
	}
	if w, err := s.Claim(r, "crm", []board.NewClaim{{Field: "party.name", Value: "Bo"}, {Field: "party.name", Value: "Ann Lee"}}, s.now); err != nil || w.Changed != 0 {
		t.Errorf("a value that is taken back in the same write: changed %d (%v), want nothing", w.Changed, err)
	}
	if s.show(); len(s.log) != before {
		t.Errorf("told of %+v", s.log[before])
	}
	if w, err := s.Claim(r, "crm", []board.NewClaim{{Field: "party.name", Value: "Ann Lee", Quality: board.Verified}}, s.now); err != nil || w.Changed != 1 {
		t.Errorf("a better quality: changed %d (%v), want 1", w.Changed, err)
	}
	s.claim(r, "user", "party.name", "Ann Lee")
	if w := s.claim(r, "user", "party.name", "Ann LEE"); w.Changed != 1 {
		t.Error("a person could not mend the spelling")
	}
	if w := s.claim(r, "user", "party.name", "Ann LEE"); w.Changed != 0 {
		t.Error("a person's no-op was told")
	}
}

// B-5 for items: the same text again is silence. An item belongs to its source.
func TestItems(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", "+4512345678")
	note, w, err := s.PutItem(r, "user", board.NewItem{List: "notes", Text: "call back\r\nat 3\x00"}, s.now)
	if err != nil || w.Changed != 1 || note.Text != "call back\nat 3" {
		t.Fatalf("got %+v %+v %v", note, w, err)
	}
	s.show()
	if again, w, err := s.PutItem(r, "user", board.NewItem{List: "notes", ID: note.ID, Text: "call back\nat 3"}, s.now.Add(time.Hour)); err != nil || w.Changed != 0 || !reflect.DeepEqual(again, note) {
		t.Errorf("the same text again gives %+v %+v %v", again, w, err)
	}
	if _, _, err := s.PutItem(r, "crm", board.NewItem{List: "notes", ID: note.ID, Text: "mine"}, s.now); err == nil {
		t.Error("another source wrote the item anew")
	} else {
		wantCode(t, err, telephony.CodeForbidden)
	}
	if _, err := s.RemoveItem(r, "crm", board.NewItem{List: "notes", ID: note.ID}, s.now); err == nil {
		t.Error("another source removed the item")
	}
	changed, _, err := s.PutItem(r, "user", board.NewItem{List: "notes", ID: note.ID, Text: "call back at 4"}, s.now.Add(time.Minute))
	if err != nil || !changed.At.Equal(note.At) || changed.ChangedAt.Equal(note.At) {
		t.Errorf("changed item %+v (%v), want its first time kept", changed, err)
	}
	if _, err := s.RemoveItem(r, "user", board.NewItem{List: "notes", ID: note.ID}, s.now); err != nil {
		t.Fatal(err)
	}
	s.show()
	if left := s.Get(r).Items["notes"]; len(left) != 0 {
		t.Errorf("left %+v", left)
	}
	var kinds []string
	for _, c := range s.log {
		if c.Item != nil {
			kinds = append(kinds, c.Kind)
		}
	}
	if got := strings.Join(kinds, " "); got != "item.added item.changed item.removed" {
		t.Errorf("told %s", got)
	}
}

// B-7: what the PBX says is fit to be shown from the first moment.
func TestHostilePBXText(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	call := &telephony.Call{ID: "c1", State: telephony.Ringing}
	s.Call("desk", []telephony.Change{{Kind: telephony.CallCreated, At: s.now, Call: call}},
		[]board.NewClaim{{Field: "party.number_raw", Value: "12\x00\u202e34\xff"}})
	s.show()
	if got := s.log[0].Opened.Value("party.number_raw"); got != "1234\ufffd" {
		t.Errorf("opened with %q", got)
	}
	if len(s.log) > 3 { // opened, created, settled
		t.Errorf("%d changes, want 3: the claim was told twice", len(s.log))
	}
}

// B-2, SEC-23: what a source may not write is refused, and nothing of that write is kept.
func TestRefusedClaims(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", "+4512345678")
	lookup, _ := s.OpenLookup("desk", "user", []board.NewClaim{{Field: "party.number", Value: "+4511111111"}}, s.now)
	s.show()
	good := board.NewClaim{Field: "party.company", Value: "Acme"}
	tests := []struct {
		name, record, source string
		claim                board.NewClaim
		code                 telephony.Code
	}{
		{"no field name", r, "crm", board.NewClaim{Field: "Name", Value: "x"}, telephony.CodeInvalid},
		{"hostile field name", r, "crm", board.NewClaim{Field: "party.na\nme", Value: "x"}, telephony.CodeInvalid},
		{"long field name", r, "crm", board.NewClaim{Field: "party." + strings.Repeat("a", 130), Value: "x"}, telephony.CodeInvalid},
		{"authoritative", r, "crm", board.NewClaim{Field: "party.number", Value: "1"}, telephony.CodeAuthoritative},
		{"authoritative for the user too", r, "user", board.NewClaim{Field: "call.state", Value: "x"}, telephony.CodeAuthoritative},
		{"authoritative for an app on a lookup", lookup, "crm", board.NewClaim{Field: "party.number", Value: "1"}, telephony.CodeAuthoritative},
		{"another app's own field", r, "crm", board.NewClaim{Field: "x.mail.seen", Value: "x"}, telephony.CodeForbidden},
		{"too long", r, "crm", board.NewClaim{Field: "party.bio", Value: strings.Repeat("a", 8193)}, telephony.CodeTooLarge},
		{"no quality", r, "crm", board.NewClaim{Field: "party.bio", Value: "x", Quality: "sure"}, telephony.CodeInvalid},
		{"confirmed by an app", r, "crm", board.NewClaim{Field: "party.bio", Value: "x", Quality: board.Confirmed}, telephony.CodeInvalid},
		{"no such record", "rec_0", "crm", good, telephony.CodeNotFound},
	}
	before := len(s.log)
	for _, test := range tests {
		_, err := s.Claim(test.record, test.source, []board.NewClaim{good, test.claim}, s.now)
		if err == nil {
			t.Errorf("%s: accepted", test.name)
			continue
		}
		wantCode(t, err, test.code)
	}
	if _, err := s.Claim(r, "crm", make([]board.NewClaim, 65), s.now); err == nil {
		t.Error("65 claims at once: accepted")
	}
	if s.show(); len(s.log) != before {
		t.Errorf("a refused write was told: %+v", s.log[before])
	}
	if _, err := s.Claim(lookup, "user", []board.NewClaim{{Field: "party.number", Value: "+4522222222"}}, s.now); err != nil {
		t.Errorf("a person may correct the number of a lookup: %v", err)
	}
}

// SEC-23: a record does not grow without bound.
func TestBoundedRecord(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", "+4512345678")
	var err error
	fields := 0
	for ; err == nil && fields < 1000; fields += 50 {
		var claims []board.NewClaim
		for i := range 50 {
			claims = append(claims, board.NewClaim{Field: fmt.Sprint("x.crm.f", fields+i), Value: "x"})
		}
		_, err = s.Claim(r, "crm", claims, s.now)
	}
	wantCode(t, err, telephony.CodeTooLarge)
	if _, err := s.Claim(r, "crm", []board.NewClaim{{Field: "x.crm.f0", Value: "y"}}, s.now); err != nil {
		t.Errorf("a field that is there could not be written: %v", err)
	}
	for _, item := range []board.NewItem{
		{List: "secrets", Text: "x"}, {List: "notes", ID: "../x", Text: "x"}, {List: "notes", Text: strings.Repeat("x", 33<<10)},
		{List: "links", URL: "javascript:alert(1)"}, {List: "links", URL: "http://example.com"},
	} {
		if _, _, err := s.PutItem(r, "crm", item, s.now); err == nil {
			t.Errorf("item %.60v: accepted", item)
		}
	}
}

// TestItemSeen: of two who have read one note and write it anew, the second is told what it reads now, and nothing is overwritten (B-1).
func TestItemSeen(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", "+4512345678")
	note, _, err := s.PutItem(r, "user", board.NewItem{List: "notes", ID: "n-1", Text: "call back"}, s.now)
	if err != nil {
		t.Fatal(err)
	}
	first, _, err := s.PutItem(r, "user", board.NewItem{List: "notes", ID: "n-1", Text: "call back at 4", Seen: note.ChangedAt}, s.now.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	before := s.Get(r).Rev
	for what, write := range map[string]func() error{
		"a second write": func() error {
			_, _, err := s.PutItem(r, "user", board.NewItem{List: "notes", ID: "n-1", Text: "never mind", Seen: note.ChangedAt}, s.now.Add(2*time.Second))
			return err
		},
		"a removal": func() error {
			_, err := s.RemoveItem(r, "user", board.NewItem{List: "notes", ID: "n-1", Seen: note.ChangedAt}, s.now.Add(2*time.Second))
			return err
		},
		"a write of what is gone": func() error {
			_, _, err := s.PutItem(r, "user", board.NewItem{List: "notes", ID: "n-2", Text: "x", Seen: note.ChangedAt}, s.now.Add(2*time.Second))
			return err
		},
	} {
		err := write()
		wantCode(t, err, board.CodeRevMoved)
		if moved, ok := errors.AsType[*board.RevMoved](err); !ok || moved.Current.Items["notes"][0].Text != "call back at 4" || moved.Err.Remedy == "" {
			t.Errorf("%s: %v does not bear the record as it is", what, err)
		}
	}
	if now := s.Get(r).Rev; now != before {
		t.Errorf("rev %d, %d before", now, before)
	}
	if _, err := s.RemoveItem(r, "user", board.NewItem{List: "notes", ID: "n-1", Seen: first.ChangedAt}, s.now.Add(3*time.Second)); err != nil {
		t.Error(err)
	}
}
