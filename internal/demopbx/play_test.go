package demopbx

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func scenarioNames(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(scenarioDir, "*.txt"))
	if err != nil || len(files) < 14 {
		t.Fatalf("%d scenario files in %s: %v", len(files), scenarioDir, err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".txt")
	}
	return files
}

// TestScenarios plays every scenario and demo call in several orders of messages, checks the rules that hold for every
// Asterisk, and that the messages say at the right time what the file expects a tracker to conclude.
func TestScenarios(t *testing.T) {
	t.Parallel()
	var all []*Scenario
	for _, name := range scenarioNames(t) {
		all = append(all, loadScenario(t, name))
	}
	demo, err := DemoScenarios()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(all, demo...) {
		t.Run(filepath.Base(s.Name), func(t *testing.T) {
			t.Parallel()
			if s.Title == "" || len(s.Expect) == 0 {
				t.Error("no title or no expectation")
			}
			for _, seed := range []uint64{0, 7, 8} {
				p := startPBX(t, func(o *Options) { o.Seed, o.Timestamps, o.Speed = seed, true, 1000 })
				events := record(t, p, s)
				checkRules(t, events)
				if s.plain { // the others: through connector and tracker
					checkExpectations(t, s, events)
				}
			}
		})
	}
}

// checkRules checks what holds for the events of any calls that have ended.
func checkRules(t *testing.T, events []ami) {
	t.Helper()
	alive, ended := map[string]string{}, map[string]bool{}
	bridges := map[string]int{}
	last := ""
	for _, m := range events {
		kind, ch := m.get("Event"), m.get("Channel")
		if ts := m.get("Timestamp"); ts <= last {
			t.Errorf("%s at %s, after %s", kind, ts, last)
		} else {
			last = ts
		}
		if kind == "Newchannel" {
			if alive[ch] != "" || ended[ch] {
				t.Errorf("%s is born twice", ch)
			}
			alive[ch] = m.get("Linkedid")
		}
		for _, prefix := range []string{"", "Dest"} {
			if name := m.get(prefix + "Channel"); kind == "AgentComplete" { // may come when the member is gone
				continue
			} else if name != "" && alive[name] == "" {
				t.Errorf("%s names %s, which does not live", kind, name)
			} else if id := m.get(prefix + "Linkedid"); name != "" && id != alive[name] {
				if !older(id, alive[name]) {
					t.Errorf("%s: Linkedid of %s became %s, which is not older than %s", kind, name, id, alive[name])
				}
				alive[name] = id
			}
		}
		id, members := m.get("BridgeUniqueid"), m.get("BridgeNumChannels")
		if m.get("BridgeType") == "parking" { // the lot is there for ever
			continue
		}
		switch kind {
		case "BridgeCreate":
			bridges[id] = 0
		case "BridgeEnter":
			bridges[id]++
		case "BridgeLeave":
			bridges[id]--
		case "Hangup":
			delete(alive, ch)
			ended[ch] = true
		}
		if m.get("BridgeCreator") == "ConfBridge" { // its announcer counts, and what is told may be a moment old
			members = strconv.Itoa(bridges[id])
		}
		if n, ok := bridges[id]; id != "" && (!ok || strconv.Itoa(n) != members) {
			t.Errorf("%s has %s members, want %d", kind, members, n)
		}
		if kind == "BridgeDestroy" {
			delete(bridges, id)
		}
	}
	if len(alive)+len(bridges) > 0 {
		t.Errorf("left at the end: %v %v", alive, bridges)
	}
}

// older tells whether a Linkedid is that of a channel which was made before another.
func older(a, b string) bool {
	number := func(id string) int {
		n, _ := strconv.Atoi(id[strings.LastIndexByte(id, '.')+1:])
		return n
	}
	return number(a) < number(b)
}

// seen is what the messages say of one channel of an extension: a tracker of the simplest kind.
type seen struct {
	direction, number, name, cause, answeredBy string
	dialEnd                                    string
	self                                       bool // its own HangupRequest came
	otherAsked                                 bool // another HangupRequest of the same call came before its end
	moments                                    []Moment
}

func (s *seen) add(state string, at time.Duration) {
	if !slices.ContainsFunc(s.moments, func(m Moment) bool { return m.State == state }) || state == "held" || state == "resumed" {
		s.moments = append(s.moments, Moment{State: state, At: at})
	}
}

// watch follows the calls of one extension.
func watch(t *testing.T, extension string, events []ami, start time.Duration) []*seen {
	t.Helper()
	own := map[string]*seen{}    // by channel
	legs := map[string][]*seen{} // by Linkedid
	var all []*seen
	for _, m := range events {
		at := timeOf(t, m) - start
		kind, ch := m.get("Event"), m.get("Channel")
		s := own[ch]
		switch {
		case kind == "Newchannel" && strings.HasPrefix(ch, "PJSIP/"+extension+"-"):
			s = &seen{}
			own[ch], all = s, append(all, s)
			legs[m.get("Linkedid")] = append(legs[m.get("Linkedid")], s)
			if m.get("ChannelState") == "4" {
				s.direction, s.number = "outbound", m.get("Exten")
				s.add("dialing", at)
				if isExtension(s.number) {
					s.direction = "internal"
				}
			}
		case kind == "NewConnectedLine" && s != nil:
			s.setOther(m)
		case kind == "DialState" && s != nil:
			s.add("ringing", at)
		case kind == "Newstate" && s != nil && m.get("ChannelState") == "5":
			s.add("ringing", at)
		case kind == "BridgeEnter" && s != nil:
			s.add("connected", at)
		case kind == "Hold" && s != nil:
			s.add("held", at)
		case kind == "Unhold" && s != nil:
			s.add("resumed", at)
		case kind == "HangupRequest":
			for _, o := range legs[m.get("Linkedid")] {
				o.otherAsked = o.otherAsked || o != s && o.cause == "" && !o.self
			}
			if s != nil && !s.otherAsked {
				s.self = true
			}
		case kind == "Hangup" && s != nil:
			s.cause = m.get("Cause")
			s.add("ended", at)
		}
		if kind == "DialEnd" {
			for _, name := range []string{ch, m.get("DestChannel")} {
				if o := own[name]; o != nil && o.dialEnd == "" {
					o.dialEnd = m.get("DialStatus")
				}
			}
			for _, o := range legs[m.get("Linkedid")] {
				if m.get("DialStatus") == "ANSWER" {
					o.answeredBy = endpointOf(m.get("DestChannel"))
				}
			}
		}
	}
	return all
}

func timeOf(t *testing.T, m ami) time.Duration {
	t.Helper()
	sec, err := strconv.ParseFloat(m.get("Timestamp"), 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(sec * 1e9)
}

func (s *seen) setOther(m ami) {
	if s.direction == "outbound" {
		return
	}
	s.number = m.get("ConnectedLineNum")
	if s.direction == "" {
		s.direction = "inbound"
		if isExtension(s.number) {
			s.direction = "internal"
		}
	}
	if name := m.get("ConnectedLineName"); name != "<unknown>" {
		s.name = name
	}
}

func endpointOf(channel string) string {
	return strings.TrimPrefix(channel[:strings.LastIndex(channel, "-")], "PJSIP/")
}

// conclude gives the result and who ended it, from the cause and DialEnd as the lab's notes say.
func (s *seen) conclude() (result, by string) {
	caller := s.direction == "outbound"
	switch {
	case s.dialEnd == "ANSWER" && s.self:
		return "answered", "self"
	case s.dialEnd == "ANSWER":
		return "answered", "other"
	case s.cause == "26":
		return "answered_elsewhere", "pbx"
	case s.dialEnd == "BUSY":
		return "busy", map[bool]string{true: "other", false: "self"}[caller]
	case s.cause == "21":
		return "rejected", map[bool]string{true: "other", false: "self"}[caller]
	case s.dialEnd == "CANCEL":
		return "cancelled", map[bool]string{true: "self", false: "other"}[s.self]
	case s.cause == "1":
		return "failed", "failure"
	}
	return "missed", "pbx"
}

func checkExpectations(t *testing.T, s *Scenario, events []ami) {
	t.Helper()
	start := timeOf(t, events[0]) // every scenario begins with a call at 0.0
	views := map[string][]*seen{}
	for _, e := range s.Expect {
		if views[e.Extension] == nil {
			views[e.Extension] = watch(t, e.Extension, events, start)
		}
	}
	for _, e := range s.Expect {
		if len(views[e.Extension]) == 0 {
			t.Errorf("line %d: %s has no such call", e.Line, e.Extension)
			continue
		}
		got := views[e.Extension][0]
		views[e.Extension] = views[e.Extension][1:]
		result, by := got.conclude()
		if got.direction != e.Direction || got.number != e.OtherNumber || got.name != escapeC(e.OtherName) ||
			result != e.Result && !slices.Contains(e.ResultAlso, result) || by != e.EndedBy {
			t.Errorf("line %d: messages say %s %s %q %s %s, want %+v", e.Line, got.direction, got.number, got.name, result, by, e)
		}
		if e.AnsweredBy != "" && e.AnsweredBy != got.answeredBy {
			t.Errorf("line %d: answered by %q, want %q", e.Line, got.answeredBy, e.AnsweredBy)
		}
		if diff := compareTimelines(got.moments, e.Timeline); diff != "" {
			t.Errorf("line %d: %s\n got %v\nwant %v", e.Line, diff, got.moments, e.Timeline)
		}
	}
	for ext, left := range views {
		if len(left) > 0 {
			t.Errorf("%s has %d calls more than expected", ext, len(left))
		}
	}
}

func compareTimelines(got, want []Moment) string {
	i := 0
	for _, w := range want {
		switch {
		case i < len(got) && got[i].State == w.State:
			if d := got[i].At - w.At; math.Abs(d.Seconds()) > 0.3 {
				return fmt.Sprintf("%s at %v", w.State, got[i].At)
			}
			i++
		case !w.Optional:
			return w.State + " is missing"
		}
	}
	if i < len(got) {
		return "unexpected " + got[i].State
	}
	return ""
}

func TestPlaysAtOnce(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.Timestamps, o.Seed, o.Speed = true, 3, 1000 })
	c := login(t, p, "admin")
	done := make(chan error)
	names := slices.DeleteFunc(scenarioNames(t), func(name string) bool { // those that meet others at the same place
		return strings.HasPrefix(name, "park") || strings.HasPrefix(name, "pick") || strings.HasPrefix(name, "queue") || strings.HasPrefix(name, "conference")
	})
	for _, name := range names {
		s := loadScenario(t, name)
		go func() { done <- p.Play(context.Background(), s) }()
	}
	for range names {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	var events []ami
	for _, m := range c.drain() {
		if m.get("Event") != "FullyBooted" && m.get("Event") != "SuccessfulAuth" {
			events = append(events, m)
		}
	}
	checkRules(t, events)
}

func TestPlayStops(t *testing.T) {
	t.Parallel()
	long := parse(t, "0.0 outside 2025550143 calls 5550101, rings 1001\n1.0 1001 answers\n9000.0 outside hangs up\n")
	tests := []struct {
		name string
		stop func(*PBX, context.CancelFunc)
		want error
	}{
		{"context", func(_ *PBX, cancel context.CancelFunc) { cancel() }, context.Canceled},
		{"restart", func(p *PBX, _ context.CancelFunc) { p.Restart() }, ErrRestarted},
		{"close", func(p *PBX, _ context.CancelFunc) { _ = p.Close() }, ErrClosed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := startPBX(t, nil)
			c := login(t, p, "admin")
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			done := make(chan error)
			go func() { done <- p.Play(ctx, long) }()
			for m := c.next(); m.get("Event") != "BridgeEnter"; m = c.next() {
			}
			test.stop(p, cancel)
			if err := <-done; !errors.Is(err, test.want) {
				t.Errorf("Play returned %v, want %v", err, test.want)
			}
			p.exchange.mu.Lock()
			defer p.exchange.mu.Unlock()
			if n := len(p.exchange.channels); n != 0 && test.want != ErrClosed {
				t.Errorf("%d channels are left", n)
			}
		})
	}
}

func TestCallStaysUp(t *testing.T) {
	t.Parallel()
	p := startPBX(t, nil)
	s := parse(t, "0.0 1001 calls 1002\n1.0 1002 answers\nexpect 1001 internal 1002 \"Bob Two\"\n dialing 0.0, ringing 0.0, connected 1.0\n")
	if err := p.Play(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	c := login(t, p, "admin")
	if got := c.list("Action: CoreShowChannels"); len(got) != 4 {
		t.Errorf("%d messages, want the response, two channels and the end", len(got))
	}
}
