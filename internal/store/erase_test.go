package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

const canaryNumber = "+4587654321"

var canary = board.Match{ID: "era_1", Numbers: []string{canaryNumber, "87654321"}, Words: []string{"Canary Bird"}}

// traces are what the canary leaves in bytes.
var traces = []string{"87654321", "canary", "87 65 43 21", "secret cage"}

// grepFiles finds the canary in the bytes of a database.
func grepFiles(t testing.TB, path string) (found []string) {
	t.Helper()
	names := []string{path, path + "-wal", path + "-shm", path + "-journal", path + journalEnd}
	if inPostgres(path) {
		names = tableFiles(t, path)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		for _, trace := range traces {
			if bytes.Contains(bytes.ToLower(content), []byte(trace)) {
				found = append(found, name+": "+trace)
			}
		}
	}
	return found
}

// nest fills a store with the canary among many others, in records that grow and change, and in answers.
func nest(t testing.TB, w *writer, others int) (own, other string) {
	t.Helper()
	own = w.open(canaryNumber)
	var records []string
	for i := range others {
		records = append(records, w.open(fmt.Sprintf("+45111%05d", i)))
	}
	receipt := &board.Receipt{Source: "user", Key: "key-12345678", Request: [32]byte{1}, At: time.Now(), Answer: func(*board.Receipt) (int, []byte) {
		return 201, []byte(`{"text":"call 87 65 43 21 back"}`)
	}}
	if _, _, err := w.board.PutItem(own, board.SourceUser, board.NewItem{List: "notes", Text: "a secret cage"}, time.Now(), receipt); err != nil {
		t.Fatal(err)
	}
	w.commit()
	for round := range 6 {
		for i, record := range records {
			w.claim(record, "party.bio", strings.Repeat(fmt.Sprint(i, " "), 20*round+i%7))
			if i%10 == 0 {
				w.claim(record, "party.job_title", fmt.Sprint("married to Canary Bird since ", round))
			}
		}
		w.claim(own, "party.name", strings.Repeat("canary  bird ", round+1))
		w.commit()
	}
	return own, records[0]
}

// erase does what the eraser does with a board and its store.
func (w *writer) erase(m board.Match) (Begun, *board.Striker) {
	w.t.Helper()
	if err := w.store.BeginErasure(w.t.Context(), m, m.Sum("code"), time.Now()); err != nil {
		w.t.Fatal(err)
	}
	_, err := w.board.Erase(m, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	w.commit()
	return w.begun()
}

func (w *writer) begun() (Begun, *board.Striker) {
	w.t.Helper()
	all, err := w.store.BegunErasures(w.t.Context())
	if err != nil || len(all) != 1 {
		w.t.Fatalf("begun: %+v, %v", all, err)
	}
	s, err := w.board.Striker(all[0].Who, all[0].Erasure)
	if err != nil {
		w.t.Fatal(err)
	}
	return all[0], s
}

// SEC-45: nothing is left of the person in the bytes of the files, while commits go on; the proof is.
func TestErasedFromTheFiles(t *testing.T) { both(t, testErasedFromTheFiles) }

func testErasedFromTheFiles(t *testing.T, path string) {
	s := openStore(t, path)
	w := newWriter(t, s)
	own, other := nest(t, w, 300)
	if len(grepFiles(t, path)) == 0 {
		t.Fatal("the canary is not there before")
	}
	b, striker := w.erase(canary)
	stop, ended := make(chan struct{}), make(chan int)
	go func() { // commits while it is struck
		n := 0
		for {
			select {
			case <-stop:
				ended <- n
				return
			default:
			}
			if _, err := w.board.Claim(other, "crm", []board.NewClaim{{Field: "x.crm.n", Value: fmt.Sprint(n)}}, time.Now()); err != nil && !strings.Contains(err.Error(), "loop") {
				t.Error(err)
			}
			w.claim(other, "party.location", fmt.Sprint("here ", n))
			w.commit()
			n++
		}
	}()
	began := time.Now()
	if err := s.FinishErasure(t.Context(), b, striker, time.Now); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	close(stop)
	t.Logf("%v, %d commits meanwhile", took, <-ended)
	if found := grepFiles(t, path); len(found) > 0 {
		t.Errorf("left: %q", found)
	}
	proof, err := s.Erasure(t.Context(), canary.ID)
	if err != nil || proof == nil || !slices.Contains(proof.Records, own) || len(proof.Mentioned) != 30 || proof.DoneAt.IsZero() || proof.Changes < 100 || proof.Answers != 1 {
		t.Fatalf("the proof: %+v, %v", proof, err)
	}
	if all, err := s.BegunErasures(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("still begun: %+v, %v", all, err)
	}
	r, err := s.Record(t.Context(), other)
	if err != nil || r.Value("party.bio") == "" || r.Value("party.job_title") != "" || !strings.HasPrefix(r.Value("party.location"), "here") {
		t.Errorf("another's record: %+v, %v", r, err)
	}
	if left, err := s.Record(t.Context(), own); err != nil || len(left.Fields)+len(left.Items) > 0 {
		t.Errorf("the person's record: %+v, %v", left, err)
	}
	c, err := s.Command(t.Context(), "user", "key-12345678", time.Now())
	if err != nil || c == nil || c.Status != ErasedStatus || len(c.Answer) > 0 || c.Request != [32]byte{} {
		t.Errorf("the answer: %+v, %v", c, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, path)
	if _, err := s.Load(t.Context()); err != nil || len(grepFiles(t, path)) > 0 {
		t.Errorf("after a restart: %v, %q", err, grepFiles(t, path))
	}
	undamaged(t, s)
}

// SEC-45: an erasure that is broken off between any two of its transactions is finished by the next start, and its proof is whole.
func TestErasureIsGoneOnWith(t *testing.T) { both(t, testErasureIsGoneOnWith) }

func testErasureIsGoneOnWith(t *testing.T, at string) {
	whole := struct{ records, mentioned, items, answers, changes int }{}
	brokenOff := 0
	for broken := range 7 {
		path := another(t, at)
		s := openStore(t, path)
		w := newWriter(t, s)
		nest(t, w, 40)
		b, striker := w.erase(canary)
		ctx, cancel := context.WithCancel(t.Context())
		left := broken
		err := s.finish(ctx, b, striker, time.Now, func() {
			if left--; left == 0 {
				cancel()
			}
		})
		cancel()
		if err != nil {
			brokenOff++
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		w = newWriter(t, openStore(t, path))
		if err != nil {
			all, err := w.store.BegunErasures(t.Context())
			if err != nil || len(all) != 1 {
				t.Fatalf("begun: %+v, %v", all, err)
			}
			var again *board.Striker
			if !all[0].Struck {
				if again, err = w.board.Striker(all[0].Who, all[0].Erasure); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.store.FinishErasure(t.Context(), all[0], again, time.Now); err != nil {
				t.Fatal(err)
			}
		}
		proof, err := w.store.Erasure(t.Context(), canary.ID)
		if err != nil || proof.DoneAt.IsZero() {
			t.Fatalf("the proof: %+v, %v", proof, err)
		}
		got := whole
		got.records, got.mentioned, got.items, got.answers, got.changes = len(proof.Records), len(proof.Mentioned), proof.Items, proof.Answers, proof.Changes
		if broken == 0 {
			whole = got
		}
		if got != whole {
			t.Errorf("broken off after %d: the proof says %+v, want %+v", broken, got, whole)
		}
		if found := grepFiles(t, path); len(found) > 0 {
			t.Errorf("broken off after %d: left %q", broken, found)
		}
	}
	if brokenOff < 4 {
		t.Errorf("broken off %d times only", brokenOff)
	}
}

// SEC-45: a batch that is committed once more, because nobody knew how it came out, is counted once.
func TestErasureCommittedTwice(t *testing.T) { both(t, testErasureCommittedTwice) }

func testErasureCommittedTwice(t *testing.T, at string) {
	s := openStore(t, at)
	w := newWriter(t, s)
	nest(t, w, 20)
	if err := s.BeginErasure(t.Context(), canary, "", time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.board.Erase(canary, time.Now()); err != nil {
		t.Fatal(err)
	}
	batch := w.commit()
	first, err := s.Erasure(t.Context(), canary.ID)
	if err != nil {
		t.Fatal(err)
	}
	once, _, err := encode(batch, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.within(t.Context(), func(tx transaction) error { return saveErasures(t.Context(), tx, once) }); err != nil {
		t.Fatal(err)
	}
	again, err := s.Erasure(t.Context(), canary.ID)
	same(t, "the proof", again, first)
	if err != nil || first.Claims == 0 {
		t.Errorf("%+v, %v", first, err)
	}
}

// SEC-45: whoever adds a table says whether it holds what was said of people.
func TestEveryTableIsStruckOrSaysNothing(t *testing.T) {
	t.Parallel()
	known := []string{
		"meta", "apps", "webhooks", "goose_db_version", // nothing of callers
		"calls", "call_words", "call_index", // follow from the records, and are struck with them
		"call_index_config", "call_index_data", "call_index_idx", "call_facets",
		"erasures", // of whom it is, until it is done: FinishErasure forgets that itself
	}
	for _, table := range struckTables {
		known = append(known, table.name)
	}
	s := openStore(t, file(t))
	rows, err := s.readers.Query(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(known, name) {
			t.Errorf("table %s: add it to struckTables in erase.go, or here if it says nothing of anybody", name)
		}
	}
}

// SEC-45: what was deleted before deleted rows were overwritten is gone once the store is opened by this version.
func TestOldRemains(t *testing.T) {
	t.Parallel()
	path := file(t)
	s := openStore(t, path)
	w := newWriter(t, s)
	nest(t, w, 50)
	if err := s.scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"PRAGMA secure_delete = 0", "DELETE FROM records", "DELETE FROM changes", "DELETE FROM commands", "DELETE FROM calls", "DELETE FROM call_words",
		"INSERT INTO call_index (call_index) VALUES ('delete-all')", "DELETE FROM meta WHERE key = 'overwrites'"} {
		if _, err := s.writer.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(grepFiles(t, path)) == 0 {
		t.Fatal("there are no remains to begin with")
	}
	s = openStore(t, path)
	if err := s.cutWAL(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found := grepFiles(t, path); len(found) > 0 {
		t.Errorf("left: %q", found)
	}
}

// SEC-45: what an upgrade or a restore that was killed has left of a copy goes with the next erasure.
func TestHalfCopiesAreErased(t *testing.T) {
	t.Parallel()
	path := file(t)
	w := newWriter(t, openStore(t, path))
	nest(t, w, 5)
	halves := []string{path + FormerEnd + "5" + halfEnd, path + restoreEnd, path + restoreEnd + "-wal"}
	for _, name := range halves {
		if err := Backup(t.Context(), path, name); err != nil {
			t.Fatal(err)
		}
	}
	b, striker := w.erase(canary)
	if err := w.store.FinishErasure(t.Context(), b, striker, time.Now); err != nil {
		t.Fatal(err)
	}
	for _, name := range halves {
		if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
}

// TestContains: what lies across two pieces of a file is found, too.
func TestContains(t *testing.T) {
	t.Parallel()
	for _, at := range []int{0, 1<<20 - 3, 1<<20 + 4090, 2<<20 + 17, 3 << 20} {
		content := bytes.Repeat([]byte("x"), 3<<20+50)
		copy(content[at:], "CANARY Bird")
		if found, err := contains(t.Context(), bytes.NewReader(content), []string{"nobody", "canary bird"}); err != nil || !found {
			t.Errorf("at %d: %v, %v", at, found, err)
		}
		if found, err := contains(t.Context(), bytes.NewReader(content), []string{"nobody"}); err != nil || found {
			t.Errorf("nobody: %v, %v", found, err)
		}
	}
}

// SEC-45: the proof says what was searched and what went, by kind, and can be verified without keeping whom it is of; nothing is left in copies
// from before an upgrade.
func TestProofIsAStatement(t *testing.T) { both(t, testProofIsAStatement) }

func testProofIsAStatement(t *testing.T, path string) {
	s := openStore(t, path)
	w := newWriter(t, s)
	own, other := nest(t, w, 20)
	aHook(t, s)
	erased := aDelivery(3, waiting, own)
	erased.Kind = board.RecordErased
	if err := s.SaveDeliveries(t.Context(), "crm", board.Cursor{}, nil, []WebhookDelivery{aDelivery(1, waiting, own), aDelivery(2, "sent", own), erased, aDelivery(4, "sent", other)}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.writer.Exec(`INSERT INTO picks (line, number, ref, at) VALUES ('Alice', ?, 'crm/7', 1), ('Alice', '+4511100001', 'crm/8', 1)`, canaryNumber); err != nil {
		t.Fatal(err)
	}
	if !inPostgres(path) {
		if err := Backup(t.Context(), path, path+FormerEnd+"5"); err != nil {
			t.Fatal(err)
		}
	}
	survey := func() board.Proof {
		striker, err := w.board.Striker(canary, board.Erasure{From: 1<<63 - 1})
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.Survey(t.Context(), striker)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if would := survey(); would.Deliveries != 2 || would.Picks != 1 || would.Searched == nil || would.Searched.Records != 21 || would.Searched.Deliveries != 4 || would.Searched.Picks != 2 {
		t.Errorf("before: %+v, %+v", would, would.Searched)
	}
	if found, err := s.InFile(t.Context(), canary); err != nil || !found {
		t.Errorf("in the file before: %v, %v", found, err)
	}
	b, striker := w.erase(canary)
	if err := s.FinishErasure(t.Context(), b, striker, time.Now); err != nil {
		t.Fatal(err)
	}
	proof, err := s.Erasure(t.Context(), canary.ID)
	if err != nil || proof.Deliveries != 2 || proof.Picks != 1 || proof.Answers != 1 || proof.Searched == nil || proof.Searched.Records != 21 || proof.Searched.Answers != 1 || proof.Searched.Changes < 100 {
		t.Errorf("the proof: %+v, %v", proof, err)
	}
	if left, err := s.Deliveries(t.Context(), "crm", 0, 10); err != nil || !slices.Equal(ids(left), []string{"msg_4", "msg_3"}) {
		t.Errorf("deliveries %v are left, %v", ids(left), err)
	}
	if left := survey(); len(left.Records)+len(left.Mentioned)+left.Claims+left.Items+left.Changes+left.Answers+left.Deliveries+left.Picks > 0 {
		t.Errorf("left: %+v", left)
	}
	if found, err := s.InFile(t.Context(), canary); err != nil || found {
		t.Errorf("in the file: %v, %v", found, err)
	}
	if left := formers(path); len(left) > 0 {
		t.Errorf("copies are left: %v", left)
	}
	same := board.Match{Numbers: []string{"87 65 43 21", "+45 87654321", "87654321"}, Words: []string{" canary   BIRD"}}
	if proof.Sum == "" || same.Sum("code") != proof.Sum || same.Sum("other") == proof.Sum || (board.Match{Numbers: same.Numbers}).Sum("code") == proof.Sum {
		t.Errorf("the sum %q, of the same %q", proof.Sum, same.Sum("code"))
	}
}

// TestDigitsAmongOthers: a number in the bytes of a file is not a part of a longer one.
func TestDigitsAmongOthers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"12345678": true, "+4512345678": false, "0012345678 ": true, "x12345678x": true, "112345678": false, "123456780": false, "912345678, 12345678": true, "1234567": false} {
		if got := standsIn([]byte(text), []byte("12345678")); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if !standsIn([]byte("anna"), []byte("nn")) {
		t.Error("a word stands within others")
	}
}
