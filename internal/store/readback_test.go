package store

import (
	"slices"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// TestCallsBetween: a line's calls by when they began, whenever their record was opened; no lookups and no other line's.
func TestCallsBetween(t *testing.T) { both(t, testCallsBetween) }

func testCallsBetween(t *testing.T, at string) {
	s := openStore(t, at)
	noon := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	var batch []*board.Change
	add := func(id, line string, at time.Time, call bool) {
		r := &board.Record{ID: id, Rev: 1, Line: line, Origin: board.FromLookup, State: board.Closed, OpenedAt: noon.Add(-72 * time.Hour), Wave: 1}
		if call {
			r.Call = &telephony.Call{ID: telephony.CallID("call_" + id), State: telephony.Ended, Direction: telephony.Inbound, StartedAt: at, EndedAt: at, Result: telephony.Missed}
		}
		batch = append(batch, &board.Change{Seq: uint64(len(batch) + 1), At: noon, Kind: board.RecordOpened, Record: id, Line: line, Opened: r, After: r})
	}
	add("early", "a", noon.Add(-time.Hour), true)
	add("first", "a", noon, true)
	add("other", "b", noon, true)
	add("lookup", "a", noon, false)
	add("second", "a", noon.Add(time.Minute), true)
	add("late", "a", noon.Add(time.Hour), true)
	if err := s.Commit(t.Context(), "e1", batch); err != nil {
		t.Fatal(err)
	}
	for most, want := range map[int][]string{10: {"first", "second"}, 1: {"second"}} {
		var got []string
		records, err := s.CallsBetween(t.Context(), "a", noon, noon.Add(time.Hour), most)
		for _, r := range records {
			got = append(got, r.ID)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("at most %d: %v, %v", most, got, err)
		}
	}
	if at, err := s.SeenUpTo(t.Context(), "a"); err != nil || !at.IsZero() {
		t.Errorf("at first: %s, %v", at, err)
	}
	for _, at := range []time.Time{noon, noon.Add(time.Hour)} {
		if err := s.KeepSeenUpTo(t.Context(), "a", at); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, at)
	other, _ := s.SeenUpTo(t.Context(), "b")
	if at, err := s.SeenUpTo(t.Context(), "a"); err != nil || !at.Equal(noon.Add(time.Hour)) || !other.IsZero() {
		t.Errorf("kept: %s, %v; of another line %s", at, err, other)
	}
}
