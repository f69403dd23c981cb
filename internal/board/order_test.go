package board_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callboard-dev/callboard/internal/board"
)

// deed is something that one source does to a record.
type deed struct {
	source, what, field, value string
	quality                    board.Quality
}

func (d deed) do(s *stage, r string) {
	var err error
	switch d.what {
	case "claim":
		_, err = s.Claim(r, d.source, []board.NewClaim{{Field: d.field, Value: d.value, Quality: d.quality}}, s.now)
	case "pin":
		_, err = s.Pin(r, d.field, d.value, s.now)
	case "hide":
		_, err = s.Hide(r, d.field, d.value, s.now)
	case "unhide":
		_, err = s.Unhide(r, d.field, d.value, s.now)
	case "candidate":
		_, _, err = s.PutItem(r, d.source, board.NewItem{List: board.Candidates, ID: d.source + d.value,
			Fields: map[string]string{d.field: "of " + d.source + d.value}}, s.now)
	case "note":
		_, _, err = s.PutItem(r, d.source, board.NewItem{List: "notes", ID: d.source, Text: d.value}, s.now)
	}
	if err != nil {
		s.t.Fatalf("%+v: %v", d, err)
	}
}

// deeds are what each source does, in its own order. An app has no more turns than its fuel allows.
func deeds(t *rapid.T) [][]deed {
	sources := []string{"aa", "bb", "cc", "user"}
	names := []string{"party.name", "party.company"}
	all := make([][]deed, len(sources))
	for i, source := range sources {
		fresh := map[string]int{}
		for range rapid.IntRange(0, 4).Draw(t, "deeds") {
			d := deed{source: source, what: "claim", field: pick(t, names, "field")}
			d.quality = pick(t, []board.Quality{board.Guess, board.Matched, board.Verified}, "quality")
			fresh[d.field]++
			d.value = pick(t, []string{"", "x", "X ", "y", source}, "value")
			switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
			case source == "user" && kind < 4:
				d.what = pick(t, []string{"pin", "hide", "unhide"}, "verdict")
				d.value = pick(t, sources[:3], "about")
			case source == "user":
				d.quality = ""
				if kind == 5 {
					d.field, d.value = "party.candidate", pick(t, []string{"", "aa/aa1", "bb/bb1"}, "picked")
				}
			case kind == 0:
				d.what, d.value = "candidate", fmt.Sprint(rapid.IntRange(1, 2).Draw(t, "id"))
			case kind == 1:
				d.what, d.value = "note", pick(t, []string{"a", "b"}, "text")
			case fresh[d.field] > 2:
				d.value = "" // a withdrawal is always possible
			}
			all[i] = append(all[i], d)
		}
	}
	return all
}

// mixed does the deeds in some order, each source's own kept, some of them twice, at any time.
func mixed(t *rapid.T, s *stage, r string, all [][]deed, label string) {
	var turns []int
	for i := range all {
		turns = append(turns, slices.Repeat([]int{i}, len(all[i]))...)
	}
	next := make([]int, len(all))
	for _, i := range rapid.Permutation(turns).Draw(t, label) {
		d := all[i][next[i]]
		next[i]++
		s.now = begin.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
		for range rapid.IntRange(1, 2).Draw(t, "times") {
			d.do(s, r)
		}
		if rapid.Bool().Draw(t, "commit") {
			s.show()
		}
	}
	s.show()
}

// plainRecord leaves away of a record what is about when and why, not about what is shown.
func plainRecord(t tester, r *board.Record) string {
	text := ""
	names := make([]string, 0, len(r.Fields))
	for name := range r.Fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f := r.Fields[name]
		text += fmt.Sprintf("%s others %d pin %q hidden %q blank %v\n", name, f.Others, f.Pin, f.Hidden, f.Blank)
		for _, c := range f.Claims {
			text += fmt.Sprintf("  %s=%q/%s %v\n", c.Source, c.Value, c.Quality, c.Candidate)
		}
	}
	for _, list := range []string{"notes", board.Candidates} {
		var items []string
		for _, i := range r.Items[list] {
			items = append(items, fmt.Sprint(i.Source, i.ID, i.Text, asJSON(t, i.Fields)))
		}
		slices.Sort(items)
		text += fmt.Sprintln(list, items)
	}
	return text
}

// B-18: for any order and duplication of the same writes - claims, withdrawals, pins, hides, candidates, the person's
// pick - the shown record is equal. Each source's own order is kept, and nobody runs out of fuel.
func TestSameResultInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := deeds(t)
		play := func(label string) string {
			s := newStage(t, func(o *board.Options) {
				o.Authority = map[string][]string{"party.*": {"bb"}}
				o.Order = []string{"cc"}
			})
			r := s.ring("c1", number)
			mixed(t, s, r, all, label)
			return plainRecord(t, s.Get(r))
		}
		if a, b := play("one order"), play("another order"); a != b {
			t.Fatalf("one order gives\n%s\nanother\n%s", a, b)
		}
	})
}
