// Package tracker holds the rules of calls: observations in, call changes out.
//
// It is pure: no I/O, no goroutines, no clock, no randomness; times come with the observations and ids from Options.NewID.
// The same observations give the same changes. Not safe for concurrent use: its line calls it from one goroutine at a time.
//
// Legs are what the PBX has; a view is a call as one configured extension sees it; a call is the set of views that belong
// to one conversation. Identity comes from the graph of who dials whom and who shares a bridge, never from the PBX's own
// grouping alone. Unknown, repeated, late and impossible observations are normal and never panic; what was not seen is not
// invented: see resync.go.
package tracker

import (
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Extension is one extension of the line.
type Extension = telephony.Extension

// Options configure a Tracker.
type Options struct {
	Extensions []Extension
	// Trunks are the devices that lead outside, e.g. PJSIP/trunk. Empty: a device whose endpoint is not all digits.
	Trunks []string
	NewID  func() telephony.CallID
}

// Tracker turns observations into changes.
type Tracker struct {
	options  Options
	legs     map[telephony.LegID]*leg
	bridges  map[string][]*leg // who is in it
	halves   map[string]*leg   // of relays whose other half is not known yet
	calls    []*call           // live ones, in the order they began
	idle     []*call           // those of them that are in no extension's hands just now
	promises []*leg            // that we have placed and of which nothing was seen yet
	lostAt   time.Time         // since when the PBX cannot be seen; zero while it can
	bootedAt time.Time         // when the PBX was started, if it said
	rebooted bool              // it was started anew since it was last seen
	touched  []*call
	gap      *telephony.Gap
	gone     gone
}

// New returns a tracker that has seen nothing.
func New(o Options) *Tracker {
	return &Tracker{options: o, legs: map[telephony.LegID]*leg{}, bridges: map[string][]*leg{}, halves: map[string]*leg{}, gone: gone{has: map[telephony.LegID]bool{}}}
}

// Live returns the number of legs that the tracker holds.
func (t *Tracker) Live() int { return len(t.legs) }

// Apply takes one observation and returns what changed, in order.
func (t *Tracker) Apply(o telephony.Observation) []telephony.Change {
	t.touched, t.gap = t.touched[:0], nil
	now := o.ObservedAt
	for _, facts := range o.Legs {
		if _, known := t.legs[facts.Leg]; known || !ends(o.Fact) && !t.gone.has[facts.Leg] && facts.Leg != "" {
			t.learn(facts, now)
		}
	}
	t.happen(o.Fact, now)
	return t.settle(now)
}

// ends reports whether a fact only closes things: it is no reason to begin to follow a leg.
func ends(f telephony.Fact) bool {
	switch f.(type) {
	case telephony.LegGone, telephony.HangupAsked, telephony.BridgeLeft, telephony.DialEnded:
		return true
	}
	return false
}

func (t *Tracker) happen(f telephony.Fact, now time.Time) {
	switch f := f.(type) {
	case telephony.DialBegan:
		t.dialBegan(f)
	case telephony.DialEnded:
		t.dialEnded(f, now)
	case telephony.BridgeEntered:
		if !f.Apart {
			t.with(f.Leg, func(l *leg) { t.enter(l, f) })
		}
	case telephony.BridgeLeft:
		t.with(f.Leg, func(l *leg) {
			if l.bridge == f.Bridge {
				t.leaveBridge(l)
				l.leftAt = now
				t.driftAnew(f.Bridge, now)
			}
		})
	case telephony.LegHeld:
		t.hold(f.Leg, true)
	case telephony.LegResumed:
		t.hold(f.Leg, false)
	case telephony.HangupAsked:
		t.with(f.Leg, func(l *leg) { l.askHangup(now, f.Cause) })
	case telephony.LegGone:
		t.with(f.Leg, func(l *leg) {
			l.cause = f.Cause
			t.touchPeers(l)
			t.leave(l)
		})
	case telephony.LinkLost:
		t.linkLost(now)
	case telephony.LinkUp:
		t.linkUp(f)
	case telephony.Snapshot:
		t.snapshot(f, now)
	default:
		t.passOn(f, now)
	}
}

// hold is what a device does to its own leg, and what the other ends then hear.
func (t *Tracker) hold(id telephony.LegID, held bool) {
	t.withPeers(id, func(l *leg) { l.held = held })
}

func (t *Tracker) dialEnded(f telephony.DialEnded, now time.Time) {
	t.with(f.To, func(l *leg) {
		if from := t.legs[f.From]; l.dialedBy != from { // somebody has come in the caller's place
			from.dial(l)
		}
		l.outcome, l.dialEndedAt = f.Outcome, now
		if f.ForwardedTo != "" {
			l.forwardedTo = f.ForwardedTo
			if caller := l.origin(); caller != nil {
				caller.sentOnBy = l.device
			}
		}
	})
	t.with(f.From, func(*leg) {})
}

// leave ends a leg.
func (t *Tracker) leave(l *leg) {
	l.gone = true
	t.leaveBridge(l)
	if t.halves[l.pairName] == l {
		delete(t.halves, l.pairName)
	}
	delete(t.legs, l.id)
	t.gone.add(l.id)
}

// gone remembers the newest legs that are no more: what still comes about them is late, and begins nothing.
type gone struct {
	has  map[telephony.LegID]bool
	ring [1024]telephony.LegID
	next int
}

func (g *gone) add(id telephony.LegID) {
	delete(g.has, g.ring[g.next])
	g.has[id], g.ring[g.next] = true, id
	g.next = (g.next + 1) % len(g.ring)
}

// with runs do on a leg that is known and marks its call as touched.
func (t *Tracker) with(id telephony.LegID, do func(*leg)) {
	if l := t.legs[id]; l != nil {
		do(l)
		t.touch(l)
	}
}

// touch marks the leg's call: its views may read differently now.
func (t *Tracker) touch(l *leg) { t.touchCall(l.call) }

func (t *Tracker) touchCall(c *call) {
	if c != nil && !slices.Contains(t.touched, c) {
		t.touched = append(t.touched, c)
	}
}

// learn merges what a message said about a leg in passing.
func (t *Tracker) learn(facts telephony.LegFacts, now time.Time) {
	l := t.legs[facts.Leg]
	if l == nil {
		l = &leg{id: facts.Leg, addedAt: now}
		t.legs[l.id] = l
	}
	l.promised = false
	if l.merge(facts) {
		t.touch(l)
		t.touchPeers(l)
	}
	t.pair(l)
	if l.state == telephony.LegUp && l.upAt.IsZero() {
		l.upAt = now
	}
	if l.wantsView() {
		t.openView(l, now)
	}
}

// openView begins a view for a leg whose device belongs to the line.
func (t *Tracker) openView(l *leg, now time.Time) {
	if l.view != nil || l.gone {
		return
	}
	extension, ours := t.extension(l.device)
	if !ours {
		return
	}
	c := l.current()
	if c == nil {
		c = t.callOfPeers(l, now)
	}
	if c == nil {
		c = &call{id: t.options.NewID(), complete: true}
		t.calls = append(t.calls, c)
	}
	c.add(l)
	for _, peer := range t.peers(l) {
		c.add(peer)
	}
	if l.view = c.beside(l, extension); l.view == nil {
		l.view = newView(l, extension, now)
		c.views = append(c.views, l.view)
		c.trim()
	}
	l.view.legs = append(l.view.legs, l)
	l.view.comeBack(c)
	t.touch(l)
}

// callOfPeers finds the call of a leg at the other end of l; and that of whom the PBX calls back after it gave somebody
// away who then came to nobody.
func (t *Tracker) callOfPeers(l *leg, now time.Time) *call {
	for _, peer := range t.peers(l) {
		if c := peer.current(); c != nil {
			return c
		}
	}
	if l.dialed && l.dialedBy == nil && !l.placed {
		return t.recall(l, now)
	}
	return nil
}

// recall finds the call that the PBX calls a device back for: whom the device gave away has come to nobody yet.
func (t *Tracker) recall(l *leg, now time.Time) *call {
	for _, c := range t.calls {
		for _, v := range c.views {
			gave := v.State == telephony.Ended && v.TransferKind == telephony.AttendedTransfer && v.leg.device == l.device
			if gave && v.peer != nil && t.waits(v.peer, now) {
				v.peer.dial(l)
				return c
			}
		}
	}
	return nil
}

// extension finds whose device it is.
func (t *Tracker) extension(device string) (Extension, bool) {
	for _, e := range t.options.Extensions {
		if e.Has(device) {
			return e, true
		}
	}
	return Extension{}, false
}

// outside reports whether a device leads to a trunk.
func (t *Tracker) outside(device string) bool { return telephony.Outside(t.options.Trunks, device) }

// settle brings the views of the touched calls up to date and tells what changed.
func (t *Tracker) settle(now time.Time) []telephony.Change {
	var changes []telephony.Change
	if t.gap != nil {
		changes = append(changes, telephony.Change{Kind: telephony.PBXGap, At: now, Gap: t.gap})
	}
	t.forsaken(now)
	for _, c := range t.idle { // nobody says that nothing happened
		if !t.waiting(c, now) && !slices.Contains(t.touched, c) {
			t.touched = append(t.touched, c)
		}
	}
	for _, c := range t.touched {
		for _, v := range c.views {
			t.advance(v, now)
		}
		changes = append(changes, t.tell(c, now)...)
		t.watch(c)
		if c.ended() {
			t.calls = slices.DeleteFunc(t.calls, func(other *call) bool { return other == c })
		}
	}
	return changes
}

// watch keeps the list of the calls that may end without a word.
func (t *Tracker) watch(c *call) {
	idle := c.told != nil && c.told.State != telephony.Ended && c.main().State == telephony.Ended
	at := slices.Index(t.idle, c)
	switch {
	case idle && at < 0:
		t.idle = append(t.idle, c)
	case !idle && at >= 0:
		t.idle = slices.Delete(t.idle, at, at+1)
	}
}
