package demopbx

import "slices"

// How a transfer came out, as AMI writes it.
const (
	transferSuccess = "Success"
	transferInvalid = "Invalid"
)

// refer is a phone's REFER: the one it talks to goes to another number. A number that does not exist is refused with 404,
// and AMI says nothing of it.
func (x *exchange) refer(by *channel, number string) bool {
	peer := by.bridge.other(by)
	if peer == nil || x.routeOf("internal", number).kind == toNobody {
		return false
	}
	x.giveAway(by, "internal", number, true, func() {
		x.setVar(peer, "SIPTRANSFER", "yes")
		x.setVar(peer, "SIPREFERRINGCONTEXT", "internal")
		x.setVar(peer, "__SIPREFERREDBYHDR", "<sip:"+by.endpoint+"@"+hostOf(x.phones[by.endpoint])+">")
		x.setVar(peer, "SIPREFERTOHDR", "sip:"+number+"@"+sipHost)
	})
	return true
}

// giveAway is a blind transfer (bridge.c, ast_bridge_transfer_blind): by leaves, who talked to by goes on in the dialplan.
func (x *exchange) giveAway(by *channel, context, number string, external bool, prepare func()) string {
	peer := by.bridge.other(by)
	tell := func(result string) string {
		x.emit(classCall, "BlindTransfer", func(m *message) {
			m.add("Result", result)
			m.addChannel("Transferer", by)
			if peer != nil {
				m.addChannel("Transferee", peer)
			}
			if by.bridge != nil {
				m.addBridge("", by.bridge)
			}
			m.add("IsExternal", map[bool]string{true: "Yes", false: "No"}[external])
			m.add("Context", context)
			m.add("Extension", number)
		})
		return result
	}
	if peer == nil {
		return tell(transferInvalid)
	}
	x.unhold(by)
	by.bridge.tellPeers()
	if x.routeOf(context, number).kind == toPark {
		if prepare != nil {
			prepare()
		}
		result := tell(transferSuccess)
		x.park(peer, by.device(), parkTimeout)
		return result
	}
	x.setVar(peer, "BLINDTRANSFER", by.name)
	x.setVar(by, "BLINDTRANSFER", peer.name)
	if prepare != nil {
		prepare()
	}
	x.goTo(peer, context, number)
	result := tell(transferSuccess)
	x.clearPeer(peer)
	x.leaveOpen(peer)
	x.clearPeer(by)
	x.leave(by)
	peer.bridge = nil
	x.merge([]func(){func() { x.run(peer) }}, slices.Insert(x.end(by, causeNormal, false), 0, func() { x.tellOwnQuality(by) }))
	return result
}

// join is a phone's REFER with Replaces: the ones that it talks to in two calls are connected with one another, and both
// of its own channels end (bridge.c, two_bridge_attended_transfer).
func (x *exchange) join(first, second *channel) bool {
	transferee := first.bridge.other(first)
	if d, calling := second.in.(*dial); calling && d.from == second && transferee != nil {
		x.joinRinging(first, second, transferee, d)
		return true
	}
	target := second.bridge.other(second)
	if transferee == nil || target == nil {
		return false
	}
	before := snapshotTransfer(first, second, transferee, target)
	x.unhold(first)
	x.unhold(second)
	x.setVar(first, "ATTENDEDTRANSFER", transferee.name)
	x.setVar(transferee, "ATTENDEDTRANSFER", first.name)
	orig, b := first.bridge, second.bridge
	x.leaveOpen(transferee)
	x.clearPeer(second)
	x.leaveOpen(second)
	second.bridge = nil
	b.enter(transferee, "SwapUniqueid", second.uniqueid)
	x.setVar(transferee, "ATTENDEDTRANSFER", "")
	b.tellPeers()
	target.connected = transferee.caller
	x.emitChannel("NewConnectedLine", target)
	x.clearPeer(first)
	x.leaveOpen(first)
	x.emitChannel("SoftHangupRequest", second, "Cause", "1")
	before.tell(x, true, b)
	transferee.connected = target.caller
	x.merge(x.ended(second), append([]func(){
		func() { x.closeBridge(orig) },
		func() { x.emitChannel("NewConnectedLine", transferee) },
		func() { first.bridge = nil },
	}, x.ended(first)...))
	first.call.now().absorb(second.call)
	return true
}

// joinRinging is the same while the second call still rings: the transferee takes the second channel's place in Dial
// (a masquerade: nothing tells of it but the next event of Dial).
func (x *exchange) joinRinging(first, second, transferee *channel, d *dial) {
	b := first.bridge
	before := attended{first: *first, second: *second, transferee: *transferee, orig: *b}
	x.unhold(first)
	x.emit(classCall, "AttendedTransfer", func(m *message) {
		m.add("Result", transferSuccess)
		m.addChannel("OrigTransferer", &before.first)
		m.addBridge("Orig", &before.orig)
		m.addChannel("SecondTransferer", &before.second)
		m.addChannel("Transferee", &before.transferee)
		m.add("IsExternal", "No")
		m.add("DestType", "App")
		m.add("DestApp", second.app)
	})
	x.leaveOpen(transferee)
	x.clearPeer(first)
	x.leaveOpen(first)
	x.askHangup("HangupRequest", first, causeNormal)
	x.closeBridge(b)
	first.bridge, transferee.bridge = nil, nil
	x.merge(x.ended(first), nil)
	transferee.context, transferee.exten, transferee.priority = second.context, second.exten, second.priority
	transferee.app, transferee.appData = second.app, second.appData
	transferee.connected, transferee.thread = second.connected, nil
	d.from, transferee.in, second.in = transferee, d, nil
	second.sipCode = 487
	x.askHangup("HangupRequest", second, causeNormal)
	x.emitChannel("NewConnectedLine", transferee)
	for _, ch := range d.legs {
		ch.connected = transferee.caller
		x.emitChannel("NewConnectedLine", ch)
	}
	x.askHangup("SoftHangupRequest", second, 16)
	x.hangup(second, causeNormal)
	first.call.now().absorb(second.call)
}

// ended is the end of a channel that has left its bridge.
func (x *exchange) ended(ch *channel) []func() {
	todo := x.end(ch, causeNormal, false)
	return slices.Insert(todo, len(todo)-1, func() { x.tellOwnQuality(ch) })
}

func (x *exchange) closeBridge(b *bridge) {
	if len(b.channels) == 0 && slices.Contains(x.bridges, b) {
		x.emitBridge("BridgeDestroy", b, nil)
		x.bridges = slices.DeleteFunc(x.bridges, func(o *bridge) bool { return o == b })
	}
}

// attended is what AttendedTransfer tells: how everything was when the transfer began.
type attended struct {
	first, second, transferee, target channel
	orig, consult                     bridge
}

func snapshotTransfer(first, second, transferee, target *channel) attended {
	a := attended{first: *first, second: *second, transferee: *transferee, target: *target}
	a.orig, a.consult = *transferee.bridge, *target.bridge
	return a
}

func (a attended) tell(x *exchange, external bool, b *bridge) {
	x.emit(classCall, "AttendedTransfer", func(m *message) {
		m.add("Result", transferSuccess)
		m.addChannel("OrigTransferer", &a.first)
		m.addBridge("Orig", &a.orig)
		m.addChannel("SecondTransferer", &a.second)
		m.addBridge("Second", &a.consult)
		m.addChannel("Transferee", &a.transferee)
		m.addChannel("TransferTarget", &a.target)
		m.add("IsExternal", "No")
		m.add("DestType", "Bridge")
		m.add("DestBridgeUniqueid", b.id)
	})
}

// redirect is AMI's Redirect of one channel, or of two together: they go on in the dialplan. Who talked to one that is
// redirected alone is hung up.
func (x *exchange) redirect(context, number string, all ...*channel) {
	places := make([]spot, len(all))
	for i := range places {
		places[i] = spot{context, number, 1}
	}
	x.redirectTo(places, all)
}

// redirectBoth is Redirect with ExtraChannel, which may have a place of its own.
func (x *exchange) redirectBoth(r request, ch, extra *channel) {
	to := spot{r.get("Context"), r.get("Exten"), 1}
	second := to
	if r.get("ExtraContext") != "" {
		second = spot{r.get("ExtraContext"), r.get("ExtraExten"), 1}
	}
	x.redirectTo([]spot{to, second}, []*channel{ch, extra})
}

func (x *exchange) redirectTo(places []spot, all []*channel) {
	together := len(all) == 2 && all[0].bridge != nil && all[0].bridge.other(all[0]) == all[1]
	for i, ch := range all {
		x.goTo(ch, places[i].context, places[i].exten)
		switch {
		case together:
			x.clearPeer(ch)
			x.leave(ch)
		case ch.in != nil:
			ch.in.release(ch)
		}
	}
	for _, ch := range all {
		x.run(ch)
	}
}

// connect is AMI's Bridge: both are taken from where they are, and whom they talked to stays behind alone.
func (x *exchange) connect(one, two *channel) {
	b := x.newBridge(basic)
	for _, ch := range []*channel{one, two} {
		if ch.bridge != nil && ch.bridge.kind == basic {
			x.clearPeer(ch)
			x.leave(ch)
		} else if ch.in != nil {
			ch.in.release(ch)
		}
		b.enter(ch)
	}
	b.tellPeers()
	one.call.now().absorb(two.call)
}
