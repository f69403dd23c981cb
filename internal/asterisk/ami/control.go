package ami

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Actions name a channel by its Uniqueid: Asterisk 12 and later look for one where no channel has that name
// (main/channel.c, ast_channel_get_by_name). Never by a pattern.
//
// All values are of a fixed alphabet and checked here once more, whatever the caller has checked (SEC-30).
const (
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	digits  = "0123456789"
)

func only(value, alphabet string, most int) bool {
	return value != "" && len(value) <= most && strings.Trim(value, alphabet) == ""
}

func invalid(what, value, remedy string) error {
	return &telephony.Error{Code: telephony.CodeInvalid, Message: fmt.Sprintf("%q is no %s that can be sent to the PBX", telephony.Display(value), what), Remedy: remedy}
}

func checkNumber(number string) error {
	if !only(number, digits+"+*#", 40) {
		return invalid("number", number, "use digits, + * and # only, 40 at most")
	}
	return nil
}

func checkLeg(leg telephony.LegID) error {
	if !only(string(leg), letters+digits+".-_;:", 150) || leg[0] == '-' {
		return invalid("leg", string(leg), "look at the call again: it may have changed")
	}
	return nil
}

func checkDevice(device string) error {
	technology, name, _ := strings.Cut(device, "/")
	if !only(technology, letters+digits, 20) || !only(name, letters+digits+"._+-@", 80) {
		return invalid("device", device, "set line.extensions device in callboard.yaml to one such as PJSIP/1001")
	}
	return nil
}

// fallbackContext is where desk phones dial in FreePBX and most of its kin.
const fallbackContext = "from-internal"

// contextOf is the context of the dialplan in which a device dials.
func (s *session) contextOf(ctx context.Context, device string) (string, error) {
	if s.config.Context != "" {
		return s.config.Context, nil
	}
	if err := checkDevice(device); err != nil {
		return "", err
	}
	if known := s.contexts.get(device); known != "" {
		return known, nil
	}
	found := fallbackContext
	if endpoint, pjsip := strings.CutPrefix(device, "PJSIP/"); pjsip {
		m, err := s.act(ctx, Action{Name: "Getvar", Fields: []Pair{{"Variable", "PJSIP_ENDPOINT(" + endpoint + ",context)"}}})
		if value := textOf(m, "Value"); err == nil && only(value, letters+digits+"._-", 79) {
			found = value
		} else if refused, ok := errors.AsType[*telephony.Error](err); ok && refused.Code == telephony.CodePBXAway {
			return "", err
		}
	}
	s.contexts.set(device, found)
	return found, nil
}

func textOf(m *Message, key string) string {
	if m == nil {
		return ""
	}
	return m.Text(key)
}

// originate sends the action and makes sense of a refusal.
func (c *Connector) originate(ctx context.Context, s *session, leg telephony.LegID, fields []Pair) error {
	a := Action{Name: "Originate", ID: s.nextID(), Fields: fields}
	s.placed.add(a.ID, leg)
	_, err := s.act(ctx, a)
	if refused, ok := errors.AsType[*telephony.Error](err); ok && refused.Code == telephony.CodePBXRefused {
		s.placed.drop(a.ID)
		if strings.Contains(refused.Message, "Extension does not exist") {
			return unknownNumber
		}
	}
	return err
}

// BlindTransfer implements connector.BlindTransferrer.
func (c *Connector) BlindTransfer(ctx context.Context, own telephony.Leg, number string) error {
	return c.to(ctx, "BlindTransfer", own, own, number)
}

// Deflect implements connector.BlindTransferrer.
func (c *Connector) Deflect(ctx context.Context, own, other telephony.Leg, number string) error {
	return c.to(ctx, "Redirect", own, other, number, Pair{"Priority", "1"})
}

// Consult implements connector.AttendedTransferrer. Asterisk plays the digits of its attended transfer into the leg, so the
// dialplan's Dial must allow them (options t and T) and features.conf must know them.
func (c *Connector) Consult(ctx context.Context, own telephony.Leg, number string) error {
	return c.to(ctx, "Atxfer", own, own, number)
}

// CompleteConsult implements connector.AttendedTransferrer.
func (c *Connector) CompleteConsult(ctx context.Context, own telephony.Leg) error {
	return c.Hangup(ctx, own, telephony.CauseNormal)
}

// CancelConsult implements connector.AttendedTransferrer.
func (c *Connector) CancelConsult(ctx context.Context, own telephony.Leg) error {
	return c.on(ctx, "CancelAtxfer", own)
}

// to sends a leg to a number in the context of own's device.
func (c *Connector) to(ctx context.Context, action string, own, leg telephony.Leg, number string, more ...Pair) error {
	if err := checkNumber(number); err != nil {
		return err
	}
	s := c.linked.Load()
	if s == nil {
		return errAway
	}
	place, err := s.contextOf(ctx, own.Device)
	if err != nil {
		return err
	}
	if err := s.reaches(ctx, place, number); err != nil {
		return err
	}
	return c.on(ctx, action, leg, append([]Pair{{"Context", place}, {"Exten", number}}, more...)...)
}

// reaches asks the dialplan whether it knows a number: Asterisk hangs up on whoever is sent to one that it does not. Where
// it cannot be asked (func_dialplan is not loaded) it is tried.
func (s *session) reaches(ctx context.Context, place, number string) error {
	m, err := s.act(ctx, Action{Name: "Getvar", Fields: []Pair{{"Variable", "DIALPLAN_EXISTS(" + place + "," + number + ",1)"}}})
	if err == nil && m.Text("Value") == "0" {
		return unknownNumber
	}
	return nil
}

var unknownNumber = &telephony.Error{Code: telephony.CodePBXRefused, Message: "the PBX does not know that number",
	Remedy: "check the number, with the digit for an outside line if yours needs one (dial.outside in callboard.yaml), and pbx.context"}

// on does one thing to one leg.
func (c *Connector) on(ctx context.Context, action string, leg telephony.Leg, more ...Pair) error {
	if err := checkLeg(leg.ID); err != nil {
		return err
	}
	_, err := c.act(ctx, Action{Name: action, Fields: append([]Pair{{"Channel", string(leg.ID)}}, more...)})
	return err
}

// Hangup implements connector.Hangupper.
func (c *Connector) Hangup(ctx context.Context, leg telephony.Leg, why telephony.CauseKind) error {
	cause := 16 // Q.850: normal call clearing
	switch why {
	case telephony.CauseBusy:
		cause = 17
	case telephony.CauseRejected:
		cause = 21
	}
	return c.on(ctx, "Hangup", leg, Pair{"Cause", strconv.Itoa(cause)})
}

// Answer implements connector.Answerer, by a NOTIFY in the call's own dialog with Event: talk, which many phones take for
// their button; so do Hold and Resume. That the PBX has sent it says nothing about what the phone does.
func (c *Connector) Answer(ctx context.Context, leg telephony.Leg) error {
	return c.notify(ctx, leg, "talk")
}

// Hold implements connector.Holder.
func (c *Connector) Hold(ctx context.Context, leg telephony.Leg) error {
	return c.notify(ctx, leg, "hold")
}

// Resume implements connector.Holder.
func (c *Connector) Resume(ctx context.Context, leg telephony.Leg) error {
	return c.notify(ctx, leg, "talk")
}

func (c *Connector) notify(ctx context.Context, leg telephony.Leg, event string) error {
	return c.on(ctx, "PJSIPNotify", leg, Pair{"Variable", "Event=" + event})
}

// Join implements connector.Joiner.
func (c *Connector) Join(ctx context.Context, one, two telephony.Leg) error {
	if err := errors.Join(checkLeg(one.ID), checkLeg(two.ID)); err != nil {
		return err
	}
	_, err := c.act(ctx, Action{Name: "Bridge", Fields: []Pair{{"Channel1", string(one.ID)}, {"Channel2", string(two.ID)}}})
	return err
}

// Park implements connector.Parker.
func (c *Connector) Park(ctx context.Context, own, other telephony.Leg) error {
	if err := checkDevice(own.Device); err != nil {
		return err
	}
	back := own.Device
	if strings.Contains(back, "-") {
		back += "-0" // Asterisk makes a device of a channel's name: it takes off what follows the last hyphen
	}
	return c.on(ctx, "Park", other, Pair{"TimeoutChannel", back})
}

// SendDigit implements connector.DigitSender.
func (c *Connector) SendDigit(ctx context.Context, leg telephony.Leg, digit byte, pressed bool) error {
	if !strings.ContainsRune(digits+"*#ABCD", rune(digit)) {
		return invalid("digit", string(rune(digit)), "use 0-9 * # and A-D")
	}
	more := []Pair{{"Digit", string(rune(digit))}}
	if pressed {
		more = append(more, Pair{"Receive", "true"})
	}
	return c.on(ctx, "PlayDTMF", leg, more...)
}

// StartRecording implements connector.Recorder: by MixMonitor, which wants the right system, else by the digits that the
// dialplan has for it. Those leave the name of the file to the dialplan, and do nothing where it does not allow them.
func (c *Connector) StartRecording(ctx context.Context, own telephony.Leg) (sure bool, err error) {
	if s := c.linked.Load(); s != nil && s.config.RecordCode != "" && s.rights.Known() && !s.rights.Can("MixMonitor") {
		return false, c.press(ctx, own, s.config.RecordCode)
	}
	name := fmt.Sprintf("callboard-%s-%s.wav", time.Now().UTC().Format("20060102-150405"), strings.ReplaceAll(string(own.ID), ";", "_"))
	return true, c.on(ctx, "MixMonitor", own, Pair{"File", name})
}

// press sends digits as if the device had: close enough together to be taken for one code.
func (c *Connector) press(ctx context.Context, own telephony.Leg, code string) error {
	for i := range len(code) {
		if err := c.SendDigit(ctx, own, code[i], true); err != nil {
			return err
		}
	}
	return nil
}

// PauseRecording implements connector.RecordingPauser.
func (c *Connector) PauseRecording(ctx context.Context, legs []telephony.Leg, pause bool) error {
	state := "0"
	if pause {
		state = "1"
	}
	return c.anyOf(ctx, "MixMonitorMute", legs, Pair{"Direction", "both"}, Pair{"State", state})
}

// StopRecording implements connector.RecordingStopper.
func (c *Connector) StopRecording(ctx context.Context, legs []telephony.Leg) error {
	return c.anyOf(ctx, "StopMixMonitor", legs)
}

// anyOf does one thing to the first of the legs for which the PBX takes it: no event says where a recording hangs.
func (c *Connector) anyOf(ctx context.Context, action string, legs []telephony.Leg, more ...Pair) error {
	err := error(&telephony.Error{Code: telephony.CodeNotNow, Message: "nothing is being recorded", Remedy: "start a recording first"})
	for _, leg := range legs {
		if err = c.on(ctx, action, leg, more...); err == nil {
			return nil
		}
		if refused, ok := errors.AsType[*telephony.Error](err); !ok || refused.Code != telephony.CodePBXRefused {
			return err
		}
	}
	return err
}

// Mute implements connector.Muter.
func (c *Connector) Mute(ctx context.Context, leg telephony.Leg, on bool) error {
	state := "off"
	if on {
		state = "on"
	}
	return c.on(ctx, "MuteAudio", leg, Pair{"Direction", "in"}, Pair{"State", state})
}
