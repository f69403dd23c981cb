package office

import "github.com/callboard-dev/callboard/lab/phone"

// namedCaller is a call of somebody with an odd name: it rings, and is given up.
func namedCaller(name, story, shown string) Flow {
	return Flow{Name: name, Story: story + ": inbound rings at 1001; the caller gives up", Act: func(o *Office) {
		caller := o.calls(Person{bob.Number, shown}, "5550101")
		alice := o.rings("1001", caller)
		if display := alice.sip.Remote().Name; display != shown {
			alice.NameAlso = []string{display} // chan_pjsip leaves SIP's own backslashes in a name
		}
		o.ring()
		caller.givesUp()
	}}
}

const longName = "Čeští Žižkovští Příležitostní Hudebníci a Přátelé Staré Dobré Písničky, z. s., pobočka Ústí nad Labem"

var callers = []Flow{
	namedCaller("120-name-utf8", "a name with letters beyond ASCII", "Jørgen Åsgård Łukasz 名前"),
	namedCaller("121-name-emoji", "a name with emoji, one made of several", "Anna 🎷 👩‍🚀 €"),
	namedCaller("122-name-quotes-and-backslashes", "a name with quotes and backslashes", `The "Boss" \ O'Brien \n \\`),
	namedCaller("123-name-right-to-left", "a name that is read from right to left", "שלום עולם"),
	namedCaller("124-name-like-an-event", "a name that looks like the PBX's own lines", `Event: Hangup\r\nUniqueid: 1`),

	{Name: "125-name-longer-than-the-pbx-takes",
		Story: "a name of more than 79 bytes, which the PBX cuts: inbound rings at 1001; the caller gives up",
		Act: func(o *Office) {
			caller := o.calls(Person{bob.Number, longName}, "5550101")
			alice := o.rings("1001", caller)
			alice.NamePrefix = 50
			o.ring()
			caller.givesUp()
		}},

	{Name: "126-number-withheld",
		Story: "the caller withholds the number (Privacy: id); the trunk tells it to the PBX alone (P-Asserted-Identity); 1001 answers and talks; the caller hangs up",
		Act: func(o *Office) {
			caller := o.callsWith(Person{}, "5550101", phone.CallOptions{From: "anonymous", Name: "Anonymous", Headers: [][2]string{
				{"P-Asserted-Identity", `"Bob Caller" <sip:2025550143@example.net>`}, {"Privacy", "id"},
			}})
			alice := o.rings("1001", caller)
			alice.NumberAlso, alice.NameAlso = []string{"anonymous", bob.Number}, []string{"Anonymous", bob.Name}
			alice.fact("withheld", true)
			o.ring()
			alice.answers()
			o.talk()
			caller.hangsUp()
		}},

	{Name: "127-anonymous",
		Story: "an anonymous caller of whom the trunk knows nothing; 1001 answers and talks; 1001 hangs up",
		Act: func(o *Office) {
			caller := o.callsWith(Person{}, "5550101", phone.CallOptions{From: "anonymous", Name: "Anonymous"})
			alice := o.rings("1001", caller)
			alice.NumberAlso, alice.NameAlso = []string{"anonymous"}, []string{"Anonymous"}
			o.ring()
			alice.answers()
			o.talk()
			alice.hangsUp()
		}},

	{Name: "128-number-international",
		Story: "a caller whose number is written with a plus sign; 1001 answers and talks; the caller hangs up",
		Act: func(o *Office) {
			caller, _ := o.answered(Person{"+4512345678", "Jørgen"}, "5550101", "1001")
			o.talk()
			caller.hangsUp()
		}},
}
