package demopbx

import (
	"slices"
	"time"
)

// consultation is an attended transfer by feature code: *2, a number, and then hanging up, *1 or *3 (bridge_basic.c). The
// transferor's one channel moves to a bridge of its own, where the near half of a Local pair stands for whom it asks.
type consultation struct {
	x       *exchange
	by      *channel
	peer    *channel // who waits
	waiting *bridge  // where
	asking  *bridge
	pair    *local
	gone    bool // by has hung up before the answer
}

// How long Asterisk takes to notice that a Local pair is not needed.
const (
	localSoon = 20 * time.Millisecond
	localLate = 450 * time.Millisecond
)

// holdByCode is what *2 and #1 do as soon as they are pressed.
func (x *exchange) holdByCode(by *channel) bool {
	other := by.bridge.other(by)
	if other == nil {
		return false
	}
	if !by.holding {
		by.holding, other.held = true, true
		x.emitChannel("Hold", by)
		x.emitChannel("MusicOnHoldStart", other, "Class", "default")
		x.touch(other)
	}
	return true
}

// transferByCode is #1 and a number: the transferor's phone sends digits, and the PBX does the rest.
func (x *exchange) transferByCode(by *channel, number string) bool {
	return x.holdByCode(by) && x.giveAway(by, "internal", number, false, nil) == transferSuccess
}

// parkByCode is #72: the parker hears the number of the space, and is hung up on.
func (x *exchange) parkByCode(by *channel) bool {
	peer := by.bridge.other(by)
	if peer == nil {
		return false
	}
	x.park(peer, by.device(), parkTimeout)
	x.later(2600*time.Millisecond, func() {
		if by.in != nil {
			x.hangUpByRequest(by, causeNormal)
		}
	})
	return true
}

// conference is what an AMI client does for a phone that has two calls: Redirect of all three into a room.
func (x *exchange) conference(first, second *channel) bool {
	one, two := first.bridge.other(first), second.bridge.other(second)
	if one == nil || two == nil {
		return false
	}
	x.redirect("internal", "3000", one, first)
	x.redirect("internal", "3000", two)
	return true
}

// consult is *2 and a number.
func (x *exchange) consult(by *channel, number string) bool {
	peer := by.bridge.other(by)
	if peer == nil || by.consulting != nil || x.routeOf("internal", number).kind == toNobody || !x.holdByCode(by) {
		return false
	}
	c := &consultation{x: x, by: by, peer: peer, waiting: by.bridge, pair: x.newLocal(by.call, number, by)}
	by.consulting, c.pair.consultation = c, c
	l := c.pair
	c.asking = x.newBridge(basic)
	l.far.caller = by.caller
	x.emitChannel("NewCallerid", l.far, "CID-CallingPres", presentation(false))
	l.tellBridge()
	l.near.connected = by.caller
	x.emitChannel("NewConnectedLine", l.near)
	c.asking.enter(l.near)
	x.leaveOpen(by)
	c.asking.enter(by)
	x.tellConnected(by, party{})
	l.runFar(nil)
	return true
}

// relay is what the far half reached.
func (c *consultation) relay(what relay, ch *channel) {
	x, near := c.x, c.pair.near
	switch what {
	case relayConnected:
		if !c.gone {
			x.tellConnected(c.by, ch.caller)
		}
	case relayRinging:
		if near.state == stateRinging {
			return
		}
		near.caller = ch.caller
		x.setState(near, stateRinging)
		x.emitChannel("NewCallerid", near, "CID-CallingPres", presentation(false))
		x.emitDial("DialState", nil, near, "DialStatus", "RINGING")
	case relayAnswered:
		near.caller = ch.caller
		x.setState(near, stateUp)
		x.emitDial("DialEnd", nil, near, "DialStatus", "ANSWER")
		if c.gone {
			c.bury()
			c.optimizeLater(localSoon)
		}
	}
}

// hangUp is the transferor's: the two others are connected, also while the far end still rings.
func (c *consultation) hangUp(cause int, asked bool) {
	x, by, l := c.x, c.by, c.pair
	c.by.consulting, by.holding = nil, false
	if !c.waits() {
		c.asking.hangUp(by, cause, asked)
		return
	}
	if !asked {
		x.askHangup("HangupRequest", by, cause)
	}
	before := c.snapshot()
	x.clearPeer(by)
	x.leaveOpen(by)
	c.merge()
	before.waiting.channels = []*channel{c.peer, l.near}
	before.asking.channels = nil
	before.tell(x, "Bridge", c.waiting, "")
	x.tellConnected(c.peer, l.near.caller)
	x.tellConnected(l.near, c.peer.caller)
	c.tellFarEnd()
	if l.near.state != stateUp {
		c.gone = true
		by.in = nil
		return
	}
	c.bury()
	c.optimizeLater(localLate)
}

// tellFarEnd tells whoever answers or rings there who the caller is now.
func (c *consultation) tellFarEnd() {
	d, _ := c.pair.far.in.(*dial)
	var there *channel
	if b := c.pair.far.bridge; b != nil {
		there = b.other(c.pair.far)
	} else if d != nil && len(d.legs) > 0 {
		there = d.legs[0]
	}
	if there != nil {
		c.x.tellConnected(there, c.peer.caller)
	}
}

// merge moves the near half to where the other waits.
func (c *consultation) merge() {
	x := c.x
	if c.peer.held {
		c.peer.held = false
		x.emitChannel("MusicOnHoldStop", c.peer)
		x.touch(c.peer)
	}
	x.emit(classCall, "BridgeMerge", func(m *message) {
		m.addBridge("To", c.waiting)
		m.addBridge("From", c.asking)
	})
	near := c.pair.near
	x.leaveOpen(near)
	c.waiting.enter(near)
}

// bury ends the transferor's channel.
func (c *consultation) bury() {
	c.x.closeBridge(c.asking)
	if c.by.bridge = nil; slices.Contains(c.x.channels, c.by) {
		c.x.merge(c.x.ended(c.by), nil)
	}
}

func (c *consultation) optimizeLater(after time.Duration) {
	l := c.pair
	c.x.later(after, func() { l.optimize(true) })
}

// threeWay is *3: all talk with one another.
func (c *consultation) threeWay() bool {
	x, by := c.x, c.by
	if c.pair.near.state != stateUp || !c.waits() {
		return false
	}
	before := c.snapshot()
	by.consulting, by.holding = nil, false
	c.merge()
	x.leaveOpen(by)
	c.waiting.enter(by)
	c.waiting.soft = true
	before.waiting.channels, before.waiting.soft = c.waiting.channels, true
	before.asking.channels = nil
	before.tell(x, "Threeway", c.waiting, by.name)
	x.closeBridge(c.asking)
	l := c.pair
	x.later(localLate, func() { l.optimize(false) })
	return true
}

// goBack is *1, or what happens when the far end comes to nothing: the transferor is with the caller again.
func (c *consultation) goBack() {
	x, by := c.x, c.by
	by.consulting = nil
	x.leaveOpen(by)
	if !c.waits() {
		c.bury()
		return
	}
	c.waiting.enter(by)
	by.holding = false
	if c.peer.held {
		c.peer.held = false
		x.emitChannel("MusicOnHoldStop", c.peer)
		x.touch(c.peer)
	}
	x.emitChannel("Unhold", by)
	x.closeBridge(c.asking)
	x.tellConnected(by, c.peer.caller)
}

// waits tells whether the caller is still there.
func (c *consultation) waits() bool { return slices.Contains(c.waiting.channels, c.peer) }

// failed is called when the far half has ended while the transferor was there, or before the answer.
func (c *consultation) failed(cause int) {
	x, near := c.x, c.pair.near
	switch {
	case c.gone:
		c.recall()
		return
	case near.bridge != c.asking: // somebody else took it away
		return
	}
	c.pair.over = true
	x.askHangup("HangupRequest", near, cause)
	near.caller = c.by.connected
	x.emitChannel("NewCallerid", near, "CID-CallingPres", presentation(false))
	x.leaveOpen(near)
	near.bridge = nil
	c.goBack()
	x.hangup(near, cause)
}

// recall rings the transferor again, because nobody answers where it sent the caller.
func (c *consultation) recall() {
	x, l, by := c.x, c.pair, c.by
	far, rings := l.far.in.(*dial)
	l.over = true
	x.emitChannel("SoftHangupRequest", l.near, "Cause", "32")
	x.leaveOpen(l.near)
	l.near.bridge = nil
	if rings {
		x.askHangup("HangupRequest", l.far, causeNormal)
	}
	x.hangup(l.near, causeNormal)
	l.far.caller = l.near.connected
	var legs []*channel
	if rings {
		legs = far.cancel()
		x.merge(x.endOfDialplan(l.far, causeNormal), nil)
	}
	ch := x.add(&channel{endpoint: by.endpoint, state: stateDown, exten: "s", call: by.call,
		caller: party{by.endpoint, x.phones[by.endpoint].Name}})
	ch.connected = c.peer.caller
	x.emitChannel("NewConnectedLine", ch)
	if rings {
		x.merge(far.hangups(legs, causeNormal), nil)
	}
	d := &dial{x: x, call: by.call, legs: []*channel{ch}, width: 1, began: x.at, route: route{rings: []string{by.endpoint}}}
	ch.in, ch.called = d, d
	d.met = func(ch *channel) {
		x.emitDial("DialEnd", nil, ch, "DialStatus", "ANSWER")
		if !c.waits() {
			c.bury()
			x.hangup(ch, causeNormal)
			return
		}
		c.waiting.enter(ch)
		c.bury()
		x.tellConnected(c.peer, ch.caller)
	}
	d.lost = func(string) []func() {
		return []func(){c.bury, func() {
			if c.peer.bridge == c.waiting {
				x.merge(x.end(c.peer, causeNormal, true), nil)
			}
		}}
	}
	x.emitDial("DialBegin", nil, ch, "DialString", by.endpoint)
	if x.ringsAtOnce(ch) {
		d.ring(ch)
		x.awaitPickUp(ch)
	}
}

// consultEnds is *1.
func (x *exchange) consultEnds(by *channel) bool {
	c := by.consulting
	if c == nil {
		return false
	}
	far := c.pair.far
	if d, ok := far.in.(*dial); ok {
		legs := d.cancel()
		x.merge(append(d.hangups(legs, causeNormal), x.endOfDialplan(far, causeNormal)...), nil)
		return true
	}
	near := c.pair.near
	c.pair.over = true
	x.askHangup("SoftHangupRequest", near, causeNormal)
	x.leaveOpen(near)
	near.bridge = nil
	c.goBack()
	x.hangup(near, causeNormal)
	if far.in != nil {
		far.in.hangUp(far, causeNormal, true)
	}
	return true
}

// picture is what AttendedTransfer tells of a transfer by code.
type picture struct {
	by, peer, near  channel
	waiting, asking bridge
}

func (c *consultation) snapshot() *picture {
	return &picture{*c.by, *c.peer, *c.pair.near, *c.waiting, *c.asking}
}

func (p *picture) tell(x *exchange, kind string, b *bridge, transferor string) {
	x.emit(classCall, "AttendedTransfer", func(m *message) {
		m.add("Result", transferSuccess)
		m.addChannel("OrigTransferer", &p.by)
		m.addBridge("Orig", &p.waiting)
		m.addChannel("SecondTransferer", &p.by)
		m.addBridge("Second", &p.asking)
		m.addChannel("Transferee", &p.peer)
		m.addChannel("TransferTarget", &p.near)
		m.add("IsExternal", "No")
		m.add("DestType", kind)
		m.add("DestBridgeUniqueid", b.id)
		if transferor != "" {
			m.add("DestTransfererChannel", transferor)
		}
	})
}
