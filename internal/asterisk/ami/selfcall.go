package ami

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// beep is an extension that the PBX makes for itself where func_periodic_hook is loaded, which recording (app_mixmonitor)
// needs: it answers, plays a beep and hangs up. It answers only calls without a caller's number. Seen in Asterisk 22.10.
const beep = "beep@__func_periodic_hook_context__"

// How long the test call may take.
const (
	soonAnswered = 150 * time.Millisecond
	answerWithin = 3 * time.Second
	hearWithin   = 2 * time.Second
)

// selfCall is two calls of the PBX to itself whose ends are then connected: no phone rings and no line is used. It needs
// the rights originate and call, and no knowledge of the dialplan.
type selfCall struct {
	*visit
	number, context         string
	ids, asked              [2]string // of one end of each call; of the actions that place them
	answered, entered, gone int       // OriginateResponse, BridgeEnter, Hangup of ours
	bridged                 bool
	refused                 string // what the PBX said when it did not place them
}

// half is added to a call's id for its other end.
const half = "-b"

// calls looks whether all that a call brings about is told.
func (e *examiner) calls(_ context.Context, v *visit) error {
	skip := func(why, remedy string) error {
		e.tell(Check{Name: "test call", Status: Skipped, Found: why, Remedy: remedy})
		return nil
	}
	switch {
	case !e.what.TestCall:
		return skip("not allowed: whether an eventfilter or stasis.conf leaves messages out is only seen with a call", "allow it with --test-call: no phone rings, no line is used; the PBX may list two calls of half a second")
	case v.rights.Known() && !(v.rights.Can("Originate") && v.rights.Can("Bridge")):
		return skip("the account may not place calls (write = call,originate)", "")
	}
	c := &selfCall{visit: v}
	v.also = c.hear
	var found bool
	if c.number, c.context, found = strings.Cut(first(nil, e.what.Answers, beep), "@"); !found {
		return skip("the extension that answers is not NUMBER@CONTEXT", "")
	}
	c.ids = [2]string{"callboard-test-" + rand.Text() + "-1", "callboard-test-" + rand.Text() + "-2"}
	before := v.tally()
	if err := c.run(); err != nil {
		return err
	}
	if c.refused != "" {
		return skip("the PBX did not place it: "+telephony.Display(c.refused), "name an extension that answers by itself, such as an echo test: --answers '*43@from-internal' in FreePBX")
	}
	e.judge(v, before, c.bridged)
	return nil
}

// run places both calls, connects their ends, hangs up, and listens until all is gone. Both are asked for at once, for they
// are short.
func (c *selfCall) run() error {
	for i, id := range c.ids {
		sent, err := c.send(Action{Name: "Originate", Fields: []Pair{{"Channel", "Local/" + c.number + "@" + c.context + "/n"},
			{"Context", c.context}, {"Exten", c.number}, {"Priority", "1"}, {"Async", "true"}, {"Timeout", "3000"},
			{"ChannelId", id}, {"OtherChannelId", id + half}}})
		if err != nil {
			return err
		}
		c.asked[i] = sent
	}
	if err := c.listen(soonAnswered, func() bool { return c.answered == len(c.ids) || c.refused != "" }); err != nil || c.refused != "" {
		return errors.Join(err, c.hangUp())
	}
	if err := c.connect(); err != nil {
		return err
	}
	if !c.bridged && c.answered < len(c.ids) { // a slow PBX
		if err := c.listen(answerWithin, func() bool { return c.answered == len(c.ids) }); err != nil {
			return err
		}
		if err := c.connect(); err != nil {
			return err
		}
	}
	if c.bridged {
		if err := c.listen(hearWithin, func() bool { return c.entered == 2 }); err != nil {
			return err
		}
	}
	if err := c.hangUp(); err != nil {
		return err
	}
	return c.listen(hearWithin, func() bool { return c.gone == 2*len(c.ids) })
}

// connect lets one end of each call hear the other.
func (c *selfCall) connect() error {
	reply, err := c.ask("Bridge", Pair{"Channel1", c.ids[0]}, Pair{"Channel2", c.ids[1]}, Pair{"Tone", "no"})
	c.bridged = err == nil && granted(reply)
	return err
}

// hangUp ends what is left of the calls: what is gone already answers with an error.
func (c *selfCall) hangUp() error {
	for _, id := range c.ids {
		if _, err := c.ask("Hangup", Pair{"Channel", id}, Pair{"Cause", "16"}); err != nil {
			return err
		}
	}
	return nil
}

// listen takes what comes until enough was heard, or nothing more comes in time.
func (c *selfCall) listen(wait time.Duration, enough func() bool) error {
	for until := time.Now().Add(wait); !enough(); {
		if _, err := c.next(until); errors.Is(err, errSilent) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// hear follows what is told of our own calls.
func (c *selfCall) hear(m *Message) {
	ours := slices.Contains(c.ids[:], strings.TrimSuffix(m.Text("Uniqueid"), half))
	switch name := string(m.Event()); {
	case m.Response() != nil && slices.Contains(c.asked[:], m.Text("ActionID")) && !granted(m):
		c.refused = first(nil, m.Text("Message"), "no reason given")
	case name == "OriginateResponse" && ours && m.Text("Response") == "Success":
		c.answered++
	case name == "BridgeEnter" && ours:
		c.entered++
	case name == "Hangup" && ours:
		c.gone++
	}
}

// judge tells what was not heard.
func (e *examiner) judge(v *visit, before map[string]int, bridged bool) {
	var heard []string
	var missing []told
	for _, t := range needed {
		switch {
		case !t.own:
		case v.heard[t.event] > before[t.event]:
			heard = append(heard, t.event)
		default:
			missing = append(missing, t)
		}
	}
	if len(heard) == 0 {
		e.tell(Check{
			Name: "test call", Status: Problem, Found: "a call was placed in the PBX and nothing of it was heard: the account does not read the class call, or an eventfilter leaves everything out",
			Remedy: "let it read call, and take its eventfilter away", File: "manager.conf", Paste: e.section(EnoughRead),
		})
		return
	}
	e.tell(Check{Name: "test call", Status: Fine, Found: "heard of it: " + strings.Join(heard, ", ")})
	for i, t := range missing {
		check := Check{Name: "message " + t.event, Status: t.verdict(), Found: "it did not come with the test call: " + t.costs}
		if !bridged && strings.HasPrefix(t.event, "Bridge") {
			check.Status, check.Found = Skipped, "it could not be looked for: the ends of the test calls could not be connected"
		}
		if i == 0 { // said once for all
			check.Remedy = "find the eventfilter or disabledevents in manager.conf that leaves it out, else the decline in stasis.conf (which is read at the start only), and take it away"
			check.File, check.Paste = "a shell at the PBX", "grep -nE '^ *(eventfilter|disabledevents|decline)' /etc/asterisk/manager.conf /etc/asterisk/manager.d/* /etc/asterisk/stasis.conf"
		}
		e.tell(check)
	}
	stamp := Check{Name: "event times", Status: Fine, Found: "messages bear the time of the PBX"}
	if !v.stamped {
		stamp.Found = "messages bear no time, so times are when a message came here (timestampevents in manager.conf)"
	}
	e.tell(stamp)
	var unseen []string
	for _, t := range needed {
		if !t.own {
			unseen = append(unseen, t.event)
		}
	}
	e.tell(Check{Name: "other messages", Status: Skipped, Found: "a test call brings about none of " + strings.Join(unseen, ", ") + ": whether they come shows with a real call (callboard trace record)"})
}
