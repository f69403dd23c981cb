package board

import (
	"slices"
	"time"
)

// How long an app's word that it knows nothing is kept (B-6).
const (
	nothingLife    = 10 * time.Minute
	maxNothingLife = 24 * time.Hour
	maxNothing     = 32 // on a record
)

// expires makes sure that the record is looked at when something on it expires.
func (e *entry) expires(at time.Time) {
	if !at.IsZero() && (e.wakes.IsZero() || at.Before(e.wakes)) {
		e.wakes = at
	}
}

// renew lets a claim live longer that was made again. It is silence (B-5): the log learns of it when the claim would
// have expired.
func (e *entry) renew(s slot, held, again *Claim) {
	if again.Expires.After(held.Expires) {
		if e.renewed == nil {
			e.renewed = map[slot]time.Time{}
		}
		e.renewed[s] = again.Expires
	}
}

// expire takes away what has expired, which is a change that follows from the claim: it is one round deeper, so nothing
// runs for ever on claims that expire.
func (b *Board) expire(e *entry, at time.Time) {
	e.wakes = time.Time{}
	type made struct { // one write: what expires of it follows from it
		source string
		seq    uint64
	}
	gone := map[made]*act{}
	var order []*act
	for _, name := range e.now.names() {
		f := e.now.Fields[name]
		for i := range f.Claims {
			c := &f.Claims[i]
			if c.Expires.IsZero() || at.Before(c.Expires) {
				e.expires(c.Expires)
				continue
			}
			a := gone[made{c.Source, c.Seq}]
			if a == nil {
				a = &act{entry: e, source: c.Source, at: at, from: e.after(c)}
				gone[made{c.Source, c.Seq}] = a
				order = append(order, a)
			}
			b.lapse(a, name, f, c)
		}
	}
	for _, a := range order {
		for i := range a.drafts { // of several sources in one field, each sees what the one before left
			d := &a.drafts[i]
			d.before = e.now.Fields[d.field]
			pin, hidden := d.before.verdicts()
			d.after = b.replaced(d.field, d.before, a.source, d.claim, pin, hidden)
		}
		b.apply(a)
	}
	b.expireNothing(e, at)
}

// lapse takes one claim away, or lets it live on if it was made again.
func (b *Board) lapse(a *act, name string, f *Field, c *Claim) {
	d := draft{field: name, before: f}
	if again := a.entry.renewed[slot{c.Source, name}]; again.After(a.at) {
		d.claim = *c
		d.claim.Expires = again
	}
	delete(a.entry.renewed, slot{c.Source, name})
	a.drafts = append(a.drafts, d)
}

// after is what follows from a claim by itself: one round deeper, on the fuel of the wave that is now.
func (e *entry) after(c *Claim) cause {
	return cause{wave: c.Wave, round: c.Round + 1, seq: c.Seq, tank: e.fuel()}
}

func (b *Board) expireNothing(e *entry, at time.Time) {
	for _, n := range e.now.Nothing {
		if at.Before(n.Until) {
			e.expires(n.Until)
			continue
		}
		b.noMore(e, n, cause{wave: n.Wave, round: n.Round + 1, tank: e.fuel()}, at)
	}
}

// noMore takes an app's word back that it knows nothing.
func (b *Board) noMore(e *entry, n Nothing, from cause, at time.Time) {
	n.Until = time.Time{}
	b.setNothing(e, n, from, at)
}

func (b *Board) setNothing(e *entry, n Nothing, from cause, at time.Time) {
	next := e.now.clone()
	next.Nothing = slices.DeleteFunc(slices.Clone(e.now.Nothing), func(other Nothing) bool { return other.about(&n) })
	if !n.Until.IsZero() {
		next.Nothing = append(next.Nothing, n)
		e.expires(n.Until)
	}
	if len(next.Nothing) == 0 {
		next.Nothing = nil
	}
	next.Wave = max(next.Wave, from.wave)
	c := from.change(RecordChanged, n.Source, at)
	c.Fields, c.Nothing = map[string]*Field{}, &n
	b.append(e, next, c)
}

// know keeps an app's word that it looked and knows nothing (B-6). Said again of the same inputs it is silence.
func (b *Board) know(e *entry, f *flight, a Answer, from cause, at time.Time) int {
	fields := slices.Clone(a.Nothing)
	if len(fields) == 0 {
		fields = slices.Clone(f.gives)
	}
	if len(fields) == 0 {
		fields = []string{"*"}
	}
	slices.Sort(fields)
	life := a.NothingFor
	if life <= 0 {
		life = nothingLife
	}
	n := Nothing{Source: f.app, Fields: slices.Compact(fields), At: at, Until: at.Add(min(life, maxNothingLife)),
		Wave: from.wave, Round: from.round, Work: from.work, Inputs: f.inputs.sum()}
	for _, held := range e.now.Nothing {
		if held.about(&n) && held.Inputs == n.Inputs && !b.off.silence {
			return 0
		}
	}
	if len(e.now.Nothing) >= maxNothing {
		return 0
	}
	b.setNothing(e, n, from, at)
	return 1
}

// found takes back what an app said to know nothing of, when it claims it after all.
func (b *Board) found(a *act) {
	for _, n := range a.entry.now.Nothing {
		claims := func(d draft) bool { return d.claim.Value != "" && matches(n.Fields, d.field) }
		if n.Source == a.source && slices.ContainsFunc(a.drafts, claims) {
			b.noMore(a.entry, n, a.from, a.at)
		}
	}
}

// spared reports whether an app has said that it knows nothing, and would be asked the same again (B-6).
func (e *entry) spared(app string, inputs inputs) bool {
	for i := range e.now.Nothing {
		if n := &e.now.Nothing[i]; n.Source == app && n.Inputs == inputs.sum() {
			return true
		}
	}
	return false
}
