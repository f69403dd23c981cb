package lab

// Number is something that can be dialled in a lab.
type Number struct {
	Number string // an example where a pattern is meant
	From   string // Outside or Inside: who can dial it
	What   string
}

// Who can dial a number; the values are the dialplan's contexts.
const (
	Outside = "from-trunk" // a caller from outside: a DID
	Inside  = "internal"   // a desk phone
)

// Numbers are the flows of the dialplan (etc/extensions.conf).
var Numbers = []Number{
	{"5550101", Outside, "rings 1001 for 25 s; 5550102, 5550103, 5550106 the desk with that last digit"},
	{"5550121", Outside, "rings 1001 for 5 s, then voicemail"},
	{"5550131", Outside, "rings 1001 for 5 s, then gives up"},
	{"5550141", Outside, "rings 1001 through a Local channel"},
	{"5550151", Outside, "rings 1001, recorded"},
	{"5550200", Outside, "ring group: 1001, 1002, 1003 together"},
	{"5550205", Outside, "hunt: 1001, 1002, 1003 in turn, 4 s each"},
	{"5550210", Outside, "queue 2100 with 1001, 1002, 1003"},
	{"5550301", Outside, "rings 1001 for 8 s without a subroutine; up to 5550306 for 1006"},
	{"1001", Inside, "desks 1001 to 1006"},
	{"81002", Inside, "1002 through a Local channel; 8 before any desk"},
	{"95550199", Inside, "out over the trunk: 9 and seven digits"},
	{"*195550199", Inside, "the same, recorded"},
	{"2000", Inside, "the ring group; 2050 the hunt, 2100 the queue"},
	{"3000", Inside, "conference"},
	{"600", Inside, "echo"},
	{"700", Inside, "park (by transfer); 701 to 720 fetch"},
	{"**1002", Inside, "pick up the call that rings at 1002; *8 any of the group"},
	{"*901002", Inside, "listen in on 1002"},
	{"*7210021003", Inside, "forward 1002 to 1003; *731002 takes it back"},
}

// Codes are the digits that do something during a call.
var Codes = []Number{
	{"#1", Inside, "blind transfer"},
	{"*2", Inside, "attended transfer"},
	{"#72", Inside, "park"},
	{"*3", Inside, "record"},
}
