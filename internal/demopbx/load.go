package demopbx

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// LoadPlan is a random load. The same plan on the same phones makes the same calls at the same times.
type LoadPlan struct {
	Seed       uint64
	Rate       float64       // calls begun per second of the PBX's clock; they come at random, not in step
	Calls      int           // how many; 0: until ctx ends
	Extensions []string      // whose phones take part; nil: all of the PBX's
	Ring       time.Duration // how long it rings on average; 0 is 4 s
	Talk       time.Duration // how long they talk on average; 0 is 20 s

	// Told, if not nil, is called as each call begins, with the PBX's time of that: the scenario's Expect is the truth about
	// it. It must not block nor call the PBX. Within 78 900 calls no outside number comes twice.
	Told func(s *Scenario, begun time.Time)
}

// LoadReport counts what was begun, by what was to become of it from the extension's view. A ring group counts once.
type LoadReport struct {
	Begun                                       int
	Inbound, Outbound, Internal, Groups         int
	Answered, Missed, Busy, Rejected, Cancelled int
	Holds, Blind, Attended                      int
	PeakCalls                                   int // most calls in progress at a time
}

// Load plays random calls and returns when the last has ended. Each happens at exactly its own time on the PBX's clock,
// however late the machine is. The error is ctx's when ctx ended first, and otherwise ErrRestarted, ErrClosed, or says what
// is wrong with the plan. The report is complete in either case.
func (p *PBX) Load(ctx context.Context, plan LoadPlan) (LoadReport, error) {
	if !(plan.Rate > 0 && plan.Rate <= 1e5) || plan.Calls < 0 {
		return LoadReport{}, fmt.Errorf("demo PBX: load of %d calls at %v per second: give a rate above 0", plan.Calls, plan.Rate)
	}
	if plan.Extensions == nil {
		plan.Extensions = p.exchange.extensions()
	}
	if len(plan.Extensions) < 3 {
		return LoadReport{}, fmt.Errorf("demo PBX: load on %d extensions: name at least three", len(plan.Extensions))
	}
	l := &load{x: p.exchange, plan: plan, rng: rand.New(rand.NewPCG(plan.Seed, 1)), playing: map[*play]struct{}{}, done: make(chan struct{})}
	l.plan.Ring = cmp.Or(plan.Ring, 4*time.Second)
	l.plan.Talk = cmp.Or(plan.Talk, 20*time.Second)
	return l.run(ctx, p)
}

// load is one run of Load. Its fields are guarded by exchange.mu.
type load struct {
	x       *exchange
	plan    LoadPlan
	rng     *rand.Rand
	report  LoadReport
	playing map[*play]struct{}
	over    bool // no more calls begin
	wrong   error
	done    chan struct{}
}

func (l *load) run(ctx context.Context, p *PBX) (LoadReport, error) {
	x := l.x
	x.mu.Lock()
	x.begin(p.clock.now())
	generation := x.generation
	l.next()
	x.mu.Unlock()
	var err error
	for err == nil {
		changed := p.changed.wait()
		x.mu.Lock()
		restarted := x.generation != generation
		x.mu.Unlock()
		if restarted {
			err = ErrRestarted
			break
		}
		select {
		case <-l.done:
			x.mu.Lock() // the last step has told everything when the lock is free
			defer x.mu.Unlock()
			return l.report, l.wrong
		case <-p.closed:
			err = ErrClosed
		case <-ctx.Done():
			err = ctx.Err()
		case <-changed:
		}
	}
	return l.stop(), err
}

// stop ends what is still played.
func (l *load) stop() LoadReport {
	l.x.mu.Lock()
	l.over = true
	var left []*play
	for r := range l.playing {
		left = append(left, r)
	}
	report := l.report
	l.x.mu.Unlock()
	for _, r := range left {
		r.abandon()
	}
	return report
}

// next lets the next call begin at its time.
func (l *load) next() {
	if l.over || l.plan.Calls > 0 && l.report.Begun == l.plan.Calls {
		l.over = true
		l.look()
		return
	}
	l.x.later(l.random(time.Duration(float64(time.Second)/l.plan.Rate)), func() {
		if !l.over {
			l.begin()
			l.next()
		}
	})
}

func (l *load) begin() {
	text := l.draw(l.report.Begun)
	s, err := ParseScenario(fmt.Sprintf("load call %d", l.report.Begun), strings.NewReader(text))
	if err != nil {
		l.wrong, l.over = fmt.Errorf("%w in\n%s", err, text), true
		l.look()
		return
	}
	l.report.Begun++
	r := newPlay(l.x, s, l.x.at)
	r.finished = func() {
		delete(l.playing, r)
		l.look()
	}
	l.playing[r] = struct{}{}
	l.report.PeakCalls = max(l.report.PeakCalls, len(l.playing))
	if l.plan.Told != nil {
		l.plan.Told(s, r.start)
	}
	r.schedule()
}

// look ends the load with its last call.
func (l *load) look() {
	if l.over && len(l.playing) == 0 {
		select {
		case <-l.done:
		default:
			close(l.done)
		}
	}
}

// random draws a time around a mean, exponentially, and not longer than five means.
func (l *load) random(mean time.Duration) time.Duration {
	return time.Duration(min(l.rng.ExpFloat64(), 5) * float64(mean)).Truncate(time.Millisecond)
}
