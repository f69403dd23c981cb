package demopbx

import (
	"slices"
	"strconv"
	"time"
)

// call is one call being played. Its methods are what the phones do; each tells the events that Asterisk tells. They are
// called with exchange.mu held, and ignore what is no longer possible, because an AMI client may have hung the call up.
type call struct {
	x        *exchange
	plan     *callPlan
	from     *channel
	legs     []*leg // the called sides still in the game
	up       *channel
	bridge   *bridge
	dialled  time.Time
	answered time.Time
	rang     bool
	cause    int // of the last leg that was refused; the dialplan's HANGUPCAUSE
	refusals int // legs lost to neither busy nor no answer
	busies   int
	over     bool
	ended    func() // wakes the player when an AMI client ended the call
}

// leg is one called side before the answer.
type leg struct {
	who string // extension, or trunk
	ch  *channel
}

// start is the caller's INVITE: the call runs through the dialplan into Dial, and the phones are called.
func (c *call) start() {
	x := c.x
	x.processed++
	c.dialled = x.at
	endpoint, who := trunk, c.plan.from
	if c.plan.kind != inbound {
		endpoint, who = c.plan.from.number, party{c.plan.from.number, x.phones[c.plan.from.number].Name}
	}
	c.from = x.add(&channel{endpoint: endpoint, state: stateRing, caller: who, exten: c.plan.to, dnid: c.plan.to,
		withheld: c.plan.withheld, call: c})
	x.setVar(c.from, "SIPDOMAIN", sipHost)
	c.dialplanToDial()
	for _, who := range c.plan.rings {
		c.legs = append(c.legs, c.callLeg(who))
	}
	var atOnce []*leg
	for _, l := range c.legs {
		begin := []func(){func() { x.emitDial("DialBegin", c.from, l.ch, "DialString", c.dialString(l.who)) }}
		if len(c.plan.rings) == 1 {
			begin = append(begin, func() { c.connectedLine(l.ch) })
		}
		var ring []func()
		if c.plan.ringsAtOnce(l.who) {
			atOnce = append(atOnce, l)
			ring = append(ring, func() { x.setState(l.ch, stateRinging) })
		}
		x.merge(begin, ring)
	}
	for _, l := range slices.Backward(atOnce) {
		c.tellRinging(l)
	}
}

// callLeg makes the channel of one called side and gives it the caller's name.
func (c *call) callLeg(who string) *leg {
	x := c.x
	id := party{who, x.phones[who].Name}
	if who == trunk {
		id = party{}
	}
	ch := x.add(&channel{endpoint: who, state: stateDown, caller: id, exten: "s", linkedid: c.from.linkedid, call: c})
	x.setVar(ch, "DIALEDPEERNUMBER", c.dialString(who))
	ch.exten = c.from.exten
	ch.connected = c.from.caller
	if who == trunk { // Dial gives a channel without a number the dialled one
		ch.caller.number = c.from.exten
	}
	x.newExten(ch, "AppDial", "(Outgoing Line)")
	if who == trunk {
		x.emitChannel("NewCallerid", ch, "CID-CallingPres", "0 (Presentation Allowed, Not Screened)")
	}
	x.emitChannel("NewConnectedLine", ch)
	return &leg{who: who, ch: ch}
}

// connectedLine tells the caller's phone whom it reached.
func (c *call) connectedLine(to *channel) {
	c.from.connected = to.caller
	c.x.emitChannel("NewConnectedLine", c.from)
}

func (c *call) dialString(who string) string {
	if who != trunk {
		return who
	}
	return c.plan.outsideNumber() + "@" + trunk
}

// leg finds a called side that has neither answered nor given up.
func (c *call) leg(who string) *leg {
	for _, l := range c.legs {
		if l.who == who {
			return l
		}
	}
	return nil
}

// ring is a called phone's 180 Ringing.
func (c *call) ring(l *leg) {
	c.x.setState(l.ch, stateRinging)
	c.tellRinging(l)
}

func (c *call) tellRinging(l *leg) {
	if !c.rang {
		c.rang = true
		ms := c.x.at.Sub(c.dialled).Milliseconds()
		c.x.setVar(c.from, "RINGTIME", strconv.FormatInt(ms/1000, 10))
		c.x.setVar(c.from, "RINGTIME_MS", strconv.FormatInt(ms, 10))
	}
	c.x.emitDial("DialState", c.from, l.ch, "DialStatus", "RINGING")
}

// answer is a called phone's 200 OK: the others are cancelled, and the two sides are bridged.
func (c *call) answer(l *leg) {
	x := c.x
	group := len(c.plan.rings) > 1
	losers := slices.DeleteFunc(slices.Clone(c.legs), func(o *leg) bool { return o == l })
	c.legs, c.up, c.answered = nil, l.ch, x.at
	x.setState(l.ch, stateUp)
	if group {
		c.connectedLine(l.ch)
		for _, o := range losers {
			x.emitDial("DialEnd", c.from, o.ch, "DialStatus", "CANCEL")
		}
	}
	x.setVar(c.from, "DIALSTATUS", "ANSWER")
	x.setVar(c.from, "DIALEDPEERNAME", l.ch.name)
	x.setVar(c.from, "DIALEDPEERNUMBER", c.dialString(l.who))
	l.ch.exten = ""
	x.emitDial("DialEnd", c.from, l.ch, "DialStatus", "ANSWER")
	x.setState(c.from, stateUp)
	c.bridge = x.newBridge()
	x.newExten(l.ch, "AppDial", "(Outgoing Line)")
	join := []func(){
		func() { x.enter(c.bridge, l.ch) },
		func() { x.enter(c.bridge, c.from) },
		c.tellPeers,
	}
	var lose []func()
	for _, o := range losers {
		lose = append(lose, func() { x.hangup(o.ch, causeAnsweredElsewhere) })
	}
	x.merge(join, lose)
}

// hold and resume are a phone's re-INVITE. The other side hears music, and its device counts as on hold.
func (c *call) hold(own, other *channel) {
	if own.holding {
		return
	}
	own.holding, other.held = true, true
	c.tellPeers()
	c.x.emitChannel("Hold", own, "MusicClass", "default")
	c.x.emitChannel("MusicOnHoldStart", other, "Class", "default")
	c.x.touch(other)
}

func (c *call) resume(own, other *channel) {
	if !own.holding {
		return
	}
	own.holding, other.held = false, false
	c.x.emitChannel("Unhold", own)
	c.tellPeers()
	c.x.emitChannel("MusicOnHoldStop", other)
	c.x.touch(other)
}

// refuse is a called side's final answer other than 200: busy (17), rejected (21), unknown number (1). The event before
// DialEnd is missing when an AMI client hung the leg up (asked).
func (c *call) refuse(l *leg, cause int, asked bool) {
	x := c.x
	c.drop(l)
	if !asked {
		l.ch.sipCode = map[int]int{causeBusy: 486, causeRejected: 603, causeUnallocated: 404}[cause]
		x.askHangup("HangupRequest", l.ch, cause)
	}
	x.emitDial("DialEnd", c.from, l.ch, "DialStatus", dialStatus(cause))
	x.hangup(l.ch, cause)
	c.cause = cause
	switch cause { // app_dial.c, handle_cause
	case causeBusy:
		c.busies++
	case causeNormal, causeNoAnswer:
	default:
		c.refusals++
	}
	if len(c.legs) > 0 {
		return
	}
	status := "NOANSWER"
	if c.busies+c.refusals == len(c.plan.rings) {
		status = "CHANUNAVAIL"
		if c.busies > 0 {
			status = "BUSY"
		}
	}
	x.merge(c.afterDial(status), nil)
	c.over = true
}

func (c *call) drop(l *leg) {
	c.legs = slices.DeleteFunc(c.legs, func(o *leg) bool { return o == l })
}

// noAnswer is Dial's timeout. The phones' channels end with cause 0.
func (c *call) noAnswer() {
	legs := c.legs
	c.legs = nil
	for _, l := range legs {
		c.x.emitDial("DialEnd", c.from, l.ch, "DialStatus", "NOANSWER")
	}
	c.x.merge(c.afterDial("NOANSWER"), c.hangups(legs, causeUnset))
	c.over = true
}

// giveUp is the caller's CANCEL, or an AMI client's Hangup of the caller while it rings (asked).
func (c *call) giveUp(cause int, asked bool) {
	x := c.x
	if !asked {
		c.from.sipCode = 487
		x.askHangup("HangupRequest", c.from, cause)
	}
	legs := c.legs
	c.legs = nil
	for _, l := range legs {
		x.emitDial("DialEnd", c.from, l.ch, "DialStatus", "CANCEL")
	}
	x.setVar(c.from, "DIALSTATUS", "CANCEL")
	x.merge(c.endOfDialplan(cause), c.hangups(legs, cause))
	c.over = true
}

func (c *call) hangups(legs []*leg, cause int) []func() {
	var all []func()
	for _, l := range legs {
		all = append(all, func() { c.x.hangup(l.ch, cause) })
	}
	return all
}

// hangUp is one side's BYE of an answered call, or an AMI client's Hangup of that side (asked).
func (c *call) hangUp(side *channel, cause int, asked bool) {
	x := c.x
	other := c.other(side)
	c.tellQuality(side, other)
	if !asked {
		x.askHangup("HangupRequest", side, cause)
	}
	for _, ch := range []*channel{side, other} {
		x.setVar(ch, "BRIDGEPEER", "")
		x.setVar(ch, "BRIDGEPVTCALLID", "")
	}
	x.leave(side)
	fromEnds := c.endOfAnsweredDial(cause, side != c.from)
	upEnds := []func(){func() { x.hangup(c.up, cause) }}
	if side != c.up {
		upEnds = []func(){
			func() { x.leave(c.up) },
			func() { c.tellOwnQuality(c.up) },
			func() { x.hangup(c.up, cause) },
		}
	}
	x.merge(fromEnds, upEnds)
	c.over = true
}

func (c *call) other(side *channel) *channel {
	if side == c.from {
		return c.up
	}
	return c.from
}

// hangUpByRequest is AMI's Hangup action on one of the call's channels. Asterisk's ast_softhangup_nolock sets a flag and
// tells no HangupRequest; a channel without a cause leaves its bridge with 16 (bridge_channel.c, channel_set_cause).
func (c *call) hangUpByRequest(ch *channel, cause int) {
	switch {
	case c.up != nil:
		if cause == causeUnset {
			cause = causeNormal
		}
		c.hangUp(ch, cause, true)
	case ch == c.from:
		c.giveUp(cause, true)
	default:
		if l := c.leg(ch.endpoint); l != nil {
			c.refuse(l, cause, true)
		}
	}
	if c.over {
		c.ended()
	}
}
