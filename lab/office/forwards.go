package office

import "time"

// forwardsAll lets a desk dial the code that forwards its calls.
func (o *Office) forwardsAll(desk, to string) { o.dials(desk, "*72"+desk+to).over() }

// forwardedTo is what a desk may say of a call that never came to it, since its calls are forwarded.
func (o *Office) forwardedTo(desk, to string, caller *Call) *View {
	v := &View{
		Direction: "inbound", Other: caller.who, Disposition: "forwarded", EndedBy: "pbx", Optional: true,
		EndedByAlso: []string{"self", "other"}, call: &Call{at: desk},
	}
	v.now("forwarded", to).fact("forwarded_to", to)
	o.views = append(o.views, v)
	return v
}

var forwards = []Flow{
	{Name: "70-forward-unconditional",
		Story: "1001 has forwarded its calls to 1003 (*72); inbound to 1001 rings 1003, who answers and talks; the caller hangs up",
		Setup: func(o *Office) { o.forwardsAll("1001", "1003") },
		Act: func(o *Office) {
			caller := o.calls(bob, "5550101")
			o.forwardedTo("1001", "1003", caller)
			third := o.rings("1003", caller)
			third.fact("forwarded_by", "1001")
			o.ring()
			third.answers()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "71-forward-unconditional-to-outside",
		Story: "1001 has forwarded its calls to 95550199 (*72); inbound to 1001 rings outside, which answers and talks; the caller hangs up",
		Setup: func(o *Office) { o.forwardsAll("1001", "95550199") },
		Act: func(o *Office) {
			caller := o.calls(bob, "5550101")
			o.forwardedTo("1001", "95550199", caller).fact("forwarded_to_also_ok", []string{"5550199"})
			target := o.rings(outside, caller)
			o.ring()
			target.answers()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "72-forward-of-an-internal-call",
		Story: "1002 has forwarded its calls to 1003 (*72); 1001 calls 1002; 1003 rings, answers and talks; 1003 hangs up",
		Setup: func(o *Office) { o.forwardsAll("1002", "1003") },
		Act: func(o *Office) {
			alice := o.dials("1001", "1002")
			v := o.forwardedTo("1002", "1003", alice)
			v.Direction = "internal"
			third := o.rings("1003", alice)
			third.fact("forwarded_by", "1002")
			alice.NumberAlso, alice.NameAlso = []string{"1003"}, []string{"Carol Three"}
			o.ring()
			third.answers()
			o.talk()
			third.hangsUp()
		}},

	{Name: "73-forward-by-the-phone-302",
		Story: "inbound to 1001, whose phone sends it on to 1003 at once (302); 1003 rings, answers and talks; the caller hangs up",
		Act: func(o *Office) {
			caller := o.calls(bob, "5550101")
			alice := o.arrives("1001", caller)
			alice.now("forwarded", "1003").fact("forwarded_to", "1003")
			alice.redirects("1003")
			third := o.rings("1003", caller)
			third.fact("forwarded_by", "1001")
			o.ring()
			third.answers()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "74-forward-by-the-phone-302-after-ringing",
		Story: "inbound rings at 1001, whose phone then sends it on to 1002 (302); 1002 rings and is not answered; the caller gives up",
		Act: func(o *Office) {
			caller := o.calls(bob, "5550101")
			alice := o.rings("1001", caller)
			o.ring()
			alice.now("forwarded", "1002").fact("forwarded_to", "1002")
			alice.redirects("1002")
			second := o.rings("1002", caller)
			second.fact("forwarded_by", "1001")
			caller.far = second
			o.ring()
			caller.givesUp()
		}},

	{Name: "75-forward-set-and-taken-back",
		Story: "1001 dials *7210011002, then *731001: two short calls to the PBX itself",
		Act: func(o *Office) {
			for _, code := range []string{"*7210011002", "*731001"} {
				c := o.dials("1001", code)
				c.Optional = true
				c.over()
			}
		}},
}

// toVoicemail says that the caller came to a desk's voicemail, now.
func (c *Call) toVoicemail() {
	c.now("forwarded", "voicemail")
	c.Disposition, c.EndedByAlso = "voicemail", []string{"pbx", "self"}
	c.fact("disconnected_may_be_at", "the end of the desk's leg (= forwarded) or the end of the message")
}

var voicemail = []Flow{
	{Name: "76-no-answer-to-voicemail-message",
		Story: "DID 5550122 rings 1001 for 3 s, then voicemail answers; the caller leaves a message and hangs up",
		Act: func(o *Office) {
			caller := o.calls(bob, "5550122")
			alice := o.rings("1001", caller)
			alice.over()
			alice.toVoicemail()
			caller.up()
			o.pass(6 * time.Second)
			caller.hangsUp()
			alice.untilEndOf(caller)
		}},

	{Name: "77-busy-to-voicemail-given-up-early",
		Story: "DID 5550122: 1001 is busy (486), voicemail answers; the caller hangs up during the greeting",
		Act: func(o *Office) {
			caller := o.calls(bob, "5550122")
			alice := o.arrives("1001", caller)
			alice.rejects(486)
			alice.toVoicemail()
			alice.DispositionAlso = []string{"busy"}
			caller.up()
			caller.hearsAudio()
			o.talk()
			caller.hangsUp()
			alice.untilEndOf(caller)
		}},

	{Name: "78-caller-gives-up-before-voicemail",
		Story: "DID 5550122 rings 1001; the caller gives up before voicemail answers",
		Act: func(o *Office) {
			caller := o.calls(bob, "5550122")
			o.rings("1001", caller)
			o.ring()
			caller.givesUp()
		}},
}
