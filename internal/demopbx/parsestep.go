package demopbx

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// readDeed reads "SUBJECT verb [argument]", "nobody answers" or "nobody retrieves".
func (p *parser) readDeed(at time.Duration, label string) error {
	who := p.next()
	d, ok := p.deed(who)
	if ok && d.verb == verbForwarded {
		return p.readForward(at, who)
	}
	i, found := p.labels[label]
	if !found {
		if label == "" && len(p.s.calls) > 0 {
			return p.fail("there are several calls in this file", "say which one with its label, such as a: or b:")
		}
		return p.fail(fmt.Sprintf("no call %q has begun", label), "begin it with a line that says who calls whom")
	}
	if !ok {
		return p.fail(fmt.Sprintf("%q is nothing that a phone does", p.text), "use words such as: rings, answers, is busy, rejects, "+
			"does not exist, does not answer, gives up, holds, resumes, transfers to 1002, parks, hangs up; README.md beside the scenarios has all")
	}
	st := step{at: at, call: i, verb: d.verb, who: side(who)}
	c, state := p.s.calls[i], p.state[i]
	nobody := who == "nobody"
	switch {
	case nobody && d.verb == verbNoAnswer && state.loose:
		st.who = ""
	case nobody && d.verb == verbNoAnswer:
		st.who = state.oneRinging()
	case nobody:
		st.who = c.caller()
	case d.verb == verbNoAnswer && c.plain() && len(c.route.rings) > 1 && !state.loose:
		return p.fail("one phone of a ring group cannot end the ringing", "write: nobody answers")
	}
	if err := p.readArgument(d, &st); err != nil {
		return err
	}
	if reason, remedy := p.check(state, st); reason != "" {
		return p.fail(subject(st.who)+" "+reason, remedy)
	}
	p.addStep(st)
	return p.end()
}

// deed takes the words of a verb off the line.
func (p *parser) deed(who string) (deed, bool) {
	if who == "nobody" {
		switch {
		case p.word("answers"):
			return deed{verb: verbNoAnswer}, true
		case p.word("retrieves"):
			return deed{verb: verbNobodyRetrieves}, true
		}
		return deed{}, false
	}
	text := p.text
	p.text = strings.Join(strings.Fields(p.text), " ")
	for _, d := range deeds {
		if p.word(d.words) {
			return d, true
		}
	}
	p.text = text
	return deed{}, false
}

func (p *parser) readArgument(d deed, st *step) (err error) {
	switch d.arg {
	case argNumber:
		st.arg, err = p.number("a number")
	case argExtension:
		if p.text != "" {
			st.arg, err = p.extension()
		}
	case argLabel:
		label := strings.TrimSuffix(p.next(), ":")
		i, ok := p.labels[label]
		if !ok || i == st.call {
			return p.fail(fmt.Sprintf("%q is not another call of this file", label), "name the label of a call that has begun")
		}
		st.other = i
		p.state[i].loose = true
	}
	return err
}

// readForward reads "EXT is forwarded to NUMBER": a setting of the PBX, part of no call.
func (p *parser) readForward(at time.Duration, who string) error {
	if !isExtension(who) {
		return p.fail(fmt.Sprintf("%q is not an extension", who), "extensions have two to four digits, such as 1001")
	}
	st := step{at: at, call: -1, verb: verbForwarded, who: who}
	var err error
	if p.text == "nobody" {
		p.text = ""
	} else if st.arg, err = p.number("a number"); err != nil {
		return err
	}
	p.addStep(st)
	p.forwards = true
	return p.end()
}

// check refuses what cannot happen, as far as a parser can know it.
func (p *parser) check(state *callState, st step) (reason, remedy string) {
	c := state.plan
	switch {
	case st.verb > verbHangsUp:
		state.loose = true
	case !state.loose && !slices.Contains(c.route.rings, st.who) && st.who != c.caller():
		return "has no part in this call", "name the caller or a phone that rings"
	}
	if endpoint, _ := splitContact(st.who); st.who != "" && endpoint != trunk && !isExtension(endpoint) {
		return "has no part in this call", "name the caller or a phone that rings"
	}
	if state.loose {
		if st.verb == verbNoAnswer && state.patience == 0 && c.route.voicemail {
			state.patience = st.at - c.at
		}
		return "", ""
	}
	return state.apply(st.verb, st.who, st.at)
}

func (p *parser) addStep(st step) {
	st.line = p.line
	p.s.steps = append(p.s.steps, st)
	p.s.Length = st.at
}
