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
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Extension is one extension of the line.
type Extension struct {
	Number string // 1001
	Device string // PJSIP/1001; empty: any technology with the number as its endpoint
	Name   string // shown as the user's name; empty: what the PBX says
}

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
	calls    []*call   // live ones, in the order they began
	lostAt   time.Time // since when the PBX cannot be seen; zero while it can
	bootedAt time.Time // when the PBX was started, if it said
	rebooted bool      // it was started anew since it was last seen
	touched  []*call
	gap      *telephony.Gap
	gone     gone
}

// New returns a tracker that has seen nothing.
func New(o Options) *Tracker {
	return &Tracker{options: o, legs: map[telephony.LegID]*leg{}, gone: gone{has: map[telephony.LegID]bool{}}}
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
	case nil, telephony.LegSeen, telephony.LegAdded:
	case telephony.DialBegan:
		t.dialBegan(f)
	case telephony.DialEnded:
		t.with(f.To, func(l *leg) { l.outcome, l.dialEndedAt = f.Outcome, now })
		t.with(f.From, func(*leg) {})
	case telephony.BridgeEntered:
		t.with(f.Leg, func(l *leg) { t.enter(l, f.Bridge) })
	case telephony.BridgeLeft:
		t.with(f.Leg, func(l *leg) {
			if l.bridge == f.Bridge {
				l.bridge, l.leftAt = "", now
			}
		})
	case telephony.LegHeld:
		t.with(f.Leg, func(l *leg) { l.held = true })
	case telephony.LegResumed:
		t.with(f.Leg, func(l *leg) { l.held = false })
	case telephony.HangupAsked:
		t.with(f.Leg, func(l *leg) { l.askHangup(now, f.Cause) })
	case telephony.LegGone:
		t.with(f.Leg, func(l *leg) {
			l.cause = f.Cause
			t.leave(l)
		})
	case telephony.LinkLost:
		t.linkLost(now)
	case telephony.LinkUp:
		t.linkUp(f)
	case telephony.Snapshot:
		t.snapshot(f, now)
	}
}

// leave ends a leg.
func (t *Tracker) leave(l *leg) {
	l.gone = true
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
func (t *Tracker) touch(l *leg) {
	if l.call != nil && !slices.Contains(t.touched, l.call) {
		t.touched = append(t.touched, l.call)
	}
}

// learn merges what a message said about a leg in passing.
func (t *Tracker) learn(facts telephony.LegFacts, now time.Time) *leg {
	l := t.legs[facts.Leg]
	if l == nil {
		l = &leg{id: facts.Leg, addedAt: now}
		t.legs[l.id] = l
	}
	if l.merge(facts) {
		t.touch(l)
	}
	if l.state == telephony.LegUp && l.upAt.IsZero() {
		l.upAt = now
	}
	if l.wantsView() {
		t.openView(l, now)
	}
	return l
}

func (t *Tracker) dialBegan(f telephony.DialBegan) {
	to := t.legs[f.To]
	if to == nil {
		return
	}
	to.sent = f.Sent
	from := t.legs[f.From]
	if from != nil && to.dialedBy != from {
		to.dialedBy = from
		from.dials = append(from.dials, to)
	}
	to.dialed = true
	t.join(from, to)
	for _, l := range []*leg{from, to} {
		if l != nil && l.wantsView() {
			t.openView(l, l.addedAt)
		}
		if l != nil {
			t.touch(l)
		}
	}
}

// enter puts a leg in a bridge; whoever is there already is in the same conversation.
func (t *Tracker) enter(l *leg, bridge string) {
	l.bridge, l.leftAt = bridge, time.Time{}
	for _, other := range t.bridged(l) {
		t.join(l, other)
		t.touch(other)
	}
	if l.wantsView() {
		t.openView(l, l.addedAt)
	}
}

// bridged are the other legs in the same bridge, in the order of their ids.
func (t *Tracker) bridged(l *leg) []*leg {
	if l.bridge == "" {
		return nil
	}
	var found []*leg
	for _, other := range t.legs {
		if other != l && other.bridge == l.bridge {
			found = append(found, other)
		}
	}
	slices.SortFunc(found, func(a, b *leg) int { return strings.Compare(string(a.id), string(b.id)) })
	return found
}

// join puts two legs in one call, where at most one of them has a call yet. Two calls are never merged here: two calls of
// one extension stay two records even where the PBX files them together. A call that has ended takes nobody in: whom a
// queue or hunt group tries again begins another.
func (t *Tracker) join(a, b *leg) {
	if a == nil || b == nil {
		return
	}
	switch x, y := a.current(), b.current(); {
	case x == nil && y != nil:
		y.add(a)
	case y == nil && x != nil:
		x.add(b)
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
		c = t.callOfPeers(l)
	}
	if c == nil {
		c = &call{id: t.options.NewID(), complete: true}
		t.calls = append(t.calls, c)
	}
	c.add(l)
	for _, peer := range t.peers(l) {
		c.add(peer)
	}
	l.view = newView(l, extension, now)
	c.views = append(c.views, l.view)
	t.touch(l)
}

// callOfPeers finds the call of a leg that l dials, is dialled by, or shares a bridge with.
func (t *Tracker) callOfPeers(l *leg) *call {
	for _, peer := range t.peers(l) {
		if c := peer.current(); c != nil {
			return c
		}
	}
	return nil
}

// peers are the legs at the other ends: those in the same bridge, else who dials l, else whom l dials.
func (t *Tracker) peers(l *leg) []*leg {
	found := t.bridged(l)
	if len(found) == 0 && l.dialedBy != nil {
		found = append(found, l.dialedBy)
	}
	if len(found) == 0 {
		found = append(found, l.dials...)
	}
	return found
}

// extension finds whose device it is.
func (t *Tracker) extension(device string) (Extension, bool) {
	for _, e := range t.options.Extensions {
		if e.Device != "" && strings.EqualFold(e.Device, device) || e.Device == "" && endpoint(device) == e.Number {
			return e, true
		}
	}
	return Extension{}, false
}

// outside reports whether a device leads to a trunk.
func (t *Tracker) outside(device string) bool {
	if len(t.options.Trunks) > 0 {
		return slices.ContainsFunc(t.options.Trunks, func(trunk string) bool { return strings.EqualFold(trunk, device) })
	}
	return strings.Trim(endpoint(device), "0123456789") != ""
}

// endpoint is a device without its technology.
func endpoint(device string) string {
	_, name, _ := strings.Cut(device, "/")
	return name
}

// settle brings the views of the touched calls up to date and tells what changed.
func (t *Tracker) settle(now time.Time) []telephony.Change {
	var changes []telephony.Change
	if t.gap != nil {
		changes = append(changes, telephony.Change{Kind: telephony.PBXGap, At: now, Gap: t.gap})
	}
	for _, c := range t.touched {
		for _, v := range c.views {
			t.advance(v, now)
		}
		changes = append(changes, c.changes(now)...)
		if c.ended() {
			t.calls = slices.DeleteFunc(t.calls, func(other *call) bool { return other == c })
		}
	}
	return changes
}
