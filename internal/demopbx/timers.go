package demopbx

import (
	"math"
	"slices"
	"time"
)

// timer is something that the PBX does later, by its own clock.
type timer struct {
	due time.Time
	run func()
}

// later notes a function, which runs with mu held.
func (x *exchange) later(d time.Duration, run func()) { x.atTime(x.at.Add(d), run) }

func (x *exchange) atTime(due time.Time, run func()) {
	t := timer{due, run}
	i, _ := slices.BinarySearchFunc(x.timers, t.due, func(o timer, due time.Time) int {
		if o.due.After(due) {
			return 1
		}
		return -1
	})
	x.timers = slices.Insert(x.timers, i, t)
	x.timed.fire()
}

// runTimers runs what is due by then, each at its own time: a step of a scenario finds done what comes before it.
func (x *exchange) runTimers(until time.Time) {
	x.runSome(until, math.MaxInt)
}

func (x *exchange) runSome(until time.Time, n int) {
	for ; n > 0 && len(x.timers) > 0 && !x.timers[0].due.After(until); n-- {
		t := x.timers[0]
		x.timers = slices.Delete(x.timers, 0, 1)
		if t.due.After(x.at) {
			x.at = t.due
		}
		t.run()
		x.settle()
	}
}

// keepTime runs the timers until the PBX is closed.
func (p *PBX) keepTime() {
	x := p.exchange
	for {
		changed := x.timed.wait()
		wait := time.Hour
		x.mu.Lock()
		now := p.clock.now()
		x.runSome(now, 100) // then let others have the exchange
		if len(x.timers) > 0 {
			wait = time.Duration(float64(x.timers[0].due.Sub(now)) / p.clock.speed)
		}
		x.mu.Unlock()
		timer := time.NewTimer(max(wait, 0))
		select {
		case <-p.closed:
			timer.Stop()
			return
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}
