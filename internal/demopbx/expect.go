package demopbx

import (
	"fmt"
	"slices"
	"strings"
)

// Words of an expectation.
var (
	directions = []string{"inbound", "outbound", "internal"}
	results    = []string{"answered", "missed", "busy", "rejected", "cancelled", "failed", "answered_elsewhere"}
	endedBys   = []string{"self", "other", "pbx", "failure"}
	moments    = []string{"dialing", "ringing", "connected", "held", "resumed", "ended"}
)

// oneOf takes a word of a list off the line.
func (p *parser) oneOf(words []string, what string) (string, error) {
	w := p.next()
	if !slices.Contains(words, w) {
		return "", p.fail(fmt.Sprintf("%q is not %s", w, what), "use one of: "+strings.Join(words, ", "))
	}
	return w, nil
}

// readExpectation reads what follows "expect": EXT DIRECTION NUMBER ["NAME"] [RESULT [or RESULT]… [ended_by WHO]
// [answered_by EXT]].
func (p *parser) readExpectation() (err error) {
	e := &Expectation{Line: p.line}
	if e.Extension, err = p.extension(); err != nil {
		return err
	}
	if e.Direction, err = p.oneOf(directions, "a direction"); err != nil {
		return err
	}
	if e.OtherNumber, err = p.number("the other party's number"); err != nil {
		return err
	}
	if e.OtherName, _, err = p.quoted(); err != nil {
		return err
	}
	if p.text != "" {
		if e.Result, err = p.oneOf(results, "a result"); err != nil {
			return err
		}
	}
	for p.word("or") {
		also, err := p.oneOf(results, "a result")
		if err != nil {
			return err
		}
		e.ResultAlso = append(e.ResultAlso, also)
	}
	if p.word("ended_by") {
		if e.EndedBy, err = p.oneOf(endedBys, "somebody who ends a call"); err != nil {
			return err
		}
	}
	if p.word("answered_by") {
		if e.AnsweredBy, err = p.extension(); err != nil {
			return err
		}
	}
	p.expect = e
	return p.end()
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
