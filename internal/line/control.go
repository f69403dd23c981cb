package line

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/tracker"
)

const (
	ringFor    = 30 * time.Second // how long the user's own phone rings for a call that he has asked for
	reactTime  = 4 * time.Second  // how long a phone may take to do what it was told to
	digitPause = 60 * time.Millisecond
	mostDigits = 40
)

// Abilities are what can be done here and now, and why something cannot.
func (l *Line) Abilities() []telephony.Able {
	var all []telephony.Able
	for _, a := range telephony.Abilities {
		able := telephony.Able{Name: a, Available: true}
		if lack := connector.Lacks(l.options.PBX, a, device(l.options.Extensions[0])); lack != nil {
			able = telephony.Able{Name: a, Reason: lack.Reason, Remedy: lack.Remedy}
		}
		all = append(all, able)
	}
	return all
}

// device is what rings for an extension.
func device(e tracker.Extension) string {
	if e.Device != "" {
		return e.Device
	}
	return "PJSIP/" + e.Number
}

// Dial lets the phone of an extension ring (empty: of the first), and once it is answered lets it call a number. The call is
// there when Dial returns, even if it came to nothing: then with an error.
func (l *Line) Dial(ctx context.Context, extension, typed string) (telephony.CallID, error) {
	e, err := l.extension(extension)
	if err != nil {
		return "", err
	}
	number, err := l.options.Policy.Dialable(typed)
	if err != nil {
		return "", err
	}
	pbx, err := able[connector.Originator](l, telephony.AbleDial, device(e))
	if err != nil {
		return "", err
	}
	leg := telephony.LegID(l.options.NewID("leg"))
	l.Observe(telephony.Observation{ObservedAt: time.Now(), Fact: telephony.CallPlaced{Leg: leg, Device: device(e), Number: number}})
	call := l.callOf(leg)
	show := e.Number
	if l.options.ShowDialed {
		show = number
	}
	// What was begun is seen through, also when whoever asked has gone: its outcome is kept.
	err = pbx.Originate(context.WithoutCancel(ctx), connector.Placement{Leg: leg, Device: device(e), Number: number, Show: show, Timeout: ringFor})
	if known, ok := errors.AsType[*telephony.Error](err); err != nil && !(ok && known.Code == telephony.CodePBXAway) {
		l.Observe(telephony.Observation{ObservedAt: time.Now(), Fact: telephony.LegGone{Leg: leg, Cause: telephony.Cause{Kind: telephony.CauseUnreachable, Native: err.Error()}}})
	}
	if known, ok := errors.AsType[*telephony.Error](err); ok && phonenumbers.IsEmergencyNumber(number, l.options.Policy.Region) {
		err = &telephony.Error{Code: known.Code, Message: known.Message, Remedy: "call " + number + " from a phone now: any phone, a mobile too"}
	}
	return call, err
}

func (l *Line) extension(number string) (tracker.Extension, error) {
	for _, e := range l.options.Extensions {
		if number == "" || e.Number == number {
			return e, nil
		}
	}
	return tracker.Extension{}, &telephony.Error{Code: telephony.CodeInvalid, Message: telephony.Display(number) + " is not an extension of this line",
		Remedy: "use one of " + strings.Join(l.Extensions(), ", ")}
}

// able is the connector as one of its abilities, if it can use that now for a device.
func able[T any](l *Line, a telephony.Ability, device string) (T, error) {
	pbx, ok := l.options.PBX.(T)
	if lack := connector.Lacks(l.options.PBX, a, device); lack != nil || !ok {
		if lack == nil {
			lack = &connector.Lack{Reason: "this PBX cannot do it", Remedy: "do it at the phone"}
		}
		return pbx, &telephony.Error{Code: telephony.CodeNotPossible, Message: fmt.Sprintf("%s is not possible: %s", spoken(string(a)), lack.Reason), Remedy: lack.Remedy}
	}
	return pbx, nil
}

func spoken(name string) string { return strings.ReplaceAll(name, "_", " ") }

// side is one of our ends of a live call, and the other.
type side struct {
	call  *telephony.Call
	view  telephony.View
	own   telephony.Leg
	other telephony.Leg // zero: nobody, or several
}

// legs are the live ones, our own first.
func (s side) legs() []telephony.Leg {
	all := []telephony.Leg{s.own}
	for _, leg := range s.call.Legs {
		if leg.ID != s.own.ID && leg.State != telephony.Ended {
			all = append(all, leg)
		}
	}
	return all
}

// sideOf finds our end of a call: the extension's that is asked for, else the one that is furthest.
func sideOf(c *telephony.Call, extension string) (side, bool) {
	order := []telephony.State{telephony.Dialing, telephony.Ringing, telephony.Held, telephony.Connected}
	best, found := side{call: c}, -1
	for _, v := range c.Views {
		weight := slices.Index(order, v.State)
		leg := slices.IndexFunc(c.Legs, func(leg telephony.Leg) bool { return leg.ID == v.Leg && leg.State != telephony.Ended })
		if weight > found && leg >= 0 && (extension == "" || extension == v.Extension) {
			best.view, best.own, found = v, c.Legs[leg], weight
		}
	}
	if found < 0 {
		return side{}, false
	}
	others := best.legs()[1:]
	if at := slices.IndexFunc(others, func(leg telephony.Leg) bool { return leg.ID == best.view.PartyLeg }); at >= 0 {
		best.other = others[at]
	}
	return best, true
}

// possible are the actions that make sense where a call stands, whatever the PBX can do.
func (s side) possible() []telephony.Action {
	var out []telephony.Action
	add := func(when bool, actions ...telephony.Action) {
		if when {
			out = append(out, actions...)
		}
	}
	v := s.view
	consulting := v.Consulting
	up := v.State == telephony.Connected || v.State == telephony.Held
	alone := up && s.other.ID != "" && !v.Conference
	add(v.State == telephony.Ringing && !v.Caller, telephony.Answer)
	add(true, telephony.Hangup)
	add(v.State == telephony.Connected, telephony.Hold)
	add(v.State == telephony.Held, telephony.Resume)
	add(consulting, telephony.Complete, telephony.Cancel)
	add(!consulting && (alone || v.State == telephony.Ringing && !v.Caller && s.other.ID != ""), telephony.Transfer)
	add(!consulting && alone, telephony.Consult, telephony.Join, telephony.Park)
	add(v.State == telephony.Connected, telephony.Digits)
	add(v.State == telephony.Connected && !v.Muted, telephony.Mute)
	add(up && v.Muted, telephony.Unmute)
	add(up && v.Recording == "", telephony.Record)
	add(up && v.Recording == "on", telephony.PauseRecording)
	add(up && v.Recording == "paused", telephony.ResumeRecording)
	add(up && v.Recording != "", telephony.StopRecording)
	return out
}

// Actions are what can be done with a call just now: it makes sense where the call stands, and the PBX, the account and the
// device can.
func (l *Line) Actions(c *telephony.Call) []telephony.Action {
	s, live := sideOf(c, "")
	if !live || c.State == telephony.Ended {
		return nil
	}
	return slices.DeleteFunc(s.possible(), func(a telephony.Action) bool {
		return connector.Lacks(l.options.PBX, a.Takes(), s.own.Device) != nil
	})
}

// Do carries a command out on a live call. It returns when the PBX has taken it; where a phone must do something, when that
// was seen. What the call becomes by it is told as all that happens at the PBX is.
func (l *Line) Do(ctx context.Context, id telephony.CallID, c telephony.Command) error {
	if !slices.Contains(telephony.Actions, c.Action) {
		return &telephony.Error{Code: telephony.CodeInvalid, Message: "\"" + telephony.Display(string(c.Action)) + "\" is no command", Remedy: "see the contract for those that there are"}
	}
	s, err := l.side(id, c)
	if err != nil {
		return err
	}
	if lack := connector.Lacks(l.options.PBX, c.Action.Takes(), s.own.Device); lack != nil {
		return &telephony.Error{Code: telephony.CodeNotPossible, Message: fmt.Sprintf("%s is not possible: %s", spoken(string(c.Action)), lack.Reason), Remedy: lack.Remedy}
	}
	if !slices.Contains(s.possible(), c.Action) {
		return &telephony.Error{Code: telephony.CodeNotNow, Message: fmt.Sprintf("%s is not possible while the call is %s", spoken(string(c.Action)), s.view.State),
			Remedy: "look at the call's actions: they say what is possible just now"}
	}
	if c.Action == telephony.Transfer || c.Action == telephony.Consult {
		if c.To, err = l.options.Policy.Dialable(c.To); err != nil {
			return err
		}
	}
	return l.carryOut(context.WithoutCancel(ctx), s, c)
}

func (l *Line) side(id telephony.CallID, c telephony.Command) (side, error) {
	l.mu.Lock()
	call := l.calls[id]
	l.mu.Unlock()
	if call == nil {
		return side{}, &telephony.Error{Code: telephony.CodeNotNow, Message: "the call is over", Remedy: "dial the number anew"}
	}
	s, live := sideOf(call, c.Extension)
	if !live {
		return side{}, &telephony.Error{Code: telephony.CodeNotNow, Message: "no phone of this line is in the call any more", Remedy: "it goes on without you"}
	}
	return s, nil
}

func (l *Line) carryOut(ctx context.Context, s side, c telephony.Command) error {
	pbx := l.options.PBX
	switch c.Action {
	case telephony.Answer:
		err := pbx.(connector.Answerer).Answer(ctx, s.own)
		return l.seen(ctx, s, err, phoneSilent(s), func(v telephony.View) bool { return v.State != telephony.Ringing })
	case telephony.Hold:
		err := pbx.(connector.Holder).Hold(ctx, s.own)
		return l.seen(ctx, s, err, phoneSilent(s), func(v telephony.View) bool { return v.State != telephony.Connected })
	case telephony.Resume:
		err := pbx.(connector.Holder).Resume(ctx, s.own)
		return l.seen(ctx, s, err, phoneSilent(s), func(v telephony.View) bool { return v.State != telephony.Held })
	case telephony.Hangup:
		why := telephony.CauseNormal
		if s.view.State == telephony.Ringing && !s.view.Caller {
			why = telephony.CauseRejected
		}
		return l.hangup(ctx, s.own, why)
	case telephony.Transfer:
		if s.view.State == telephony.Ringing {
			return pbx.(connector.BlindTransferrer).Deflect(ctx, s.own, s.other, c.To)
		}
		return pbx.(connector.BlindTransferrer).BlindTransfer(ctx, s.own, c.To)
	case telephony.Consult, telephony.Complete, telephony.Cancel:
		return l.consult(ctx, s, c)
	case telephony.Join:
		return l.join(ctx, s, c)
	case telephony.Park:
		return pbx.(connector.Parker).Park(ctx, s.own, s.other)
	case telephony.Digits:
		return l.sendDigits(ctx, s, c.Digits)
	case telephony.Mute, telephony.Unmute:
		err := pbx.(connector.Muter).Mute(ctx, s.own, c.Action == telephony.Mute)
		if err == nil { // the PBX tells nobody
			l.Observe(telephony.Observation{ObservedAt: time.Now(), Fact: telephony.LegMuted{Leg: s.own.ID, Muted: c.Action == telephony.Mute}})
		}
		return err
	case telephony.Record:
		sure, err := pbx.(connector.Recorder).StartRecording(ctx, s.own)
		return l.seen(ctx, s, err, notRecorded, func(v telephony.View) bool { return sure || v.Recording != "" })
	case telephony.PauseRecording, telephony.ResumeRecording:
		return pbx.(connector.RecordingPauser).PauseRecording(ctx, s.legs(), c.Action == telephony.PauseRecording)
	case telephony.StopRecording:
		return pbx.(connector.RecordingStopper).StopRecording(ctx, s.legs())
	}
	return nil
}

// hangup ends a leg of ours; whoever ordered it has ended the call, not the PBX.
func (l *Line) hangup(ctx context.Context, leg telephony.Leg, why telephony.CauseKind) error {
	order := func(off bool) {
		l.Observe(telephony.Observation{ObservedAt: time.Now(), Fact: telephony.HangupOrdered{Leg: leg.ID, Off: off}})
	}
	order(false)
	err := l.options.PBX.(connector.Hangupper).Hangup(ctx, leg, why)
	if err != nil {
		order(true)
	}
	return err
}

func phoneSilent(s side) error {
	return &telephony.Error{Code: telephony.CodePhoneSilent, Message: "the phone " + telephony.Display(s.own.Device) + " was asked and did nothing",
		Remedy: "use the phone's own button; not every phone lets itself be told, and many must first be set to (talk and hold events)"}
}

var notRecorded = &telephony.Error{Code: telephony.CodePBXRefused, Message: "the PBX did not begin to record",
	Remedy: "for this call the dialplan must allow it: automixmon in features.conf, and the options x and X of its Dial"}

// seen waits until what was asked for without an error is seen to be done; if it is not in time, that is the error.
func (l *Line) seen(ctx context.Context, s side, asked, late error, done func(telephony.View) bool) error {
	if asked != nil {
		return asked
	}
	ctx, cancel := context.WithTimeout(ctx, reactTime)
	defer cancel()
	for {
		l.mu.Lock()
		call, stir := l.calls[s.call.ID], l.stir
		l.mu.Unlock()
		if call == nil || slices.ContainsFunc(call.Views, func(v telephony.View) bool { return v.Leg == s.own.ID && done(v) }) {
			return nil
		}
		select {
		case <-stir:
		case <-ctx.Done():
			return late
		}
	}
}

func (l *Line) consult(ctx context.Context, s side, c telephony.Command) error {
	pbx := l.options.PBX.(connector.AttendedTransferrer)
	switch c.Action {
	case telephony.Consult:
		return pbx.Consult(ctx, s.own, c.To)
	case telephony.Complete:
		return pbx.CompleteConsult(ctx, s.own)
	}
	return pbx.CancelConsult(ctx, s.own)
}

func (l *Line) join(ctx context.Context, s side, c telephony.Command) error {
	if c.With == s.call.ID {
		return &telephony.Error{Code: telephony.CodeInvalid, Message: "a call cannot be joined with itself", Remedy: "name another call's record"}
	}
	with, err := l.side(c.With, telephony.Command{})
	if err != nil {
		return err
	}
	if !slices.Contains(with.possible(), telephony.Join) {
		return &telephony.Error{Code: telephony.CodeNotNow, Message: fmt.Sprintf("the other call is %s, with nobody to be joined to", with.view.State),
			Remedy: "wait until it is answered"}
	}
	return l.options.PBX.(connector.Joiner).Join(ctx, s.other, with.other)
}

// sendDigits sends to the other end; where that is no device but the PBX itself, as if our own had pressed them.
func (l *Line) sendDigits(ctx context.Context, s side, digits string) error {
	if digits == "" || len(digits) > mostDigits || strings.Trim(digits, "0123456789*#ABCD") != "" {
		return &telephony.Error{Code: telephony.CodeInvalid, Message: "these digits cannot be sent", Remedy: fmt.Sprintf("send 1 to %d of 0-9 * # A-D", mostDigits)}
	}
	to, pressed := s.other, false
	if to.ID == "" {
		to, pressed = s.own, true
	}
	pause := time.NewTicker(digitPause)
	defer pause.Stop()
	for i := range len(digits) {
		if i > 0 {
			<-pause.C
		}
		if err := l.options.PBX.(connector.DigitSender).SendDigit(ctx, to, digits[i], pressed); err != nil {
			return err
		}
		pause.Reset(digitPause)
	}
	return nil
}
