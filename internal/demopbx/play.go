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
	r := &play{pbx: p, x: p.exchange, scenario: s, start: p.clock.now(), calls: make([]*call, len(s.calls))}
	r.generation = r.x.currentGeneration()
	for rest := s.steps; len(rest) > 0; {
		at := rest[0].at
		if err := r.waitFor(ctx, at, rest); err != nil {
			r.abandon()
			return err
		}
		n := slices.IndexFunc(rest, func(st step) bool { return st.at != at })
		if n < 0 {
			n = len(rest)
		}
		if idle, err := r.perform(rest, n); idle || err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// play is one playing of a scenario.
type play struct {
	pbx        *PBX
	x          *exchange
	scenario   *Scenario
	start      time.Time
	generation int     // of the PBX: after a restart nothing of this play is left
	calls      []*call // by index; nil: not begun
}

// waitFor waits for a step's time, or until nothing is left to do.
func (r *play) waitFor(ctx context.Context, at time.Duration, rest []step) error {
	due := r.start.Add(at)
	for {
		changed := r.pbx.changed.wait()
		select {
		case <-r.pbx.closed:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		r.x.mu.Lock()
		idle, restarted := r.idle(rest), r.x.generation != r.generation
		r.x.mu.Unlock()
		if restarted {
			return ErrRestarted
		}
		if idle || !r.pbx.clock.now().Before(due) {
			return nil
		}
		if err := r.pbx.clock.sleepUntil(ctx, due, changed); err != nil {
			return err
		}
	}
}

// idle tells whether all steps left belong to calls that have ended. It is called with exchange.mu held.
func (r *play) idle(rest []step) bool {
	return !slices.ContainsFunc(rest, func(st step) bool { return r.calls[st.call] == nil || !r.calls[st.call].over })
}

// perform does the first n steps of rest, which are simultaneous. It is true when nothing is left to do.
func (r *play) perform(rest []step, n int) (idle bool, err error) {
	x := r.x
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.generation != r.generation:
		return false, ErrRestarted
	case r.idle(rest):
		return true, nil
	}
	x.begin(r.start.Add(rest[0].at))
	for _, st := range rest[:n] {
		if st.verb == verbCalls {
			c := &call{x: x, plan: r.scenario.calls[st.call], ended: r.pbx.changed.fire}
			r.calls[st.call] = c
			c.start()
			continue
		}
		r.calls[st.call].do(st)
	}
	x.settle()
	return false, nil
}

// do carries out a step if it is still possible.
func (c *call) do(st step) {
	if c.over {
		return
	}
	own := c.talking(st.who)
	l := c.leg(st.who)
	switch {
	case st.verb == verbGivesUp && c.up == nil:
		c.giveUp(causeInterworking, false)
	case st.verb == verbNoAnswer && c.up == nil:
		c.noAnswer()
	case own != nil:
		switch st.verb {
		case verbHolds:
			c.hold(own, c.other(own))
		case verbResumes:
			c.resume(own, c.other(own))
		case verbHangsUp:
			c.hangUp(own, causeNormal, false)
		}
	case l != nil:
		switch st.verb {
		case verbRings:
			c.ring(l)
		case verbAnswers:
			c.answer(l)
		case verbIsBusy:
			c.refuse(l, causeBusy, false)
		case verbRejects:
			c.refuse(l, causeRejected, false)
		case verbUnknown:
			c.refuse(l, causeUnallocated, false)
		}
	}
}

// talking is the channel of one of the two who talk, or nil.
func (c *call) talking(who string) *channel {
	for _, ch := range []*channel{c.up, c.from} {
		if c.up != nil && ch.endpoint == who {
			return ch
		}
	}
	return nil
}

// abandon ends what a player that was stopped leaves behind.
func (r *play) abandon() {
	x := r.x
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.generation != r.generation {
		return
	}
	x.begin(x.clock.now())
	for _, c := range r.calls {
		switch {
		case c == nil || c.over:
		case c.up != nil:
			c.hangUp(c.from, causeNormal, false)
		default:
			c.giveUp(causeInterworking, false)
		}
	}
	x.settle()
}

func (x *exchange) currentGeneration() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.generation
}
