package store

import (
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// TestEarlier: what was known of a number and how its calls came out is read without decoding whole records; lookups that time has
// closed are found again (B-20, B-21).
func TestEarlier(t *testing.T) { both(t, testEarlier) }

func testEarlier(t *testing.T, place string) {
	s := openStore(t, place)
	at := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	record := func(id string, day int, change func(*board.Record)) *board.Change {
		r := &board.Record{ID: id, Rev: 1, Line: "desk", Origin: board.FromLookup, State: board.Closed, OpenedAt: at.AddDate(0, 0, day), Items: map[string][]board.Item{},
			Fields: map[string]*board.Field{"party.number": {Claims: []board.Claim{{Source: "user", Value: "+4512345678", At: at}}}, "party.name": {Claims: []board.Claim{{Source: "crm", Value: "Ann", At: at}}}}}
		change(r)
		return &board.Change{Seq: uint64(day + 1), Kind: board.RecordOpened, At: at, Record: id, After: r}
	}
	answered := func(r *board.Record) {
		r.Origin, r.Call = board.FromCall, &telephony.Call{ID: "c"}
		r.Call.Direction, r.Call.Result, r.Call.StartedAt, r.Call.AnsweredAt, r.Call.EndedAt = telephony.Inbound, telephony.AnsweredElsewhere, at, at.Add(time.Second), at.Add(time.Minute)
		r.Call.Views = []telephony.View{{AnsweredBy: "1002"}}
	}
	batch := []*board.Change{record("rec_a", 0, func(*board.Record) {}), record("rec_b", 1, answered), record("rec_c", 2, func(*board.Record) {})}
	if err := s.Commit(t.Context(), "e", batch); err != nil {
		t.Fatal(err)
	}
	got, err := s.Earlier(t.Context(), "+4512345678", "rec_c")
	if err != nil || len(got) != 2 || got[0].Record != "rec_b" || got[1].Record != "rec_a" || got[1].Call != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	c := got[0].Call
	if c == nil || c.Direction != telephony.Inbound || c.Result != telephony.AnsweredElsewhere || c.AnsweredBy != "1002" || !c.EndedAt.Equal(at.Add(time.Minute)) ||
		got[0].Name != "Ann" || got[0].Fields["party.name"].Shown().Source != "crm" {
		t.Errorf("%+v %+v", got[0], c)
	}
	if none, err := s.Earlier(t.Context(), "+4512345679", ""); err != nil || len(none) > 0 {
		t.Errorf("of another number: %+v, %v", none, err)
	}
	waiting, err := s.Lookups(t.Context(), at.AddDate(0, 0, 1))
	if err != nil || len(waiting) != 1 || waiting[0].ID != "rec_c" {
		t.Errorf("lookups: %+v, %v", waiting, err)
	}
}
