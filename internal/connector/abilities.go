package connector

import (
	"context"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// An ability is one small interface: a connector has the ability if it has the methods. Whether it can use them now, with
// this account, PBX and device, it says itself where it is Limited. All methods may be called from any goroutine while Run
// runs; they return when the PBX has answered, which is not yet when its phones have done anything. Errors that a person
// may see are *telephony.Error.
type (
	// Originator lets a device of ours ring, and once it is answered lets it call a number.
	Originator interface {
		Originate(ctx context.Context, p Placement) error
	}
	// Hangupper ends one leg, which ends a call of two.
	Hangupper interface {
		Hangup(ctx context.Context, leg telephony.Leg, why telephony.CauseKind) error
	}
	// Answerer makes a ringing device answer.
	Answerer interface {
		Answer(ctx context.Context, leg telephony.Leg) error
	}
	// Holder makes a device hold its call and take it back.
	Holder interface {
		Hold(ctx context.Context, leg telephony.Leg) error
		Resume(ctx context.Context, leg telephony.Leg) error
	}
	// BlindTransferrer sends the other party away: BlindTransfer out of a talk, as if own had done it; Deflect before, where
	// own still rings.
	BlindTransferrer interface {
		BlindTransfer(ctx context.Context, own telephony.Leg, number string) error
		Deflect(ctx context.Context, own, other telephony.Leg, number string) error
	}
	// AttendedTransferrer calls a number while the other party of own waits. CancelConsult goes back to who waits;
	// CompleteConsult leaves the two to each other.
	AttendedTransferrer interface {
		Consult(ctx context.Context, own telephony.Leg, number string) error
		CompleteConsult(ctx context.Context, own telephony.Leg) error
		CancelConsult(ctx context.Context, own telephony.Leg) error
	}
	// Joiner lets two legs of different calls talk to each other. Whoever talked to them before is out.
	Joiner interface {
		Join(ctx context.Context, one, two telephony.Leg) error
	}
	// Parker parks the other party. After a time the PBX calls own's device back.
	Parker interface {
		Park(ctx context.Context, own, other telephony.Leg) error
	}
	// DigitSender sends one digit to a leg's device; pressed: as if the leg's own device had sent it.
	DigitSender interface {
		SendDigit(ctx context.Context, leg telephony.Leg, digit byte, pressed bool) error
	}
	// Recorder records at the PBX. sure: it has said that it does; else that is to be seen.
	Recorder interface {
		StartRecording(ctx context.Context, own telephony.Leg) (sure bool, err error)
	}
	// RecordingPauser pauses a recording that goes on. A recording may hang at any of the legs of a call, the first is tried first.
	RecordingPauser interface {
		PauseRecording(ctx context.Context, legs []telephony.Leg, pause bool) error
	}
	// RecordingStopper stops a recording that goes on.
	RecordingStopper interface {
		StopRecording(ctx context.Context, legs []telephony.Leg) error
	}
	// Muter keeps back what a leg's device sends.
	Muter interface {
		Mute(ctx context.Context, leg telephony.Leg, on bool) error
	}
	// Inspector asks for what no event tells of a leg. It paces itself: a call may take a second or more.
	Inspector interface {
		Inspect(ctx context.Context, leg telephony.Leg, about Aspect) (telephony.LegInspected, error)
		// Service asks what part of the PBX takes care of a leg that talks to nobody; empty: none that is known.
		Service(ctx context.Context, leg telephony.Leg) (telephony.Service, error)
	}
	// Limited says why an ability cannot be used now, nil if it can. A device matters for some; empty: of any.
	Limited interface {
		Lacks(ability telephony.Ability, device string) *Lack
	}
)

// Lack is why something cannot be done, and what to do about it.
type Lack struct{ Reason, Remedy string }

func (l *Lack) Error() string { return l.Reason + ": " + l.Remedy }

// Placement is a call that is to be made.
type Placement struct {
	Leg     telephony.LegID // the id that the device's leg will have
	Device  string          // what rings first: PJSIP/1001
	Number  string          // what is called then: of 0-9 + * # only
	Show    string          // the number shown as the caller's
	Timeout time.Duration   // how long the device rings
}

// Aspect is a part of what can be learned of a leg by asking.
type Aspect int

const (
	AspectDevice Aspect = 1 << iota // address, encryption of the signalling, number withheld: known once it rings or calls
	AspectMedia                     // address and encryption of the sound: known once it is answered
	AspectHold                      // whether it is on hold: for legs that were there before us
)

// has maps an ability to the interface behind it.
var has = map[telephony.Ability]func(c any) bool{
	telephony.AbleDial:           is[Originator],
	telephony.AbleHangup:         is[Hangupper],
	telephony.AbleAnswer:         is[Answerer],
	telephony.AbleHold:           is[Holder],
	telephony.AbleTransfer:       is[BlindTransferrer],
	telephony.AbleConsult:        is[AttendedTransferrer],
	telephony.AbleJoin:           is[Joiner],
	telephony.AblePark:           is[Parker],
	telephony.AbleDigits:         is[DigitSender],
	telephony.AbleRecord:         is[Recorder],
	telephony.AblePauseRecording: is[RecordingPauser],
	telephony.AbleStopRecording:  is[RecordingStopper],
	telephony.AbleMute:           is[Muter],
	telephony.AbleInspect:        is[Inspector],
}

func is[T any](c any) bool {
	_, ok := c.(T)
	return ok
}

// Lacks is why a connector cannot use an ability for a device now; nil: it can.
func Lacks(c any, a telephony.Ability, device string) *Lack {
	if able := has[a]; able == nil || !able(c) {
		return &Lack{Reason: "Callboard cannot do this with this kind of PBX", Remedy: "do it at the phone"}
	}
	if limited, ok := c.(Limited); ok {
		return limited.Lacks(a, device)
	}
	return nil
}
