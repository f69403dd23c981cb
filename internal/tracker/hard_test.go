package tracker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// One of two phones of an extension goes while nobody looks: the other rings on, in the same call.
func TestOneOfTwoPhonesVanishes(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(inbound()...)
	s.see(called("C", "PJSIP/1001", "1001", "Alice"), dials("A", "C"), rings("C"), lost(), linkUp(begin))
	s.see(snapshot(live("A", trunk, telephony.LegCalling, false, "", bob, time.Second), live("C", "PJSIP/1001", telephony.LegRinging, true, "", "1001", time.Second)))
	if c := s.one(); c.State != telephony.Ringing || len(c.Views) != 1 {
		t.Fatalf("the call is %s with %d views", c.State, len(c.Views))
	}
	s.see(up("C"), dialEnds("A", "C", telephony.DialAnswered), enters("C"), enters("A"), lost(), linkUp(begin))
	s.see(snapshot(live("A", trunk, telephony.LegUp, false, bridge, bob, time.Second), live("C", "PJSIP/1001", telephony.LegUp, true, bridge, "1001", time.Second)))
	if c := s.one(); c.State != telephony.Connected {
		t.Errorf("the call is %s", c.State)
	}
	s.see(asks("A"), gone("A", 16), gone("C", 16))
	s.over()
}

// A parked call is still parked after a gap, and after the program was started anew.
func TestStillParked(t *testing.T) {
	t.Parallel()
	for _, anew := range []bool{false, true} {
		s := newScene(t, "1001")
		s.see(join(inbound(), answered())...)
		s.see(fact(telephony.Parked{Leg: "A", By: "PJSIP/1001", Space: "701"}), leaves("A"), leaves("B"), gone("B", 16), lost())
		if anew {
			s = s.restart(s.now, "1001")
		}
		s.see(linkUp(begin), snapshot(live("A", trunk, telephony.LegUp, false, "lot", bob, time.Minute)))
		s.now = s.now.Add(time.Minute)
		s.see(fact(nil), fact(telephony.Unparked{Leg: "A", Space: "701", How: telephony.ParkTimedOut}),
			called("C", "PJSIP/1001", "1001", "Alice"), dials("A", "C"), rings("C"))
		if c := s.one(); c.State != telephony.Ringing || len(c.Views) != 2 || c.Views[1].ReturnedFrom != "701" {
			t.Errorf("anew %v: the call is %s with %d views: %s", anew, c.State, len(c.Views), s.kinds())
		}
		s.see(asks("A"), gone("C", 16), gone("A", 16))
	}
}

// A call that was placed, and of which the PBX never says a word, ends by itself.
func TestPlacedAndForsaken(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(fact(telephony.CallPlaced{Leg: "A", Device: "PJSIP/1001", Number: "5"}))
	s.now = s.now.Add(2 * time.Minute)
	s.see(fact(nil))
	if c := s.one(); c.State != telephony.Ended || c.Result != telephony.UnknownResult {
		t.Errorf("after two minutes it is %s %s", c.State, c.Result)
	}
	s.over()
}

// Who hangs up by us has ended the call himself.
func TestHangupOrdered(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(join(inbound(), answered())...)
	s.see(fact(telephony.HangupOrdered{Leg: "B"}), leaves("B"), leaves("A"), gone("B", 16), gone("A", 16))
	s.over()
	want(t, s.one().Views[0], "inbound ended answered self "+bob+"/Bob")
}

// A caller who waits while a phone rings for hours does not fill the memory, nor does a crowd or a ring of relays take time
// without bound.
func TestBounded(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(inbound()[0], fact(telephony.Queued{Leg: "A", Queue: "q"}))
	for i := range 500 {
		id := telephony.LegID(fmt.Sprint("B", i))
		s.see(called(id, "PJSIP/1001", "1001", ""), dials("A", id), rings(id), dialEnds("A", id, telephony.DialNoAnswer), gone(id, 0))
		s.changes = s.changes[max(0, len(s.changes)-10):]
	}
	c := s.changes[len(s.changes)-1].Call
	if len(c.Views) > 50 || len(c.Legs) > 60 {
		t.Errorf("%d views, %d legs", len(c.Views), len(c.Legs))
	}
	crowd := newScene(t, "1001")
	for i := range 400 {
		id := telephony.LegID(fmt.Sprint("L", i))
		crowd.see(caller(id, trunk, bob, "", "3000"), up(id), fact(telephony.BridgeEntered{Bridge: "room", Leg: id, Room: true}))
	}
	ring := newScene(t, "1001")
	for i := range 400 {
		ring.see(relay(telephony.LegID(fmt.Sprint("R", i)), fmt.Sprint("p", i/2), i%2 == 1))
	}
	for i := range 400 {
		ring.see(dials(telephony.LegID(fmt.Sprint("R", i)), telephony.LegID(fmt.Sprint("R", (i+1)%400))))
	}
	ring.see(caller("A", "PJSIP/1001", "1001", "", "5"), dials("A", "A"), dials("A", "R0"), dials("R399", "A"), gone("A", 16))
}
