package board

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Origin is why a record was opened.
type Origin string

const (
	FromCall   Origin = "call"
	FromLookup Origin = "lookup"
	FromReopen Origin = "reopened"
)

// State is whether apps may still write.
type State string

const (
	Open   State = "open"
	Closed State = "closed"
)

// Sources that are not apps.
const (
	SourcePBX     = "pbx"
	SourceUser    = "user"
	SourceHistory = "history"
)

// isApp reports whether a source is an app: its writes burn fuel (B-15). What the PBX, a person or the store says is a
// stimulus.
func isApp(source string) bool {
	return source != SourcePBX && source != SourceUser && source != SourceHistory
}

// Quality is how sure a source is (B-3).
type Quality string

const (
	Guess     Quality = "guess"
	Derived   Quality = "derived"
	Matched   Quality = "matched"
	Verified  Quality = "verified"
	Confirmed Quality = "confirmed" // a person's word
)

// qualities from the weakest to the strongest.
var qualities = [...]Quality{"", Guess, Derived, Matched, Verified, Confirmed}

func rank(q Quality) int {
	switch q {
	case Guess:
		return 1
	case Derived:
		return 2
	case Matched:
		return 3
	case Verified:
		return 4
	case Confirmed:
		return 5
	}
	return 0
}

// Claim is what one source says about one field (B-1).
type Claim struct {
	Source  string    `json:"source"`
	Value   string    `json:"value"`
	Quality Quality   `json:"quality"`
	At      time.Time `json:"at"`
	Wave    int64     `json:"wave"`
	Round   int       `json:"round"`
	Work    string    `json:"work,omitempty"`
	Seq     uint64    `json:"seq,omitempty"` // the change that made it: what that follows from is its cause

	Expires   time.Time `json:"expires_at,omitzero"`
	Since     time.Time `json:"since,omitzero"`      // of history: when it was known (B-21)
	Candidate bool      `json:"candidate,omitempty"` // it is there for the candidate that was picked (B-24)
}

// Field is all claims about one name, the shown one first, and what the person has decided about them.
type Field struct {
	Claims []Claim  `json:"claims"`
	Others int      `json:"others"`           // how many other values there are (B-4)
	Pin    string   `json:"pin,omitempty"`    // the source whose claim the person has pinned (B-3)
	Hidden []string `json:"hidden,omitempty"` // the sources whose claims the person has hidden
	Blank  bool     `json:"blank,omitempty"`  // nothing is shown: there is no claim, or each is hidden
}

// Shown is the claim that won; the zero claim if the field is blank.
func (f *Field) Shown() Claim {
	if f.Blank {
		return Claim{}
	}
	return f.Claims[0]
}

// Of is what a source claims, nil if nothing.
func (f *Field) Of(source string) *Claim {
	if f != nil {
		for i := range f.Claims {
			if f.Claims[i].Source == source {
				return &f.Claims[i]
			}
		}
	}
	return nil
}

// Item is an entry of a list. It belongs to the source that added it.
type Item struct {
	ID        string            `json:"id"`
	Source    string            `json:"source"`
	At        time.Time         `json:"at"`
	ChangedAt time.Time         `json:"changed_at"`
	Text      string            `json:"text,omitempty"`
	Title     string            `json:"title,omitempty"`
	URL       string            `json:"url,omitempty"`
	Round     int               `json:"round,omitempty"`
	Fields    map[string]string `json:"fields,omitempty"` // of a candidate: who it may be (B-24)
}

// Ref names a candidate in a claim of party.candidate, the same on every record to which its source adds it.
func (i *Item) Ref() string { return i.Source + "/" + i.ID }

func (i *Item) same(other *Item) bool {
	return i.Text == other.Text && i.Title == other.Title && i.URL == other.URL && maps.Equal(i.Fields, other.Fields)
}

// Nothing is an app's word that it looked and knows nothing of some fields (B-6).
type Nothing struct {
	Source string    `json:"source"`
	Fields []string  `json:"fields"`
	At     time.Time `json:"at"`
	Until  time.Time `json:"until,omitzero"` // in a change, zero: it is over
	Wave   int64     `json:"wave"`
	Round  int       `json:"round"`
	Work   string    `json:"work,omitempty"`
	Inputs uint64    `json:"inputs"` // a sum of what it was asked with
}

func (n *Nothing) about(other *Nothing) bool {
	return n.Source == other.Source && slices.Equal(n.Fields, other.Fields)
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
	Nothing  []Nothing         `json:"nothing,omitempty"`

	Contended map[string]Contention `json:"contended,omitempty"` // by field; see Frozen

	First      Origin    `json:"first_origin,omitempty"` // of one that was reopened: why it was opened first (B-23)
	ReopenedAt time.Time `json:"reopened_at,omitzero"`
	ClosedBy   string    `json:"closed_by,omitempty"` // the source; empty: time
	ErasedAt   time.Time `json:"erased_at,omitzero"`  // all that had been said until then was erased (SEC-45)
}

// Contention says that sources have changed a field back and forth in answer to each other (B-15).
type Contention struct {
	Sources []string  `json:"sources"`
	At      time.Time `json:"at"`
	Wave    int64     `json:"wave"` // in which the field is frozen at its best value
}

// Frozen are the fields that are contended in the wave that is now; the next one sets them free.
func (r *Record) Frozen() map[string]Contention {
	var frozen map[string]Contention
	for field, c := range r.Contended {
		if c.Wave == r.Wave {
			if frozen == nil {
				frozen = map[string]Contention{}
			}
			frozen[field] = c
		}
	}
	return frozen
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

// Candidate is the entry of party.candidates that was picked, nil if none was (B-24).
func (r *Record) Candidate() *Item {
	picked := r.Value(CandidateField)
	if picked == "" {
		return nil
	}
	list := r.Items[Candidates]
	for i := range list {
		if list[i].Ref() == picked {
			return &list[i]
		}
	}
	return nil
}

// Pick is which of the candidates the person takes for whom they speak with at a number; an empty Ref: none (B-24).
type Pick struct {
	Line, Number, Ref string
	At                time.Time
}

// Picked is the pick that is to be remembered after a change in which the person has decided about it: the one that is shown
// then. It is known until the change is shown.
func (c *Change) Picked() (Pick, bool) {
	f, touched := c.Fields[CandidateField]
	if !touched || c.Source != SourceUser || c.After == nil || c.After.Value("party.number") == "" {
		return Pick{}, false
	}
	p := Pick{Line: c.Line, Number: c.After.Value("party.number"), At: c.At}
	if f != nil {
		p.Ref = f.Shown().Value
	}
	return p, true
}

// clone makes the next version. Fields and item slices are shared until they are replaced.
func (r *Record) clone() *Record {
	next := *r
	next.Fields = maps.Clone(r.Fields)
	next.Items = maps.Clone(r.Items)
	next.Rev++
	return &next
}

// names are the fields that a record has, in order.
func (r *Record) names() []string { return slices.Sorted(maps.Keys(r.Fields)) }

// Candidates is the list of people who may be at the other end, and CandidateField the claim of which it is (B-24).
const (
	Candidates     = "party.candidates"
	CandidateField = "party.candidate"
)

// authoritative fields are the PBX's own while there is a call (B-2).
func authoritative(field string) bool {
	switch field {
	case "call", "party.number", "party.number_raw", "user.number", "user.extension":
		return true
	}
	return strings.HasPrefix(field, "call.")
}
