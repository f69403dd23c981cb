package office

var several = []Flow{
	{Name: "110-both-desks-call-each-other",
		Story: "1001 and 1002 call each other at once; both ring; 1001 gives up its own call and answers the other's; 1002 hangs up",
		Act: func(o *Office) {
			mine, yours := o.dials("1001", "1002"), o.dials("1002", "1001")
			o.rings("1002", mine)
			in := o.rings("1001", yours)
			o.ring()
			mine.givesUp()
			in.answers()
			o.talk()
			yours.hangsUp()
		}},

	{Name: "111-same-number-calls-two-desks",
		Story: "2025550143 calls 1001 and 1002 at once; 1001 answers, 1002 is not answered and that call given up; the caller hangs up",
		Act: func(o *Office) {
			first, second := o.calls(bob, "5550101"), o.calls(bob, "5550102")
			alice := o.rings("1001", first)
			o.rings("1002", second)
			o.ring()
			alice.answers()
			o.aMoment()
			second.givesUp()
			o.talk()
			first.hangsUp()
		}},

	{Name: "112-same-number-calls-one-desk-twice",
		Story: "2025550143 calls 1001 twice at once; 1001 answers the first; the second is given up; the caller hangs up",
		Act: func(o *Office) {
			first := o.calls(bob, "5550101")
			alice := o.rings("1001", first)
			second := o.calls(bob, "5550101")
			o.rings("1001", second)
			o.ring()
			alice.answers()
			o.aMoment()
			second.givesUp()
			o.talk()
			first.hangsUp()
		}},

	{Name: "113-call-waiting-second-rejected",
		Story: "1001 talks to a caller; a second one rings and is rejected (486); the first hangs up",
		Act: func(o *Office) {
			first, _ := o.answered(bob, "5550101", "1001")
			o.aMoment()
			waiting := o.rings("1001", o.calls(dora, "5550101"))
			o.ring()
			waiting.rejects(486)
			o.talk()
			first.hangsUp()
		}},

	{Name: "114-call-waiting-first-hangs-up",
		Story: "1001 talks to a caller; a second one rings; the first hangs up; 1001 answers the second, who hangs up",
		Act: func(o *Office) {
			first, alice := o.answered(bob, "5550101", "1001")
			o.aMoment()
			second := o.calls(dora, "5550101")
			waiting := o.rings("1001", second)
			o.ring()
			first.hangsUp()
			alice.over()
			waiting.answers()
			o.talk()
			second.hangsUp()
		}},

	{Name: "115-held-by-the-caller",
		Story: "inbound to 1001, answered; the caller's side holds and resumes; then 1001 holds and resumes; the caller hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.aMoment()
			caller.holds()
			o.ring()
			caller.resumes()
			o.aMoment()
			alice.holds()
			o.ring()
			alice.resumes()
			o.aMoment()
			alice.fact("other_held", true)
			caller.hangsUp()
		}},

	{Name: "116-both-desks-hold",
		Story: "1001 calls 1002, who answers; 1002 holds, 1001 holds too; 1001 resumes, 1002 resumes; 1002 hangs up",
		Act: func(o *Office) {
			alice := o.dials("1001", "1002")
			second := o.rings("1002", alice)
			o.ring()
			second.answers()
			o.aMoment()
			second.holds()
			o.ring()
			alice.holds()
			o.ring()
			alice.resumes()
			o.aMoment()
			second.resumes()
			o.aMoment()
			second.hangsUp()
		}},

	{Name: "117-held-caller-hangs-up",
		Story: "inbound to 1001, answered and held; the caller hangs up while held",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.aMoment()
			alice.holds()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "118-consultation-without-transfer",
		Story: "inbound to 1001, answered and held; 1001 calls 1002, who answers and hangs up; 1001 resumes the caller, who hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.aMoment()
			alice.holds()
			consult := o.dials("1001", "1002")
			second := o.rings("1002", consult)
			o.ring()
			second.answers()
			o.talk()
			second.hangsUp()
			consult.over()
			alice.resumes()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "119-transferred-twice",
		Story: "inbound to 1001, who sends it to 1002 (REFER), who answers and sends it on to 1003 (REFER), who answers and talks; the caller hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			alice.transfers("blind", "1002")
			done := alice.refers("1002")
			second := o.rings("1002", caller)
			second.fact("transferred_by", "1001")
			o.must(done())
			o.ring()
			second.answers()
			o.talk()
			second.transfers("blind", "1003")
			done = second.refers("1003")
			third := o.rings("1003", caller)
			third.fact("transferred_by", "1002")
			o.must(done())
			o.ring()
			third.answers()
			o.talk()
			caller.hangsUp()
		}},
}
