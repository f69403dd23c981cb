package tracker_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/tracker"
)

var begin = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

const (
	trunk  = "PJSIP/trunk"
	bob    = "2025550143"
	bridge = "bridge-1"
)

// tester is what *testing.T, *testing.B and *rapid.T share.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// scene is a tracker, a clock that gives every observation a tenth of a second, and all that was concluded.
type scene struct {
	*tracker.Tracker
	t       tester
	now     time.Time
	changes []telephony.Change
	ids     *int
}

func newScene(t tester, extensions ...string) *scene {
	s := &scene{t: t, now: begin, ids: new(int)}
	var configured []tracker.Extension
	for _, e := range extensions {
		configured = append(configured, tracker.Extension{Number: e})
	}
	s.Tracker = tracker.New(tracker.Options{Extensions: configured, NewID: func() telephony.CallID {
		*s.ids++
		return telephony.CallID(fmt.Sprint("call-", *s.ids))
	}})
	return s
}

// see applies observations, a tenth of a second apart, and returns what they changed.
func (s *scene) see(observations ...telephony.Observation) []telephony.Change {
	s.t.Helper()
	var all []telephony.Change
	for _, o := range observations {
		o.ObservedAt = s.now
		all = append(all, s.Apply(o)...)
		s.now = s.now.Add(100 * time.Millisecond)
	}
	s.changes = append(s.changes, all...)
	return all
}

func (s *scene) at(seconds float64) { s.now = begin.Add(time.Duration(seconds * float64(time.Second))) }

// calls are the newest state of every call, in the order they began.
func (s *scene) calls() []*telephony.Call {
	var order []telephony.CallID
	newest := map[telephony.CallID]*telephony.Call{}
	for _, c := range s.changes {
		if c.Call == nil {
			continue
		}
		if newest[c.Call.ID] == nil {
			order = append(order, c.Call.ID)
		}
		newest[c.Call.ID] = c.Call
	}
	var out []*telephony.Call
	for _, id := range order {
		out = append(out, newest[id])
	}
	return out
}

// one is the only call.
func (s *scene) one() *telephony.Call {
	s.t.Helper()
	calls := s.calls()
	if len(calls) != 1 {
		s.t.Fatalf("%d calls, want 1: %s", len(calls), s.kinds())
	}
	return calls[0]
}

func (s *scene) kinds() string {
	var kinds []string
	for _, c := range s.changes {
		kinds = append(kinds, string(c.Kind))
	}
	return strings.Join(kinds, " ")
}

// over checks what holds for every story in which all legs are gone: each call was created once and first, ended once,
// and nothing is left behind.
func (s *scene) over() {
	s.t.Helper()
	created, ended := map[telephony.CallID]int{}, map[telephony.CallID]int{}
	for _, c := range s.changes {
		if c.Call == nil {
			continue
		}
		switch id := c.Call.ID; {
		case c.Kind == telephony.CallCreated:
			created[id]++
		case created[id] == 0:
			s.t.Errorf("%s of %s before it was created", c.Kind, id)
		case c.Kind == telephony.CallEnded:
			ended[id]++
		case ended[id] > 0 && c.Call.State != telephony.Ended:
			s.t.Errorf("%s is %s after its end", id, c.Call.State)
		}
	}
	for id, n := range created {
		if n != 1 || ended[id] != 1 {
			s.t.Errorf("%s was created %d times and ended %d times: %s", id, n, ended[id], s.kinds())
		}
	}
	if s.Live() != 0 {
		s.t.Errorf("%d legs are left", s.Live())
	}
}

// want compares a view with "direction state result ended_by number/name [answered_by]".
func want(t tester, v telephony.View, text string) {
	t.Helper()
	got := fmt.Sprintf("%s %s %s %s %s/%s", v.Direction, v.State, v.Result, v.EndedBy, v.Party.Number, v.Party.Name)
	if v.AnsweredBy != "" {
		got += " " + v.AnsweredBy
	}
	if got != text {
		t.Errorf("extension %s sees\n  %s\nwant\n  %s", v.Extension, got, text)
	}
}

// timeline writes "what seconds, what seconds…".
func timeline(v telephony.View) string {
	var out []string
	for _, e := range v.Timeline {
		out = append(out, fmt.Sprintf("%s %.1f", e.What, e.At.Sub(begin).Seconds()))
	}
	return strings.Join(out, ", ")
}

func viewOf(t tester, c *telephony.Call, extension string) telephony.View {
	t.Helper()
	at := slices.IndexFunc(c.Views, func(v telephony.View) bool { return v.Extension == extension })
	if at < 0 {
		t.Fatalf("extension %s has no view of %s", extension, c.ID)
	}
	return c.Views[at]
}

// What a PBX says. A leg is named A, B, C… and rings a device.

func fact(f telephony.Fact, legs ...telephony.LegFacts) telephony.Observation {
	return telephony.Observation{Legs: legs, Fact: f}
}

// caller is a leg that begins a call.
func caller(id telephony.LegID, device, number, name, dials string) telephony.Observation {
	return fact(telephony.LegAdded{Leg: id}, telephony.LegFacts{Leg: id, Device: device, State: telephony.LegCalling, Number: number, Name: name, Dialed: dials, Group: string(id)})
}

// called is a leg that is made to be reached.
func called(id telephony.LegID, device, number, name string) telephony.Observation {
	return fact(telephony.LegAdded{Leg: id}, telephony.LegFacts{Leg: id, Device: device, State: telephony.LegDown, Number: number, Name: name})
}

func state(id telephony.LegID, st telephony.LegState) telephony.Observation {
	return fact(telephony.LegSeen{}, telephony.LegFacts{Leg: id, State: st})
}

func rings(id telephony.LegID) telephony.Observation { return state(id, telephony.LegRinging) }
func up(id telephony.LegID) telephony.Observation    { return state(id, telephony.LegUp) }

func dials(from, to telephony.LegID) telephony.Observation {
	return fact(telephony.DialBegan{From: from, To: to})
}

func dialEnds(from, to telephony.LegID, how telephony.DialOutcome) telephony.Observation {
	return fact(telephony.DialEnded{From: from, To: to, Outcome: how})
}

func enters(id telephony.LegID) telephony.Observation {
	return fact(telephony.BridgeEntered{Bridge: bridge, Leg: id}, telephony.LegFacts{Leg: id})
}

func leaves(id telephony.LegID) telephony.Observation {
	return fact(telephony.BridgeLeft{Bridge: bridge, Leg: id}, telephony.LegFacts{Leg: id})
}

func holds(id telephony.LegID) telephony.Observation {
	return fact(telephony.LegHeld{Leg: id}, telephony.LegFacts{Leg: id})
}

func resumes(id telephony.LegID) telephony.Observation {
	return fact(telephony.LegResumed{Leg: id}, telephony.LegFacts{Leg: id})
}

func asks(id telephony.LegID) telephony.Observation {
	return fact(telephony.HangupAsked{Leg: id, Cause: telephony.CauseOf(16, "")}, telephony.LegFacts{Leg: id})
}

func gone(id telephony.LegID, q850 int) telephony.Observation {
	return fact(telephony.LegGone{Leg: id, Cause: telephony.CauseOf(q850, "")}, telephony.LegFacts{Leg: id})
}

func lost() telephony.Observation { return fact(telephony.LinkLost{}) }

func linkUp(booted time.Time) telephony.Observation {
	return fact(telephony.LinkUp{Peer: "Asterisk", BootedAt: booted})
}

func snapshot(legs ...telephony.SnapshotLeg) telephony.Observation {
	return fact(telephony.Snapshot{Legs: legs})
}

// inbound is a call of bob to 1001 up to where it rings.
func inbound() []telephony.Observation {
	return []telephony.Observation{
		caller("A", trunk, bob, "Bob", "5550101"), called("B", "PJSIP/1001", "1001", "Alice"), dials("A", "B"), rings("B"),
	}
}

// answered follows on inbound.
func answered() []telephony.Observation {
	return []telephony.Observation{up("B"), dialEnds("A", "B", telephony.DialAnswered), up("A"), enters("B"), enters("A")}
}

func outbound() []telephony.Observation {
	return []telephony.Observation{
		caller("A", "PJSIP/1001", "1001", "Alice", "95550199"), called("B", trunk, "", ""),
		fact(telephony.DialBegan{From: "A", To: "B", Sent: "5550199"}), rings("B"),
	}
}
