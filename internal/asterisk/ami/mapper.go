package ami

import (
	"strconv"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// observe maps one event to an observation. It reports false for an event that says nothing about calls.
func observe(m *Message, now time.Time) (telephony.Observation, bool) {
	o := telephony.Observation{ObservedAt: now, ReportedAt: stamp(m)}
	leg := telephony.LegID(m.Get("Uniqueid"))
	switch string(m.Event()) {
	case "Newchannel":
		facts := legFacts(m, plainNames)
		facts.Dialed = m.Text("Exten")
		o.Legs = []telephony.LegFacts{facts}
		o.Fact = telephony.LegAdded{Leg: leg}
	case "Newstate", "NewCallerid", "NewConnectedLine":
		o.Legs = []telephony.LegFacts{legFacts(m, plainNames)}
		o.Fact = telephony.LegSeen{}
	case "DialBegin":
		o.Legs = bothLegs(m)
		o.Fact = telephony.DialBegan{From: leg, To: telephony.LegID(m.Get("DestUniqueid")), Sent: sentNumber(m.Text("DialString"))}
	case "DialState":
		o.Legs = bothLegs(m)
		o.Fact = telephony.LegSeen{}
	case "DialEnd":
		o.Legs = bothLegs(m)
		o.Fact = telephony.DialEnded{From: leg, To: telephony.LegID(m.Get("DestUniqueid")), Outcome: outcome(m.Text("DialStatus"))}
	case "BridgeEnter":
		o.Legs = []telephony.LegFacts{legFacts(m, plainNames)}
		o.Fact = telephony.BridgeEntered{Bridge: m.Text("BridgeUniqueid"), Leg: leg}
	case "BridgeLeave":
		o.Legs = []telephony.LegFacts{legFacts(m, plainNames)}
		o.Fact = telephony.BridgeLeft{Bridge: m.Text("BridgeUniqueid"), Leg: leg}
	case "Hold":
		o.Legs = []telephony.LegFacts{legFacts(m, plainNames)}
		o.Fact = telephony.LegHeld{Leg: leg}
	case "Unhold":
		o.Legs = []telephony.LegFacts{legFacts(m, plainNames)}
		o.Fact = telephony.LegResumed{Leg: leg}
	case "HangupRequest":
		o.Legs = []telephony.LegFacts{legFacts(m, plainNames)}
		o.Fact = telephony.HangupAsked{Leg: leg, Cause: cause(m)}
	case "Hangup":
		o.Legs = []telephony.LegFacts{legFacts(m, plainNames)}
		o.Fact = telephony.LegGone{Leg: leg, Cause: cause(m)}
	default:
		return o, false
	}
	return o, true
}

// names are the headers of one channel in a message that may tell of two.
type names struct{ channel, state, number, name, peerNumber, peerName, id, linked string }

var (
	plainNames = names{"Channel", "ChannelState", "CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName", "Uniqueid", "Linkedid"}
	destNames  = names{"DestChannel", "DestChannelState", "DestCallerIDNum", "DestCallerIDName", "DestConnectedLineNum", "DestConnectedLineName", "DestUniqueid", "DestLinkedid"}
)

// bothLegs reads the caller and the dialled channel. An originated call has no caller.
func bothLegs(m *Message) []telephony.LegFacts {
	if len(m.Get("Uniqueid")) == 0 {
		return []telephony.LegFacts{legFacts(m, destNames)}
	}
	return []telephony.LegFacts{legFacts(m, plainNames), legFacts(m, destNames)}
}

func legFacts(m *Message, n names) telephony.LegFacts {
	device := device(m.Text(n.channel))
	return telephony.LegFacts{
		Leg:        telephony.LegID(m.Get(n.id)),
		Device:     device,
		State:      legState(m.Int(n.state, -1)),
		Number:     m.Text(n.number),
		Name:       displayName(m.Text(n.name), device),
		PeerNumber: m.Text(n.peerNumber),
		PeerName:   displayName(m.Text(n.peerName), device),
		Group:      m.Text(n.linked),
	}
}

// snapshotLeg reads an item of the Status list. Who began is only in Application: Dial and Queue show what they reach out
// to as AppDial and AppQueue.
func snapshotLeg(m *Message) telephony.SnapshotLeg {
	s := telephony.SnapshotLeg{LegFacts: legFacts(m, plainNames), Bridge: m.Text("BridgeID"), Age: -1}
	application := m.Text("Application")
	s.Called = strings.HasPrefix(application, "AppDial") || strings.HasPrefix(application, "AppQueue")
	if !s.Called {
		s.Dialed = m.Text("DNID")
	}
	if seconds := m.Int("Seconds", -1); seconds >= 0 {
		s.Age = time.Duration(seconds) * time.Second
	}
	return s
}

// displayName undoes the manager's escaping, and on a PJSIP channel SIP's own (RFC 3261, quoted-pair), which chan_pjsip
// leaves in the name: seen in Asterisk 22.10.
func displayName(escaped, device string) string {
	name := Unescape(escaped)
	if strings.HasPrefix(device, "PJSIP/") && strings.Contains(name, `\`) {
		name = quotedPair.Replace(name)
	}
	return name
}

var quotedPair = strings.NewReplacer(`\"`, `"`, `\\`, `\`)

// device is a channel's name without the number that makes it unique: PJSIP/1001-00000003 is PJSIP/1001.
func device(channel string) string {
	if at := strings.LastIndexByte(channel, '-'); at > 0 {
		return channel[:at]
	}
	return channel
}

// legState reads ChannelState (include/asterisk/channelstate.h). 4 is a caller whose far side is being reached.
func legState(n int) telephony.LegState {
	switch n {
	case 0, 1, 3, 9:
		return telephony.LegDown
	case 4:
		return telephony.LegCalling
	case 5:
		return telephony.LegRinging
	case 6:
		return telephony.LegUp
	}
	return telephony.LegUnsaid
}

func outcome(status string) telephony.DialOutcome {
	switch status {
	case "ANSWER":
		return telephony.DialAnswered
	case "BUSY":
		return telephony.DialBusy
	case "NOANSWER":
		return telephony.DialNoAnswer
	case "CHANUNAVAIL", "CONGESTION":
		return telephony.DialUnreachable
	}
	return telephony.DialCancelled // CANCEL, and ABORT, CONTINUE, GOTO…: the dialling side went on to something else
}

func cause(m *Message) telephony.Cause {
	return telephony.CauseOf(m.Int("Cause", 0), m.Text("Cause-txt"))
}

// sentNumber reads the number out of a PJSIP or SIP dial string: 5550199@trunk, trunk/sip:5550199@host, trunk/5550199.
func sentNumber(dialString string) string {
	number := dialString
	if _, uri, found := strings.Cut(number, "sip:"); found {
		number = uri
	} else if at := strings.LastIndexByte(number, '/'); at >= 0 {
		number = number[at+1:]
	}
	number, _, _ = strings.Cut(number, "@")
	if strings.Trim(number, "+*#0123456789") != "" {
		return ""
	}
	return number
}

// stamp reads the Timestamp header that manager.conf's timestampevents adds: seconds with a fraction.
func stamp(m *Message) time.Time {
	text := m.Get("Timestamp")
	if len(text) == 0 {
		return time.Time{}
	}
	seconds, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(seconds >= 0 && seconds <= 1e11) { // NaN is neither
		return time.Time{}
	}
	return time.UnixMicro(int64(seconds * 1e6))
}
