package office

var simple = []Flow{
	{Name: "90-inbound-answered-desk-hangs-up",
		Story: "inbound rings at 1001, who answers, talks and hangs up",
		Act: func(o *Office) {
			_, alice := o.answered(bob, "5550101", "1001")
			o.longTalk()
			alice.hangsUp()
		}},

	{Name: "91-inbound-rejected",
		Story: "inbound rings at 1001, whose phone rejects (603)",
		Act: func(o *Office) {
			alice := o.rings("1001", o.calls(bob, "5550101"))
			o.ring()
			alice.rejects(603)
		}},

	{Name: "92-inbound-busy-after-ringing",
		Story: "inbound rings at 1001, whose user presses the key for busy (486)",
		Act: func(o *Office) {
			alice := o.rings("1001", o.calls(bob, "5550101"))
			o.ring()
			alice.rejects(486)
		}},

	{Name: "93-outbound-busy",
		Story: "1001 dials 95550199, which is busy (486)",
		Act: func(o *Office) {
			alice := o.dials("1001", "95550199")
			o.arrives(outside, alice).rejects(486)
		}},

	{Name: "94-outbound-given-up",
		Story: "1001 dials 95550199, which rings and is not answered; 1001 gives up",
		Act: func(o *Office) {
			alice := o.dials("1001", "95550199")
			o.rings(outside, alice)
			alice.hearsRinging()
			o.ring()
			alice.givesUp()
		}},

	{Name: "95-outbound-rejected",
		Story: "1001 dials 95550199, which rings and rejects (603)",
		Act: func(o *Office) {
			alice := o.dials("1001", "95550199")
			far := o.rings(outside, alice)
			o.ring()
			far.rejects(603)
		}},

	{Name: "96-outbound-unknown-number",
		Story: "1001 dials 95550404; the trunk says that there is no such number (404)",
		Act: func(o *Office) {
			alice := o.dials("1001", "95550404")
			o.arrives(outside, alice).rejects(404)
		}},

	{Name: "97-outbound-early-media",
		Story: "1001 dials 95550199 and hears it before it answers (183); it answers and talks; it hangs up",
		Act: func(o *Office) {
			alice := o.dials("1001", "95550199")
			far := o.arrives(outside, alice)
			far.isHeardEarly()
			o.ring()
			far.answers()
			o.longTalk()
			far.hangsUp()
		}},

	{Name: "98-outbound-no-answer",
		Story: "1001 dials 95550199, which rings; the trunk gives up (480)",
		Act: func(o *Office) {
			alice := o.dials("1001", "95550199")
			far := o.rings(outside, alice)
			o.ring()
			far.rejects(480)
			alice.Disposition, alice.EndedBy = "missed", "other"
			alice.DispositionAlso, alice.EndedByAlso = []string{"failed"}, []string{"pbx", "failure"}
		}},

	{Name: "99-internal-no-answer",
		Story: "1001 calls 1002, which rings 4 s and is not answered",
		Act: func(o *Office) {
			alice := o.dials("1001", "1002")
			o.rings("1002", alice)
			alice.over()
			alice.DispositionAlso = []string{"failed"}
		}},

	{Name: "100-internal-busy",
		Story: "1001 calls 1002, which is busy (486)",
		Act: func(o *Office) {
			alice := o.dials("1001", "1002")
			o.arrives("1002", alice).rejects(486)
		}},

	{Name: "101-internal-given-up",
		Story: "1001 calls 1002, which rings; 1001 gives up",
		Act: func(o *Office) {
			alice := o.dials("1001", "1002")
			o.rings("1002", alice)
			alice.hearsRinging()
			o.ring()
			alice.givesUp()
		}},

	{Name: "102-internal-no-phone-there",
		Story: "1001 calls 1005, whose phone is not registered",
		Act: func(o *Office) {
			alice := o.dials("1001", "1005")
			alice.over()
			alice.NameAlso = []string{""} // nobody told 1001's phone
			alice.Disposition, alice.EndedBy, alice.EndedByAlso = "failed", "failure", []string{"pbx"}
		}},

	{Name: "103-no-such-number",
		Story: "1001 dials 1999, which the PBX does not have (404)",
		Act: func(o *Office) {
			alice := o.dials("1001", "1999")
			alice.over()
			alice.Optional = true
			o.note("the PBX refuses before it makes a channel: nothing is to be seen")
		}},

	{Name: "104-answered-at-once",
		Story: "inbound to 1001, whose phone answers by itself without ringing; the caller hangs up",
		Act: func(o *Office) {
			caller := o.calls(bob, "5550101")
			o.arrives("1001", caller).answers()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "105-echo",
		Story: "1001 dials 600, the PBX's echo, and hangs up",
		Act: func(o *Office) {
			alice := o.dials("1001", "600")
			alice.up()
			o.talk()
			alice.hangsUp()
		}},

	{Name: "106-through-a-local-channel-inbound",
		Story: "DID 5550141 rings 1001 through a Local channel; 1001 answers and talks; 1001 hangs up",
		Act: func(o *Office) {
			_, alice := o.answered(bob, "5550141", "1001")
			o.longTalk()
			alice.hangsUp()
		}},

	{Name: "107-through-a-local-channel-between-desks",
		Story: "1001 dials 81002, which rings 1002 through a Local channel; 1002 answers and talks; 1001 hangs up",
		Act: func(o *Office) {
			alice := o.dials("1001", "81002")
			alice.Other, alice.NumberAlso = deskPerson("1002"), []string{"81002"}
			alice.DirectionAlso, alice.NameAlso = nil, []string{""}
			second := o.rings("1002", alice)
			o.ring()
			second.answers()
			o.talk()
			alice.hangsUp()
		}},

	{Name: "108-encrypted-inbound",
		Story: "inbound to 1006, whose phone speaks TLS and SRTP; 1006 answers, holds, resumes and hangs up",
		Desks: []string{"1001", "1006"},
		Act: func(o *Office) {
			_, frank := o.answered(bob, "5550106", "1006")
			o.talk()
			frank.holds()
			o.ring()
			frank.resumes()
			o.ring()
			frank.hangsUp()
		}},

	{Name: "109-encrypted-on-one-side",
		Story: "1006, whose phone speaks TLS and SRTP, calls 1001, whose phone does not; 1001 answers and talks; 1001 hangs up",
		Desks: []string{"1001", "1006"},
		Act: func(o *Office) {
			frank := o.dials("1006", "1001")
			alice := o.rings("1001", frank)
			o.ring()
			alice.answers()
			o.talk()
			alice.hangsUp()
		}},
}
