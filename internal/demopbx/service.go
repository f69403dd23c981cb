package demopbx

import "slices"

// voicemail takes a message: nothing but Newexten tells that it runs, and MessageWaiting at the end.
func (x *exchange) voicemail(ch *channel, box string) {
	x.step(ch, 16, "VoiceMail", box+"@default,su")
	x.answerItself(ch)
	ch.in = &waiting{x: x, cause: ch.cause, last: func() {
		x.mailboxes[box]++
		x.setVar(ch, "VM_MESSAGEFILE", "/var/spool/asterisk/voicemail/default/"+box+"/INBOX/msg0000")
		x.emitChannel("MessageWaiting", ch, "Mailbox", box+"@default", "Waiting", "1", "New", itoa(x.mailboxes[box]), "Old", "0")
		x.setVar(ch, "VMSTATUS", "SUCCESS")
	}}
	ch.thread = nil
}

// spy listens to what an extension says and hears.
func (x *exchange) spy(ch *channel, r route) {
	x.step(ch, 1, "Answer", "")
	x.answerItself(ch)
	x.step(ch, 2, "ChanSpy", "PJSIP/"+r.number+",q")
	w := &waiting{x: x}
	ch.in = w
	i := slices.IndexFunc(x.channels, func(o *channel) bool { return o.is(r.number) && o.bridge != nil })
	if i < 0 {
		return
	}
	of := x.channels[i]
	of.spies = append(of.spies, ch)
	x.emitSpy("ChanSpyStart", ch, of)
	w.last = func() { x.stopSpy(ch, of) }
}

func (x *exchange) stopSpy(ch, of *channel) {
	if slices.Contains(of.spies, ch) {
		of.spies = slices.DeleteFunc(of.spies, func(o *channel) bool { return o == ch })
		x.emitSpy("ChanSpyStop", ch, of)
	}
}

func (x *exchange) emitSpy(name string, ch, of *channel) {
	x.emit(classCall, name, func(m *message) {
		m.addChannel("Spyer", ch)
		m.addChannel("Spyee", of)
	})
}

// Recording by MixMonitor. There is no event when it ends with its channel.
func (x *exchange) startRecording(ch *channel) {
	file := "rec-" + ch.uniqueid + ".wav"
	x.newExten(ch, "MixMonitor", file+",b")
	x.record(ch, file)
	x.step(ch, 2, "Goto", ch.context+","+dialled(ch.exten)+",1")
	ch.exten, ch.priority = dialled(ch.exten), 1
}

// dialled is the number behind *1, which asks for a recording.
func dialled(exten string) string {
	if len(exten) > 2 && exten[:2] == "*1" {
		return exten[2:]
	}
	return exten
}

func (x *exchange) record(ch *channel, file string) {
	ch.recordings++
	x.setVar(ch, "MIXMONITOR_FILENAME", "/var/spool/asterisk/monitor/"+file)
	x.emitChannel("MixMonitorStart", ch)
}

func (x *exchange) stopRecording(ch *channel) bool {
	if ch.recordings == 0 {
		return false
	}
	ch.recordings--
	x.emitChannel("MixMonitorStop", ch)
	return true
}

func (x *exchange) muteRecording(ch *channel, direction string, on bool) {
	x.emitChannel("MixMonitorMute", ch, "Direction", direction, "State", oneIf(on))
}

// groupPickup is the feature code that picks up whatever rings in the group. It is no extension: no Newexten tells of it.
const groupPickup = "*8"

// pickUp answers what rings at another extension, or at the first of the group where something rings.
func (x *exchange) pickUp(ch *channel, r route) {
	if r.number != "" {
		x.step(ch, 1, "PickupChan", "PJSIP/"+r.number+",p")
	}
	for _, ringing := range x.channels {
		d, ok := ringing.called.(*dial)
		if !ok || ringing.state != stateRinging || d.from == nil || ringing.half != nil {
			continue
		}
		if r.number == ringing.endpoint || r.number == "" && slices.Contains(r.rings, ringing.endpoint) && ringing.endpoint != ch.endpoint {
			x.takeOver(ch, ringing, d)
			return
		}
	}
	x.merge(x.endOfDialplan(ch, causeNormal), nil)
}

// takeOver puts the picker's channel in the place of the ringing one. The ringing one gets no DialEnd: Dial's answer names
// the picker. What dialled **1001 goes on as the ringing channel, and so through the dialplan's end.
func (x *exchange) takeOver(ch, ringing *channel, d *dial) {
	d.call.now().absorb(ch.call)
	ch.connected = ringing.connected
	x.emitChannel("NewConnectedLine", ch)
	x.answerItself(ch)
	before := *ch
	d.drop(ringing)
	ringing.exten, ch.exten, ch.priority = ch.exten, ringing.exten, ringing.priority
	ringing.context, ch.context = ch.context, ringing.context
	d.from.silent, ch.thread = true, nil
	target := *ringing
	target.exten, target.context = ch.exten, ch.context
	x.newExten(ch, "AppDial", "(Outgoing Line)")
	x.emit(classCall, "Pickup", func(m *message) {
		m.addChannel("", &before)
		m.addChannel("Target", &target)
	})
	d.connectedLine(ch)
	ringing.called, ringing.in = nil, nil
	cause := []func(){func() { x.hangup(ringing, causeNormal) }}
	if before.exten != groupPickup {
		ringing.exten = target.exten
		cause = x.endOfDialplan(ringing, causeAnsweredElsewhere)
	}
	d.legs = append(d.legs, ch)
	x.merge(cause, nil)
	d.accept(ch)
}

// room is a conference.
type room struct {
	x       *exchange
	number  string
	bridge  *bridge
	members []*channel
}

// enterRoom is the dialplan of a conference room.
func (x *exchange) enterRoom(ch *channel, r route) {
	x.step(ch, 1, "Answer", "")
	x.answerItself(ch)
	x.step(ch, 2, "ConfBridge", r.number)
	i := slices.IndexFunc(x.rooms, func(o *room) bool { return o.number == r.number })
	if i < 0 {
		n := &room{x: x, number: r.number}
		n.bridge = x.newBridge(bridgeKind{"base", "softmix", "ConfBridge", r.number})
		n.bridge.silent = 1 // the announcer…
		x.sequence += 2     // …which is a pair of channels that nothing is told of
		x.rooms = append(x.rooms, n)
		i = len(x.rooms) - 1
		x.emitDevice("confbridge:"+r.number, "INUSE")
	}
	o := x.rooms[i]
	if len(o.members) > 0 {
		o.members[0].call.now().absorb(ch.call)
	}
	o.members = append(o.members, ch)
	ch.thread = nil
	o.bridge.enter(ch)
	ch.in = o
	if len(o.members) == 1 {
		empty := *o.bridge
		empty.channels = nil
		(&room{x: x, number: o.number, bridge: &empty}).emit("ConfbridgeStart", nil)
	}
	o.emit("ConfbridgeJoin", ch, "Admin", "No", "Muted", "No")
}

func (o *room) emit(name string, ch *channel, more ...string) {
	o.x.emit(classCall, name, func(m *message) {
		m.add("Conference", o.number)
		m.addBridge("", o.bridge)
		if ch != nil {
			m.addChannel("", ch)
		}
		for i := 0; i+1 < len(more); i += 2 {
			m.add(more[i], more[i+1])
		}
	})
}

func (o *room) hangUp(ch *channel, cause int, asked bool) {
	if !asked {
		ch.silent = ch.silent || ch.call.first == ch
		o.x.askHangup("HangupRequest", ch, cause)
	}
	if asked && cause == causeUnset {
		cause = causeNormal
	}
	o.release(ch)
	o.x.merge(o.x.endOfDialplan(ch, cause), nil)
}

func (o *room) release(ch *channel) {
	x := o.x
	o.members = slices.DeleteFunc(o.members, func(c *channel) bool { return c == ch })
	o.emit("ConfbridgeLeave", ch, "Admin", "No")
	ch.in = nil
	x.leaveOpen(ch)
	ch.bridge = nil
	if len(o.members) == 0 {
		o.emit("ConfbridgeEnd", nil)
		o.bridge.silent = 0
		x.closeBridge(o.bridge)
		x.emitDevice("confbridge:"+o.number, "NOT_INUSE")
		x.rooms = slices.DeleteFunc(x.rooms, func(r *room) bool { return r == o })
	}
}

// digit is one that is sent to a phone, or that counts as received from it.
func (x *exchange) digit(ch *channel, digit string, ms int, received bool) {
	direction := map[bool]string{true: "Received", false: "Sent"}[received]
	for _, name := range []string{"DTMFBegin", "DTMFEnd"} {
		x.emit(classDTMF, name, func(m *message) {
			m.addChannel("", ch)
			m.add("Digit", digit)
			if name == "DTMFEnd" {
				m.add("DurationMs", itoa(ms))
			}
			m.add("Direction", direction)
		})
	}
	if !received || ch.bridge == nil || ch.in == nil {
		return
	}
	ch.digits += digit
	code := func(c string) bool {
		if len(ch.digits) < len(c) || ch.digits[len(ch.digits)-len(c):] != c {
			return false
		}
		ch.digits = ""
		return true
	}
	switch { // features.conf of the lab
	case ch.consulting != nil && code("*3"):
		ch.consulting.threeWay()
	case ch.consulting != nil && code("*1"):
		x.consultEnds(ch)
	case code("*2"), code("#1"):
		x.holdByCode(ch)
	case code("*3"):
		on := ch
		if peer := ch.bridge.other(ch); peer != nil { // the peer's channel is recorded
			on = peer
		}
		if !x.stopRecording(on) {
			x.record(on, "auto-"+on.uniqueid+".wav")
		}
	case code("#72"):
		x.parkByCode(ch)
	case code("*0"):
		ch.in.hangUp(ch, causeNormal, true)
	}
}
