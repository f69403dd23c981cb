package board

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

var workUnknown = &telephony.Error{Code: telephony.CodeWorkUnknown, Message: "there is no such work of yours",
	Remedy: "it was answered long ago, or its record is closed; write with a claim instead"}

// Progress says that an app is still at a work: it has as much time again, up to a minute in all (B-14). It returns the
// new deadline. A longer job answers now and writes later.
func (b *Board) Progress(app, work string, at time.Time) (time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.crew.works[work]
	if f == nil || f.app != app {
		return time.Time{}, workUnknown
	}
	if !f.open {
		return time.Time{}, &telephony.Error{Code: telephony.CodeWorkUnknown, Message: "nobody waits for this work any more",
			Remedy: "answer it all the same: a late answer is still taken"}
	}
	if next, last := at.Add(f.step), f.handed.Add(maxDeadline); next.Before(last) {
		f.deadline = next
	} else {
		f.deadline = last
	}
	return f.deadline, nil
}

// Answer takes an answer. Its claims are one round deeper than the work. A late one is still a write (B-14). One that is
// out of fuel is not taken, and nobody waits for another.
func (b *Board) Answer(app, work string, a Answer, at time.Time, receipts ...*Receipt) (Written, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.crew.works[work]
	if f == nil || f.app != app {
		return Written{}, workUnknown
	}
	e := f.entry
	if _, err := b.writable(e.now.ID, app); err != nil {
		return Written{}, err
	}
	a.Items = f.again(a.Items, at)
	if err := b.checkAnswer(e, app, a); err != nil {
		return Written{}, err
	}
	from := f.cause.next()
	if b.off.causes {
		from = e.newWave()
	}
	changed, err := b.write(e, f, a, from, at)
	if _, suspended := errors.AsType[*Suspended](err); err != nil && !suspended {
		if known, ok := errors.AsType[*telephony.Error](err); !ok || known.Code != CodeQuarantined {
			return Written{}, err
		}
	}
	j := e.jobOf(app)
	if f.open && a.Error == "" {
		j.done, j.worked = f.inputs, true
	}
	if f.open && (a.Error != "" || err != nil) {
		e.missed(app)
	}
	f.answered = true
	b.land(f, at)
	if err != nil {
		return Written{}, err
	}
	return b.keep(receipts, e, b.written(e, changed)), nil
}

// again gives items without an id, which an answer to the same work has added before, the ids that they got then: an answer
// that is sent twice doubles nothing (D-10). The answer may be the caller's own, so the items are copied.
func (f *flight) again(items []NewItem, at time.Time) []NewItem {
	if len(f.made) == 0 {
		return items
	}
	out, left := slices.Clone(items), slices.Clone(f.made)
	for i := range out {
		_, made := draftItem(nil, f.app, out[i], cause{}, at)
		if out[i].ID != "" {
			continue
		}
		for n, id := range left {
			held := f.entry.now.Items[out[i].List]
			if at := slices.IndexFunc(held, func(other Item) bool { return other.ID == id }); at >= 0 && held[at].same(&made) {
				out[i].ID, left = id, slices.Delete(left, n, n+1)
				break
			}
		}
	}
	return out
}

// Say takes the claims and items that an app says of a record outside any work: all of it is written, or nothing (D-9).
func (b *Board) Say(id, app string, a Answer, at time.Time) (Written, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	as := app
	if len(a.Claims) == 0 && !slices.ContainsFunc(a.Items, func(i NewItem) bool { return i.List != "notes" }) {
		as = SourceUser // notes can always be written (B-19)
	}
	e, err := b.writable(id, as)
	if err != nil {
		return Written{}, err
	}
	if err := b.checkAnswer(e, app, a); err != nil {
		return Written{}, err
	}
	changed, err := b.say(e, &flight{app: app}, a, b.causeOf(e, app, at), at)
	if err != nil {
		return Written{}, err
	}
	return b.written(e, changed), nil
}

// say applies the claims and items of an answer as one write.
func (b *Board) say(e *entry, f *flight, a Answer, from cause, at time.Time) (int, error) {
	if len(a.Items) > 0 { // there must be fuel for both before either is written
		if err := b.mayWriteItems(e, f.app, a.Items, from, at); err != nil {
			return 0, err
		}
	}
	changed, err := b.claimAll(e, f.app, a.Claims, from, at)
	if err != nil {
		return 0, err
	}
	for _, item := range a.Items {
		stored, n := b.storeItem(e, f.app, item, from, at)
		if item.ID == "" {
			f.made = append(f.made, stored.ID)
		}
		if n > 0 && changed == 0 {
			b.burnWrite(&act{entry: e, source: f.app, from: from, at: at})
		}
		changed += n
	}
	return changed, nil
}

// write applies an answer to a work.
func (b *Board) write(e *entry, f *flight, a Answer, from cause, at time.Time) (int, error) {
	changed, err := b.say(e, f, a, from, at)
	if err != nil {
		return 0, err
	}
	if a.Past != nil && f.app == SourceHistory {
		changed += b.putPast(e, f.app, "history", a.Past, from, at)
	}
	switch {
	case a.NothingFound && a.Error == "":
		changed += b.know(e, f, a, from, at)
	case a.Error == "":
		for _, n := range e.now.Nothing {
			if n.Source == f.app && n.Inputs != f.inputs.sum() { // it was about other inputs
				b.noMore(e, n, from, at)
			}
		}
	}
	return changed, nil
}

// checkAnswer makes sure that an answer can be taken whole: all of it or nothing is written.
func (b *Board) checkAnswer(e *entry, app string, a Answer) error {
	if err := b.checkClaims(e.now, app, a.Claims, a.Match); err != nil {
		return err
	}
	if len(a.Nothing) > maxClaims {
		return invalid("nothing found of %d fields: at most %d", len(a.Nothing), maxClaims)
	}
	for _, name := range a.Nothing {
		if !isFieldName(name) && name != "*" && !isFieldName(name[:max(0, len(name)-1)]+"x") {
			return invalid("%q is no field name", telephony.Display(name))
		}
	}
	for i, item := range a.Items {
		if err := b.checkItem(e.now, app, item, i); err != nil {
			return err
		}
	}
	return nil
}

// land ends a flight; what came meanwhile is handed out next, if inputs have moved.
func (b *Board) land(f *flight, at time.Time) {
	if !f.open {
		return
	}
	b.lay(f)
	j := f.entry.jobOf(f.app)
	if en := b.crew.enrichers[f.app]; en != nil && j.due {
		en.add(f.entry)
		en.poke()
	}
	b.settle(f.entry, at)
}

// lay puts a flight that nobody waits for among those of which a late answer may come, the newest few.
func (b *Board) lay(f *flight) {
	f.open, f.changed, f.gives = false, nil, slices.Clip(f.gives)
	delete(b.crew.flying, f)
	j := f.entry.jobOf(f.app)
	j.flight = nil
	j.landed = slices.DeleteFunc(j.landed, func(other *flight) bool {
		if other.answered {
			delete(b.crew.works, other.id)
		}
		return other.answered
	})
	if j.landed = append(j.landed, f); len(j.landed) > maxLanded {
		delete(b.crew.works, j.landed[0].id)
		j.landed = slices.Delete(j.landed, 0, 1)
	}
}

func (b *Board) unanswered(f *flight, at time.Time) {
	f.entry.missed(f.app)
	b.land(f, at)
}

// settle tells that nobody is working on the record any more: nothing in flight, nothing due, nothing yet to be shown
// (B-16). It is exact, not a timer.
func (b *Board) settle(e *entry, at time.Time) {
	if e.rest != "" || !e.asked || e.unshown > 0 || e.shown == nil {
		return
	}
	for _, j := range e.jobs {
		if j.flight != nil || j.due && b.crew.enrichers[j.app] != nil {
			return
		}
	}
	settled := &Settled{Wave: e.now.Wave, Rounds: e.rounds, TookMS: at.Sub(e.askedAt).Milliseconds(),
		Unanswered: slices.Sorted(maps.Keys(e.unanswered))}
	e.asked, e.rounds, e.unanswered = false, 0, nil
	next := e.now.clone()
	next.Settled = settled
	b.append(e, next, &Change{Kind: RecordSettled, At: at, Wave: settled.Wave, Round: settled.Rounds, Settled: settled})
}
