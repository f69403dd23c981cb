package office

import "time"

// endedInGap says that the listener could not see this call end.
func (v *View) endedInGap() {
	v.fact("ended_in_gap", true)
	v.DispositionAlso, v.TalkTolerance = []string{"unknown"}, 5
}

// beganInGap says that the listener could not see this call begin.
func (v *View) beganInGap() {
	v.fact("began_in_gap", true)
	v.TalkTolerance = 4
}

var faults = []Flow{
	{Name: "130-link-lost-while-ringing-and-talking", Drops: true,
		Story: "1001 rings (A), 1002 talks (A); the listener loses its connection; 1001 answers, 1002's caller hangs up, 1003 has a whole call; " +
			"the listener is back; 1001's caller hangs up",
		Act: func(o *Office) {
			first := o.calls(bob, "5550101")
			alice := o.rings("1001", first)
			second, b := o.answered(dora, "5550102", "1002")
			o.talk()
			o.drop()
			o.aMoment()
			alice.answers()
			alice.TalkTolerance = 4
			alice.fact("answered_in_gap", true)
			second.hangsUp()
			b.endedInGap()
			third, c := o.answered(gus, "5550103", "1003")
			c.Optional = true
			c.beganInGap()
			c.endedInGap()
			o.aMoment()
			third.hangsUp()
			o.aMoment()
			o.reconnect()
			o.talk()
			first.hangsUp()
		}},

	{Name: "131-link-lost-call-transferred-meanwhile", Drops: true,
		Story: "1001 talks to a caller; the listener loses its connection; 1001 sends the caller to 1002 (REFER), who answers; the listener is back; the caller hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			o.drop()
			alice.transfers("blind", "1002")
			alice.said[0].Optional = true // nobody saw it
			alice.endedInGap()
			done := alice.refers("1002")
			second := o.rings("1002", caller)
			o.must(done())
			second.fact("transferred_by", "1001")
			second.beganInGap()
			o.ring()
			second.answers()
			o.reconnect()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "132-link-lost-and-back-at-once", Drops: true,
		Story: "1001 calls outside, who answers; 1001 holds; the listener loses its connection and is back at once; 1001 resumes; the far end hangs up",
		Act: func(o *Office) {
			alice := o.dials("1001", "95550199")
			far := o.rings(outside, alice)
			o.ring()
			far.answers()
			o.aMoment()
			alice.holds()
			o.aMoment()
			o.drop()
			o.reconnect()
			o.aMoment()
			alice.resumes()
			o.talk()
			far.hangsUp()
		}},

	{Name: "133-pbx-killed-in-a-call", Drops: true,
		Story: "1001 talks to a caller; Asterisk is killed (SIGKILL) and started again; another caller rings 1001, who answers and talks; that caller hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			o.lab.Kill()
			alice.ends = time.Now()
			alice.EndedBy = "failure"
			alice.endedInGap()
			o.must(o.lab.Restart(o.ctx))
			o.reconnect()
			caller.hangsUp() // the PBX knows nothing of the call any more
			alice.hangsUp()
			o.must(o.phones["1001"].Register(o.ctx))
			next, _ := o.answered(dora, "5550101", "1001")
			o.talk()
			next.hangsUp()
		}},
}
