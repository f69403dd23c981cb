package board_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// encodedAlike: what the store keeps of a change and of the record that it left is what encoding/json makes of them. Each change of each play
// in these tests is held against it.
func (s *stage) encodedAlike(c *board.Change) {
	s.t.Helper()
	got, err := c.AppendJSON(nil)
	if want, wantErr := json.Marshal(c); err == nil && string(got) != string(want) || (err == nil) != (wantErr == nil) {
		s.t.Fatalf("a change is encoded as\n%s (%v), not as\n%s (%v)", got, err, want, wantErr)
	}
	if c.After == nil {
		return
	}
	got, err = c.After.AppendJSON([]byte("before "))
	if want, wantErr := json.Marshal(c.After); err == nil && string(got) != "before "+string(want) || (err == nil) != (wantErr == nil) {
		s.t.Fatalf("a record is encoded as\n%s (%v), not as\n%s (%v)", got, err, want, wantErr)
	}
}

// TestEncodedAlike has what no play has: texts and times that need care, and all that may be absent.
func TestEncodedAlike(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	at := time.Date(2026, 11, 28, 23, 0, 0, 120, time.FixedZone("", 3600))
	for _, value := range []string{"", "plain", `"quoted\" <b>&amp;`, "line\nend\x00\x7f", "ø 李 \u2028 \u2029", "broken \xff\xc0 utf-8"} {
		claim := board.Claim{Source: value, Value: value, Quality: board.Quality(value), At: at, Work: value, Seq: 3, Expires: at, Since: at, Candidate: true}
		field := &board.Field{Claims: []board.Claim{claim, {At: at.UTC()}}, Others: 1, Pin: value, Hidden: []string{value, "b"}, Blank: true}
		fields := map[string]*board.Field{value: field, "b": nil, "c": {}, "a": {Claims: []board.Claim{}}}
		record := &board.Record{ID: value, Rev: -1, Line: value, OpenedAt: at, ClosedAt: at, Settled: &board.Settled{Wave: 1, Rounds: 2, TookMS: 3, Unanswered: []string{value}}, Fields: fields, Items: map[string][]board.Item{value: {{ID: value}}}, First: "call", ReopenedAt: at, ClosedBy: value, ErasedAt: at}
		s.encodedAlike(&board.Change{Seq: 1, At: at, Kind: value, Line: value, Record: value, Rev: 2, Source: value, Wave: 3, Round: 4, Cause: 5, Own: true, Is: board.Standing{State: board.Open, Call: telephony.State(value)},
			Was: &board.Standing{State: board.State(value)}, Fields: fields, Shown: []string{value}, After: record})
		s.encodedAlike(&board.Change{Fields: map[string]*board.Field{}, After: &board.Record{Settled: &board.Settled{}}})
		s.encodedAlike(&board.Change{Fields: fields, App: value, Reason: value, Sources: []string{value}})
	}
	s.encodedAlike(&board.Change{Fields: map[string]*board.Field{"a": {Claims: []board.Claim{{At: at.AddDate(9000, 0, 0)}}}}})
}

func BenchmarkAppendJSON(b *testing.B) {
	at := time.Date(2026, 11, 28, 23, 0, 0, 120, time.UTC)
	fields := map[string]*board.Field{}
	for _, name := range []string{"party.name", "party.company", "party.number", "party.email"} {
		fields[name] = &board.Field{Claims: []board.Claim{{Source: "crm", Value: "Ann Smith", Quality: board.Matched, At: at, Wave: 2, Round: 1, Work: "wrk_1", Seq: 4}}}
	}
	r := &board.Record{ID: "rec_1", Rev: 9, Line: "desk", State: board.Open, OpenedAt: at, Fields: fields, Items: map[string][]board.Item{}}
	b.Run("here", func(b *testing.B) {
		var body []byte
		for b.Loop() {
			body, _ = r.AppendJSON(body[:0])
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		for b.Loop() {
			json.Marshal(r)
		}
	})
}
