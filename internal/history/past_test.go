package history

import (
	"fmt"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

var friday = time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)

// record is one that the store has; pairs are field, source, value.
func record(id, line string, day int, facts ...[3]string) board.Earlier {
	e := board.Earlier{Record: id, Line: line, OpenedAt: friday.AddDate(0, 0, -day), Fields: map[string]*board.Field{}}
	for _, f := range facts {
		e.Fields[f[0]] = &board.Field{Claims: []board.Claim{{Source: f[1], Value: f[2], At: e.OpenedAt}}}
		if f[0] == "party.name" {
			e.Name = f[2]
		}
	}
	return e
}

func (s *stage) says(id, field string) string {
	s.t.Helper()
	c := s.Get(id).Fields[field].Of(board.SourceHistory)
	if c == nil {
		return ""
	}
	if c.Quality != board.Derived || c.Since.IsZero() {
		s.t.Errorf("%s: %+v is not derived, or has no date", field, c)
	}
	return fmt.Sprint(c.Value, " ", c.Since.Day())
}

func (s *stage) hears(id string, want map[string]string) {
	s.t.Helper()
	s.show()
	for field, value := range want {
		if got := s.says(id, field); got != value {
			s.t.Errorf("%s: history says %q, want %q", field, got, value)
		}
	}
}

// TestLastKnown: what was known last about a number is said again with its date, of quality derived; an app's and the person's word
// go before (B-21).
func TestLastKnown(t *testing.T) {
	play(t, func(s *stage) {
		s.memory.earlier = []board.Earlier{
			record("old_3", "desk", 1, [3]string{"party.name", "crm", "Ann Smith"}, [3]string{"party.email", "history", "old@example.com"}, [3]string{"party.company", "pbx", "?"}),
			record("old_2", "other line", 2, [3]string{"party.name", "crm", "Ann Smith"}, [3]string{"party.website", "crm", "https://other.example"}),
			record("old_1", "desk", 3, [3]string{"party.name", "user", "ann  smith"}, [3]string{"party.email", "crm", "ann@example.com"}),
		}
		id := s.opens("+4512345678")
		s.hears(id, map[string]string{"party.name": "Ann Smith 19", "party.email": "ann@example.com 17", "party.company": "", "party.website": ""})
		if r := s.Get(id); r.Settled == nil || r.Settled.Wave != r.Wave || r.Value("party.email") != "ann@example.com" {
			s.t.Errorf("settled %+v", r.Settled)
		}
		if _, err := s.Claim(id, "crm", []board.NewClaim{{Field: "party.email", Value: "new@example.com"}}, time.Now()); err != nil {
			s.t.Fatal(err)
		}
		s.show()
		if v := s.Get(id).Value("party.email"); v != "new@example.com" {
			s.t.Errorf("shown is %q", v)
		}
	})
}

// TestTwoPeopleAreNotMixed: of two people at one number only one is spoken of: the last, or whoever an app or the person says it is
// (B-24).
func TestTwoPeopleAreNotMixed(t *testing.T) {
	play(t, func(s *stage) {
		s.memory.earlier = []board.Earlier{
			record("old_3", "desk", 1, [3]string{"party.name", "crm", "Bo"}),
			record("old_2", "desk", 2, [3]string{"party.email", "crm", "whose@example.com"}),
			record("old_1", "desk", 3, [3]string{"party.name", "crm", "Ann"}, [3]string{"party.email", "crm", "ann@example.com"}),
		}
		id := s.opens("+4512345678")
		s.hears(id, map[string]string{"party.name": "Bo 19", "party.email": ""})
		if _, err := s.Claim(id, board.SourceUser, []board.NewClaim{{Field: "party.name", Value: "Ann"}}, time.Now()); err != nil {
			s.t.Fatal(err)
		}
		s.hears(id, map[string]string{"party.name": "Ann 17", "party.email": "ann@example.com 17"})
		s.memory.earlier = nil // erased
		if _, err := s.Claim(id, board.SourceUser, []board.NewClaim{{Field: "party.name", Value: "Ann B"}}, time.Now()); err != nil {
			s.t.Fatal(err)
		}
		s.hears(id, map[string]string{"party.name": "", "party.email": ""})
		undecided := s.opens("+4512345670", "17", "18")
		s.memory.earlier = []board.Earlier{record("old_1", "desk", 3, [3]string{"party.name", "crm", "Ann"})}
		s.adds(undecided, "19")
		s.hears(undecided, map[string]string{"party.name": ""})
	})
}

// TestEntries: the earlier calls are items of the list history in one change, each with its view; asked again it is silent (B-5, B-21).
func TestEntries(t *testing.T) {
	play(t, func(s *stage) {
		calls := []board.Earlier{record("old_4", "desk", 1), record("old_3", "desk", 2), record("old_2", "other line", 3), record("old_1", "desk", 4), record("old_0", "desk", 5)}
		calls[0].Call = &board.EarlierCall{Direction: telephony.Inbound, Result: telephony.Answered, StartedAt: friday, AnsweredAt: friday, EndedAt: friday.Add(65 * time.Second)}
		calls[1].Call = &board.EarlierCall{Direction: telephony.Inbound, Result: telephony.AnsweredElsewhere, StartedAt: friday, AnsweredBy: "1002"}
		calls[2].Call = &board.EarlierCall{Direction: telephony.Outbound, Result: telephony.Missed, StartedAt: friday}
		calls[4].Call = &board.EarlierCall{Direction: telephony.Inbound, Result: telephony.Cancelled, StartedAt: friday}
		s.memory.earlier = calls
		id, seq := s.OpenLookup("desk", board.SourceUser, []board.NewClaim{{Field: "party.number", Value: "+4512345678"}}, time.Now())
		s.show()
		list := s.Get(id).Items["history"]
		var got []string
		for _, i := range list {
			got = append(got, i.ID+" "+i.Fields["history.view"]+" "+i.Title)
			if i.Source != board.SourceHistory || !i.At.Equal(friday) {
				s.t.Errorf("%+v", i)
			}
		}
		want := "[old_4 user-party Incoming call, answered, 1:05 old_3 our company-party Incoming call, answered elsewhere " +
			"old_2 our company-party Outgoing call, no answer old_0 user-party Incoming call, missed]"
		if fmt.Sprint(got) != want || list[0].Fields["history.duration_s"] != "65" {
			s.t.Errorf("%v", got)
		}
		changes := 0
		for n := seq + 1; s.Change(n) != nil; n++ {
			if s.Change(n).Items != nil {
				changes++
			}
		}
		if changes != 1 {
			s.t.Errorf("%d changes of the list", changes)
		}
		if _, err := s.Claim(id, "crm", []board.NewClaim{{Field: "party.name", Value: "Ann"}}, time.Now()); err != nil {
			s.t.Fatal(err)
		}
		rev := s.Get(id).Rev
		s.show()
		if r := s.Get(id); r.Rev > rev+2 { // the claim, and that it settled
			s.t.Errorf("rev %d after %d", r.Rev, rev)
		}
	})
}

// TestOfCompany: the calls with others of the party's company are told of once somebody says which that is, and no call twice (B-21).
func TestOfCompany(t *testing.T) {
	play(t, func(s *stage) {
		own := record("old_1", "desk", 1)
		own.Call = &board.EarlierCall{Direction: telephony.Inbound, Result: telephony.Missed, StartedAt: friday}
		s.memory.earlier = []board.Earlier{own}
		call := func(id, number, company string) board.LogEntry {
			return board.LogEntry{Record: id, Line: "other line", Number: number, Company: company, Name: "Bo", Direction: telephony.Outbound, Result: telephony.Answered, StartedAt: friday}
		}
		s.memory.log = []board.LogEntry{call("old_1", "+4512345678", "Acme"), call("old_2", "+4587654321", "ACME"), call("old_3", "+4587654322", "Acme Bank")}
		lookup := call("old_4", "+4587654323", "Acme")
		lookup.Lookup = true
		s.memory.log = append(s.memory.log, lookup)
		id := s.opens("+4512345678")
		views := func() (got []string) {
			for _, i := range s.Get(id).Items["history"] {
				got = append(got, i.ID+" "+i.Fields["history.view"]+" "+i.Text)
			}
			return got
		}
		if got := fmt.Sprint(views()); got != "[old_1 user-party ]" {
			s.t.Errorf("before anybody says the company: %s", got)
		}
		for _, c := range []struct{ company, want string }{
			{"Acme", "[old_1 user-party  old_2 their company-us Bo with other line]"},
			{"Nobody Ltd", "[old_1 user-party ]"},
		} {
			if _, err := s.Claim(id, "crm", []board.NewClaim{{Field: "party.company", Value: c.company}}, time.Now()); err != nil {
				s.t.Fatal(err)
			}
			s.show()
			if got := fmt.Sprint(views()); got != c.want {
				s.t.Errorf("of %s: %s, want %s", c.company, got, c.want)
			}
		}
	})
}
