package board_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

func (s *stage) watchOnly(f board.Filter) *board.Watch {
	s.t.Helper()
	w, err := s.WatchOnly(board.Cursor{}, f)
	if err != nil {
		s.t.Fatalf("%v", err)
	}
	return w
}

var sights = map[board.Sight]string{board.Seen: "", board.Added: "+", board.Removed: "-", board.Newest: "="}

// told reads a watch and returns the kinds of what it is told, with the sight where it is not plain.
func (s *stage) told(w *board.Watch) string {
	s.t.Helper()
	s.show()
	told, _, err := w.See(1000)
	if err != nil {
		s.t.Fatalf("%v", err)
	}
	var kinds []string
	for _, v := range told {
		if (v.Sight == board.Added) != (v.Record != nil) {
			s.t.Errorf("%s is told with record %v", v.Change.Kind, v.Record)
		}
		kinds = append(kinds, sights[v.Sight]+v.Change.Kind)
	}
	return strings.Join(kinds, " ")
}

// D-3: a watch sees what its filter lets through; at the filter's edge a record comes whole, and goes.
func TestFilters(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		filter board.Filter
		want   string
	}{
		{"all that is shown", board.Filter{}, "record.opened call.ringing record.settled record.changed item.added call.answered call.ended record.closed"},
		{"losing claims too", board.Filter{Claims: true}, "record.opened call.ringing record.settled record.changed record.changed item.added call.answered call.ended record.closed"},
		{"a line", board.Filter{Lines: []string{"desk"}, Kinds: []string{"record.opened"}}, "record.opened"},
		{"another line", board.Filter{Lines: []string{"shop"}}, ""},
		{"open ones", board.Filter{States: []board.State{board.Open}, Kinds: []string{"call.*"}}, "call.ringing call.answered call.ended -record.closed"},
		{"calls that are answered", board.Filter{Calls: []telephony.State{telephony.Connected}, Kinds: []string{"call.*"}}, "+call.answered -call.ended"},
		{"closed ones", board.Filter{States: []board.State{board.Closed}}, "+record.closed"},
		{"one kind", board.Filter{Kinds: []string{"item.added"}}, "item.added"},
		{"a field", board.Filter{Kinds: []string{"record.changed"}, Fields: []string{"party.name"}}, "record.changed"},
		{"another field", board.Filter{Kinds: []string{"record.changed", "item.*"}, Fields: []string{"party.email"}}, ""},
		{"a list", board.Filter{Kinds: []string{"record.changed", "item.*"}, Fields: []string{"notes"}}, "item.added"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, func(o *board.Options) { o.Grace = time.Second })
			w := s.watchOnly(test.filter)
			r := s.ring("c1", number)
			s.must(s.Claim(r, "aa", []board.NewClaim{{Field: "party.name", Value: "Ann"}, {Field: "party.company", Value: "Acme"}}, s.now))
			s.must(s.Claim(r, "bb", []board.NewClaim{{Field: "party.name", Value: "ann", Quality: board.Guess}}, s.now)) // loses
			if _, _, err := s.PutItem(r, "user", board.NewItem{List: "notes", Text: "x"}, s.now); err != nil {
				t.Fatal(err)
			}
			s.pbx("c1", telephony.CallAnswered, telephony.Connected, number)
			s.pbx("c1", telephony.CallEnded, telephony.Ended, number)
			s.show()
			s.sleep(time.Minute)
			if got := s.told(w); got != test.want {
				t.Errorf("told %q, want %q", got, test.want)
			}
		})
	}
}

// D-3: a change that was written before changes said where their record stands is rather told than lost.
func TestOldChangesAreTold(t *testing.T) {
	t.Parallel()
	old := &board.Change{Seq: 1, Kind: "call.ringing", Line: "desk", Record: "rec_1", Rev: 1}
	for _, test := range []struct {
		filter board.Filter
		want   board.Sight
	}{
		{board.Filter{}, board.Seen}, {board.Filter{States: []board.State{board.Closed}}, board.Seen}, {board.Filter{Lines: []string{"desk"}}, board.Seen},
		{board.Filter{Lines: []string{"shop"}}, board.Unseen}, {board.Filter{Kinds: []string{"record.*"}}, board.Unseen},
	} {
		if got := test.filter.See(old); got != test.want {
			t.Errorf("%+v: %d, want %d", test.filter, got, test.want)
		}
	}
	erased := &board.Change{Seq: 1, Kind: board.RecordErased, Line: "desk", Record: "rec_1", Is: board.Standing{State: board.Open}}
	if f := (&board.Filter{Kinds: []string{"call.*"}, Fields: []string{"party.name"}}); f.See(erased) != board.Seen {
		t.Error("an erasure is not told to who asks for calls only")
	}
}

// D-3: of a change only the fields that were asked for are told.
func TestTrimmedFields(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	w := s.watchOnly(board.Filter{Kinds: []string{"record.changed"}, Fields: []string{"party.c*"}})
	r := s.ring("c1", number)
	s.must(s.Claim(r, "aa", []board.NewClaim{{Field: "party.name", Value: "Ann"}, {Field: "party.company", Value: "Acme"}}, s.now))
	told, filtered, err := w.See(100)
	if err != nil || len(told) != 1 || filtered != len(s.log)-1 {
		t.Fatalf("told %d, filtered %d of %d, %v", len(told), filtered, len(s.log), err)
	}
	if c := told[0].Change; len(c.Fields) != 1 || c.Fields["party.company"] == nil || !slices.Equal(c.Shown, []string{"party.company"}) {
		t.Errorf("told %+v", c)
	}
	if whole := s.log[told[0].Change.Seq-1]; len(whole.Fields) != 2 || len(whole.Shown) != 2 {
		t.Errorf("the change itself is %+v", whole)
	}
}

// D-5: a bookmark says how far the reader has come, and how far it is behind.
func TestBookmarks(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	w := s.watchOnly(board.Filter{Kinds: []string{"no.such"}})
	r := s.ring("c1", number)
	first := len(s.log)
	s.now = s.now.Add(3 * time.Second)
	s.claim(r, "user", "party.name", "Ann")
	s.show()
	if m := w.Bookmark(s.now); m.Changes != uint64(len(s.log)) || m.Behind != 3*time.Second || m.Cursor.Seq != 0 {
		t.Errorf("behind by %+v", m)
	}
	if told, filtered, err := w.See(first); err != nil || len(told) != 0 || filtered != first {
		t.Errorf("told %d, filtered %d, %v", len(told), filtered, err)
	}
	if m := w.Bookmark(s.now.Add(time.Second)); m.Changes != uint64(len(s.log)-first) || m.Behind != time.Second || m.Cursor.Seq != uint64(first) {
		t.Errorf("behind by %+v", m)
	}
	w.See(100)
	if m := w.Bookmark(s.now); m.Changes != 0 || m.Behind != 0 || m.Cursor.Seq != uint64(len(s.log)) {
		t.Errorf("behind by %+v", m)
	}
}

// D-7: a parked reader that asks for it is told the newest state of each record, and of what has left its filter; what
// concerns no record is told as it is. Nothing is dropped silently.
func TestCatchUpByRecord(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r1 := s.ring("c1", number)
	r2 := s.ring("c2", "+4511111111")
	w := s.watchOnly(board.Filter{Calls: []telephony.State{telephony.Ringing}})
	for i := range 50 {
		s.claim(r1, "user", "party.name", fmt.Sprint("v", i))
		s.show()
	}
	s.Notice("desk", telephony.Change{Kind: telephony.PBXGap, At: s.now, Gap: &telephony.Gap{}})
	s.pbx("c2", telephony.CallAnswered, telephony.Connected, "+4511111111")
	r3 := s.ring("c3", "+4522222222")
	s.pbx("c4", telephony.CallAnswered, telephony.Connected, "+4533333333") // never was in it
	s.show()
	told, cursor, err := w.CatchUp()
	if err != nil || cursor.Seq != uint64(len(s.log)) || w.Cursor() != cursor {
		t.Fatalf("at %v, %v", cursor, err)
	}
	var got []string
	for _, v := range told {
		got = append(got, sights[v.Sight]+v.Change.Record)
		if v.Record != nil && v.Record != s.Get(v.Change.Record) {
			t.Errorf("of %s it is told rev %d", v.Change.Record, v.Record.Rev)
		}
	}
	if want := []string{"=" + r1, "", "-" + r2, "+" + r3}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	if again, _, err := w.CatchUp(); err != nil || len(again) != 0 {
		t.Errorf("then %d more, %v", len(again), err)
	}
}

// reader is one with a filter that keeps what it is told.
type reader struct {
	t       tester
	records map[string]*board.Record
}

func (r *reader) take(told []board.Told, p *players) {
	for _, v := range told {
		c := reread(r.t, v.Change)
		held := r.records[c.Record]
		switch {
		case c.Record == "":
		case v.Sight == board.Removed:
			if held == nil {
				r.t.Fatalf("D-3: %s goes that was not there", c.Record)
			}
			delete(r.records, c.Record)
		case v.Sight == board.Added && held != nil:
			r.t.Fatalf("D-3: %s comes again", c.Record)
		case v.Record != nil:
			r.records[c.Record] = reread(r.t, v.Record)
		case v.Sight == board.Seen && c.Opened == nil && held == nil:
			r.t.Fatalf("D-3: %s changes that never came", c.Record)
		case held == nil || c.Rev > held.Rev: // else it is older than what came whole (D-4)
			one := &replica{t: r.t, records: map[string]*board.Record{}}
			if held != nil {
				held.Rev = c.Rev - 1 // what was filtered between is not missed
				one.records[c.Record] = held
			}
			one.apply(c)
			r.records[c.Record] = one.records[c.Record]
		}
	}
}

// D-3, D-7: a list through a filter and what a watch with the same filter tells give the later list through it, whether
// the reader keeps up or catches up by record.
func TestFilteredListAndWatch(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPlayers(t)
		f := board.Filter{Claims: true}
		if rapid.Bool().Draw(t, "by state") {
			f.States = []board.State{board.Open}
		}
		if rapid.Bool().Draw(t, "by call") {
			f.Calls = []telephony.State{pick(t, []telephony.State{telephony.Ringing, telephony.Connected, ""}, "call")}
		}
		for range rapid.IntRange(0, 15).Draw(t, "before") {
			p.anything()
		}
		list, cursor := p.List(f)
		r := &reader{t: t, records: map[string]*board.Record{}}
		for _, each := range list {
			r.records[each.ID] = reread(t, each)
		}
		w, err := p.WatchOnly(cursor, f)
		if err != nil {
			t.Fatalf("%v", err)
		}
		for range rapid.IntRange(0, 40).Draw(t, "after") {
			p.anything()
			switch rapid.IntRange(0, 5).Draw(t, "read") {
			case 0:
				told, _, err := w.See(rapid.IntRange(1, 10).Draw(t, "limit"))
				if err != nil {
					t.Fatalf("%v", err)
				}
				r.take(told, p)
			case 1:
				r.catchUp(w, p)
			}
		}
		r.catchUp(w, p)
		want, _ := p.List(f)
		if len(want) != len(r.records) {
			t.Fatalf("it has %d records, the list %d", len(r.records), len(want))
		}
		for _, each := range want {
			if got, want := asJSON(t, r.records[each.ID]), asJSON(t, each); got != want {
				t.Fatalf("the watch gives\n%s\nthe list\n%s", got, want)
			}
		}
	})
}

func (r *reader) catchUp(w *board.Watch, p *players) {
	told, _, err := w.CatchUp()
	if err != nil {
		r.t.Fatalf("%v", err)
	}
	r.take(told, p)
}

// D-8: the log in memory is bounded in bytes too, and says from where a watch can be resumed.
func TestWindowInBytes(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(o *board.Options) { o.WindowBytes = 1 << 20 })
	r := s.ring("c1", number)
	for i := range 1000 {
		s.claim(r, "user", "party.bio", fmt.Sprint(i)+strings.Repeat("x", 4000))
		s.show()
	}
	if f := s.Footprint(); f.LogBytes > 1<<20 || f.LogBytes < 1<<18 || f.Changes < 50 || f.Changes > 400 {
		t.Errorf("the log has %d changes, %d bytes", f.Changes, f.LogBytes)
	}
	for _, c := range s.kept() {
		if c.After != nil {
			t.Fatal("the log keeps a version of the record for each change")
		}
	}
	s.Trimmed(500)
	if oldest := s.Oldest(); oldest.Seq != 500 {
		t.Errorf("the oldest cursor is %v", oldest)
	}
	if _, err := s.Watch(board.Cursor{Epoch: "e1", Seq: 499}); err == nil {
		t.Error("resumed from what the store has no more")
	}
	if _, err := s.Watch(s.Oldest()); err != nil {
		t.Error(err)
	}
}

// kept is what the log in memory has.
func (s *stage) kept() []*board.Change {
	s.t.Helper()
	f := s.Footprint()
	w, err := s.Watch(board.Cursor{Epoch: "e1", Seq: uint64(len(s.log) - f.Changes)})
	if err != nil {
		s.t.Fatalf("%v", err)
	}
	defer w.Close()
	changes, err := w.Next(f.Changes)
	if err != nil || len(changes) != f.Changes {
		s.t.Fatalf("%d changes, %v", len(changes), err)
	}
	return changes
}
