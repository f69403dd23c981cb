package board_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callboard-dev/callboard/internal/board"
)

// anyRecord is a record with all that one may have.
func anyRecord(t *rapid.T) *board.Record {
	r := &board.Record{ID: "rec_1", Rev: 7, OpenedAt: begin, Fields: map[string]*board.Field{}, Items: map[string][]board.Item{}}
	text := rapid.StringN(0, 12, 40)
	when := func() time.Time { return begin.Add(time.Duration(rapid.Int64Range(-1<<50, 1<<50).Draw(t, "ns"))) }
	works := []string{"", "work_1", "work_2", "work_1"}
	for range rapid.IntRange(0, 6).Draw(t, "fields") {
		f := &board.Field{Others: rapid.IntRange(0, 300).Draw(t, "others"), Pin: text.Draw(t, "pin"), Blank: rapid.Bool().Draw(t, "blank")}
		for range rapid.IntRange(0, 2).Draw(t, "hidden") {
			f.Hidden = append(f.Hidden, text.Draw(t, "source"))
		}
		for range rapid.IntRange(0, 4).Draw(t, "claims") {
			c := board.Claim{Source: text.Draw(t, "source"), Value: text.Draw(t, "value"), Quality: pick(t, []board.Quality{board.Guess, board.Derived, board.Matched, board.Verified, board.Confirmed}, "quality"),
				At: begin, Wave: 1, Round: 2, Work: pick(t, works, "work"), Seq: 5}
			if rapid.Bool().Draw(t, "another write") {
				c.At, c.Wave, c.Round, c.Seq = when(), rapid.Int64Range(0, 1<<40).Draw(t, "wave"), rapid.IntRange(0, 50).Draw(t, "round"), rapid.Uint64().Draw(t, "seq")
			}
			if rapid.Bool().Draw(t, "expires") {
				c.Expires = when()
			}
			c.Candidate = rapid.Bool().Draw(t, "candidate")
			f.Claims = append(f.Claims, c)
		}
		r.Fields[text.Draw(t, "name")] = f
	}
	for range rapid.IntRange(0, 2).Draw(t, "items") {
		r.Items["notes"] = append(r.Items["notes"], board.Item{ID: text.Draw(t, "id"), Source: "user", At: begin, ChangedAt: begin.Add(time.Hour), Text: text.Draw(t, "text")})
	}
	return r
}

// A record that was packed reads as before.
func TestPackedReadsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := anyRecord(t)
		if got, want := asJSON(t, board.Repack(r)), asJSON(t, r); got != want {
			t.Fatalf("packed and unpacked it reads\n%s\nbefore\n%s", got, want)
		}
	})
}

// A record that nobody touches is packed, reads and lists as before, and wakes when somebody does something.
func TestRest(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	en := s.register("crm", "party.number", "party.name")
	typed := []board.NewClaim{{Field: "party.number", Value: number}}
	r, _ := s.OpenLookup("desk", "user", typed, s.now)
	s.show()
	s.answer(en, s.work(en), "party.name", "Ann", "x.crm.owner", "Kim")
	s.sleep(59 * time.Second)
	if s.Footprint().Packed != 0 {
		t.Fatal("packed too soon")
	}
	before := asJSON(t, s.Get(r))
	s.sleep(3 * time.Second)
	if f := s.Footprint(); f.Packed != 1 || f.PackedBytes == 0 {
		t.Fatalf("packed %+v", f)
	}
	list, _ := s.Snapshot(board.Open)
	if got := asJSON(t, s.Get(r)); got != before || len(list) != 1 || asJSON(t, list[0]) != before {
		t.Errorf("at rest it reads\n%s\nbefore\n%s", got, before)
	}
	if s.noWork(en); len(s.show()) != 0 {
		t.Error("resting is a change")
	}
	s.Unregister(en, s.now)
	en = s.register("crm", "party.number", "party.name")
	s.noWork(en) // what it has worked with is not forgotten
	s.sleep(time.Second)
	if again, _ := s.OpenLookup("desk", "user", typed, s.now); again != r {
		t.Error("at rest it is not found by its number")
	}
	s.claim(r, "user", "party.name", "Anna")
	s.show()
	if s.Footprint().Packed != 0 {
		t.Error("it is at rest with a change")
	}
	if w := s.work(en); w.Record.Value("x.crm.owner") != "Kim" || !slices.Equal(w.Changed, []string{"party.name"}) {
		t.Errorf("work on %v", w.Changed)
	}
	s.sleep(2 * time.Minute)
	s.show()
	s.sleep(2 * time.Minute)
	if joined := s.ring("c1", number); joined != r || s.Get(r).Value("x.crm.owner") != "Kim" {
		t.Error("the call did not join what was at rest")
	}
	s.Unregister(en, s.now)
	s.show()
	s.sleep(2 * time.Minute)
	en = s.register("crm", "party.number", "party.name")
	if works := s.TakeWork(en, 10, s.now); len(works) != 1 || works[0].Record.Value("party.name") != "Anna" {
		t.Errorf("back again it is given %d works", len(works))
	}
}

// Words that apps make up do not grow the board without bound.
func TestMadeUpWords(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for i := range 40 {
		r, _ := s.OpenLookup("desk", "user", []board.NewClaim{{Field: "party.number", Value: fmt.Sprint("+45", i)}}, s.now)
		for k := range 4 {
			var claims []board.NewClaim
			for n := range 50 {
				claims = append(claims, board.NewClaim{Field: fmt.Sprintf("x.evil.f%d_%d_%d", i, k, n), Value: "1"})
			}
			s.must(s.Claim(r, "evil", claims, s.now))
		}
	}
	before, _ := s.Snapshot("")
	s.sleep(2 * time.Minute)
	after, _ := s.Snapshot("")
	if f := s.Footprint(); f.Packed != 40 || len(after) != 40 {
		t.Fatalf("%+v", f)
	}
	for i := range after {
		if asJSON(t, after[i]) != asJSON(t, before[i]) {
			t.Errorf("record %d reads another", i)
		}
	}
}
