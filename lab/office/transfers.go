package office

// feature presses a code during a call; the PBX then asks for a number.
func (c *Call) feature(code, number string) {
	c.presses(code)
	c.maybeNow("held", "the PBX plays music to the other end")
	c.o.hearWords()
	c.presses(number)
}

var transfers = []Flow{
	{Name: "40-blind-transfer-feature-code",
		Story: "inbound to 1001, answered; 1001 presses #1 and 1002; 1002 rings, answers and talks; the caller hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			alice.feature("#1", "1002")
			alice.transfers("blind", "1002")
			second := o.rings("1002", caller)
			second.fact("transferred_by", "1001")
			alice.over()
			o.ring()
			second.answers()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "41-blind-transfer-to-outside",
		Story: "inbound to 1001, answered; 1001's phone sends REFER to 95550199; the outside rings, answers and talks; the caller hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			alice.transfers("blind", "95550199", "5550199")
			done := alice.refers("95550199")
			target := o.rings(outside, caller)
			o.must(done())
			o.ring()
			target.answers()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "42-blind-transfer-to-busy-desk",
		Story: "inbound to 1001, answered; 1001's phone sends REFER to 1002, which is busy (486); the caller is hung up on",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			alice.transfers("blind", "1002")
			done := alice.refers("1002")
			second := o.arrives("1002", caller)
			second.fact("transferred_by", "1001")
			second.rejects(486)
			if err := done(); err != nil {
				o.note("1001's phone: " + err.Error())
				alice.hangsUp()
			}
			caller.over()
		}},

	{Name: "43-blind-transfer-no-answer",
		Story: "inbound to 1001, answered; 1001's phone sends REFER to 1002, which rings 4 s and is not answered; the caller is hung up on",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			alice.transfers("blind", "1002")
			done := alice.refers("1002")
			second := o.rings("1002", caller)
			second.fact("transferred_by", "1001")
			o.must(done())
			second.over()
		}},

	{Name: "44-attended-transfer-feature-code",
		Story: "inbound to 1001, answered; 1001 presses *2 and 1002, who answers; 1001 hangs up, the caller and 1002 talk; 1002 hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			second := alice.consults("1002")
			o.ring()
			second.answers()
			o.talk()
			alice.transfers("attended", "1002")
			alice.hangsUp()
			second.goesTo(caller)
			o.talk()
			second.hangsUp()
		}},

	{Name: "45-attended-transfer-while-target-rings",
		Story: "inbound to 1001, answered; 1001 presses *2 and 1002, and hangs up while 1002 rings; 1002 answers and talks to the caller, who hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			second := alice.consults("1002")
			o.ring()
			alice.transfers("attended", "1002")
			alice.hangsUp()
			second.goesTo(caller)
			o.ring()
			second.answers()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "46-attended-transfer-target-busy",
		Story: "inbound to 1001, answered; 1001 presses *2 and 1002, which is busy (486); 1001 is back with the caller; the caller hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			alice.feature("*2", "1002")
			second := o.arrives("1002", alice)
			alice.far = caller
			second.rejects(486)
			alice.maybeNow("resumed", "back with the caller")
			o.hearWords()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "47-attended-transfer-recall-answered",
		Story: "inbound to 1001, answered; 1001 presses *2 and 1002, and hangs up while 1002 rings; 1002 does not answer in 3 s; the PBX rings 1001 again, " +
			"who answers and talks to the caller, who hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			second := alice.consults("1002")
			o.ring()
			alice.transfers("attended", "1002")
			alice.hangsUp()
			second.goesTo(caller)
			second.Disposition, second.EndedBy = "missed", "pbx"
			back := o.rings("1001", caller)
			o.ring()
			for back.gone() { // a PBX that is busy may take its ring back at once: then it tries 1002 and 1001 once more
				back.Disposition, back.EndedBy = "missed", "pbx"
				back.fact("returned_from", "1002")
				again := o.rings("1002", caller)
				again.Disposition, again.EndedBy = "missed", "pbx"
				again.over()
				back = o.rings("1001", caller)
				o.ring()
			}
			back.fact("returned_from", "1002")
			back.answers()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "48-attended-transfer-refer-to-outside",
		Story: "inbound to 1001, answered, held; 1001 calls 95550199, which answers; 1001's phone sends REFER with Replaces; the two outside talk; the caller hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			alice.holds()
			consult := o.dials("1001", "95550199")
			target := o.rings(outside, consult)
			o.ring()
			target.answers()
			o.talk()
			alice.transfers("attended", "95550199", "5550199")
			consult.EndedBy = "self"
			alice.joins(consult)
			o.talk()
			caller.hangsUp()
		}},

	{Name: "49-attended-transfer-refer-while-target-rings",
		Story: "inbound to 1001, answered, held; 1001 calls 1002; while it rings 1001's phone sends REFER with Replaces; 1002 answers and talks to the caller, who hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			alice.holds()
			consult := o.dials("1001", "1002")
			second := o.rings("1002", consult)
			o.ring()
			alice.transfers("attended", "1002")
			consult.EndedBy, consult.Disposition = "self", "cancelled"
			alice.joins(consult)
			second.goesTo(caller)
			o.ring()
			second.answers()
			o.talk()
			caller.hangsUp()
		}},
}

// consults presses *2 and a desk's number: the other end hears music, the desk rings. It is the same call of this phone,
// though a tracker may list the consultation as one of its own.
func (c *Call) consults(desk string) *Call {
	c.feature("*2", desk)
	other := c.far
	second := c.o.rings(desk, c)
	c.far = other
	return second
}

// goesTo says who is now at the other end of a call that was a consultation.
func (c *Call) goesTo(p *Call) {
	c.becomes(p.who)
	c.from, c.far = p, p
}
