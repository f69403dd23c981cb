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
	clock       *clock
	phones      map[string]Phone
	company     party
	systemName  string
	timestamps  bool
	vary        bool                         // draw what Asterisk leaves open
	pickUpAfter time.Duration                // see Options.PickUp
	wanted      func(class) bool             // somebody listens to this class
	deliver     func(c class, event message) // to everybody who listens to this class

	mu         sync.Mutex
	at         time.Time // the PBX's time of the event being told; only grows
	boot       time.Time
	generation int // counts restarts
	sequence   int // next number of Uniqueids
	devices    int // next number of PJSIP channels
	processed  int // calls since boot, for CoreStatus
	channels   []*channel
	bridges    []*bridge
	queues     []*queueWait
	rooms      []*room
	lot        *bridge // where parked calls hear music; made with the first
	parked     []*parking
	forwards   map[string]string // extension: number it is forwarded to
	mailboxes  map[string]int    // extension: new messages
	locals     int               // next number of a Local channel
	optimized  int               // next number of an optimisation
	timers     []timer           // the next first
	timed      signal            // a timer was added
	asked      bool              // an AMI client's action is being carried out
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
		systemName: o.SystemName, timestamps: o.Timestamps, vary: o.Seed != 0, pickUpAfter: o.PickUp,
		forwards: map[string]string{}, mailboxes: map[string]int{},
		at: c.start, boot: c.start, states: map[string]string{}, rng: rand.New(rand.NewPCG(o.Seed, 0)),
	}
}

// begin opens a section in which events happen at the PBX's time t, after what was to happen before.
func (x *exchange) begin(t time.Time) {
	x.runTimers(t)
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
	x.sequence, x.devices, x.processed = 0, 0, 0
	x.locals, x.optimized, x.timers = 0, 0, nil
	x.channels, x.bridges, x.touched, x.queues, x.rooms, x.lot, x.parked = nil, nil, nil, nil, nil, nil, nil
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

// tellConnected shows a phone whom it is connected with, unless it shows that already.
func (x *exchange) tellConnected(ch *channel, other party) {
	if ch.connected != other {
		ch.connected = other
		x.emitChannel("NewConnectedLine", ch)
	}
}

// emitDial tells DialBegin, DialState and DialEnd, which carry both channels (from is nil where the PBX itself
// calls) and one more header.
func (x *exchange) emitDial(name string, from, to *channel, key, value string) {
	x.emit(classCall, name, func(m *message) {
		if from != nil {
			m.addChannel("", from)
		}
		m.addChannel("Dest", to)
		m.add(key, value)
	})
}

// add gives a new channel its name and ids and tells of it. A dialled channel comes with its requestor's Linkedid.
func (x *exchange) add(ch *channel) *channel {
	if ch.half == nil {
		ch.name = fmt.Sprintf("PJSIP/%s-%08x", ch.endpoint, x.devices)
		x.devices++
		ch.callID = x.uuid()
	}
	if ch.uniqueid == "" {
		ch.uniqueid = strconv.FormatInt(x.at.Unix(), 10) + "." + strconv.Itoa(x.sequence)
		if x.systemName != "" {
			ch.uniqueid = x.systemName + "-" + ch.uniqueid
		}
	}
	if ch.linkedid == "" {
		ch.linkedid, ch.age = ch.uniqueid, x.sequence
	}
	ch.context = contextOf(ch.endpoint)
	ch.priority = 1
	ch.caller.name = cutName(ch.caller.name)
	ch.vars = map[string]string{}
	ch.born = x.at
	x.sequence++
	x.channels = append(x.channels, ch)
	ch.call = ch.call.now()
	ch.call.channels = append(ch.call.channels, ch)
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
	if ch.dead {
		return
	}
	if in := ch.in; in != nil && in != place(ch.bridge) {
		ch.in = nil
		in.release(ch)
	}
	if ch.bridge != nil && slices.Contains(ch.bridge.channels, ch) {
		x.leave(ch)
	}
	ch.dead = true
	ch.cause = cause
	if ch.sipCode == 0 && ch.half == nil {
		ch.sipCode = sipCode(cause)
	}
	more := []string{"Cause", strconv.Itoa(cause), "Cause-txt", causeText(cause)}
	if ch.sipCode != 0 {
		more = append(more, "TechCause", strconv.Itoa(ch.sipCode))
	}
	for _, spy := range ch.spies {
		x.emitSpy("ChanSpyStop", spy, ch)
	}
	ch.spies = nil
	x.emitChannel("Hangup", ch, more...)
	ch.in, ch.called, ch.bridge = nil, nil, nil
	ch.call.lost(ch)
	if ch.half != nil {
		ch.half.gone(ch, cause)
	}
	x.channels = slices.DeleteFunc(x.channels, func(c *channel) bool { return c == ch })
	x.touch(ch)
}

// askHangup tells that a phone (HangupRequest) or the dialplan (SoftHangupRequest) wants a channel to end.
func (x *exchange) askHangup(name string, ch *channel, cause int) {
	more := []string{"Cause", strconv.Itoa(cause)}
	if ch.sipCode != 0 {
		more = append(more, "TechCause", strconv.Itoa(ch.sipCode))
	}
	if ch.silent && name == "HangupRequest" {
		if more = nil; ch.cause != causeUnset {
			more = []string{"Cause", strconv.Itoa(ch.cause), "TechCause", strconv.Itoa(ch.sipCode)}
		}
	}
	x.emitChannel(name, ch, more...)
}

func (x *exchange) setState(ch *channel, state int) {
	ch.state = state
	x.emitChannel("Newstate", ch)
	x.touch(ch)
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
	if d := ch.device(); d != "" && !slices.Contains(x.touched, d) {
		x.touched = append(x.touched, d)
	}
}

// settle tells of changed device states. It runs once per step: Asterisk looks at a device's channels a moment after they
// changed, and so says nothing of a call that was refused at once.
func (x *exchange) settle() {
	x.closeForgotten()
	for _, device := range x.touched {
		state := x.deviceState(device)
		if state == x.toldState(device) {
			continue
		}
		x.states[device] = state
		tell := []func(){
			func() { x.emitExtension(device[len("PJSIP/"):]) },
			func() { x.emitDevice(device, state) },
		}
		if x.vary && x.rng.IntN(2) == 0 {
			slices.Reverse(tell)
		}
		tell[0]()
		tell[1]()
	}
	x.touched = x.touched[:0]
}

func (x *exchange) emitDevice(device, state string) {
	x.emit(classCall, "DeviceStateChange", func(m *message) {
		m.add("Device", device)
		m.add("State", state)
	})
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
