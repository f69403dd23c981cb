package demopbx

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// trunk is the endpoint of the outside world, sipHost the PBX's own SIP address.
const (
	trunk   = "trunk"
	sipHost = "127.0.0.1"
)

// Ring times of the three Dial lines, in seconds, when the scenario does not say that nobody answers.
const (
	ringPhone = 25
	ringGroup = 20
	ringTrunk = 60
)

// setVar sets a channel variable and tells VarSet (class dialplan).
func (x *exchange) setVar(ch *channel, name, value string) {
	ch.vars[name] = value
	x.emit(classDialplan, "VarSet", func(m *message) {
		m.addChannel("", ch)
		m.add("Variable", name)
		m.add("Value", escapeC(value))
	})
}

// newExten starts an application on a channel and tells Newexten.
func (x *exchange) newExten(ch *channel, app, data string) {
	ch.app, ch.appData = app, data
	x.emit(classDialplan, "Newexten", func(m *message) {
		m.addChannel("", ch)
		m.add("Extension", ch.exten)
		m.add("Application", app)
		m.add("AppData", data)
	})
}

// step moves a channel to a place in the dialplan and runs what is there.
func (x *exchange) step(ch *channel, priority int, app, data string) {
	ch.priority = priority
	x.newExten(ch, app, data)
}

// dialplanToDial runs the caller through the dialplan up to Dial: one phone by way of the subroutine sub-ext, a ring group
// directly, an outside number with the company's number as caller id.
func (c *call) dialplanToDial() {
	x, ch := c.x, c.from
	switch {
	case c.plan.kind == outbound:
		x.step(ch, 1, "NoOp", "outbound")
		x.step(ch, 2, "Set", fmt.Sprintf("CALLERID(all)=%s <%s>", x.company.name, x.company.number))
		ch.caller = x.company
		x.emitChannel("NewCallerid", ch, "CID-CallingPres", "0 (Presentation Allowed, Not Screened)")
		x.step(ch, 3, "Dial", fmt.Sprintf("PJSIP/%s,%d,tT", c.dialString(trunk), c.ringTime(ringTrunk)))
	case len(c.plan.rings) > 1:
		x.step(ch, 1, "Dial", fmt.Sprintf("PJSIP/%s,%d,tT", strings.Join(c.plan.rings, "&PJSIP/"), c.ringTime(ringGroup)))
	default:
		c.subroutineToDial()
	}
	for _, name := range []string{"DIALSTATUS", "DIALEDPEERNUMBER", "DIALEDPEERNAME", "ANSWEREDTIME", "ANSWEREDTIME_MS",
		"DIALEDTIME", "DIALEDTIME_MS", "RINGTIME", "RINGTIME_MS", "PROGRESSTIME", "PROGRESSTIME_MS"} {
		x.setVar(ch, name, "")
	}
}

func (c *call) subroutineToDial() {
	x, ch := c.x, c.from
	to, seconds := c.plan.rings[0], c.ringTime(ringPhone)
	args := []string{to}
	if seconds != ringPhone {
		args = append(args, strconv.Itoa(seconds))
	}
	x.step(ch, 1, "Gosub", "sub-ext,s,1("+strings.Join(args, ",")+")")
	for i, arg := range args {
		x.setVar(ch, fmt.Sprintf("LOCAL(ARG%d)", i+1), arg)
	}
	x.setVar(ch, "LOCAL(ARGC)", strconv.Itoa(len(args)))
	ch.context, ch.exten = "sub-ext", "s"
	x.step(ch, 1, "Set", "TO="+to)
	x.setVar(ch, "TO", to)
	x.step(ch, 2, "Set", "T="+strconv.Itoa(seconds))
	x.setVar(ch, "T", strconv.Itoa(seconds))
	x.step(ch, 3, "Set", "CFU=")
	x.setVar(ch, "CFU", "")
	x.step(ch, 4, "GotoIf", "1?ring")
	x.step(ch, 9, "Dial", fmt.Sprintf("PJSIP/%s,%d,tTkKxX", to, seconds))
}

// ringTime is Dial's timeout in whole seconds: what the scenario needs, or the usual.
func (c *call) ringTime(usual int) int {
	if c.plan.patience == 0 {
		return usual
	}
	return max(1, int((c.plan.patience+time.Second/2)/time.Second))
}

// afterDial is the dialplan behind a Dial that nobody answered.
func (c *call) afterDial(status string) []func() {
	x, ch := c.x, c.from
	todo := []func(){func() { x.setVar(ch, "DIALSTATUS", status) }}
	run := func(priority int, app, data string) {
		todo = append(todo, func() { x.step(ch, priority, app, data) })
	}
	cause := c.cause
	if cause == causeUnset { // pbx_builtins.c, pbx_builtin_hangup
		cause = causeNormal
	}
	isBusy, isUnanswered := "0?busy", "0?noans"
	switch status {
	case "BUSY":
		isBusy, cause = "1?busy", causeBusy
	case "NOANSWER":
		isUnanswered = "1?noans"
	}
	switch {
	case ch.context == "sub-ext":
		run(10, "GotoIf", "0?vm")
		run(11, "GotoIf", isBusy)
		switch status {
		case "BUSY":
			run(14, "Hangup", "17")
		case "NOANSWER":
			cause = causeNoAnswer
			run(12, "GotoIf", isUnanswered)
			run(15, "Hangup", "19")
		default:
			run(12, "GotoIf", isUnanswered)
			run(13, "Hangup", strconv.Itoa(c.cause))
		}
	case c.plan.kind == outbound:
		run(4, "GotoIf", isBusy)
		if status == "BUSY" {
			run(7, "Hangup", "17")
		} else {
			run(5, "GotoIf", "0?cong")
			run(6, "Hangup", strconv.Itoa(c.cause))
		}
	default:
		run(2, "Hangup", "")
	}
	return append(todo, c.endOfDialplan(cause)...)
}

// endOfDialplan ends the caller's channel: SoftHangupRequest always (its Cause is a flag, not a cause), the h extension
// where the context has one, Hangup.
func (c *call) endOfDialplan(cause int) []func() {
	x, ch := c.x, c.from
	return []func(){
		func() { x.askHangup("SoftHangupRequest", ch, 16) },
		func() {
			if ch.context == "sub-ext" {
				return
			}
			ch.exten = "h"
			x.step(ch, 1, "NoOp", "h")
			ch.priority = 2
		},
		func() { x.hangup(ch, cause) },
	}
}

// endOfAnsweredDial is the caller's channel from the end of the conversation on. It still has to leave the bridge when the
// called side hung up.
func (c *call) endOfAnsweredDial(cause int, leaves bool) []func() {
	x, ch := c.x, c.from
	answered, dialled := x.at.Sub(c.answered).Milliseconds(), x.at.Sub(c.dialled).Milliseconds()
	var todo []func()
	if leaves {
		todo = append(todo, func() { x.leave(ch) })
	}
	set := func(name, value string) { todo = append(todo, func() { x.setVar(ch, name, value) }) }
	set("ANSWEREDTIME", strconv.FormatInt(answered/1000, 10))
	set("ANSWEREDTIME_MS", strconv.FormatInt(answered, 10))
	set("DIALEDTIME", strconv.FormatInt(dialled/1000, 10))
	set("DIALEDTIME_MS", strconv.FormatInt(dialled, 10))
	set("DIALSTATUS", "ANSWER")
	end := c.endOfDialplan(cause)
	if leaves { // its RTP statistics come just before its Hangup
		last := end[len(end)-1]
		end = append(end[:len(end)-1], func() { c.tellOwnQuality(ch) }, last)
	}
	return append(todo, end...)
}

// tellPeers sets the variables that name the other side in a bridge. Hold and resume set them again.
func (c *call) tellPeers() {
	for _, ch := range []*channel{c.up, c.from} {
		peer := c.other(ch)
		c.x.setVar(ch, "BRIDGEPEER", peer.name)
		c.x.setVar(ch, "BRIDGEPVTCALLID", peer.callID)
	}
}

// quality are the RTP statistics that res_rtp_asterisk leaves behind at the end: a quarter of a call's AMI bytes.
func (c *call) quality(ch *channel) [][2]string {
	packets := c.x.at.Sub(c.answered).Milliseconds() / 20
	four := func(what string, pad int) string {
		var b strings.Builder
		for _, side := range []string{"rx", "tx"} {
			for _, kind := range []string{"min", "max", "avg", "stdev"} {
				fmt.Fprintf(&b, "%*s%s%s%s=000.000000;", pad, "", kind, side, what)
			}
		}
		return b.String()
	}
	rtt := ""
	for _, kind := range []string{"min", "max", "avg", "stdev"} {
		rtt += "     " + kind + "rtt=000.000000;"
	}
	return [][2]string{
		{"RTPAUDIOQOS", fmt.Sprintf("ssrc=%d;themssrc=%d;lp=0;rxjitter=0.000000;rxcount=%d;txjitter=0.000250;txcount=%d;"+
			"rlp=0;rtt=0.000000;rxmes=0.000000;txmes=0.000000", c.x.rng.Uint32(), c.x.rng.Uint32(), packets, packets)},
		{"RTPAUDIOQOSJITTER", four("jitter", 0)},
		{"RTPAUDIOQOSLOSS", four("lost", 2)},
		{"RTPAUDIOQOSRTT", rtt},
		{"RTPAUDIOQOSMES", four("mes", 3)},
	}
}

// tellQuality tells the statistics of the side that hung up, on both channels.
func (c *call) tellQuality(side, other *channel) {
	for _, v := range c.quality(side) {
		c.x.setVar(side, v[0], v[1])
		c.x.setVar(other, v[0]+"BRIDGED", v[1])
	}
}

func (c *call) tellOwnQuality(ch *channel) {
	for _, v := range c.quality(ch) {
		c.x.setVar(ch, v[0], v[1])
	}
}
