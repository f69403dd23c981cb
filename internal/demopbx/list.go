package demopbx

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// list is a list answer: Response with "EventList: start", items, and a Complete event with their number.
type list struct {
	request request
	m       message
	items   int
}

func newList(r request, text string) *list {
	l := &list{request: r, m: begin(r, "Success")}
	l.m.add("EventList", "start")
	l.m.add("Message", text)
	l.m.end()
	return l
}

// item appends one event. Where the ActionID stands differs from list to list, so fill writes it.
func (l *list) item(name string, fill func(*message)) {
	l.items++
	l.m.add("Event", name)
	fill(&l.m)
	l.m.end()
}

// complete ends the list; more are further headers as key, value.
func (l *list) complete(name string, more ...string) message {
	l.m.add("Event", name)
	l.m.addActionID(l.request)
	l.m.add("EventList", "Complete")
	l.m.add("ListItems", strconv.Itoa(l.items))
	for i := 0; i+1 < len(more); i += 2 {
		l.m.add(more[i], more[i+1])
	}
	l.m.end()
	return l.m
}

func (s *session) coreShowChannels(r request) {
	x := s.pbx.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	l := newList(r, "Channels will follow")
	for _, ch := range x.channels {
		l.item("CoreShowChannel", func(m *message) {
			m.addActionID(r)
			m.addChannel("", ch)
			m.add("Application", ch.app)
			m.add("ApplicationData", ch.appData)
			age := x.age(ch)
			m.add("Duration", fmt.Sprintf("%02d:%02d:%02d", age/3600, age/60%60, age%60))
			m.add("BridgeId", ch.bridgeID())
		})
	}
	s.reply(l.complete("CoreShowChannelsComplete"))
}

// age is a channel's whole seconds.
func (x *exchange) age(ch *channel) int { return max(0, int(x.clock.now().Sub(ch.born)/time.Second)) }

func (ch *channel) bridgeID() string {
	if ch.bridge == nil {
		return ""
	}
	return ch.bridge.id
}

func (s *session) status(r request) {
	x := s.pbx.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	channels := x.channels
	if name := r.get("Channel"); name != "" {
		ch := x.find(name)
		if ch == nil {
			s.refuse(r, "No such channel")
			return
		}
		channels = []*channel{ch}
	}
	l := newList(r, "Channel status will follow")
	for _, ch := range channels {
		l.item("Status", func(m *message) { x.addStatus(m, ch, r) })
	}
	s.reply(l.complete("StatusComplete", "Items", strconv.Itoa(l.items)))
}

func (x *exchange) addStatus(m *message, ch *channel, r request) {
	m.add("Privilege", "Call")
	m.addChannel("", ch)
	kind, _, _ := strings.Cut(ch.name, "/")
	m.add("Type", kind)
	m.add("DNID", ch.dnid)
	m.add("EffectiveConnectedLineNum", orUnknown(ch.connected.number))
	m.add("EffectiveConnectedLineName", orUnknown(ch.connected.name)) // not escaped, unlike ConnectedLineName
	m.add("TimeToHangup", "0")
	m.add("BridgeID", ch.bridgeID())
	m.add("Application", ch.app)
	m.add("Data", ch.appData)
	m.add("Nativeformats", "(ulaw)")
	m.add("Readformat", "ulaw")
	m.add("Readtrans", "")
	m.add("Writeformat", "ulaw")
	m.add("Writetrans", "")
	group := "2"
	if ch.endpoint == trunk {
		group = "0"
	}
	m.add("Callgroup", group)
	m.add("Pickupgroup", group)
	m.add("Seconds", strconv.Itoa(x.age(ch)))
	if names := r.get("Variables"); names != "" {
		for name := range strings.SplitSeq(names, ",") {
			m.add("Variable", name+"="+x.variable(ch, name))
		}
	}
	m.addActionID(r)
}

func (s *session) bridgeList(r request) {
	x := s.pbx.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	l := newList(r, "Bridge listing will follow")
	want := r.get("BridgeType")
	for _, b := range x.bridges {
		if want != "" && want != b.kind.name {
			continue
		}
		l.item("BridgeListItem", func(m *message) {
			m.addActionID(r)
			m.addBridge("", b)
		})
	}
	s.reply(l.complete("BridgeListComplete"))
}

func (s *session) bridgeInfo(r request) {
	x := s.pbx.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	id := r.get("BridgeUniqueid")
	i := slices.IndexFunc(x.bridges, func(b *bridge) bool { return b.id == id })
	switch {
	case id == "":
		s.refuse(r, "BridgeUniqueid must be provided")
		return
	case i < 0:
		s.refuse(r, "Specified BridgeUniqueid not found")
		return
	}
	l := newList(r, "Bridge channel listing will follow")
	for _, ch := range x.bridges[i].channels {
		l.item("BridgeInfoChannel", func(m *message) {
			m.addActionID(r)
			m.addChannel("", ch)
		})
	}
	m := l.complete("BridgeInfoComplete")
	m = m[:len(m)-len("\r\n")] // the bridge's own headers follow ListItems
	m.addBridge("", x.bridges[i])
	m.end()
	s.reply(m)
}

func (s *session) parkedCalls(r request) {
	x := s.pbx.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	l := newList(r, "Parked calls will follow")
	for _, p := range x.parked {
		l.item("ParkedCall", func(m *message) {
			x.addParking(m, p, nil)
			m.addActionID(r)
		})
	}
	s.reply(l.complete("ParkedCallsComplete", "Total", strconv.Itoa(len(x.parked))))
}

// queueStatus lists the callers that wait. A queue in which nobody waits is not known here.
func (s *session) queueStatus(r request) {
	x := s.pbx.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	l := newList(r, "Queue status will follow")
	for _, q := range x.queues {
		l.item("QueueEntry", func(m *message) {
			m.add("Queue", q.name)
			m.add("Position", strconv.Itoa(q.position()))
			m.add("Channel", q.caller.name)
			m.add("Uniqueid", q.caller.uniqueid)
			m.add("CallerIDNum", cmp.Or(q.caller.caller.number, "unknown"))
			m.add("CallerIDName", cmp.Or(q.caller.caller.name, "unknown"))
			m.add("ConnectedLineNum", cmp.Or(q.caller.connected.number, "unknown"))
			m.add("ConnectedLineName", cmp.Or(q.caller.connected.name, "unknown"))
			m.add("Wait", strconv.Itoa(int(x.at.Sub(q.joined)/time.Second)))
			m.add("Priority", "0")
			m.addActionID(r)
		})
	}
	s.reply(l.complete("QueueStatusComplete"))
}

func (s *session) deviceStateList(r request) {
	x := s.pbx.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	l := newList(r, "Device State Changes will follow")
	for _, endpoint := range append([]string{trunk}, x.extensions()...) {
		l.item("DeviceStateChange", func(m *message) {
			m.addActionID(r)
			m.add("Device", "PJSIP/"+endpoint)
			m.add("State", x.toldState("PJSIP/"+endpoint))
		})
	}
	s.reply(l.complete("DeviceStateListComplete"))
}

func (s *session) extensionStateList(r request) {
	x := s.pbx.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.phones) == 0 {
		s.refuse(r, "No dialplan hints are available")
		return
	}
	l := newList(r, "Extension Statuses will follow")
	for _, endpoint := range x.extensions() {
		l.item("ExtensionStatus", func(m *message) {
			m.addActionID(r)
			x.addExtension(m, endpoint)
		})
	}
	s.reply(l.complete("ExtensionStateListComplete"))
}
