package store

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// marksOf are what the log says of how much nobody saw, by record.
func (s *Store) marksOf(t *testing.T) map[string]string {
	t.Helper()
	page, err := s.Log(t.Context(), board.LogQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	marks := map[string]string{}
	for _, e := range page.Entries {
		marks[e.Record] = fmt.Sprintf("complete %v, unseen %v", e.Complete, e.Unseen)
	}
	return marks
}

const (
	allSeen  = "complete true, unseen false"
	partSeen = "complete false, unseen false"
	noneSeen = "complete false, unseen true"
)

// TestLogSaysWhatNobodySaw: of a call that nobody saw, or not all of, the log says so, and follows where that changes.
func TestLogSaysWhatNobodySaw(t *testing.T) { both(t, testLogSaysWhatNobodySaw) }

func testLogSaysWhatNobodySaw(t *testing.T, at string) {
	s := openStore(t, at)
	noon := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	record := func(id string, call *telephony.Call) *board.Record {
		return &board.Record{ID: id, Rev: 1, Line: "a", State: board.Open, OpenedAt: noon, Call: call}
	}
	live := &telephony.Call{ID: "call_live", State: telephony.Connected, Direction: telephony.Inbound, StartedAt: noon, Complete: true}
	s.keep(t, []*board.Record{record("lookup", nil), record("live", live), record("past", &telephony.Call{ID: "call_past", State: telephony.Ended, StartedAt: noon, Unseen: true})})
	same(t, "marks", s.marksOf(t), map[string]string{"lookup": allSeen, "live": allSeen, "past": noneSeen})
	lost := *live
	lost.Complete = false
	s.keep(t, []*board.Record{record("live", &lost)})
	same(t, "marks once the PBX was lost", s.marksOf(t), map[string]string{"lookup": allSeen, "live": partSeen, "past": noneSeen})
}

// TestLogSaysWhatWasLookedUp: also what is no number, name or e-mail address, as it is now.
func TestLogSaysWhatWasLookedUp(t *testing.T) { both(t, testLogSaysWhatWasLookedUp) }

func testLogSaysWhatWasLookedUp(t *testing.T, at string) {
	s := openStore(t, at)
	w := newWriter(t, s)
	id := w.open("")
	for _, want := range [][2]string{{"https://acme.example", ""}, {"https://acme.example", "192.0.2.7"}, {"https://acme.example", "192.0.2.8"}, {"", "192.0.2.8"}} {
		w.claim(id, "party.website", want[0])
		w.claim(id, "party.ip", want[1])
		w.commit()
		page, err := s.Log(t.Context(), board.LogQuery{Limit: 10})
		if err != nil || len(page.Entries) != 1 || page.Entries[0].Website != want[0] || page.Entries[0].IP != want[1] {
			t.Errorf("the log says %+v, %v; want %q", page.Entries, err, want)
		}
	}
}

// TestUpgradeMarksTheLog: what a store had listed before the log had marks has them after the upgrade. Rows that need none are not written again.
func TestUpgradeMarksTheLog(t *testing.T) { both(t, testUpgradeMarksTheLog) }

func testUpgradeMarksTheLog(t *testing.T, at string) {
	schemas(t, at, 8, func(db *sql.DB, version int64) {
		if version < 8 {
			return
		}
		queries := []string{`INSERT INTO call_facets (id, line, view, result) VALUES (1, 'Alice', 'missed', 'missed')`, `INSERT INTO meta (key, value) VALUES ('epoch', 'abcdefghijkl'), ('calls', '0')`}
		for i, says := range []string{`"complete":true`, `"complete":false`, `"complete":false,"unseen":true`} {
			n := 112_896_000_000_000 + i
			queries = append(queries,
				fmt.Sprintf(`INSERT INTO records (id, rev, line, origin, state, opened_at, number, body) VALUES ('rec_%d', 1, 'Alice', 'call', 'closed', 1764000000000, '',
					'{"id":"rec_%[1]d","rev":1,"line":"Alice","origin":"call","state":"closed","opened_at":"2025-11-24T16:00:00Z","wave":1,"call":{"id":"call_%[1]d","direction":"inbound","state":"ended","result":"missed","started_at":"2025-11-24T16:00:00Z","ended_at":"2025-11-24T16:00:20Z",%s},"fields":{},"items":{}}')`, i, says),
				// With the sum that version 8 has made of it. The e-mail address is none that it would have.
				fmt.Sprintf(`INSERT INTO calls (n, record, sum, facet, direction, started_at, answered_at, ended_at, extension, number, number_raw, name, company, email, tags, notes)
					VALUES (%d, 'rec_%d', 3999267414001562124, 1, 'inbound', 1764000000000, 0, 1764000020000, '', '', '', '', '', 'not written since', '', 0)`, n, i),
				fmt.Sprintf(`INSERT INTO call_words (n, facet, name, company, number, email, tags, notes) VALUES (%d, 1, '', '', '', '', '', '')`, n))
		}
		for _, query := range queries {
			if _, err := db.Exec(query); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
		}
	})
	for range 2 { // and as it was marked after another start
		s := openStore(t, at)
		same(t, "marks", s.marksOf(t), map[string]string{"rec_0": allSeen, "rec_1": partSeen, "rec_2": noneSeen})
		left, err := column(t.Context(), s.readers, `SELECT record FROM calls WHERE email <> ''`)
		if err != nil || !slices.Equal(left, []string{"rec_0"}) {
			t.Errorf("not written again: %v, %v", left, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
