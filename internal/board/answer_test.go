package board_test

import (
	"testing"

	"github.com/callboard-dev/callboard/internal/board"
)

// D-10: a second answer to one work doubles no item that has no id.
func TestSecondAnswer(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	crm := s.register("crm", "party.number")
	r := s.ring("c1", number)
	w := s.work(crm)
	a := board.Answer{Items: []board.NewItem{{List: "notes", Text: "one"}, {List: "notes", Text: "one"}, {List: "links", Text: "x", URL: "https://example.com/1"}}}
	for n, want := range []int{3, 0, 0} {
		if done, err := s.Answer("crm", w.ID, a, s.now); err != nil || done.Changed != want {
			t.Errorf("answer %d: %+v, %v", n+1, done, err)
		}
		s.show()
	}
	a.Items = append(a.Items, board.NewItem{List: "notes", Text: "two"}, board.NewItem{List: "notes", Text: "one"})
	if done, err := s.Answer("crm", w.ID, a, s.now); err != nil || done.Changed != 2 {
		t.Errorf("with two more: %+v, %v", done, err)
	}
	s.show()
	if r := s.Get(r); len(r.Items["notes"]) != 4 || len(r.Items["links"]) != 1 {
		t.Errorf("the items: %+v", r.Items)
	}
}
