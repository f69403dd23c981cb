package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sentence checks that an error is one sentence for a person: the file, the reason, the remedy, and nothing of ours.
func sentence(t *testing.T, err error, path string, wants ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	text := err.Error()
	for _, want := range append(wants, path) {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not say %q", text, want)
		}
	}
	for _, never := range []string{"\n", "goroutine", ".go:", "goose", "sqlite:", "panic"} {
		if strings.Contains(text, never) {
			t.Errorf("%q says %q", text, never)
		}
	}
}

// TestOpenErrors: what cannot be opened says so in one sentence, and is left as it is.
func TestOpenErrors(t *testing.T) {
	t.Parallel()
	t.Run("no database", func(t *testing.T) {
		t.Parallel()
		path := file(t)
		content := bytes.Repeat([]byte("this is no database. "), 1000)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := OpenSQLite(t.Context(), path)
		sentence(t, err, path, "not a database", "backup", "move the file away")
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, content) {
			t.Errorf("the file was changed: %v", err)
		}
	})
	t.Run("damaged", func(t *testing.T) {
		t.Parallel()
		path := file(t)
		s := openStore(t, path)
		w := newWriter(t, s)
		for i := range 40 {
			w.claim(w.open(fmt.Sprint("+45123456", 10+i)), "party.bio", strings.Repeat("x", 4000))
		}
		w.commit()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := len(content) / 4; i < len(content)*3/4; i++ {
			content[i] ^= 0x5a
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = OpenSQLite(t.Context(), path)
		sentence(t, err, path, "cannot be used", "backup")
	})
	t.Run("cut", func(t *testing.T) {
		t.Parallel()
		path := file(t)
		s := openStore(t, path)
		w := newWriter(t, s)
		w.claim(w.open("+4512345678"), "party.bio", strings.Repeat("x", 8000))
		w.commit()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 10_000); err != nil {
			t.Fatal(err)
		}
		_, err := OpenSQLite(t.Context(), path)
		sentence(t, err, path, "cannot be used", "backup")
	})
	t.Run("a folder", func(t *testing.T) {
		t.Parallel()
		path := file(t)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		_, err := OpenSQLite(t.Context(), path)
		sentence(t, err, path, "is a directory", "data folder")
	})
	t.Run("in a file", func(t *testing.T) {
		t.Parallel()
		blocker := file(t)
		if err := os.WriteFile(blocker, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := OpenSQLite(t.Context(), filepath.Join(blocker, "callboard.db"))
		sentence(t, err, blocker, "not a directory", "data folder")
	})
	t.Run("a link to itself", func(t *testing.T) {
		t.Parallel()
		path := file(t)
		if err := os.Symlink(path, path); err != nil {
			t.Fatal(err)
		}
		_, err := OpenSQLite(t.Context(), path)
		sentence(t, err, path, "right to read and write")
	})
	t.Run("not allowed", func(t *testing.T) {
		t.Parallel()
		path := file(t)
		openStore(t, path).Close()
		if err := errors.Join(os.Chmod(path, 0), os.Chmod(filepath.Dir(path), 0o755), os.Chmod(filepath.Dir(filepath.Dir(path)), 0o755)); err != nil {
			t.Fatal(err)
		}
		err := asNobody(func() error { _, err := OpenSQLite(t.Context(), path); return err })
		sentence(t, err, path, "permission denied", "right to read and write")
	})
	t.Run("the journal is none", func(t *testing.T) {
		t.Parallel()
		path := file(t)
		openStore(t, path).Close()
		if err := errors.Join(os.Remove(path+journalEnd), os.Mkdir(path+journalEnd, 0o700)); err != nil {
			t.Fatal(err)
		}
		_, err := OpenSQLite(t.Context(), path)
		sentence(t, err, path+journalEnd, "is no file", "read and write")
		if err != nil && strings.Contains(err.Error(), "move") { // what was committed last would be lost
			t.Errorf("%q sends the database away", err)
		}
	})
	t.Run("opened twice", func(t *testing.T) {
		t.Parallel()
		path := file(t)
		s := openStore(t, path)
		_, err := OpenSQLite(t.Context(), path)
		sentence(t, err, path, "in use by another Callboard", "stop that one")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		openStore(t, path)
	})
	t.Run("newer", func(t *testing.T) {
		t.Parallel()
		path := file(t)
		s := openStore(t, path)
		w := newWriter(t, s)
		w.open("+4512345678")
		w.commit()
		if _, err := s.writer.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, 1)"); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := OpenSQLite(t.Context(), path)
		sentence(t, err, path, "newer Callboard (schema 1000, this one knows ", "use the newer")
		if strings.Contains(err.Error(), "backup") {
			t.Errorf("%q sends the person to a backup", err)
		}
	})
	t.Run("an empty file is a new store", func(t *testing.T) {
		t.Parallel()
		path := file(t)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		openStore(t, path)
	})
}
