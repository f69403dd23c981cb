package tracker

import (
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

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
	case v.leg.forwardedTo != "":
		v.forward(at)
	case v.Caller:
		v.Result, v.EndedBy = v.callerResult()
	default:
		v.Result, v.EndedBy = v.calledResult()
	}
	switch {
	case v.Result != telephony.AnsweredElsewhere:
		v.AnsweredBy = ""
	case v.AnsweredBy == "":
		v.AnsweredBy = v.PickedUpBy
	}
	v.Recording, v.Muted, v.OtherHolds, v.Parked, v.Conference = "", false, false, false, false // they are of now
	v.enter(telephony.Ended, at, string(v.Result))
	v.toVoicemail()
}

func (v *view) hungUpBy() telephony.EndedBy {
	own, other := v.leg.askedAt, time.Time{}
	if v.peer != nil {
		other = v.peer.askedAt
	}
	switch {
	case v.leg.gaveAway, v.leg.ordered, v.leg.inRoom && !own.IsZero():
		return telephony.BySelf
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
	case l.outcome == telephony.DialCancelled && v.callerStays():
		return telephony.Missed, telephony.ByPBX
	case l.outcome == telephony.DialCancelled:
		return telephony.Cancelled, telephony.ByOther
	case l.outcome == telephony.DialUnreachable || l.cause.Kind == telephony.CauseUnreachable || l.cause.Kind == telephony.CauseNetwork:
		return telephony.Failed, telephony.ByFailure
	case l.outcome == "" && l.origin() != nil && !l.origin().askedAt.IsZero():
		return telephony.Cancelled, telephony.ByOther
	}
	return telephony.Missed, telephony.ByPBX
}

// callerResult reads the end of a call that this extension began and nobody took.
func (v *view) callerResult() (telephony.Result, telephony.EndedBy) {
	to := v.leg.target()
	if kind := v.leg.cause.Kind; v.leg.originated() && to == nil { // the user's own phone was not picked up
		switch {
		case kind == telephony.CauseUnreachable || kind == telephony.CauseNetwork: // it is not there, or the PBX refused
			return telephony.Failed, telephony.ByFailure
		case kind == telephony.CauseRejected || kind == telephony.CauseBusy || v.leg.wantsOut():
			return telephony.Cancelled, telephony.BySelf
		}
		return telephony.Cancelled, telephony.ByPBX
	}
	if v.leg.gaveAway { // while it rang there: the other rings on for somebody else
		return telephony.Cancelled, telephony.BySelf
	}
	if to == nil || to.outcome == telephony.DialCancelled || to.outcome == "" {
		if v.leg.wantsOut() {
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

// callerStays reports whether whoever called has not given up: it was the PBX that did.
func (v *view) callerStays() bool {
	p := v.peer
	return p != nil && !p.gone && p.askedAt.IsZero()
}
