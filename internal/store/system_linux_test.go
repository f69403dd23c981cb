package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestIdentify: a file is the same by either way of asking, another one is not, and one that is not there is told of as such.
func TestIdentify(t *testing.T) {
	t.Parallel()
	one, other := file(t), file(t)
	for _, name := range []string{one, other} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for what, ask := range map[string]func(string) (identity, error){
		"statx":        func(name string) (identity, error) { return identify(name, false) },
		"statx, brisk": func(name string) (identity, error) { return identify(name, true) },
		"stat":         identifyByStat,
	} {
		first, err := identify(one, false)
		again, errAgain := ask(one)
		if err != nil || errAgain != nil || !first.same(again) {
			t.Errorf("%s: %v (%v) and %v (%v)", what, first, err, again, errAgain)
		}
		if second, err := ask(other); err != nil || first.same(second) {
			t.Errorf("%s of another file: %v (%v)", what, second, err)
		}
		if _, err := ask(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of none: %v", what, err)
		}
	}
}

// TestJournalIsPipe: a pipe in the place of the journal is told of, and not waited for; a restore takes it away.
func TestJournalIsPipe(t *testing.T) {
	t.Parallel()
	path, backup := file(t), filepath.Join(t.TempDir(), "backup.db")
	openStore(t, path).Close()
	if err := Backup(t.Context(), path, backup); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(path+journalEnd), syscall.Mkfifo(path+journalEnd, 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err := OpenSQLite(t.Context(), path)
	sentence(t, err, path+journalEnd, "is no file", "read and write")
	if err := Backup(t.Context(), path, backup+".2"); err == nil {
		t.Error("a backup was made without what is in the journal")
	}
	if _, err := Restore(t.Context(), path, backup, time.Now()); err != nil {
		t.Fatal(err)
	}
	openStore(t, path)
}
