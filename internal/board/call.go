package board

import (
	"cmp"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Call takes changes of one call that happened together. A new call opens a record, or joins an open lookup of the same
// line and number (B-20). claims are what the PBX says about the parties; those it no longer says are withdrawn.
func (b *Board) Call(line string, changes []telephony.Change, claims []NewClaim) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := changes[0]
	e := b.calls[first.Call.ID]
	var from cause
	if e == nil {
		e = b.openFor(line, first, claims)
		from = cause{wave: e.now.Wave, tank: e.fuel()}
	} else {
		from = b.wake(e).newWave()
	}
	b.mustClaim(e, SourcePBX, claims, from, first.At)
	b.mustClaim(e, SourcePBX, unsaid(e.now, SourcePBX, claims), from, first.At)
	for _, c := range changes {
		next := e.now.clone()
		next.Wave, next.Call = from.wave, c.Call
		made := from.change(string(c.Kind), SourcePBX, c.At)
		made.Call = c.Call
		b.append(e, next, made)
	}
}

// mustClaim is claimAll for a source that burns no fuel.
func (b *Board) mustClaim(e *entry, source string, claims []NewClaim, from cause, at time.Time) {
	if _, err := b.claimAll(e, source, claims, from, at); err != nil {
		panic(err)
	}
}

// OfCall is the record of a call, and a seq from which on all that is known of it now has been shown. Empty: there is none.
func (b *Board) OfCall(id telephony.CallID) (record string, seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.calls[id]; e != nil {
		return e.now.ID, b.journal.seq
	}
	return "", 0
}

func (b *Board) openFor(line string, c telephony.Change, claims []NewClaim) *entry {
	if e := b.waiting(line, "party.number", numberOf(claims), func(r *Record) bool { return b.waits(r, c.At) }); e != nil {
		from := b.wake(e).newWave()
		next := e.now.clone()
		if next.State == Closed {
			next = reopened(e.now, c.At)
		}
		next.Call = c.Call
		b.calls[c.Call.ID] = e
		b.openAgain(e, next, from, from.change(RecordJoined, SourcePBX, c.At))
		return e
	}
	e := b.open(line, SourcePBX, FromCall, c.At, func(r *Record) {
		r.Call = c.Call
		r.Fields = b.initial(claims, SourcePBX, c.At)
	})
	b.calls[c.Call.ID] = e
	return e
}

func numberOf(claims []NewClaim) string {
	number := ""
	for _, claim := range claims {
		if claim.Field == "party.number" {
			number = claim.Value
		}
	}
	return number
}

// waiting finds the lookup of a line and number, or other field, that no call has joined yet: an open one before a closed
// one, the newest before others.
func (b *Board) waiting(line, field, value string, waits func(*Record) bool) *entry {
	if value = b.resolver.normal(field, value); value == "" {
		return nil
	}
	var found *entry
	for _, e := range b.entries {
		if r := e.now; r.Call != nil || r.Line != line || !waits(r) || b.lookedUpBy(e, field) != value {
			continue
		}
		if found == nil || before(e.now, found.now) {
			found = e
		}
	}
	return found
}

// before orders the lookups that a call may join.
func before(a, b *Record) bool {
	if a.State != b.State {
		return a.State == Open
	}
	return cmp.Or(b.OpenedAt.Compare(a.OpenedAt), cmp.Compare(b.ID, a.ID)) < 0
}

// lookedUpBy is the number or e-mail address of a lookup, made comparable.
func (b *Board) lookedUpBy(e *entry, field string) string {
	if field == "party.number" {
		return b.lookedUp(e)
	}
	if e.rest == "" {
		e.email = b.resolver.normal(field, e.now.Value(field))
	}
	return e.email
}

// lookedUp is the number of a lookup, made comparable: it is asked for with every call, so it is kept.
func (b *Board) lookedUp(e *entry) string {
	if e.rest != "" { // as it was when it was packed
		return e.number
	}
	if f := e.now.Fields["party.number"]; f != e.numberOf {
		e.numberOf, e.number = f, ""
		if f != nil {
			e.number = b.resolver.normal("party.number", f.Shown().Value)
		}
	}
	return e.number
}

// open begins a record in wave 1.
func (b *Board) open(line, source string, origin Origin, at time.Time, fill func(*Record)) *entry {
	r := &Record{ID: b.options.NewID("rec"), Rev: 1, Line: line, Origin: origin, State: Open, OpenedAt: at, Wave: 1,
		Fields: map[string]*Field{}, Items: map[string][]Item{}}
	fill(r)
	e := newEntry(r)
	b.entries[r.ID] = e
	b.append(e, r, &Change{Kind: RecordOpened, At: at, Source: source, Wave: 1, Opened: r, Shown: r.names(), moved: r.names()})
	return e
}

// OpenLookup opens a record without a call (B-22). An open lookup of the same line and number, or where no number is claimed of
// the same e-mail address, is given back as it is.
func (b *Board) OpenLookup(line, source string, claims []NewClaim, at time.Time, receipts ...*Receipt) (id string, seq uint64) {
	return b.OpenCard(line, source, claims, nil, at, receipts...)
}

// OpenCard is OpenLookup with items of the same source: a card may say more than there are fields.
func (b *Board) OpenCard(line, source string, claims []NewClaim, items []NewItem, at time.Time, receipts ...*Receipt) (id string, seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	open := func(r *Record) bool { return r.State == Open }
	for _, field := range []string{"party.number", "party.email"} {
		i := slices.IndexFunc(claims, func(c NewClaim) bool { return c.Field == field })
		if i < 0 {
			continue
		}
		if e := b.waiting(line, field, claims[i].Value, open); e != nil {
			b.wake(e)
			b.keep(receipts, e, b.written(e, 0))
			return e.now.ID, b.journal.seq
		}
		break
	}
	e := b.open(line, source, FromLookup, at, func(r *Record) {
		r.Fields = b.initial(claims, source, at)
		for _, item := range items {
			_, made := draftItem(r.Items[item.List], source, item, cause{wave: 1}, at)
			made.ID = cmp.Or(made.ID, b.options.NewID("item"))
			r.Items[item.List] = append(r.Items[item.List], made)
		}
	})
	b.keep(receipts, e, b.written(e, 1))
	return e.now.ID, b.journal.seq
}

// initial are the fields that a record is opened with.
func (b *Board) initial(claims []NewClaim, source string, at time.Time) map[string]*Field {
	fields := map[string]*Field{}
	for _, c := range claims {
		if c.Quality == Confirmed && source != SourceUser { // a person's word (B-3)
			c.Quality = Matched
		}
		if made := b.made(c, source, cause{wave: 1}, at); made.Value != "" {
			fields[c.Field] = b.replaced(c.Field, nil, source, made, "", nil)
		}
	}
	return fields
}

// Notice logs what concerns no record: the link to a PBX and the gaps in it.
func (b *Board) Notice(line string, c telephony.Change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.journal.push(&Change{Kind: string(c.Kind), At: c.At, Line: line, Source: SourcePBX, Link: c.Link, Gap: c.Gap})
}
