package ami

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// takes is the action behind each ability.
var takes = map[telephony.Ability]string{
	telephony.AbleDial: "Originate", telephony.AbleHangup: "Hangup", telephony.AbleAnswer: "PJSIPNotify", telephony.AbleHold: "PJSIPNotify",
	telephony.AbleTransfer: "BlindTransfer", telephony.AbleConsult: "Atxfer", telephony.AbleJoin: "Bridge", telephony.AblePark: "Park",
	telephony.AbleDigits: "PlayDTMF", telephony.AbleRecord: "MixMonitor", telephony.AblePauseRecording: "MixMonitorMute",
	telephony.AbleStopRecording: "StopMixMonitor", telephony.AbleMute: "MuteAudio", telephony.AbleInspect: "Getvar",
}

// Lacks implements connector.Limited: what the account may not, what the PBX has not loaded, and what a device is not made
// for. An account of which the PBX does not say what it may is tried.
func (c *Connector) Lacks(a telephony.Ability, device string) *connector.Lack {
	s := c.linked.Load()
	switch {
	case s == nil:
		return &connector.Lack{Reason: errAway.Message, Remedy: errAway.Remedy}
	case device != "" && needsSIP(a) && !strings.HasPrefix(device, "PJSIP/"):
		return &connector.Lack{Reason: "only a PJSIP phone can be told to " + deed(a) + "; this one is " + telephony.Display(device),
			Remedy: "use the phone's own button"}
	case !s.rights.Known() || s.rights.Can(takes[a]):
		return nil
	case a == telephony.AbleRecord && c.config.RecordCode != "" && s.rights.Can("PlayDTMF"):
		return nil
	}
	return s.lack(takes[a])
}

// needsSIP are the abilities that work by a message to the phone.
func needsSIP(a telephony.Ability) bool {
	return a == telephony.AbleAnswer || a == telephony.AbleHold || a == telephony.AbleInspect
}

func deed(a telephony.Ability) string {
	if a == telephony.AbleInspect {
		return "tell its address and encryption"
	}
	return string(a)
}

func (s *session) lack(action string) *connector.Lack {
	missing := s.rights.Missing()
	i := slices.IndexFunc(missing, func(l Lack) bool { return l.Action == action })
	if i < 0 {
		return &connector.Lack{Reason: fmt.Sprintf("the account %q may not use %s", s.config.Username, action),
			Remedy: "give it `" + Enough + "` in manager.conf, then reload the manager"}
	}
	l := missing[i]
	if l.Module != "" {
		return &connector.Lack{Reason: "the PBX has not loaded " + l.Module, Remedy: "put `" + l.Line + "` into modules.conf and load it"}
	}
	lack := &connector.Lack{Reason: fmt.Sprintf("the account %q has not the right `%s`", s.config.Username, l.Class),
		Remedy: "put `" + l.Line + "` into manager.conf and reload the manager"}
	if l.Careful != "" {
		lack.Remedy += "; but " + l.Careful
	}
	return lack
}

// warnings are what should be put right although the link works (SEC-32, SEC-36).
func (s *session) warnings() []string {
	var out []string
	if host, _, err := net.SplitHostPort(s.config.Address); err == nil && s.config.TLS == nil && !loopback(host) {
		out = append(out, "the link to the PBX is not encrypted: everybody on the way can read the calls; set pbx.tls: true in callboard.yaml (port 5039)")
	}
	for _, class := range s.rights.TooMany() {
		out = append(out, fmt.Sprintf("the account %q has the right `%s`, and whoever gets hold of it has it too: %s. Enough is `%s` in manager.conf",
			s.config.Username, class, Why(class), Enough))
	}
	return out
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
