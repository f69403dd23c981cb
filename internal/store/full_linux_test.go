package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/callboard-dev/callboard/internal/store/disktest"
)

// TestOpenOnFullDisk: a start that has no room is told to make some, and not to put the database away; with room it is as it was.
func TestOpenOnFullDisk(t *testing.T) {
	t.Parallel()
	disk := disktest.New(t, "size=32m")
	path, ballast := filepath.Join(disk, "callboard.db"), filepath.Join(disk, "ballast")
	s := openStore(t, path)
	w := newWriter(t, s)
	record := w.open("+4512345678")
	w.commit()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	disktest.Fill(t, ballast)
	_, err := OpenSQLite(t.Context(), path)
	sentence(t, err, path, "cannot be used", "free space on the disk")
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if r, err := openStore(t, path).Record(t.Context(), record); err != nil || r == nil {
		t.Errorf("with room again: %v, %v", r, err)
	}
}
