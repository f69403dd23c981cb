package board

import (
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// LogView is one of the lists in which people look for their calls. Missed, received and dialed have no call in common, and
// together all that ended and of which the direction is known.
type LogView string

const (
	LogAll      LogView = "all" // calls and lookups
	LogMissed   LogView = "missed"
	LogReceived LogView = "received"
	LogDialed   LogView = "dialed"
	LogLookups  LogView = "lookups"
)

// LogEntry is a record as a call log shows it: shown values only.
type LogEntry struct {
	Record     string
	Line       string
	View       LogView // empty: a call that is in none of the narrower lists
	Lookup     bool    // there is no call
	Direction  telephony.Direction
	Result     telephony.Result // empty: the call goes on
	StartedAt  time.Time        // of a lookup: when it was opened
	AnsweredAt time.Time
	EndedAt    time.Time
	Extension  string
	Number     string // E.164, or as it is dialled inside
	NumberRaw  string
	Name       string
	Company    string
	Email      string
	Website    string
	IP         string
	Tags       string // parted by commas
	Notes      int
	Complete   bool        // false: a part of the call was not seen
	Unseen     bool        // nothing of it was: all is from the PBX's own records
	ErasedAt   time.Time   // all that had been said until then was erased
	Later      *LaterKnown // of a number without a name; nil: nothing, or of more than one person
}

// LaterKnown is what another record of a number says of who that is.
type LaterKnown struct {
	Name, Company string
	Record        string
	At            time.Time // when that record's call began, or the lookup was opened
}

// Duration is how long the two spoke; zero if they did not, or the end was not seen.
func (e *LogEntry) Duration() time.Duration {
	if e.AnsweredAt.IsZero() || e.EndedAt.Before(e.AnsweredAt) {
		return 0
	}
	return e.EndedAt.Sub(e.AnsweredAt)
}

// LogEntryOf is what the log says of a record.
func LogEntryOf(r *Record) LogEntry {
	e := LogEntry{
		Record: r.ID, Line: r.Line, Lookup: r.Call == nil, StartedAt: r.OpenedAt, Number: r.Value("party.number"), NumberRaw: r.Value("party.number_raw"),
		Name: r.Value("party.name"), Company: r.Value("party.company"), Email: r.Value("party.email"), Website: r.Value("party.website"), IP: r.Value("party.ip"),
		Tags: r.Value("party.tags"), Notes: len(r.Items["notes"]),
		Complete: r.Complete(), ErasedAt: r.ErasedAt,
	}
	c := r.Call
	if c == nil {
		e.View = LogLookups
		return e
	}
	e.Direction, e.Result, e.StartedAt, e.AnsweredAt, e.EndedAt, e.Extension = c.Direction, c.Result, c.StartedAt, c.AnsweredAt, c.EndedAt, c.User.Extension
	e.Unseen = c.Unseen
	if c.State != telephony.Ended {
		e.Result = ""
	}
	e.View = logView(c)
	return e
}

// logView: what rang here and nobody took is missed, unless the person rejected it or it was sent on, which they know.
func logView(c *telephony.Call) LogView {
	caller := false
	for i := range c.Views {
		caller = caller || c.Views[i].Caller
	}
	switch {
	case c.Direction == telephony.Outbound, c.Direction == telephony.Internal && caller:
		return LogDialed
	case c.Direction != telephony.Inbound && c.Direction != telephony.Internal:
		return ""
	case !c.AnsweredAt.IsZero():
		return LogReceived
	case c.State != telephony.Ended:
		return ""
	}
	switch c.Result {
	case telephony.Answered, telephony.AnsweredElsewhere, telephony.Rejected, telephony.Forwarded:
		return LogReceived
	}
	return LogMissed
}

// NoteTexts are what the notes say, for those who look for words in them.
func (r *Record) NoteTexts() string {
	var all strings.Builder
	for i := range r.Items["notes"] {
		n := &r.Items["notes"][i]
		all.WriteString(n.Title + "\n" + n.Text + "\n")
	}
	return all.String()
}

// LogQuery is what is looked for in the log. All that is said must hold; what is empty is not asked.
type LogQuery struct {
	View    LogView
	Line    string
	Result  telephony.Result
	Numbers []string // party.number is one of them
	Digits  string   // a number that is no whole one: it begins, or goes on behind the country code, with these
	Text    string   // words, in the kinds of Within; the last one may be the beginning of a word
	Within  []LogWords
	Person  string // words of the name
	Company string
	Tag     string
	From    time.Time // and later
	To      time.Time // before it
	Before  int64     // place of the last entry that was read; zero: from the newest
	Limit   int
}

// LogWords is a kind of words that can be looked for; its value is the field or list that says them.
type LogWords string

const (
	LogName    LogWords = "party.name"
	LogCompany LogWords = "party.company"
	LogNumber  LogWords = "party.number"
	LogEmail   LogWords = "party.email"
	LogTags    LogWords = "party.tags"
	LogNotes   LogWords = "notes"
)

// LogPage is a part of the log, newest first.
type LogPage struct {
	Entries []LogEntry
	Next    int64 // Before of the next page; zero: this is the last
}
