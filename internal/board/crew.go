package board

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Registration is what an app works from, what it gives and when it wants to be asked. A trailing * in Needs stands for
// any rest.
type Registration struct {
	Needs []string `json:"needs,omitempty"`
	Gives []string `json:"gives,omitempty"`
	On    []Moment `json:"on,omitempty"`

	Deadline time.Duration `json:"deadline,omitempty"` // for each work, at most 60 s; zero: 5 s (B-14)

	reads []string // what the app was let see of what it needs; nil: all
}

// Enricher is an app that takes work. One goroutine uses it.
type Enricher struct {
	App          string
	Registration Registration
	due          map[*entry]bool
	queue        []*entry // what is due, the longest first; some may have been handed out already
	wake         chan struct{}
	replaced     chan struct{} // closed when a newer registration took over
	hooks        Hooks
}

// Hooks are told what an enricher's channels would tell, for who has too many enrichers to wait for each. They are called
// with the board's lock held: they must not block, nor call the board.
type Hooks struct {
	Woken    func() // TakeWork may have something
	Replaced func() // a newer registration of the same app took over
}

// Woken is signalled when TakeWork may have something.
func (en *Enricher) Woken() <-chan struct{} { return en.wake }

// Replaced is closed when a newer registration of the same app took over.
func (en *Enricher) Replaced() <-chan struct{} { return en.replaced }

func (en *Enricher) poke() {
	if en.hooks.Woken != nil {
		en.hooks.Woken()
	}
	poke(en.wake)
}

func (en *Enricher) add(e *entry) {
	if !en.due[e] {
		en.due[e] = true
		en.queue = append(en.queue, e)
	}
}

// asksOf reports whether an app works from a field or list: it needs it, and may see it.
func (r *Registration) asksOf(name string) bool {
	return matches(r.Needs, name) && (r.reads == nil || Sees(r.reads, name))
}

func (r *Registration) asksOn(m Moment) bool { return slices.Contains(r.On, m) }

// crew are the apps: who takes work now, what each was let do, and the works that are out.
type crew struct {
	enrichers map[string]*Enricher // by app
	ordered   []*Enricher          // the same, by app
	grants    map[string]Grant
	works     map[string]*flight // by id, also those of which only a late answer can come
	flying    map[*flight]bool   // those that are waited for
}

func newCrew() crew {
	return crew{enrichers: map[string]*Enricher{}, grants: map[string]Grant{}, works: map[string]*flight{}, flying: map[*flight]bool{}}
}

// late finds the works that are past their deadline.
func (c *crew) late(at time.Time, each func(*flight)) {
	var late []*flight
	for f := range c.flying {
		if at.After(f.deadline) {
			late = append(late, f)
		}
	}
	slices.SortFunc(late, func(a, b *flight) int { return cmp.Compare(a.id, b.id) })
	for _, f := range late {
		each(f)
	}
}

// enlist lets an app take work, or no longer.
func (c *crew) enlist(app string, en *Enricher) {
	if delete(c.enrichers, app); en != nil {
		c.enrichers[app] = en
	}
	c.ordered = make([]*Enricher, 0, len(c.enrichers))
	for _, en := range c.enrichers {
		c.ordered = append(c.ordered, en)
	}
	slices.SortFunc(c.ordered, func(a, b *Enricher) int { return cmp.Compare(a.App, b.App) })
}

// Register makes an app an enricher. A registration that it had before is replaced. Open records on which it has not
// worked with today's inputs are due at once.
func (b *Board) Register(app string, r Registration, at time.Time) *Enricher {
	return b.RegisterHooked(app, r, Hooks{}, at)
}

// RegisterHooked is Register, with hooks beside the channels.
func (b *Board) RegisterHooked(app string, r Registration, hooks Hooks, at time.Time) *Enricher {
	b.mu.Lock()
	defer b.mu.Unlock()
	var released []*entry
	if old := b.crew.enrichers[app]; old != nil {
		released = b.release(old)
		close(old.replaced)
		if old.hooks.Replaced != nil {
			old.hooks.Replaced()
		}
	}
	if g, approved := b.crew.grants[app]; approved {
		r.reads = g.Reads(app)
	}
	en := &Enricher{App: app, Registration: r, due: map[*entry]bool{}, wake: make(chan struct{}, 1), replaced: make(chan struct{}), hooks: hooks}
	b.crew.enlist(app, en)
	var seq uint64 // zero: what comes of it is a stimulus
	if isApp(app) {
		seq = b.journal.push(&Change{Kind: AppRegistered, At: at, Source: app, App: app, Work: &r})
	}
	for _, e := range b.inOrder() {
		if e.shown != nil && e.shown.State == Open {
			b.catchUp(en, e, seq, at)
		}
	}
	for _, e := range released {
		b.settle(e, at)
	}
	return en
}

// inOrder are all entries, the oldest record first.
func (b *Board) inOrder() []*entry {
	all := slices.Collect(maps.Values(b.entries))
	slices.SortFunc(all, func(a, b *entry) int {
		return cmp.Or(a.now.OpenedAt.Compare(b.now.OpenedAt), cmp.Compare(a.now.ID, b.now.ID))
	})
	return all
}

// catchUp makes a record due that an app has not seen as it is now, or owes an answer on since before it went away. That
// follows from its coming, in the wave that is now and on its fuel.
func (b *Board) catchUp(en *Enricher, e *entry, seq uint64, at time.Time) {
	b.wake(e)
	j := e.job(en.App)
	j.changed = slices.DeleteFunc(j.changed, func(name string) bool { return !en.Registration.asksOf(name) })
	j.moments &= momentSet(en.Registration.On...)
	inputs := inputsOf(&en.Registration, e.shown)
	for _, in := range inputs {
		if own := e.shown.Fields[in.name].Shown().Source == en.App; !own && (!j.worked || !slices.Contains(j.done, in)) { // B-13
			j.mark(in.name)
		}
	}
	for _, in := range j.done {
		if e.shown.Value(in.name) == "" && en.Registration.asksOf(in.name) {
			j.mark(in.name)
		}
	}
	opened := !j.worked && en.Registration.asksOn(Opened)
	switch {
	case opened:
		j.moments |= momentSet(Opened)
	case len(j.changed) == 0 && j.moments == 0 || e.spared(en.App, inputs):
		j.changed, j.moments = nil, 0
		return
	}
	b.due(en, e, j, cause{wave: e.shown.Wave, seq: seq, tank: e.fuel()}, at)
}

// Unregister ends a registration; works in flight count as unanswered. A replaced one is not touched again.
func (b *Board) Unregister(en *Enricher, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.crew.enrichers[en.App] != en {
		return
	}
	b.crew.enlist(en.App, nil)
	if isApp(en.App) {
		b.journal.push(&Change{Kind: AppGone, At: at, Source: en.App, App: en.App})
	}
	for _, e := range b.release(en) {
		b.settle(e, at)
	}
}

// release takes back all that an app was asked; its works in flight stay unanswered. What they were about is kept for when
// the app comes back. It returns the records concerned.
func (b *Board) release(en *Enricher) []*entry {
	touched := make([]*entry, 0, len(en.due))
	for _, e := range en.queue {
		if en.due[e] {
			e.jobOf(en.App).due = false
			touched = append(touched, e)
		}
	}
	clear(en.due)
	en.queue = nil
	var lost []*flight
	for f := range b.crew.flying {
		if f.app == en.App {
			lost = append(lost, f)
		}
	}
	slices.SortFunc(lost, func(a, b *flight) int { return cmp.Compare(a.id, b.id) })
	for _, f := range lost {
		j := f.entry.jobOf(f.app)
		j.remember(f.changed, f.moments)
		f.entry.missed(f.app)
		b.lay(f)
		touched = append(touched, f.entry)
	}
	return touched
}

// retire ends all work on a record that is closed: nobody is asked any more, and who was counts as unanswered (B-19).
func (b *Board) retire(e *entry) {
	for _, j := range e.jobs {
		j.due = false
		if en := b.crew.enrichers[j.app]; en != nil {
			delete(en.due, e)
		}
		if j.flight != nil {
			e.missed(j.app)
			b.lay(j.flight)
		}
	}
}

// TellDisabled tells the user that an app's webhook is not called any more, and why (D-9).
func (b *Board) TellDisabled(app, reason string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.journal.push(&Change{Kind: WebhookDisabled, At: at, Source: app, App: app, Reason: reason})
}

// Enrichers lists the apps that take work now.
func (b *Board) Enrichers() map[string]Registration {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]Registration{}
	for app, en := range b.crew.enrichers {
		out[app] = en.Registration
	}
	return out
}
