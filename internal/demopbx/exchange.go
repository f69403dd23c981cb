package demopbx

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

// exchange is the switch: its channels, bridges and device states. It turns what phones do into AMI events. It never
// touches a socket: deliver only appends to queues.
//
// Methods in call.go, dialplan.go and list.go expect mu to be held; begin is called first in each such section.
type exchange struct {
	clock      *clock
	phones     map[string]Phone
	company    party
	systemName string
	timestamps bool
	vary       bool                         // draw what Asterisk leaves open
	wanted     func(class) bool             // somebody listens to this class
	deliver    func(c class, event message) // to everybody who listens to this class

	mu         sync.Mutex
	at         time.Time // the PBX's time of the event being told; only grows
	boot       time.Time
	generation int // counts restarts
	sequence   int // next number of channels and Uniqueids
	processed  int // calls since boot, for CoreStatus
	channels   []*channel
	bridges    []*bridge
	states     map[string]string // device: state last told
	touched    []string          // devices to look at when the step is done
	rng        *rand.Rand
}

func newExchange(o Options, c *clock) *exchange {
	phones := o.Phones
	if phones == nil {
		phones = DefaultPhones()
	}
	return &exchange{
		clock: c, phones: maps.Clone(phones),
		company:    party{cmp.Or(o.Number, "5551000"), cmp.Or(o.Company, "Demo Company")},
		systemName: o.SystemName, timestamps: o.Timestamps, vary: o.Seed != 0,
		at: c.start, boot: c.start, states: map[string]string{}, rng: rand.New(rand.NewPCG(o.Seed, 0)),
	}
}

// begin opens a section in which events happen at the PBX's time t.
func (x *exchange) begin(t time.Time) {
	if t.After(x.at) {
		x.at = t
	}
}

// restart forgets every channel, as a crash does: nobody is told.
func (x *exchange) restart() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.begin(x.clock.now())
	x.boot = x.at
	x.generation++
	x.sequence, x.processed = 0, 0
	x.channels, x.bridges, x.touched = nil, nil, nil
	clear(x.states)
}

// emit tells one event. fill appends what follows the common headers; it is not called when nobody listens.
func (x *exchange) emit(c class, name string, fill func(*message)) {
	x.at = x.at.Add(time.Microsecond)
	if !x.wanted(c) {
		return
	}
	m := make(message, 0, 768)
	m.add("Event", name)
	m.add("Privilege", c.String())
	if x.timestamps {
		m.add("Timestamp", stamp(x.at))
	}
	if x.systemName != "" {
		m.add("SystemName", x.systemName)
	}
	fill(&m)
	m.end()
	x.deliver(c, m)
}

// stamp is Asterisk's form of a time: seconds and six digits of microseconds since 1970.
func stamp(t time.Time) string { return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000) }

// emitChannel tells a call-class event about one channel, with further headers as key, value, key, value.
func (x *exchange) emitChannel(name string, ch *channel, more ...string) {
	x.emit(classCall, name, func(m *message) {
		m.addChannel("", ch)
		for i := 0; i+1 < len(more); i += 2 {
			m.add(more[i], more[i+1])
		}
	})
}

// emitDial tells DialBegin, DialState and DialEnd, which carry both channels and one more header.
func (x *exchange) emitDial(name string, from, to *channel, key, value string) {
	x.emit(classCall, name, func(m *message) {
		m.addChannel("", from)
		m.addChannel("Dest", to)
		m.add(key, value)
	})
}

func (x *exchange) emitBridge(name string, b *bridge, ch *channel) {
	x.emit(classCall, name, func(m *message) {
		m.addBridge(b)
		if ch != nil {
			m.addChannel("", ch)
		}
	})
}

// add gives a new channel its name and ids and tells of it. A dialled channel comes with its requestor's Linkedid.
func (x *exchange) add(ch *channel) *channel {
	ch.name = fmt.Sprintf("PJSIP/%s-%08x", ch.endpoint, x.sequence)
	ch.uniqueid = strconv.FormatInt(x.at.Unix(), 10) + "." + strconv.Itoa(x.sequence)
	if x.systemName != "" {
		ch.uniqueid = x.systemName + "-" + ch.uniqueid
	}
	if ch.linkedid == "" {
		ch.linkedid = ch.uniqueid
	}
	ch.context = contextOf(ch.endpoint)
	ch.priority = 1
	ch.caller.name = cutName(ch.caller.name)
	ch.vars = map[string]string{}
	ch.born = x.at
	ch.callID = x.uuid()
	x.sequence++
	x.channels = append(x.channels, ch)
	x.touch(ch)
	x.emitChannel("Newchannel", ch)
	return ch
}

// contextOf is where an endpoint's own calls enter the dialplan.
func contextOf(endpoint string) string {
	if endpoint == trunk {
		return "from-trunk"
	}
	return "internal"
}

// cutName shortens a caller name as chan_pjsip does: 79 bytes, no half UTF-8 character at the cut.
func cutName(name string) string {
	const limit = 79
	if len(name) <= limit {
		return name
	}
	n := limit
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n]
}

// hangup ends a channel.
func (x *exchange) hangup(ch *channel, cause int) {
	ch.cause = cause
	if ch.sipCode == 0 {
		ch.sipCode = sipCode(cause)
	}
	more := []string{"Cause", strconv.Itoa(cause), "Cause-txt", causeText(cause)}
	if ch.sipCode != 0 {
		more = append(more, "TechCause", strconv.Itoa(ch.sipCode))
	}
	x.emitChannel("Hangup", ch, more...)
	x.channels = slices.DeleteFunc(x.channels, func(c *channel) bool { return c == ch })
	x.touch(ch)
}

// askHangup tells that a phone (HangupRequest) or the dialplan (SoftHangupRequest) wants a channel to end.
func (x *exchange) askHangup(name string, ch *channel, cause int) {
	more := []string{"Cause", strconv.Itoa(cause)}
	if ch.sipCode != 0 {
		more = append(more, "TechCause", strconv.Itoa(ch.sipCode))
	}
	x.emitChannel(name, ch, more...)
}

func (x *exchange) setState(ch *channel, state int) {
	ch.state = state
	x.emitChannel("Newstate", ch)
	x.touch(ch)
}

func (x *exchange) enter(b *bridge, ch *channel) {
	b.channels = append(b.channels, ch)
	ch.bridge = b
	x.emitBridge("BridgeEnter", b, ch)
}

// leave takes a channel out of its bridge, and ends the bridge with its last channel.
func (x *exchange) leave(ch *channel) {
	b := ch.bridge
	if ch.held { // bridge_channel.c: "simulating UNHOLD for bridge end"
		ch.held = false
		x.emitChannel("MusicOnHoldStop", ch)
	}
	b.channels = slices.DeleteFunc(b.channels, func(c *channel) bool { return c == ch })
	ch.bridge = nil
	x.emitBridge("BridgeLeave", b, ch)
	if len(b.channels) == 0 {
		x.emitBridge("BridgeDestroy", b, nil)
		x.bridges = slices.DeleteFunc(x.bridges, func(o *bridge) bool { return o == b })
	}
}

func (x *exchange) newBridge() *bridge {
	b := &bridge{id: x.uuid()}
	x.bridges = append(x.bridges, b)
	x.emitBridge("BridgeCreate", b, nil)
	return b
}

func (x *exchange) uuid() string {
	a, b := x.rng.Uint64(), x.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, 0x8000|b>>48&0x3fff, b&0xffffffffffff)
}

// find returns the channel of that name or Uniqueid, as ast_channel_get_by_name does, or nil.
func (x *exchange) find(name string) *channel {
	for _, ch := range x.channels {
		if ch.name == name || ch.uniqueid == name {
			return ch
		}
	}
	return nil
}

// touch notes that a device's state may have changed.
func (x *exchange) touch(ch *channel) {
	if d := ch.device(); !slices.Contains(x.touched, d) {
		x.touched = append(x.touched, d)
	}
}

// settle tells of changed device states. It runs once per step: Asterisk looks at a device's channels a moment after they
// changed, and so says nothing of a call that was refused at once.
func (x *exchange) settle() {
	for _, device := range x.touched {
		state := x.deviceState(device)
		if state == x.toldState(device) {
			continue
		}
		x.states[device] = state
		tell := []func(){
			func() { x.emitExtension(device[len("PJSIP/"):]) },
			func() {
				x.emit(classCall, "DeviceStateChange", func(m *message) {
					m.add("Device", device)
					m.add("State", state)
				})
			},
		}
		if x.vary && x.rng.IntN(2) == 0 {
			slices.Reverse(tell)
		}
		tell[0]()
		tell[1]()
	}
	x.touched = x.touched[:0]
}

func (x *exchange) toldState(device string) string {
	if s, ok := x.states[device]; ok {
		return s
	}
	return "NOT_INUSE"
}

// deviceState joins the states of a device's channels as ast_devstate_aggregate_add does.
func (x *exchange) deviceState(device string) string {
	var ringing, busy, talking bool
	for _, ch := range x.channels {
		if ch.device() != device {
			continue
		}
		switch {
		case ch.state == stateRinging:
			ringing = true
		case ch.held:
			busy = true
		case ch.state != stateDown:
			busy, talking = true, true
		}
	}
	switch {
	case ringing && busy:
		return "RINGINUSE"
	case ringing:
		return "RINGING"
	case talking:
		return "INUSE"
	case busy:
		return "ONHOLD"
	}
	return "NOT_INUSE"
}

// emitExtension tells ExtensionStatus for an endpoint that has a hint: the phones, not the trunk.
func (x *exchange) emitExtension(endpoint string) {
	if _, ok := x.phones[endpoint]; ok {
		x.emit(classCall, "ExtensionStatus", func(m *message) { x.addExtension(m, endpoint) })
	}
}

func (x *exchange) addExtension(m *message, endpoint string) {
	status, text := "0", "Idle"
	switch x.toldState("PJSIP/" + endpoint) {
	case "INUSE":
		status, text = "1", "InUse"
	case "RINGING":
		status, text = "8", "Ringing"
	case "RINGINUSE":
		status, text = "9", "InUse&Ringing"
	case "ONHOLD":
		status, text = "16", "Hold"
	}
	m.add("Exten", endpoint)
	m.add("Context", "hints")
	m.add("Hint", "PJSIP/"+endpoint)
	m.add("Status", status)
	m.add("StatusText", text)
}

// extensions lists the phones' extensions in a fixed order.
func (x *exchange) extensions() []string { return slices.Sorted(maps.Keys(x.phones)) }

// merge runs two threads of a real PBX: each keeps its own order. Without a seed the first runs before the second.
func (x *exchange) merge(a, b []func()) {
	for len(a)+len(b) > 0 {
		takeA := len(a) > 0
		if x.vary && len(a) > 0 && len(b) > 0 {
			takeA = x.rng.IntN(len(a)+len(b)) < len(a)
		}
		if takeA {
			a[0]()
			a = a[1:]
		} else {
			b[0]()
			b = b[1:]
		}
	}
}
