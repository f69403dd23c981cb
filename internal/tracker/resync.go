package tracker

import (
	"maps"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// bootSlack is how far two readings of the PBX's start may lie apart and still mean the same start: it is told in whole
// seconds.
const bootSlack = 3 * time.Second

const (
	detailGap   = "the PBX could not be seen"
	detailFound = "so when the PBX was seen again"
)

// linkLost marks every live call: from now on it may change or end unseen.
func (t *Tracker) linkLost(now time.Time) {
	if !t.lostAt.IsZero() {
		return
	}
	t.lostAt = now
	for _, c := range t.calls {
		c.mark(now)
		t.touched = append(t.touched, c)
	}
}

// mark says that a part of the call was not seen.
func (c *call) mark(at time.Time) {
	c.complete = false
	for _, v := range c.views {
		if v.State != telephony.Ended && v.last().What != telephony.WhatGap {
			v.note(telephony.WhatGap, at, detailGap)
		}
	}
}

func (t *Tracker) linkUp(f telephony.LinkUp) {
	if f.BootedAt.IsZero() {
		return
	}
	moved := f.BootedAt.Sub(t.bootedAt).Abs() > bootSlack
	if !t.bootedAt.IsZero() && moved && !t.lostAt.IsZero() {
		t.rebooted = true
	}
	t.bootedAt = f.BootedAt
}

// snapshot compares what we believe with what the PBX has: gone, changed, new.
func (t *Tracker) snapshot(f telephony.Snapshot, now time.Time) {
	f.Legs = slices.DeleteFunc(slices.Clone(f.Legs), func(s telephony.SnapshotLeg) bool { return s.Leg == "" })
	present := make(map[telephony.LegID]bool, len(f.Legs))
	for _, s := range f.Legs {
		present[s.Leg] = true
	}
	for _, id := range slices.Sorted(maps.Keys(t.legs)) {
		if !present[id] {
			t.vanished(t.legs[id], now)
		}
	}
	if t.rebooted { // it may count its legs from the beginning
		t.gone = gone{has: map[telephony.LegID]bool{}}
	}
	for _, s := range f.Legs {
		t.found(s, now)
	}
	t.stillParked()
	t.connect(f.Legs)
	for range 2 { // some are only understood when the calls of the others are known
		for _, s := range f.Legs {
			t.showFound(t.legs[s.Leg], s, now)
		}
	}
	if !t.lostAt.IsZero() {
		t.gap = &telephony.Gap{From: t.lostAt, To: now, Restarted: t.rebooted}
	}
	t.lostAt, t.rebooted = time.Time{}, false
}

// vanished ends a leg whose end was not seen: its time and cause are not known, and that is what is said.
func (t *Tracker) vanished(l *leg, now time.Time) {
	t.leave(l)
	t.touch(l)
	v := l.view
	if v == nil || v.State == telephony.Ended || slices.ContainsFunc(v.legs, func(other *leg) bool { return !other.gone }) {
		return
	}
	v.EndedAfter, v.EndedBefore = t.lostAt, now
	if v.EndedAfter.IsZero() {
		v.EndedAfter = v.last().At
	}
	v.Result = telephony.UnknownResult
	detail := detailGap
	if t.rebooted {
		v.EndedBy = telephony.ByFailure
		detail = "the PBX was started anew"
	}
	l.call.complete = false
	v.enter(telephony.Ended, now, detail)
}

// found merges a leg of the snapshot; what is new began before we looked.
func (t *Tracker) found(s telephony.SnapshotLeg, now time.Time) {
	l := t.legs[s.Leg]
	if l == nil {
		l = &leg{id: s.Leg, addedAt: now, caller: !s.Called, dialedNum: s.Dialed, found: true}
		if s.Age >= 0 {
			l.addedAt = now.Add(-s.Age)
		}
		t.legs[l.id] = l
	}
	if s.Device != "" && s.Device != l.device { // another than was asked
		l.inspected = telephony.LegInspected{}
	}
	l.merge(s.LegFacts)
	t.pair(l)
	t.leaveBridge(l)
	l.leftAt = time.Time{}
	if l.bridge = s.Bridge; l.bridge != "" {
		t.bridges[l.bridge] = append(t.bridges[l.bridge], l)
	}
	t.touch(l)
}

// stillParked takes those out of their bridge that only share it with others who are parked: it is the parking's.
func (t *Tracker) stillParked() {
	for _, members := range t.bridges {
		if slices.ContainsFunc(members, func(l *leg) bool { return l.parkedAt == "" }) {
			continue
		}
		for _, l := range slices.Clone(members) {
			t.leaveBridge(l)
		}
	}
}

// connect draws the edges that a snapshot does not tell: a called leg without a caller was dialled by the leg that
// began, in the PBX's own grouping. It is the one place where that grouping is believed.
func (t *Tracker) connect(legs []telephony.SnapshotLeg) {
	callers := map[string]*leg{}
	for _, s := range legs {
		if l := t.legs[s.Leg]; l.caller && l.kind == telephony.DeviceLeg && l.group != "" && callers[l.group] == nil {
			callers[l.group] = l
		}
	}
	for _, s := range legs {
		to := t.legs[s.Leg]
		if to.caller || to.dialedBy != nil || to.group == "" || to.kind == telephony.RelayLeg {
			continue
		}
		if from := callers[to.group]; from != nil {
			to.dialedBy, to.dialed = from, to.state < telephony.LegUp
			from.dials = append(from.dials, to)
			t.join(from, to)
		}
	}
}

// showFound opens a view for a leg of ours that began unseen, and lets the others catch up without inventing times.
func (t *Tracker) showFound(l *leg, s telephony.SnapshotLeg, now time.Time) {
	if l.view == nil {
		_, ours := t.extension(l.device)
		// A leg that was answered and is in no bridge has left its talk, or is just about to begin: only its call can tell.
		left := s.Called && l.state == telephony.LegUp && s.Bridge == "" && t.callOfPeers(l, now) == nil
		// One that is called for another, who is not there any more, is about to go too.
		orphan := s.Called && s.Bridge == "" && len(t.peers(l)) == 0 && l.group != "" && l.group != string(l.id)
		if !ours || left || orphan {
			return
		}
		t.openView(l, l.addedAt)
		l.call.complete = false
	}
	v := l.view
	if l.state == telephony.LegUp && !v.talked() && v.State != telephony.Ended {
		t.look(v)
		v.enter(telephony.Connected, now, detailFound)
	}
}

// Restore gives a new tracker the calls that were live when the program ended, so that they go on as the same calls.
// seenAt is when the PBX was last seen. Call it before the first Apply.
func (t *Tracker) Restore(calls []telephony.Call, seenAt time.Time) {
	t.lostAt = seenAt
	for i := range calls {
		t.restore(&calls[i], seenAt)
	}
}

func (t *Tracker) restore(stored *telephony.Call, seenAt time.Time) {
	c := &call{id: stored.ID, complete: stored.Complete, told: stored}
	var caller *leg
	for _, each := range stored.Legs {
		l := &leg{id: each.ID, device: each.Device, caller: each.Caller, state: legState(each.State),
			held: each.State == telephony.Held, addedAt: stored.StartedAt, gone: each.State == telephony.Ended}
		l.number, l.name = raw(each.Party.RawNumber, each.Party.Number), raw(each.Party.RawName, each.Party.Name)
		l.firstName = l.name
		l.inspected.Address, l.inspected.MediaAddress = each.Party.IP, each.Media
		if l.caller {
			caller = l
		}
		c.add(l)
		if !l.gone {
			t.legs[l.id] = l
		}
	}
	for _, l := range c.legs {
		if caller != nil && l != caller && !l.caller {
			l.dialedBy, l.dialed = caller, true
			caller.dials = append(caller.dials, l)
			if l.state == telephony.LegUp {
				l.outcome = telephony.DialAnswered
			}
		}
	}
	for _, each := range stored.Views {
		c.restoreView(each)
	}
	if stored.Parked {
		for _, l := range c.legs {
			if l.view == nil && !l.gone {
				l.parkedAt, l.parkedFrom = stored.ParkedAt, c
			}
		}
	}
	c.mark(seenAt)
	t.calls = append(t.calls, c)
}

func (c *call) restoreView(stored telephony.View) {
	for _, l := range c.legs {
		if l.id != stored.Leg {
			continue
		}
		l.upAt = stored.AnsweredAt
		l.dialedNum = stored.Dialed
		l.view = &view{View: stored, leg: l, legs: []*leg{l}}
		for _, other := range c.legs {
			if other != l && other.device == stored.PartyDevice {
				l.view.peer = other
				if stored.Caller {
					other.sent = raw(stored.Party.RawNumber, stored.Party.Number)
				}
			}
		}
		l.view.recall(&stored)
		c.views = append(c.views, l.view)
	}
}

// recall takes what was learned by asking from what was told of it. It holds until the PBX has answered again.
func (v *view) recall(stored *telephony.View) {
	v.leg.inspected.Signalling, v.leg.inspected.Media = stored.Encrypted, stored.Encrypted
	if v.peer == nil {
		return
	}
	if stored.Party.Withheld {
		v.peer.inspected.Withheld = telephony.Yes
	}
	if stored.Encrypted != telephony.No { // else the line is not secure whatever the other end is
		v.peer.inspected.Signalling, v.peer.inspected.Media = stored.SecureLine, stored.SecureLine
	}
}

func raw(kept, shown string) string {
	if kept != "" {
		return kept
	}
	return shown
}

func legState(s telephony.State) telephony.LegState {
	switch s {
	case telephony.Connected, telephony.Held:
		return telephony.LegUp
	case telephony.Ringing:
		return telephony.LegRinging
	}
	return telephony.LegDown
}
