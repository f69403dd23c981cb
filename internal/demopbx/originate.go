package demopbx

import (
	"strconv"
	"time"
)

// originate is a call that the PBX places: it rings a phone, and when that answers sends it on to a number.
type originate struct {
	endpoint       string
	context, exten string
	id             string // the Uniqueid that the client wants
	caller         party  // shown on the phone that rings
	variables      [][2]string
	timeout        time.Duration
	done           func(ch *channel, ok bool, reason int) // OriginateResponse
}

// Reasons of OriginateResponse: AST_CONTROL_* of include/asterisk/frame.h, chosen in pbx.c, pbx_dial_reason.
const (
	reasonFailure    = 0
	reasonRinging    = 3 // it rang, nobody answered
	reasonAnswer     = 4
	reasonBusy       = 5
	reasonCongestion = 8
)

func originateReason(cause int) int {
	switch cause {
	case causeBusy:
		return reasonBusy
	case causeCongestion:
		return reasonCongestion
	case causeAnsweredElsewhere, causeNoAnswer:
		return reasonRinging
	}
	return reasonFailure // also of a phone that rejects
}

// originate rings the phone. It is called with mu held, as part of call c.
func (x *exchange) originate(c *call, o originate) *channel {
	x.processed++
	ch := x.add(&channel{endpoint: o.endpoint, state: stateDown, uniqueid: o.id, exten: "s", call: c,
		caller: party{o.endpoint, x.phones[o.endpoint].Name}})
	c.first = ch
	d := &dial{x: x, call: c, legs: []*channel{ch}, width: 1, began: x.at, route: route{rings: []string{o.endpoint}}}
	ch.in, ch.called = d, d
	x.newExten(ch, "AppDial2", "(Outgoing Line)")
	for _, v := range o.variables {
		x.setVar(ch, v[0], v[1])
	}
	if o.caller != (party{}) {
		ch.caller = o.caller
		x.emitChannel("NewCallerid", ch, "CID-CallingPres", presentation(false))
		ch.connected = o.caller
		x.emitChannel("NewConnectedLine", ch)
	}
	over := false
	tell := func(of *channel, ok bool, reason int) {
		if over = true; o.done != nil {
			o.done(of, ok, reason)
		}
	}
	d.met = func(ch *channel) {
		tell(ch, true, reasonAnswer)
		x.emitDial("DialEnd", nil, ch, "DialStatus", "ANSWER")
		ch.context, ch.exten, ch.priority = o.context, o.exten, 1
		x.run(ch)
	}
	d.lost = func(string) []func() {
		return []func(){func() { tell(nil, false, originateReason(d.cause)) }}
	}
	x.emitDial("DialBegin", nil, ch, "DialString", o.endpoint)
	if x.ringsAtOnce(ch) {
		d.ring(ch)
		x.awaitPickUp(ch)
	}
	if o.timeout > 0 {
		x.later(o.timeout, func() {
			if !over && ch.called == d {
				d.noAnswer(ch)
			}
		})
	}
	return ch
}

// emitOriginateResponse is the answer to an asynchronous Originate (manager.c, fast_originate).
func (x *exchange) emitOriginateResponse(r request, ch *channel, ok bool, reason int) {
	x.emit(classCall, "OriginateResponse", func(m *message) {
		m.addActionID(r)
		m.add("Response", map[bool]string{true: "Success", false: "Failure"}[ok])
		name, id := r.get("Channel"), r.get("ChannelId")
		if id == "" {
			id = "<unknown>"
		}
		if ch != nil {
			name, id = ch.name, ch.uniqueid
		}
		m.add("Channel", name)
		m.add("Context", r.get("Context"))
		m.add("Exten", r.get("Exten"))
		m.add("Reason", strconv.Itoa(reason))
		m.add("Uniqueid", id)
		p := parseCallerID(r.get("CallerID"))
		m.add("CallerIDNum", orUnknown(p.number))
		m.add("CallerIDName", orUnknown(p.name))
	})
}
