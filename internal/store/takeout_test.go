package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/export"
)

func taken(t *testing.T, s *Store, f export.Format) string {
	t.Helper()
	var out bytes.Buffer
	if err := export.Write(t.Context(), &out, f, s); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func (s *Store) takeIn(t *testing.T, text string) (added, there int, err error) {
	t.Helper()
	return s.Import(t.Context(), export.NewReader(strings.NewReader(text)).Next)
}

// lived is a store in which something of each kind was said.
func lived(t *testing.T, at string, calls int) *Store {
	t.Helper()
	s := openStore(t, at)
	w := newWriter(t, s)
	id := w.open("+4512345678")
	for i, c := range []board.NewClaim{{Field: "party.name", Value: "Søren \"<&> \u2028 =cmd"}, {Field: "party.name", Value: "Soren", Quality: board.Guess}, {Field: "x.crm.owner", Value: "日本", TTL: time.Hour}} {
		if _, err := w.board.Claim(id, []string{"crm", "book", "crm"}[i], []board.NewClaim{c}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.board.Pin(id, "party.name", "book", time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.board.PutItem(id, board.SourceUser, board.NewItem{List: "notes", Text: "one\ntwo\tthree", Title: "a note"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.board.PutItem(id, "crm", board.NewItem{List: "links", URL: "https://example.com/?a=1&b=2", Title: "Deal"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	w.commit()
	r, n := rand.New(rand.NewPCG(uint64(calls), 3)), 0
	if _, _, err := s.Import(t.Context(), func() (*board.Record, error) {
		if n++; n > calls {
			return nil, io.EOF
		}
		rec := generated(r, fmt.Sprintf("rec_%05d", n), time.UnixMilli(1_700_000_000_000+r.Int64N(1e10)).UTC(), 40)
		rec.Origin = board.FromCall
		if rec.Call != nil {
			for i := range rec.Call.Views {
				rec.Call.Views[i].State, rec.Call.Views[i].Direction = rec.Call.State, rec.Call.Direction
			}
		}
		return rec, nil
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTakeout: what is exported and read into an empty store is exported again byte by byte, is found in its call log, and is not added twice.
func TestTakeout(t *testing.T) { both(t, testTakeout) }

func testTakeout(t *testing.T, at string) {
	from, to := lived(t, at, 437), openStore(t, another(t, at))
	before, err := to.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := taken(t, from, export.JSONL)
	if lines := strings.Count(out, "\n"); lines != 440 || !strings.Contains(out, `"pin":"book"`) {
		t.Fatalf("%d lines", lines)
	}
	for round, want := range [][2]int{{438, 0}, {0, 438}} {
		added, there, err := to.takeIn(t, out)
		if err != nil || added != want[0] || there != want[1] {
			t.Fatalf("round %d: %d added, %d there, %v", round, added, there, err)
		}
		for _, f := range []export.Format{export.JSONL, export.VCard} {
			if again := taken(t, to, f); again != taken(t, from, f) {
				t.Errorf("round %d: the %s is another", round, f)
			}
		}
		all := board.LogQuery{Limit: 50}
		if got, want := to.walk(t, all, nil), from.walk(t, all, nil); len(got) != 438 || !sameSet(got, want) {
			t.Errorf("round %d: the call log has %d", round, len(got))
		}
	}
	if got := to.walk(t, board.LogQuery{Text: "two three", Within: everything, Limit: 5}, nil); len(got) != 1 {
		t.Errorf("found by a note: %v", got)
	}
	after, err := to.Load(t.Context())
	if err != nil || after.Epoch == before.Epoch {
		t.Errorf("readers are not told: epoch %q, before %q, %v", after.Epoch, before.Epoch, err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	if inPostgres(at) {
		return
	}
	if found, _, err := Check(t.Context(), to.path); err != nil || len(found) > 0 {
		t.Errorf("the check: %v, %v", found, err)
	}
}

func sameSet(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// TestTakenHalf: of a file in which something is wrong nothing is stored, wherever that is.
func TestTakenHalf(t *testing.T) { both(t, testTakenHalf) }

func testTakenHalf(t *testing.T, at string) {
	whole := taken(t, lived(t, at, 20), export.JSONL)
	lines := strings.SplitAfter(strings.TrimSuffix(whole, "\n"), "\n")
	for i := range lines {
		broken := slices.Clone(lines)
		broken[i] = "{\"record\":\n"
		s := openStore(t, another(t, at))
		before, err := s.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = s.takeIn(t, strings.Join(broken, ""))
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("line %d: ", i+1)) || !strings.HasSuffix(err.Error(), "nothing was stored") {
			t.Errorf("line %d: %v", i+1, err)
		}
		after, err := s.Load(t.Context())
		if some, errSome := s.RecordsAfter(t.Context(), "", 10); errors.Join(err, errSome) != nil || len(some) > 0 || after.Epoch != before.Epoch || len(s.walk(t, board.LogQuery{Limit: 10}, nil)) > 0 {
			t.Errorf("line %d: %d records are there, %v", i+1, len(some), errors.Join(err, errSome))
		}
		s.Close()
	}
}

// TestTakenInLeavesWhatIsThere: a record that was written on since is not set back.
func TestTakenInLeavesWhatIsThere(t *testing.T) { both(t, testTakenInLeavesWhatIsThere) }

func testTakenInLeavesWhatIsThere(t *testing.T, at string) {
	s := openStore(t, at)
	w := newWriter(t, s)
	id := w.open("+4512345678")
	w.commit()
	out := taken(t, s, export.JSONL)
	w.claim(id, "party.name", "Later")
	w.commit()
	if added, there, err := s.takeIn(t, out); added != 0 || there != 1 || err != nil {
		t.Errorf("%d, %d, %v", added, there, err)
	}
	if r, err := s.Record(t.Context(), id); err != nil || r.Value("party.name") != "Later" {
		t.Errorf("%+v, %v", r, err)
	}
	if loaded, err := s.Load(t.Context()); err != nil || loaded.Epoch != w.epoch {
		t.Errorf("a new epoch began though nothing was added: %v", err)
	}
}
