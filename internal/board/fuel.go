package board

import (
	"fmt"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// The fuel of a wave on a record (B-15).
const (
	maxRounds  = 8  // deeper writes are kept and shown, but no work follows from them
	maxChanges = 3  // changes of value per source and field
	maxWrites  = 24 // writes that changed anything, per source

	ownPerMinute = 6  // waves that an app may begin on a record (B-11)
	ownPerRecord = 60 // and in all
)

// Codes of what this package refuses beside those of package telephony.
const (
	CodeSuspended   telephony.Code = "loop_suspended"  // out of fuel: 429
	CodeQuarantined telephony.Code = "app_quarantined" // until the person lets it write again: 403
	CodeRevMoved    telephony.Code = "rev_mismatch"    // If-Match failed: 412
)

// Suspended is the error of a write that is out of fuel. It says what clears it.
type Suspended struct {
	Err    *telephony.Error
	Source string
	Field  string        // empty: it is about all that the source writes on this record
	After  time.Duration // when to try again; zero: when there is news of the record
}

func (s *Suspended) Error() string { return s.Err.Error() }

func (s *Suspended) Unwrap() error { return s.Err }

const untilNews = "wait: a change of the call, or a person's edit of the record, clears it"

// slot is a source's place in a field.
type slot struct{ source, field string }

// tank is the fuel of one wave on one record. It lives as long as something can still follow from the wave.
type tank struct {
	wave   int64
	writes map[string]int // by source
	slots  map[slot]*burnt
}

// burnt is what a source has burnt on a field: the values that it had, the last of which it holds.
type burnt struct {
	had     []said
	changes int8
	stopped bool // out of fuel, or contended and frozen
}

// said is what a source said of a field, and how sure it was.
type said struct {
	value string
	rank  int
}

func (c *Claim) said() said { return said{c.Value, rank(c.Quality)} }

func newTank(wave int64) *tank {
	return &tank{wave: wave, writes: map[string]int{}, slots: map[slot]*burnt{}}
}

// changers are the sources that have changed their mind in this wave: between them is the loop.
func (t *tank) changers(also string) []string {
	sources := []string{also}
	for s, b := range t.slots {
		if b.changes > 1 && !slices.Contains(sources, s.source) {
			sources = append(sources, s.source)
		}
	}
	slices.Sort(sources)
	return sources
}

// best is the value that a contended slot is frozen at: that of the best quality, and of equal ones the one it had last.
func (b *burnt) best() said {
	var best said
	for _, had := range slices.Backward(b.had) {
		if had.value != "" && had.rank > best.rank {
			best = had
		}
	}
	return best
}

// returns reports whether a slot would return to a value that it had before the one it holds.
func (b *burnt) returns(r *resolver, field string, c *Claim) bool {
	if len(b.had) < 2 {
		return false
	}
	return slices.ContainsFunc(b.had[:len(b.had)-1], func(had said) bool { return had.value != "" && r.same(field, had.value, c.Value) })
}

// spend makes sure that an app has fuel for a write, all of it or none, and burns it. A slot that returns to a value it had
// is frozen at its best: its draft is changed or dropped. Taking a claim back is always possible, and ends the slot's wave.
func (b *Board) spend(a *act) error {
	if b.off.fuel || !isApp(a.source) || len(a.drafts) == 0 {
		return nil
	}
	if err := b.ward.barred(a); err != nil {
		return err
	}
	if !a.withdraws() {
		if err := b.affordable(a); err != nil {
			return err
		}
	}
	kept := a.drafts[:0]
	for _, d := range a.drafts {
		if b.burn(a, &d) {
			kept = append(kept, d)
		}
	}
	a.drafts = kept
	return nil
}

// affordable says why an app cannot write this now.
func (b *Board) affordable(a *act) error {
	for i := range a.drafts {
		d := &a.drafts[i]
		held := a.from.tank.slots[slot{a.source, d.field}]
		if held == nil || d.claim.Value == "" || !held.stopped && (held.changes < maxChanges || !d.moves() || held.returns(&b.resolver, d.field, &d.claim)) {
			continue
		}
		b.suspend(a, held, d.field)
		return b.refuse(&Suspended{Source: a.source, Field: d.field, Err: &telephony.Error{Code: CodeSuspended,
			Message: fmt.Sprintf("%s has changed %s again and again in answer to changes of others", a.source, d.field), Remedy: untilNews}})
	}
	return b.mayWrite(a)
}

// mayWrite says why an app cannot write at all now, whatever it writes.
func (b *Board) mayWrite(a *act) error {
	if b.off.fuel || !isApp(a.source) {
		return nil
	}
	if a.from.tank.writes[a.source] >= maxWrites {
		b.suspend(a, nil, a.about())
		return b.refuse(&Suspended{Source: a.source, Err: &telephony.Error{Code: CodeSuspended,
			Message: fmt.Sprintf("%s has written %d times on this record since the last news of it", a.source, maxWrites), Remedy: untilNews}})
	}
	if !a.from.own {
		return nil
	}
	after, left := a.entry.budget(a.source).wait(a.at)
	switch {
	case !left:
		return b.refuse(&Suspended{Source: a.source, Err: &telephony.Error{Code: CodeSuspended,
			Message: fmt.Sprintf("%s has written %d times on this record with nothing that it followed from", a.source, ownPerRecord), Remedy: untilNews}})
	case after > 0:
		return b.refuse(&Suspended{Source: a.source, After: after, Err: &telephony.Error{Code: CodeSuspended,
			Message: fmt.Sprintf("%s writes on this record more than %d times a minute, with nothing that it follows from", a.source, ownPerMinute),
			Remedy:  fmt.Sprintf("wait %d seconds, or for news of the record", int(after.Seconds())+1)}})
	}
	return nil
}

// refuse counts a write that is out of fuel.
func (b *Board) refuse(s *Suspended) error {
	b.counts.Refused++
	return s
}

// burn takes the fuel of one draft and reports whether the draft still changes anything.
func (b *Board) burn(a *act, d *draft) bool {
	if !d.moves() {
		return true
	}
	key := slot{a.source, d.field}
	s := a.from.tank.slots[key]
	if s == nil {
		s = &burnt{}
		if held := d.before.Of(a.source); held != nil && !held.Candidate {
			s.had = append(s.had, held.said())
		}
		a.from.tank.slots[key] = s
	}
	if d.claim.Value != "" && s.returns(&b.resolver, d.field, &d.claim) {
		a.contended = append(a.contended, d.field)
		b.suspend(a, s, d.field)
		best := s.best()
		return b.redraft(a, d, NewClaim{Field: d.field, Value: best.value, Quality: qualities[best.rank]})
	}
	s.changes++
	s.had = append(s.had, d.claim.said())
	return true
}

// burnWrite counts a write that changed something.
func (b *Board) burnWrite(a *act) {
	if isApp(a.source) && !b.off.fuel {
		a.from.tank.writes[a.source]++
		b.counts.Spent++
		if a.from.own {
			a.entry.budget(a.source).spend(a.at)
		}
	}
}

// suspend notes that a slot ran out of fuel, once for each wave; three times in an hour bar the app from the field.
func (b *Board) suspend(a *act, s *burnt, field string) {
	if s == nil { // out of writes: counted where it happened
		key := slot{a.source, ""}
		if s = a.from.tank.slots[key]; s == nil {
			s = &burnt{}
			a.from.tank.slots[key] = s
		}
	}
	if s.stopped {
		return
	}
	s.stopped = true
	b.counts.Suspended++
	if b.ward.suspend(slot{a.source, field}, a.at) {
		a.barred = append(a.barred, field)
	}
}

// tellBarred tells the user of fields from which an act has barred its app.
func (b *Board) tellBarred(a *act) {
	for _, field := range a.barred {
		b.journal.push(&Change{Kind: AppQuarantined, At: a.at, Line: a.entry.now.Line, Source: a.source, App: a.source, Field: field})
	}
	a.barred = nil
}

// budget is what an app has spent of the waves that it may begin on a record.
type budget struct {
	app   string
	total int
	last  [ownPerMinute]time.Time
}

func (e *entry) budget(app string) *budget {
	for _, b := range e.budgets {
		if b.app == app {
			return b
		}
	}
	b := &budget{app: app}
	e.budgets = append(e.budgets, b)
	return b
}

// wait is how long the next wave must wait; left is false if there is none.
func (b *budget) wait(at time.Time) (after time.Duration, left bool) {
	if b.total >= ownPerRecord {
		return 0, false
	}
	if b.total < ownPerMinute {
		return 0, true
	}
	return max(0, time.Minute-at.Sub(b.last[b.total%ownPerMinute])), true
}

func (b *budget) spend(at time.Time) {
	b.last[b.total%ownPerMinute] = at
	b.total++
}
