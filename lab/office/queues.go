package office

// fromQueue says which queue a call came through.
func fromQueue(number string, calls ...*Call) {
	for _, c := range calls {
		c.fact("queue", number)
	}
}

var queues = []Flow{
	{Name: "63-queue-first-does-not-answer",
		Story: "DID 5550220 enters queue 2200 (1001, then 1002); 1001 rings 3 s and does not answer; 1002 rings, answers and talks; the caller hangs up",
		Act: func(o *Office) {
			caller := o.calls(bob, "5550220")
			alice := o.rings("1001", caller)
			alice.over()
			alice.Disposition, alice.EndedBy = "missed", "pbx"
			second := o.rings("1002", caller)
			fromQueue("2200", alice, second)
			o.ring()
			second.answers()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "64-queue-abandoned-while-ringing",
		Story: "DID 5550210 enters queue 2100; 1001, 1002 and 1003 ring; the caller gives up",
		Act: func(o *Office) {
			caller := o.calls(bob, "5550210")
			alice, second, third := o.rings("1001", caller), o.rings("1002", caller), o.rings("1003", caller)
			fromQueue("2100", alice, second, third)
			for _, c := range []*Call{alice, second, third} {
				c.Disposition, c.DispositionAlso = "cancelled", []string{"missed"}
			}
			o.ring()
			caller.hangsUp()
		}},

	{Name: "65-queue-one-busy-one-rejects-one-answers",
		Story: "DID 5550210 enters queue 2100; 1001 is busy (486), 1002 rejects (603), 1003 answers and talks; 1003 hangs up",
		Act: func(o *Office) {
			caller := o.calls(bob, "5550210")
			alice, second, third := o.arrives("1001", caller), o.rings("1002", caller), o.rings("1003", caller)
			fromQueue("2100", alice, second, third)
			alice.rejects(486)
			o.aMoment()
			second.rejects(603)
			o.ring()
			third.answers()
			o.talk()
			third.hangsUp()
		}},

	{Name: "66-queue-from-a-desk",
		Story: "1004 dials 2100; 1001, 1002 and 1003 ring; 1002 answers and talks; 1004 hangs up",
		Desks: []string{"1001", "1002", "1003", "1004"},
		Act: func(o *Office) {
			dave := o.dials("1004", "2100")
			dave.up()
			alice, second, third := o.rings("1001", dave), o.rings("1002", dave), o.rings("1003", dave)
			fromQueue("2100", alice, second, third)
			dave.NumberAlso, dave.NameAlso = []string{"1002"}, []string{"Bob Two"}
			dave.fact("queue", "2100")
			dave.TalkTolerance = 1
			o.note("talk counts from the queue's answer or from 1002's: both are read")
			o.ring()
			second.answers()
			o.talk()
			dave.hangsUp()
		}},

	{Name: "67-ring-group-nobody-answers",
		Story: "DID 5550201 rings 1001, 1002 and 1003 for 3 s; nobody answers; the caller is hung up on",
		Act: func(o *Office) {
			caller := o.calls(bob, "5550201")
			for _, desk := range []string{"1001", "1002", "1003"} {
				o.rings(desk, caller)
			}
			caller.over()
		}},

	{Name: "68-hunt-second-answers",
		Story: "DID 5550205 rings 1001 for 4 s without an answer, then 1002, who answers and talks; the caller hangs up",
		Act: func(o *Office) {
			caller := o.calls(bob, "5550205")
			alice := o.rings("1001", caller)
			alice.over()
			alice.Disposition, alice.EndedBy = "missed", "pbx"
			second := o.rings("1002", caller)
			o.ring()
			second.answers()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "69-hunt-from-a-desk-first-rejects",
		Story: "1003 dials 2050; 1001 rejects (603); 1002 rings, answers and talks; 1002 hangs up",
		Act: func(o *Office) {
			carol := o.dials("1003", "2050")
			alice := o.rings("1001", carol)
			o.ring()
			alice.rejects(603)
			second := o.rings("1002", carol)
			carol.NumberAlso, carol.NameAlso = []string{"1001", "1002"}, []string{"Alice One", "Bob Two"}
			o.ring()
			second.answers()
			o.talk()
			second.hangsUp()
		}},
}
