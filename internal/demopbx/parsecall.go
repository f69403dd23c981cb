package demopbx

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// isCall tells a line that begins a call from one in which somebody does something.
func (p *parser) isCall() bool {
	words := strings.Fields(p.text)
	if len(words) < 2 {
		return false
	}
	return slices.Contains(words, "calls") || words[0] == "outside" && strings.ContainsAny(words[1][:1], `0123456789+"`)
}

func (p *parser) readCall(at time.Duration, label string) error {
	c := &callPlan{label: label, line: p.line, at: at}
	if err := p.readCaller(c); err != nil {
		return err
	}
	if !p.word("calls") {
		return p.fail(fmt.Sprintf("expected \"calls\" before %q", p.text), `write for example: outside 2025550143 "Bob" calls 5550101, rings 1001`)
	}
	var err error
	if c.to, err = p.number("a number to call"); err != nil {
		return err
	}
	if c.click {
		if err := p.readClick(c); err != nil {
			return err
		}
	}
	if err := p.readRoute(c); err != nil {
		return err
	}
	if slices.Contains(c.route.rings, c.caller()) {
		return p.fail(c.caller()+" calls itself", "let another extension ring")
	}
	if _, taken := p.labels[label]; taken || len(p.s.calls) > 0 && (label == "" || p.s.calls[0].label == "") {
		return p.fail("the calls of this file cannot be told apart", "begin each line of a call with its own label, such as a: or b:")
	}
	p.labels[label] = len(p.s.calls)
	p.s.calls = append(p.s.calls, c)
	state := newCallState(c)
	state.loose = state.loose || p.forwards
	p.state = append(p.state, state)
	p.addStep(step{at: at, verb: verbCalls, who: c.caller(), call: len(p.s.calls) - 1})
	return p.end()
}

// readCaller reads "outside NUMBER ["NAME"] [withheld]", "app" or an extension.
func (p *parser) readCaller(c *callPlan) (err error) {
	switch {
	case p.word("app"):
		c.kind, c.click = outbound, true
		return nil
	case p.word("outside"):
	default:
		c.kind = outbound
		c.from.number, err = p.extension()
		return err
	}
	if c.from.number, err = p.number("the caller's number"); err != nil {
		return err
	}
	if c.from.name, _, err = p.quoted(); err != nil {
		return err
	}
	c.withheld = p.word("withheld")
	return nil
}

// readClick reads "for EXT": whose phone rings first.
func (p *parser) readClick(c *callPlan) (err error) {
	if !p.word("for") {
		return p.fail("it is not said whose phone rings first", "write for example: app calls 95550199 for 1001")
	}
	c.from.number, err = p.extension()
	return err
}

// readRoute reads where a number leads: ", rings 1001, 1002", ", rings 1001 then voicemail", ", waits in queue 2100 for 1001".
func (p *parser) readRoute(c *callPlan) error {
	p.comma()
	switch {
	case p.word("rings"):
		if c.kind == outbound {
			c.kind = internal
		}
		return p.readRings(c)
	case p.word("waits in queue"):
		return p.readQueue(c)
	case c.kind == inbound:
		return p.fail("a call from outside does not say where it rings", `add for example: , rings 1001`)
	case isExtension(c.to):
		c.kind = internal
		if len(c.to) == 4 && (c.to < "2000" || c.to >= "4000") || len(c.to) == 2 {
			c.route = extension(c.to)
		}
	case isOutside(c.to):
		c.route = outside(c.to)
	default:
		c.kind = internal
	}
	return nil
}

func (p *parser) readQueue(c *callPlan) (err error) {
	r := route{kind: toQueue}
	if r.number, err = p.number("a queue"); err != nil {
		return err
	}
	if !p.word("for") {
		return p.fail("it is not said whom the queue rings", "write for example: waits in queue 2100 for 1001, 1002")
	}
	r.rings, err = p.phones(",")
	c.route = r
	return err
}

// phones reads a list of phones, with commas or "then" between them. It leaves "then voicemail" on the line.
func (p *parser) phones(between string) ([]string, error) {
	var all []string
	for {
		w := p.next()
		ext, contact, _ := strings.Cut(w, "/")
		if !isExtension(ext) || strings.Trim(contact, "123456789") != "" || strings.HasSuffix(w, "/") {
			return nil, p.fail(fmt.Sprintf("%q is not an extension", w), "extensions have two to four digits, such as 1001; 1001/2 is the second phone of one")
		}
		if slices.Contains(all, w) {
			return nil, p.fail(w+" rings twice", "name each extension once")
		}
		all = append(all, w)
		if between == "," && p.comma() {
			continue
		}
		rest, found := strings.CutPrefix(p.text, "then ")
		if between != "then" || !found || strings.HasPrefix(strings.TrimSpace(rest), "voicemail") {
			return all, nil
		}
		p.text = strings.TrimSpace(rest)
	}
}

func (p *parser) readRings(c *callPlan) error {
	hunts := strings.Contains(p.text, " then ") && !strings.Contains(p.text, " then voicemail")
	between := ","
	if hunts {
		between = "then"
	}
	all, err := p.phones(between)
	if err != nil {
		return err
	}
	first, _ := splitContact(all[0])
	oneExtension := !slices.ContainsFunc(all, func(w string) bool { return w != first && !strings.HasPrefix(w, first+"/") })
	r := route{kind: toGroup, rings: all, seconds: ringGroup}
	switch {
	case hunts:
		r.kind, r.seconds = toHunt, ringHunt
	case oneExtension:
		r.kind, r.number, r.seconds = toExtension, first, ringPhone
	}
	if p.word("then") && p.word("voicemail") {
		r.voicemail = true
	}
	if p.word("through a local channel") {
		r.kind = toLocal
	}
	r.recorded = p.word("recorded")
	c.route = r
	return nil
}
