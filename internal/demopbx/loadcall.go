package demopbx

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// loadCall writes the scenario of one random call, and what is true of it.
type loadCall struct {
	*load
	text   strings.Builder
	expect strings.Builder
	at     time.Duration

	own, second, third string
	number, name       string
	kind               direction
	group              bool
}

// draw writes the scenario of the nth call.
func (l *load) draw(n int) string {
	ext := l.plan.Extensions
	i := l.rng.IntN(len(ext))
	c := &loadCall{load: l, own: ext[i], second: ext[(i+1)%len(ext)], third: ext[(i+2)%len(ext)]}
	c.number, c.name = outsideParty(l.rng, n)
	switch k := l.rng.IntN(100); {
	case k < 60:
		l.report.Inbound++
		c.line("outside %s %q calls 555%s, rings %s", c.number, c.name, c.own, c.own)
	case k < 75:
		l.report.Groups++
		c.group = true
		c.line("outside %s %q calls 5552000, rings %s, %s, %s", c.number, c.name, c.own, c.second, c.third)
	case k < 90:
		l.report.Outbound++
		c.kind = outbound
		c.line("%s calls %s", c.own, c.number)
	default:
		l.report.Internal++
		c.kind = internal
		c.line("%s calls %s", c.own, c.second)
	}
	c.drawEnd()
	return c.text.String() + "\n" + c.expect.String()
}

func (c *loadCall) line(format string, args ...any) {
	fmt.Fprintf(&c.text, "%.3f a: %s\n", c.at.Seconds(), fmt.Sprintf(format, args...))
}

// moment is an entry of a timeline, now.
func (c *loadCall) moment(state string) string { return fmt.Sprintf("%s %.3f", state, c.at.Seconds()) }

// sees writes what an extension sees of the call.
func (c *loadCall) sees(extension, direction, other, name, rest string, timeline ...string) {
	quoted := ""
	if name != "" {
		quoted = fmt.Sprintf(" %q", name)
	}
	fmt.Fprintf(&c.expect, "expect %s %s %s%s %s\n       %s\n", extension, direction, other, quoted, rest, strings.Join(timeline, ", "))
}

func (c *loadCall) phone(extension string) string { return c.x.phones[extension].Name }

// both writes what caller and called inside see, in the words for the called one; mirrored are those for the caller.
func (c *loadCall) both(called, mirrored string, calledLine, callerLine []string) {
	switch c.kind {
	case inbound:
		c.sees(c.own, "inbound", c.number, c.name, called, calledLine...)
	case outbound:
		c.sees(c.own, "outbound", c.number, "", mirrored, callerLine...)
	case internal:
		c.sees(c.own, "internal", c.second, c.phone(c.second), mirrored, callerLine...)
		c.sees(c.second, "internal", c.own, c.phone(c.own), called, calledLine...)
	}
}

// called and caller are the words for the two sides in steps.
func (c *loadCall) called() string {
	switch {
	case c.kind == outbound:
		return "outside"
	case c.kind == internal || c.group:
		return c.second
	}
	return c.own
}

func (c *loadCall) caller() string {
	if c.kind == inbound {
		return "outside"
	}
	return c.own
}

const (
	dialing0 = "dialing 0.0"
	ringing0 = "ringing 0.0"
)

// drawEnd writes what becomes of the call.
func (c *loadCall) drawEnd() {
	c.at = c.random(c.plan.Ring)
	report := &c.report
	switch k := c.rng.IntN(100); {
	case k < 10:
		report.Missed++
		c.line("nobody answers")
		c.unanswered("missed ended_by pbx", "missed or failed ended_by pbx")
	case k < 15 && !c.group:
		report.Busy++
		c.line("%s is busy", c.called())
		end := c.moment("ended")
		c.both("busy ended_by self", "busy ended_by other", []string{"(" + ringing0 + ")", end}, []string{dialing0, end})
	case k < 20 && !c.group:
		report.Rejected++
		c.line("%s rejects", c.called())
		c.unanswered("rejected ended_by self", "rejected ended_by other")
	case k < 30:
		report.Cancelled++
		c.line("%s gives up", c.caller())
		c.unanswered("cancelled or missed ended_by other", "cancelled ended_by self")
	default:
		report.Answered++
		c.answered()
	}
}

// unanswered is a call that rang and came to nothing.
func (c *loadCall) unanswered(called, mirrored string) {
	end := c.moment("ended")
	if c.group {
		for _, e := range []string{c.own, c.second, c.third} {
			c.sees(e, "inbound", c.number, c.name, called, ringing0, end)
		}
		return
	}
	c.both(called, mirrored, []string{ringing0, end}, []string{dialing0, ringing0, end})
}

// answered is a call that is talked, perhaps held, perhaps transferred.
func (c *loadCall) answered() {
	c.line("%s answers", c.called())
	who := c.called()
	if c.group {
		end := c.moment("ended")
		for _, e := range []string{c.own, c.third} {
			c.sees(e, "inbound", c.number, c.name, "answered_elsewhere ended_by pbx answered_by "+c.second, ringing0, end)
		}
		c.own = c.second // who goes on
	}
	called := []string{ringing0, c.moment("connected")}
	caller := []string{dialing0, ringing0, c.moment("connected")}
	if c.rng.IntN(5) == 0 && c.kind == inbound {
		c.report.Holds++
		c.at += c.random(c.plan.Talk / 3)
		c.line("%s holds", who)
		called = append(called, c.moment("held"))
		c.at += c.random(c.plan.Talk / 3)
		c.line("%s resumes", who)
		called = append(called, c.moment("resumed"))
		c.at += time.Second // nobody resumes a call and gives it away in one movement
	}
	c.at += c.random(c.plan.Talk)
	switch k := c.rng.IntN(100); {
	case k < 10 && c.kind == inbound:
		c.report.Blind++
		c.blind(called)
	case k < 18 && c.kind == inbound:
		c.report.Attended++
		c.attended(called)
	default:
		c.hangUp(called, caller)
	}
}

func (c *loadCall) hangUp(called, caller []string) {
	callerEnds := c.rng.IntN(2) == 0
	by := []string{"self", "other"}
	if callerEnds {
		c.line("%s hangs up", c.caller())
		by = []string{"other", "self"}
	} else {
		c.line("%s hangs up", c.called())
	}
	end := c.moment("ended")
	c.both("answered ended_by "+by[0], "answered ended_by "+by[1], append(called, end), append(caller, end))
}

// blind sends the caller on to the third extension.
func (c *loadCall) blind(first []string) {
	c.line("%s transfers to %s", c.own, c.third)
	c.sees(c.own, "inbound", c.number, c.name, "answered ended_by self transferred_to "+c.third+" transfer_kind blind",
		append(first, c.moment("transferred"), c.moment("ended"))...)
	timeline := []string{c.moment("ringing")}
	c.at += c.random(c.plan.Ring)
	if c.rng.IntN(4) == 0 {
		c.line("%s does not answer", c.third)
		c.sees(c.third, "inbound", c.number, c.name, "missed ended_by pbx transferred_by "+c.own, append(timeline, c.moment("ended"))...)
		return
	}
	c.line("%s answers", c.third)
	timeline = append(timeline, c.moment("connected"))
	c.at += c.random(c.plan.Talk)
	c.line("outside hangs up")
	c.sees(c.third, "inbound", c.number, c.name, "answered ended_by other transferred_by "+c.own, append(timeline, c.moment("ended"))...)
}

// attended asks the third extension first.
func (c *loadCall) attended(first []string) {
	c.line("%s holds", c.own)
	first = append(first, c.moment("held"))
	c.at += 500 * time.Millisecond
	fmt.Fprintf(&c.text, "%.3f b: %s calls %s\n", c.at.Seconds(), c.own, c.third)
	asking := []string{c.moment("dialing"), c.moment("ringing")}
	asked := []string{c.moment("ringing")}
	c.at += c.random(c.plan.Ring)
	fmt.Fprintf(&c.text, "%.3f b: %s answers\n", c.at.Seconds(), c.third)
	asking, asked = append(asking, c.moment("connected")), append(asked, c.moment("connected"))
	c.at += c.random(c.plan.Talk / 3)
	c.line("%s transfers to call b", c.own)
	c.sees(c.own, "inbound", c.number, c.name, "answered ended_by self transferred_to "+c.third+" transfer_kind attended",
		append(first, c.moment("transferred"), c.moment("ended"))...)
	c.sees(c.own, "internal", c.third, c.phone(c.third), "answered ended_by self", append(asking, c.moment("ended"))...)
	asked = append(asked, "("+c.moment("transferred")+")")
	c.at += c.random(c.plan.Talk)
	c.line("%s hangs up", c.third)
	c.sees(c.third, "internal", c.number, c.name, "answered ended_by self", append(asked, c.moment("ended"))...)
}

// outsideParty makes the caller of the nth call, with a fictitious number of its own (555-0100 to 0199 in 789 area codes).
// Some have no name.
func outsideParty(rng *rand.Rand, n int) (number, name string) {
	given := []string{"Ada", "Bo", "Cleo", "Dan", "Eva", "Finn", "Gro", "Hal", "Ida", "Jens"}
	family := []string{"Ager", "Berg", "Cole", "Dahl", "Ebert", "Frost", "Gale", "Hart", "Iversen", "Jung"}
	number = fmt.Sprintf("+1%d5550%d", 201+n%789, 100+n/789%100)
	if rng.IntN(4) > 0 {
		name = given[rng.IntN(10)] + " " + family[rng.IntN(10)]
	}
	return number, name
}
