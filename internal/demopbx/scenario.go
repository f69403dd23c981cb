package demopbx

import (
	"strings"
	"time"
)

// Scenario is a parsed scenario file: what the phones do, and what a right tracker concludes from it. It is read-only and
// may be played many times, also at once. The grammar is in testdata/scenarios/README.md.
type Scenario struct {
	Name   string        // of the file
	Title  string        // its first comment line
	Length time.Duration // time of the last step
	Expect []Expectation

	calls []*callPlan
	steps []step // in order of time
}

// Expectation is what one extension's user should see of one call. Times count from the start of the scenario.
type Expectation struct {
	Line        int    // in the file
	Extension   string // whose view this is
	Direction   string // inbound, outbound, internal
	OtherNumber string // as the PBX knows it, before any formatting
	OtherName   string // "" when the PBX knows none
	Result      string // answered, missed, busy, rejected, cancelled, failed, answered_elsewhere; "" when the call goes on
	ResultAlso  []string
	EndedBy     string // self, other, pbx, failure; "" when not stated
	AnsweredBy  string // extension that answered in this one's place
	Timeline    []Moment
}

// Moment is an entry of a call's timeline: dialing, ringing, connected, held, resumed, ended.
type Moment struct {
	State    string
	At       time.Duration
	Optional bool // a tracker that does not show it is not wrong
}

type direction int

const (
	inbound direction = iota
	outbound
	internal
)

// callPlan is the part of a call that is known before it begins.
type callPlan struct {
	label    string
	line     int
	kind     direction
	from     party // the outside party, or the calling extension
	withheld bool
	to       string   // what was dialled: the DID, the extension, the outside number
	rings    []string // extensions, or trunk
	at       time.Duration
	ringAt   map[string]time.Duration // of called sides that ring
	patience time.Duration            // how long Dial waits; 0: not stated
}

// outsideNumber is what goes to the trunk: without the 9 that the dialplan wants before an outside line.
func (c *callPlan) outsideNumber() string { return strings.TrimPrefix(c.to, "9") }

// ringsAtOnce tells whether a called phone rings in the moment it is called.
func (c *callPlan) ringsAtOnce(who string) bool {
	at, ok := c.ringAt[who]
	return ok && at == c.at
}

// side is how a step's subject is called inside: an extension, or trunk for "outside".
func side(subject string) string {
	if subject == "outside" {
		return trunk
	}
	return subject
}

// subject is the word for an endpoint in a scenario.
func subject(side string) string {
	if side == trunk {
		return "outside"
	}
	return side
}

// caller is the endpoint that calls.
func (c *callPlan) caller() string {
	if c.kind == inbound {
		return trunk
	}
	return c.from.number
}

type verb int

const (
	verbCalls verb = iota
	verbRings
	verbAnswers
	verbIsBusy
	verbRejects
	verbUnknown
	verbNoAnswer
	verbGivesUp
	verbHolds
	verbResumes
	verbHangsUp
)

// verbs are the words of a step after its subject.
var verbs = map[string]verb{
	"rings": verbRings, "answers": verbAnswers, "is busy": verbIsBusy, "rejects": verbRejects,
	"does not exist": verbUnknown, "does not answer": verbNoAnswer, "gives up": verbGivesUp,
	"holds": verbHolds, "resumes": verbResumes, "hangs up": verbHangsUp,
}

// step is one line of what happens.
type step struct {
	at   time.Duration
	line int
	call int    // index of the call
	verb verb   //
	who  string // endpoint: extension or trunk
}
