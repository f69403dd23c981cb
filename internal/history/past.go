package history

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// remembered are the fields that are said again for the next record of a number. What the PBX said is seen anew.
var remembered = []string{"party.name", "party.company", "party.job_title", "party.email", "party.website", "party.address", "party.location",
	"party.company_location", "party.bio", "party.image"}

// The views of what was between two sides.
const (
	userAndParty    = "user-party"
	companyAndParty = "our company-party"
	companyAndUs    = "their company-us"
)

// said are the claims that history makes of a record: what was shown last about one person at this number, each with its date.
// Of several people nothing is mixed (B-24): if somebody says who it is, only what was known of them is said again; if several
// may be there and none is picked, nothing.
func said(r *board.Record, earlier []board.Earlier) []board.NewClaim {
	var claims []board.NewClaim
	who := saidName(r)
	undecided := len(r.Items[board.Candidates]) > 0 && r.Candidate() == nil
	for _, field := range remembered {
		claim := board.NewClaim{Field: field}
		if !undecided {
			claim = last(field, r.Line, who, earlier)
		}
		if claim.Value != "" || r.Fields[field].Of(board.SourceHistory) != nil { // what is not known any more is taken back
			claims = append(claims, claim)
		}
	}
	return claims
}

// saidName is who it is by the word of an app or the person; empty: nobody says.
func saidName(r *board.Record) string {
	f := r.Fields["party.name"]
	if f == nil {
		return ""
	}
	for _, c := range f.Claims {
		if ours(c.Source) && !slices.Contains(f.Hidden, c.Source) {
			return c.Value
		}
	}
	return ""
}

// ours reports whether a source is an app or the person: the PBX's name is a guess, and history does not remember itself.
func ours(source string) bool { return source != board.SourcePBX && source != board.SourceHistory }

// last is the newest value that was shown of a field on the records of one person: of who, or of whoever was there last.
func last(field, line, who string, earlier []board.Earlier) board.NewClaim {
	for i := range earlier {
		e := &earlier[i]
		if e.Line != line || e.Fields == nil {
			continue
		}
		name := shown(e, "party.name").Value
		switch {
		case who == "":
			who = name
		case name != "" && !board.SameName(name, who):
			continue
		case name == "" && who != "" && field != "party.name":
			continue // it may be of somebody else
		}
		if c := shown(e, field); c.Value != "" {
			return board.NewClaim{Field: field, Value: c.Value, Quality: board.Derived, Since: c.At}
		}
	}
	return board.NewClaim{Field: field}
}

// shown is what was shown of a field by the word of an app or the person.
func shown(e *board.Earlier, field string) board.Claim {
	f := e.Fields[field]
	if f == nil || len(f.Claims) == 0 || f.Blank || !ours(f.Shown().Source) {
		return board.Claim{}
	}
	return f.Shown()
}

// entries are the earlier calls as items of the list history, the newest first. An empty list is not nil: then there are none.
func entries(line string, earlier []board.Earlier) []board.NewItem {
	items := []board.NewItem{}
	for i := range earlier {
		e := &earlier[i]
		if e.Call == nil {
			continue
		}
		view := userAndParty
		if e.Line != line || e.Call.Result == telephony.AnsweredElsewhere || e.Call.Result == telephony.Forwarded {
			view = companyAndParty
		}
		items = append(items, entry(view, e.Record, e.Name, firstOf(e.Call.AnsweredBy, e.Line), e.Call))
	}
	return items
}

// ofCompany are the calls of all lines with others of the party's company. Two companies that have words in common are two.
func ofCompany(r *board.Record, known *recalled) []board.NewItem {
	var items []board.NewItem
	for i := range known.theirs {
		e := &known.theirs[i]
		if e.Record == r.ID || e.Lookup || e.Result == "" || e.Number == known.number || !board.SameName(e.Company, known.company) {
			continue
		}
		items = append(items, entry(companyAndUs, e.Record, firstOf(e.Name, telephony.Display(e.Number)), e.Line,
			&board.EarlierCall{Direction: e.Direction, Result: e.Result, StartedAt: e.StartedAt, AnsweredAt: e.AnsweredAt, EndedAt: e.EndedAt}))
	}
	return items
}

// entry is an earlier call as an item. who called or was called, and with is whom of us.
func entry(view, record, who, with string, c *board.EarlierCall) board.NewItem {
	fields := map[string]string{"history.view": view, "history.record": record, "history.at": c.StartedAt.UTC().Format(time.RFC3339),
		"history.direction": string(c.Direction), "history.result": string(c.Result), "history.who": who}
	title := titleOf(c)
	if !c.AnsweredAt.IsZero() && c.EndedAt.After(c.AnsweredAt) {
		took := c.EndedAt.Sub(c.AnsweredAt).Round(time.Second)
		fields["history.duration_s"] = strconv.Itoa(int(took.Seconds()))
		title += fmt.Sprintf(", %d:%02d", int(took.Minutes()), int(took.Seconds())%60)
	}
	text := who
	if view != userAndParty {
		text = strings.TrimSpace(text + " with " + telephony.Display(with))
	}
	return board.NewItem{List: "history", ID: record, Title: title, Text: text, Fields: fields, At: c.StartedAt}
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// titleOf says how a call came out in the words of the call log: whoever called and did not get through was missed.
func titleOf(c *board.EarlierCall) string {
	title, result := "Call", strings.ReplaceAll(string(c.Result), "_", " ")
	switch c.Direction {
	case telephony.Inbound:
		title = "Incoming call"
		if c.Result == telephony.Cancelled || c.Result == telephony.Busy {
			result = "missed"
		}
	case telephony.Outbound:
		title = "Outgoing call"
		if c.Result == telephony.Missed {
			result = "no answer"
		}
	case telephony.Internal:
		title = "Internal call"
	}
	return title + ", " + firstOf(result, "unknown")
}
