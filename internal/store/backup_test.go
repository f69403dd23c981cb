package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// filled is a store with some records, and the board on it.
func filled(t *testing.T, path string, records int) *writer {
	t.Helper()
	w := newWriter(t, openStore(t, path))
	for i := range records {
		w.claim(w.open(fmt.Sprintf("+4511%06d", i)), "party.name", fmt.Sprint("Ann Canary ", i))
	}
	w.commit()
	return w
}

// TestBackup: a backup that is made while changes are committed is whole, nobody else's to read, and replaces nothing.
func TestBackup(t *testing.T) {
	t.Parallel()
	path, to := file(t), filepath.Join(t.TempDir(), "copy.db")
	w := filled(t, path, 300)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				w.open(fmt.Sprintf("+4522%06d", i))
				batch := w.board.Take()
				if err := w.store.Commit(t.Context(), w.epoch, batch); err != nil {
					t.Error(err)
					return
				}
				w.board.Show(batch, true, time.Now())
			}
		}
	}()
	err := Backup(t.Context(), path, to)
	close(stop)
	<-stopped
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if found, idle, err := Check(t.Context(), to); err != nil || len(found) > 0 || !idle {
		t.Errorf("%v, %v, %v", found, idle, err)
	}
	if loaded, err := openStore(t, to).Load(t.Context()); err != nil || loaded.Epoch != w.epoch || loaded.Seq < 600 {
		t.Errorf("it has %d changes of epoch %s, %v", loaded.Seq, loaded.Epoch, err)
	}
	before, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	sentence(t, Backup(t.Context(), path, to), to, "is there already", "another name")
	if after, err := os.ReadFile(to); err != nil || !slices.Equal(before, after) {
		t.Errorf("the backup was changed, %v", err)
	}
	sentence(t, Backup(t.Context(), path, filepath.Join(path, "copy.db")), path, "cannot back up", "room")
	none := filepath.Join(t.TempDir(), "none.db")
	sentence(t, Backup(t.Context(), none, to+"2"), none, "no database", "--config")
	if left, _ := filepath.Glob(filepath.Dir(to) + "/*" + halfEnd); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestRestore: what was there at the backup is there again, under a new epoch; what was there before is kept beside it (D-1, D-6).
func TestRestore(t *testing.T) {
	t.Parallel()
	path, to := file(t), filepath.Join(t.TempDir(), "copy.db")
	w := filled(t, path, 20)
	if err := w.store.AddApp(t.Context(), App{ID: "old", Name: "Old", CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := Backup(t.Context(), path, to); err != nil {
		t.Fatal(err)
	}
	late := w.open("+4599999999")
	w.commit()
	if err := w.store.RemoveApp(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	if err := w.store.BeginErasure(t.Context(), board.Match{ID: "era_1", Words: []string{"ann canary 3"}}, "", time.Now()); err != nil {
		t.Fatal(err)
	}
	_, err := Restore(t.Context(), path, to, time.Now())
	sentence(t, err, path, "in use by another Callboard", "stop that one")
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	done, err := Restore(t.Context(), path, to, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(done.Erasures, []string{"era_1"}) || !slices.Equal(done.Apps, []string{"old"}) {
		t.Errorf("erased since %v, removed since %v", done.Erasures, done.Apps)
	}
	s := openStore(t, path)
	loaded, err := s.Load(t.Context())
	if err != nil || loaded.Epoch == w.epoch || len(loaded.Records) != 20 {
		t.Errorf("epoch %q after %q, %d records, %v", loaded.Epoch, w.epoch, len(loaded.Records), err)
	}
	if r, err := s.Record(t.Context(), late); r != nil || err != nil {
		t.Errorf("what came later is there: %v, %v", r, err)
	}
	if r, err := openStore(t, done.Aside).Record(t.Context(), late); r == nil || err != nil {
		t.Errorf("it is not in what was put aside: %v, %v", r, err)
	}
	if left, _ := filepath.Glob(path + ".restore*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestRestoreKilled: where a restore is broken off before the backup is in its place, the database has all that its journal has; so has what is
// put aside, and the backup has nothing of it.
func TestRestoreKilled(t *testing.T) {
	t.Parallel()
	path, killed, restored, to := file(t), file(t), file(t), filepath.Join(t.TempDir(), "copy.db")
	w, letGo := behind(t, path)
	if err := Backup(t.Context(), path, to); err != nil {
		t.Fatal(err)
	}
	late := w.open("+4512345678")
	w.commit()
	leave(t, path, killed)
	leave(t, path, restored)
	letGo()
	has := func(at string, want bool) {
		t.Helper()
		s := openStore(t, at)
		if r, err := s.Record(t.Context(), late); (r != nil) != want || err != nil {
			t.Errorf("%s: %v, %v", at, r, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := putAside(t.Context(), killed, killed+".before"); err != nil {
		t.Fatal(err)
	}
	has(killed, true)
	done, err := Restore(t.Context(), restored, to, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	has(done.Aside, true)
	has(restored, false)
}

// TestRestoreFromBeside: a backup that lies where a restore puts what it has half done is refused and kept.
func TestRestoreFromBeside(t *testing.T) {
	t.Parallel()
	path := file(t)
	if err := filled(t, path, 1).store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{restoreEnd, restoreEnd + "-wal"} {
		if err := Backup(t.Context(), path, path+end); err != nil {
			t.Fatal(err)
		}
		_, err := Restore(t.Context(), path, path+end, time.Now())
		sentence(t, err, path+end, "cannot restore", "move it")
		if found, _, err := Check(t.Context(), path+end); err != nil || len(found) > 0 {
			t.Errorf("%s: %v, %v", end, found, err)
		}
	}
	folder := t.TempDir()
	_, err := Restore(t.Context(), path, folder, time.Now())
	sentence(t, err, folder, "is no file", "name the file")
}

// TestRestoreWhatIsNone: what is no backup changes nothing; a database that is damaged can be replaced.
func TestRestoreWhatIsNone(t *testing.T) {
	t.Parallel()
	path, to := file(t), filepath.Join(t.TempDir(), "copy.db")
	if err := filled(t, path, 50).store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Backup(t.Context(), path, to); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	for i, bad := range [][]byte{[]byte(strings.Repeat("no database at all. ", 500)), content[:len(content)/2]} {
		name := filepath.Join(t.TempDir(), "bad.db")
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		_, err := Restore(t.Context(), path, name, time.Now())
		sentence(t, err, name, "cannot restore", "as it was")
		if after, err := os.ReadFile(path); err != nil || !slices.Equal(before, after) {
			t.Errorf("%d: the database was changed, %v", i, err)
		}
	}
	if err := os.WriteFile(path, content[:len(content)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	done, err := Restore(t.Context(), path, to, now)
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile(done.Aside); err != nil || len(kept) != len(content)/2 {
		t.Errorf("the damaged one: %d bytes, %v", len(kept), err)
	}
	if found, _, err := Check(t.Context(), path); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
	if err := os.Mkdir(path+journalEnd, 0o700); err != nil {
		t.Fatal(err)
	}
	again, err := Restore(t.Context(), path, to, now)
	if err != nil || again.Aside == done.Aside {
		t.Errorf("in the same second, where the journal is none: %+v, %v", again, err)
	}
}

// TestCheck: each fault is found, named with what to do, and mended where it can be.
func TestCheck(t *testing.T) {
	t.Parallel()
	for _, fault := range []struct{ query, what, remedy string }{
		{`DELETE FROM changes WHERE seq = 7`, "the change log has a hole: from 7 to 7", "--mend"},
		{`UPDATE changes SET body = '{' WHERE seq = 5`, "a change cannot be read: 5", "restore"},
		{`UPDATE changes SET kind = 'call.ended' WHERE seq = 5`, "a change is not what its row says: 5", "restore"},
		{`UPDATE records SET body = 'x' WHERE id = (SELECT min(id) FROM records)`, "a record cannot be read", "restore"},
		{`UPDATE records SET number = '1'`, "a record is not what its row says", "restore"},
		{`DELETE FROM calls WHERE n = (SELECT min(n) FROM calls)`, "the call log lacks a record", "--mend"},
		{`UPDATE calls SET sum = sum + 1`, "the call log says something else than the record", "--mend"},
		{`DELETE FROM call_words WHERE n = (SELECT min(n) FROM call_words)`, "an entry of the call log has no words", "--mend"},
		{`UPDATE call_words SET name = 'other' WHERE n = (SELECT min(n) FROM call_words)`, "the search index is not that of the call log", "--mend"},
		{`DELETE FROM records WHERE id = (SELECT min(id) FROM records)`, "the call log has a record that there is not", "--mend"},
		{`INSERT INTO erasures (id, asked_at, who, proof) VALUES ('era_1', 1, '', 'x')`, "the proof of an erasure cannot be read: era_1", "restore"},
		{`PRAGMA foreign_keys = 0; INSERT INTO webhook_deliveries (id, hook, epoch, seq, kind, record, at, state) VALUES ('d1', 'none', 'e', 1, 'k', 'r', 1, 'done')`, "a delivery belongs to no webhook: d1", "restore"},
		{`INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, 1)`, "written by a newer Callboard: schema 1000", "newer"},
	} {
		t.Run(fault.what, func(t *testing.T) {
			t.Parallel()
			path := file(t)
			w := filled(t, path, 10)
			if err := w.store.list(t.Context()); err != nil {
				t.Fatal(err)
			}
			if found, idle, err := Check(t.Context(), path); err != nil || idle || len(found) > 0 {
				t.Fatalf("while it runs, before: %v, %v, %v", found, idle, err)
			}
			if _, err := w.store.writer.Exec(fault.query); err != nil {
				t.Fatal(err)
			}
			if err := w.store.Close(); err != nil {
				t.Fatal(err)
			}
			found, _, err := Check(t.Context(), path)
			if err != nil || len(found) == 0 || !slices.ContainsFunc(found, func(f Finding) bool {
				return strings.Contains(f.What, fault.what) && strings.Contains(f.Remedy, fault.remedy)
			}) {
				t.Errorf("found %v, %v", found, err)
			}
			if fault.remedy != "--mend" {
				return
			}
			if err := Mend(t.Context(), path); err != nil {
				t.Fatal(err)
			}
			if found, _, err := Check(t.Context(), path); err != nil || len(found) > 0 {
				t.Errorf("mended, %v, %v", found, err)
			}
		})
	}
	t.Run("damaged", func(t *testing.T) {
		t.Parallel()
		path := file(t)
		if err := filled(t, path, 200).store.Close(); err != nil {
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
		if found, _, err := Check(t.Context(), path); err == nil && len(found) == 0 {
			t.Error("nothing was found")
		}
	})
}

// TestMendAfterKill: where a kill has left the call log behind, all of it is made anew, too.
func TestMendAfterKill(t *testing.T) {
	t.Parallel()
	path, killed := file(t), file(t)
	w := filled(t, path, 10)
	w.commit() // that they have settled
	if err := w.store.list(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.open("+4599999999")
	w.commit()
	leave(t, path, killed)
	if err := Mend(t.Context(), killed); err != nil {
		t.Fatal(err)
	}
	if found, idle, err := Check(t.Context(), killed); err != nil || len(found) > 0 || !idle {
		t.Errorf("mended, %v, %v, %v", found, idle, err)
	}
}
