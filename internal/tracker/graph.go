package tracker

import (
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// The graph of legs: who dials whom, who shares a bridge, and which two legs are the halves of one relay. What people see
// runs through relays as if they were not there.

func (t *Tracker) dialBegan(f telephony.DialBegan) {
	to := t.legs[f.To]
	if to == nil {
		return
	}
	to.sent = f.Sent
	from := t.legs[f.From]
	from.dial(to)
	to.dialed = true
	t.reached(from, to)
	for _, l := range []*leg{from, to} {
		if l == nil {
			continue
		}
		if l.wantsView() {
			t.openView(l, l.addedAt)
		}
		t.touch(l)
		t.touchPeers(l)
	}
}

// dial draws the edge from a caller to whom it dials. Earlier attempts that are over do not count any more.
func (l *leg) dial(to *leg) {
	if l == nil || to.dialedBy == l {
		return
	}
	to.dialedBy = l
	l.dials = append(slices.DeleteFunc(l.dials, func(before *leg) bool { return before.gone && before.outcome != "" }), to)
}

// reached puts whom a leg dials in the same call, and ends the wait of a caller who was left with nobody. Of a relay it is
// not known yet where it leads.
func (t *Tracker) reached(from, to *leg) {
	if from == nil || to.kind == telephony.RelayLeg {
		return
	}
	caller := from
	if from.kind == telephony.RelayLeg {
		caller = to.origin()
	}
	t.join(caller, to)
	if caller != nil && caller.givenBy == "" {
		caller.settle()
	}
}

// enter puts a leg in a bridge; whoever is there already is in the same conversation.
func (t *Tracker) enter(l *leg, f telephony.BridgeEntered) {
	if f.Bridge == "" {
		return
	}
	t.leaveBridge(l)
	l.bridge, l.inRoom, l.leftAt = f.Bridge, f.Room, time.Time{}
	t.bridges[f.Bridge] = append(t.bridges[f.Bridge], l)
	var ends []*leg
	switch {
	case f.Room: // it is nobody's other end
	case len(t.bridges[f.Bridge]) <= crowd:
		ends = append(t.bridged(l), l)
	default:
		ends = []*leg{l}
	}
	for _, end := range ends {
		if end.kind != telephony.DeviceLeg {
			continue
		}
		for _, peer := range t.peers(end) {
			t.join(end, peer)
			t.touch(peer)
		}
		if end == l || l.kind == telephony.RelayLeg {
			t.touch(end)
		}
	}
	t.touchPeers(l)
	if l.wantsView() {
		t.openView(l, l.addedAt)
	}
}

// crowd is how many in one bridge are still looked at each with each.
const crowd = 16

func (t *Tracker) leaveBridge(l *leg) {
	if l.bridge == "" {
		return
	}
	left := slices.DeleteFunc(t.bridges[l.bridge], func(other *leg) bool { return other == l })
	if t.bridges[l.bridge] = left; len(left) == 0 {
		delete(t.bridges, l.bridge)
	}
	l.bridge = ""
}

// driftAnew begins the wait again of whom somebody has just left: the PBX may have more in mind for him.
func (t *Tracker) driftAnew(bridge string, now time.Time) {
	for _, l := range t.bridges[bridge] {
		if !l.adrift.IsZero() {
			l.adrift = now
		}
	}
}

// bridged are the other legs in the same bridge, in the order of their ids.
func (t *Tracker) bridged(l *leg) []*leg {
	if l.bridge == "" || len(t.bridges[l.bridge]) < 2 {
		return nil
	}
	found := slices.DeleteFunc(slices.Clone(t.bridges[l.bridge]), func(other *leg) bool { return other == l })
	slices.SortFunc(found, func(a, b *leg) int { return strings.Compare(string(a.id), string(b.id)) })
	return found
}

// peers are the parties at the other ends of a leg: those in the same bridge, else whom it dials, else who dials it.
func (t *Tracker) peers(l *leg) []*leg {
	var found []*leg
	t.follow(l, map[*leg]bool{l: true}, &found, maxRelays)
	return found
}

func (t *Tracker) follow(l *leg, seen map[*leg]bool, found *[]*leg, depth int) {
	if depth == 0 {
		return
	}
	for _, next := range t.next(l) {
		if seen[next] {
			continue
		}
		seen[next] = true
		switch {
		case next.kind == telephony.DeviceLeg:
			*found = append(*found, next)
		case next.twin != nil && !seen[next.twin]:
			seen[next.twin] = true
			t.follow(next.twin, seen, found, depth-1)
		}
	}
}

// next are the legs that a leg is tied to directly.
func (t *Tracker) next(l *leg) []*leg {
	if others := t.bridged(l); len(others) > 0 {
		return others
	}
	if live := l.trying(); len(live) > 0 {
		return live
	}
	if l.dialedBy != nil && (!l.dialedBy.gone || len(l.dials) == 0) {
		return []*leg{l.dialedBy}
	}
	return l.dials
}

// touchPeers marks the calls at the other ends of a relay.
func (t *Tracker) touchPeers(l *leg) {
	if l.kind != telephony.RelayLeg {
		return
	}
	for _, half := range []*leg{l, l.twin} {
		if half == nil {
			continue
		}
		for _, peer := range t.peers(half) {
			t.touch(peer)
		}
	}
}

// join puts two legs in one call, where at most one of them has a call yet. Two calls are never merged here: two calls of
// one extension stay two records even where the PBX files them together. A call that has ended takes nobody in.
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

// pair ties the two halves of a relay.
func (t *Tracker) pair(l *leg) {
	if l.twin != nil || l.pairName == "" {
		return
	}
	other := t.halves[l.pairName]
	if other == nil || other == l || other.gone {
		t.halves[l.pairName] = l
		return
	}
	l.twin, other.twin = other, l
	delete(t.halves, l.pairName)
}

// waiting reports whether somebody in the call is in no extension's hands but may come into some again.
func (t *Tracker) waiting(c *call, now time.Time) bool {
	return slices.ContainsFunc(c.legs, func(l *leg) bool { return t.waits(l, now) })
}

// waits reports whether a leg is parked, queued, or on its way to whom it was sent: for a short while where nothing is said
// of it, and as long as it rings where it was given away.
func (t *Tracker) waits(l *leg, now time.Time) bool {
	switch {
	case l.gone || !l.askedAt.IsZero():
		return false
	case l.bridge == "" && (l.parkedAt != "" || l.queue != ""):
		return true
	case l.adrift.IsZero():
		return false
	}
	rings := false
	for _, peer := range t.peers(l) {
		switch {
		case peer.gone || peer.gaveAway || !peer.askedAt.IsZero():
		case peer.state == telephony.LegUp:
			return false
		default:
			rings = l.givenBy != ""
		}
	}
	return rings || now.Sub(l.adrift) < driftsFor
}
