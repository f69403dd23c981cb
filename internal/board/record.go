package board

import (
	"maps"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Origin is why a record was opened.
type Origin string

const (
	FromCall   Origin = "call"
	FromLookup Origin = "lookup"
)

// State is whether apps may still write.
type State string

const (
	Open   State = "open"
	Closed State = "closed"
)

// Sources that are not apps.
const (
	SourcePBX  = "pbx"
	SourceUser = "user"
)

// Quality is how sure a source is (B-3).
type Quality string

const (
	Guess     Quality = "guess"
	Derived   Quality = "derived"
	Matched   Quality = "matched"
	Verified  Quality = "verified"
	Confirmed Quality = "confirmed" // a person's word
)

var ranks = map[Quality]int{Guess: 1, Derived: 2, Matched: 3, Verified: 4, Confirmed: 5}

// Claim is what one source says about one field (B-1).
type Claim struct {
	Source  string    `json:"source"`
	Value   string    `json:"value"`
	Quality Quality   `json:"quality"`
	At      time.Time `json:"at"`
	Wave    int64     `json:"wave"`
	Round   int       `json:"round"`
	Work    string    `json:"work,omitempty"`
}

// Field is all claims about one name, the shown one first. It is never empty.
type Field struct {
	Claims []Claim `json:"claims"`
	Others int     `json:"others"` // how many other values there are (B-4)
}

// Shown is the claim that won.
func (f *Field) Shown() Claim { return f.Claims[0] }

// Item is an entry of a list. It belongs to the source that added it.
type Item struct {
	ID        string    `json:"id"`
	Source    string    `json:"source"`
	At        time.Time `json:"at"`
	ChangedAt time.Time `json:"changed_at"`
	Text      string    `json:"text,omitempty"`
	Title     string    `json:"title,omitempty"`
	URL       string    `json:"url,omitempty"`
	Round     int       `json:"round,omitempty"`
}

// Settled says that nobody is working on the record (B-16).
type Settled struct {
	Wave       int64    `json:"wave"`
	Rounds     int      `json:"rounds"`
	TookMS     int64    `json:"took_ms"`
	Unanswered []string `json:"unanswered"`
}

// Record is the portion of the board for one call or lookup. A *Record that left this package is immutable.
type Record struct {
	ID       string            `json:"id"`
	Rev      int64             `json:"rev"`
	Line     string            `json:"line"`
	Origin   Origin            `json:"origin"`
	State    State             `json:"state"`
	OpenedAt time.Time         `json:"opened_at"`
	ClosedAt time.Time         `json:"closed_at,omitzero"`
	Wave     int64             `json:"wave"`
	Settled  *Settled          `json:"settled,omitempty"`
	Call     *telephony.Call   `json:"call,omitempty"`
	Fields   map[string]*Field `json:"fields"`
	Items    map[string][]Item `json:"items"`
}

// Complete is false when the PBX could not be seen for a part of the call (D-11).
func (r *Record) Complete() bool { return r.Call == nil || r.Call.Complete }

// Value is the shown value of a field, empty if nobody claims it.
func (r *Record) Value(field string) string {
	if f := r.Fields[field]; f != nil {
		return f.Shown().Value
	}
	return ""
}

// clone makes the next version. Fields and item slices are shared until they are replaced.
func (r *Record) clone() *Record {
	next := *r
	next.Fields = maps.Clone(r.Fields)
	next.Items = maps.Clone(r.Items)
	next.Rev++
	return &next
}

// authoritative fields are the PBX's own while there is a call (B-2).
func authoritative(field string) bool {
	return field == "call" || strings.HasPrefix(field, "call.") || field == "party.number" || field == "party.number_raw" ||
		field == "user.number" || field == "user.extension"
}
