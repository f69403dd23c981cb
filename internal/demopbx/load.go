package demopbx

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
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
}

// LoadReport counts what was begun, by what was to become of it from the extension's view. A ring group counts once.
type LoadReport struct {
	Begun                                       int
	Inbound, Outbound, Internal, Groups         int
	Answered, Missed, Busy, Rejected, Cancelled int
	Holds                                       int
	PeakCalls                                   int // most calls in progress at a time
}

// Load plays random calls and returns when the last has ended. The error is ctx's when ctx ended first, and otherwise
// ErrRestarted, ErrClosed, or says what is wrong with the plan. The report is complete in either case.
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
	l := &load{pbx: p, plan: plan, rng: rand.New(rand.NewPCG(plan.Seed, 1))}
	l.plan.Ring = cmp.Or(plan.Ring, 4*time.Second)
	l.plan.Talk = cmp.Or(plan.Talk, 20*time.Second)
	err := l.run(ctx)
	return l.report, err
}

type load struct {
	pbx    *PBX
	plan   LoadPlan
	rng    *rand.Rand
	report LoadReport

	mu    sync.Mutex // what the calls in progress tell
	now   int
	peak  int
	first error
}

func (l *load) run(ctx context.Context) error {
	var calls sync.WaitGroup
	due := l.pbx.clock.now()
	for n := 0; l.plan.Calls == 0 || n < l.plan.Calls; n++ {
		due = due.Add(l.random(time.Duration(float64(time.Second) / l.plan.Rate)))
		for l.pbx.clock.now().Before(due) && l.failed() == nil {
			if err := l.pbx.clock.sleepUntil(ctx, due, l.pbx.changed.wait()); err != nil {
				break
			}
		}
		if ctx.Err() != nil || l.failed() != nil {
			break
		}
		s, err := ParseScenario(fmt.Sprintf("load call %d", n), strings.NewReader(l.draw()))
		if err != nil {
			return err
		}
		l.report.Begun++
		l.begin()
		calls.Go(func() { l.end(l.pbx.Play(ctx, s)) })
	}
	calls.Wait()
	l.report.PeakCalls = l.peak
	if err := l.failed(); err != nil {
		return err
	}
	return ctx.Err()
}

func (l *load) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now++
	l.peak = max(l.peak, l.now)
}

func (l *load) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now--
	if l.first == nil {
		l.first = err
	}
}

func (l *load) failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

// random draws a time around a mean, exponentially, and not longer than five means.
func (l *load) random(mean time.Duration) time.Duration {
	return time.Duration(min(l.rng.ExpFloat64(), 5) * float64(mean))
}

// draw writes the scenario of the next call.
func (l *load) draw() string {
	ext := l.plan.Extensions
	i := l.rng.IntN(len(ext))
	own, second, third := ext[i], ext[(i+1)%len(ext)], ext[(i+2)%len(ext)]
	number, name := outsideParty(l.rng)
	var begin, called, caller string
	switch k := l.rng.IntN(100); {
	case k < 60:
		l.report.Inbound++
		begin, called, caller = fmt.Sprintf("outside %s %q calls 555%s, rings %s", number, name, own, own), own, "outside"
	case k < 75:
		l.report.Groups++
		begin = fmt.Sprintf("outside %s %q calls 5552000, rings %s, %s, %s", number, name, own, second, third)
		called, caller = second, "outside"
	case k < 90:
		l.report.Outbound++
		begin, called, caller = fmt.Sprintf("%s calls %s", own, number), "outside", own
	default:
		l.report.Internal++
		begin, called, caller = fmt.Sprintf("%s calls %s", own, second), second, own
	}
	var text strings.Builder
	fmt.Fprintf(&text, "0.0 %s\n", begin)
	l.drawEnd(&text, called, caller)
	return text.String()
}

// drawEnd writes what becomes of the call.
func (l *load) drawEnd(text *strings.Builder, called, caller string) {
	at := l.random(l.plan.Ring)
	line := func(what string) { fmt.Fprintf(text, "%.3f %s\n", at.Seconds(), what) }
	group := strings.Count(text.String(), ",") > 1
	switch k := l.rng.IntN(100); {
	case k < 10:
		l.report.Missed++
		line("nobody answers")
		return
	case k < 15 && !group:
		l.report.Busy++
		line(called + " is busy")
		return
	case k < 20 && !group:
		l.report.Rejected++
		line(called + " rejects")
		return
	case k < 30:
		l.report.Cancelled++
		line(caller + " gives up")
		return
	}
	l.report.Answered++
	line(called + " answers")
	if l.rng.IntN(5) == 0 {
		l.report.Holds++
		at += l.random(l.plan.Talk / 3)
		line(called + " holds")
		at += l.random(l.plan.Talk / 3)
		line(called + " resumes")
	}
	at += l.random(l.plan.Talk)
	line([]string{caller, called}[l.rng.IntN(2)] + " hangs up")
}

// outsideParty draws a caller from a few thousand fictitious numbers. Some have no name.
func outsideParty(rng *rand.Rand) (number, name string) {
	given := []string{"Ada", "Bo", "Cleo", "Dan", "Eva", "Finn", "Gro", "Hal", "Ida", "Jens"}
	family := []string{"Ager", "Berg", "Cole", "Dahl", "Ebert", "Frost", "Gale", "Hart", "Iversen", "Jung"}
	number = fmt.Sprintf("+1%d5550%d", 201+rng.IntN(99), 100+rng.IntN(100))
	if rng.IntN(4) > 0 {
		name = given[rng.IntN(10)] + " " + family[rng.IntN(10)]
	}
	return number, name
}
