package demopbx

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
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
	s        *Scenario
	line     int
	text     string // what is left of the line
	labels   map[string]int
	last     time.Duration
	state    []*callState
	forwards bool         // an extension has been forwarded: who rings is not known
	expect   *Expectation // being continued by indented lines
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

// finish notes how long each call is let ring, which its Dial line says.
func (p *parser) finish() {
	p.s.plain = true
	for _, state := range p.state {
		p.s.plain = p.s.plain && !state.loose
		if t := state.patience; t > 0 {
			state.plan.route.seconds = max(1, int((t+time.Second/2)/time.Second))
		}
	}
}
