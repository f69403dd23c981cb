package ami

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// asksPerSecond is how often a variable is asked for at most (asterisk issues 307, 1872, 1943, 2036: functions of channels
// wait for locks; Getvar with a Channel header is the one way that does not hold the channel's own meanwhile).
const asksPerSecond = 5

// Inspect implements connector.Inspector. It takes three actions for AspectDevice, two for AspectMedia and one for
// AspectHold.
func (c *Connector) Inspect(ctx context.Context, leg telephony.Leg, about connector.Aspect) (telephony.LegInspected, error) {
	found := telephony.LegInspected{Leg: leg.ID, Signalling: telephony.Unknown, Media: telephony.Unknown, Withheld: telephony.Unknown, Held: telephony.Unknown}
	var errs error
	ask := func(variable string) string {
		if errs != nil {
			return ""
		}
		value, err := c.ask(ctx, leg, variable)
		errs = err
		return value
	}
	if about&connector.AspectDevice != 0 {
		if leg.Caller {
			found.Address = address(ask("CHANNEL(pjsip,remote_addr)"))
		} else { // of a called device Asterisk knows only where it sends to, and would log a warning
			found.Address = addressOfURI(ask("CHANNEL(pjsip,target_uri)"))
		}
		found.Signalling = known(ask("CHANNEL(pjsip,secure)"))
		found.Withheld = withheld(ask("CALLERID(pres)"))
	}
	if about&connector.AspectMedia != 0 {
		found.MediaAddress = address(ask("CHANNEL(rtp,dest)"))
		found.Media = known(ask("CHANNEL(rtp,secure,audio)"))
	}
	if about&connector.AspectHold != 0 {
		found.Held = known(ask("CHANNEL(onhold)"))
	}
	return found, errs
}

// Service implements connector.Inspector.
func (c *Connector) Service(ctx context.Context, leg telephony.Leg) (telephony.Service, error) {
	application, err := c.ask(ctx, leg, "CHANNEL(appname)")
	switch application {
	case "":
		return "", err
	case "VoiceMail":
		return telephony.ServiceVoicemail, err
	case "Dial", "AppDial", "AppDial2", "Queue", "AppQueue", "Bridge", "Park", "ParkedCall", "ConfBridge", "ChanSpy", "Pickup", "PickupChan",
		"Wait", "Answer", "Set", "Goto", "GotoIf", "Gosub", "Return", "NoOp", "MixMonitor": // on its way to, or with, a party
		return "", err
	}
	return telephony.ServiceOther, err
}

// ask gets one variable of a leg. What the PBX does not have is empty; an error says that there is no use in asking on.
func (c *Connector) ask(ctx context.Context, leg telephony.Leg, variable string) (string, error) {
	if err := checkLeg(leg.ID); err != nil {
		return "", err
	}
	if err := c.asking.Wait(ctx); err != nil {
		return "", err
	}
	m, err := c.act(ctx, Action{Name: "Getvar", Fields: []Pair{{"Channel", string(leg.ID)}, {"Variable", variable}}})
	if err != nil {
		refused, ok := errors.AsType[*telephony.Error](err)
		if ok && refused.Code == telephony.CodePBXRefused && textOf(m, "Message") != "No such channel" {
			return "", nil // a function of a module that is not loaded
		}
		return "", err
	}
	return m.Text("Value"), nil
}

// address takes only what is an IP address and a port.
func address(text string) string {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.String()
	}
	return ""
}

// addressOfURI reads the address of a SIP URI that names one: sip:1001@192.0.2.7:5060;transport=tcp.
func addressOfURI(uri string) string {
	_, host, found := strings.Cut(uri, "@")
	if !found {
		return ""
	}
	host, _, _ = strings.Cut(host, ";")
	host = strings.TrimSuffix(host, ">")
	if at := address(host); at != "" {
		return at
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return netip.AddrPortFrom(ip, 5060).String()
	}
	return ""
}

func known(value string) telephony.Known {
	switch value {
	case "1":
		return telephony.Yes
	case "0":
		return telephony.No
	}
	return telephony.Unknown
}

// withheld reads CALLERID(pres): prohib_not_screened and its like; unavailable is no wish of anybody's.
func withheld(presentation string) telephony.Known {
	switch {
	case strings.HasPrefix(presentation, "prohib"):
		return telephony.Yes
	case strings.HasPrefix(presentation, "allowed"):
		return telephony.No
	}
	return telephony.Unknown
}
