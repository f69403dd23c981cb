package demopbx

import (
	"fmt"
	"slices"
)

// local is a pair of Local channels: what goes in at one half comes out at the other. The near half is dialled, the far
// half runs the dialplan of the extension. A few packets after the answer Asterisk takes the pair out of the call.
type local struct {
	x              *exchange
	near, far      *channel
	context, exten string
	over           bool  // the halves end without one another
	forward        bool  // of an extension: as a rule it is the near half that is replaced
	caller         *dial // that dialled the near half; nil: see consultation
	consultation   *consultation
}

// newLocal makes a pair that leads to an extension.
func (x *exchange) newLocal(c *call, exten string, of *channel) *local {
	l := &local{x: x, context: "internal", exten: exten}
	n := fmt.Sprintf("Local/%s@internal-%08x", exten, x.locals)
	x.locals++
	half := func(suffix string, state int) *channel {
		return x.add(&channel{name: n + suffix, state: state, exten: exten, linkedid: of.linkedid, age: of.age, call: c, half: l})
	}
	l.near = half(";1", stateDown)
	l.far = half(";2", stateRing)
	return l
}

// dialLocal is a dialplan line that dials an extension through a Local channel.
func (x *exchange) dialLocal(ch *channel, r route) {
	data := fmt.Sprintf("Local/%s@internal,%d,tT", r.number, r.seconds)
	d := x.dial(ch, r, 1, data, func(d *dial, _ string) []func() {
		return append([]func(){func() { x.step(ch, 2, "Hangup", "") }}, x.endOfDialplan(ch, cmpCause(d.cause))...)
	})
	d.startLocal(r.number, r.rings)
}

// startLocal calls an extension through a Local channel. rings says which phones the extension has, where the scenario
// does.
func (d *dial) startLocal(exten string, rings []string) {
	d.began = d.x.at
	d.from.in = d
	d.width++
	l := d.addLocal(exten)
	l.forward = d.route.kind == toLocal && d.from.context == "sub-ext"
	l.near.exten = d.from.exten
	l.begin(false)
	d.x.emitDial("DialBegin", d.from, l.near, "DialString", d.dialString(l.near))
	l.runFar(rings)
}

// addLocal adds a Local channel to those that are called.
func (d *dial) addLocal(exten string) *local {
	l := d.x.newLocal(d.call, exten, d.from)
	l.caller = d
	l.near.called, l.near.in = d, d
	d.legs = append(d.legs, l.near)
	return l
}

// adopt gives the far half the caller that the near half is connected with now.
func (l *local) adopt() {
	if l.consultation != nil && l.far.caller != l.near.connected {
		l.far.caller = l.near.connected
		l.x.emitChannel("NewCallerid", l.far, "CID-CallingPres", presentation(false))
	}
}

// begin tells who is at either end, and that the halves are one call. What comes first differs between a Local channel
// that the dialplan dials and one to which a phone sends the caller on.
func (l *local) begin(sentOn bool) {
	x, from := l.x, l.caller.from
	l.near.caller = party{number: from.exten}
	if sentOn {
		x.emitChannel("NewCallerid", l.near, "CID-CallingPres", presentation(false))
	}
	l.near.connected = from.caller
	x.newExten(l.near, "AppDial", "(Outgoing Line)")
	if !sentOn {
		x.emitChannel("NewCallerid", l.near, "CID-CallingPres", presentation(false))
	}
	x.emitChannel("NewConnectedLine", l.near)
	l.far.caller, l.far.connected = l.near.connected, l.near.caller
	x.emitChannel("NewCallerid", l.far, "CID-CallingPres", presentation(false))
	x.emitChannel("NewConnectedLine", l.far)
	l.tellBridge()
}

// sendOn is a called phone's 302: Dial goes on with the number it names, through a Local channel.
func (d *dial) sendOn(ch *channel, number string) {
	x := d.x
	d.drop(ch)
	ch.sipCode = 302
	x.askHangup("HangupRequest", ch, causeRedirected)
	l := d.addLocal(number)
	l.begin(true)
	x.emit(classCall, "DialEnd", func(m *message) {
		m.addChannel("", d.from)
		m.addChannel("Dest", ch)
		m.add("Forward", number)
		m.add("DialStatus", "CANCEL")
	})
	x.emitDial("DialBegin", d.from, l.near, "DialString", d.dialString(l.near))
	x.hangup(ch, causeRedirected)
	l.runFar(nil)
}

// tellBridge tells that the halves are one call.
func (l *local) tellBridge() {
	l.x.emit(classCall, "LocalBridge", func(m *message) {
		m.addChannel("LocalOne", l.near)
		m.addChannel("LocalTwo", l.far)
		m.add("Context", l.context)
		m.add("Exten", l.exten)
		m.add("LocalOptimization", "Yes")
	})
}

func (l *local) runFar(rings []string) {
	r := l.x.routeOf(l.context, l.exten)
	if len(rings) > 0 {
		r.kind, r.number, r.rings, r.seconds = toExtension, l.exten, rings, ringPhone
	}
	l.x.follow(l.far, r)
}

// relay passes on to the near half what the far half reached.
func (l *local) relay(what relay, ch *channel) {
	x := l.x
	if l.consultation != nil {
		l.consultation.relay(what, ch)
		return
	}
	switch what {
	case relayConnected:
		l.near.caller = ch.caller
		l.caller.from.connected = ch.caller
		x.emitChannel("NewConnectedLine", l.caller.from)
	case relayRinging:
		if l.near.state == stateRinging {
			return
		}
		x.setState(l.near, stateRinging)
		x.emitChannel("NewCallerid", l.near, "CID-CallingPres", presentation(false))
		l.caller.tellRinging(l.near)
	case relayAnswered:
		x.setState(l.near, stateUp)
		l.caller.accept(l.near)
		x.later(localSoon, func() { l.optimize(l.forward) })
	}
}

// answeredByService lets the near half be answered by the dialplan itself. Such a pair stays.
func (l *local) answeredByService() {
	if l.near.state == stateUp {
		return
	}
	l.x.setState(l.near, stateUp)
	switch {
	case l.caller != nil:
		l.caller.accept(l.near)
	case l.consultation != nil:
		l.x.emitDial("DialEnd", nil, l.near, "DialStatus", "ANSWER")
		if l.consultation.gone {
			l.consultation.bury()
		}
	}
}

// optimize takes the pair out: the one beyond the far half goes into the near half's place, or (near) the one beyond the
// near half into the far half's. Success is always No in what Asterisk tells.
func (l *local) optimize(near bool) {
	x, goes, stays := l.x, l.far, l.near
	if near {
		goes, stays = l.near, l.far
	}
	source := goes.bridge.other(goes)
	if source == nil || stays.bridge == nil || stays.bridge.kind != basic || !slices.Contains(x.channels, l.near) {
		return
	}
	target, id := stays.bridge, fmt.Sprint(x.optimized)
	soft := target.soft
	l.over = true
	x.optimized++
	x.emit(classCall, "LocalOptimizationBegin", func(m *message) {
		m.addChannel("LocalOne", l.near)
		m.addChannel("LocalTwo", l.far)
		m.addChannel("Source", source)
		m.add("DestUniqueId", l.far.uniqueid)
		m.add("Id", id)
	})
	x.leave(source)
	if near {
		l.adopt()
	}
	x.leaveOpen(stays)
	target.soft = soft
	target.enter(source, "SwapUniqueid", stays.uniqueid)
	target.tellPeers()
	x.emit(classCall, "LocalOptimizationEnd", func(m *message) {
		m.addChannel("LocalOne", l.near)
		m.addChannel("LocalTwo", l.far)
		m.add("Success", "No")
		m.add("Id", id)
	})
	stays.bridge = nil
	ending := func(ch *channel) []func() {
		todo := []func(){func() {
			if ch.bridge != nil {
				x.leave(ch)
			}
		}}
		if ch == l.near {
			todo = append(todo, func() { x.setVar(ch, "CHANLOCALSTATUS", "ANSWER") })
		}
		if ch == stays {
			todo = append(todo, func() { x.askHangup("HangupRequest", ch, causeNormal) })
		}
		return append(todo, x.end(ch, causeNormal, false)...)
	}
	x.merge(ending(goes), ending(stays))
}

// gone ends the other half too.
func (l *local) gone(half *channel, cause int) {
	x := l.x
	switch {
	case l.over:
	case half == l.far && l.near.called != nil:
		l.near.called.refuse(l.near, cause, false)
	case half == l.far && l.consultation != nil && (l.near.state != stateUp || l.consultation.by.consulting == l.consultation):
		l.consultation.failed(cause)
	case half == l.far && l.near.bridge != nil:
		l.over = true
		l.near.bridge.hangUp(l.near, cause, false)
	case half == l.near && l.far.in != nil && slices.Contains(x.channels, l.far):
		l.over = true
		l.far.in.hangUp(l.far, cause, false)
		if c := l.consultation; c != nil && c.gone {
			c.bury()
		}
	}
}
