package demopbx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// getvar answers a channel's variable or dialplan function. Unknown names have an empty value, as in Asterisk.
func (s *session) getvar(r request) {
	name := r.get("Variable")
	if name == "" {
		s.refuse(r, "No variable specified")
		return
	}
	x := s.pbx.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	value := ""
	if on := r.get("Channel"); on != "" {
		ch := x.find(on)
		if ch == nil {
			s.refuse(r, "No such channel")
			return
		}
		value = x.variable(ch, name)
	}
	m := begin(r, "Success")
	m.add("Variable", name)
	m.add("Value", value)
	m.end()
	s.reply(m)
}

// variable reads a variable, or a function such as CHANNEL(pjsip,secure). The values are raw: nothing is escaped.
func (x *exchange) variable(ch *channel, name string) string {
	function, args, isFunction := strings.Cut(strings.TrimSuffix(name, ")"), "(")
	if !isFunction {
		switch name {
		case "CHANNEL":
			return ch.name
		case "UNIQUEID":
			return ch.uniqueid
		case "EXTEN":
			return ch.exten
		case "CONTEXT":
			return ch.context
		case "PRIORITY":
			return strconv.Itoa(ch.priority)
		case "HANGUPCAUSE":
			return strconv.Itoa(ch.cause)
		}
		return ch.vars[name]
	}
	switch strings.ToUpper(function) {
	case "CHANNEL":
		return x.channelFunction(ch, strings.ToLower(args))
	case "CALLERID":
		return partyFunction(ch.caller, ch.withheld, strings.ToLower(args))
	case "CONNECTEDLINE":
		return partyFunction(ch.connected, false, strings.ToLower(args))
	}
	return ch.vars[name] // LOCAL(ARG1) is kept under its whole name
}

func (x *exchange) channelFunction(ch *channel, item string) string {
	phone := x.phones[ch.endpoint]
	if ch.endpoint == trunk {
		phone = Phone{Addr: "127.0.0.2:5060"}
	}
	switch item {
	case "pjsip,remote_addr":
		return phone.Addr
	case "pjsip,secure", "rtp,secure", "rtp,secure,audio":
		return oneIf(phone.Secure)
	case "pjsip,target_uri":
		if ch.endpoint == trunk {
			return "sip:" + ch.exten + "@" + phone.Addr
		}
		return contactURI(phone, ch.endpoint, ch.contact)
	case "appname":
		return ch.app
	case "appdata":
		return ch.appData
	case "rtp,dest", "rtp,dest,audio":
		return fmt.Sprintf("%s:%d", hostOf(phone), 10000+2*(x.indexOf(ch)%1000))
	case "pjsip,call-id":
		return ch.callID
	case "rtp,hold", "rtp,hold,audio":
		return oneIf(ch.holding) // its own side sent the hold
	case "onhold":
		return oneIf(ch.held) // it was told that the other side holds
	case "name":
		return ch.name
	case "state":
		return stateText(ch.state)
	case "channeltype":
		return "PJSIP"
	case "linkedid":
		return ch.linkedid
	case "uniqueid":
		return ch.uniqueid
	}
	return ""
}

func oneIf(yes bool) string {
	if yes {
		return "1"
	}
	return "0"
}

func partyFunction(p party, withheld bool, item string) string {
	switch item {
	case "num", "number":
		return p.number
	case "name":
		return p.name
	case "all":
		return `"` + p.name + `" <` + p.number + `>`
	case "pres", "num-pres", "name-pres":
		if withheld {
			return "prohib_not_screened"
		}
		return "allowed_not_screened"
	}
	return ""
}

// indexOf makes an RTP port out of a channel's name.
func (x *exchange) indexOf(ch *channel) int { return slices.Index(x.channels, ch) }
