package demopbx

import (
	"fmt"
	"slices"
	"strings"
)

// do carries out a step if it is possible now. other is another call that the step speaks of.
func (c *call) do(st step, other *call) bool {
	x, who := c.x, st.who
	if st.verb.ofCalled() {
		ch := c.ringing(who)
		return ch != nil && c.answerAs(st, ch)
	}
	if st.verb.comesAnew() {
		return c.join(st)
	}
	talks, calls := c.talking(who), c.calling(who)
	switch st.verb {
	case verbGivesUp:
		if calls == nil {
			return false
		}
		calls.in.hangUp(calls, causeInterworking, false)
		return true
	case verbHangsUp:
		ch := talks
		if ch == nil {
			ch = calls
		}
		if ch == nil {
			return false
		}
		ch.in.hangUp(ch, causeNormal, false)
		return true
	case verbNobodyRetrieves:
		i := slices.IndexFunc(x.parked, func(p *parking) bool { return p.ch.call == c })
		if i >= 0 {
			x.parked[i].timeOut()
		}
		return i >= 0
	}
	if talks == nil {
		return false
	}
	return c.handle(st, talks, other)
}

// answerAs is what a phone that is being called does.
func (c *call) answerAs(st step, ch *channel) bool {
	a := ch.called
	switch st.verb {
	case verbRings:
		if ch.state != stateRinging {
			a.ring(ch)
		}
	case verbAnswers, verbAnswersAlone:
		a.answer(ch)
	case verbIsBusy:
		a.refuse(ch, causeBusy, false)
	case verbRejects:
		a.refuse(ch, causeRejected, false)
	case verbUnknown:
		a.refuse(ch, causeUnallocated, false)
	case verbNoAnswer:
		a.noAnswer(ch)
	case verbAnnounces:
		a.progress(ch)
	case verbForwards:
		d, ok := a.(*dial)
		if ok {
			d.sendOn(ch, st.arg)
		}
		return ok
	}
	return true
}

// join is a phone that comes into the call from without.
func (c *call) join(st step) bool {
	x := c.x
	number := st.arg
	switch st.verb {
	case verbPicksUp:
		if number = "**" + st.arg; st.arg == "" {
			number = "*8"
		}
	case verbListens:
		number = "*90" + st.arg
	}
	o := &call{x: x, plan: c.plan, routed: true}
	x.invite(o, st.who, party{st.who, x.phones[st.who].Name}, number, false)
	if o.into == nil {
		c.absorb(o)
	}
	return true
}

// handle is what somebody who talks does with the call.
func (c *call) handle(st step, ch *channel, other *call) bool {
	x := c.x
	switch st.verb {
	case verbHolds:
		return ch.bridge.hold(ch)
	case verbResumes:
		return ch.bridge.resume(ch)
	case verbTransfers:
		return x.refer(ch, st.arg)
	case verbTransfersByCode:
		return x.transferByCode(ch, st.arg)
	case verbConsults:
		return x.consult(ch, st.arg)
	case verbReturns:
		return x.consultEnds(ch)
	case verbPresses:
		for _, digit := range st.arg {
			x.digit(ch, string(digit), 100, true)
		}
	case verbParks:
		return x.refer(ch, parkExtension)
	case verbParksByCode:
		return x.parkByCode(ch)
	case verbJoins, verbConferences:
		if other == nil {
			return false
		}
		second := other.talking(st.who)
		if second == nil && st.verb == verbJoins {
			second = other.calling(st.who)
		}
		if second == nil {
			return false
		}
		if st.verb == verbJoins {
			return x.join(ch, second)
		}
		return x.conference(ch, second)
	case verbRecords:
		x.record(ch, "auto-"+ch.uniqueid+".wav")
	case verbStopsRecording:
		return x.stopRecording(ch)
	case verbPauses:
		x.muteRecording(ch, "both", true)
	case verbGoesOnRecording:
		x.muteRecording(ch, "both", false)
	}
	return true
}

// end ends one of the call's channels from its phone's side, and with it those that end with it.
func (c *call) end() {
	n := len(c.channels)
	for _, ch := range c.channels {
		if ch.in != nil && ch.called == nil && ch.half == nil {
			ch.in.hangUp(ch, causeNormal, false)
			break
		}
	}
	if len(c.channels) == n { // nobody could: for example one that the PBX itself rings
		ch := c.channels[0]
		if ch.in != nil {
			ch.in.hangUp(ch, causeNormal, true)
		}
		if len(c.channels) == n {
			if b := ch.bridge; b != nil && slices.Contains(b.channels, ch) {
				c.x.leave(ch)
			} else if b != nil {
				c.x.closeEmpty(ch)
			}
			c.x.hangup(ch, causeNormal)
		}
	}
}

// Act lets a phone do something now, in the words of a scenario's line without time and label: "1001 answers", "outside
// hangs up". It concerns the newest call in which that is possible. The error says when there is none.
func (p *PBX) Act(text string) error {
	who, words, _ := strings.Cut(strings.TrimSpace(text), " ")
	q := &parser{s: &Scenario{Name: "Act"}, line: 1, text: strings.TrimSpace(words)}
	d, ok := q.deed(who)
	if !ok || d.arg == argLabel {
		return fmt.Errorf("demo PBX: %q is nothing that a phone does: use words of a scenario, such as 1001 answers", text)
	}
	st := step{verb: d.verb, who: side(who)}
	if d.verb == verbForwarded {
		d.arg = argNumber
	}
	if err := q.readArgument(d, &st); err != nil {
		return err
	}
	x := p.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	x.begin(x.clock.now())
	defer x.settle()
	if d.verb == verbForwarded {
		x.forwards[st.who] = st.arg
		return nil
	}
	tried := map[*call]bool{}
	for _, ch := range slices.Backward(slices.Clone(x.channels)) {
		if c := ch.call.now(); !tried[c] {
			tried[c] = true
			if c.do(st, nil) {
				return nil
			}
		}
	}
	return fmt.Errorf("demo PBX: %q is not possible in any call: look at what its phone does now", text)
}
