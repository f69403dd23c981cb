package tracker

import (
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
	firstName   string // before any dialplan put the company's name in its place
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
	set(&l.number, f.Number)
	set(&l.name, f.Name)
	set(&l.peerNumber, f.PeerNumber)
	set(&l.peerName, f.PeerName)
	l.group = f.Group
	if l.firstName == "" {
		l.firstName = f.Name
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
	return l.view == nil && (l.caller || l.dialed || l.bridge != "")
}

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

// target is the leg that a caller reached, else the one it tried last.
func (l *leg) target() *leg {
	for _, to := range l.dials {
		if to.outcome == telephony.DialAnswered {
			return to
		}
	}
	if len(l.dials) == 0 {
		return nil
	}
	return l.dials[len(l.dials)-1]
}

// farRings reports whether anybody that this caller dials is ringing.
func (l *leg) farRings() bool {
	for _, to := range l.dials {
		if to.state >= telephony.LegRinging && !to.gone {
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
