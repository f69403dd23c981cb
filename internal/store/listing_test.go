package store

import (
	"fmt"
	"testing"

	"github.com/callboard-dev/callboard/internal/board"
)

// TestListedAfterKill: the log follows behind the commits, and what a program that was killed has not listed the next one lists.
func TestListedAfterKill(t *testing.T) {
	t.Parallel()
	path := file(t)
	s := openStore(t, path)
	w := newWriter(t, s)
	first := w.open("+4511000001")
	w.commit()
	if got := s.walk(t, board.LogQuery{Limit: 10}, nil); len(got) != 1 {
		t.Fatalf("whoever reads the log reads %d entries", len(got))
	}
	s.listing.turn <- struct{}{} // nothing is listed any more
	w.claim(first, "party.name", "Ann Canary")
	for i := range 3 * listAtOnce {
		w.open(fmt.Sprintf("+4522%06d", i))
	}
	w.commit()
	copied := file(t)
	leave(t, path, copied)
	<-s.listing.turn
	for what, s := range map[string]*Store{"the one that goes on": s, "the one after a kill": openStore(t, copied)} {
		if got := s.walk(t, board.LogQuery{Limit: 10}, nil); len(got) != 1+3*listAtOnce {
			t.Errorf("%s: %d entries", what, len(got))
		}
		if got := s.walk(t, board.LogQuery{Text: "canary", Within: everything, Limit: 10}, nil); len(got) != 1 || got[0] != first {
			t.Errorf("%s: %v has the name", what, got)
		}
	}
}

// TestListedTo: what is listed is not looked at again at the next start.
func TestListedTo(t *testing.T) { both(t, testListedTo) }

func testListedTo(t *testing.T, at string) {
	path := at
	s := openStore(t, path)
	w := newWriter(t, s)
	for i := range 3 * listAtOnce {
		w.open(fmt.Sprintf("+4522%06d", i))
	}
	w.commit()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, path)
	if owed, _ := s.listing.take(); len(owed) > 0 {
		t.Errorf("%d records are owed", len(owed))
	}
}
