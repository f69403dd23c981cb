//go:build linux

package store

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/store/disktest"
	"github.com/callboard-dev/callboard/internal/store/pgtest"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// TestServersDiskFull fills the disk of a real server. Where a table cannot grow the server goes on, and takes what was not taken as soon
// as there is room. Where its write-ahead log cannot it stops by itself, in the middle of a commit, and goes on when it is started again.
func TestServersDiskFull(t *testing.T) {
	t.Parallel()
	t.Run("tables", func(t *testing.T) {
		t.Parallel()
		disk := disktest.New(t, "size=80m")
		own, err := pgtest.StartIn(disk, "")
		if err != nil {
			t.Fatal(err)
		}
		says := []string{"changes ", "No space left on device", "free space on the disk of the database server"}
		fillServer(t, own, disk, true, says, func() error { return nil })
	})
	t.Run("log", func(t *testing.T) {
		t.Parallel()
		disk := disktest.New(t, "size=36m")
		own, err := pgtest.StartIn("", disk)
		if err != nil {
			t.Fatal(err)
		}
		fillServer(t, own, disk, false, []string{"start the database server"}, func() error { return errors.Join(own.Stop(), own.Run()) })
	})
}

// fillServer commits to a server with a full disk until it takes no more, and again when there is room. up: the server goes on meanwhile.
func fillServer(t *testing.T, own *pgtest.Server, disk string, up bool, says []string, mend func() error) {
	t.Cleanup(func() {
		if err := own.Close(); err != nil {
			t.Error(err)
		}
	})
	w, record := begun(t, own.URL())
	s := w.store
	ballast := filepath.Join(disk, "ballast")
	disktest.Fill(t, ballast)
	var batch []*board.Change
	var err error
	for commits := 0; err == nil; commits++ {
		if commits == 100 {
			t.Fatal("it still commits")
		}
		w.board.Show(batch, true, time.Now())
		for range 32 {
			w.claim(record, "party.bio", unlike(8<<10))
		}
		batch = w.board.Take()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err = s.Commit(ctx, w.epoch, batch)
		cancel()
	}
	told, ok := errors.AsType[*telephony.Error](err)
	if !ok || told.Code != telephony.CodeStore || !strings.Contains(told.Remedy, "Callboard goes on by itself") {
		t.Errorf("on a full disk: %v", err)
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("on a full disk: %v; want %q", err, part)
		}
	}
	if up { // a start finds all that was kept
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		s = openStore(t, own.URL())
		if loaded, err := s.Load(t.Context()); err != nil || len(loaded.Records) != 1 {
			t.Errorf("a start on a full disk: %d records, %v", len(loaded.Records), err)
		}
	}
	if err := errors.Join(os.Remove(ballast), mend()); err != nil {
		t.Fatal(err)
	}
	commitSoon(t, s, w.epoch, batch)
	loaded, err := s.Load(t.Context())
	if want := batch[len(batch)-1].Seq; err != nil || loaded.Seq != want || loaded.Oldest != 0 {
		t.Errorf("afterwards changes from %d to %d are there, want all up to %d: %v", loaded.Oldest, loaded.Seq, want, err)
	}
	if r, err := s.Record(t.Context(), record); err != nil || r.Value("party.bio") != batch[len(batch)-1].After.Value("party.bio") {
		t.Errorf("the record is not what it was: %v", err)
	}
}

// unlike is a text that cannot be packed.
func unlike(size int) string {
	raw := make([]byte, size/2)
	crand.Read(raw)
	return hex.EncodeToString(raw)
}
