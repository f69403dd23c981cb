package board

import (
	"hash/fnv"
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

// momentNames in the order in which they are told.
var momentNames = [...]Moment{Answered, Changed, Ended, Opened}

// moments is a set of them.
type moments uint8

func momentSet(names ...Moment) moments {
	var set moments
	for i, m := range momentNames {
		if slices.Contains(names, m) {
			set |= 1 << i
		}
	}
	return set
}

func (set moments) list() []Moment {
	var out []Moment
	for i, m := range momentNames {
		if set&(1<<i) != 0 {
			out = append(out, m)
		}
	}
	return out
}

// Time limits (B-14).
const (
	deadline    = 5 * time.Second
	maxDeadline = time.Minute // in all, with progress
	maxLanded   = 4           // works per app and record of which a late answer is still known as such
)

// job is what one app has to do with one record.
type job struct {
	app     string
	due     bool
	worked  bool     // it has answered
	moments moments  // that came
	changed []string // inputs that moved
	cause   cause
	flight  *flight
	landed  []*flight // of which only a late answer can come, the newest last
	done    inputs    // as they were in the last work that was answered
}

// input is a shown value that an app works from, as a sum: it is kept to see whether it has moved.
type input struct {
	name string
	sum  uint64
}

type inputs []input

// sum is one number for all of them, the same in every run of the program.
func (in inputs) sum() uint64 {
	h := fnv.New64a()
	for _, i := range in {
		h.Write([]byte(i.name))
		h.Write([]byte{0, byte(i.sum), byte(i.sum >> 8), byte(i.sum >> 16), byte(i.sum >> 24), byte(i.sum >> 32), byte(i.sum >> 40), byte(i.sum >> 48), byte(i.sum >> 56)})
	}
	return h.Sum64()
}

// inputsOf are the shown values that an app works from, by name.
func inputsOf(r *Registration, record *Record) inputs {
	var in inputs
	for name, f := range record.Fields {
		if !f.Blank && r.asksOf(name) {
			h := fnv.New64a()
			h.Write([]byte(f.Shown().Value))
			in = append(in, input{name, h.Sum64()})
		}
	}
	slices.SortFunc(in, func(a, b input) int { return strings.Compare(a.name, b.name) })
	return in
}

// flight is a work that was handed out.
type flight struct {
	id       string
	app      string
	entry    *entry
	cause    cause
	changed  []string
	moments  moments
	gives    []string
	inputs   inputs
	handed   time.Time
	step     time.Duration
	deadline time.Time
	open     bool // not answered, not past its deadline
	answered bool
	made     []string // ids of the items without one that its answers have added
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
	Past         []NewItem     // of history: the whole list of what was; nil: it stays as it is (B-21)
	NothingFound bool          // it looked and has nothing (B-6)
	Nothing      []string      // of which fields; none: of all that it gives
	NothingFor   time.Duration // how long that holds; zero: 10 min
	Match        int64         // the rev that the record must have, for exclusive fields (B-2); zero: any
	Error        string
}

func (j *job) mark(field string) {
	if !slices.Contains(j.changed, field) {
		j.changed = append(j.changed, field)
	}
}

func (j *job) remember(changed []string, m moments) {
	for _, field := range changed {
		j.mark(field)
	}
	j.moments |= m
}

// route finds the apps to which a change that is shown now matters.
func (b *Board) route(e *entry, c *Change) {
	if c.Kind == RecordSettled {
		return
	}
	e.hear(c)
	if !e.asked {
		e.rounds = 0
	}
	if c.Kind == RecordOpened && e.shown.State == Open { // one that was read back asks nobody
		e.ask(c.At)
	}
	e.rounds = max(e.rounds, c.Round)
	if e.shown.State == Closed {
		return
	}
	from := c.causes(e)
	begins := c.Wave > e.begun
	if begins {
		e.begun = c.Wave
	}
	spent := c.Round >= maxRounds && !b.off.fuel // no work follows until the next wave (B-15)
	moments := momentsOf(c)
	for _, en := range b.crew.ordered {
		hit := c.Source != en.App && b.concern(en, e, c, moments)
		j := e.jobOf(en.App)
		owed := begins && j != nil && !j.due && (len(j.changed) > 0 || j.moments != 0)
		if (hit || owed) && !spent && !b.spares(en, e, j) {
			b.due(en, e, j, from, c.At)
		}
	}
}

// concern marks what of a change an app works from, and reports whether there is any. An app's own change is no concern
// of its (B-13).
func (b *Board) concern(en *Enricher, e *entry, c *Change, came moments) bool {
	came &= momentSet(en.Registration.On...)
	var j *job
	for _, name := range c.moved {
		if en.Registration.asksOf(name) {
			if j == nil {
				j = e.job(en.App)
			}
			j.mark(name)
		}
	}
	if came != 0 {
		if j == nil {
			j = e.job(en.App)
		}
		j.moments |= came
	}
	return j != nil
}

// spares lets an app be that would be asked again what it has said to know nothing of. A moment that it named is no such
// question.
func (b *Board) spares(en *Enricher, e *entry, j *job) bool {
	if len(e.now.Nothing) == 0 || j.moments&^momentSet(Changed) != 0 || !e.spared(en.App, inputsOf(&en.Registration, e.shown)) {
		return false
	}
	j.changed, j.moments = nil, 0
	return true
}

// due folds a cause into what an app has to do (B-10): the newest wave counts, and in it the deepest round.
func (b *Board) due(en *Enricher, e *entry, j *job, from cause, at time.Time) {
	if !j.due || from.wave > j.cause.wave || from.wave == j.cause.wave && from.round > j.cause.round {
		j.cause = from
	}
	j.due = true
	en.add(e)
	delete(e.unanswered, en.App) // it is asked again
	e.ask(at)
	en.poke()
}

func momentsOf(c *Change) moments {
	switch c.Kind {
	case RecordOpened, RecordJoined:
		return momentSet(Opened)
	case string(telephony.CallAnswered):
		return momentSet(Answered, Changed)
	case string(telephony.CallEnded):
		return momentSet(Ended, Changed)
	case FieldContended, RecordErased:
		return 0
	}
	return momentSet(Changed)
}

func matches(needs []string, name string) bool {
	for _, need := range needs {
		if need == name {
			return true
		}
		if last := len(need) - 1; last >= 0 && need[last] == '*' && strings.HasPrefix(name, need[:last]) {
			return true
		}
	}
	return false
}

// TakeWork hands out what is due, the newest state of each record, at most limit, what has waited longest first. Per record
// at most one is in flight.
func (b *Board) TakeWork(en *Enricher, limit int, at time.Time) []*Work {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.crew.enrichers[en.App] != en {
		return nil
	}
	var works []*Work
	var waiting []*entry
	for _, e := range en.queue {
		if !en.due[e] {
			continue // its record was closed
		}
		j := e.jobOf(en.App)
		switch {
		case j.flight != nil: // handed out when the answer arrives
			waiting = append(waiting, e)
		case len(works) == limit:
			waiting = append(waiting, e)
			en.poke()
		default:
			delete(en.due, e)
			works = append(works, b.handOut(en, e, j, at))
		}
	}
	en.queue = waiting
	return works
}

func (b *Board) handOut(en *Enricher, e *entry, j *job, at time.Time) *Work {
	b.wake(e)
	step := deadline
	if asked := en.Registration.Deadline; asked > 0 {
		step = min(asked, maxDeadline)
	}
	f := &flight{id: b.options.NewID("work"), app: en.App, entry: e, cause: j.cause, open: true, gives: en.Registration.Gives,
		inputs: inputsOf(&en.Registration, e.shown), handed: at, step: step, deadline: at.Add(step)}
	f.cause.work = f.id
	b.crew.works[f.id], b.crew.flying[f] = f, true
	f.changed, f.moments = slices.Sorted(slices.Values(j.changed)), j.moments
	j.due, j.flight, j.changed, j.moments = false, f, nil, 0
	return &Work{ID: f.id, Record: e.shown, Wave: f.cause.wave, Round: f.cause.round, Deadline: f.deadline,
		Changed: f.changed, Moments: f.moments.list()}
}
