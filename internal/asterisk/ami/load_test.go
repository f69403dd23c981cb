package ami

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/demopbx"
	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/tracker"
)

var loadCalls = flag.Int("load", 500, "calls of TestLoad")

// TestLoad plays random calls, 20 a second by the PBX's clock, with answers, holds, transfers and all ways to come to
// nothing, on 200 extensions. Every call must be told exactly once, and right; whenever the PBX is looked at, the legs that
// are believed to live are those it has; and when all is over nothing is left, nor memory.
//
// It does not run beside other tests: they would count as its memory.
func TestLoad(t *testing.T) {
	phones, extensions := map[string]demopbx.Phone{}, []tracker.Extension{}
	for i := range 200 {
		n := fmt.Sprint(1001 + i)
		phones[n] = demopbx.Phone{Name: "Desk " + n, Addr: fmt.Sprintf("192.0.2.%d:5060", i)}
		extensions = append(extensions, tracker.Extension{Number: n})
	}
	pbx := startPBX(t, func(o *demopbx.Options) {
		o.Seed, o.Timestamps, o.Speed, o.Phones = 3, true, 50, phones
		o.Accounts["callboard"] = demopbx.Account{Secret: secret, Read: "system,call,agent", Write: "call"}
	})
	calls := 0
	l := &loadCheck{t: t, truth: map[string][]expected{}, goesOn: map[telephony.CallID]bool{}}
	l.heard = sync.NewCond(&l.mu)
	l.tracker = tracker.New(tracker.Options{Extensions: extensions, NewID: func() telephony.CallID {
		calls++
		return telephony.CallID(fmt.Sprint(calls))
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { _ = New(settings(pbx)).Run(ctx, l.report) })
	defer running.Wait()
	l.wait(func() bool { return l.up })
	before := heap()

	var watching sync.WaitGroup
	over := make(chan struct{})
	looks := 0
	watching.Go(func() { looks = l.lookAt(pbx, over) })
	report, err := pbx.Load(ctx, demopbx.LoadPlan{Seed: 7, Rate: 20, Calls: *loadCalls, Told: l.told})
	close(over)
	watching.Wait()
	if err != nil {
		t.Fatal(err)
	}
	l.wait(func() bool { return l.ended >= l.begun && l.tracker.Live() == 0 })
	cancel()
	running.Wait()
	l.unseen()
	t.Logf("%+v; %d views told, looked %d times", report, l.ended, looks)
	if looks == 0 || report.Answered == 0 || report.Blind == 0 || report.Attended == 0 || report.Holds == 0 {
		t.Errorf("too little happened: %d looks, %+v", looks, report)
	}
	l.truth, l.goesOn = nil, nil
	if after := heap(); after > before+8<<20 {
		t.Errorf("%d kB of memory before, %d kB after", before>>10, after>>10)
	}
	runtime.KeepAlive(l)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// expected is one view that must be told.
type expected struct {
	demopbx.Expectation
	begun time.Time
}

// loadCheck follows the load beside the tracker.
type loadCheck struct {
	t *testing.T

	mu      sync.Mutex
	heard   *sync.Cond
	tracker *tracker.Tracker
	up      bool
	last    time.Time             // of the PBX's clock, of what was reported
	truth   map[string][]expected // by extension and the other's number; what was told is taken out
	goesOn  map[telephony.CallID]bool
	begun   int // views that are to be told
	ended   int // views told, of calls that have ended
	wrong   int
}

func key(extension, other string) string { return extension + " " + other }

// told notes what is true of a call that begins.
func (l *loadCheck) told(s *demopbx.Scenario, begun time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range s.Expect {
		k := key(e.Extension, e.OtherNumber)
		l.truth[k] = append(l.truth[k], expected{e, begun})
		l.begun++
	}
}

func (l *loadCheck) report(o telephony.Observation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.heard.Broadcast()
	if !o.ReportedAt.IsZero() {
		o.ObservedAt, l.last = o.ReportedAt, o.ReportedAt
	}
	for _, c := range l.tracker.Apply(o) {
		switch {
		case c.Call == nil:
		case c.Kind == telephony.CallEnded:
			delete(l.goesOn, c.Call.ID)
			for _, v := range c.Call.Views {
				l.check(v)
			}
		case c.Call.State != telephony.Ended: // one that has ended may still be told that its last leg is gone
			l.goesOn[c.Call.ID] = true
		}
	}
	if _, snapshot := o.Fact.(telephony.Snapshot); snapshot {
		l.up = true
	}
}

// check finds the truth about a view: with the same two parties, the one that began nearest.
func (l *loadCheck) check(v telephony.View) {
	l.ended++
	k := key(v.Extension, v.Party.Number)
	candidates := l.truth[k]
	if len(candidates) == 0 {
		l.problem("%s: a call nobody made, or made once: %+v", k, v)
		return
	}
	best, nearest := 0, math.Inf(1)
	for i, e := range candidates {
		if d := math.Abs(v.StartedAt.Sub(e.begun.Add(e.Timeline[0].At)).Seconds()); d < nearest {
			best, nearest = i, d
		}
	}
	e := candidates[best]
	for _, problem := range differences(v, e.Expectation, e.begun) {
		l.problem("%s begun %v: %s", k, e.begun, problem)
	}
	if l.truth[k] = slices.Delete(candidates, best, best+1); len(l.truth[k]) == 0 {
		delete(l.truth, k)
	}
}

func (l *loadCheck) problem(format string, args ...any) {
	if l.wrong++; l.wrong <= 20 {
		l.t.Errorf(format, args...)
	}
}

// unseen complains about calls that were never told to have ended.
func (l *loadCheck) unseen() {
	for _, k := range slices.Sorted(maps.Keys(l.truth)) {
		for _, e := range l.truth[k] {
			l.problem("%s begun %v: not told: %s %s", k, e.begun, e.Direction, e.Result)
		}
	}
	if len(l.goesOn) > 0 {
		l.problem("%d calls go on", len(l.goesOn))
	}
}

// lookAt compares the number of legs that the tracker believes in with the PBX's, again and again.
func (l *loadCheck) lookAt(pbx *demopbx.PBX, over <-chan struct{}) (looks int) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return looks
		case <-tick.C:
		}
		pbx.Still(func(live []string, at time.Time) {
			if len(live) == 0 {
				return
			}
			l.wait(func() bool {
				if l.last.Before(at.Add(-100 * time.Microsecond)) { // not everything has been read
					return false
				}
				if got := l.tracker.Live(); got != len(live) {
					l.problem("at %v %d legs are believed to live, the PBX has %d", at, got, len(live))
				}
				return true
			})
			looks++
		})
	}
}

// wait blocks until something holds, and gives up after a minute.
func (l *loadCheck) wait(holds func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gaveUp := false
	late := time.AfterFunc(time.Minute, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		gaveUp = true
		l.heard.Broadcast()
	})
	defer late.Stop()
	for !gaveUp && !holds() {
		l.heard.Wait()
	}
	if gaveUp {
		l.problem("waited for a minute in vain: %d of %d views have ended, %d legs live", l.ended, l.begun, l.tracker.Live())
	}
}
