package ami

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/callboard-dev/callboard/internal/asterisk"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Bounds of what is kept of a message. A longer text is cut. An id is not: two would become one, so the message is left out.
const (
	longestText = 1 << 10
	longestID   = 150 // include/asterisk/channel.h: AST_MAX_UNIQUEID
)

// brief is Text within the bound.
func brief(m *Message, key string) string {
	value := m.Get(key)
	if len(value) > longestText {
		at := longestText
		for at > longestText-utf8.UTFMax && !utf8.RuneStart(value[at]) {
			at--
		}
		return string(value[:at])
	}
	if bytes.Equal(value, unknown) {
		return ""
	}
	return string(value)
}

// overlong reports whether a leg cannot be told by its ids. A relay's pair is one, and so the channel that it is read from.
func overlong(f telephony.LegFacts) bool {
	return len(f.Leg) > longestID || len(f.Group) > longestID || len(f.Device) > longestText || len(f.Pair) > longestText
}

// observe maps one event to an observation. It reports false for an event that says nothing about calls, or too much.
func observe(m *Message, now time.Time) (telephony.Observation, bool) {
	o := telephony.Observation{ObservedAt: now, ReportedAt: stamp(m)}
	event := string(m.Event())
	if len(m.Get("BridgeUniqueid")) > longestID {
		return o, false
	}
	if o.Fact = observeLeg(event, m); o.Fact != nil {
		o.Legs = []telephony.LegFacts{legFacts(m, plainNames)}
		if added, ok := o.Fact.(telephony.LegAdded); ok && added.Leg == o.Legs[0].Leg {
			o.Legs[0].Dialed = brief(m, "Exten")
		}
		return o, !overlong(o.Legs[0])
	}
	var about []names
	if o.Fact, about = observeLegs(event, m); o.Fact == nil {
		return o, false
	}
	for _, n := range about {
		if len(m.Get(n.id)) > 0 { // an originated call has no caller, a spy may be all alone
			facts := legFacts(m, n)
			if overlong(facts) {
				return o, false
			}
			o.Legs = append(o.Legs, facts)
		}
	}
	if event == "DialState" && rings(m) {
		o.Legs[len(o.Legs)-1].State = telephony.LegRinging
	}
	return o, true
}

// observeLeg reads the events about one channel.
func observeLeg(event string, m *Message) telephony.Fact {
	leg := telephony.LegID(m.Get("Uniqueid"))
	switch event {
	case "Newchannel":
		return telephony.LegAdded{Leg: leg}
	case "Newstate", "NewCallerid", "NewConnectedLine":
		return telephony.LegSeen{}
	case "BridgeEnter", "BridgeLeave":
		return bridge(event, m, leg)
	case "Hold":
		return telephony.LegHeld{Leg: leg}
	case "Unhold":
		return telephony.LegResumed{Leg: leg}
	case "HangupRequest":
		return telephony.HangupAsked{Leg: leg, Cause: cause(m)}
	case "Hangup":
		return telephony.LegGone{Leg: leg, Cause: cause(m)}
	case "ConfbridgeJoin":
		return telephony.ConferenceJoined{Leg: leg, Room: brief(m, "Conference")}
	case "ConfbridgeLeave":
		return telephony.ConferenceLeft{Leg: leg, Room: brief(m, "Conference")}
	case "MixMonitorStart":
		return telephony.RecordingBegan{Leg: leg}
	case "MixMonitorStop":
		return telephony.RecordingEnded{Leg: leg}
	case "MixMonitorMute":
		if string(m.Get("State")) == "1" {
			return telephony.RecordingPaused{Leg: leg}
		}
		return telephony.RecordingResumed{Leg: leg}
	case "QueueCallerJoin":
		return telephony.Queued{Leg: leg, Queue: brief(m, "Queue")}
	case "QueueCallerLeave", "QueueCallerAbandon":
		return telephony.Dequeued{Leg: leg, Queue: brief(m, "Queue")}
	case "Newexten", "MessageWaiting":
		return service(event, m, leg)
	}
	return nil
}

// bridge reads who meets. A bridge without an id would be one with all others that have none.
func bridge(event string, m *Message, leg telephony.LegID) telephony.Fact {
	id, kind := m.Text("BridgeUniqueid"), string(m.Get("BridgeType"))
	switch {
	case id == "":
		return telephony.LegSeen{}
	case event == "BridgeLeave":
		return telephony.BridgeLeft{Bridge: id, Leg: leg}
	}
	return telephony.BridgeEntered{Bridge: id, Leg: leg, Apart: kind == "parking" || kind == "holding", Room: kind == "base"}
}

// service reads that the caller is with the voicemail: its application begins, or a message of his was put away. All other
// applications say nothing that is not seen otherwise.
func service(event string, m *Message, leg telephony.LegID) telephony.Fact {
	if leg == "" || event == "Newexten" && string(m.Get("Application")) != "VoiceMail" {
		return nil
	}
	return telephony.ServiceReached{Leg: leg, Service: telephony.ServiceVoicemail}
}

// observeLegs reads the events about several channels, and says under which names they are in it.
func observeLegs(event string, m *Message) (telephony.Fact, []names) {
	id := func(n names) telephony.LegID { return telephony.LegID(m.Get(n.id)) }
	switch event {
	case "DialBegin":
		return telephony.DialBegan{From: id(plainNames), To: id(destNames), Sent: asterisk.SentNumber(brief(m, "DialString"))}, dialNames
	case "DialState":
		return telephony.LegSeen{}, dialNames
	case "DialEnd":
		forward, _, _ := strings.Cut(brief(m, "Forward"), "@")
		return telephony.DialEnded{From: id(plainNames), To: id(destNames), Outcome: outcome(brief(m, "DialStatus")), ForwardedTo: forward}, dialNames
	case "LocalBridge":
		return telephony.LegSeen{}, []names{localOneNames, localTwoNames}
	case "BlindTransfer":
		return telephony.Transferred{Kind: telephony.BlindTransfer, By: id(transfererNames), Transferee: id(transfereeNames), To: brief(m, "Extension"),
			Failed: string(m.Get("Result")) != "Success"}, []names{transfererNames, transfereeNames}
	case "AttendedTransfer":
		if string(m.Get("DestType")) == "Threeway" { // the giver stays
			return telephony.LegSeen{}, attendedNames
		}
		return telephony.Transferred{Kind: telephony.AttendedTransfer, By: id(origTransfererNames), Second: id(secondTransfererNames),
			Transferee: id(transfereeNames), Target: id(targetNames), Failed: string(m.Get("Result")) != "Success"}, attendedNames
	case "Pickup":
		return telephony.PickedUp{By: id(plainNames), Target: id(pickupNames)}, []names{plainNames, pickupNames}
	case "ParkedCall":
		return telephony.Parked{Leg: id(parkeeNames), By: brief(m, "ParkerDialString"), Space: brief(m, "ParkingSpace")}, []names{parkeeNames}
	case "UnParkedCall":
		return unparked(m, telephony.ParkRetrieved), []names{parkeeNames, retrieverNames}
	case "ParkedCallTimeOut":
		return unparked(m, telephony.ParkTimedOut), []names{parkeeNames}
	case "ParkedCallGiveUp":
		return unparked(m, telephony.ParkGivenUp), []names{parkeeNames}
	case "ChanSpyStart":
		return telephony.MonitoringBegan{Leg: id(spyeeNames), By: id(spyerNames)}, []names{spyeeNames, spyerNames}
	case "ChanSpyStop":
		return telephony.MonitoringEnded{Leg: id(spyeeNames), By: id(spyerNames)}, []names{spyeeNames, spyerNames}
	}
	return nil, nil
}

// rings reads DialState: a channel with early media rings although its own state may never say so.
func rings(m *Message) bool {
	status := string(m.Get("DialStatus"))
	return (status == "RINGING" || status == "PROGRESS") && len(m.Get(destNames.id)) > 0
}

func unparked(m *Message, how telephony.ParkEnd) telephony.Fact {
	f := telephony.Unparked{Leg: telephony.LegID(m.Get(parkeeNames.id)), Space: brief(m, "ParkingSpace"), How: how}
	if how == telephony.ParkRetrieved {
		f.By = telephony.LegID(m.Get(retrieverNames.id))
	}
	return f
}

// names are the headers of one channel in a message that may tell of several.
type names struct{ channel, state, number, name, peerNumber, peerName, id, linked string }

func namesOf(prefix string) names {
	return names{prefix + "Channel", prefix + "ChannelState", prefix + "CallerIDNum", prefix + "CallerIDName",
		prefix + "ConnectedLineNum", prefix + "ConnectedLineName", prefix + "Uniqueid", prefix + "Linkedid"}
}

var (
	plainNames            = namesOf("")
	destNames             = namesOf("Dest")
	localOneNames         = namesOf("LocalOne")
	localTwoNames         = namesOf("LocalTwo")
	transfererNames       = namesOf("Transferer")
	transfereeNames       = namesOf("Transferee")
	origTransfererNames   = namesOf("OrigTransferer")
	secondTransfererNames = namesOf("SecondTransferer")
	targetNames           = namesOf("TransferTarget")
	pickupNames           = namesOf("Target")
	parkeeNames           = namesOf("Parkee")
	retrieverNames        = namesOf("Retriever")
	spyerNames            = namesOf("Spyer")
	spyeeNames            = namesOf("Spyee")

	dialNames     = []names{plainNames, destNames}
	attendedNames = []names{origTransfererNames, secondTransfererNames, transfereeNames, targetNames}
)

func legFacts(m *Message, n names) telephony.LegFacts {
	channel := m.Text(n.channel)
	device := asterisk.Device(channel)
	kind, pair := asterisk.KindOf(channel)
	return telephony.LegFacts{
		Kind:       kind,
		Pair:       pair,
		Leg:        telephony.LegID(m.Get(n.id)),
		Device:     device,
		State:      legState(m.Int(n.state, -1)),
		Number:     brief(m, n.number),
		Name:       displayName(brief(m, n.name), device),
		PeerNumber: brief(m, n.peerNumber),
		PeerName:   displayName(brief(m, n.peerName), device),
		Group:      m.Text(n.linked),
	}
}

// snapshotLeg reads an item of the Status list. Who began is only in Application: Dial and Queue show what they reach out
// to as AppDial and AppQueue.
func snapshotLeg(m *Message) telephony.SnapshotLeg {
	s := telephony.SnapshotLeg{LegFacts: legFacts(m, plainNames), Bridge: m.Text("BridgeID"), Age: -1}
	application := brief(m, "Application")
	s.Called = strings.HasPrefix(application, "AppDial") || strings.HasPrefix(application, "AppQueue")
	if !s.Called {
		s.Dialed = brief(m, "DNID")
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
	return telephony.CauseOf(m.Int("Cause", 0), brief(m, "Cause-txt"))
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
