package demopbx

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// trunk is the endpoint of the outside world, sipHost the PBX's own SIP address.
const (
	trunk   = "trunk"
	sipHost = "127.0.0.1"
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

// newExten starts an application on a channel and tells Newexten. Asterisk makes that event out of two pictures of a
// channel, so it comes only when the place in the dialplan is another one (or the first application begins).
func (x *exchange) newExten(ch *channel, app, data string) {
	ch.app, ch.appData = app, data
	x.tellPlace(ch)
}

func (x *exchange) tellPlace(ch *channel) {
	here := spot{ch.context, ch.exten, ch.priority}
	if ch.app == "" || ch.toldApp && ch.told == here {
		return
	}
	ch.told, ch.toldApp = here, true
	x.emit(classDialplan, "Newexten", func(m *message) {
		m.addChannel("", ch)
		m.add("Extension", ch.exten)
		m.add("Application", ch.app)
		m.add("AppData", ch.appData)
	})
}

// step moves a channel to a place in the dialplan and runs what is there.
func (x *exchange) step(ch *channel, priority int, app, data string) {
	ch.priority = priority
	x.newExten(ch, app, data)
}

// goTo sends a channel to an extension. What it ran so far is still its application when the event is told.
func (x *exchange) goTo(ch *channel, context, exten string) {
	ch.context, ch.exten, ch.priority = context, exten, 1
	x.tellPlace(ch)
}

// run lets a channel go through the dialplan from where it is.
func (x *exchange) run(ch *channel) {
	if ch.dead {
		return
	}
	ch.thread = nil
	r := x.routeOf(ch.context, ch.exten)
	if p := ch.call.plan; p != nil && p.route.kind != toNobody && ch.call.first == ch && !ch.call.routed {
		r = p.route
	}
	ch.call.routed = true
	x.follow(ch, r)
}

// follow carries out a route.
func (x *exchange) follow(ch *channel, r route) {
	if r.recorded {
		x.startRecording(ch)
	}
	switch r.kind {
	case toExtension:
		x.subroutine(ch, r)
	case toOutside:
		x.dialOut(ch, r)
	case toGroup:
		x.dial(ch, r, 1, fmt.Sprintf("PJSIP/%s,%d,tT", strings.Join(r.rings, "&PJSIP/"), r.seconds), func(d *dial, _ string) []func() {
			return append([]func(){func() { x.step(ch, 2, "Hangup", "") }}, x.endOfDialplan(ch, cmpCause(d.cause))...)
		})
	case toHunt:
		x.hunt(ch, r, 0)
	case toLocal:
		x.dialLocal(ch, r)
	case toQueue:
		x.queueUp(ch, r)
	case toRoom:
		x.enterRoom(ch, r)
	case toSpace:
		x.retrieve(ch, r)
	case toPark:
		x.parkHere(ch)
	case toPickup:
		x.pickUp(ch, r)
	case toSpy:
		x.spy(ch, r)
	case toEcho:
		x.step(ch, 1, "Answer", "")
		x.answerItself(ch)
		x.step(ch, 2, "Echo", "")
		ch.in = &waiting{x: x}
	default:
		x.merge([]func(){func() { x.hangup(ch, causeUnallocated) }}, nil)
	}
}

// cmpCause is pbx_builtins.c, pbx_builtin_hangup without an argument.
func cmpCause(cause int) int {
	if cause == causeUnset {
		return causeNormal
	}
	return cause
}

// answerItself is the dialplan's own Answer.
func (x *exchange) answerItself(ch *channel) {
	ch.silent = true
	if ch.state != stateUp {
		x.setState(ch, stateUp)
		if l := ch.half; l != nil && ch == l.far {
			l.answeredByService()
		}
	}
}

// dial starts the application Dial.
func (x *exchange) dial(ch *channel, r route, priority int, data string, lost func(d *dial, status string) []func()) *dial {
	x.step(ch, priority, "Dial", data)
	for _, name := range []string{"DIALSTATUS", "DIALEDPEERNUMBER", "DIALEDPEERNAME", "ANSWEREDTIME", "ANSWEREDTIME_MS",
		"DIALEDTIME", "DIALEDTIME_MS", "RINGTIME", "RINGTIME_MS", "PROGRESSTIME", "PROGRESSTIME_MS"} {
		x.setVar(ch, name, "")
	}
	d := &dial{x: x, call: ch.call, from: ch, route: r}
	d.lost = func(status string) []func() { return lost(d, status) }
	if ch.half != nil && ch == ch.half.far {
		d.relayed = ch.half.relay
	}
	if r.kind != toLocal && !r.forwarded() {
		d.start()
	}
	return d
}

// dialOut is the dialplan of a number outside, with the company's number as caller id.
func (x *exchange) dialOut(ch *channel, r route) {
	x.step(ch, 1, "NoOp", "outbound")
	x.step(ch, 2, "Set", fmt.Sprintf("CALLERID(all)=%s <%s>", x.company.name, x.company.number))
	ch.caller = x.company
	x.emitChannel("NewCallerid", ch, "CID-CallingPres", presentation(false))
	x.dial(ch, r, 3, fmt.Sprintf("PJSIP/%s@%s,%d,tT", r.number, trunk, r.seconds), func(d *dial, status string) []func() {
		cause := cmpCause(d.cause)
		var todo []func()
		run := func(priority int, app, data string) {
			todo = append(todo, func() { x.step(ch, priority, app, data) })
		}
		switch status {
		case "BUSY":
			run(4, "GotoIf", "1?busy")
			run(7, "Hangup", "17")
			cause = causeBusy
		default:
			run(4, "GotoIf", "0?busy")
			run(5, "GotoIf", "0?cong")
			run(6, "Hangup", strconv.Itoa(d.cause))
		}
		return append(todo, x.endOfDialplan(ch, cause)...)
	})
}

// hunt rings one after the other.
func (x *exchange) hunt(ch *channel, r route, n int) {
	one := r
	one.kind, one.rings = toGroup, r.rings[n:n+1]
	x.dial(ch, one, n+1, fmt.Sprintf("PJSIP/%s,%d,tT", one.rings[0], r.seconds), func(d *dial, status string) []func() {
		if n+1 < len(r.rings) {
			return []func(){func() { x.hunt(ch, r, n+1) }}
		}
		return append([]func(){func() { x.step(ch, n+2, "Hangup", "") }}, x.endOfDialplan(ch, cmpCause(d.cause))...)
	})
}

// subroutine is the dialplan of one extension: sub-ext with its forward and its mailbox.
func (x *exchange) subroutine(ch *channel, r route) {
	to := r.number
	args := []string{to}
	seconds := r.seconds
	if seconds != ringPhone || r.voicemail {
		args = append(args, strconv.Itoa(seconds))
	} else if t, set := ch.vars["RINGTIME"]; set && t != "" { // an earlier Dial's RINGTIME hides the global one
		seconds, _ = strconv.Atoi(t)
	}
	if r.voicemail {
		args = append(args, "vm")
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
	forward := cmp.Or(ch.call.forwards[to], x.forwards[to])
	x.step(ch, 3, "Set", "CFU="+forward)
	x.setVar(ch, "CFU", forward)
	after := func(d *dial, status string) []func() { return x.afterSubroutine(ch, r, d, status) }
	if forward != "" {
		x.step(ch, 4, "GotoIf", "0?ring")
		x.step(ch, 5, "Set", "REDIRECTING(from-num,i)="+to)
		x.step(ch, 6, "Set", "REDIRECTING(reason)=cfu")
		l := route{kind: toLocal, number: forward, seconds: seconds}
		d := x.dial(ch, l, 7, fmt.Sprintf("Local/%s@internal,%d,tT", forward, seconds), after)
		d.startLocal(forward, nil)
		return
	}
	x.step(ch, 4, "GotoIf", "1?ring")
	devices := make([]string, len(r.rings))
	for i, who := range r.rings {
		endpoint, contact := splitContact(who)
		if devices[i] = "PJSIP/" + endpoint; contact > 0 {
			devices[i] += "/" + contactURI(x.phones[endpoint], endpoint, contact)
		}
	}
	x.dial(ch, r, 9, fmt.Sprintf("%s,%d,tTkKxX", strings.Join(devices, "&"), seconds), after)
}

func (x *exchange) afterSubroutine(ch *channel, r route, d *dial, status string) []func() {
	var todo []func()
	run := func(priority int, app, data string) {
		todo = append(todo, func() { x.step(ch, priority, app, data) })
	}
	cause := cmpCause(d.cause)
	if (status == "NOANSWER" || status == "BUSY") && r.voicemail {
		run(10, "GotoIf", "1?vm")
		ch.cause = d.cause
		if status == "BUSY" {
			ch.sipCode = 486
		}
		return append(todo, func() { x.voicemail(ch, r.number) })
	}
	run(10, "GotoIf", "0?vm")
	switch status {
	case "BUSY":
		run(11, "GotoIf", "1?busy")
		run(14, "Hangup", "17")
		cause = causeBusy
	case "NOANSWER":
		run(11, "GotoIf", "0?busy")
		run(12, "GotoIf", "1?noans")
		run(15, "Hangup", "19")
		cause = causeNoAnswer
	default:
		run(11, "GotoIf", "0?busy")
		run(12, "GotoIf", "0?noans")
		run(13, "Hangup", strconv.Itoa(d.cause))
	}
	return append(todo, x.endOfDialplan(ch, cause)...)
}

// endOfDialplan ends a channel that runs the dialplan: SoftHangupRequest always (its Cause is a flag, not a cause), the h
// extension where the context has one, Hangup.
func (x *exchange) endOfDialplan(ch *channel, cause int) []func() {
	return []func(){
		func() {
			ch.in = nil
			x.askHangup("SoftHangupRequest", ch, 16)
		},
		func() {
			if !slices.Contains([]string{"internal", "from-trunk"}, ch.context) {
				return
			}
			ch.exten = "h"
			x.step(ch, 1, "NoOp", "h")
			ch.priority = 2
		},
		func() { x.hangup(ch, cause) },
	}
}

// waiting is a channel in an application in which nobody else is: Echo, VoiceMail, ChanSpy.
type waiting struct {
	x     *exchange
	cause int    // with which the channel ends when its phone hangs up: what an earlier call left behind
	last  func() // what the application tells at the end
}

func (w *waiting) hangUp(ch *channel, cause int, asked bool) {
	if !asked {
		w.x.askHangup("HangupRequest", ch, cause)
	}
	w.release(ch)
	switch {
	case !asked:
		cause = w.cause
	case cause == causeUnset:
		cause = causeNormal
	}
	w.x.merge(w.x.endOfDialplan(ch, cause), nil)
}

func (w *waiting) release(ch *channel) {
	ch.in = nil
	if w.last != nil {
		w.last()
	}
}
