package tracker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Asterisk says that a phone rings before or after it says who dials it. Either way a ring group is one call.
func TestRingsBeforeDialBegins(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001", "1002")
	s.see(caller("A", trunk, bob, "Bob", "5550200"),
		called("B", "PJSIP/1001", "1001", ""), rings("B"), dials("A", "B"),
		called("C", "PJSIP/1002", "1002", ""), rings("C"))
	if len(s.calls()) != 1 || len(s.one().Views) != 1 {
		t.Fatalf("before it is known who dials 1002: %s", s.kinds())
	}
	s.see(dials("A", "C"))
	if c := s.one(); len(c.Views) != 2 || c.Views[1].State != telephony.Ringing || c.Views[1].Party.Number != bob {
		t.Errorf("got %+v", c.Views)
	}
	s.see(up("C"), dialEnds("A", "C", telephony.DialAnswered), enters("C"), enters("A"), gone("B", 26), asks("C"), leaves("C"), leaves("A"), gone("C", 16), gone("A", 16))
	s.over()
}

// A call of which nothing but the bridge was seen is found there.
func TestKnownByBridgeOnly(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(fact(telephony.LegSeen{}, telephony.LegFacts{Leg: "A", Device: trunk, State: telephony.LegUp, Number: bob}),
		fact(telephony.LegSeen{}, telephony.LegFacts{Leg: "B", Device: "PJSIP/1001", State: telephony.LegUp}))
	if len(s.changes) > 0 {
		t.Fatalf("told %s", s.kinds())
	}
	s.see(enters("A"), enters("B"))
	if c := s.one(); c.State != telephony.Connected || c.Party.Number != bob || c.Direction != telephony.Inbound {
		t.Errorf("got %s %s %s", c.State, c.Direction, c.Party.Number)
	}
	s.see(leaves("B"), leaves("A"), gone("B", 16), gone("A", 16))
	s.over()
}

// What comes about legs that are gone, or were never there, begins nothing and leaves nothing behind.
func TestLateAndUnknown(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	story := join(inbound(), answered(), observations{holds("B"), resumes("B"), asks("A"), leaves("A"), leaves("B"), gone("B", 16), gone("A", 16)})
	s.see(story...)
	before := len(s.changes)
	s.see(story...) // all of it once more
	late := telephony.LegFacts{Leg: "B", Device: "PJSIP/1001", State: telephony.LegRinging}
	s.see(fact(telephony.LegSeen{}, late), fact(telephony.DialBegan{From: "A", To: "B"}, late), fact(telephony.LegHeld{Leg: "B"}, late),
		fact(telephony.LegGone{Leg: "X"}, telephony.LegFacts{Leg: "X", Device: "PJSIP/1001", State: telephony.LegUp}),
		fact(telephony.HangupAsked{Leg: "X"}, telephony.LegFacts{Leg: "X", Device: "PJSIP/1001"}),
		fact(telephony.LegSeen{}, telephony.LegFacts{Device: "PJSIP/1001", State: telephony.LegCalling}), // a message without an id
		fact(telephony.DialBegan{From: "X", To: "Y"}), fact(telephony.LegSeen{}), fact(nil))
	if len(s.changes) != before {
		t.Errorf("told %v", s.kinds())
	}
	s.over()
}

// The memory of legs that are gone is bounded.
func TestManyGone(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	for i := range 3000 {
		id := telephony.LegID(fmt.Sprint("L", i))
		s.see(caller(id, trunk, bob, "", "1"), gone(id, 16), state(id, telephony.LegUp))
	}
	if s.over(); len(s.changes) > 0 {
		t.Errorf("told %s", s.kinds())
	}
}

// Hold may come unpaired, before the answer, or at the end.
func TestOddHolds(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(inbound()...)
	s.see(resumes("B"), holds("B"))
	if c := s.one(); c.State != telephony.Ringing {
		t.Errorf("a leg that rings is %s", c.State)
	}
	s.see(answered()...)
	if c := s.one(); c.State != telephony.Held {
		t.Errorf("answered into hold it is %s", c.State)
	}
	s.see(asks("A"), leaves("A"), leaves("B"), resumes("B"), gone("B", 16), gone("A", 16), resumes("B"))
	s.over()
	want(t, s.one().Views[0], "inbound ended answered other "+bob+"/Bob")
}

// step is one observation of a story and the steps that must come before it: each leg's own order, and what the telephones
// themselves cause.
type step struct {
	name  string
	after string
	what  telephony.Observation
}

type story struct {
	name       string
	extensions []string
	steps      []step
	want       []string // "1001 direction state result ended_by number/name", in the order of extensions
}

var stories = []story{
	{"answered, the caller hangs up", []string{"1001"}, []step{
		{"A", "", caller("A", trunk, bob, "Bob", "5550101")},
		{"B", "A", called("B", "PJSIP/1001", "1001", "")},
		{"dial", "B", dials("A", "B")},
		{"rings", "B", rings("B")},
		{"B up", "rings", up("B")},
		{"answer", "dial B-up", dialEnds("A", "B", telephony.DialAnswered)},
		{"A up", "answer", up("A")},
		{"A in", "A-up", enters("A")},
		{"B in", "answer", enters("B")},
		{"ask", "A-in B-in", asks("A")},
		{"A out", "ask", leaves("A")},
		{"B out", "ask", leaves("B")},
		{"A gone", "A-out", gone("A", 16)},
		{"B gone", "B-out", gone("B", 16)},
	}, []string{"1001 inbound ended answered other " + bob + "/Bob"}},
	{"the caller gives up", []string{"1001"}, []step{
		{"A", "", caller("A", trunk, bob, "Bob", "5550101")},
		{"B", "A", called("B", "PJSIP/1001", "1001", "")},
		{"dial", "B", dials("A", "B")},
		{"rings", "B", rings("B")},
		{"ask", "dial", asks("A")},
		{"cancel", "ask", dialEnds("A", "B", telephony.DialCancelled)},
		{"B gone", "cancel rings", gone("B", 0)},
		{"A gone", "cancel", gone("A", 127)},
	}, []string{"1001 inbound ended cancelled other " + bob + "/Bob"}},
	{"a ring group, 1002 answers and hangs up", []string{"1001", "1002", "1003"}, []step{
		{"A", "", caller("A", trunk, bob, "Bob", "5550200")},
		{"B1", "A", called("B1", "PJSIP/1001", "1001", "")},
		{"dial1", "B1", dials("A", "B1")},
		{"B2", "dial1", called("B2", "PJSIP/1002", "1002", "")},
		{"dial2", "B2", dials("A", "B2")},
		{"B3", "dial2", called("B3", "PJSIP/1003", "1003", "")},
		{"dial3", "B3", dials("A", "B3")},
		{"rings1", "B1", rings("B1")},
		{"rings2", "B2", rings("B2")},
		{"rings3", "B3", rings("B3")},
		{"B2 up", "rings2", up("B2")},
		{"answer", "dial3 B2-up", dialEnds("A", "B2", telephony.DialAnswered)},
		{"cancel1", "answer", dialEnds("A", "B1", telephony.DialCancelled)},
		{"cancel3", "cancel1", dialEnds("A", "B3", telephony.DialCancelled)},
		{"B1 gone", "cancel1 rings1", gone("B1", 26)},
		{"B3 gone", "cancel3 rings3", gone("B3", 26)},
		{"A up", "answer", up("A")},
		{"A in", "A-up cancel3", enters("A")},
		{"B2 in", "answer", enters("B2")},
		{"ask", "A-in B2-in", asks("B2")},
		{"A out", "ask", leaves("A")},
		{"B2 out", "ask", leaves("B2")},
		{"A gone", "A-out", gone("A", 16)},
		{"B2 gone", "B2-out", gone("B2", 16)},
	}, []string{
		"1001 inbound ended answered_elsewhere pbx " + bob + "/Bob 1002",
		"1002 inbound ended answered self " + bob + "/Bob",
		"1003 inbound ended answered_elsewhere pbx " + bob + "/Bob 1002",
	}},
	{"an internal call, the called one hangs up", []string{"1001", "1002"}, []step{
		{"A", "", caller("A", "PJSIP/1001", "1001", "Alice", "1002")},
		{"B", "A", called("B", "PJSIP/1002", "1002", "Bo")},
		{"dial", "B", dials("A", "B")},
		{"rings", "B", rings("B")},
		{"B up", "rings", up("B")},
		{"answer", "dial B-up", dialEnds("A", "B", telephony.DialAnswered)},
		{"A up", "answer", up("A")},
		{"A in", "A-up", enters("A")},
		{"B in", "answer", enters("B")},
		{"hold", "A-in B-in", holds("A")},
		{"resume", "hold", resumes("A")},
		{"ask", "resume", asks("B")},
		{"A out", "ask", leaves("A")},
		{"B out", "ask", leaves("B")},
		{"A gone", "A-out", gone("A", 16)},
		{"B gone", "B-out", gone("B", 16)},
	}, []string{"1001 internal ended answered other 1002/Bo", "1002 internal ended answered self 1001/Alice"}},
	{"out, busy", []string{"1001"}, []step{
		{"A", "", caller("A", "PJSIP/1001", "1001", "", "95550199")},
		{"B", "A", called("B", trunk, "", "")},
		{"dial", "B", fact(telephony.DialBegan{From: "A", To: "B", Sent: "5550199"})},
		{"busy", "dial", dialEnds("A", "B", telephony.DialBusy)},
		{"B gone", "busy", gone("B", 17)},
		{"A gone", "busy", gone("A", 17)},
	}, []string{"1001 outbound ended busy other 5550199/"}},
}

// shuffle draws an order that keeps what must come before what. Some steps come twice.
func (st story) shuffle(t *rapid.T) observations {
	var out observations
	done := map[string]bool{}
	left := slices.Clone(st.steps)
	for len(left) > 0 {
		var ready []int
		for i, s := range left {
			if !slices.ContainsFunc(strings.Fields(s.after), func(name string) bool { return !done[strings.ReplaceAll(name, "-", " ")] }) {
				ready = append(ready, i)
			}
		}
		at := rapid.SampledFrom(ready).Draw(t, "next")
		out = append(out, left[at].what)
		if rapid.IntRange(0, 4).Draw(t, "twice") == 0 {
			out = append(out, left[at].what)
		}
		done[left[at].name] = true
		left = slices.Delete(left, at, at+1)
	}
	return out
}

// Whatever the order in which the PBX's threads speak, the conclusions are the same: one call, its end, nothing left.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	for _, st := range stories {
		t.Run(st.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				s := newScene(t, st.extensions...)
				s.see(st.shuffle(t)...)
				s.over()
				c := s.one()
				if len(c.Views) != len(st.want) {
					t.Fatalf("%d views, want %d", len(c.Views), len(st.want))
				}
				for _, w := range st.want {
					extension, rest, _ := strings.Cut(w, " ")
					want(t, viewOf(t, c, extension), rest)
				}
			})
		})
	}
}

// Whatever comes, in whatever order: no panic, each call is created once and ends at most once, and the same input gives the
// same output.
func TestAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		one, other := newScene(t, "1001", "1002"), newScene(t, "1001", "1002")
		for range rapid.IntRange(1, 80).Draw(t, "length") {
			o := anything(t)
			a, b := one.see(o), other.see(o)
			if fmt.Sprintf("%+v", deref(a)) != fmt.Sprintf("%+v", deref(b)) {
				t.Fatalf("the same observation gives\n%+v\nand\n%+v", deref(a), deref(b))
			}
		}
		ended := map[telephony.CallID]bool{}
		for _, c := range one.changes {
			if c.Call == nil {
				continue
			}
			if ended[c.Call.ID] && (c.Kind == telephony.CallEnded || c.Call.State != telephony.Ended) {
				t.Fatalf("%s (%s) of %s after its end", c.Kind, c.Call.State, c.Call.ID)
			}
			ended[c.Call.ID] = ended[c.Call.ID] || c.Kind == telephony.CallEnded
		}
		one.see(snapshot()) // all legs are gone
		one.over()
	})
}

func deref(changes []telephony.Change) (out []any) {
	for _, c := range changes {
		out = append(out, c.Kind)
		if c.Call != nil {
			out = append(out, *c.Call)
		}
	}
	return out
}

func anything(t *rapid.T) telephony.Observation {
	leg := func() telephony.LegID {
		return telephony.LegID(rapid.SampledFrom([]string{"A", "B", "C", "D", "E", ""}).Draw(t, "leg"))
	}
	facts := func(id telephony.LegID) telephony.LegFacts {
		return telephony.LegFacts{Leg: id, State: telephony.LegState(rapid.IntRange(0, 4).Draw(t, "state")),
			Device: rapid.SampledFrom([]string{"", trunk, "PJSIP/1001", "PJSIP/1002", "Local/1001@x"}).Draw(t, "device"),
			Number: rapid.SampledFrom([]string{"", bob, "\x00"}).Draw(t, "number"), Group: rapid.SampledFrom([]string{"", "g"}).Draw(t, "group"),
			Kind: telephony.LegKind(rapid.IntRange(0, 2).Draw(t, "kind")), Pair: rapid.SampledFrom([]string{"", "p", "q"}).Draw(t, "pair")}
	}
	id, other := leg(), leg()
	bridge := rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "bridge")
	cause := telephony.CauseOf(rapid.IntRange(0, 127).Draw(t, "cause"), "")
	all := []telephony.Fact{nil, telephony.LegSeen{}, telephony.LegAdded{Leg: id}, telephony.DialBegan{From: id, To: other},
		telephony.DialEnded{From: id, To: other, Outcome: rapid.SampledFrom([]telephony.DialOutcome{telephony.DialAnswered, telephony.DialBusy, telephony.DialCancelled, ""}).Draw(t, "outcome")},
		telephony.BridgeEntered{Bridge: bridge, Leg: id}, telephony.BridgeLeft{Bridge: bridge, Leg: id}, telephony.LegHeld{Leg: id}, telephony.LegResumed{Leg: id},
		telephony.HangupAsked{Leg: id, Cause: cause}, telephony.LegGone{Leg: id, Cause: cause}, telephony.LinkLost{},
		telephony.LinkUp{BootedAt: begin.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "boot")) * time.Second)},
		telephony.BridgeEntered{Bridge: bridge, Leg: id, Apart: true}, telephony.DialEnded{From: id, To: other, ForwardedTo: "1003"},
		telephony.Transferred{Kind: telephony.BlindTransfer, By: id, Transferee: other, To: "1002"},
		telephony.Transferred{Kind: telephony.AttendedTransfer, By: id, Second: leg(), Transferee: other, Target: leg()},
		telephony.Parked{Leg: id, By: "PJSIP/1001", Space: "701"}, telephony.Unparked{Leg: id, By: other, Space: "701", How: telephony.ParkRetrieved},
		telephony.Unparked{Leg: id, How: telephony.ParkTimedOut}, telephony.PickedUp{By: id, Target: other},
		telephony.ConferenceJoined{Leg: id, Room: "3000"}, telephony.ConferenceLeft{Leg: id, Room: "3000"},
		telephony.RecordingBegan{Leg: id}, telephony.RecordingPaused{Leg: id}, telephony.RecordingEnded{Leg: id},
		telephony.MonitoringBegan{Leg: id, By: other}, telephony.Queued{Leg: id, Queue: "2100"}, telephony.Dequeued{Leg: id, Queue: "2100"},
		telephony.ServiceReached{Leg: id, Service: telephony.ServiceVoicemail}, telephony.LegMuted{Leg: id, Muted: true},
		telephony.LegInspected{Leg: id, Address: "192.0.2.7:5060", Held: telephony.Yes}, telephony.CallPlaced{Leg: id, Device: "PJSIP/1001", Number: "5"},
		telephony.Snapshot{Legs: []telephony.SnapshotLeg{
			{LegFacts: facts(id), Bridge: bridge, Called: rapid.Bool().Draw(t, "called"), Age: time.Duration(rapid.IntRange(-1, 5).Draw(t, "age")) * time.Second},
			{LegFacts: facts(other), Bridge: bridge, Called: rapid.Bool().Draw(t, "called"), Age: -1},
		}},
	}
	return telephony.Observation{Legs: []telephony.LegFacts{facts(id)}, Fact: all[rapid.IntRange(0, len(all)-1).Draw(t, "fact")]}
}
