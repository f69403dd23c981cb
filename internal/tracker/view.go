package tracker

import (
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// view is a call as one extension sees it. All devices of the extension that ring for it at once are one view.
type view struct {
	telephony.View
	legs []*leg
	leg  *leg // the one of legs that matters
	peer *leg // the last known other end

	announce []telephony.ChangeKind // what happened besides the states since it was last told
	met      bool                   // it has talked to somebody: which way the call went is settled, whoever comes next
}

func newView(l *leg, e Extension, now time.Time) *view {
	name := e.Name
	if name == "" {
		name = l.firstName
	}
	user := telephony.DisplayParty(e.Number, name)
	user.Extension = e.Number
	v := &view{leg: l}
	v.View = telephony.View{
		Extension: e.Number, Leg: l.id, Caller: l.caller || l.placed, User: user,
		Direction: telephony.UnknownDirection, StartedAt: now, Dialed: telephony.Display(l.dialedNum),
		Facts: telephony.Facts{Recorded: telephony.No, Monitored: telephony.No, Encrypted: telephony.Unknown, SecureLine: telephony.Unknown},
	}
	if v.Unseen = l.found; v.Unseen {
		v.Recorded, v.Monitored = telephony.Unknown, telephony.Unknown
	}
	v.State = telephony.Dialing
	if v.Caller { // whoever is called sees nothing yet
		v.note(string(telephony.Dialing), now, "")
	}
	return v
}

// choose picks the leg that matters: the one that answered, else one that rings, else one that is there, else the last
// that was.
func (v *view) choose() {
	best := v.leg
	for _, l := range v.legs {
		if l.rank() > best.rank() {
			best = l
		}
	}
	v.leg, v.Leg = best, best.id
}

func (l *leg) rank() int {
	switch {
	case l.state == telephony.LegUp && !l.gone:
		return 4
	case l.state == telephony.LegUp:
		return 3
	case l.gone:
		return 0
	case l.state == telephony.LegRinging:
		return 2
	}
	return 1
}

// enter puts the view in a state and notes when.
func (v *view) enter(s telephony.State, at time.Time, detail string) {
	what := string(s)
	if s == telephony.Connected && v.State == telephony.Held {
		what = telephony.WhatResumed
	}
	v.State = s
	v.note(what, at, detail)
}

// maxTimeline bounds a timeline: of a phone that does nothing but hold and resume, the middle is given up.
const maxTimeline = 200

func (v *view) note(what string, at time.Time, detail string) {
	if len(v.Timeline) >= maxTimeline {
		v.Timeline = slices.Delete(slices.Clone(v.Timeline), maxTimeline/2, maxTimeline/2+1)
	}
	v.Timeline = append(v.Timeline, telephony.TimelineEntry{At: at, What: what, Extension: v.Extension, Detail: detail})
}

// happened notes what is no state, and has it told.
func (v *view) happened(what string, at time.Time, detail string, kind telephony.ChangeKind) {
	v.note(what, at, detail)
	v.announce = append(v.announce, kind)
}

// last is the newest entry of the timeline, or the beginning where there is none.
func (v *view) last() telephony.TimelineEntry {
	if len(v.Timeline) == 0 {
		return telephony.TimelineEntry{At: v.StartedAt}
	}
	return v.Timeline[len(v.Timeline)-1]
}

// talked reports whether the two ends ever heard each other.
func (v *view) talked() bool {
	for _, entry := range v.Timeline {
		if entry.What == string(telephony.Connected) {
			return true
		}
	}
	return false
}

// advance is the state machine of a view: what its leg and the other end are now, next state, what changes.
func (t *Tracker) advance(v *view, now time.Time) {
	if v.State == telephony.Ended {
		return
	}
	v.choose()
	l := v.leg
	t.look(v)
	switch at, talks := v.answered(now); {
	case v.State == telephony.Dialing && t.rings(v):
		v.enter(telephony.Ringing, now, "")
	case !v.talked() && talks:
		v.AnsweredAt = at
		v.enter(telephony.Connected, at, "")
	}
	switch {
	case v.State == telephony.Connected && l.held:
		v.enter(telephony.Held, now, "by self")
	case v.State == telephony.Held && !l.held:
		v.enter(telephony.Connected, now, "")
	}
	t.meet(v, now)
	v.gather()
	if !v.talked() {
		v.AnsweredBy = v.answeredBy()
	}
	if at, over := v.over(now); over {
		v.end(at)
		v.leaveAdrift(now)
	}
}

// answered reports whether the extension talks to somebody, and since when. A device that the PBX rang to dial from it talks
// to nobody before somebody is at the other end.
func (v *view) answered(now time.Time) (time.Time, bool) {
	l := v.leg
	switch {
	case l.state != telephony.LegUp:
		return now, false
	case l.dialedBy != nil || l.caller:
		return l.upAt, true
	}
	to := l.target()
	return now, l.bridge != "" || l.room != "" || l.service != "" || to != nil && to.outcome == telephony.DialAnswered
}

func (t *Tracker) rings(v *view) bool {
	return v.leg.state == telephony.LegRinging || v.leg.calls() && v.leg.farRings()
}

// look finds who is at the other end and which way the call goes. While this end holds the other, whom its device talks
// to meanwhile is not the other end.
func (t *Tracker) look(v *view) {
	l := v.leg
	if l.originated() {
		v.Caller, v.ClickToDial = true, true
	}
	switch {
	case l.inRoom: // whoever is there, they are there for all
	case v.peer == nil || v.peer.gone || !l.held || !v.talked():
		t.turn(v)
	}
	if !v.met {
		v.Direction = t.direction(v)
	}
	if v.talked() && v.peer != nil && v.peer.state == telephony.LegUp {
		v.met, v.peer.known = true, true
	}
	v.Party = t.party(v)
	if v.peer != nil {
		v.PartyLeg, v.PartyDevice = v.peer.id, v.peer.device
	}
	others := t.peers(l)
	v.Consulting = v.met && l.held && !l.inRoom && len(others) > 0 && !slices.Contains(others, v.peer)
}

// turn finds the other end anew. Of several it stays with whom it has.
func (t *Tracker) turn(v *view) {
	peers := t.peers(v.leg)
	if len(peers) == 0 || slices.Contains(peers, v.peer) {
		return
	}
	next := peers[0]
	if answered := v.leg.target(); v.leg.bridge == "" && answered != nil && answered.kind == telephony.DeviceLeg {
		next = answered
	}
	if v.peer != nil && (v.met || !v.leg.calls()) && v.First == (telephony.Party{}) {
		v.met = true
		v.First = v.Party
	}
	v.peer = next
}

func (t *Tracker) direction(v *view) telephony.Direction {
	l := v.leg
	switch calls := l.calls(); {
	case v.peer == nil && (l.inRoom || calls && internal(l.dialedNum, v.Extension)):
		return telephony.Internal
	case v.peer == nil && calls:
		return telephony.Outbound
	case v.peer == nil:
		return telephony.UnknownDirection
	case !t.outside(v.peer.device):
		return telephony.Internal
	case calls && v.peer.dialedBy != nil:
		return telephony.Outbound
	}
	return telephony.Inbound
}

// internal guesses from a number alone, where nobody was reached: an extension is as long as one's own.
func internal(number, extension string) bool {
	return len(number) == len(extension) && strings.Trim(number+extension, "0123456789") == ""
}

// party is the other end. A called trunk bears the number that was sent out; everybody else bears his own.
func (t *Tracker) party(v *view) telephony.Party {
	l, p := v.leg, v.peer
	switch {
	case l.calls() && l.dialedNum != "" && (p == nil || p.state != telephony.LegUp && len(l.trying()) > 1):
		return telephony.DisplayParty(l.dialedNum, "")
	case p == nil:
		return telephony.DisplayParty(l.peerNumber, l.peerName)
	}
	number, name := p.number, p.name
	if p.originated() && p.firstNumber != "" {
		number, name = p.firstNumber, p.firstName
	}
	if p.dialedBy != nil && t.outside(p.device) { // it was called
		if number = p.sent; number == "" {
			number = l.dialedNum
		}
	} else if number == "" {
		number, name = l.peerNumber, l.peerName
	}
	party := telephony.DisplayParty(number, name)
	if !t.outside(p.device) {
		party.Extension = telephony.Endpoint(p.device)
	}
	party.IP, party.Withheld = host(p.inspected.Address), p.inspected.Withheld == telephony.Yes
	return party
}

// answeredBy names who took a call that this extension did not: another leg that the same caller dialled.
func (v *view) answeredBy() string {
	caller := v.leg.origin()
	if caller == nil {
		return ""
	}
	if to := caller.target(); to != nil && to.view != v && to.outcome == telephony.DialAnswered {
		return telephony.Endpoint(to.device)
	}
	for _, to := range caller.dials {
		if to.kind == telephony.DeviceLeg && to.view != v && to.state == telephony.LegUp {
			return telephony.Endpoint(to.device)
		}
	}
	return ""
}
