package office

// takesOver lets a desk dial a code that gets it the call that rings elsewhere. From then on that desk has the caller.
func (o *Office) takesOver(desk, code string, ringing *Call) *Call {
	caller := ringing.from
	c := o.dials(desk, code)
	c.Direction, c.DirectionAlso, c.Other = ringing.Direction, []string{"outbound", "internal"}, caller.who
	c.fact("picked_up_from", ringing.at)
	ringing.fact("picked_up_by", desk).fact("answered_by", desk)
	ringing.Disposition, ringing.EndedBy = "answered-elsewhere", "pbx"
	c.far, caller.far = caller, c
	c.up()
	caller.up()
	return c
}

var pickup = []Flow{
	{Name: "55-directed-pickup",
		Story: "inbound rings at 1001; 1002 dials **1001 and has the call; they talk; the caller hangs up",
		Act: func(o *Office) {
			caller := o.calls(bob, "5550101")
			alice := o.rings("1001", caller)
			o.ring()
			second := o.takesOver("1002", "**1001", alice)
			alice.over()
			o.talk()
			caller.hangsUp()
			second.over()
		}},

	{Name: "56-group-pickup",
		Story: "inbound rings at 1001; 1002 dials *8 and has the call; they talk; 1002 hangs up",
		Act: func(o *Office) {
			caller := o.calls(bob, "5550101")
			alice := o.rings("1001", caller)
			o.ring()
			second := o.takesOver("1002", "*8", alice)
			alice.over()
			o.talk()
			second.hangsUp()
		}},

	{Name: "57-pickup-of-an-internal-call",
		Story: "1003 calls 1001, which rings; 1002 dials **1001 and has the call; 1003 hangs up",
		Act: func(o *Office) {
			carol := o.dials("1003", "1001")
			alice := o.rings("1001", carol)
			o.ring()
			second := o.takesOver("1002", "**1001", alice)
			second.DirectionAlso = []string{"outbound", "inbound"}
			carol.Final = second.who
			carol.NumberAlso, carol.NameAlso = []string{"1002"}, []string{second.who.Name}
			alice.over()
			o.talk()
			carol.hangsUp()
		}},

	{Name: "58-ring-group-picked-up",
		Story: "DID 5550200 rings 1001, 1002, 1003 (registered) and 1004, who is not of the group, dials **1001 and has the call; the caller hangs up",
		Desks: []string{"1001", "1002", "1003", "1004"},
		Act: func(o *Office) {
			caller := o.calls(bob, "5550200")
			alice, second, third := o.rings("1001", caller), o.rings("1002", caller), o.rings("1003", caller)
			o.ring()
			fourth := o.takesOver("1004", "**1001", alice)
			for _, c := range []*Call{second, third} {
				c.Disposition, c.EndedBy = "answered-elsewhere", "pbx"
				c.fact("answered_by", "1004").fact("picked_up_by", "1004")
				// It is the call at 1001 that was picked up. Who took it may be said after this phone was let off.
				c.fact("answered_by_also_ok", []string{""}).fact("picked_up_by_also_ok", []string{""})
			}
			alice.over()
			o.talk()
			caller.hangsUp()
			fourth.over()
		}},
}
