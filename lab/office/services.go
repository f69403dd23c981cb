package office

import "fmt"

// originate lets a program place a call for a desk, as a click in a list does: the desk's own phone rings first.
func (o *Office) originate(desk, number string, timeoutMS string) *Call {
	v := dialed(number)
	o.action("u1001", "Originate", "Channel: PJSIP/"+desk, "Context: internal", "Exten: "+number, "Priority: 1",
		fmt.Sprintf("CallerID: \"Click %[1]s\" <%[1]s>", v.Other.Number), "Timeout: "+timeoutMS, "Async: true")
	sip, err := o.phones[desk].Incoming(o.ctx)
	o.must(err)
	c := o.keep(&Call{at: desk, who: deskPerson(desk), sip: sip})
	v.NameAlso = []string{"Click " + v.Other.Number}
	v.Role, v.Dialed = "", ""
	c.View = o.watch(c, v)
	c.fact("click_to_dial", true)
	o.must(c.sip.Ring(o.ctx))
	return c
}

var clickToDial = []Flow{
	{Name: "80-click-to-dial-answered",
		Story: "a program dials 95550199 for 1001: 1001's phone rings and is answered, then the outside rings, answers and talks, and hangs up",
		Act: func(o *Office) {
			alice := o.originate("1001", "95550199", "20000")
			o.ring()
			alice.answers()
			far := o.rings(outside, alice)
			alice.maybeNow("ringing", "far end")
			o.ring()
			far.answers()
			alice.talksFrom(far)
			o.talk()
			far.hangsUp()
		}},

	{Name: "81-click-to-dial-own-phone-not-answered",
		Story: "a program dials 95550199 for 1001 with a timeout of 2 s; 1001's phone rings and is not answered",
		Act: func(o *Office) {
			alice := o.originate("1001", "95550199", "2000")
			alice.over()
			alice.Disposition, alice.EndedBy = "missed", "pbx"
			alice.DispositionAlso = []string{"failed", "cancelled"}
		}},

	{Name: "82-click-to-dial-far-end-busy",
		Story: "a program dials 95550199 for 1001: 1001's phone rings and is answered, the outside is busy (486)",
		Act: func(o *Office) {
			alice := o.originate("1001", "95550199", "20000")
			o.ring()
			alice.answers()
			far := o.arrives(outside, alice)
			far.rejects(486)
			alice.over()
			alice.neverTalked("busy", "other")
		}},

	{Name: "83-click-to-dial-own-phone-rejects",
		Story: "a program dials 95550199 for 1001; 1001's phone rejects (603)",
		Act: func(o *Office) {
			alice := o.originate("1001", "95550199", "20000")
			o.ring()
			alice.rejects(603)
			alice.DispositionAlso = []string{"cancelled", "failed"}
		}},

	{Name: "84-click-to-dial-to-a-desk",
		Story: "a program dials 1002 for 1001: 1001's phone rings and is answered, then 1002 rings, answers and talks; 1001 hangs up",
		Act: func(o *Office) {
			alice := o.originate("1001", "1002", "20000")
			o.ring()
			alice.answers()
			second := o.rings("1002", alice)
			alice.maybeNow("ringing", "far end")
			o.ring()
			second.answers()
			alice.talksFrom(second)
			o.talk()
			alice.hangsUp()
		}},
}

var recording = []Flow{
	{Name: "85-recorded-inbound",
		Story: "DID 5550151 records (MixMonitor) and rings 1001, who answers and talks; 1001 hangs up",
		Act: func(o *Office) {
			_, alice := o.answered(bob, "5550151", "1001")
			alice.Recorded = true
			o.talk()
			alice.hangsUp()
		}},

	{Name: "86-recording-by-feature-code-on-and-off",
		Story: "inbound to 1001, answered; 1001 presses *3 (recording begins), later *3 again (ends); the caller hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.aMoment()
			alice.presses("*3")
			alice.Recorded = true
			o.talk()
			alice.presses("*3")
			o.talk()
			caller.hangsUp()
		}},

	{Name: "87-recording-paused-by-a-program",
		Story: "DID 5550151 records and rings 1001, who answers; a program mutes the recording and unmutes it; the caller hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550151", "1001")
			alice.Recorded = true
			o.talk()
			o.action("u1001", "MixMonitorMute", "Channel: "+o.channel("trunk"), "Direction: both", "State: 1")
			o.talk()
			o.action("u1001", "MixMonitorMute", "Channel: "+o.channel("trunk"), "Direction: both", "State: 0")
			o.aMoment()
			caller.hangsUp()
		}},
}

var monitoring = []Flow{
	{Name: "88-spied-upon",
		Story: "inbound to 1001, answered; 1002 dials *901001 and listens in, then hangs up; the caller hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.aMoment()
			spy := o.dials("1002", "*901001")
			spy.up()
			spy.NumberAlso, spy.NameAlso, spy.Optional = []string{"1001"}, []string{"Alice One"}, true
			alice.Monitored = true
			o.talk()
			spy.hangsUp()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "89-spied-upon-to-the-end",
		Story: "1001 calls outside, who answers; 1002 dials *901001 and listens in; 1001 hangs up, then 1002",
		Act: func(o *Office) {
			alice := o.dials("1001", "95550199")
			far := o.rings(outside, alice)
			o.ring()
			far.answers()
			spy := o.dials("1002", "*901001")
			spy.up()
			spy.NumberAlso, spy.NameAlso, spy.Optional = []string{"1001"}, []string{"Alice One"}, true
			alice.Monitored = true
			o.talk()
			alice.hangsUp()
			o.aMoment()
			spy.hangsUp()
		}},
}
