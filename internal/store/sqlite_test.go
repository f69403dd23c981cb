package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// TestNew: an empty store has an epoch of its own, and nothing else.
func TestNew(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a folder", "of mine?#%", "callboard.db")
	s := openStore(t, path)
	first, err := s.Load(t.Context())
	if err != nil || first.Epoch == "" || first.Seq != 0 || first.Oldest != 0 || len(first.Records) != 0 || len(first.Tail) != 0 || !first.SeenAt.IsZero() {
		t.Errorf("got %+v, %v", first, err)
	}
	again, err := s.Load(t.Context())
	if err != nil || again.Epoch != first.Epoch {
		t.Errorf("the epoch was %s and is %s, %v", first.Epoch, again.Epoch, err)
	}
	other, err := openStore(t, file(t)).Load(t.Context())
	if err != nil || other.Epoch == first.Epoch {
		t.Errorf("two stores share the epoch %s, %v", other.Epoch, err)
	}
	for _, name := range []string{path, path + "-wal", path + ".lock"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm()&0o077 != 0 && !strings.HasSuffix(name, ".lock") {
			t.Errorf("%s can be read by others: %v", name, info.Mode())
		}
	}
	var journal string
	var synchronous int
	if err := errors.Join(s.writer.QueryRow("PRAGMA journal_mode").Scan(&journal), s.writer.QueryRow("PRAGMA synchronous").Scan(&synchronous)); err != nil || journal != "wal" || synchronous != 2 {
		t.Errorf("journal %s, synchronous %d, %v: want wal and 2 (FULL)", journal, synchronous, err)
	}
	if _, err := s.readers.Exec("DELETE FROM meta"); err == nil {
		t.Error("a reader can write")
	}
}

// TestReopen: records, changes, epoch and apps are there when the store is opened again.
func TestReopen(t *testing.T) { both(t, testReopen) }

func testReopen(t *testing.T, at string) {
	path := at
	s := openStore(t, path)
	w := newWriter(t, s)
	var records []string
	var log []*board.Change
	for i := range 5 {
		records = append(records, w.open(fmt.Sprint("+4512345670", i)))
		w.claim(records[i], "party.name", "Åse \u2028 李 \x00 ' OR 1=1--")
		if _, _, err := w.board.PutItem(records[i], "crm", board.NewItem{List: "notes", Text: "line one\nline two"}, time.Now()); err != nil {
			t.Fatal(err)
		}
		log = append(log, w.commit()...)
		if extra := w.board.Take(); len(extra) > 0 { // settled
			if err := s.Commit(t.Context(), w.epoch, extra); err != nil {
				t.Fatal(err)
			}
			w.board.Show(extra, true, time.Now())
			log = append(log, extra...)
		}
	}
	app := App{ID: "crm", Name: "CRM", TokenHash: [32]byte{1, 2, 3}, CreatedAt: time.Now().Truncate(time.Millisecond)}
	if err := errors.Join(s.AddApp(t.Context(), App{ID: "crm", Name: "old", TokenHash: [32]byte{9}}), s.AddApp(t.Context(), app),
		s.AddApp(t.Context(), App{ID: "gone", TokenHash: [32]byte{8}}), s.RemoveApp(t.Context(), "gone"), s.RemoveApp(t.Context(), "never")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, path)
	loaded, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Epoch != w.epoch || loaded.Seq != uint64(len(log)) || loaded.Oldest != 0 || len(loaded.Records) != 5 {
		t.Errorf("epoch %s, seq %d, oldest %d, %d records; want %s, %d, 0, 5", loaded.Epoch, loaded.Seq, loaded.Oldest, len(loaded.Records), w.epoch, len(log))
	}
	same(t, "the log", loaded.Tail, log)
	if newest := log[len(log)-1].At; loaded.SeenAt.Sub(newest).Abs() > time.Second {
		t.Errorf("seen at %v, the newest change was at %v", loaded.SeenAt, newest)
	}
	for _, id := range records {
		one, err := s.Record(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		same(t, id, one, w.board.Get(id))
	}
	if none, err := s.Record(t.Context(), "rec_none"); none != nil || err != nil {
		t.Errorf("a record that is not there: %v, %v", none, err)
	}
	apps, err := s.Apps(t.Context())
	if err != nil || len(apps) != 1 || apps[0].ID != "crm" || apps[0].Name != "CRM" || apps[0].TokenHash != app.TokenHash {
		t.Errorf("apps: %+v, %v", apps, err)
	}
	// The log goes on where it was.
	w = newWriter(t, s)
	w.claim(records[0], "party.email", "a@example.com")
	if batch := w.commit(); batch[0].Seq != uint64(len(log)+1) {
		t.Errorf("the next change has seq %d, want %d", batch[0].Seq, len(log)+1)
	}
}

// TestPaging reads the log in pieces of every size.
func TestPaging(t *testing.T) { both(t, testPaging) }

func testPaging(t *testing.T, at string) {
	s := openStore(t, at)
	w := newWriter(t, s)
	record := w.open("+4512345678")
	for i := range 24 {
		w.claim(record, "party.name", fmt.Sprint("Name ", i))
	}
	log := w.commit()
	for limit := 1; limit <= len(log)+1; limit++ {
		var all []*board.Change
		for after := uint64(0); ; {
			page, err := s.Changes(t.Context(), after, limit)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) > limit {
				t.Fatalf("%d changes where %d were asked for", len(page), limit)
			}
			if len(page) == 0 {
				break
			}
			all = append(all, page...)
			after = page[len(page)-1].Seq
		}
		same(t, fmt.Sprint("pages of ", limit), all, log)
	}
	for _, c := range []struct {
		after uint64
		limit int
		want  int
	}{{0, 0, 0}, {25, 10, 0}, {1 << 40, 10, 0}, {24, 10, 1}, {20, 3, 3}} {
		if page, err := s.Changes(t.Context(), c.after, c.limit); err != nil || len(page) != c.want {
			t.Errorf("after %d, at most %d: got %d, %v, want %d", c.after, c.limit, len(page), err, c.want)
		}
	}
}

// TestAtomic: of a batch that fails nothing is kept, and the same batch can be committed when the reason is gone.
func TestAtomic(t *testing.T) { both(t, testAtomic) }

func testAtomic(t *testing.T, at string) {
	s := openStore(t, at)
	w := newWriter(t, s)
	record := w.open("+4512345678")
	w.commit()
	before, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unchanged := func(when string) {
		t.Helper()
		after, err := s.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		same(t, when, after, before)
	}
	w.claim(record, "party.name", "One")
	w.claim(record, "party.name", "Two")
	batch := w.board.Take()
	other := *batch[0]
	other.Kind = board.RecordClosed
	if err := s.Commit(t.Context(), "another", append(slices.Clone(batch), &other)); err == nil || !strings.Contains(err.Error(), "has another one under this number") {
		t.Errorf("a seq was taken twice: %v", err)
	}
	unchanged("after a failed batch")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Commit(canceled, "another", batch); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	unchanged("after a canceled batch")
	says, free := full(t, s)
	for i := range 20 {
		w.claim(record, fmt.Sprint("x.crm.f", i), strings.Repeat("x", 8000))
	}
	batch = append(batch, w.board.Take()...)
	if err := s.Commit(t.Context(), "another", batch); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("a full disk: %v", err)
	}
	unchanged("on a full disk")
	free()
	if err := s.Commit(t.Context(), "another", batch); err != nil {
		t.Fatalf("when there is space again: %v", err)
	}
	after, err := s.Load(t.Context())
	if err != nil || after.Epoch != "another" || after.Seq != before.Seq+uint64(len(batch)) || after.Records[0].Value("party.name") != "Two" {
		t.Errorf("after: %+v, %v", after, err)
	}
}

// TestFailureIsNamed: a commit that fails names the change or the record that did, the first if there are several; nothing of it stays, and
// it can be made again. The listing does the same.
func TestFailureIsNamed(t *testing.T) { both(t, testFailureIsNamed) }

func testFailureIsNamed(t *testing.T, at string) {
	s := openStore(t, at)
	s.listing.stop()
	<-s.listing.stopped // nobody lists but this test
	w := newWriter(t, s)
	record := w.open("+4512345678")
	w.commit()
	before, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range mostTogether + 20 { // more than go to a server together
		w.claim(record, "party.name", "One")
		w.claim(record, "party.name", "Another")
	}
	fresh := w.open("+4587654321")
	batch := w.board.Take()
	commit := func() error {
		if s.dialect == &sqlite { // past the journal
			all, _, err := encode(batch, nil)
			return errors.Join(err, s.save(t.Context(), w.epoch, all))
		}
		return s.Commit(t.Context(), w.epoch, batch)
	}
	list := func() error { return s.list(t.Context()) }
	group := func(i int) string { // those that go into the log with one
		i -= i % changesAtOnce
		return fmt.Sprintf("changes %d to %d: ", batch[i].Seq, batch[i+changesAtOnce-1].Seq)
	}
	for _, c := range []struct {
		table, which, named string
		do                  func() error
	}{
		{"changes", fmt.Sprint("NEW.seq IN (", batch[9].Seq, ", ", batch[11].Seq, ")"), group(9), commit},
		{"changes", fmt.Sprint("NEW.seq = ", batch[mostTogether+10].Seq), group(mostTogether + 10), commit},
		{"records", "NEW.number = '+4587654321'", "record " + fresh + ": ", commit},
		{"", "", "", commit},
		{"call_words", "NEW.number LIKE '%87654321%'", "the log entry of record " + fresh + ": ", list},
		{"", "", "", list},
	} {
		if c.table == "" {
			if err := c.do(); err != nil {
				t.Fatalf("when nothing is refused: %v", err)
			}
			continue
		}
		stop := refusing(t, s, c.table, c.which)
		if err := c.do(); err == nil || !strings.Contains(err.Error(), c.named) || !strings.Contains(err.Error(), "it is refused") {
			t.Errorf("%s where %s: %v; want %q", c.table, c.which, err, c.named)
		}
		stop()
		if c.table == "call_words" {
			continue
		}
		after, err := s.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "after a failure", after, before)
	}
	if page, err := s.Log(t.Context(), board.LogQuery{Limit: 10}); err != nil || len(page.Entries) != 2 {
		t.Errorf("%d entries, %v", len(page.Entries), err)
	}
}

// TestTrim: the log reaches back 100,000 changes and 24 hours at least (D-8), and a load says where it begins.
func TestTrim(t *testing.T) { both(t, testTrim) }

func testTrim(t *testing.T, at string) {
	s := openStore(t, at)
	const all, old = keepChanges + 500, 300
	_, err := s.writer.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO changes SELECT i, CASE WHEN i <= ? THEN CAST(? AS BIGINT) ELSE ? END, '', 'app.gone', '{"seq":' || i || ',"kind":"app.gone"}' FROM n`,
		all, old, time.Now().Add(-keepFor-time.Minute).UnixMilli(), time.Now().Add(-keepFor+time.Minute).UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, s)
	begins := func() uint64 {
		loaded, err := s.Load(t.Context())
		if err != nil || len(loaded.Tail) != 100 || loaded.Tail[99].Seq != loaded.Seq {
			t.Fatalf("%d changes up to %d, %v", len(loaded.Tail), loaded.Seq, err)
		}
		return loaded.Oldest
	}
	w.open("+4512345678")
	w.commit()
	if got := begins(); got != 0 {
		t.Errorf("trimmed out of turn, the log begins after %d", got)
	}
	s.untrimmed = trimAfter - 1
	w.open("+4512345679")
	w.commit()
	if got := begins(); got != old {
		t.Errorf("the log begins after %d, want %d: what is younger than a day stays", got, old)
	}
	if _, err := s.writer.Exec("UPDATE changes SET at = 0"); err != nil {
		t.Fatal(err)
	}
	s.untrimmed = trimAfter - 1
	w.open("+4512345670")
	batch := w.commit()
	newest := batch[len(batch)-1].Seq
	if got, want := newest-begins(), uint64(keepChanges); got < want || got > want+1 {
		t.Errorf("%d changes are left, want %d", got, want)
	}
}

// TestHole: changes that were given up while the disk was full leave a hole; nobody is told a log across it.
func TestHole(t *testing.T) { both(t, testHole) }

func testHole(t *testing.T, at string) {
	s := openStore(t, at)
	if _, err := s.writer.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
		INSERT INTO changes SELECT i, 0, '', 'app.gone', '{"seq":' || i || '}' FROM n WHERE i NOT IN (20, 50, 51)`); err != nil {
		t.Fatal(err)
	}
	loaded, err := s.Load(t.Context())
	if err != nil || loaded.Oldest != 51 || len(loaded.Tail) != 49 || loaded.Tail[0].Seq != 52 || loaded.Seq != 100 {
		t.Errorf("oldest %d, %d changes, seq %d, %v; want 51, 49, 100", loaded.Oldest, len(loaded.Tail), loaded.Seq, err)
	}
}

// TestLoadedRecords: a board begins with all that is open and the newest of what is closed.
func TestLoadedRecords(t *testing.T) { both(t, testLoadedRecords) }

func testLoadedRecords(t *testing.T, at string) {
	s := openStore(t, at)
	if _, err := s.writer.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
		INSERT INTO records SELECT 'rec_' || i, 1, 'Alice', 'call', CASE WHEN i % 4 = 0 THEN 'open' ELSE 'closed' END, i, '', '{"id":"rec_' || i || '"}' FROM n`); err != nil {
		t.Fatal(err)
	}
	loaded, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, r := range loaded.Records {
		have[r.ID] = true
	}
	if len(have) != 200 || !have["rec_4"] || !have["rec_399"] || have["rec_1"] || have["rec_265"] || !have["rec_267"] {
		t.Errorf("%d records", len(have))
	}
}

// TestReadersWhileCommitting: reads from many goroutines see whole batches while the writer commits.
func TestReadersWhileCommitting(t *testing.T) { both(t, testReadersWhileCommitting) }

func testReadersWhileCommitting(t *testing.T, at string) {
	s := openStore(t, at)
	w := newWriter(t, s)
	record := w.open("+4512345678")
	w.commit()
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				r, err := s.Record(t.Context(), record)
				if err != nil || r == nil {
					t.Errorf("read: %v, %v", r, err)
					return
				}
				if a, b := r.Value("party.name"), r.Value("party.email"); a != b {
					t.Errorf("half a batch was seen: %q, %q", a, b)
				}
			}
		})
	}
	for i := range 100 {
		w.claim(record, "party.name", fmt.Sprint(i))
		w.claim(record, "party.email", fmt.Sprint(i))
		w.commit()
	}
	cancel()
	readers.Wait()
}

// TestVersion: SQLite must be one without the WAL-reset race.
func TestVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"3.51.3": true, "3.53.1": true, "4.0.0": true, "3.51.2": false, "3.44.6": false, "2.99.99": false, "": false, "x": false} {
		if got := recent(version); got != want {
			t.Errorf("%q: got %v, want %v", version, got, want)
		}
	}
	var linked string
	if err := openStore(t, file(t)).writer.QueryRow("SELECT sqlite_version()").Scan(&linked); err != nil || !recent(linked) {
		t.Errorf("SQLite %s, %v", linked, err)
	}
}

// TestFrozen: stores with these schemas exist. A migration that was given out is never edited; add a new file instead.
func TestFrozen(t *testing.T) {
	t.Parallel()
	frozen := map[string]string{
		"0001_records.sql":           "69a5f27af6aed525fac61db6f3de34aecba646aed411ad4528efc35b16e95007",
		"0002_commands.sql":          "2acdfcb0fd3922d343160789e810e1e6f29831ac4c5df6ab6e0a399eddbc1287",
		"0003_webhooks.sql":          "f0c8e4f23be60aa06495928b3e2d311553b103d873e0ff832957c7b290a81723",
		"0004_keys_and_erasures.sql": "b2d2a57bd4b4bd91a77498c561272ce23e0e6b2dbdbf6659ccde07a197b6e830",
		"0008_barred_apps.sql":       "be43c45d07eafedcf2ed71ae2d5e8fb2dec6c24fb25325270694535516c29f00",
		"0009_unseen_calls.sql":      "dd55b632f48bb87563cc0130398d5839f6bb4de0e3bc317f1ba5dc4a94795fd8",
		"0005_grants.sql":            "d738aaced0cc28c82c486a7ea5253ce495e058852b02c0bf6e906e5aa2f45314",
		"0006_calls.sql":             "6b84df4c192d0a5d74fd745f7ce9730fe533264be968084e6c62970aaf96a363",
	}
	files, err := migrations.ReadDir("migrations")
	if err != nil || len(files) != len(frozen) {
		t.Errorf("%d migrations, %d are frozen, %v: freeze a new one here when it is given out", len(files), len(frozen), err)
	}
	for name, want := range frozen {
		content, err := migrations.ReadFile("migrations/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(content)); got != want {
			t.Errorf("%s has the sum %s, it was given out with %s", name, got, want)
		}
	}
}
