package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/store/pgtest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := child(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if opened := os.Getenv(upgradeEnv); opened != "" {
		if err := upgrade(opened); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := pgtest.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		os.Exit(code)
	}))
}

// writer is a board on a store, as the committer drives it.
type writer struct {
	t     testing.TB
	store *Store
	board *board.Board
	epoch string
}

// newWriter restores a board from a store.
func newWriter(t testing.TB, s *Store) *writer {
	t.Helper()
	loaded, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{t: t, store: s, board: restored(loaded), epoch: loaded.Epoch}
	return w
}

func restored(loaded Loaded) *board.Board {
	n := loaded.Seq
	b := board.New(board.Options{Epoch: loaded.Epoch, NewID: func(kind string) string {
		n++
		return fmt.Sprintf("%s_%06d", kind, n)
	}})
	b.Restore(loaded.Records, loaded.Tail, loaded.Seq, loaded.Oldest)
	return b
}

// commit makes all that is pending durable and returns it.
func (w *writer) commit() []*board.Change {
	w.t.Helper()
	batch := w.board.Take()
	if err := w.store.Commit(w.t.Context(), w.epoch, batch); err != nil {
		w.t.Fatal(err)
	}
	w.board.Show(batch, true, time.Now())
	return batch
}

func (w *writer) open(number string) string {
	id, _ := w.board.OpenLookup("Alice", board.SourceUser, []board.NewClaim{{Field: "party.number", Value: number}}, time.Now())
	return id
}

func (w *writer) claim(record, field, value string) {
	w.t.Helper()
	if _, err := w.board.Claim(record, board.SourceUser, []board.NewClaim{{Field: field, Value: value}}, time.Now()); err != nil {
		w.t.Fatal(err)
	}
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "callboard.db") }

// openStore opens a store and closes it when the test ends; a store that the test has closed stays so.
func openStore(t testing.TB, path string) *Store {
	t.Helper()
	s, err := openAt(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !strings.Contains(err.Error(), "closed") {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// openAt opens a file or an address.
func openAt(ctx context.Context, at string) (*Store, error) {
	if inPostgres(at) {
		return OpenPostgres(ctx, at)
	}
	return OpenSQLite(ctx, at)
}

// same compares by JSON: times lose their monotonic reading on the way.
func same(t testing.TB, what string, got, want any) {
	t.Helper()
	a, errA := json.Marshal(got)
	b, errB := json.Marshal(want)
	if errors.Join(errA, errB) != nil || string(a) != string(b) {
		t.Errorf("%s: got %s, want %s", what, a, b)
	}
}
