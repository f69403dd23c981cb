package board

import (
	"fmt"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// causeLife is for how long a write outside any work counts as following from what was last shown (B-11).
const causeLife = time.Minute

// NewClaim is a claim as it is made. An empty value withdraws.
type NewClaim struct {
	Field   string
	Value   string
	Quality Quality
	TTL     time.Duration // zero: it does not expire
	Since   time.Time     // of history: when it was known
}

// Written says what a write did. It may be told to others once the log has been shown up to Seq.
type Written struct {
	Record  string
	Rev     int64
	Changed int
	Seq     uint64
	Item    *Item // that was put
}

// RevMoved is the error of a write whose If-Match names another rev than the record has (B-2). Current may be shown to the
// writer once the log has been shown up to Seq.
type RevMoved struct {
	Err     *telephony.Error
	Current *Record
	Seq     uint64
}

func (r *RevMoved) Error() string { return r.Err.Error() }

func (r *RevMoved) Unwrap() error { return r.Err }

// act is one write: by whom, what it follows from, and what it would change.
type act struct {
	entry     *entry
	source    string
	from      cause
	at        time.Time
	drafts    []draft
	list      string   // of an item that is written
	contended []string // fields that would have returned to a value they had (B-15)
	barred    []string // fields and lists that the app may not write from now on
}

// draft is a claim that changes something.
type draft struct {
	field         string
	claim         Claim // its value is empty where the claim is withdrawn
	before, after *Field
	turned        bool // the source says something else than before
}

func (d *draft) moves() bool { return d.turned }

// withdraws reports whether an act only takes back.
func (a *act) withdraws() bool {
	return len(a.drafts) > 0 && a.list == "" && !slices.ContainsFunc(a.drafts, func(d draft) bool { return d.claim.Value != "" })
}

// about names what an act writes first.
func (a *act) about() string {
	if len(a.drafts) > 0 {
		return a.drafts[0].field
	}
	return a.list
}

// Claim writes, changes or withdraws claims of one source, all or none (B-1).
func (b *Board) Claim(id, source string, claims []NewClaim, at time.Time, receipts ...*Receipt) (Written, error) {
	return b.ClaimMatch(id, source, claims, 0, at, receipts...)
}

// ClaimMatch is Claim, if the record still has the given rev: exclusive fields are claimed so (B-2). A *RevMoved error
// has the record as it is. Rev zero does not ask.
func (b *Board) ClaimMatch(id, source string, claims []NewClaim, rev int64, at time.Time, receipts ...*Receipt) (Written, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, err := b.writable(id, source)
	if err != nil {
		return Written{}, err
	}
	if err := b.checkClaims(e.now, source, claims, rev); err != nil {
		return Written{}, err
	}
	changed, err := b.claimAll(e, source, claims, b.causeOf(e, source, at), at)
	if err != nil {
		return Written{}, err
	}
	return b.keep(receipts, e, b.written(e, changed)), nil
}

func (b *Board) written(e *entry, changed int) Written {
	return Written{Record: e.now.ID, Rev: e.now.Rev, Changed: changed, Seq: b.journal.seq}
}

// writable finds a record that a source may write to (B-19).
func (b *Board) writable(id, source string) (*entry, error) {
	e := b.awake(id)
	switch {
	case e == nil:
		return nil, notThere(id)
	case e.now.State == Closed && isApp(source) && !b.crew.grants[source].AfterCall:
		return nil, &telephony.Error{Code: telephony.CodeClosed, Message: fmt.Sprintf("record %q is closed", id),
			Remedy: "its call is over and its grace time too; notes can still be written"}
	}
	return e, nil
}

// causeOf is what a write outside any work follows from: a person starts a new wave, an app goes on from what it was last
// shown, else begins a wave on its own budget (B-11).
func (b *Board) causeOf(e *entry, source string, at time.Time) cause {
	if !isApp(source) || b.off.causes {
		return e.newWave()
	}
	news := e.heardBy(source)
	if at.Sub(news.at) > causeLife || news.at.IsZero() {
		own := e.newWave()
		own.own = true
		return own
	}
	return news.cause.next()
}

// claimAll applies claims as one change. Claims equal to those held change nothing (B-5); of two for one field the last
// counts. It returns how many did. Only an app can be refused, for want of fuel.
func (b *Board) claimAll(e *entry, source string, claims []NewClaim, from cause, at time.Time) (int, error) {
	a := &act{entry: e, source: source, from: from, at: at}
	b.draftAll(a, claims)
	defer b.tellBarred(a)
	if err := b.spend(a); err != nil {
		return 0, err
	}
	changed := b.apply(a)
	if changed > 0 {
		b.burnWrite(a)
	}
	return changed, nil
}

func (b *Board) draftAll(a *act, claims []NewClaim) {
	for i, c := range claims {
		if !slices.ContainsFunc(claims[i+1:], func(later NewClaim) bool { return later.Field == c.Field }) {
			d := draft{field: c.Field, before: a.entry.now.Fields[c.Field]}
			if b.redraft(a, &d, c) {
				a.drafts = append(a.drafts, d)
			}
		}
	}
}

// redraft sees what a claim would change; false if nothing (B-5).
func (b *Board) redraft(a *act, d *draft, c NewClaim) bool {
	d.claim = b.made(c, a.source, a.from, a.at)
	held := d.before.Of(a.source)
	if held != nil && held.Candidate {
		held = nil // it is there for the candidate that was picked, not by the source's own claim
	}
	pin, hidden := d.before.verdicts()
	released := pin != "" && a.source == SourceUser && d.claim.Value != "" // who types their own means that (B-3)
	if released {
		pin = ""
	}
	switch {
	case d.claim.Value == "" && held == nil:
		return false
	case held != nil && d.claim.Value != "":
		equal := b.resolver.same(c.Field, held.Value, d.claim.Value)
		d.turned = !equal
		mended := a.source == SourceUser && held.Value != d.claim.Value // a person may mend the spelling
		if equal && held.Quality == d.claim.Quality && held.Expires.IsZero() == d.claim.Expires.IsZero() && !mended && !released && !b.off.silence {
			a.entry.renew(slot{a.source, c.Field}, held, &d.claim)
			return false
		}
	default:
		d.turned = true
	}
	d.after = b.replaced(c.Field, d.before, a.source, d.claim, pin, hidden)
	return true
}

// made is a claim as it is kept.
func (b *Board) made(c NewClaim, source string, from cause, at time.Time) Claim {
	made := Claim{Source: source, Value: telephony.Clean(c.Value), Quality: b.quality(c.Quality, source), At: at,
		Wave: from.wave, Round: from.round, Work: from.work, Since: c.Since}
	if c.TTL > 0 {
		made.Expires = at.Add(c.TTL)
	}
	return made
}

// quality is what a claim counts as: what its source says of it, at most what the app was let (B-3).
func (b *Board) quality(said Quality, source string) Quality {
	if source == SourceUser {
		return Confirmed
	}
	if said == "" {
		said = Matched
	}
	most := Verified
	if granted := b.crew.grants[source].MaxQuality; granted != "" && isApp(source) {
		most = granted
	}
	if rank(said) > rank(most) {
		return most
	}
	return said
}

// replaced is a field with the source's slot replaced, or emptied where the claim has no value. An exclusive field has but
// one slot (B-2).
func (b *Board) replaced(field string, before *Field, source string, c Claim, pin string, hidden []string) *Field {
	var claims []Claim
	if before != nil && !slices.Contains(b.resolver.exclusive, field) {
		claims = make([]Claim, 0, len(before.Claims)+1)
		for _, other := range before.Claims {
			if other.Source != source {
				claims = append(claims, other)
			}
		}
	}
	if c.Value != "" {
		if c.Seq == 0 { // one that lives on keeps the change that made it
			c.Seq = b.journal.seq + 1
		}
		claims = append(claims, c)
	}
	return b.resolver.resolve(field, claims, pin, hidden)
}

// apply makes the drafts of an act one change of the record. It returns how many fields changed.
func (b *Board) apply(a *act) int {
	if len(a.drafts) > 0 {
		next := a.entry.now.clone()
		change := a.from.change(RecordChanged, a.source, a.at)
		change.Fields = make(map[string]*Field, len(a.drafts))
		for i := range a.drafts {
			b.put(next, change, a.drafts[i].field, a.drafts[i].before, a.drafts[i].after)
			a.entry.expires(a.drafts[i].claim.Expires)
		}
		next.Wave = max(next.Wave, a.from.wave)
		b.append(a.entry, next, change)
		b.found(a)
	}
	for _, field := range a.contended {
		b.tellContended(a, field)
	}
	if len(a.drafts) > 0 && a.entry.now.Items[Candidates] != nil {
		b.embody(a.entry, a.from, a.at)
	}
	return len(a.drafts)
}

// put replaces a field in the next version of a record, and says in the change who sees what of it.
func (b *Board) put(next *Record, c *Change, name string, before, after *Field) {
	c.Fields[name] = after
	if after == nil {
		delete(next.Fields, name)
	} else {
		next.Fields[name] = after
	}
	if !sameShown(before, after) {
		c.Shown = append(c.Shown, name)
	}
	if !sameValue(before, after) || b.off.silence {
		c.moved = append(c.moved, name)
	}
}

// tellContended says once in a wave that a slot is frozen, and who is in the loop (B-15).
func (b *Board) tellContended(a *act, field string) {
	next := a.entry.now.clone()
	c := a.from.change(FieldContended, a.source, a.at)
	c.Field, c.Sources = field, a.from.tank.changers(a.source)
	next.Contended = next.Frozen()
	if next.Contended == nil {
		next.Contended = map[string]Contention{}
	}
	next.Contended[field] = Contention{Sources: c.Sources, At: a.at, Wave: a.from.wave}
	b.append(a.entry, next, c)
}

// unsaid are withdrawals of what a source claimed before and does not say any more.
func unsaid(r *Record, source string, said []NewClaim) []NewClaim {
	var gone []NewClaim
	for _, name := range r.names() {
		if r.Fields[name].Of(source) != nil && !slices.ContainsFunc(said, func(c NewClaim) bool { return c.Field == name }) {
			gone = append(gone, NewClaim{Field: name})
		}
	}
	return gone
}
