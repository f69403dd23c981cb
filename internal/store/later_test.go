package store

import (
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// TestLater: a call without a name is told with who its number was found to be on another record, as long as that is one person
// (B-24).
func TestLater(t *testing.T) { both(t, testLater) }

func testLater(t *testing.T, at string) {
	s := openStore(t, at)
	days := 0
	keep := func(id, number, name string) {
		days++
		r := &board.Record{ID: id, Rev: 1, Line: "desk", Origin: board.FromLookup, State: board.Closed, OpenedAt: time.Date(2026, 11, days, 9, 0, 0, 0, time.UTC), Fields: map[string]*board.Field{}}
		for field, value := range map[string]string{"party.number": number, "party.name": name, "party.company": "Acme"} {
			if value != "" && (field != "party.company" || name != "") {
				r.Fields[field] = &board.Field{Claims: []board.Claim{{Source: "crm", Value: value}}}
			}
		}
		s.keep(t, []*board.Record{r})
	}
	later := func() map[string]*board.LaterKnown {
		page, err := s.Log(t.Context(), board.LogQuery{Limit: 50})
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]*board.LaterKnown{}
		for _, e := range page.Entries {
			found[e.Record] = e.Later
		}
		return found
	}
	keep("missed", "+4512345678", "")
	keep("other", "+4587654321", "")
	if got := later(); got["missed"] != nil {
		t.Errorf("before anything is known: %+v", got["missed"])
	}
	keep("ann", "+4512345678", "Ann  Smith")
	keep("again", "+4512345678", "ann smith")
	got := later()
	if l := got["missed"]; l == nil || l.Name != "ann smith" || l.Company != "Acme" || l.Record != "again" || l.At.Day() != 4 {
		t.Errorf("found later: %+v", l)
	}
	if got["other"] != nil || got["ann"] != nil {
		t.Errorf("of another number %+v, of one with a name %+v", got["other"], got["ann"])
	}
	keep("bo", "+4512345678", "Bo")
	if got := later(); got["missed"] != nil {
		t.Errorf("of two people one is told: %+v", got["missed"])
	}
}
