package office

// meets says that this call is part of a conference from now on.
func (v *View) meets(room string) *View {
	return v.now("conferenced", room).fact("conference", room)
}

// joinsRoom lets a desk dial the conference.
func (o *Office) joinsRoom(desk string) *Call {
	c := o.dials(desk, "3000")
	c.up()
	c.maybeNow("conferenced", "3000").fact("conference", "3000")
	return c
}

var conference = []Flow{
	{Name: "60-conference-dialled-by-three",
		Story: "1001, 1002 and 1003 dial 3000 (ConfBridge) one after the other and talk; they hang up one after the other",
		Act: func(o *Office) {
			alice := o.joinsRoom("1001")
			o.aMoment()
			second := o.joinsRoom("1002")
			o.aMoment()
			third := o.joinsRoom("1003")
			o.talk()
			second.hangsUp()
			o.aMoment()
			alice.hangsUp()
			third.hangsUp()
		}},

	{Name: "61-conference-by-redirect",
		Story: "inbound to 1001, answered; a manager redirects both to 3000 (ConfBridge); 1002 dials 3000; the caller hangs up, then 1001 and 1002",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			o.action("admin", "Redirect", "Channel: "+o.channel("trunk"), "ExtraChannel: "+o.channel("1001"),
				"Context: internal", "Exten: 3000", "Priority: 1",
				"ExtraContext: internal", "ExtraExten: 3000", "ExtraPriority: 1")
			alice.meets("3000")
			o.aMoment()
			second := o.joinsRoom("1002")
			o.talk()
			caller.hangsUp()
			o.aMoment()
			alice.hangsUp()
			second.hangsUp()
		}},

	{Name: "62-three-way-by-feature-code",
		Story: "inbound to 1001, answered; 1001 presses *2 and 1002, who answers, then *3: all three talk; 1001 hangs up, later the caller",
		Act: func(o *Office) {
			caller, alice := o.answered(bob, "5550101", "1001")
			o.talk()
			second := alice.consults("1002")
			o.ring()
			second.answers()
			o.talk()
			alice.presses("*3")
			alice.now("conferenced", "three-way").fact("conference", true)
			second.maybeNow("conferenced", "three-way").fact("conference", true)
			o.talk()
			alice.hangsUp()
			second.maybeNow("transferred", "other party is now "+caller.who.Number)
			second.Final, second.far = caller.who, caller
			o.talk()
			caller.hangsUp()
		}},
}
