package demopbx

import (
	"context"
	"slices"
	"time"
)

// Play plays a scenario once, at the pace of the PBX's clock, and returns when its last message is queued, or when no call
// of it can go on because AMI clients hung them up. Calls that the scenario does not end stay up. Several may play at once.
//
// When ctx ends, callers that are still there hang up and ctx's error is returned. Otherwise errors are ErrRestarted and
// ErrClosed.
func (p *PBX) Play(ctx context.Context, s *Scenario) error {
	_, err := p.play(ctx, s)
	return err
}

// play also returns the lines that were not possible when their time came.
func (p *PBX) play(ctx context.Context, s *Scenario) (missed []int, err error) {
	x := p.exchange
	done := make(chan struct{})
	x.mu.Lock()
	now := p.clock.now()
	x.begin(now)
	r := newPlay(x, s, x.at)
	r.finished = func() { close(done) }
	r.schedule()
	x.runTimers(now) // what happens at once has happened when somebody looks
	x.mu.Unlock()
	for {
		changed := p.changed.wait()
		x.mu.Lock()
		restarted := x.generation != r.generation
		x.mu.Unlock()
		if restarted {
			return r.missed, ErrRestarted
		}
		select {
		case <-done:
			x.mu.Lock() // the last step has told everything when the lock is free
			defer x.mu.Unlock()
			return r.missed, nil
		case <-p.closed:
			r.abandon()
			return r.missed, ErrClosed
		case <-ctx.Done():
			r.abandon()
			return r.missed, ctx.Err()
		case <-changed:
		}
	}
}

// play is one playing of a scenario. Its steps are timers of the exchange: so what several players do at once happens in
// order of time, each step exactly at its own, however late the machine is. All but the fields that newPlay sets is
// guarded by exchange.mu.
type play struct {
	x          *exchange
	scenario   *Scenario
	start      time.Time
	generation int // of the PBX: after a restart nothing of this play is left
	finished   func()

	next     int     // step
	over     bool    // nothing is left to do
	calls    []*call // by index; nil: not begun
	forwards map[string]string
	missed   []int // lines that were not possible when their time came
}

// newPlay is called with exchange.mu held.
func newPlay(x *exchange, s *Scenario, start time.Time) *play {
	return &play{x: x, scenario: s, start: start, generation: x.generation, finished: func() {},
		calls: make([]*call, len(s.calls)), forwards: map[string]string{}}
}

// schedule lets the next steps happen at their time.
func (r *play) schedule() {
	r.x.atTime(r.start.Add(r.scenario.steps[r.next].at), r.turn)
}

// turn does all steps of one moment.
func (r *play) turn() {
	steps := r.scenario.steps
	for at := steps[r.next].at; !r.over && r.next < len(steps) && steps[r.next].at == at; {
		st := steps[r.next]
		r.next++
		if !r.do(st, steps[r.next:]) {
			r.missed = append(r.missed, st.line)
		}
	}
	if !r.over {
		r.look()
	}
	if !r.over {
		r.schedule()
	}
}

// look ends the play when nothing is left to do: all steps are done, or those that are left belong to calls that have ended.
func (r *play) look() {
	rest := r.scenario.steps[r.next:]
	if r.over || slices.ContainsFunc(rest, func(st step) bool {
		return st.call < 0 || r.calls[st.call] == nil || !r.calls[st.call].now().over
	}) {
		return
	}
	r.over = true
	for _, st := range rest {
		r.missed = append(r.missed, st.line)
	}
	r.finished()
}

// do carries out one step. It is false when that was not possible.
func (r *play) do(st step, rest []step) bool {
	x := r.x
	if st.call < 0 {
		r.forwards[st.who] = st.arg
		return true
	}
	if st.verb == verbCalls {
		c := &call{x: x, plan: r.scenario.calls[st.call], stepAt: st.at, forwards: r.forwards, ended: r.look}
		for _, o := range rest {
			if o.call == st.call {
				c.steps = append(c.steps, o)
			}
		}
		r.calls[st.call] = c
		c.start()
		return true
	}
	var other *call
	if c := r.calls[st.other]; c != nil {
		other = c.now()
	}
	c := r.calls[st.call].now()
	c.stepAt = st.at
	c.steps = slices.DeleteFunc(c.steps, func(o step) bool { return o.line == st.line })
	return c.do(st, other)
}

// abandon ends what a player that was stopped leaves behind: everybody hangs up.
func (r *play) abandon() {
	x := r.x
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.generation != r.generation {
		return
	}
	r.over = true
	x.begin(x.clock.now())
	for _, c := range r.calls {
		if c == nil {
			continue
		}
		c.steps = nil
		for c.into == nil && len(c.channels) > 0 {
			c.end()
		}
	}
	x.settle()
}
