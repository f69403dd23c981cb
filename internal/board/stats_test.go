package board_test

import (
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// B-10, B-15: what is due, what is under way and what fuel was spent and refused can be asked for.
func TestStats(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	crm := s.register("crm", "party.number")
	r := s.ring("c1", number)
	want := func(what string, inFlight, due, spent, suspended, refused int) {
		t.Helper()
		if got, want := s.Stats(), (board.Stats{InFlight: inFlight, Due: due, Changes: len(s.log), Spent: spent, Suspended: suspended, Refused: refused}); got != want {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
	}
	want("it rings", 0, 1, 0, 0, 0)
	w := s.work(crm)
	want("the work is taken", 1, 0, 0, 0, 0)
	s.answer(crm, w, "party.company", "Acme")
	want("it is answered", 0, 0, 1, 0, 0)
	for _, name := range []string{"An", "Ann", "Anna", "Anne", "Anni"} {
		s.tries(r, "mail", "party.name", name)
	}
	want("an app is out of fuel on a field", 0, 0, 4, 1, 2)
	s.claim(r, "user", "party.name", "Mette")
	for range 2 {
		s.now = s.now.Add(time.Second)
		s.claim(r, "book", "party.bio", s.id("bio"))
	}
	s.show()
	want("others write", 0, 0, 6, 1, 2)
}
