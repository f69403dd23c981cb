package demopbx

import (
	"fmt"
	"slices"
	"strings"
)

// Words of an expectation.
var (
	directions = []string{"inbound", "outbound", "internal"}
	results    = []string{"answered", "missed", "busy", "rejected", "cancelled", "failed", "answered_elsewhere", "voicemail", "forwarded", "unknown"}
	endedBys   = []string{"self", "other", "pbx", "failure"}
	moments    = []string{"dialing", "ringing", "connected", "held", "resumed", "transferred", "forwarded", "parked", "picked_up",
		"conferenced", "ended"}
	facts = []string{"transferred_to", "transferred_by", "transfer_kind", "forwarded_to", "forwarded_by", "parked_at", "retrieved_by",
		"retrieved_from", "picked_up_by", "queue", "room", "click_to_dial", "withheld", "recorded", "monitored", "encrypted"}
)

// oneOf takes a word of a list off the line.
func (p *parser) oneOf(words []string, what string) (string, error) {
	w := p.next()
	if !slices.Contains(words, w) {
		return "", p.fail(fmt.Sprintf("%q is not %s", w, what), "use one of: "+strings.Join(words, ", "))
	}
	return w, nil
}

// oneOrMore takes "WORD [or WORD]…" off the line.
func (p *parser) oneOrMore(words []string, what string) (first string, also []string, err error) {
	if first, err = p.oneOf(words, what); err != nil {
		return "", nil, err
	}
	for p.word("or") {
		w, err := p.oneOf(words, what)
		if err != nil {
			return "", nil, err
		}
		also = append(also, w)
	}
	return first, also, nil
}

// readExpectation reads what follows "expect": [perhaps] EXT DIRECTION OTHER [RESULT [ended_by WHO] [answered_by EXT] [FACT VALUE]…],
// where "or" may stand between words of the same kind.
func (p *parser) readExpectation() (err error) {
	e := &Expectation{Line: p.line, Optional: p.word("perhaps")}
	if e.Extension, err = p.extension(); err != nil {
		return err
	}
	if e.Direction, e.DirectionAlso, err = p.oneOrMore(directions, "a direction"); err != nil {
		return err
	}
	if err = p.readOthers(e); err != nil {
		return err
	}
	if p.text != "" && !p.factComes() {
		if e.Result, e.ResultAlso, err = p.oneOrMore(results, "a result"); err != nil {
			return err
		}
	}
	if p.word("ended_by") {
		if e.EndedBy, e.EndedByAlso, err = p.oneOrMore(endedBys, "somebody who ends a call"); err != nil {
			return err
		}
	}
	if p.word("answered_by") {
		if e.AnsweredBy, err = p.extension(); err != nil {
			return err
		}
	}
	for p.factComes() {
		if e.Facts == nil {
			e.Facts = map[string]string{}
		}
		fact := p.next()
		if e.Facts[fact], err = p.number("the value of " + fact); err != nil {
			return err
		}
	}
	p.expect = e
	return p.end()
}

func (p *parser) factComes() bool {
	return slices.ContainsFunc(facts, func(f string) bool { return p.text == f || strings.HasPrefix(p.text, f+" ") })
}

// readOthers reads NUMBER ["NAME"] [or NUMBER ["NAME"]]….
func (p *parser) readOthers(e *Expectation) error {
	for first := true; first || p.word("or"); first = false {
		var o Other
		var err error
		if o.Number, err = p.number("the other party's number"); err != nil {
			return err
		}
		if o.Name, _, err = p.quoted(); err != nil {
			return err
		}
		if first {
			e.OtherNumber, e.OtherName = o.Number, o.Name
			continue
		}
		e.OtherAlso = append(e.OtherAlso, o)
	}
	return nil
}

// readTimeline reads an indented line under an expectation: "STATE TIME, STATE TIME…", in parentheses when optional.
func (p *parser) readTimeline() error {
	for p.text != "" {
		var m Moment
		var err error
		rest, open := strings.CutPrefix(p.text, "(")
		p.text = rest
		if m.State, err = p.oneOf(moments, "a moment of a call"); err != nil {
			return err
		}
		if open { // the closing parenthesis stands right behind the time
			time, rest, closed := strings.Cut(p.text, ")")
			if !closed {
				return p.fail("a parenthesis is not closed", "write an optional moment as (ringing 0.0)")
			}
			p.text = time + " " + rest
			m.Optional = true
		}
		if m.At, err = p.seconds(); err != nil {
			return err
		}
		if n := len(p.expect.Timeline); n > 0 && m.At < p.expect.Timeline[n-1].At {
			return p.fail("the timeline goes back in time", "put its moments in order")
		}
		p.expect.Timeline = append(p.expect.Timeline, m)
		if !p.comma() && p.text != "" {
			return p.fail(fmt.Sprintf("expected a comma before %q", p.text), "separate the moments with commas")
		}
	}
	return nil
}

// endExpectation closes the expectation being read.
func (p *parser) endExpectation() error {
	if p.expect == nil {
		return nil
	}
	e := p.expect
	p.expect = nil
	if len(e.Timeline) == 0 {
		return &ParseError{p.s.Name, e.Line, "the expectation for " + e.Extension + " has no timeline",
			"add an indented line below it, such as: ringing 0.0, connected 1.5, ended 6.4"}
	}
	ends := e.Timeline[len(e.Timeline)-1].State == "ended"
	if ends != (e.Result != "") {
		return &ParseError{p.s.Name, e.Line, "the expectation for " + e.Extension + " has only one of a result and an end",
			"a call that ended has both, a call that goes on has neither"}
	}
	p.s.Expect = append(p.s.Expect, *e)
	return nil
}
