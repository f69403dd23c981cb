//go:build linux

package durable

import (
	"database/sql"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/demopbx"
	"github.com/callboard-dev/callboard/internal/store"
)

// TestReady kills the program with 10,000 open records in its store, and measures until it lists them again (FLT-05: 2 s).
// The bound is wide, for machines that do other things meanwhile; the measure is printed.
func TestReady(t *testing.T) {
	t.Parallel()
	const records, bound = 10_000, 20 * time.Second
	pbx, err := demopbx.New(demopbx.Options{Accounts: map[string]demopbx.Account{account: {Secret: secret, Read: "call", Write: "call"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pbx.Close() })
	s := newStory(t, pbx)
	fill(t, filepath.Join(s.folder, "data", "callboard.db"), records, records)
	for range 2 { // the second time after a kill
		p := launch(t, s.config, "")
		url, ok := <-p.url
		if !ok {
			t.Fatal(p.kill())
		}
		s.open(p, url)
		opened := time.Since(p.begun)
		if n := listed(t, s); n < records {
			t.Errorf("%d records are listed, want %d", n, records)
		}
		took := time.Since(p.begun)
		if err := p.kill(); err != nil {
			t.Error(err)
		}
		t.Logf("with %d records ready after %v, listed after %v; %v of a processor", records, opened.Round(time.Millisecond), took.Round(time.Millisecond), p.cmd.ProcessState.UserTime().Round(time.Millisecond))
		if took > bound {
			t.Errorf("that is more than %v", bound)
		}
	}
}

func listed(t *testing.T, s *story) int {
	t.Helper()
	p := s.where.now.Load()
	req, err := http.NewRequestWithContext(t.Context(), "GET", p.url+"/v1/records", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	res, err := s.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", res.Status, err)
	}
	return strings.Count(string(text), `"id":"rec_`)
}

// fill makes a store with so many open records of some fields each, and a log of so many changes: copies of one.
func fill(t *testing.T, path string, records, changes int) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	b := board.New(board.Options{Epoch: "ready", NewID: func(kind string) string { return kind + "_first" }})
	id, _ := b.OpenLookup("1001", board.SourceUser, []board.NewClaim{{Field: "party.number", Value: "+4520000000"}, {Field: "party.name", Value: "Somebody"},
		{Field: "party.company", Value: "Somewhere A/S"}, {Field: "party.bio", Value: strings.Repeat("x", 300)}}, time.Now())
	if err := errors.Join(s.Commit(t.Context(), "ready", b.Take()[:1]), s.Close()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	const copies = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) `
	const other = `replace(replace(body, ?, 'rec_' || i), '+4520000000', '+45' || (20000000 + i))`
	_, errRecords := db.Exec(copies+`INSERT INTO records SELECT 'rec_' || i, rev, line, origin, state, opened_at, '+45' || (20000000 + i), `+other+` FROM records, n`, records-1, id)
	_, errLog := db.Exec(copies+`INSERT INTO changes SELECT 1 + i, at, 'rec_' || i, kind, replace(`+other+`, '{"seq":1,', '{"seq":' || (i + 1) || ',') FROM changes, n`, changes-1, id)
	if err := errors.Join(errRecords, errLog, db.Close()); err != nil {
		t.Fatal(err)
	}
}
