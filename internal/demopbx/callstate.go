package demopbx

import (
	"slices"
	"time"
)

// callState follows a call while its scenario is parsed, so that a file in which a phone hangs up before it answered is
// refused with its line, and not played halfway.
type callState struct {
	plan    *callPlan
	ringing map[string]bool // rings or may still answer
	mute    map[string]bool // called sides that must not ring by themselves: busy, unknown
	up      string
	holding map[string]bool
	over    bool
}

func newCallState(c *callPlan) *callState {
	s := &callState{plan: c, ringing: map[string]bool{}, mute: map[string]bool{}, holding: map[string]bool{}}
	for _, who := range c.rings {
		s.ringing[who] = true
	}
	return s
}

// apply takes one step. It returns a reason and a remedy when the step is not possible.
func (s *callState) apply(v verb, who string, at time.Duration) (reason, remedy string) {
	isCaller := who == s.plan.caller()
	switch {
	case s.over:
		return "does something after the call ended", "take the line out, or begin another call"
	case v == verbHangsUp || v == verbHolds || v == verbResumes:
		return s.applyTalking(v, who, isCaller)
	case v == verbGivesUp:
		if !isCaller || s.up != "" {
			return "cannot give up here", "the caller gives up while it rings; afterwards it hangs up"
		}
		s.over = true
		return "", ""
	case isCaller:
		return "is the caller and cannot do that", "name the called side, or write: gives up, hangs up"
	case s.up != "" || !s.ringing[who]:
		return "is not being called any more", "take the line out"
	}
	return s.applyCalled(v, who, at)
}

func (s *callState) applyTalking(v verb, who string, isCaller bool) (reason, remedy string) {
	switch {
	case s.up == "":
		return "does that before the call is answered", "a caller gives up, a called phone rejects"
	case !isCaller && who != s.up:
		return "did not answer this call", "name one of the two that talk"
	case v == verbHangsUp:
		s.over = true
	case v == verbHolds && s.holding[who], v == verbResumes && !s.holding[who]:
		return "has done that already", "holds and resumes take turns"
	default:
		s.holding[who] = v == verbHolds
	}
	return "", ""
}

// oneRinging names a called side that may still answer, or any called side.
func (s *callState) oneRinging() string {
	who := s.plan.rings[0]
	if i := slices.IndexFunc(s.plan.rings, func(r string) bool { return s.ringing[r] }); i >= 0 {
		who = s.plan.rings[i]
	}
	return subject(who)
}

func (s *callState) applyCalled(v verb, who string, at time.Duration) (reason, remedy string) {
	_, rang := s.plan.ringAt[who]
	switch v {
	case verbRings:
		if rang {
			return "rings already", "take the line out"
		}
		s.plan.ringAt[who] = at
	case verbAnswers:
		s.up = who
	case verbNoAnswer:
		s.over = true
		s.plan.patience = at - s.plan.at
	case verbIsBusy, verbUnknown, verbRejects:
		if v != verbRejects && !rang {
			s.mute[who] = true
		}
		s.ringing[who] = false
		s.over = !slices.ContainsFunc(s.plan.rings, func(other string) bool { return s.ringing[other] })
	}
	return "", ""
}
