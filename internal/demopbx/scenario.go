package demopbx

import (
	"slices"
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
	plain bool   // calls that only ring, are answered, held and ended
}

// Expectation is what one extension's user should see of one call. Times count from the start of the scenario.
type Expectation struct {
	Line          int    // in the file
	Optional      bool   // a tracker that does not show this call at all is not wrong
	Extension     string // whose view this is
	Direction     string // inbound, outbound, internal
	DirectionAlso []string
	OtherNumber   string // as the PBX knows it, before any formatting; after a transfer: who is there at the end
	OtherName     string // "" when the PBX knows none
	OtherAlso     []Other
	Result        string // answered, missed, busy, rejected, cancelled, failed, voicemail, forwarded…; "" when the call goes on
	ResultAlso    []string
	EndedBy       string // self, other, pbx, failure; "" when not stated
	EndedByAlso   []string
	AnsweredBy    string            // extension that answered in this one's place
	Facts         map[string]string // what else is known of the call, by the names that telephony.Facts has in JSON
	Timeline      []Moment
}

// Other is another number and name that are not wrong.
type Other struct{ Number, Name string }

// Moment is an entry of a call's timeline: dialing, ringing, connected, held, resumed, transferred…, ended.
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
	click    bool   // an AMI client rings from's phone first
	to       string // what was dialled: the DID, the extension, the outside number
	at       time.Duration
	route    route // where it leads; toNobody: the PBX's numbering says
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

// plain tells whether the call can only ring, be answered and end: then the parser refuses what cannot happen.
func (c *callPlan) plain() bool {
	twoPhones := slices.ContainsFunc(c.route.rings, func(who string) bool { return strings.Contains(who, "/") })
	return !twoPhones && !c.click && !c.route.voicemail && (c.route.kind == toExtension || c.route.kind == toGroup || c.route.kind == toOutside)
}

type verb int

const (
	verbCalls verb = iota
	verbRings
	verbAnswers
	verbAnswersAlone
	verbIsBusy
	verbRejects
	verbUnknown
	verbNoAnswer
	verbForwards
	verbAnnounces
	verbGivesUp
	verbHolds
	verbResumes
	verbHangsUp
	verbTransfers
	verbTransfersByCode
	verbJoins
	verbConsults
	verbReturns
	verbParks
	verbParksByCode
	verbRetrieves
	verbNobodyRetrieves
	verbPicksUp
	verbRecords
	verbStopsRecording
	verbPauses
	verbGoesOnRecording
	verbListens
	verbConferences
	verbForwarded
	verbPresses
)

// ofCalled tells whether a verb is one of a phone that is being called.
func (v verb) ofCalled() bool { return v >= verbRings && v <= verbAnnounces }

// argument is what follows a verb.
type argument int

const (
	argNone argument = iota
	argNumber
	argLabel
	argExtension // may be left away
)

// deed is the words of a step after its subject. Longer words stand before those they begin with.
type deed struct {
	words string
	verb  verb
	arg   argument
}

var deeds = []deed{
	{"rings", verbRings, argNone},
	{"answers by itself", verbAnswersAlone, argNone},
	{"answers", verbAnswers, argNone},
	{"is busy", verbIsBusy, argNone},
	{"rejects", verbRejects, argNone},
	{"does not exist", verbUnknown, argNone},
	{"does not answer", verbNoAnswer, argNone},
	{"sends the caller on to", verbForwards, argNumber},
	{"plays an announcement", verbAnnounces, argNone},
	{"gives up", verbGivesUp, argNone},
	{"holds", verbHolds, argNone},
	{"resumes", verbResumes, argNone},
	{"hangs up", verbHangsUp, argNone},
	{"transfers to call", verbJoins, argLabel},
	{"transfers by code to", verbTransfersByCode, argNumber},
	{"transfers to", verbTransfers, argNumber},
	{"consults", verbConsults, argNumber},
	{"goes back to the caller", verbReturns, argNone},
	{"parks by code", verbParksByCode, argNone},
	{"parks", verbParks, argNone},
	{"presses", verbPresses, argNumber},
	{"retrieves", verbRetrieves, argNumber},
	{"picks up", verbPicksUp, argExtension},
	{"records", verbRecords, argNone},
	{"stops recording", verbStopsRecording, argNone},
	{"pauses recording", verbPauses, argNone},
	{"goes on recording", verbGoesOnRecording, argNone},
	{"listens to", verbListens, argNumber},
	{"makes a conference with call", verbConferences, argLabel},
	{"is forwarded to", verbForwarded, argNumber},
}

// comesAnew tells whether the subject of a verb need not have been in the call before.
func (v verb) comesAnew() bool {
	return slices.Contains([]verb{verbRetrieves, verbPicksUp, verbListens}, v)
}

// step is one line of what happens.
type step struct {
	at    time.Duration
	line  int
	call  int    // index of the call; -1: of none
	verb  verb   //
	who   string // endpoint: extension or trunk
	arg   string // number
	other int    // index of another call
}
