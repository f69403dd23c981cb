package demopbx

import (
	"slices"
	"strconv"
)

// bridge is where channels hear each other: the two of an answered call, the members of a conference, or nobody but the
// music where calls are parked.
type bridge struct {
	x        *exchange
	id       string
	kind     bridgeKind
	ending   func(side *channel) // told when one of two hangs up
	soft     bool                // a basic bridge in which three talk
	silent   int                 // members of which nothing is told: a conference's announcer
	channels []*channel
}

// bridgeKind are the headers that stay the same for a bridge.
type bridgeKind struct{ name, technology, creator, title string }

var basic = bridgeKind{"basic", "simple_bridge", "<unknown>", "<unknown>"}

func (m *message) addBridge(prefix string, b *bridge) {
	m.add(prefix+"BridgeUniqueid", b.id)
	m.add(prefix+"BridgeType", b.kind.name)
	technology := b.kind.technology
	if b.soft {
		technology = "softmix"
	}
	m.add(prefix+"BridgeTechnology", technology)
	m.add(prefix+"BridgeCreator", b.kind.creator)
	m.add(prefix+"BridgeName", b.kind.title)
	m.add(prefix+"BridgeNumChannels", strconv.Itoa(len(b.channels)+b.silent))
	m.add(prefix+"BridgeVideoSourceMode", "none")
}

func (x *exchange) newBridge(kind bridgeKind) *bridge {
	b := &bridge{x: x, id: x.uuid(), kind: kind}
	x.bridges = append(x.bridges, b)
	x.emitBridge("BridgeCreate", b, nil)
	return b
}

func (x *exchange) emitBridge(name string, b *bridge, ch *channel, more ...string) {
	x.emit(classCall, name, func(m *message) {
		m.addBridge("", b)
		if ch != nil {
			m.addChannel("", ch)
		}
		for i := 0; i+1 < len(more); i += 2 {
			m.add(more[i], more[i+1])
		}
	})
}

// enter puts a channel into a bridge. In a basic bridge all take the oldest Linkedid among them; nobody is told, the next
// event of each shows it.
func (b *bridge) enter(ch *channel, more ...string) {
	if ch.dead {
		return
	}
	b.x.leave(ch) // an AMI client may have put it where nobody expects it
	b.channels = append(b.channels, ch)
	ch.bridge, ch.in, ch.called = b, b, nil
	if b.kind == basic {
		oldest := slices.MinFunc(b.channels, func(a, o *channel) int { return a.age - o.age })
		for _, o := range b.channels {
			o.linkedid, o.age = oldest.linkedid, oldest.age
		}
	}
	b.x.emitBridge("BridgeEnter", b, ch, more...)
}

// leave takes a channel out of its bridge, and ends a basic bridge with its last channel.
func (x *exchange) leave(ch *channel) {
	x.leaveOpen(ch)
	x.closeEmpty(ch)
}

// leaveOpen does not look whether the bridge is empty now.
func (x *exchange) leaveOpen(ch *channel) {
	b := ch.bridge
	if b == nil || !slices.Contains(b.channels, ch) { // it has left already
		return
	}
	if in := ch.in; in != nil && in != place(b) { // a parking space, a room
		ch.in = nil
		in.release(ch)
		return
	}
	if ch.held { // bridge_channel.c: "simulating UNHOLD for bridge end"
		ch.held = false
		x.emitChannel("MusicOnHoldStop", ch)
	}
	b.channels = slices.DeleteFunc(b.channels, func(c *channel) bool { return c == ch })
	ch.in = nil
	x.emitBridge("BridgeLeave", b, ch)
	b.soft = b.soft && len(b.channels) > 2
}

func (x *exchange) closeEmpty(ch *channel) {
	b := ch.bridge
	ch.bridge = nil
	if b != nil && len(b.channels) == 0 && b.kind.name != parkingName && slices.Contains(x.bridges, b) {
		x.emitBridge("BridgeDestroy", b, nil)
		x.bridges = slices.DeleteFunc(x.bridges, func(o *bridge) bool { return o == b })
	}
}

// closeForgotten ends bridges that an AMI client has emptied behind the back of who made them.
func (x *exchange) closeForgotten() {
	for i := len(x.bridges) - 1; i >= 0; i-- {
		b := x.bridges[i]
		if b.kind == basic && len(b.channels) == 0 && !slices.ContainsFunc(x.channels, func(ch *channel) bool { return ch.bridge == b }) {
			x.closeBridge(b)
		}
	}
}

// other is the one ch talks to, or nil when there is none or more than one.
func (b *bridge) other(ch *channel) *channel {
	if b == nil || len(b.channels) != 2 || b.kind != basic {
		return nil
	}
	if b.channels[0] == ch {
		return b.channels[1]
	}
	return b.channels[0]
}

// hold and resume are a phone's re-INVITE. The other side hears music, and its device counts as on hold.
func (b *bridge) hold(own *channel) bool {
	other := b.other(own)
	if own.holding || other == nil {
		return false
	}
	own.holding, other.held = true, true
	b.tellPeers()
	b.x.emitChannel("Hold", own, "MusicClass", "default")
	b.x.emitChannel("MusicOnHoldStart", other, "Class", "default")
	b.x.touch(other)
	return true
}

func (b *bridge) resume(own *channel) bool {
	other := b.other(own)
	if !own.holding || other == nil {
		return false
	}
	own.holding, other.held = false, false
	b.x.emitChannel("Unhold", own)
	b.tellPeers()
	b.x.emitChannel("MusicOnHoldStop", other)
	b.x.touch(other)
	return true
}

// unhold is what a transfer does to its transferor, held or not.
func (x *exchange) unhold(own *channel) {
	own.holding = false
	x.emitChannel("Unhold", own)
	if other := own.bridge.other(own); other != nil && other.held {
		other.held = false
		x.emitChannel("MusicOnHoldStop", other)
		x.touch(other)
	}
}

// hangUp is one side's BYE, or an AMI client's Hangup of that side (asked). Two who talk end together.
func (b *bridge) hangUp(side *channel, cause int, asked bool) {
	x, other := b.x, b.other(side)
	if side.consulting != nil {
		side.consulting.hangUp(cause, asked)
		return
	}
	if asked && cause == causeUnset { // bridge_channel.c, channel_set_cause
		cause = causeNormal
	}
	if other != nil {
		x.tellQuality(side, other)
	}
	if !asked {
		x.askHangup("HangupRequest", side, cause)
	}
	if b.ending != nil && other != nil {
		b.ending(side)
	}
	for _, ch := range b.channels {
		if b.kind == basic {
			x.clearPeer(ch)
		}
	}
	x.leave(side)
	if other == nil {
		b.tellLastTwo()
		x.merge(x.end(side, cause, false), nil)
		return
	}
	threads := [2][]func(){x.end(side, cause, false), x.end(other, cause, true)}
	if side.thread == nil {
		threads[0], threads[1] = threads[1], threads[0]
	}
	x.merge(threads[0], threads[1])
}

// tellLastTwo tells each of the two that are left of three who the other is.
func (b *bridge) tellLastTwo() {
	if len(b.channels) != 2 || b.kind != basic {
		return
	}
	one, two := b.channels[0], b.channels[1]
	b.x.tellConnected(one, two.caller)
	b.x.tellConnected(two, one.caller)
}

// end is what a channel's thread tells from the end of its conversation on. One that did not hang up itself still has to
// leave the bridge, and its RTP statistics come just before its Hangup.
func (x *exchange) end(ch *channel, cause int, leaves bool) []func() {
	todo := []func(){func() { x.hangup(ch, cause) }}
	if ch.thread != nil {
		todo = ch.thread(cause)
	}
	if leaves {
		todo = slices.Insert(todo, len(todo)-1, func() { x.tellOwnQuality(ch) })
		todo = slices.Insert(todo, 0, func() { x.leave(ch) })
	}
	return todo
}

// release takes one of two away: the other is left alone, and a basic bridge that is left so ends.
func (b *bridge) release(ch *channel) {
	x, other := b.x, b.other(ch)
	x.leave(ch)
	if other == nil {
		return
	}
	x.merge(x.end(other, causeNormal, true), nil)
}
