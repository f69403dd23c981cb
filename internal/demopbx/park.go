package demopbx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The parking lot: res_parking.conf of the lab.
const (
	parkExtension = "700"
	parkLot       = "default"
	parkFirst     = 701
	parkSpaces    = 20
	parkingName   = "parking"
	parkTimeout   = 45 * time.Second
)

var parkingBridge = bridgeKind{parkingName, "holding_bridge", "Parking", parkLot}

// parking is a call in a parking space.
type parking struct {
	x       *exchange
	ch      *channel
	space   int
	parker  string // dial string of who parked it
	since   time.Time
	timeout time.Duration
}

// park puts a channel into the first free space of the lot.
func (x *exchange) park(ch *channel, parker string, timeout time.Duration) {
	if x.lot == nil {
		x.lot = x.newBridge(parkingBridge)
	}
	p := &parking{x: x, ch: ch, space: parkFirst, parker: parker, since: x.at, timeout: timeout}
	for p.space < parkFirst+parkSpaces && slices.ContainsFunc(x.parked, func(o *parking) bool { return o.space == p.space }) {
		p.space++
	}
	if _, talks := ch.in.(*bridge); talks {
		x.clearPeer(ch)
		x.leave(ch)
	} else if ch.in != nil {
		ch.in.release(ch)
	}
	x.parked = append(x.parked, p)
	x.emitParking("ParkedCall", p, nil)
	x.emitParkDevice(p.space, "INUSE")
	x.lot.enter(ch)
	ch.in = p
	x.emitChannel("MusicOnHoldStart", ch, "Class", "default")
	x.later(timeout, func() {
		if slices.Contains(x.parked, p) && !x.someoneActs(p.ch) {
			p.timeOut()
		}
	})
}

func (x *exchange) emitParking(name string, p *parking, retriever *channel) {
	x.emit(classCall, name, func(m *message) { x.addParking(m, p, retriever) })
}

func (x *exchange) addParking(m *message, p *parking, retriever *channel) {
	m.addChannel("Parkee", p.ch)
	if retriever != nil {
		m.addChannel("Retriever", retriever)
	}
	m.add("ParkerDialString", p.parker)
	m.add("Parkinglot", parkLot)
	m.add("ParkingSpace", strconv.Itoa(p.space))
	for_ := int(x.at.Sub(p.since) / time.Second)
	m.add("ParkingTimeout", strconv.Itoa(max(0, int(p.timeout/time.Second)-for_)))
	m.add("ParkingDuration", strconv.Itoa(for_))
}

func (x *exchange) emitParkDevice(space int, state string) {
	x.emitDevice(fmt.Sprintf("park:%d@parkedcalls", space), state)
}

// parkHere is extension 700 dialled by the one who wants to be parked, or who is sent there.
func (x *exchange) parkHere(ch *channel) {
	x.step(ch, 1, "Park", "")
	x.answerItself(ch)
	x.park(ch, ch.device(), parkTimeout)
}

// leaveSpace frees the space.
func (p *parking) leaveSpace() {
	x := p.x
	x.parked = slices.DeleteFunc(x.parked, func(o *parking) bool { return o == p })
	x.emitChannel("MusicOnHoldStop", p.ch)
	x.emitParkDevice(p.space, "NOT_INUSE")
	p.ch.in = nil
	x.leave(p.ch)
}

// hangUp is the parked one's: nobody came.
func (p *parking) hangUp(ch *channel, cause int, asked bool) {
	x := p.x
	if !asked {
		x.askHangup("HangupRequest", ch, cause)
	}
	p.leaveSpace()
	x.emitParking("ParkedCallGiveUp", p, nil)
	if asked && cause == causeUnset {
		cause = causeNormal
	}
	x.merge(x.end(ch, cause, false), nil)
}

func (p *parking) release(*channel) { p.leaveSpace() }

// timeOut calls the parker back. Where that is no phone - half of a Local pair, or what a client has made up - the call ends.
func (p *parking) timeOut() {
	x, ch := p.x, p.ch
	endpoint, phone := strings.CutPrefix(p.parker, "PJSIP/")
	if !phone {
		x.emitParking("ParkedCallTimeOut", p, nil)
		p.leaveSpace()
		x.merge(x.endOfDialplan(ch, causeNormal), nil)
		return
	}
	r := route{kind: toGroup, number: endpoint, rings: []string{endpoint}, seconds: ringPhone}
	before := spot{ch.context, ch.exten, ch.priority}
	ch.context, ch.exten, ch.priority = "park-dial", "PJSIP_"+endpoint, 1
	x.emitParking("ParkedCallTimeOut", p, nil)
	ch.context, ch.exten, ch.priority = before.context, before.exten, before.priority
	p.leaveSpace()
	ch.context, ch.exten, ch.priority = "park-dial", "PJSIP_"+endpoint, 1
	ch.thread = nil
	x.dial(ch, r, 1, fmt.Sprintf("%s,%d,tTkKxX", p.parker, ringPhone), func(d *dial, _ string) []func() { return x.endOfDialplan(ch, cmpCause(d.cause)) })
}

// retrieve is a parking space's number dialled.
func (x *exchange) retrieve(ch *channel, r route) {
	i := slices.IndexFunc(x.parked, func(p *parking) bool { return strconv.Itoa(p.space) == r.number })
	x.step(ch, 1, "ParkedCall", parkLot+","+r.number)
	x.answerItself(ch)
	if i < 0 {
		x.merge(x.endOfDialplan(ch, causeNormal), nil)
		return
	}
	p := x.parked[i]
	b := x.newBridge(basic)
	p.leaveSpace()
	x.emitParking("UnParkedCall", p, ch)
	p.ch.call.now().absorb(ch.call)
	b.enter(p.ch)
	ch.thread = func(cause int) []func() { return x.endOfDialplan(ch, cause) }
	b.enter(ch)
	b.tellPeers()
	x.tellConnected(ch, p.ch.caller)
	x.tellConnected(p.ch, ch.caller)
}
