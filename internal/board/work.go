package board

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Moment is when an app wants a record whatever its inputs are.
type Moment string

const (
	Opened   Moment = "opened"
	Answered Moment = "answered"
	Ended    Moment = "ended"
	Changed  Moment = "changed"
)

const (
	deadline  = 5 * time.Second // B-14
	maxRounds = 8               // B-15
)

// Registration is what an app works from, what it gives and when it wants to be asked. A trailing * in Needs stands for
// any rest.
type Registration struct {
	Needs []string `json:"needs,omitempty"`
	Gives []string `json:"gives,omitempty"`
	On    []Moment `json:"on,omitempty"`
}

// Enricher is an app that takes work. One goroutine uses it.
type Enricher struct {
	App          string
	Registration Registration
	due          map[*entry]bool
	wake         chan struct{}
	replaced     chan struct{} // closed when a newer registration took over
}

// Woken is signalled when TakeWork may have something.
func (en *Enricher) Woken() <-chan struct{} { return en.wake }

// Replaced is closed when a newer registration of the same app took over.
func (en *Enricher) Replaced() <-chan struct{} { return en.replaced }

func (en *Enricher) poke() {
	select {
	case en.wake <- struct{}{}:
	default:
	}
}

// job is what one app has to do with one record.
type job struct {
	due     bool
	changed map[string]bool // inputs that moved
	moments map[Moment]bool
	cause   cause
	flight  *flight
	done    map[string]string // inputs as they were in the last work that was answered; nil: none yet
}

// flight is a work that was handed out.
type flight struct {
	id       string
	app      string
	entry    *entry
	cause    cause
	changed  []string
	moments  []Moment
	inputs   map[string]string
	deadline time.Time
	open     bool // not answered, not past its deadline
}

// Work is a record handed to an app to improve (B-10).
type Work struct {
	ID       string
	Record   *Record
	Changed  []string
	Moments  []Moment
	Wave     int64
	Round    int
	Deadline time.Time
}

// Answer is what an app answers. It is a write (B-11).
type Answer struct {
	Claims       []NewClaim
	Items        []NewItem
	NothingFound bool
	Error        string
}

// Register makes an app an enricher. A registration that it had before is replaced. Open records on which it has not
// worked with today's inputs are due at once.
func (b *Board) Register(app string, r Registration, at time.Time) *Enricher {
	b.mu.Lock()
	defer b.mu.Unlock()
	var released []*entry
	if old := b.enrichers[app]; old != nil {
		released = b.release(old)
		close(old.replaced)
	}
	en := &Enricher{App: app, Registration: r, due: map[*entry]bool{}, wake: make(chan struct{}, 1), replaced: make(chan struct{})}
	b.enrichers[app] = en
	b.push(&Change{Kind: AppRegistered, At: at, Source: app, App: app, Work: &r})
	for _, e := range b.entries {
		if e.shown != nil && e.shown.State == Open {
			b.catchUp(en, e, at)
		}
	}
	for _, e := range released {
		b.settle(e, at)
	}
	return en
}

// catchUp makes a record due that an app has not seen as it is now, or owes an answer on since before it went away.
func (b *Board) catchUp(en *Enricher, e *entry, at time.Time) {
	j := e.job(en.App)
	maps.DeleteFunc(j.changed, func(name string, _ bool) bool { return !matches(en.Registration.Needs, name) })
	maps.DeleteFunc(j.moments, func(m Moment, _ bool) bool { return !slices.Contains(en.Registration.On, m) })
	inputs := inputsOf(en.Registration.Needs, e.shown)
	opened := j.done == nil && slices.Contains(en.Registration.On, Opened)
	owed := len(j.changed)+len(j.moments) > 0
	if !opened && !owed && (len(inputs) == 0 || maps.Equal(inputs, j.done)) {
		return
	}
	for name, value := range inputs {
		if j.done[name] != value {
			j.mark(name)
		}
	}
	if opened {
		j.moments[Opened] = true
	}
	b.due(en, e, j, cause{wave: e.shown.Wave}, at)
}

// Unregister ends a registration; works in flight count as unanswered. A replaced one is not touched again.
func (b *Board) Unregister(en *Enricher, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.enrichers[en.App] != en {
		return
	}
	delete(b.enrichers, en.App)
	b.push(&Change{Kind: AppGone, At: at, Source: en.App, App: en.App})
	for _, e := range b.release(en) {
		b.settle(e, at)
	}
}

// release takes back all that an app was asked; its works in flight stay unanswered. What they were about is kept for when
// the app comes back. It returns the records concerned.
func (b *Board) release(en *Enricher) []*entry {
	touched := slices.Collect(maps.Keys(en.due))
	for _, e := range touched {
		e.jobs[en.App].due = false
	}
	clear(en.due)
	for _, f := range b.works {
		if f.open && f.app == en.App {
			f.open = false
			j := f.entry.jobs[f.app]
			j.flight = nil
			j.remember(f.changed, f.moments)
			f.entry.unanswered[f.app] = true
			touched = append(touched, f.entry)
		}
	}
	return touched
}

// retire ends all work on a record that is closed: nobody is asked any more, and who was counts as unanswered (B-19).
func (b *Board) retire(e *entry) {
	for app, j := range e.jobs {
		j.due = false
		if en := b.enrichers[app]; en != nil {
			delete(en.due, e)
		}
		if j.flight != nil {
			j.flight.open, j.flight = false, nil
			e.unanswered[app] = true
		}
	}
}

// Enrichers lists the apps that take work now.
func (b *Board) Enrichers() map[string]Registration {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]Registration{}
	for app, en := range b.enrichers {
		out[app] = en.Registration
	}
	return out
}

func (e *entry) job(app string) *job {
	j := e.jobs[app]
	if j == nil {
		j = &job{moments: map[Moment]bool{}, changed: map[string]bool{}}
		e.jobs[app] = j
	}
	return j
}

func (j *job) mark(field string) { j.changed[field] = true }

func (j *job) remember(changed []string, moments []Moment) {
	for _, field := range changed {
		j.changed[field] = true
	}
	for _, moment := range moments {
		j.moments[moment] = true
	}
}

// route finds the apps to which a change that is shown now matters.
func (b *Board) route(e *entry, c *Change) {
	if c.Kind == RecordSettled {
		return
	}
	e.hear(c)
	if c.Kind == RecordOpened {
		e.ask(c.At)
	}
	e.rounds = max(e.rounds, c.Round)
	if e.shown.State == Closed || c.Round >= maxRounds {
		return
	}
	for app, en := range b.enrichers {
		if c.Source == app { // B-13
			continue
		}
		j := e.job(app)
		hit := false
		for _, name := range c.moved {
			if matches(en.Registration.Needs, name) {
				j.mark(name)
				hit = true
			}
		}
		for _, moment := range momentsOf(c) {
			if slices.Contains(en.Registration.On, moment) {
				j.moments[moment] = true
				hit = true
			}
		}
		if hit {
			b.due(en, e, j, cause{wave: c.Wave, round: c.Round}, c.At)
		}
	}
}

// due folds a cause into what an app has to do (B-10): the newest wave counts, and in it the deepest round.
func (b *Board) due(en *Enricher, e *entry, j *job, from cause, at time.Time) {
	if !j.due || from.wave > j.cause.wave || from.wave == j.cause.wave && from.round > j.cause.round {
		j.cause = from
	}
	j.due = true
	en.due[e] = true
	delete(e.unanswered, en.App) // it is asked again
	e.ask(at)
	en.poke()
}

func (e *entry) ask(at time.Time) {
	if !e.asked {
		e.asked, e.askedAt = true, at
	}
}

func momentsOf(c *Change) []Moment {
	switch c.Kind {
	case RecordOpened, RecordJoined:
		return []Moment{Opened}
	case string(telephony.CallAnswered):
		return []Moment{Answered, Changed}
	case string(telephony.CallEnded):
		return []Moment{Ended, Changed}
	}
	return []Moment{Changed}
}

func matches(needs []string, name string) bool {
	for _, need := range needs {
		if prefix, open := strings.CutSuffix(need, "*"); open && strings.HasPrefix(name, prefix) || need == name {
			return true
		}
	}
	return false
}

// inputsOf are the shown values that an app works from.
func inputsOf(needs []string, r *Record) map[string]string {
	inputs := map[string]string{}
	for name, f := range r.Fields {
		if matches(needs, name) {
			inputs[name] = f.Shown().Value
		}
	}
	return inputs
}

// TakeWork hands out what is due, the newest state of each record, at most limit. Per record at most one is in flight.
func (b *Board) TakeWork(en *Enricher, limit int, at time.Time) []*Work {
	b.mu.Lock()
	defer b.mu.Unlock()
	var works []*Work
	if b.enrichers[en.App] != en {
		return nil
	}
	for e := range en.due {
		j := e.jobs[en.App]
		if j.flight != nil {
			continue // handed out when the answer arrives
		}
		if len(works) == limit {
			en.poke()
			break
		}
		delete(en.due, e)
		works = append(works, b.handOut(en, e, j, at))
	}
	return works
}

func (b *Board) handOut(en *Enricher, e *entry, j *job, at time.Time) *Work {
	f := &flight{id: b.options.NewID("work"), app: en.App, entry: e, cause: j.cause, open: true,
		inputs: inputsOf(en.Registration.Needs, e.shown), deadline: at.Add(deadline)}
	b.works[f.id] = f
	f.changed, f.moments = slices.Sorted(maps.Keys(j.changed)), slices.Sorted(maps.Keys(j.moments))
	w := &Work{ID: f.id, Record: e.shown, Wave: f.cause.wave, Round: f.cause.round, Deadline: f.deadline,
		Changed: f.changed, Moments: f.moments}
	j.due, j.flight = false, f
	clear(j.changed)
	clear(j.moments)
	return w
}

// Answer takes an answer. Its claims are one round deeper than the work. A late one is still a write (B-14).
func (b *Board) Answer(app, work string, a Answer, at time.Time) (Written, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.works[work]
	if f == nil || f.app != app {
		return Written{}, &telephony.Error{Code: telephony.CodeWorkUnknown, Message: "there is no such work of yours",
			Remedy: "it was answered long ago, or its record is closed; write with a claim instead"}
	}
	e := f.entry
	if err := b.checkAnswer(e, app, a); err != nil {
		return Written{}, err
	}
	from := cause{wave: f.cause.wave, round: f.cause.round + 1, work: f.id}
	changed := b.claimAll(e, app, a.Claims, from, at)
	for _, item := range a.Items {
		_, n, err := b.putItem(e, app, item, from, at)
		if err != nil {
			return Written{}, err
		}
		changed += n
	}
	if f.open && a.Error == "" {
		e.jobs[app].done = f.inputs
	}
	if f.open && a.Error != "" {
		e.unanswered[app] = true
	}
	b.land(f, at)
	return b.written(e, changed), nil
}

// checkAnswer makes sure that an answer can be taken whole: all of it or nothing is written.
func (b *Board) checkAnswer(e *entry, app string, a Answer) error {
	if _, err := b.writable(e.now.ID, app); err != nil {
		return err
	}
	if err := checkClaims(e.now, app, a.Claims); err != nil {
		return err
	}
	for i, item := range a.Items {
		if err := checkItem(e.now, app, item, i); err != nil {
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
	f.open = false
	j := f.entry.jobs[f.app]
	j.flight = nil
	if en := b.enrichers[f.app]; en != nil && j.due {
		en.due[f.entry] = true
		en.poke()
	}
	b.settle(f.entry, at)
}

func (b *Board) unanswered(f *flight, at time.Time) {
	f.entry.unanswered[f.app] = true
	b.land(f, at)
}

// settle tells that nobody is working on the record any more: nothing in flight, nothing due, nothing yet to be shown
// (B-16). It is exact, not a timer.
func (b *Board) settle(e *entry, at time.Time) {
	if !e.asked || e.unshown > 0 || e.shown == nil {
		return
	}
	for app, j := range e.jobs {
		if j.flight != nil || j.due && b.enrichers[app] != nil {
			return
		}
	}
	settled := &Settled{Wave: e.now.Wave, Rounds: e.rounds, TookMS: at.Sub(e.askedAt).Milliseconds(),
		Unanswered: slices.Sorted(maps.Keys(e.unanswered))}
	e.asked, e.rounds = false, 0
	clear(e.unanswered)
	next := e.now.clone()
	next.Settled = settled
	b.append(e, next, &Change{Kind: RecordSettled, At: at, Wave: settled.Wave, Round: settled.Rounds, Settled: settled})
}
