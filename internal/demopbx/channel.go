package demopbx

import (
	"strconv"
	"strings"
	"time"
)

// Channel states of Asterisk that this PBX uses. An inbound PJSIP channel is born in stateRing, an outbound one in stateDown.
const (
	stateDown    = 0
	stateRing    = 4
	stateRinging = 5
	stateUp      = 6
)

func stateText(state int) string {
	switch state {
	case stateDown:
		return "Down"
	case stateRing:
		return "Ring"
	case stateRinging:
		return "Ringing"
	case stateUp:
		return "Up"
	}
	return "Unknown (" + strconv.Itoa(state) + ")"
}

// channel is one leg at the PBX. Its fields are guarded by exchange.mu.
type channel struct {
	name, uniqueid, linkedid string
	endpoint                 string // "1001" or "trunk"
	state                    int
	caller, connected        party
	withheld                 bool
	context, exten           string
	priority                 int
	app, appData             string
	dnid                     string
	vars                     map[string]string
	born                     time.Time // by the PBX's clock
	cause                    int
	sipCode                  int    // of the final response that ended it; TechCause in AMI
	held                     bool   // music plays to it: the other side pressed hold
	holding                  bool   // its own phone pressed hold
	muted                    bool   // by an AMI client
	recordings               int    // MixMonitors that run on it
	callID                   string // SIP Call-ID
	contact                  int    // which of the phones of one extension; 0: it has one
	digits                   string // received, of a feature code

	call       *call
	in         place   // what it takes part in; nil: on the way
	called     attempt // that rings it, until it has answered
	bridge     *bridge
	spies      []*channel
	half       *local                   // of a Local channel: the pair it is one of
	consulting *consultation            // of a transfer by code that this one is about to make
	thread     func(cause int) []func() // what its dialplan tells from the end of a conversation on; nil: it has no dialplan
	dead       bool                     // hung up
	silent     bool                     // its HangupRequest carries no cause: it was answered by the dialplan itself
	age        int                      // order of birth of its Linkedid
	told       spot                     // where in the dialplan the last event saw it
	toldApp    bool
}

// place is what a channel takes part in: an attempt to reach somebody, a bridge, a queue, a mailbox.
type place interface {
	// hangUp ends ch: its phone's BYE or CANCEL, or an AMI client's Hangup (asked), which tells no HangupRequest.
	hangUp(ch *channel, cause int, asked bool)
	// release lets ch go elsewhere in the dialplan, and tells what its going means to the others.
	release(ch *channel)
}

// spot is a place in the dialplan.
type spot struct {
	context, exten string
	priority       int
}

// party is a number and a name as Asterisk holds them after SIP. Either may be empty.
type party struct{ number, name string }

// device is what a channel belongs to; a Local channel has none.
func (ch *channel) device() string {
	if ch.half != nil {
		return ""
	}
	return "PJSIP/" + ch.endpoint
}

// is tells whether a channel is the one a step speaks of: 1001, 1001/2 for the second phone of that extension, trunk.
func (ch *channel) is(who string) bool {
	endpoint, contact := splitContact(who)
	return ch.half == nil && ch.endpoint == endpoint && (contact == 0 || ch.contact == contact)
}

// splitContact takes 1001/2 apart.
func splitContact(who string) (endpoint string, contact int) {
	endpoint, n, found := strings.Cut(who, "/")
	if found {
		contact, _ = strconv.Atoi(n) // the parser lets only digits in
	}
	return endpoint, contact
}

// addChannel appends the channel headers in the order of ast_manager_build_channel_state_string_prefix.
func (m *message) addChannel(prefix string, ch *channel) {
	m.add(prefix+"Channel", ch.name)
	m.add(prefix+"ChannelState", strconv.Itoa(ch.state))
	m.add(prefix+"ChannelStateDesc", stateText(ch.state))
	m.add(prefix+"CallerIDNum", orUnknown(ch.caller.number))
	m.add(prefix+"CallerIDName", orUnknown(escapeC(ch.caller.name)))
	m.add(prefix+"ConnectedLineNum", orUnknown(ch.connected.number))
	m.add(prefix+"ConnectedLineName", orUnknown(escapeC(ch.connected.name)))
	m.add(prefix+"Language", "en")
	m.add(prefix+"AccountCode", "")
	m.add(prefix+"Context", ch.context)
	m.add(prefix+"Exten", ch.exten)
	m.add(prefix+"Priority", strconv.Itoa(ch.priority))
	m.add(prefix+"Uniqueid", ch.uniqueid)
	m.add(prefix+"Linkedid", ch.linkedid)
}

// Hangup causes of Q.850 as Asterisk numbers and names them (causes.h, channel.c).
const (
	causeUnset             = 0
	causeUnallocated       = 1
	causeNormal            = 16
	causeBusy              = 17
	causeNoAnswer          = 19
	causeRejected          = 21
	causeAnsweredElsewhere = 26
	causeInterworking      = 127
	causeCongestion        = 34
	causeRedirected        = 23
	causeNoRoute           = 3
)

func causeText(cause int) string {
	switch cause {
	case causeUnallocated:
		return "Unallocated (unassigned) number"
	case causeNormal:
		return "Normal Clearing"
	case causeBusy:
		return "User busy"
	case causeNoAnswer:
		return "User alerting, no answer"
	case causeRejected:
		return "Call Rejected"
	case causeAnsweredElsewhere:
		return "Answered elsewhere"
	case causeRedirected:
		return "Redirected to new destination"
	case causeNoRoute:
		return "No route to destination"
	case 31:
		return "Normal, unspecified"
	case 34:
		return "Circuit/channel congestion"
	case 38:
		return "Network out of order"
	case causeInterworking:
		return "Interworking, unspecified"
	}
	return "Unknown"
}

// sipCode is hangup_cause2sip of chan_pjsip.c: what a channel answers with when it ends for a cause. 0: nothing special.
func sipCode(cause int) int {
	switch cause {
	case causeUnallocated, 2, 3:
		return 404
	case 18:
		return 408
	case causeNoAnswer, 20, 31:
		return 480
	case causeBusy:
		return 486
	case causeRejected:
		return 403
	case 34, 42, 66:
		return 503
	case 38, causeInterworking:
		return 500
	}
	return 0
}

// dialStatus is ast_hangup_cause_to_dial_status of main/dial.c: a rejection looks like no answer.
func dialStatus(cause int) string {
	switch cause {
	case causeBusy:
		return "BUSY"
	case 34:
		return "CONGESTION"
	case 3, 20:
		return "CHANUNAVAIL"
	}
	return "NOANSWER"
}
