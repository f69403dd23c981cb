package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// leave copies the files of a store as a kill leaves them.
func leave(t *testing.T, path, to string) {
	t.Helper()
	for _, end := range []string{"", "-wal", journalEnd} {
		data, err := os.ReadFile(path + end)
		if err == nil {
			err = os.WriteFile(to+end, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// behind is a store whose database does not follow its journal until it is let go; what is in the journal only has been committed.
func behind(t *testing.T, path string) (w *writer, letGo func()) {
	t.Helper()
	w = newWriter(t, openStore(t, path))
	w.open("+4511000001")
	w.commit() // the first one brings the epoch
	if err := w.store.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.store.saving.turn <- struct{}{}
	held := true
	letGo = func() {
		if held {
			held = false
			<-w.store.saving.turn
		}
	}
	t.Cleanup(letGo)
	return w, letGo
}

// seqs are those of the whole log.
func seqs(t *testing.T, s *Store) (all []uint64) {
	t.Helper()
	changes, err := s.Changes(t.Context(), 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		all = append(all, c.Seq)
	}
	return all
}

// TestJournal: what was committed while the database was behind is there after a kill, in the next life and the one after it, and in a
// backup; the one that was not killed has it too.
func TestJournal(t *testing.T) {
	t.Parallel()
	path, killed, backup := file(t), file(t), filepath.Join(t.TempDir(), "backup.db")
	w, letGo := behind(t, path)
	record := w.open("+4511000002")
	w.commit()
	w.claim(record, "party.name", "Ann")
	w.commit()
	w.claim(record, "party.name", "Anna")
	last := w.commit()
	var stored int
	if err := w.store.readers.QueryRow(`SELECT count(*) FROM records`).Scan(&stored); err != nil || stored != 1 {
		t.Fatalf("%d records, %v: the database is not behind, so this proves nothing", stored, err)
	}
	leave(t, path, killed)
	if err := Backup(t.Context(), path, backup); err != nil {
		t.Fatal(err)
	}
	letGo()
	want := last[len(last)-1]
	for what, at := range map[string]string{"the one that goes on": path, "the one that was killed": killed, "the backup": backup} {
		for range 2 {
			s := w.store
			if at != path {
				s = openStore(t, at)
			}
			all := seqs(t, s)
			if len(all) == 0 || all[0] != 1 || all[len(all)-1] != want.Seq || len(all) != int(want.Seq) {
				t.Errorf("%s: seqs %v, want 1 to %d", what, all, want.Seq)
			}
			got, err := s.Record(t.Context(), record)
			if err != nil || got == nil {
				t.Fatalf("%s: %v, %v", what, got, err)
			}
			same(t, what, got, want.After)
			if at != path {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestJournalTorn: of a journal that ends anywhere, what is whole counts, in order; and nothing of one that belongs to another database or
// has a hole before it.
func TestJournalTorn(t *testing.T) {
	t.Parallel()
	path := file(t)
	w, letGo := behind(t, path)
	ends := []int64{0}
	for i := range 3 {
		w.open(fmt.Sprintf("+451200000%d", i))
		w.commit()
		ends = append(ends, w.store.journal.segments[0].at)
	}
	text, err := readJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	left := func(text []byte) int {
		_, changes, err := missing(t.Context(), w.store.readers, text)
		if err != nil {
			t.Errorf("a journal of %d bytes: %v", len(text), err)
		}
		return len(changes)
	}
	all := left(text)
	if all < 3 {
		t.Fatalf("%d changes are left", all)
	}
	before := 0
	for i := 1; i < len(ends); i++ {
		now := left(text[:ends[i]])
		if now <= before {
			t.Errorf("entry %d has brought nothing", i)
		}
		said := int64(binary.LittleEndian.Uint32(text[ends[i-1]+8:]))
		for at := ends[i-1]; at < ends[i-1]+journalHead+said; at++ {
			if got := left(text[:at]); got != before {
				t.Fatalf("cut at %d: %d changes, want %d", at, got, before)
			}
			spoilt := slices.Clone(text[:ends[i]])
			spoilt[at] ^= 0x10
			if got := left(spoilt); got != before && at >= 8 { // another generation from the first entry on is as good as any
				t.Fatalf("spoilt at %d: %d changes, want %d", at, got, before)
			}
		}
		before = now
	}
	again := slices.Clone(text) // as when it was begun anew since
	copy(again[ends[1]:], []byte{1, 2, 3, 4, 5, 6, 7, 8})
	if got, want := left(again), left(text[:ends[1]]); got != want {
		t.Errorf("behind an entry of an earlier generation: %d changes, want %d", got, want)
	}
	if got := left(text[ends[1]:]); got != 0 {
		t.Errorf("behind a hole: %d changes", got)
	}
	var packed []byte // as earlier versions wrote it
	for i, at := range ends[:len(ends)-1] {
		packed = append(packed, text[at:at+journalHead+int64(binary.LittleEndian.Uint32(text[at+8:]))]...)
		if want := left(text[:ends[i+1]]); left(slices.Concat(packed, make([]byte, 100))) != want {
			t.Errorf("%d entries right behind each other: %d changes, want %d", i+1, left(packed), want)
		}
	}
	letGo()
	other := openStore(t, file(t))
	newWriter(t, other)
	if _, changes, err := missing(t.Context(), other.readers, text); err != nil || len(changes) > 0 {
		t.Errorf("of another database: %d changes, %v", len(changes), err)
	}
}

// fillSegment commits until an entry has gone into the other segment of the journal, and returns the seq before that entry.
func (w *writer) fillSegment(record string) (before uint64) {
	for begins := w.store.journal.filled; w.store.journal.filled == begins; {
		before = w.board.Newest().Seq
		for i := range 100 {
			w.claim(record, "party.bio", strings.Repeat("x", 3000)+fmt.Sprint(before, i))
		}
		w.commit()
	}
	return before
}

// TestJournalSegments: where the database is behind when a segment is full, commits go on in the other one, whichever of them it is; after a
// kill all is there, in order.
func TestJournalSegments(t *testing.T) {
	t.Parallel()
	path := file(t)
	w, letGo := behind(t, path)
	letGo()
	record := w.open("+4512345678")
	for range 2 {
		if err := w.store.saving.lock(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.fillSegment(record)
		newest := w.board.Newest().Seq
		killed := file(t)
		leave(t, path, killed)
		w.store.saving.unlock()
		if all := seqs(t, openStore(t, killed)); len(all) != int(newest) || all[len(all)-1] != newest {
			t.Errorf("%d changes, want %d", len(all), newest)
		}
		if err := w.store.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestJournalFull: what has no room there, the database takes at once, behind what it owes.
func TestJournalFull(t *testing.T) {
	t.Parallel()
	path := file(t)
	w, letGo := behind(t, path)
	record := w.open("+4512345678")
	small := w.commit()
	for i := range 2000 {
		w.claim(record, "party.bio", strings.Repeat("x", 3000)+fmt.Sprint(i))
	}
	letGo()
	large := w.commit()
	if owed, _, _ := w.store.saving.debt(); len(owed) > 0 {
		t.Errorf("%d changes are owed", len(owed))
	}
	if all := seqs(t, w.store); len(all) != int(large[len(large)-1].Seq) || len(small) == 0 {
		t.Errorf("%d changes, want %d", len(all), large[len(large)-1].Seq)
	}
}

// TestJournalRefused: a database that does not take what is in the journal is told of with the next commit; when it does again, all is there.
func TestJournalRefused(t *testing.T) {
	t.Parallel()
	path := file(t)
	w, letGo := behind(t, path)
	w.open("+4512345678")
	w.commit()
	hold, err := sql.Open("sqlite", source(path, "busy_timeout(500)"))
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	hold.SetMaxOpenConns(1)
	if _, err := hold.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	letGo()
	if err := w.store.settle(t.Context()); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("while it is held: %v", err)
	}
	if err := w.store.Commit(t.Context(), w.epoch, nil); err == nil {
		t.Error("the store says that it is sound")
	}
	w.open("+4512345679")
	batch := w.board.Take()
	if err := w.store.Commit(t.Context(), w.epoch, batch); err == nil {
		t.Error("more was taken")
	}
	if _, err := hold.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := w.store.Commit(t.Context(), w.epoch, batch); err != nil {
		t.Errorf("after it: %v", err)
	}
	if all := seqs(t, w.store); len(all) != int(batch[len(batch)-1].Seq) {
		t.Errorf("%d changes, want %d", len(all), batch[len(batch)-1].Seq)
	}
}

// TestJournalCut: in a journal that another program has cut nothing is put behind what has gone: the database takes it at once.
func TestJournalCut(t *testing.T) {
	t.Parallel()
	path, killed := file(t), file(t)
	w, letGo := behind(t, path)
	w.open("+4512345678")
	w.commit()
	if err := os.Truncate(path+journalEnd, 0); err != nil {
		t.Fatal(err)
	}
	letGo()
	w.open("+4512345679")
	batch := w.commit()
	leave(t, path, killed)
	if all := seqs(t, openStore(t, killed)); len(all) != int(batch[len(batch)-1].Seq) {
		t.Errorf("%d changes, want %d", len(all), batch[len(batch)-1].Seq)
	}
}

// TestJournalEarlier: of a journal that stood beside a later state of its database nothing comes back, also when that has got as far again.
func TestJournalEarlier(t *testing.T) {
	t.Parallel()
	path, earlier, killed := file(t), file(t), file(t)
	w, letGo := behind(t, path)
	leave(t, path, earlier) // as it is put back by hand, beside the journal
	record := w.open("+4512345678")
	letGo()
	w.commit()
	if err := w.store.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.store.saving.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	upTo := w.fillSegment(record)
	w.store.saving.unlock()
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := readJournal(path)
	if err == nil {
		err = os.WriteFile(earlier+journalEnd, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	w = newWriter(t, openStore(t, earlier))
	if w.board.Newest().Seq >= upTo {
		t.Fatal("the journal is right behind the database, so this proves nothing")
	}
	record = w.open("+4587654321")
	for n := 0; w.board.Newest().Seq < upTo; n++ {
		w.claim(record, "party.bio", fmt.Sprint(n))
		w.commit()
	}
	leave(t, earlier, killed)
	if all := seqs(t, openStore(t, killed)); len(all) != int(upTo) {
		t.Errorf("%d changes, want %d", len(all), upTo)
	}
}

// TestJournalNotOurs: of a journal that cannot be written nothing is left that says something of people: nobody could clean it.
func TestJournalNotOurs(t *testing.T) {
	t.Parallel()
	path := file(t)
	if err := os.WriteFile(path+journalEnd, []byte("Ann Canary"), 0o444); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
		if err := os.Chmod(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	err := asNobody(func() error {
		_, err := openJournal(path)
		return err
	})
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("it was opened: %v", err)
	}
	if _, err := os.Stat(path + journalEnd); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

// TestJournalLong: what somebody has put behind a journal is not read.
func TestJournalLong(t *testing.T) {
	t.Parallel()
	path, killed := file(t), file(t)
	w, letGo := behind(t, path)
	w.open("+4512345678")
	batch := w.commit()
	leave(t, path, killed)
	letGo()
	if err := os.Truncate(killed+journalEnd, 1<<40); err != nil {
		t.Fatal(err)
	}
	if all := seqs(t, openStore(t, killed)); len(all) != int(batch[len(batch)-1].Seq) {
		t.Errorf("%d changes, want %d", len(all), batch[len(batch)-1].Seq)
	}
}

// asked is a context that does something when it is first asked for its end.
type asked struct {
	context.Context
	first func()
}

func (a asked) Done() <-chan struct{} {
	a.first()
	return a.Context.Done()
}

// TestSettleLate: who has waited to have the database take what is owed, and finds that a commit has done so in another epoch, leaves that one.
func TestSettleLate(t *testing.T) {
	t.Parallel()
	w, letGo := behind(t, file(t))
	w.open("+4512345678")
	w.commit()
	next, saves := NewEpoch(), 0
	err := w.store.settle(asked{t.Context(), sync.OnceFunc(func() {
		letGo()
		if err := w.store.Commit(t.Context(), next, nil); err != nil {
			t.Error(err)
		}
		saves = w.store.unsaved
	})})
	if err != nil {
		t.Fatal(err)
	}
	if epoch, err := meta(t.Context(), w.store.readers, metaEpoch); err != nil || epoch != next {
		t.Errorf("epoch %q, want %q; %v", epoch, next, err)
	}
	if w.store.unsaved != saves {
		t.Error("nothing was written, as a commit of its own")
	}
}

// TestScrub: what was in the journal is not there any more once it was cleaned, and it goes on being one.
func TestScrub(t *testing.T) {
	t.Parallel()
	path := file(t)
	w, letGo := behind(t, path)
	record := w.open("+4512345678")
	w.claim(record, "party.name", "Ann Canary")
	w.commit()
	says := func() bool {
		text, err := readJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(text), "Canary")
	}
	if !says() {
		t.Fatal("the name is not in the journal, so this proves nothing")
	}
	letGo()
	if err := w.store.scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	if says() {
		t.Error("the name is still there")
	}
	w.claim(record, "party.name", "Bob")
	batch := w.commit()
	killed := file(t)
	leave(t, path, killed)
	if all := seqs(t, openStore(t, killed)); len(all) != int(batch[len(batch)-1].Seq) {
		t.Errorf("%d changes after it, want %d", len(all), batch[len(batch)-1].Seq)
	}
}

// TestScrubBeside: what is committed while the journal is cleaned is in the one or in the database, whenever the program is killed.
func TestScrubBeside(t *testing.T) {
	t.Parallel()
	path := file(t)
	w, letGo := behind(t, path)
	letGo()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				if err := w.store.scrub(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	defer func() {
		close(stop)
		<-stopped
	}()
	for i := range 150 {
		w.open(fmt.Sprintf("+4512%06d", i))
		batch := w.commit()
		last := batch[len(batch)-1].Seq
		text, err := readJournal(path) // before the database, which takes what is taken out of it
		if err != nil {
			t.Fatal(err)
		}
		_, left, err := missing(t.Context(), w.store.readers, text)
		if err != nil {
			t.Fatal(err)
		}
		var newest uint64
		if err := w.store.readers.QueryRow(`SELECT max(seq) FROM changes`).Scan(&newest); err != nil {
			t.Fatal(err)
		}
		if len(left) > 0 {
			newest = max(newest, left[len(left)-1].Seq)
		}
		if newest < last {
			t.Fatalf("a kill would leave all up to %d, but %d is committed", newest, last)
		}
	}
}

// FuzzJournal: whatever stands in a journal, reading it ends.
func FuzzJournal(f *testing.F) {
	change := &board.Change{Seq: 1, At: time.UnixMilli(0).UTC(), Kind: board.AppGone, App: "crm"}
	batch, _, err := encode([]*board.Change{change}, nil)
	if err != nil {
		f.Fatal(err)
	}
	entry := appendEntry(nil, 7, "epoch", batch)
	f.Add(entry)
	f.Add(entry[:len(entry)-1])
	f.Add(slices.Concat(entry, entry, make([]byte, 40)))
	f.Fuzz(func(t *testing.T, text []byte) {
		for said := range entries(text) {
			readEntry(said)
		}
		readEntry(text)
	})
}
