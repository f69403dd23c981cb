package demopbx

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Versions as Asterisk 22 gives them: include/asterisk/manager.h and CoreSettings.
const (
	amiVersion      = "11.0.0"
	asteriskVersion = "22.10.1"
)

// action is one AMI action: any one of its classes in the account's write list is enough, none means that all may.
type action struct {
	name     string
	classes  class
	synopsis string
	run      func(*session, request)
}

// actions is in the order in which ListCommands prints them. Login and Logoff end or change the session and are run by
// handle itself.
func actions() []action {
	const view, settings = classCall | classReporting, classSystem | classReporting
	return []action{
		{"Atxfer", classCall, "Attended transfer.", (*session).atxfer},
		{"BlindTransfer", classCall, "Blind transfer channel(s) to the given destination", (*session).blindTransfer},
		{"Bridge", classCall, "Bridge two channels already in the PBX.", (*session).bridge},
		{"BridgeInfo", 0, "Get information about a bridge.", (*session).bridgeInfo},
		{"BridgeList", 0, "Get a list of bridges in the system.", (*session).bridgeList},
		{"CancelAtxfer", classCall, "Cancel an attended transfer.", (*session).cancelAtxfer},
		{"Challenge", 0, "Generate Challenge for MD5 Auth.", (*session).giveChallenge},
		{"CoreSettings", settings, "Show PBX core settings (version etc).", (*session).coreSettings},
		{"CoreShowChannels", settings, "List currently active channels.", (*session).coreShowChannels},
		{"CoreStatus", settings, "Show PBX core status variables.", (*session).coreStatus},
		{"DeviceStateList", view, "List the current known device states.", (*session).deviceStateList},
		{"Events", 0, "Control Event Flow.", (*session).setEvents},
		{"ExtensionStateList", view, "List the current known extension states.", (*session).extensionStateList},
		{"Getvar", view, "Gets a channel variable or function value.", (*session).getvar},
		{"Hangup", classSystem | classCall, "Hangup channel.", (*session).hangup},
		{"ListCommands", 0, "List available manager commands.", (*session).listCommands},
		{"Login", 0, "Login Manager.", nil},
		{"Logoff", 0, "Logoff Manager.", nil},
		{"MixMonitor", classSystem, "Record a call and mix the audio during the recording. Use of StopMixMonitor is required to guarantee " +
			"the audio file is available for processing during dialplan execution.", (*session).mixMonitor},
		{"MixMonitorMute", classSystem | classCall, "Mute / unMute a Mixmonitor recording.", (*session).mixMonitorMute},
		{"MuteAudio", classSystem, "Mute an audio stream.", (*session).muteAudio},
		{"Originate", classOriginate, "Originate a call.", (*session).originate},
		{"Park", classCall, "Park a channel.", (*session).park},
		{"ParkedCalls", classCall, "List parked calls.", (*session).parkedCalls},
		{"Ping", 0, "Keepalive command.", (*session).ping},
		{"PJSIPNotify", classSystem, "Send a NOTIFY to either an endpoint, an arbitrary URI, or inside a SIP dialog.", (*session).pjsipNotify},
		{"PlayDTMF", classCall, "Play DTMF signal on a specific channel.", (*session).playDTMF},
		{"QueueStatus", 0, "Show queue status.", (*session).queueStatus},
		{"Redirect", classCall, "Redirect (transfer) a call.", (*session).redirect},
		{"Status", view | classSystem, "List channel status.", (*session).status},
		{"StopMixMonitor", classSystem | classCall, "Stop recording a call through MixMonitor, and free the recording's file handle.",
			(*session).stopMixMonitor},
	}
}

// begin starts an answer: Response, then the ActionID if the request had one.
func begin(r request, response string) message {
	m := make(message, 0, 256)
	m.add("Response", response)
	m.addActionID(r)
	return m
}

func (m *message) addActionID(r request) {
	if id := r.get("ActionID"); id != "" {
		m.add("ActionID", id)
	}
}

// answer is a whole answer with a Message.
func answer(r request, response, text string) message {
	m := begin(r, response)
	m.add("Message", text)
	m.end()
	return m
}

func (s *session) refuse(r request, text string) { s.reply(answer(r, "Error", text)) }

// handle runs one request as process_message of manager.c does. It is false when the session ends.
func (s *session) handle(r request) bool {
	name := r.action()
	known := s.loggedIn.Load()
	switch {
	case r.tooMany:
		s.refuse(r, "Too many lines in message or allocation failure")
		return true
	case r.tooLong:
		s.refuse(r, "Failed to parse message: line too long")
		return true
	case name == "":
		s.refuse(r, "Missing action in request")
		return true
	case strings.EqualFold(name, "Login"):
		return s.login(r)
	case strings.EqualFold(name, "Logoff"):
		s.reply(answer(r, "Goodbye", "Thanks for all the fish."))
		return false
	case !known && !strings.EqualFold(name, "Challenge"):
		s.refuse(r, "Permission denied")
		return true
	}
	for _, a := range actions() {
		if !strings.EqualFold(a.name, name) {
			continue
		}
		if a.classes != 0 && s.write&a.classes == 0 {
			s.refuse(r, "Permission denied")
		} else {
			a.run(s, r)
		}
		return true
	}
	s.refuse(r, "Invalid/unknown command: "+name+". Use Action: ListCommands to show available commands.")
	return true
}

func (s *session) ping(r request) {
	if s.faults.DeafPing {
		return
	}
	m := begin(r, "Success")
	m.add("Ping", "Pong")
	m.add("Timestamp", stamp(s.pbx.clock.now()))
	m.end()
	s.reply(m)
}

func (s *session) setEvents(r request) {
	mask, ok := maskOf(r.get("EventMask"))
	if !ok {
		s.refuse(r, "Invalid event mask")
		return
	}
	s.mask.Store(uint32(mask & s.read))
	m := begin(r, "Success")
	if mask != 0 {
		m.add("Events", "On")
	} else {
		m.add("Events", "Off")
	}
	m.end()
	s.reply(m)
}

func (s *session) listCommands(r request) {
	m := begin(r, "Success")
	for _, a := range actions() {
		if a.classes == 0 || s.write&a.classes != 0 {
			m.add(a.name, fmt.Sprintf("%s (Priv: %s)", a.synopsis, a.classes))
		}
	}
	m.end()
	s.reply(m)
}

func (s *session) coreSettings(r request) {
	m := begin(r, "Success")
	for _, kv := range [][2]string{{"AMIversion", amiVersion}, {"AsteriskVersion", asteriskVersion},
		{"SystemName", s.pbx.options.SystemName}, {"CoreMaxCalls", "0"}, {"CoreMaxLoadAvg", "0.000000"}, {"CoreRunUser", ""},
		{"CoreRunGroup", ""}, {"CoreMaxFilehandles", "0"}, {"CoreRealTimeEnabled", "No"}, {"CoreCDRenabled", "Yes"},
		{"CoreHTTPenabled", "No"}, {"SoundsSearchCustomDir", "No"}} {
		m.add(kv[0], kv[1])
	}
	m.end()
	s.reply(m)
}

func (s *session) coreStatus(r request) {
	x := s.pbx.exchange
	x.mu.Lock()
	boot, channels, processed := x.boot, len(x.channels), x.processed
	x.mu.Unlock()
	m := begin(r, "Success")
	m.add("CoreStartupDate", boot.Format("2006-01-02"))
	m.add("CoreStartupTime", boot.Format("15:04:05"))
	m.add("CoreReloadDate", boot.Format("2006-01-02"))
	m.add("CoreReloadTime", boot.Format("15:04:05"))
	m.add("CoreCurrentCalls", strconv.Itoa(channels)) // ast_active_channels: it counts channels
	m.add("CoreProcessedCalls", strconv.Itoa(processed))
	m.end()
	s.reply(m)
}

// hangup ends one channel by name or Uniqueid, or every channel whose name matches "/regex/".
func (s *session) hangup(r request) {
	name := r.get("Channel")
	cause, err := strconv.Atoi(r.get("Cause"))
	if err != nil || cause < 0 || cause > 127 {
		cause = causeUnset
	}
	x := s.pbx.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	x.begin(x.clock.now())
	switch ch := x.find(name); {
	case name == "":
		s.refuse(r, "No channel specified")
	case name[0] == '/':
		s.hangupMatching(r, name, cause)
	case ch == nil:
		s.refuse(r, "No such channel")
	default:
		s.reply(answer(r, "Success", "Channel Hungup"))
		x.hangUpByRequest(ch, cause)
	}
	x.settle()
}

// hangUpByRequest is what ast_softhangup_nolock leads to: it sets a flag and tells no HangupRequest.
func (x *exchange) hangUpByRequest(ch *channel, cause int) {
	if ch.in != nil {
		ch.in.hangUp(ch, cause, true)
		return
	}
	if cause == causeUnset {
		cause = causeNormal
	}
	x.hangup(ch, cause)
}

// hangupMatching is called with exchange.mu held.
func (s *session) hangupMatching(r request, name string, cause int) {
	pattern, ok := strings.CutSuffix(name[1:], "/")
	if !ok {
		s.refuse(r, "Regex format invalid, Channel param should be /regex/")
		return
	}
	match, err := regexp.CompilePOSIX(pattern)
	if err != nil {
		s.refuse(r, "Regex compile failed on: "+name)
		return
	}
	x := s.pbx.exchange
	list := newList(r, "Channels hung up will follow")
	var matched []*channel
	for _, ch := range x.channels {
		if match.MatchString(ch.name) {
			matched = append(matched, ch)
			list.item("ChannelHungup", func(m *message) {
				m.add("Channel", ch.name)
				m.addActionID(r)
			})
		}
	}
	s.reply(list.complete("ChannelsHungupListComplete"))
	for _, ch := range matched {
		if x.find(ch.uniqueid) == ch { // not already ended with the channel before it
			x.hangUpByRequest(ch, cause)
		}
	}
}
