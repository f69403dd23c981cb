package demopbx

import (
	"slices"
	"time"
)

// callState follows a call while its scenario is parsed, so that a file in which a phone hangs up before it answered is
// refused with its line, and not played halfway.
type callState struct {
	plan     *callPlan
	loose    bool            // what happens now is known only when it is played
	ringing  map[string]bool // rings or may still answer
	rang     map[string]bool
	up       string
	holding  map[string]bool
	patience time.Duration // how long it is let ring
	over     bool
}

func newCallState(c *callPlan) *callState {
	s := &callState{plan: c, loose: !c.plain(), ringing: map[string]bool{}, rang: map[string]bool{}, holding: map[string]bool{}}
	for _, who := range c.route.rings {
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
	rings := s.plan.route.rings
	if len(rings) == 0 {
		return s.plan.caller()
	}
	if i := slices.IndexFunc(rings, func(r string) bool { return s.ringing[r] }); i >= 0 {
		return rings[i]
	}
	return rings[0]
}

func (s *callState) applyCalled(v verb, who string, at time.Duration) (reason, remedy string) {
	switch v {
	case verbRings:
		if s.rang[who] {
			return "rings already", "take the line out"
		}
		s.rang[who] = true
	case verbAnswers, verbAnswersAlone:
		s.up = who
	case verbNoAnswer:
		s.over = true
		s.patience = at - s.plan.at
	case verbForwards:
		s.loose = true
	case verbIsBusy, verbUnknown, verbRejects:
		s.ringing[who] = false
		s.over = !slices.ContainsFunc(s.plan.route.rings, func(other string) bool { return s.ringing[other] })
	}
	return "", ""
}
