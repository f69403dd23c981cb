package office

// parks says that this desk puts the other end into a parking place, now.
func (v *View) parks(slot string) *View {
	v.now("parked", slot).fact("parked_at", slot)
	v.EndedBy = "self" // by parking, whoever sent the last message
	return v
}

// fetches lets a desk dial a parking place.
func (o *Office) fetches(desk, slot string, parked *Call) *Call {
	c := o.dials(desk, slot)
	c.Direction, c.DirectionAlso, c.Other = "inbound", []string{"outbound", "internal"}, parked.who
	c.fact("retrieved_from", slot)
	c.far, parked.far = parked, c
	c.up()
	return c
}

var parking = []Flow{
	{Name: "50-park-feature-code-and-retrieve",
		Story: "inbound to 1001, answered; 1001 presses #72, hears the place (701) and is hung up on; 1002 dials 701 and talks; the caller hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			alice.presses("#72")
			alice.parks("701").fact("retrieved_by", "1002")
			alice.over()
			o.aMoment()
			second := o.fetches("1002", "701", caller)
			o.talk()
			caller.hangsUp()
			second.over()
		}},

	{Name: "51-park-timeout-back-to-parker",
		Story: "inbound to 1001, answered; 1001's phone sends REFER to 700 (place 701); nobody fetches it in 6 s; the PBX rings 1001, who answers and talks; 1001 hangs up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			alice.parks("701").fact("park_timed_out", true)
			o.must(alice.refers("700")())
			back := o.rings("1001", caller)
			back.fact("returned_from", "701")
			o.ring()
			back.answers()
			o.talk()
			back.hangsUp()
		}},

	{Name: "52-park-timeout-parker-does-not-answer",
		Story: "as 51, but 1001 does not answer when the parked call comes back; the caller gives up",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			alice.parks("701").fact("park_timed_out", true)
			o.must(alice.refers("700")())
			back := o.rings("1001", caller)
			back.fact("returned_from", "701")
			back.Disposition, back.EndedBy, back.DispositionAlso = "cancelled", "other", []string{"missed"}
			o.ring()
			caller.hangsUp()
		}},

	{Name: "53-park-caller-gives-up",
		Story: "inbound to 1001, answered; 1001's phone sends REFER to 700 (place 701); the caller hangs up while parked",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			alice.parks("701")
			o.must(alice.refers("700")())
			o.talk()
			caller.hangsUp()
		}},

	{Name: "54-park-two-and-retrieve-by-parker",
		Story: "two callers are talked to and parked by 1001 (701, 702); 1001 fetches the second, then the first; each caller hangs up",
		Act: func(o *Office) {
			first, alice := o.answered(bob, "5550101", "1001")
			o.aMoment()
			alice.parks("701").fact("retrieved_by", "1001")
			o.must(alice.refers("700")())
			second, again := o.answered(dora, "5550101", "1001")
			o.aMoment()
			again.parks("702").fact("retrieved_by", "1001")
			o.must(again.refers("700")())
			back := o.fetches("1001", "702", second)
			o.aMoment()
			second.hangsUp()
			back.over()
			back = o.fetches("1001", "701", first)
			o.talk()
			first.hangsUp()
			back.over()
		}},
}
