package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/erasure"
	"github.com/callboard-dev/callboard/internal/server/servertest"
	"github.com/callboard-dev/callboard/internal/store"
)

// traces are what the canary leaves, in lower case.
var traces = []string{"87654321", "87 65 43 21", "canary", "secret cage"}

// holds says which traces are in something.
func holds(content []byte) (found []string) {
	content = bytes.ToLower(content)
	for _, trace := range traces {
		if bytes.Contains(content, []byte(trace)) {
			found = append(found, trace)
		}
	}
	return found
}

// remains are what the files in a folder and the API have of the canary.
func (p *program) remains(folder string, records ...string) (found []string) {
	p.t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err == nil && len(holds(content)) > 0 {
			found = append(found, fmt.Sprint(filepath.Base(path), " ", holds(content)))
		}
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	look := func(what string, v any, err error) {
		text, errJSON := json.Marshal(v)
		if err := errors.Join(err, errJSON); err != nil {
			p.t.Fatal(err)
		}
		if len(holds(text)) > 0 {
			found = append(found, fmt.Sprint(what, " ", holds(text)))
		}
	}
	list, err := p.client.Records(p.t.Context(), "")
	look("the list", list, err)
	for _, id := range records {
		r, err := p.client.Record(p.t.Context(), id, true)
		look(id, r, err)
	}
	proofs, err := p.client.Erasures(p.t.Context())
	look("the proofs", proofs, err)
	return found
}

// erasedAt is when records were erased; the call log says the same.
func (p *program) erasedAt(records ...string) map[string]time.Time {
	p.t.Helper()
	log, err := p.client.Log(p.t.Context(), client.LogQuery{})
	if err != nil {
		p.t.Fatal(err)
	}
	marks := map[string]time.Time{}
	for _, id := range records {
		marks[id] = p.record(id).ErasedAt
		at := slices.IndexFunc(log.Entries, func(e api.LogEntry) bool { return e.Record == id })
		if at < 0 || !log.Entries[at].ErasedAt.Equal(marks[id].Truncate(time.Millisecond)) {
			p.t.Errorf("%s was erased at %v, and the log says %+v", id, marks[id], log.Entries)
		}
	}
	return marks
}

// replay reads the whole log over the API.
func (p *program) replay(t *testing.T) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", p.app.URL()+"/v1/watch?include=claims&cursor="+p.app.board.Epoch()+":0", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.app.UserToken())
	web := &http.Transport{}
	defer web.CloseIdleConnections()
	res, err := web.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	contract, err := servertest.Load()
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	_, cursor := p.app.board.Snapshot("")
	for stream := contract.NewStream(res.Body); ; {
		n, err := stream.Next()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(n.Payload)
		if err != nil {
			t.Fatal(err)
		}
		all = append(append(all, text...), '\n')
		if place(n.ID) >= cursor.Seq {
			return all
		}
	}
}

// SEC-45: after an erasure nothing of the person is in the files, over the API, or in the logs, and neither after a restart; writes
// go on meanwhile, and a record that only mentions the person stays.
func TestErasePerson(t *testing.T) {
	t.Parallel()
	pbx, folder := startPBX(t, 1), t.TempDir()
	p := start(t, settings(pbx.Addr(), folder))
	p.connected()
	enricher, err := p.client.CreateApp(t.Context(), "crm", "CRM")
	if err != nil {
		t.Fatal(err)
	}
	crm, err := client.Connect(t.Context(), client.Options{URL: p.app.URL(), Token: enricher.Token})
	if err != nil {
		t.Fatal(err)
	}
	defer crm.Close()
	play(t, pbx, scenario(t, `0.0 a: outside +4587654321 "Canary Bird" calls 5550101, rings 1001
0.2 a: 1001 answers
0.4 a: outside hangs up
0.6 b: outside +4512345678 "Mette Holm" calls 5550101, rings 1001
0.8 b: 1001 answers
1.0 b: outside hangs up`))
	p.until("the second call's end", func(n servertest.Notification) bool {
		return string(n.Type) == "call.ended" && strings.Contains(fmt.Sprintf("%+v", n.Payload), "Mette")
	})
	var own, other string
	records, err := p.client.Records(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Value("party.number") == "+4587654321" {
			own = r.ID
		} else {
			other = r.ID
		}
	}
	lookup, err := p.client.Lookup(t.Context(), "+45 87 65 43 21")
	if err != nil {
		t.Fatal(err)
	}
	_, err = crm.Claim(t.Context(), own, client.NewClaim{Field: "party.bio", Value: "keeps a secret cage"})
	_, errNote := p.client.AddNote(t.Context(), other, "asked for (+45) 87.65.43.21, not for 87 65 4")
	_, errStays := p.client.AddNote(t.Context(), other, "stays")
	_, errClaim := crm.Claim(t.Context(), other, client.NewClaim{Field: "party.job_title", Value: "neighbour of CANARY  bird"})
	if err := errors.Join(err, errNote, errStays, errClaim); err != nil {
		t.Fatal(err)
	}
	if len(p.remains(folder, own, other, lookup.ID)) < 4 {
		t.Fatal("the canary is not there before")
	}
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				if _, err := p.client.PutNote(t.Context(), other, "note-while", fmt.Sprint("meanwhile ", i)); err != nil {
					t.Errorf("while it is erased: %v", err)
				}
			}
		}
	})
	who := api.NewErasure{Numbers: []string{"+45 87654321"}, Words: []string{"canary bird"}}
	began := time.Now()
	proof, err := p.client.Erase(t.Context(), who)
	close(stop)
	writing.Wait()
	if err != nil || proof.DoneAt.IsZero() || len(proof.Records) != 2 || len(proof.Mentioned) != 1 || proof.Answers == 0 || proof.Changes < 5 || time.Since(began) > time.Minute {
		t.Fatalf("the proof: %+v, %v", proof, err)
	}
	if found := p.remains(folder, own, other, lookup.ID); len(found) > 0 {
		t.Errorf("left: %q", found)
	}
	if log := p.replay(t); len(holds(log)) > 0 || !bytes.Contains(log, []byte("Mette Holm")) {
		t.Errorf("the log says %q: %s", holds(log), log)
	}
	r := p.record(other)
	if r.Value("party.name") != "Mette Holm" || r.Value("party.job_title") != "" || len(r.Items["notes"]) != 2 {
		t.Errorf("another's record: %+v", r)
	}
	if r := p.record(own); r.Call.State != api.CallStateEnded || r.Call.StartedAt.IsZero() || len(r.Fields) > 0 {
		t.Errorf("the person's record: %+v", r)
	}
	marks := p.erasedAt(own, other, lookup.ID)
	if marks[own].Before(proof.AskedAt) || marks[own].After(proof.DoneAt) || marks[lookup.ID].IsZero() || !marks[other].IsZero() {
		t.Errorf("erased at %v, the proof says %v to %v", marks, proof.AskedAt, proof.DoneAt)
	}
	p.stop()
	p = start(t, settings(pbx.Addr(), folder))
	if again := p.erasedAt(own, other, lookup.ID); !maps.EqualFunc(again, marks, time.Time.Equal) {
		t.Errorf("after a restart erased at %v, before at %v", again, marks)
	}
	if found := p.remains(folder, own, other, lookup.ID); len(found) > 0 {
		t.Errorf("left after a restart: %q", found)
	}
	if log := p.replay(t); len(holds(log)) > 0 {
		t.Errorf("after a restart the log says %q", holds(log))
	}
}

// SEC-45: an erasure that was begun before Callboard was killed is done by the next one: whether the board had not heard of it
// yet, or the store was not struck. Nothing of the person is even read.
func TestErasureIsDoneByTheNext(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"only begun", "off the board"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			pbx, folder := startPBX(t, 1), t.TempDir()
			p := start(t, settings(pbx.Addr(), folder))
			p.connected()
			lookup, err := p.client.Lookup(t.Context(), "+4587654321")
			if err == nil {
				_, err = p.client.AddNote(t.Context(), lookup.ID, "a secret cage")
			}
			if err != nil {
				t.Fatal(err)
			}
			p.stop()
			killed(t, folder, step == "off the board")
			logs := &logbook{done: make(chan struct{})}
			a, err := New(t.Context(), Options{Config: settings(pbx.Addr(), folder), Logger: slog.New(slog.NewTextHandler(logs, nil))})
			if err != nil {
				t.Fatal(err)
			}
			records, _ := a.board.Snapshot("")
			if text, err := json.Marshal(records); step == "off the board" && (err != nil || len(holds(text)) > 0) {
				t.Errorf("it was read: %s", text)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- a.Run(ctx) }()
			select {
			case <-logs.done:
			case <-time.After(patience):
				t.Error("it is not done")
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if len(holds(logs.text)) > 0 {
				t.Errorf("the log: %s", logs.text)
			}
			p = start(t, settings(pbx.Addr(), folder))
			if p.erasedAt(lookup.ID)[lookup.ID].IsZero() {
				t.Error("the record does not say that it is erased")
			}
			if found := p.remains(folder, lookup.ID); len(found) > 0 {
				t.Errorf("left: %q", found)
			}
			proofs, err := p.client.Erasures(t.Context())
			if err != nil || len(proofs) != 1 || len(proofs[0].Records) != 1 || proofs[0].Items != 1 || proofs[0].Changes < 2 {
				t.Errorf("the proof: %+v, %v", proofs, err)
			}
		})
	}
}

// logbook is a log, and knows when an erasure is done.
type logbook struct {
	mu   sync.Mutex // guards the rest
	text []byte
	done chan struct{}
}

func (l *logbook) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, line...)
	if bytes.Contains(line, []byte("an erasure is done")) {
		close(l.done)
	}
	return len(line), nil
}

// killed leaves a store as a Callboard does that is killed while it erases.
func killed(t *testing.T, folder string, offBoard bool) {
	t.Helper()
	ctx := t.Context()
	db, err := store.OpenSQLite(ctx, filepath.Join(folder, "callboard.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	m := board.Match{ID: "era_test", Numbers: []string{"+4587654321", "87654321"}}
	if err := db.BeginErasure(ctx, m, "", time.Now()); err != nil || !offBoard {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	loaded, err := db.Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b := board.New(board.Options{Epoch: loaded.Epoch, NewID: newID})
	b.Restore(loaded.Records, loaded.Tail, loaded.Seq, loaded.Oldest)
	if _, err := b.Erase(m, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := db.Commit(ctx, loaded.Epoch, b.Take()); err != nil {
		t.Fatal(err)
	}
}

var _ erasure.Store = struck{}
