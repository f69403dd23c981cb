package demopbx

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of a scenario file.
const (
	maxScenarioLine  = 4096 // bytes
	maxScenarioLines = 10000
	maxScenarioTime  = 24 * time.Hour
)

// ParseError says where a scenario file is wrong, why, and what to write instead.
type ParseError struct {
	File   string
	Line   int
	Reason string
	Remedy string
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("%s:%d: %s: %s", e.File, e.Line, e.Reason, e.Remedy)
}

// parser reads one file line by line.
type parser struct {
	s      *Scenario
	line   int
	text   string // what is left of the line
	labels map[string]int
	last   time.Duration
	state  []*callState
	expect *Expectation // being continued by indented lines
}

// ParseScenario reads a scenario file; name is used in errors. Errors are *[ParseError] unless reading failed. It never
// panics, whatever the input.
func ParseScenario(name string, r io.Reader) (*Scenario, error) {
	p := &parser{s: &Scenario{Name: name}, labels: map[string]int{}}
	scan := bufio.NewScanner(r)
	scan.Buffer(make([]byte, 0, maxScenarioLine), maxScenarioLine)
	for scan.Scan() {
		p.line++
		if p.line > maxScenarioLines {
			return nil, p.fail(fmt.Sprintf("more than %d lines", maxScenarioLines), "split the scenario into several files")
		}
		if err := p.readLine(scan.Text()); err != nil {
			return nil, err
		}
	}
	p.line++
	if errors.Is(scan.Err(), bufio.ErrTooLong) {
		return nil, p.fail(fmt.Sprintf("the line is longer than %d bytes", maxScenarioLine), "make it shorter")
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("read scenario %s: %w", name, err)
	}
	if len(p.s.calls) == 0 {
		return nil, p.fail("nobody calls in this file", `begin with a line such as: 0.0  outside 2025550143 "Bob" calls 5550101, rings 1001`)
	}
	if err := p.endExpectation(); err != nil {
		return nil, err
	}
	p.finish()
	return p.s, nil
}

func (p *parser) fail(reason, remedy string) error {
	return &ParseError{p.s.Name, p.line, reason, remedy}
}

func (p *parser) readLine(line string) error {
	if !utf8.ValidString(line) {
		return p.fail("the line is not valid UTF-8", "save the file as UTF-8, or write odd bytes as escapes inside quotes")
	}
	p.text = strings.TrimSpace(line)
	indented := line != "" && (line[0] == ' ' || line[0] == '\t')
	switch {
	case p.text == "" || p.text[0] == '#':
		if p.s.Title == "" && p.text != "" {
			p.s.Title = strings.TrimSpace(p.text[1:])
		}
		return nil
	case indented && p.expect != nil:
		return p.readTimeline()
	}
	if err := p.endExpectation(); err != nil {
		return err
	}
	if p.word("expect") {
		return p.readExpectation()
	}
	return p.readStep()
}

// word takes one word off the line if it is the next.
func (p *parser) word(w string) bool {
	rest, ok := strings.CutPrefix(p.text, w)
	if !ok || rest != "" && rest[0] != ' ' && rest[0] != '\t' && rest[0] != ',' {
		return false
	}
	p.text = strings.TrimSpace(rest)
	return true
}

// next takes the next word off the line, whatever it is: up to a blank or comma.
func (p *parser) next() string {
	i := strings.IndexAny(p.text, " \t,")
	if i < 0 {
		i = len(p.text)
	}
	w := p.text[:i]
	p.text = strings.TrimSpace(p.text[i:])
	return w
}

// comma takes a comma off the line.
func (p *parser) comma() bool {
	rest, ok := strings.CutPrefix(p.text, ",")
	if ok {
		p.text = strings.TrimSpace(rest)
	}
	return ok
}

// quoted takes a text in double quotes off the line, with Go's escapes: \" \\ \r \n \u00e5.
func (p *parser) quoted() (text string, ok bool, err error) {
	if !strings.HasPrefix(p.text, `"`) {
		return "", false, nil
	}
	q, err := strconv.QuotedPrefix(p.text)
	if err == nil {
		text, err = strconv.Unquote(q)
	}
	if err != nil {
		return "", false, p.fail("the text in quotes is not well formed", `end it with a quote, and write a quote inside as \" and a backslash as \\`)
	}
	p.text = strings.TrimSpace(p.text[len(q):])
	return text, true, nil
}

// number takes a telephone number off the line: digits, + and so on, or any text in quotes.
func (p *parser) number(whose string) (string, error) {
	if text, ok, err := p.quoted(); ok || err != nil {
		return text, err
	}
	n := p.next()
	if n == "" || strings.Trim(n, "0123456789+*#abcdefghijklmnopqrstuvwxyz") != "" || len(n) > 64 {
		return "", p.fail(fmt.Sprintf("%q is not %s", n, whose), "write digits, perhaps with a + before them")
	}
	return n, nil
}

func isExtension(n string) bool {
	return len(n) >= 2 && len(n) <= 4 && strings.Trim(n, "0123456789") == ""
}

func (p *parser) extension() (string, error) {
	n := p.next()
	if !isExtension(n) {
		return "", p.fail(fmt.Sprintf("%q is not an extension", n), "extensions have two to four digits, such as 1001")
	}
	return n, nil
}

// seconds takes a time off the line.
func (p *parser) seconds() (time.Duration, error) {
	w := p.next()
	f, err := strconv.ParseFloat(w, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > maxScenarioTime.Seconds() {
		return 0, p.fail(fmt.Sprintf("%q is not a time", w), "write seconds from the start of the scenario, such as 3.5")
	}
	return time.Duration(math.Round(f*1000)) * time.Millisecond, nil
}

// end complains about anything left on the line.
func (p *parser) end() error {
	if p.text == "" {
		return nil
	}
	return p.fail(fmt.Sprintf("%q is not understood here", p.text), "end the line before it, or see README.md beside the scenarios")
}

// readStep reads "TIME [LABEL:] SUBJECT does something".
func (p *parser) readStep() error {
	at, err := p.seconds()
	if err != nil {
		return err
	}
	if at < p.last {
		return p.fail(fmt.Sprintf("%.1f is before the line above", at.Seconds()), "put the lines in order of time")
	}
	p.last = at
	label := ""
	if i := strings.IndexAny(p.text, " \t,\":"); i > 0 && p.text[i] == ':' {
		label = p.text[:i]
		p.text = strings.TrimSpace(p.text[i+1:])
	}
	if p.isCall() {
		return p.readCall(at, label)
	}
	return p.readDeed(at, label)
}

// isCall tells a line that begins a call from one in which somebody does something: "outside" followed by no verb is
// followed by a caller's number.
func (p *parser) isCall() bool {
	words := strings.Fields(p.text)
	if len(words) == 0 {
		return false
	}
	if words[0] == "outside" {
		_, isVerb := verbs[strings.Join(words[1:], " ")]
		return !isVerb
	}
	return len(words) > 1 && words[1] == "calls"
}

func (p *parser) readCall(at time.Duration, label string) error {
	c := &callPlan{label: label, line: p.line, at: at, ringAt: map[string]time.Duration{}}
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
	switch {
	case c.kind == inbound:
		if err := p.readRings(c); err != nil {
			return err
		}
	case isExtension(c.to):
		c.kind, c.rings = internal, []string{c.to}
	default:
		c.rings = []string{trunk}
	}
	if slices.Contains(c.rings, c.caller()) {
		return p.fail(c.caller()+" calls itself", "let another extension ring")
	}
	if _, taken := p.labels[label]; taken || len(p.s.calls) > 0 && (label == "" || p.s.calls[0].label == "") {
		return p.fail("the calls of this file cannot be told apart", "begin each line of a call with its own label, such as a: or b:")
	}
	p.labels[label] = len(p.s.calls)
	p.s.calls = append(p.s.calls, c)
	p.state = append(p.state, newCallState(c))
	p.addStep(at, verbCalls, c.caller(), len(p.s.calls)-1)
	return p.end()
}

func (p *parser) readCaller(c *callPlan) (err error) {
	if !p.word("outside") {
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

func (p *parser) readRings(c *callPlan) error {
	p.comma()
	if !p.word("rings") {
		return p.fail("a call from outside does not say where it rings", `add for example: , rings 1001`)
	}
	for {
		ext, err := p.extension()
		if err != nil {
			return err
		}
		if slices.Contains(c.rings, ext) {
			return p.fail(ext+" rings twice", "name each extension once")
		}
		c.rings = append(c.rings, ext)
		if !p.comma() {
			return nil
		}
	}
}

// readDeed reads "SUBJECT verb" or "nobody answers".
func (p *parser) readDeed(at time.Duration, label string) error {
	i, ok := p.labels[label]
	if !ok {
		if label == "" && len(p.s.calls) > 0 {
			return p.fail("there are several calls in this file", "say which one with its label, such as a: or b:")
		}
		return p.fail(fmt.Sprintf("no call %q has begun", label), "begin it with a line that says who calls whom")
	}
	c := p.s.calls[i]
	subject := p.next()
	deed := strings.Join(strings.Fields(p.text), " ")
	nobody := subject == "nobody" && deed == "answers"
	if nobody {
		subject, deed = p.state[i].oneRinging(), "does not answer"
	}
	v, ok := verbs[deed]
	if !ok {
		return p.fail(fmt.Sprintf("%q is nothing that a phone does", deed), "use: rings, answers, is busy, rejects, "+
			"does not exist, does not answer, gives up, holds, resumes, hangs up")
	}
	if v == verbNoAnswer && !nobody && len(c.rings) > 1 {
		return p.fail("one phone of a ring group cannot end the ringing", "write: nobody answers")
	}
	who := side(subject)
	if who != c.caller() && !slices.Contains(c.rings, who) {
		return p.fail(fmt.Sprintf("%q has no part in this call", subject), "name the caller or a phone that rings")
	}
	if reason, remedy := p.state[i].apply(v, who, at); reason != "" {
		return p.fail(subject+" "+reason, remedy)
	}
	p.addStep(at, v, who, i)
	return nil
}

func (p *parser) addStep(at time.Duration, v verb, who string, call int) {
	p.s.steps = append(p.s.steps, step{at: at, line: p.line, call: call, verb: v, who: who})
	p.s.Length = at
}

// finish lets every called phone ring at once that does something and was not said to ring later.
func (p *parser) finish() {
	for _, state := range p.state {
		for _, who := range state.plan.rings {
			if _, said := state.plan.ringAt[who]; !said && !state.mute[who] {
				state.plan.ringAt[who] = state.plan.at
			}
		}
	}
	p.s.steps = slices.DeleteFunc(p.s.steps, func(st step) bool {
		c := p.s.calls[st.call]
		return st.verb == verbRings && c.ringAt[st.who] == c.at
	})
}
