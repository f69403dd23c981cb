package trackertest

import (
	"fmt"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/tracker"
)

// Watcher is a tracker and what it has concluded. It is not safe for concurrent use.
type Watcher struct {
	tracker        *tracker.Tracker
	calls          map[telephony.LegID]Concluded
	order          []telephony.LegID
	last           time.Time
	created, ended map[telephony.CallID]int
}

// Concluded is the last that was said of a call as an extension sees it, and who was at the other end before another came.
type Concluded struct {
	telephony.View
	AtFirst telephony.Party
}

// Watch makes a watcher for some extensions that has seen nothing.
func Watch(extensions ...string) *Watcher {
	w := &Watcher{calls: map[telephony.LegID]Concluded{}, created: map[telephony.CallID]int{}, ended: map[telephony.CallID]int{}}
	var line []tracker.Extension
	for _, number := range extensions {
		line = append(line, tracker.Extension{Number: number})
	}
	ids := 0
	w.tracker = tracker.New(tracker.Options{Extensions: line, NewID: func() telephony.CallID {
		ids++
		return telephony.CallID(fmt.Sprint("call-", ids))
	}})
	return w
}

// Observe takes an observation.
func (w *Watcher) Observe(o telephony.Observation) {
	w.last = o.ObservedAt
	for _, change := range w.tracker.Apply(o) {
		if change.Call == nil {
			continue
		}
		switch change.Kind {
		case telephony.CallCreated:
			w.created[change.Call.ID]++
		case telephony.CallEnded:
			w.ended[change.Call.ID]++
		}
		for _, v := range change.Call.Views {
			w.take(v)
		}
	}
}

func (w *Watcher) take(v telephony.View) {
	if _, known := w.calls[v.Leg]; !known {
		w.order = append(w.order, v.Leg)
	}
	first := v.First
	if first == (telephony.Party{}) {
		first = v.Party
	}
	w.calls[v.Leg] = Concluded{v, first}
}

// Concluded is what was said of all calls, in the order they began.
func (w *Watcher) Concluded() []Concluded {
	var all []Concluded
	for _, leg := range w.order {
		all = append(all, w.calls[leg])
	}
	return all
}

// Over says what is wrong once all telephones have hung up: every call must have been created once and ended once, and no
// leg may be left.
func (w *Watcher) Over() []string {
	w.Observe(telephony.Observation{ObservedAt: w.last.Add(time.Minute)}) // nothing is left to wait for
	var wrong []string
	for id, n := range w.created {
		if n != 1 || w.ended[id] != 1 {
			wrong = append(wrong, fmt.Sprintf("%s was created %d times and ended %d times", id, n, w.ended[id]))
		}
	}
	if n := w.tracker.Live(); n != 0 {
		wrong = append(wrong, fmt.Sprintf("%d legs are left", n))
	}
	return wrong
}

// String is what of a call does not depend on times.
func (c Concluded) String() string {
	var happened []string
	for _, e := range c.Timeline {
		happened = append(happened, e.What)
	}
	return fmt.Sprint(c.Extension, " ", c.Leg, " ", c.Direction, " ", c.AtFirst.Number, " ", c.Party.Number, " ", c.Result, " ", c.EndedBy, " ", c.Facts, happened)
}
