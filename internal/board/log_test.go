package board_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// hidden holds that everybody still sees party.name as value, or no record if that is empty, and that nobody was woken.
func (s *stage) hidden(w *board.Watch, en *board.Enricher, record, value string) {
	s.t.Helper()
	list, cursor := s.Snapshot("")
	if changes, err := w.Next(10); len(changes) > 0 || err != nil {
		s.t.Errorf("the watch reads %d changes, %v", len(changes), err)
	}
	if cursor != w.Cursor() {
		s.t.Errorf("the list is of %v, the watch at %v", cursor, w.Cursor())
	}
	for _, r := range list {
		if r.ID == record && r.Value("party.name") != value {
			s.t.Errorf("the list shows %q", r.Value("party.name"))
		}
	}
	if r := s.Get(record); value == "" && r != nil || value != "" && r.Value("party.name") != value {
		s.t.Errorf("the record shows %+v", r)
	}
	s.noWork(en)
	select {
	case <-w.Woken():
		s.t.Errorf("the watch was woken")
	case <-en.Woken():
		s.t.Errorf("the app was woken")
	default:
	}
}

// D-2: nobody sees a change before it is shown: not the reader of a record, nor of the list, a watch, or an app.
func TestNothingBeforeShow(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	en := s.register("crm", "party.*")
	w, err := s.Watch(board.Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	<-w.Woken() // at first it always may have something
	hidden := func(record, value string) { t.Helper(); s.hidden(w, en, record, value) }
	s.pbx("c1", telephony.CallRinging, telephony.Ringing, number)
	hidden("rec_1", "")
	batch := s.Take()
	hidden("rec_1", "") // taken is not yet shown
	for _, c := range batch {
		s.inOrder(c)
	}
	s.Show(batch, true, s.now)
	r := s.log[len(s.log)-1].Record
	select {
	case <-w.Woken():
	default:
		t.Error("the watch was not woken")
	}
	s.answer(en, s.work(en), "party.name", "Ann")
	if _, err := w.Next(100); err != nil {
		t.Fatal(err)
	}
	for _, woken := range []<-chan struct{}{w.Woken(), en.Woken()} {
		select {
		case <-woken:
		default:
		}
	}
	s.claim(r, "user", "party.name", "Anna")
	hidden(r, "Ann")
	if w := s.claim(r, "user", "party.name", "Anna"); w.Seq != uint64(len(s.log)+1) || w.Changed != 0 {
		t.Errorf("a no-op after a write that is not durable waits for seq %d, want that write's", w.Seq)
	}
	s.show()
	w.Close()
}

// D-2: what the store could not take is shown all the same, and says so.
func TestNotDurable(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.pbx("c1", telephony.CallRinging, telephony.Ringing, number)
	s.Show(s.Take(), false, s.now)
	if list, _ := s.Snapshot(board.Open); len(list) != 1 || s.Durable() {
		t.Errorf("%d records, durable %v", len(list), s.Durable())
	}
	s.Show(s.Take(), true, s.now)
	if !s.Durable() {
		t.Error("not durable again")
	}
}

// D-6: the error says why a cursor cannot be resumed from.
func TestCursors(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Restore(nil, nil, 50, 20)
	s.Notice("desk", telephony.Change{Kind: telephony.PBXConnected, At: s.now})
	batch := s.Take()
	s.Show(batch, true, s.now)
	if batch[0].Seq != 51 {
		t.Fatalf("the first change after a restore has seq %d, want 51", batch[0].Seq)
	}
	if held := s.Change(51); held == nil || held.Seq != 51 || s.Change(50) != nil || s.Change(52) != nil || s.Change(0) != nil {
		t.Errorf("of the log only 51 is held: %+v", held)
	}
	tests := []struct {
		from board.Cursor
		why  string // empty: it can be resumed from
	}{
		{board.Cursor{Epoch: "e1", Seq: 51}, ""},
		{board.Cursor{Epoch: "e1", Seq: 20}, ""},
		{board.Cursor{}, ""},
		{board.Cursor{Epoch: "e0", Seq: 51}, "another epoch"},
		{board.Cursor{Seq: 51}, "another epoch"},
		{board.Cursor{Epoch: "e1", Seq: 52}, "future"},
		{board.Cursor{Epoch: "e1", Seq: 19}, "older"},
		{board.Cursor{Epoch: "e1", Seq: 0}, "older"},
	}
	for _, test := range tests {
		w, err := s.Watch(test.from)
		if test.why == "" {
			if err != nil {
				t.Errorf("%v: %v", test.from, err)
				continue
			}
			w.Close()
			continue
		}
		if err == nil {
			t.Errorf("%v: accepted", test.from)
			continue
		}
		wantCode(t, err, telephony.CodeCursorGone)
		if !strings.Contains(err.Error(), test.why) {
			t.Errorf("%v: the reason is %q, want %q in it", test.from, err, test.why)
		}
	}
	w, err := s.Watch(board.Cursor{Epoch: "e1", Seq: 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Next(10); !errors.Is(err, board.ErrBehind) {
		t.Errorf("from before what is in memory: %v, want ErrBehind", err)
	}
	w.Seek(50) // its reader had the rest from the store
	if changes, err := w.Next(10); err != nil || len(changes) != 1 || changes[0].Seq != 51 || w.Cursor().String() != "e1:51" {
		t.Errorf("got %d changes, %v, at %v", len(changes), err, w.Cursor())
	}
	w.Seek(5)
	if w.Cursor().Seq != 51 {
		t.Error("Seek went back")
	}
}

func TestParseCursor(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "e1", "e1:", ":5", "e1:x", "e1:-1", "e1:1:2", "e1:99999999999999999999"} {
		_, err := board.ParseCursor(bad)
		wantCode(t, err, telephony.CodeInvalid)
	}
	c, err := board.ParseCursor("abc:18446744073709551615")
	if err != nil || c.String() != "abc:18446744073709551615" {
		t.Errorf("got %v, %v", c, err)
	}
}

// D-7, D-8: the log in memory is bounded; a watch that fell out of it is told, one that keeps up reads on.
func TestFallsBehind(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(o *board.Options) { o.Window = 10 })
	quick, err := s.Watch(board.Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	slow, err := s.Watch(board.Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 21 {
		s.Notice("desk", telephony.Change{Kind: telephony.PBXLost, At: s.now})
		s.show()
		changes, err := quick.Next(10)
		if err != nil || len(changes) != 1 || changes[0].Seq != uint64(i+1) {
			t.Fatalf("the quick one reads %d changes, %v", len(changes), err)
		}
	}
	if _, err := slow.Next(10); !errors.Is(err, board.ErrBehind) {
		t.Fatalf("the slow one: %v, want ErrBehind", err)
	}
	slow.Seek(11)
	got := 0
	for {
		changes, err := slow.Next(3)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) == 0 {
			break
		}
		got += len(changes)
	}
	if got != 10 {
		t.Errorf("after Seek it reads %d changes, want 10", got)
	}
}

// D-6: a new epoch ends every watch, and its own cursors are good.
func TestNewEpoch(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.ring("c1", number)
	old, err := s.Watch(board.Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	<-old.Woken()
	s.NewEpoch("e2")
	select {
	case <-old.Woken():
	default:
		t.Error("the watch was not woken")
	}
	if _, err := old.Next(1); !errors.Is(err, board.ErrReset) {
		t.Errorf("got %v, want ErrReset", err)
	}
	_, err = s.Watch(old.Cursor())
	wantCode(t, err, telephony.CodeCursorGone)
	_, cursor := s.Snapshot("")
	if cursor.Epoch != "e2" || s.Epoch() != "e2" {
		t.Errorf("the list is of %v", cursor)
	}
	if _, err := s.Watch(cursor); err != nil {
		t.Error(err)
	}
}

// replica is a client that lists once and then applies changes as they are kept in the store.
type replica struct {
	t       tester
	records map[string]*board.Record
}

func newReplica(t tester, list []*board.Record) *replica {
	r := &replica{t: t, records: map[string]*board.Record{}}
	for _, each := range list {
		r.records[each.ID] = reread[board.Record](t, each)
	}
	return r
}

func reread[T any](t tester, v *T) *T {
	t.Helper()
	out := new(T)
	if err := json.Unmarshal([]byte(asJSON(t, v)), out); err != nil {
		t.Fatalf("%v", err)
	}
	return out
}

func (r *replica) apply(c *board.Change) {
	c = reread(r.t, c)
	if c.Record == "" {
		return
	}
	if c.Opened != nil {
		r.records[c.Record] = c.Opened
		return
	}
	rec := r.records[c.Record]
	if rec == nil || c.Rev != rec.Rev+1 {
		r.t.Fatalf("D-1: change %q of %s rev %d follows %+v", c.Kind, c.Record, c.Rev, rec)
	}
	rec.Rev, rec.Wave = c.Rev, max(rec.Wave, c.Wave)
	for name, f := range c.Fields {
		if rec.Fields[name] = f; f == nil {
			delete(rec.Fields, name)
		}
	}
	if n := c.Nothing; n != nil {
		rec.Nothing = slices.DeleteFunc(slices.Clone(rec.Nothing), func(other board.Nothing) bool {
			return other.Source == n.Source && slices.Equal(other.Fields, n.Fields)
		})
		if !n.Until.IsZero() {
			rec.Nothing = append(rec.Nothing, *n)
		}
		if len(rec.Nothing) == 0 {
			rec.Nothing = nil
		}
	}
	switch {
	case c.Item != nil:
		r.item(rec, c)
	case c.Call != nil:
		rec.Call = c.Call
	case c.Settled != nil:
		rec.Settled = c.Settled
	case c.Kind == board.FieldContended:
		if rec.Contended = rec.Frozen(); rec.Contended == nil {
			rec.Contended = map[string]board.Contention{}
		}
		rec.Contended[c.Field] = board.Contention{Sources: c.Sources, At: c.At, Wave: c.Wave}
	case c.Kind == board.RecordClosed:
		rec.State, rec.ClosedAt = board.Closed, c.At
	}
}

func (r *replica) item(rec *board.Record, c *board.Change) {
	list := rec.Items[c.List]
	held := slices.IndexFunc(list, func(i board.Item) bool { return i.ID == c.Item.ID })
	switch c.Kind {
	case board.ItemAdded:
		list = append(list, *c.Item)
	case board.ItemChanged:
		list[held] = *c.Item
	case board.ItemRemoved:
		list = slices.Delete(list, held, held+1)
	}
	rec.Items[c.List] = list
}

// D-3: a list and the changes since its cursor give the later list. Random operations, a random place to cut.
func TestSnapshotAndWatch(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPlayers(t)
		for range rapid.IntRange(0, 40).Draw(t, "before") {
			p.anything()
		}
		list, cursor := p.Snapshot("")
		mirror := newReplica(t, list)
		w, err := p.Watch(cursor)
		if err != nil {
			t.Fatalf("%v", err)
		}
		for range rapid.IntRange(0, 40).Draw(t, "after") {
			p.anything()
			if rapid.Bool().Draw(t, "read") {
				p.read(w, mirror)
			}
		}
		p.read(w, mirror)
		want, cursor := p.Snapshot("")
		if w.Cursor() != cursor {
			t.Fatalf("the watch is at %v, the list at %v", w.Cursor(), cursor)
		}
		if len(mirror.records) != len(want) {
			t.Fatalf("%d records, want %d", len(mirror.records), len(want))
		}
		for _, r := range want {
			if got, want := asJSON(t, mirror.records[r.ID]), asJSON(t, r); got != want {
				t.Fatalf("the watch gives\n%s\nthe list\n%s", got, want)
			}
		}
	})
}

func (p *players) read(w *board.Watch, mirror *replica) {
	for {
		changes, err := w.Next(rapid.IntRange(1, 20).Draw(p.rt, "limit"))
		if err != nil {
			p.t.Fatalf("%v", err)
		}
		if len(changes) == 0 {
			return
		}
		for _, c := range changes {
			mirror.apply(c)
		}
	}
}

// Records and changes that were shown are never written to again.
func TestShownIsImmutable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPlayers(t)
		kept := map[any]string{}
		for range 40 {
			p.anything()
			list, _ := p.Snapshot("")
			for _, r := range list {
				if _, known := kept[r]; !known {
					kept[r] = asJSON(t, r)
				}
			}
		}
		for r, text := range kept {
			if now := asJSON(t, r); now != text {
				t.Fatalf("a record that was shown as\n%s\nreads\n%s", text, now)
			}
		}
	})
}

func ExampleCursor() {
	fmt.Println(board.Cursor{Epoch: "k3v9", Seq: 17})
	// Output: k3v9:17
}

// D-2: a batch that is shown shows no more than itself, though newer versions exist already.
func TestShowsOnlyTheBatch(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	s.claim(r, "crm", "party.name", "Ann")
	batch := s.Take()
	s.claim(r, "crm", "party.name", "Anna")
	for _, c := range batch {
		s.inOrder(c)
	}
	s.Show(batch, true, s.now)
	if got := s.Get(r); got.Value("party.name") != "Ann" || got.Rev != batch[0].Rev {
		t.Errorf("shown is %q at rev %d, want what was committed", got.Value("party.name"), got.Rev)
	}
	s.show()
}

// D-9: that a webhook is not called any more is told to everybody, of no record.
func TestTellDisabled(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.TellDisabled("erp", "its target answered 410 Gone", s.now)
	batch := s.Take()
	if len(batch) != 1 || batch[0].Kind != board.WebhookDisabled || batch[0].App != "erp" || batch[0].Reason != "its target answered 410 Gone" || batch[0].Record != "" {
		t.Fatalf("got %+v", batch)
	}
	all := board.Filter{}
	if all.See(batch[0]) != board.Seen {
		t.Error("a reader without a filter does not see it")
	}
}
