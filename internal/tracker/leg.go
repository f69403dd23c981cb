package tracker

import (
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// leg is one party's end of a call as the PBX has it.
type leg struct {
	id          telephony.LegID
	device      string
	state       telephony.LegState
	number      string
	name        string
	firstNumber string // before any dialplan put the company's number and name in their place
	firstName   string
	peerNumber  string
	peerName    string
	dialedNum   string // what it dialled, if it is a caller
	group       string
	caller      bool // it began by itself; the PBX did not reach out to it
	dialed      bool // the PBX reached out to it
	sent        string
	dialedBy    *leg
	dials       []*leg
	outcome     telephony.DialOutcome
	dialEndedAt time.Time
	bridge      string
	leftAt      time.Time // when it left its last bridge; zero while in one
	held        bool
	addedAt     time.Time
	upAt        time.Time
	askedAt     time.Time // when its own device asked to hang up
	cause       telephony.Cause
	gone        bool
	call        *call
	view        *view

	kind     telephony.LegKind
	pairName string
	twin     *leg // the other half of a relay

	forwardedTo string    // its device sent the caller on to this number
	promised    bool      // placed, and nothing of it was seen yet
	placed      bool      // we had the PBX ring it, to dial from it
	took        bool      // it fetched a call that was another's: it calls nobody
	ordered     bool      // the person ended it by us, not by the device
	gaveAway    bool      // its device gave the other end away
	adrift      time.Time // since when nobody is at its other end, and it is not known where it goes
	givenBy     string    // whose device gave it away
	sentOnBy    string    // device that sent it on to another number
	parkedAt    string
	parkedFrom  *call // whose call it was parked out of
	queue       string
	service     telephony.Service
	room        string
	inRoom      bool   // its bridge is a conference's
	known       bool   // somebody has talked to it: what a dialplan calls it from now on is for others
	recording   string // on, paused
	recorded    bool
	monitored   bool
	muted       bool
	inspected   telephony.LegInspected
	found       bool // it began before we looked: what happened until then is not known
}

// merge takes what is said and keeps what is not. It reports whether anything that people see has changed.
func (l *leg) merge(f telephony.LegFacts) bool {
	changed := false
	set := func(field *string, value string) {
		if value != "" && *field != value {
			*field, changed = value, true
		}
	}
	set(&l.device, f.Device)
	if f.Device != "" && l.pairName == "" {
		l.kind, l.pairName = f.Kind, f.Pair
	}
	if !l.known {
		set(&l.number, f.Number)
		set(&l.name, f.Name)
	}
	set(&l.peerNumber, f.PeerNumber)
	set(&l.peerName, f.PeerName)
	l.group = f.Group
	if l.firstName == "" {
		l.firstName = f.Name
	}
	if l.firstNumber == "" {
		l.firstNumber = f.Number
	}
	if f.State == telephony.LegCalling {
		l.caller = true
		if l.dialedNum == "" {
			l.dialedNum = f.Dialed
		}
	}
	if f.State > l.state { // a late message never takes a leg back
		l.state, changed = f.State, true
	}
	return changed
}

// wantsView reports whether there is something to show to the extension whose device this is: it calls, it is called, or
// it talks. That it rings is not enough: the PBX may say so before it says who calls, and then the conversation that the
// leg belongs to would not be found.
func (l *leg) wantsView() bool {
	return l.view == nil && l.kind == telephony.DeviceLeg && (l.caller || l.dialed || l.bridge != "")
}

// calls reports whether the leg's device is the one that reaches out: it dialled, or the PBX rang it to dial from there.
func (l *leg) calls() bool { return !l.took && (l.caller || l.originated()) }

// originated reports whether the PBX rang the device by itself, to dial from there.
func (l *leg) originated() bool { return l.placed || l.dialed && l.dialedBy == nil }

// origin is the party that dials this leg, through any relays.
func (l *leg) origin() *leg {
	by := l.dialedBy
	for range maxRelays {
		if by == nil || by.kind != telephony.RelayLeg || by.twin == nil {
			break
		}
		by = by.twin.dialedBy
	}
	return by
}

// trying are the legs that this one dials and that are not given up.
func (l *leg) trying() []*leg {
	var live []*leg
	for _, to := range l.dials {
		if !to.gone && (to.outcome == "" || to.outcome == telephony.DialAnswered) {
			live = append(live, to)
		}
	}
	return live
}

// driftsFor is how long a call waits for one who was left with nobody: a dialplan goes on at once or not at all.
const driftsFor = 5 * time.Second

// drift begins the wait.
func (l *leg) drift(now time.Time) {
	if l.adrift.IsZero() && !l.gone && l.askedAt.IsZero() {
		l.adrift = now
	}
}

// settle ends it.
func (l *leg) settle() { l.adrift = time.Time{} }

// current is the leg's call, nil once that has ended.
func (l *leg) current() *call {
	if l.call == nil || l.call.ended() {
		return nil
	}
	return l.call
}

func (l *leg) askHangup(now time.Time, cause telephony.Cause) {
	if l.askedAt.IsZero() {
		l.askedAt = now
		l.cause = cause
	}
}

// wantsOut reports whether the device, or its user by us, has ended the call.
func (l *leg) wantsOut() bool { return l.ordered || !l.askedAt.IsZero() }

// target is the leg that a caller reached, else the one it tried last; through any relays.
func (l *leg) target() *leg {
	to := l.tried()
	for range maxRelays {
		if to == nil || to.kind != telephony.RelayLeg || to.twin == nil || to.twin.tried() == nil {
			break
		}
		to = to.twin.tried()
	}
	return to
}

// maxRelays is more than anybody chains.
const maxRelays = 16

func (l *leg) tried() *leg {
	if len(l.dials) == 0 {
		return nil
	}
	if at := slices.IndexFunc(l.dials, func(to *leg) bool { return to.outcome == telephony.DialAnswered }); at >= 0 {
		return l.dials[at]
	}
	return l.dials[len(l.dials)-1]
}

// farRings reports whether anybody that this caller dials is ringing.
func (l *leg) farRings() bool {
	for _, to := range l.dials {
		if to.state == telephony.LegRinging && !to.gone {
			return true
		}
	}
	return false
}

// shown is the leg's state in the words of a call.
func (l *leg) shown() telephony.State {
	switch {
	case l.gone:
		return telephony.Ended
	case l.held:
		return telephony.Held
	case l.state == telephony.LegUp:
		return telephony.Connected
	case l.state == telephony.LegRinging:
		return telephony.Ringing
	}
	return telephony.Dialing
}
