package tracker_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callboard-dev/callboard/internal/telephony"
)

func entersBridge(bridge string, id telephony.LegID) telephony.Observation {
	return fact(telephony.BridgeEntered{Bridge: bridge, Leg: id}, telephony.LegFacts{Leg: id})
}

func leavesBridge(bridge string, id telephony.LegID) telephony.Observation {
	return fact(telephony.BridgeLeft{Bridge: bridge, Leg: id}, telephony.LegFacts{Leg: id})
}

// relay is one half of a pair; the second half is a caller of its own.
func relay(id telephony.LegID, pair string, second bool) telephony.Observation {
	st := telephony.LegDown
	if second {
		st = telephony.LegCalling
	}
	return fact(telephony.LegAdded{Leg: id}, telephony.LegFacts{Leg: id, Device: "Local/1001@internal", State: st, Kind: telephony.RelayLeg, Pair: pair})
}

// talks are the steps of a call of bob to 1001 up to where both hear each other; named as in the stories of TestAnyOrder.
var talks = []step{
	{"A", "", caller("A", trunk, bob, "Bob", "5550101")},
	{"B", "A", called("B", "PJSIP/1001", "1001", "Alice")},
	{"dial", "B", dials("A", "B")},
	{"rings", "B", rings("B")},
	{"B up", "rings", up("B")},
	{"answer", "dial B-up", dialEnds("A", "B", telephony.DialAnswered)},
	{"A up", "answer", up("A")},
	{"A in", "A-up", enters("A")},
	{"B in", "answer", enters("B")},
}

// offices are what offices do with calls. want names legs: "B direction state result ended_by number/name; facts".
var offices = []story{
	{"blind transfer", []string{"1001", "1002"}, slices.Concat(talks, []step{
		{"give", "A-in B-in", fact(telephony.Transferred{Kind: telephony.BlindTransfer, By: "B", Transferee: "A", To: "1002"})},
		{"A out", "give", leaves("A")},
		{"B out", "give", leaves("B")},
		{"B gone", "B-out", gone("B", 16)},
		{"C", "A-out", called("C", "PJSIP/1002", "1002", "Bo")},
		{"dial C", "C", dials("A", "C")},
		{"C rings", "dial-C", rings("C")},
		{"C up", "C-rings", up("C")},
		{"C answer", "C-up", dialEnds("A", "C", telephony.DialAnswered)},
		{"C in", "C-answer", entersBridge("two", "C")},
		{"A in two", "C-answer", entersBridge("two", "A")},
		{"ask", "C-in A-in-two B-gone", asks("A")},
		{"A gone", "ask", gone("A", 16)},
		{"C gone", "ask", gone("C", 16)},
	}), []string{
		"B inbound ended answered self " + bob + "/Bob; transferred to 1002",
		"C inbound ended answered other " + bob + "/Bob; transferred by 1001",
	}},
	{"attended transfer", []string{"1001", "1002"}, slices.Concat(talks, []step{
		{"hold", "A-in B-in", holds("B")},
		{"C", "hold", caller("C", "PJSIP/1001", "1001", "Alice", "1002")},
		{"D", "C", called("D", "PJSIP/1002", "1002", "Bo")},
		{"dial D", "D", dials("C", "D")},
		{"D rings", "dial-D", rings("D")},
		{"D up", "D-rings", up("D")},
		{"D answer", "D-up", dialEnds("C", "D", telephony.DialAnswered)},
		{"C up", "D-answer", up("C")},
		{"C in", "C-up", entersBridge("two", "C")},
		{"D in", "D-answer", entersBridge("two", "D")},
		{"A out", "C-in D-in", leaves("A")},
		{"C out", "C-in D-in", leavesBridge("two", "C")},
		{"A in two", "A-out C-out", entersBridge("two", "A")},
		{"B out", "A-in-two", leaves("B")},
		{"give", "A-in-two", fact(telephony.Transferred{Kind: telephony.AttendedTransfer, By: "B", Second: "C", Transferee: "A", Target: "D"})},
		{"B gone", "B-out give", gone("B", 16)},
		{"C gone", "give", gone("C", 16)},
		{"ask", "B-gone C-gone", asks("D")},
		{"A gone", "ask", gone("A", 16)},
		{"D gone", "ask", gone("D", 16)},
	}), []string{
		"B inbound ended answered self " + bob + "/Bob; transferred to 1002",
		"C internal ended answered self 1002/Bo",
		"D internal ended answered self " + bob + "/Bob; transferred by 1001; first 1001",
	}},
	{"parked by a transfer to the parking's number and fetched", []string{"1001", "1002"}, slices.Concat(talks, []step{
		{"give", "A-in B-in", fact(telephony.Transferred{Kind: telephony.BlindTransfer, By: "B", Transferee: "A", To: "700"})},
		{"A out", "give", leaves("A")},
		{"parked", "A-out", fact(telephony.Parked{Leg: "A", By: "PJSIP/1001", Space: "701"})},
		{"A waits", "parked", fact(telephony.BridgeEntered{Bridge: "lot", Leg: "A", Apart: true})},
		{"ask B", "parked", asks("B")},
		{"B out", "ask-B", leaves("B")},
		{"B gone", "B-out", gone("B", 16)},
		{"C", "A-waits", caller("C", "PJSIP/1002", "1002", "Bo", "701")},
		{"C up", "C", up("C")},
		{"fetched", "C-up B-gone", fact(telephony.Unparked{Leg: "A", By: "C", Space: "701", How: telephony.ParkRetrieved})},
		{"A in two", "fetched", entersBridge("two", "A")},
		{"C in two", "fetched", entersBridge("two", "C")},
		{"ask", "A-in-two C-in-two", asks("C")},
		{"A gone", "ask", gone("A", 16)},
		{"C gone", "ask", gone("C", 16)},
	}), []string{
		"B inbound ended answered self " + bob + "/Bob; parked at 701; retrieved by 1002",
		"C inbound ended answered self " + bob + "/Bob; retrieved from 701",
	}},
	{"picked up by a colleague", []string{"1001", "1002"}, []step{
		{"A", "", caller("A", trunk, bob, "Bob", "5550101")},
		{"B", "A", called("B", "PJSIP/1001", "1001", "Alice")},
		{"dial", "B", dials("A", "B")},
		{"rings", "B", rings("B")},
		{"C", "rings dial", caller("C", "PJSIP/1002", "1002", "Bo", "**1001")},
		{"pickup", "C", fact(telephony.PickedUp{By: "C", Target: "B"})},
		{"C up", "pickup", up("C")},
		{"answer", "C-up", dialEnds("A", "C", telephony.DialAnswered)},
		{"B gone", "pickup", gone("B", 26)},
		{"A up", "answer", up("A")},
		{"A in", "A-up", enters("A")},
		{"C in", "answer", enters("C")},
		{"ask", "A-in C-in B-gone", asks("A")},
		{"A gone", "ask", gone("A", 16)},
		{"C gone", "ask", gone("C", 16)},
	}, []string{
		"B inbound ended answered_elsewhere pbx " + bob + "/Bob 1002; picked up by 1002",
		"C inbound ended answered other " + bob + "/Bob",
	}},
	{"through a relay that takes itself away", []string{"1001"}, []step{
		{"A", "", caller("A", trunk, bob, "Bob", "5550141")},
		{"one", "A", relay("one", "p", false)},
		{"two", "A", relay("two", "p", true)},
		{"dial one", "one two", dials("A", "one")},
		{"B", "two", called("B", "PJSIP/1001", "1001", "Alice")},
		{"dial B", "B dial-one", dials("two", "B")},
		{"rings", "B", rings("B")},
		{"B up", "rings", up("B")},
		{"answer B", "dial-B B-up", dialEnds("two", "B", telephony.DialAnswered)},
		{"answer one", "answer-B", dialEnds("A", "one", telephony.DialAnswered)},
		{"B in", "answer-B", entersBridge("inner", "B")},
		{"two in", "answer-B", entersBridge("inner", "two")},
		{"one in", "answer-one", entersBridge("outer", "one")},
		{"A in", "answer-one", entersBridge("outer", "A")},
		{"B out", "B-in two-in one-in A-in", leavesBridge("inner", "B")},
		{"one out", "B-out", leavesBridge("outer", "one")},
		{"B in outer", "one-out", entersBridge("outer", "B")},
		{"two gone", "B-in-outer", gone("two", 16)},
		{"one gone", "B-in-outer", gone("one", 16)},
		{"ask", "B-in-outer", asks("A")},
		{"A gone", "ask", gone("A", 16)},
		{"B gone", "ask", gone("B", 16)},
	}, []string{"B inbound ended answered other " + bob + "/Bob"}},
	{"two devices of one extension", []string{"1001"}, []step{
		{"A", "", caller("A", trunk, bob, "Bob", "5550101")},
		{"B", "A", called("B", "PJSIP/1001", "1001", "Alice")},
		{"dial B", "B", dials("A", "B")},
		{"C", "dial-B", called("C", "PJSIP/1001", "1001", "Alice")},
		{"dial C", "C", dials("A", "C")},
		{"B rings", "B", rings("B")},
		{"C rings", "C", rings("C")},
		{"C up", "C-rings dial-C", up("C")},
		{"answer", "C-up B-rings", dialEnds("A", "C", telephony.DialAnswered)},
		{"B cancel", "answer", dialEnds("A", "B", telephony.DialCancelled)},
		{"B gone", "B-cancel", gone("B", 26)},
		{"A in", "answer", enters("A")},
		{"C in", "answer", enters("C")},
		{"ask", "A-in C-in B-gone", asks("C")},
		{"A gone", "ask", gone("A", 16)},
		{"C gone", "ask", gone("C", 16)},
	}, []string{"C inbound ended answered self " + bob + "/Bob"}},
	{"click to dial", []string{"1001"}, []step{
		{"place", "", fact(telephony.CallPlaced{Leg: "A", Device: "PJSIP/1001", Number: "95550199"})},
		{"A", "place", called("A", "PJSIP/1001", "1001", "Alice")},
		{"dial A", "A", dials("", "A")},
		{"A rings", "A", rings("A")},
		{"A up", "A-rings dial-A", up("A")},
		{"B", "A-up", called("B", trunk, "", "")},
		{"dial B", "B", fact(telephony.DialBegan{From: "A", To: "B", Sent: "5550199"})},
		{"B rings", "dial-B", rings("B")},
		{"B up", "B-rings", up("B")},
		{"answer", "B-up", dialEnds("A", "B", telephony.DialAnswered)},
		{"A in", "answer", enters("A")},
		{"B in", "answer", enters("B")},
		{"ask", "A-in B-in", asks("A")},
		{"A gone", "ask", gone("A", 16)},
		{"B gone", "ask", gone("B", 16)},
	}, []string{"A outbound ended answered self 5550199/; click to dial"}},
	{"nobody answers, the voicemail does", []string{"1001"}, []step{
		{"A", "", caller("A", trunk, bob, "Bob", "5550121")},
		{"B", "A", called("B", "PJSIP/1001", "1001", "Alice")},
		{"dial", "B", dials("A", "B")},
		{"rings", "B", rings("B")},
		{"no answer", "dial rings", dialEnds("A", "B", telephony.DialNoAnswer)},
		{"B gone", "no-answer", gone("B", 0)},
		{"voicemail", "B-gone", fact(telephony.ServiceReached{Leg: "A", Service: telephony.ServiceVoicemail})},
		{"A up", "B-gone", up("A")},
		{"ask", "voicemail A-up", asks("A")},
		{"A gone", "ask", gone("A", 16)},
	}, []string{"B inbound ended voicemail other " + bob + "/Bob; forwarded to voicemail"}},
	{"the phone sends the caller on", []string{"1001", "1003"}, []step{
		{"A", "", caller("A", trunk, bob, "Bob", "5550101")},
		{"B", "A", called("B", "PJSIP/1001", "1001", "Alice")},
		{"dial", "B", dials("A", "B")},
		{"sent on", "dial", fact(telephony.DialEnded{From: "A", To: "B", Outcome: telephony.DialCancelled, ForwardedTo: "1003"})},
		{"B gone", "sent-on", gone("B", 0)},
		{"one", "sent-on", relay("one", "p", false)},
		{"two", "sent-on", relay("two", "p", true)},
		{"dial one", "one two B-gone", dials("A", "one")},
		{"C", "dial-one", called("C", "PJSIP/1003", "1003", "Cy")},
		{"dial C", "C", dials("two", "C")},
		{"C rings", "dial-C", rings("C")},
		{"C up", "C-rings", up("C")},
		{"answer C", "C-up", dialEnds("two", "C", telephony.DialAnswered)},
		{"answer one", "answer-C", dialEnds("A", "one", telephony.DialAnswered)},
		{"C in", "answer-C", entersBridge("inner", "C")},
		{"two in", "answer-C", entersBridge("inner", "two")},
		{"one in", "answer-one", entersBridge("outer", "one")},
		{"A in", "answer-one", entersBridge("outer", "A")},
		{"ask", "C-in two-in one-in A-in", asks("A")},
		{"A gone", "ask", gone("A", 16)},
		{"one gone", "ask", gone("one", 16)},
		{"two gone", "ask", gone("two", 16)},
		{"C gone", "ask", gone("C", 16)},
	}, []string{
		"B inbound ended forwarded self " + bob + "/Bob; forwarded to 1003",
		"C inbound ended answered other " + bob + "/Bob",
	}},
}

// What offices do with calls reads the same in whatever order the PBX's threads tell it.
func TestOfficeInAnyOrder(t *testing.T) {
	t.Parallel()
	for _, st := range offices {
		t.Run(st.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				s := newScene(t, st.extensions...)
				s.see(st.shuffle(t)...)
				s.over()
				views := 0
				for _, c := range s.calls() {
					views += len(c.Views)
				}
				if views != len(st.want) {
					t.Fatalf("%d views, want %d: %s", views, len(st.want), s.kinds())
				}
				for _, w := range st.want {
					leg, rest, _ := strings.Cut(w, " ")
					said, facts, _ := strings.Cut(rest, "; ")
					v := s.viewAt(telephony.LegID(leg))
					want(t, v, said)
					if got := factsOf(v); got != facts {
						t.Errorf("leg %s: %q, want %q", leg, got, facts)
					}
				}
			})
		})
	}
}

func (s *scene) viewAt(id telephony.LegID) telephony.View {
	s.t.Helper()
	for _, c := range s.calls() {
		for _, v := range c.Views {
			if v.Leg == id {
				return v
			}
		}
	}
	s.t.Fatalf("leg %s has no view", id)
	return telephony.View{}
}

func factsOf(v telephony.View) string {
	var out []string
	add := func(what, value string) {
		if value != "" {
			out = append(out, strings.TrimSpace(what+" "+value))
		}
	}
	add("transferred to", v.TransferredTo)
	add("transferred by", v.TransferredBy)
	add("forwarded to", v.ForwardedTo)
	add("parked at", v.ParkedAt)
	add("retrieved by", v.RetrievedBy)
	add("retrieved from", v.RetrievedFrom)
	add("picked up by", v.PickedUpBy)
	add("first", v.First.Number)
	if v.ClickToDial {
		out = append(out, "click to dial")
	}
	return strings.Join(out, "; ")
}

// A caller who was left with nobody keeps his call alive for a while, and no longer: a dialplan may say nothing more.
func TestAdrift(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(join(inbound(), observations{dialEnds("A", "B", telephony.DialNoAnswer), gone("B", 0)})...)
	if c := s.one(); c.State != telephony.Ringing || c.Views[0].State != telephony.Ended {
		t.Fatalf("just after, the call is %s and the view %s", c.State, c.Views[0].State)
	}
	s.now = s.now.Add(6 * time.Second)
	s.see(fact(nil))
	if c := s.one(); c.State != telephony.Ended || c.Result != telephony.Missed {
		t.Errorf("after six seconds the call is %s %s", c.State, c.Result)
	}
	s.see(fact(telephony.ServiceReached{Leg: "A", Service: telephony.ServiceVoicemail}))
	if c := s.one(); c.State != telephony.Ended || c.Result != telephony.Voicemail {
		t.Errorf("known late, the call is %s %s", c.State, c.Result)
	}
	s.see(asks("A"), gone("A", 16))
	s.over()
}

// A parked call is nobody's but not over; it comes back to who parked it when nobody fetches it.
func TestParkedComesBack(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(join(inbound(), answered())...)
	s.see(fact(telephony.Parked{Leg: "A", By: "PJSIP/1001", Space: "701"}), leaves("A"), leaves("B"), gone("B", 16))
	s.now = s.now.Add(time.Minute)
	s.see(fact(nil))
	if c := s.one(); c.State != telephony.Held || !c.Parked || c.ParkedAt != "701" {
		t.Fatalf("parked, the call is %s: %+v", c.State, c.Facts)
	}
	s.see(fact(telephony.Unparked{Leg: "A", Space: "701", How: telephony.ParkTimedOut}),
		called("C", "PJSIP/1001", "1001", "Alice"), dials("A", "C"), rings("C"), up("C"), dialEnds("A", "C", telephony.DialAnswered),
		entersBridge("two", "C"), entersBridge("two", "A"))
	if c := s.one(); c.State != telephony.Connected || c.Parked || len(c.Views) != 2 {
		t.Errorf("back, the call is %s: %+v", c.State, c.Facts)
	}
	s.see(asks("A"), gone("A", 16), gone("C", 16))
	s.over()
}

// What is recorded, listened to, muted and encrypted is told of the call, from wherever it was seen.
func TestFacts(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(fact(telephony.RecordingBegan{Leg: "A"}))
	s.see(inbound()[0], fact(telephony.RecordingBegan{Leg: "A"}))
	s.see(join(inbound()[1:], answered())...)
	v := func() telephony.View { return s.one().Views[0] }
	if v().Recorded != telephony.Yes || v().Recording != "on" || v().Monitored != telephony.No || v().Encrypted != telephony.Unknown {
		t.Errorf("got %+v", v().Facts)
	}
	s.see(fact(telephony.RecordingPaused{Leg: "A"}))
	if v().Recording != "paused" {
		t.Errorf("recording is %q", v().Recording)
	}
	s.see(fact(telephony.RecordingEnded{Leg: "A"}), fact(telephony.MonitoringBegan{Leg: "B", By: "S"}), fact(telephony.LegMuted{Leg: "B", Muted: true}), holds("A"))
	if f := v().Facts; f.Recording != "" || f.Recorded != telephony.Yes || f.Monitored != telephony.Yes || !f.Muted || !f.OtherHolds || v().State != telephony.Connected {
		t.Errorf("got %+v in %s", f, v().State)
	}
	s.see(fact(telephony.LegInspected{Leg: "B", Address: "192.0.2.7:5061", MediaAddress: "192.0.2.7:10000", Signalling: telephony.Yes, Media: telephony.Yes}),
		fact(telephony.LegInspected{Leg: "A", Address: "[2001:db8::1]:5060", Signalling: telephony.No, Withheld: telephony.Yes}))
	if got := v(); got.Encrypted != telephony.Yes || got.SecureLine != telephony.No || got.User.IP != "192.0.2.7" || got.Party.IP != "2001:db8::1" || !got.Party.Withheld {
		t.Errorf("got %+v user %+v party %+v", got.Facts, got.User, got.Party)
	}
	s.see(asks("A"), leaves("A"), leaves("B"), gone("A", 16), gone("B", 16))
	s.over()
}

// Three who hear each other are a conference.
func TestThreeWay(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(join(inbound(), answered())...)
	s.see(caller("C", "PJSIP/1002", "1002", "Bo", "1"), up("C"), enters("C"))
	if c := s.one(); !c.Conference || c.Party.Number != bob || c.Timeline[len(c.Timeline)-1].What != telephony.WhatConferenced {
		t.Errorf("got %+v with %s", c.Facts, c.Party.Number)
	}
	s.see(leaves("C"), gone("C", 16))
	if s.one().Conference {
		t.Error("two are no conference")
	}
	s.see(asks("A"), leaves("A"), leaves("B"), gone("A", 16), gone("B", 16))
	s.over()
}

// Who dials a service of the PBX from the page talks to it, though there is no other leg.
func TestPlacedToService(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(fact(telephony.CallPlaced{Leg: "A", Device: "PJSIP/1001", Number: "600"}), called("A", "PJSIP/1001", "1001", "Alice"), dials("", "A"), rings("A"), up("A"))
	if c := s.one(); c.State != telephony.Ringing {
		t.Fatalf("before anything serves it, it is %s", c.State)
	}
	s.see(fact(telephony.ServiceReached{Leg: "A", Service: telephony.ServiceOther}))
	if c := s.one(); c.State != telephony.Connected || c.Party.Number != "600" || c.Direction != telephony.Outbound {
		t.Errorf("got %s %s %+v", c.State, c.Direction, c.Party)
	}
	s.see(asks("A"), gone("A", 16))
	s.over()
}

// The PBX calls the giver back before all legs of the failed attempt are gone, and long after he gave the call away: it is
// the same call, and nobody has taken it.
func TestRecallOverlaps(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001", "1002")
	s.see(join(inbound(), answered())...)
	s.see(holds("B"), leaves("B"), relay("one", "p", false), relay("two", "p", true), entersBridge("y", "one"), entersBridge("y", "B"),
		called("C", "PJSIP/1002", "1002", "Bo"), dials("two", "C"), rings("C"), asks("B"), leavesBridge("y", "B"), leavesBridge("y", "one"), enters("one"),
		fact(telephony.Transferred{Kind: telephony.AttendedTransfer, By: "B", Second: "B", Transferee: "A", Target: "one"}))
	s.now = s.now.Add(16 * time.Second)
	s.see(leaves("one"), gone("one", 16), called("D", "PJSIP/1001", "1001", "Alice"), dials("", "D"), rings("D"),
		dialEnds("two", "C", telephony.DialCancelled), gone("C", 16), gone("two", 16), gone("D", 0))
	if v := s.viewAt("D"); v.Result != telephony.Missed || v.AnsweredBy != "" || v.ClickToDial || v.ReturnedFrom != "1002" || len(s.calls()) != 1 {
		t.Errorf("%d calls; called back it is %+v", len(s.calls()), v)
	}
	s.see(asks("A"), leaves("A"), gone("A", 16), gone("B", 16))
	s.over()
}
