package demopbx

import (
	"slices"
	"strconv"
	"time"
)

// attempt is a try to reach phones: the dialplan's Dial, a queue's, the PBX's own. ch is always one that is being called.
type attempt interface {
	place
	ring(ch *channel)
	progress(ch *channel)
	answer(ch *channel)
	refuse(ch *channel, cause int, asked bool)
	noAnswer(ch *channel) // ch's time is up, and that of all others that Dial called with it
}

// dial is one run of the application Dial, or a call that the PBX itself places (from is nil). Its methods tell what
// Asterisk tells, in its order.
type dial struct {
	x        *exchange
	call     *call
	from     *channel
	route    route
	legs     []*channel // called and still in the game
	width    int        // how many were called
	up       *channel
	began    time.Time
	answered time.Time
	rang     bool
	cause    int // of the last leg that was refused; the dialplan's HANGUPCAUSE
	refusals int // legs lost to neither busy nor no answer
	busies   int

	lost    func(status string) []func() // the caller's dialplan when nobody answered; ends with a Hangup or goes on
	met     func(ch *channel)            // takes an answer in place of bridging
	relayed func(what relay, ch *channel)
}

// relay is what the far half of a Local channel passes on to the near one.
type relay int

const (
	relayConnected relay = iota
	relayRinging
	relayAnswered
)

// start calls everybody of the route.
func (d *dial) start() {
	x := d.x
	d.began = x.at
	if d.from != nil {
		d.from.in = d
	}
	d.width = len(d.route.rings)
	for _, who := range d.route.rings {
		if ch := d.callLeg(who); ch != nil {
			d.legs = append(d.legs, ch)
		}
	}
	if len(d.legs) == 0 { // app_dial.c: no channel, no DialBegin
		d.cause = causeNoRoute
		x.merge(d.afterDial("CHANUNAVAIL"), nil)
		return
	}
	var atOnce []*channel
	for _, ch := range d.legs {
		begin := []func(){func() { x.emitDial("DialBegin", d.from, ch, "DialString", d.dialString(ch)) }}
		if d.width == 1 && d.from != nil {
			begin = append(begin, func() { d.connectedLine(ch) })
		}
		var ring []func()
		if x.ringsAtOnce(ch) {
			atOnce = append(atOnce, ch)
			ring = append(ring, func() { x.setState(ch, stateRinging) })
		}
		x.merge(begin, ring)
	}
	for _, ch := range slices.Backward(atOnce) {
		d.tellRinging(ch)
		x.awaitPickUp(ch)
	}
}

// callLeg makes the channel of one called side and gives it the caller's name.
func (d *dial) callLeg(who string) *channel {
	x := d.x
	endpoint, contact := splitContact(who)
	id := party{endpoint, x.phones[endpoint].Name}
	if endpoint == trunk {
		id = party{}
	} else if x.phones[endpoint].Offline {
		return nil
	}
	ch := x.add(&channel{endpoint: endpoint, contact: contact, state: stateDown, caller: id, exten: "s",
		linkedid: d.from.linkedid, age: d.from.age, call: d.call, in: d, called: d})
	d.tellLeg(ch)
	return ch
}

// tellLeg gives a called channel what it inherits from the caller.
func (d *dial) tellLeg(ch *channel) {
	x := d.x
	x.setVar(ch, "DIALEDPEERNUMBER", d.dialString(ch))
	if by := d.from.vars["__SIPREFERREDBYHDR"]; by != "" {
		x.setVar(ch, "__SIPREFERREDBYHDR", by)
	}
	ch.exten = d.from.exten
	ch.connected = d.from.caller
	unnumbered := ch.caller.number == ""
	if unnumbered { // Dial gives a channel without a number the dialled one
		ch.caller = party{d.from.exten, d.from.connected.name}
	}
	x.newExten(ch, "AppDial", "(Outgoing Line)")
	if unnumbered {
		x.emitChannel("NewCallerid", ch, "CID-CallingPres", presentation(false))
	}
	x.emitChannel("NewConnectedLine", ch)
}

// connectedLine tells the caller's phone whom it reached.
func (d *dial) connectedLine(to *channel) {
	d.x.tellConnected(d.from, to.caller)
	if d.relayed != nil {
		d.relayed(relayConnected, to)
	}
}

func (d *dial) dialString(ch *channel) string {
	switch {
	case ch.half != nil:
		return ch.half.exten + "@" + ch.half.context
	case ch.endpoint == trunk:
		return d.route.number + "@" + trunk
	case ch.contact > 0:
		return ch.endpoint + "/" + contactURI(d.x.phones[ch.endpoint], ch.endpoint, ch.contact)
	}
	return ch.endpoint
}

// ring is a called phone's 180 Ringing.
func (d *dial) ring(ch *channel) {
	d.x.setState(ch, stateRinging)
	d.tellRinging(ch)
}

func (d *dial) tellRinging(ch *channel) {
	if !d.rang && d.from != nil {
		d.rang = true
		ms := d.x.at.Sub(d.began).Milliseconds()
		d.x.setVar(d.from, "RINGTIME", strconv.FormatInt(ms/1000, 10))
		d.x.setVar(d.from, "RINGTIME_MS", strconv.FormatInt(ms, 10))
	}
	if d.relayed != nil {
		d.relayed(relayRinging, ch)
	}
	d.x.emitDial("DialState", d.from, ch, "DialStatus", "RINGING")
}

// progress is a called side's 183: an announcement before the answer.
func (d *dial) progress(ch *channel) {
	if d.from != nil {
		ms := d.x.at.Sub(d.began).Milliseconds()
		d.x.setVar(d.from, "PROGRESSTIME", strconv.FormatInt(ms/1000, 10))
		d.x.setVar(d.from, "PROGRESSTIME_MS", strconv.FormatInt(ms, 10))
	}
	d.x.emitDial("DialState", d.from, ch, "DialStatus", "PROGRESS")
}

// answer is a called phone's 200 OK: the others are cancelled, and the two sides are bridged.
func (d *dial) answer(ch *channel) {
	d.x.setState(ch, stateUp)
	d.accept(ch)
}

// accept takes a channel that is up as the answer.
func (d *dial) accept(ch *channel) {
	x := d.x
	losers := slices.DeleteFunc(slices.Clone(d.legs), func(o *channel) bool { return o == ch })
	d.legs, d.up, d.answered = nil, ch, x.at
	ch.called, ch.in = nil, nil
	if d.from == nil {
		d.met(ch)
		return
	}
	if d.width > 1 {
		d.connectedLine(ch)
		for _, o := range losers {
			x.emitDial("DialEnd", d.from, o, "DialStatus", "CANCEL")
		}
	}
	if d.from.half != nil {
		d.from.half.adopt()
	}
	x.setVar(d.from, "DIALSTATUS", "ANSWER")
	x.setVar(d.from, "DIALEDPEERNAME", ch.name)
	x.setVar(d.from, "DIALEDPEERNUMBER", d.dialString(ch))
	if ch.thread == nil {
		ch.exten = ""
	}
	x.emitDial("DialEnd", d.from, ch, "DialStatus", "ANSWER")
	if d.from.state != stateUp {
		x.setState(d.from, stateUp)
	}
	b := x.newBridge(basic)
	if ch.thread == nil {
		x.newExten(ch, "AppDial", "(Outgoing Line)")
	}
	d.from.thread = d.endOfAnswered
	join := []func(){
		func() { b.enter(ch) },
		func() { b.enter(d.from) },
		b.tellPeers,
	}
	var lose []func()
	for _, o := range losers {
		lose = append(lose, func() { x.hangup(o, causeAnsweredElsewhere) })
	}
	x.merge(join, lose)
	if d.relayed != nil {
		d.relayed(relayAnswered, ch)
	}
}

// refuse is a called side's final answer other than 200: busy (17), rejected (21), unknown number (1). The event before
// DialEnd is missing when an AMI client hung the leg up (asked).
func (d *dial) refuse(ch *channel, cause int, asked bool) {
	x := d.x
	d.drop(ch)
	if !asked {
		ch.sipCode = map[int]int{causeBusy: 486, causeRejected: 603, causeUnallocated: 404, causeCongestion: 503}[cause]
		x.askHangup("HangupRequest", ch, cause)
	}
	x.emitDial("DialEnd", d.from, ch, "DialStatus", dialStatus(cause))
	x.hangup(ch, cause)
	d.cause = cause
	switch cause { // app_dial.c, handle_cause
	case causeBusy:
		d.busies++
	case causeNormal, causeNoAnswer:
	default:
		d.refusals++
	}
	if len(d.legs) > 0 {
		return
	}
	status := "NOANSWER"
	if d.busies+d.refusals == d.width {
		status = "CHANUNAVAIL"
		if d.busies > 0 {
			status = "BUSY"
		}
	}
	x.merge(d.afterDial(status), nil)
}

func (d *dial) drop(ch *channel) {
	d.legs = slices.DeleteFunc(d.legs, func(o *channel) bool { return o == ch })
}

// noAnswer is Dial's timeout. The phones' channels end with cause 0. When the PBX itself called, there is no DialEnd.
func (d *dial) noAnswer(ch *channel) {
	legs := d.legs
	d.legs = nil
	switch {
	case d.from == nil:
		d.cause = causeNoAnswer
		d.x.merge(append(d.hangups(legs, causeNoAnswer), d.lost("NOANSWER")...), nil)
		return
	case d.from.half != nil && d.from.half.consultation != nil && d.from.half.consultation.gone:
		d.legs = legs
		d.from.half.consultation.recall()
		return
	}
	for _, ch := range legs {
		d.x.emitDial("DialEnd", d.from, ch, "DialStatus", "NOANSWER")
	}
	d.x.merge(d.afterDial("NOANSWER"), d.hangups(legs, causeUnset))
}

// hangUp ends the caller or one that is called.
func (d *dial) hangUp(ch *channel, cause int, asked bool) {
	if ch == d.from {
		d.giveUp(cause, asked)
		return
	}
	d.refuse(ch, cause, asked)
}

// giveUp is the caller's CANCEL, or an AMI client's Hangup of the caller while it rings (asked).
func (d *dial) giveUp(cause int, asked bool) {
	x := d.x
	if d.from.state == stateUp && cause == causeInterworking { // a BYE, not a CANCEL
		cause = causeNormal
	}
	if !asked {
		if d.from.state != stateUp && d.from.half == nil {
			d.from.sipCode = 487
		}
		x.askHangup("HangupRequest", d.from, cause)
	}
	legs := d.cancel()
	x.setVar(d.from, "DIALSTATUS", "CANCEL")
	x.merge(x.endOfDialplan(d.from, cause), d.hangups(legs, cause))
}

// cancel stops the ringing.
func (d *dial) cancel() []*channel {
	legs := d.legs
	d.legs = nil
	for _, ch := range legs {
		d.x.emitDial("DialEnd", d.from, ch, "DialStatus", "CANCEL")
	}
	return legs
}

// release takes the caller away while it rings: app_dial.c gives up with CANCEL.
func (d *dial) release(ch *channel) {
	if ch != d.from {
		return
	}
	d.from.in = nil
	legs := d.cancel()
	d.x.setVar(d.from, "DIALSTATUS", "CANCEL")
	d.x.merge(d.hangups(legs, causeUnset), nil)
}

func (d *dial) hangups(legs []*channel, cause int) []func() {
	var all []func()
	for _, ch := range legs {
		all = append(all, func() { d.x.hangup(ch, cause) })
	}
	return all
}

// endOfAnswered is the caller's channel from the end of the conversation on.
func (d *dial) endOfAnswered(cause int) []func() {
	x, ch := d.x, d.from
	answered, dialled := x.at.Sub(d.answered).Milliseconds(), x.at.Sub(d.began).Milliseconds()
	var todo []func()
	set := func(name, value string) { todo = append(todo, func() { x.setVar(ch, name, value) }) }
	set("ANSWEREDTIME", strconv.FormatInt(answered/1000, 10))
	set("ANSWEREDTIME_MS", strconv.FormatInt(answered, 10))
	set("DIALEDTIME", strconv.FormatInt(dialled/1000, 10))
	set("DIALEDTIME_MS", strconv.FormatInt(dialled, 10))
	set("DIALSTATUS", "ANSWER")
	return append(todo, x.endOfDialplan(ch, cause)...)
}

// afterDial is what follows a Dial that nobody answered.
func (d *dial) afterDial(status string) []func() {
	if d.from == nil {
		return d.lost(status)
	}
	d.from.in = nil
	return append([]func(){func() { d.x.setVar(d.from, "DIALSTATUS", status) }}, d.lost(status)...)
}

// presentation is the header CID-CallingPres.
func presentation(withheld bool) string {
	if withheld {
		return "32 (Presentation Prohibited, Not Screened)"
	}
	return "0 (Presentation Allowed, Not Screened)"
}
