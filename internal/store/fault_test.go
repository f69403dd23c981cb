package store

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// TestCommitAgain: a commit whose outcome is not known is made again and does nothing twice; another change under a used
// seq is refused, and so is what comes with it (FLT-07).
func TestCommitAgain(t *testing.T) { both(t, testCommitAgain) }

func testCommitAgain(t *testing.T, at string) {
	s := openStore(t, at)
	w := newWriter(t, s)
	record := w.open("+4512345678")
	w.claim(record, "party.name", "One")
	w.claim(record, "party.bio", "<b> & \u2028")
	batch := w.commit()
	before, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), w.epoch, batch); err != nil {
		t.Errorf("the same again: %v", err)
	}
	w.claim(record, "party.name", "Two")
	more := slices.Concat(batch, w.board.Take())
	if err := s.Commit(t.Context(), w.epoch, more); err != nil {
		t.Errorf("the same again with more: %v", err)
	}
	after, err := s.Load(t.Context())
	if err != nil || len(after.Tail) != len(more) {
		t.Fatalf("%d changes, %v", len(after.Tail), err)
	}
	same(t, "what was there", after.Tail[:len(batch)], before.Tail)
	for what, change := range map[string]func(*board.Change){
		"another value":  func(c *board.Change) { c.Fields = map[string]*board.Field{"party.name": nil} },
		"another record": func(c *board.Change) { c.Record = "rec_other" },
		"another time":   func(c *board.Change) { c.At = c.At.Add(time.Hour) },
		"struck":         func(c *board.Change) { *c = *c.Struck() }, // the store strikes by itself
	} {
		other := *batch[1]
		change(&other)
		fresh := &board.Change{Seq: after.Seq + 1, At: time.Now(), Kind: board.AppGone, App: "crm"}
		if err := s.Commit(t.Context(), w.epoch, []*board.Change{fresh, &other}); err == nil {
			t.Errorf("%s was taken under a used seq", what)
		}
		if now, err := s.Load(t.Context()); err != nil || now.Seq != after.Seq {
			t.Errorf("%s: what came with it is there: %d, %v", what, now.Seq, err)
		}
	}
	// The store has struck it meanwhile: it stays struck.
	if _, err := s.writer.Exec("UPDATE changes SET kind = ?, body = ? WHERE seq = ?", board.RecordErased, `{"seq":`+fmt.Sprint(batch[1].Seq)+`}`, int64(batch[1].Seq)); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), w.epoch, batch); err != nil {
		t.Errorf("one that was struck: %v", err)
	}
	if left, err := s.Changes(t.Context(), batch[1].Seq-1, 1); err != nil || len(left[0].Fields) > 0 {
		t.Errorf("it is not struck any more: %+v, %v", left, err)
	}
}

// TestFilesGone: SQLite writes on into a file that was deleted; we do not (FLT-07).
func TestFilesGone(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		suffix string
		spoil  func(path string) error
		says   string
	}{
		"deleted":         {"", os.Remove, "was deleted or moved"},
		"the log deleted": {"-wal", os.Remove, "was deleted or moved"},
		"shm deleted":     {"-shm", os.Remove, "was deleted or moved"},
		"journal deleted": {journalEnd, os.Remove, "was deleted or moved"},
		"replaced": {"", func(path string) error {
			return errors.Join(os.WriteFile(path+".new", nil, 0o600), os.Rename(path+".new", path))
		}, "was replaced"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			path := file(t)
			s := openStore(t, path)
			w := newWriter(t, s)
			record := w.open("+4512345678")
			w.commit()
			if err := s.Commit(t.Context(), w.epoch, nil); err != nil {
				t.Errorf("a sound store: %v", err)
			}
			if err := c.spoil(path + c.suffix); err != nil {
				t.Fatal(err)
			}
			w.claim(record, "party.name", "One")
			for _, batch := range [][]*board.Change{nil, w.board.Take()} {
				err := s.Commit(t.Context(), w.epoch, batch)
				told, ok := errors.AsType[*telephony.Error](err)
				if !ok || told.Code != telephony.CodeStore || !strings.Contains(told.Message, path+c.suffix+" "+c.says) || !strings.Contains(told.Remedy, "restart Callboard") {
					t.Errorf("%d changes: %v", len(batch), err)
				}
			}
		})
	}
	t.Run("put back", func(t *testing.T) {
		t.Parallel()
		path := file(t)
		s := openStore(t, path)
		w := newWriter(t, s)
		w.open("+4512345678")
		batch := w.board.Take()
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(t.Context(), w.epoch, batch); err == nil {
			t.Error("committed to a file that was moved away")
		}
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(t.Context(), w.epoch, batch); err != nil {
			t.Errorf("after it was put back: %v", err)
		}
	})
}

// TestWALIsBounded: however much is written, the write-ahead log stays short, also beside readers; after a reader that has
// held it long it is cut again; and at rest it is copied into the database (FLT-07).
func TestWALIsBounded(t *testing.T) {
	t.Parallel()
	path := file(t)
	s := openStore(t, path)
	w := newWriter(t, s)
	record := w.open("+4512345678")
	w.commit()
	size := func() int64 {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	n := 0
	write := func(mebibytes int) (most int64) {
		for range mebibytes * 4 {
			for range 64 {
				n++
				w.claim(record, "party.bio", strings.Repeat("x", 2000)+fmt.Sprint(n))
			}
			w.commit()
			if n%1024 == 0 {
				if _, err := s.Changes(t.Context(), uint64(max(0, n-500)), 500); err != nil {
					t.Fatal(err)
				}
			}
			most = max(most, size())
		}
		if err := s.settle(t.Context()); err != nil { // the database is behind what is committed
			t.Fatal(err)
		}
		return max(most, size())
	}
	if most := write(6); most > walAtRest {
		t.Errorf("the log has grown to %d bytes", most)
	}
	// A program of somebody else reads the database and does not end.
	reader, err := s.readers.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var count int
	if err := reader.QueryRow("SELECT count(*) FROM changes").Scan(&count); err != nil {
		t.Fatal(err)
	}
	if most := write(9); most < walAtRest {
		t.Errorf("the reader did not hold the log: %d bytes; this proves nothing", most)
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // what the database takes first copies the log, the next begins it anew
		write(1)
	}
	if now := size(); now > walAtRest {
		t.Errorf("after the reader had ended the log has %d bytes", now)
	}
	if err := s.Commit(t.Context(), w.epoch, nil); err != nil {
		t.Fatal(err)
	}
	var busy, log, copied int
	if err := s.writer.QueryRow("PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &log, &copied); err != nil || log != copied {
		t.Errorf("at rest %d of %d pages are copied, %v", copied, log, err)
	}
}

// TestLocked: another program that holds the database for writing is waited for half a second, no longer (FLT-07).
func TestLocked(t *testing.T) {
	t.Parallel()
	path := file(t)
	s := openStore(t, path)
	w := newWriter(t, s)
	w.open("+4512345678")
	other := &Store{dialect: &sqlite, inFile: inFile{path: path, lock: flock.New(path + ".other")}, listing: newListing()} // as `sqlite3 callboard.db` would: it knows nothing of the lock file
	if err := other.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer errorsOf(t, other.Close)
	tx, err := other.writer.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	batch := w.board.Take()
	if err := s.Commit(t.Context(), w.epoch, batch); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("while it is held: %v", err)
	}
	release := time.AfterFunc(50*time.Millisecond, func() { tx.Rollback() })
	defer release.Stop()
	if err := s.Commit(t.Context(), w.epoch, batch); err != nil {
		t.Errorf("one that lets go in time: %v", err)
	}
}

func errorsOf(t *testing.T, closers ...func() error) {
	t.Helper()
	for _, c := range closers {
		if err := c(); err != nil {
			t.Error(err)
		}
	}
}
