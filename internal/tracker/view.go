package tracker

import (
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// view is a call as one extension sees it.
type view struct {
	telephony.View
	leg  *leg
	peer *leg // the last known other end
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
		Extension: e.Number, Leg: l.id, Caller: l.caller, User: user,
		Direction: telephony.UnknownDirection, StartedAt: now, Dialed: telephony.Display(l.dialedNum),
		Facts: telephony.Facts{Recorded: telephony.Unknown, Monitored: telephony.Unknown, Encrypted: telephony.Unknown, SecureLine: telephony.Unknown},
	}
	v.State = telephony.Dialing
	if l.caller { // whoever is called sees nothing yet
		v.note(string(telephony.Dialing), now, "")
	}
	return v
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
	l := v.leg
	t.look(v)
	switch {
	case v.State == telephony.Dialing && t.rings(v):
		v.enter(telephony.Ringing, now, "")
	case !v.talked() && l.state == telephony.LegUp:
		v.AnsweredAt = l.upAt
		v.enter(telephony.Connected, l.upAt, "")
	}
	switch {
	case v.State == telephony.Connected && l.held:
		v.enter(telephony.Held, now, "by self")
	case v.State == telephony.Held && !l.held:
		v.enter(telephony.Connected, now, "")
	}
	if !v.talked() {
		v.AnsweredBy = t.answeredBy(v)
	}
	if at, over := v.over(now); over {
		v.end(at)
	}
}

func (t *Tracker) rings(v *view) bool {
	if v.Caller {
		return v.leg.farRings()
	}
	return v.leg.state == telephony.LegRinging
}

// look finds who is at the other end and which way the call goes.
func (t *Tracker) look(v *view) {
	l := v.leg
	if peers := t.peers(l); len(peers) > 0 {
		v.peer = peers[0]
		if answered := l.target(); l.bridge == "" && answered != nil {
			v.peer = answered
		}
	}
	v.Direction = t.direction(v)
	v.Party = t.party(v)
	if v.peer != nil {
		v.PartyDevice = v.peer.device
	}
}

func (t *Tracker) direction(v *view) telephony.Direction {
	switch {
	case v.peer == nil && v.Caller:
		return telephony.Outbound
	case v.peer == nil:
		return telephony.UnknownDirection
	case !t.outside(v.peer.device):
		return telephony.Internal
	case v.Caller:
		return telephony.Outbound
	}
	return telephony.Inbound
}

// party is the other end. A called trunk bears the number that was sent out; everybody else bears his own.
func (t *Tracker) party(v *view) telephony.Party {
	l, p := v.leg, v.peer
	switch {
	case p == nil && v.Caller:
		return telephony.DisplayParty(l.dialedNum, "")
	case p == nil:
		return telephony.DisplayParty(l.peerNumber, l.peerName)
	case v.Caller && t.outside(p.device):
		number := p.sent
		if number == "" {
			number = l.dialedNum
		}
		return telephony.DisplayParty(number, p.name)
	}
	number, name := p.number, p.name
	if number == "" {
		number, name = l.peerNumber, l.peerName
	}
	party := telephony.DisplayParty(number, name)
	if !t.outside(p.device) {
		party.Extension = endpoint(p.device)
	}
	return party
}

// answeredBy names who took a call that this extension did not: another leg that the same caller dialled.
func (t *Tracker) answeredBy(v *view) string {
	caller := v.leg.dialedBy
	if caller == nil {
		return ""
	}
	if to := caller.target(); to != nil && to != v.leg && to.outcome == telephony.DialAnswered {
		return endpoint(to.device)
	}
	for _, to := range caller.dials {
		if to != v.leg && to.state == telephony.LegUp {
			return endpoint(to.device)
		}
	}
	return ""
}

// over reports whether the extension's part has ended, and when. A talk ends when either device asks to hang up; the leg
// itself may live on in the dialplan for seconds. An attempt ends when its outcome is known, which takes the leg's cause.
func (v *view) over(now time.Time) (time.Time, bool) {
	l := v.leg
	if v.talked() {
		switch {
		case !l.askedAt.IsZero():
			return l.askedAt, true
		case !l.leftAt.IsZero() && v.peer != nil && !v.peer.askedAt.IsZero():
			return v.peer.askedAt, true
		case l.gone && !l.leftAt.IsZero():
			return l.leftAt, true
		}
		return now, l.gone
	}
	if l.gone && !l.dialEndedAt.IsZero() {
		return l.dialEndedAt, true
	}
	if l.gone && !l.askedAt.IsZero() {
		return l.askedAt, true
	}
	return now, l.gone
}

func (v *view) end(at time.Time) {
	v.EndedAt = at
	switch {
	case v.talked():
		v.Result, v.EndedBy = telephony.Answered, v.hungUpBy()
	case v.Caller:
		v.Result, v.EndedBy = v.callerResult()
	default:
		v.Result, v.EndedBy = v.calledResult()
	}
	if v.Result != telephony.AnsweredElsewhere {
		v.AnsweredBy = ""
	}
	v.enter(telephony.Ended, at, string(v.Result))
}

func (v *view) hungUpBy() telephony.EndedBy {
	own, other := v.leg.askedAt, time.Time{}
	if v.peer != nil {
		other = v.peer.askedAt
	}
	switch {
	case !own.IsZero() && (other.IsZero() || !other.Before(own)):
		return telephony.BySelf
	case !other.IsZero():
		return telephony.ByOther
	}
	return telephony.ByPBX
}

// calledResult reads the end of an attempt to reach this extension. Asterisk reports a rejection as NOANSWER and a loser of
// a ring group as CANCEL: only the cause tells them apart.
func (v *view) calledResult() (telephony.Result, telephony.EndedBy) {
	l := v.leg
	switch {
	case l.outcome == telephony.DialBusy || l.cause.Kind == telephony.CauseBusy:
		return telephony.Busy, telephony.BySelf
	case l.cause.Kind == telephony.CauseRejected:
		return telephony.Rejected, telephony.BySelf
	case l.cause.Kind == telephony.CauseAnsweredElsewhere || v.AnsweredBy != "":
		return telephony.AnsweredElsewhere, telephony.ByPBX
	case l.outcome == telephony.DialCancelled:
		return telephony.Cancelled, telephony.ByOther
	case l.outcome == telephony.DialUnreachable || l.cause.Kind == telephony.CauseUnreachable || l.cause.Kind == telephony.CauseNetwork:
		return telephony.Failed, telephony.ByFailure
	case l.outcome == "" && l.dialedBy != nil && !l.dialedBy.askedAt.IsZero():
		return telephony.Cancelled, telephony.ByOther
	}
	return telephony.Missed, telephony.ByPBX
}

// callerResult reads the end of a call that this extension began and nobody took.
func (v *view) callerResult() (telephony.Result, telephony.EndedBy) {
	to := v.leg.target()
	if to == nil || to.outcome == telephony.DialCancelled || to.outcome == "" {
		if !v.leg.askedAt.IsZero() {
			return telephony.Cancelled, telephony.BySelf
		}
	}
	kind := v.leg.cause.Kind
	if to != nil && to.cause.Kind != "" && to.cause.Kind != telephony.CauseUnknown {
		kind = to.cause.Kind
	}
	switch {
	case kind == telephony.CauseBusy || to != nil && to.outcome == telephony.DialBusy:
		return telephony.Busy, telephony.ByOther
	case kind == telephony.CauseRejected:
		return telephony.Rejected, telephony.ByOther
	case kind == telephony.CauseUnreachable || kind == telephony.CauseNetwork || to != nil && to.outcome == telephony.DialUnreachable:
		return telephony.Failed, telephony.ByFailure
	}
	return telephony.Missed, telephony.ByPBX
}
