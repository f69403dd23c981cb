package ami

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// told is an event that Callboard needs, what it comes from, and what goes wrong without it.
type told struct {
	event, kind string // kind as stasis.conf names it
	costs       string
	vital       bool
	own         bool // the test call brings it about
}

// needed are in the order in which they matter. The kinds are in stasis.conf.sample of Asterisk 22.
var needed = []told{
	{"Newchannel", "ast_channel_snapshot_type", "no call is seen", true, true},
	{"Newstate", "ast_channel_snapshot_type", "nobody knows that a phone rings or was answered", true, true},
	{"Hangup", "ast_channel_snapshot_type", "calls never end", true, true},
	{"DialBegin", "ast_channel_dial_type", "nobody knows who calls whom", true, true},
	{"DialEnd", "ast_channel_dial_type", "nobody knows how an attempt came out: missed, busy, rejected", true, true},
	{"BridgeEnter", "ast_channel_entered_bridge_type", "nobody knows who talks with whom", true, true},
	{"BridgeLeave", "ast_channel_left_bridge_type", "a talk ends late", true, true},
	{"HangupRequest", "ast_channel_hangup_request_type", "nobody knows who ended a call, and the end is late", false, true},
	{"LocalBridge", "ast_local_bridge_type", "a call through a Local channel (queues, forwarding) shows the PBX in place of the other party", false, true},
	{"OriginateResponse", "ast_manager_get_generic_type", "a number that could not be dialled from the page fails without a word", false, true},
	{"Hold", "ast_channel_hold_type", "hold is not seen", false, false},
	{"Unhold", "ast_channel_unhold_type", "the end of hold is not seen", false, false},
	{"BlindTransfer", "ast_blind_transfer_type", "transfers are not seen as such", false, false},
	{"AttendedTransfer", "ast_attended_transfer_type", "transfers are not seen as such", false, false},
	{"ParkedCall", "ast_parked_call_type", "parking is not seen", false, false},
	{"Pickup", "ast_call_pickup_type", "a call that was picked up looks like one answered elsewhere", false, false},
	{"ConfbridgeJoin", "confbridge_join_type", "conferences are not seen", false, false},
	{"ConfbridgeLeave", "confbridge_leave_type", "the end of a conference is not seen", false, false},
	{"MixMonitorStart", "ast_channel_mixmonitor_start_type", "recordings are not seen", false, false},
	{"MixMonitorStop", "ast_channel_mixmonitor_stop_type", "the end of a recording is not seen", false, false},
	{"ChanSpyStart", "ast_channel_chanspy_start_type", "nobody knows that somebody listens in", false, false},
	{"ChanSpyStop", "ast_channel_chanspy_stop_type", "the end of listening in is not seen", false, false},
	{"DeviceStateChange", "ast_device_state_message_type", "who is free and who is busy is not known", false, false},
}

// settings looks into manager.conf and stasis.conf as far as the account may. Only the section [general] is asked for, and
// the account's own where its secret, which stands there, does not travel in the clear.
func (e *examiner) settings(_ context.Context, v *visit) error {
	if !v.rights.Can("GetConfig") {
		e.tell(Check{
			Name: "settings", Status: Skipped, Found: "the account may not read manager.conf and stasis.conf, as is wise: these lines are good to have there",
			Remedy: "writetimeout: 100 ms are little for a computer that sleeps; timestampevents: times by the PBX's own clock; displayconnects: no line on its console for every login",
			File:   "manager.conf", Paste: "[general]\ntimestampevents = yes\n\n" + e.section("writetimeout = 5000", "displayconnects = no"),
		})
		return nil
	}
	general, found, err := v.file("manager.conf", "general")
	if err != nil {
		return err
	}
	var own []setting
	if e.private() {
		if own, _, err = v.file("manager.conf", e.link.config.Username); err != nil {
			return err
		}
	}
	if !found {
		e.tell(Check{Name: "settings", Status: Skipped, Found: "the PBX does not show manager.conf"})
	} else {
		e.tell(e.managerConf(general, own))
	}
	e.filters(own)
	e.disabled(general)
	return e.declined(v)
}

// private reports whether others can read what the PBX answers.
func (e *examiner) private() bool {
	host, _, _ := net.SplitHostPort(e.link.config.Address)
	return e.link.config.TLS != nil || loopback(host)
}

// last is the value that counts: the account's own, else that of [general].
func last(key string, sections ...[]setting) string {
	value := ""
	for _, lines := range sections {
		for _, s := range lines {
			if strings.EqualFold(s.key, key) {
				value = s.value
			}
		}
	}
	return value
}

// yes is ast_true of Asterisk.
func yes(value string) bool {
	return slices.Contains([]string{"yes", "true", "y", "t", "1", "on"}, strings.ToLower(value))
}

func (e *examiner) managerConf(general, own []setting) Check {
	check := Check{Name: "settings", Status: Fine, Found: "manager.conf is as Callboard likes it"}
	var wants, paste, mine []string
	if !yes(last("timestampevents", general)) {
		wants = append(wants, "timestampevents is off: times are when a message came here, not when it happened")
		paste = append(paste, "timestampevents = yes")
	}
	if ms, err := strconv.Atoi(last("writetimeout", own)); own != nil && (err != nil || ms < 1000) {
		wants = append(wants, "writetimeout is "+first(nil, last("writetimeout", own), "100")+" ms: a computer that is busy for longer is cut off")
		mine = append(mine, "writetimeout = 5000")
	}
	if shown := last("displayconnects", general, own); shown == "" || yes(shown) {
		wants = append(wants, "displayconnects is on: every login is a line on the PBX's console")
		mine = append(mine, "displayconnects = no")
	}
	if vars := last("channelvars", general); strings.Contains(vars, "(") {
		check.Status = Warning
		wants = append(wants, "channelvars has functions ("+telephony.Display(vars)+"): asking those of a PJSIP channel can stop the whole PBX (asterisk#307, #1943)")
		paste = append(paste, "channelvars =")
	}
	if len(wants) == 0 {
		return check
	}
	check.Found, check.Remedy, check.File = strings.Join(wants, "; "), "good to have", "manager.conf"
	if len(paste) > 0 {
		check.Paste = "[general]\n" + strings.Join(paste, "\n")
	}
	if len(mine) > 0 {
		check.Paste = strings.TrimPrefix(check.Paste+"\n\n"+e.section(mine...), "\n\n")
	}
	return check
}

// filters looks at what the account's own section leaves out.
func (e *examiner) filters(own []setting) {
	var lines []string
	for _, s := range own {
		if strings.HasPrefix(strings.ToLower(s.key), "eventfilter") {
			lines = append(lines, telephony.Display(s.key+" = "+s.value))
		}
	}
	if len(lines) == 0 {
		if own != nil {
			e.tell(Check{Name: "filters", Status: Fine, Found: "the account has no eventfilter"})
		}
		return
	}
	e.tell(Check{
		Name: "filters", Status: Warning, Found: "the account is told only a part: " + strings.Join(lines, "; "),
		Remedy: "take the eventfilter out of the account's section in manager.conf: Callboard asks for few classes, so there is no noise that it would keep away",
	})
}

// disabled looks at what nobody is told.
func (e *examiner) disabled(general []setting) {
	off := strings.FieldsFunc(last("disabledevents", general), func(r rune) bool { return r == ',' || r == ' ' })
	keep := slices.DeleteFunc(slices.Clone(off), func(name string) bool {
		return slices.ContainsFunc(needed, func(t told) bool { return strings.EqualFold(name, t.event) })
	})
	for _, t := range needed {
		if slices.ContainsFunc(off, func(name string) bool { return strings.EqualFold(name, t.event) }) {
			e.tell(Check{Name: "message " + t.event, Status: t.verdict(), Found: "disabledevents in manager.conf leaves it out: " + t.costs,
				Remedy: "tell it", File: "manager.conf", Paste: "[general]\ndisabledevents = " + telephony.Display(strings.Join(keep, ","))})
		}
	}
}

func (t told) verdict() Verdict {
	if t.vital {
		return Problem
	}
	return Warning
}

var word = regexp.MustCompile(`[a-z_]+`)

// declined looks at the message types that stasis.conf switches off.
func (e *examiner) declined(v *visit) error {
	lines, found, err := v.file("stasis.conf", "declined_message_types")
	if err != nil {
		return err
	}
	off := map[string]bool{}
	for _, s := range lines {
		if strings.EqualFold(s.key, "decline") {
			for _, kind := range word.FindAllString(strings.ToLower(s.value), -1) {
				off[kind] = true
			}
		}
	}
	var costs []Check
	for _, t := range needed {
		if !off[t.kind] {
			continue
		}
		at := slices.IndexFunc(costs, func(c Check) bool { return c.Name == "message type "+t.kind })
		if at < 0 {
			costs = append(costs, Check{Name: "message type " + t.kind, Status: t.verdict(), Found: "stasis.conf switches it off, so " + t.event + " does not come: " + t.costs,
				Remedy: "take this line away, then start Asterisk again", File: "stasis.conf", Paste: ";decline = " + t.kind})
			continue
		}
		costs[at].Found += "; nor " + t.event + ": " + t.costs
	}
	for _, check := range costs {
		e.tell(check)
	}
	if len(costs) == 0 {
		text := "stasis.conf switches off nothing that is needed"
		if !found {
			text = "there is no stasis.conf with declined_message_types: nothing is switched off"
		}
		e.tell(Check{Name: "message types", Status: Fine, Found: text})
	}
	return nil
}

var deviceName = regexp.MustCompile(`^[A-Za-z0-9_]+/[A-Za-z0-9_.-]+$`)

// devices looks whether the extensions' phones are there. DEVICE_STATE is a function of the PBX, not of a channel: asking
// it holds no lock.
func (e *examiner) devices(_ context.Context, v *visit) error {
	for _, d := range e.what.Devices {
		check, err := e.device(v, d)
		if err != nil {
			return err
		}
		e.tell(check)
	}
	return nil
}

func (e *examiner) device(v *visit, d Device) (Check, error) {
	check := Check{Name: "extension " + telephony.Display(d.Extension), Status: Skipped}
	if !v.rights.Can("Getvar") {
		check.Found = "the account may not ask for the state of a device (write = call or reporting)"
		return check, nil
	}
	names := []string{d.Device}
	if d.Device == "" {
		names = []string{"PJSIP/" + d.Extension, "SIP/" + d.Extension, "IAX2/" + d.Extension}
	}
	for _, name := range names {
		if !deviceName.MatchString(name) {
			check.Found = "the device's name has characters that are not asked for"
			return check, nil
		}
		state, err := v.value("DEVICE_STATE(" + name + ")")
		if err != nil {
			return check, err
		}
		switch state {
		case "":
			check.Found = "the PBX does not tell the state of devices (func_devstate is not loaded)"
			return check, nil
		case "INVALID", "UNKNOWN":
			continue
		case "UNAVAILABLE":
			check.Status, check.Found = Warning, "no phone is registered as "+name
			check.Remedy = "switch the phone on, or register it; calls to it do not ring"
		default:
			check.Status, check.Found = Fine, fmt.Sprintf("%s is there (%s)", name, telephony.Display(strings.ToLower(state)))
		}
		return check, nil
	}
	check.Status, check.Found = Problem, "the PBX knows no device "+strings.Join(names, " or ")
	check.Remedy = "correct line.extensions in callboard.yaml: number is the extension, device what rings for it. The PBX's console lists its devices"
	check.File, check.Paste = "a shell at the PBX", "asterisk -rx 'pjsip show endpoints'"
	return check, nil
}
