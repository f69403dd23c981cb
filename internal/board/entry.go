package board

import (
	"time"
)

// entry is a record and what is going on about it.
type entry struct {
	now     *Record // the newest version, perhaps not yet durable; at rest without what rest holds
	shown   *Record // what everybody sees; nil until first shown
	rest    rest    // fields, items and jobs of a record that nobody has touched for a while; see rest.go
	unshown int     // changes of it that are pending
	jobs    []*job
	begun   int64  // the newest wave of which a change was shown
	number  string // see lookedUp
	email   string // see lookedUpBy
	budgets []*budget
	touched time.Time // when it was last changed
	wakes   time.Time // when something on it expires; zero: never
	gone    bool      // its time is over: it leaves the board as soon as that is shown
	due     time.Time // when the agenda has it
	place   int       // there, from 1; zero: it is not on it
	*bustle           // nil at rest
}

// bustle is what only matters while something goes on about a record.
type bustle struct {
	asked      bool      // somebody has been asked since it last settled
	askedAt    time.Time // since when
	rounds     int       // the deepest round since then
	unanswered map[string]bool
	heard      [2]heard // the newest shown change, and the newest of another source than that one's
	tank       *tank    // the fuel of its newest wave
	numberOf   *Field   // of which number is
	renewed    map[slot]time.Time
}

// cause is what a change follows from: a wave begins with a stimulus, its rounds count how many works deep (B-11).
type cause struct {
	wave  int64
	round int
	work  string
	seq   uint64 // the change that it follows from; zero: a stimulus
	tank  *tank  // the fuel of the wave
	own   bool   // an app begins the wave, on its own budget
}

// next is what follows from a change that somebody was told of.
func (c cause) next() cause {
	c.round++
	return c
}

// change is one that follows from a cause.
func (c cause) change(kind, source string, at time.Time) *Change {
	return &Change{Kind: kind, At: at, Source: source, Wave: c.wave, Round: c.round, Cause: c.seq, Own: c.own, tank: c.tank}
}

// newWave begins with a stimulus.
func (e *entry) newWave() cause {
	wave := e.now.Wave + 1
	return cause{wave: wave, tank: newTank(wave)}
}

// fuel is that of the newest wave.
func (e *entry) fuel() *tank {
	if e.tank == nil {
		e.tank = newTank(e.now.Wave)
	}
	return e.tank
}

// heard is a change that apps were told of: what they write next may follow from it.
type heard struct {
	source string
	cause  cause
	at     time.Time
}

func (e *entry) hear(c *Change) {
	if c.Source != e.heard[0].source {
		e.heard[1] = e.heard[0]
	}
	e.heard[0] = heard{source: c.Source, cause: c.causes(e), at: c.At}
}

// causes is what follows from a change, before the round is counted.
func (c *Change) causes(e *entry) cause {
	from := cause{wave: c.Wave, round: c.Round, seq: c.Seq, tank: c.tank}
	if from.tank == nil {
		from.tank = e.fuel()
	}
	return from
}

// heardBy is the newest change that was news to a source: its own are not.
func (e *entry) heardBy(source string) heard {
	if e.heard[0].source == source {
		return e.heard[1]
	}
	return e.heard[0]
}

func newEntry(r *Record) *entry {
	e := &entry{now: r, begun: r.Wave, touched: r.OpenedAt, bustle: &bustle{}}
	for _, f := range r.Fields {
		for i := range f.Claims {
			e.expires(f.Claims[i].Expires)
		}
	}
	for i := range r.Nothing {
		e.expires(r.Nothing[i].Until)
	}
	return e
}

func (e *entry) job(app string) *job {
	if j := e.jobOf(app); j != nil {
		return j
	}
	j := &job{app: app}
	e.jobs = append(e.jobs, j)
	return j
}

// jobOf is the job of an app, nil if it never had one here.
func (e *entry) jobOf(app string) *job {
	for _, j := range e.jobs {
		if j.app == app {
			return j
		}
	}
	return nil
}

func (e *entry) ask(at time.Time) {
	if !e.asked {
		e.asked, e.askedAt = true, at
	}
}

// missed counts an app among those that have not answered.
func (e *entry) missed(app string) {
	if e.unanswered == nil {
		e.unanswered = map[string]bool{}
	}
	e.unanswered[app] = true
}
