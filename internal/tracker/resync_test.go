package tracker_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// live is a leg as a snapshot tells it.
func live(id telephony.LegID, device string, st telephony.LegState, called bool, bridge, number string, age time.Duration) telephony.SnapshotLeg {
	return telephony.SnapshotLeg{LegFacts: telephony.LegFacts{Leg: id, Device: device, State: st, Number: number, Group: "A"}, Called: called, Bridge: bridge, Age: age}
}

var (
	liveA = live("A", trunk, telephony.LegUp, false, bridge, bob, 5*time.Second)
	liveB = live("B", "PJSIP/1001", telephony.LegUp, true, bridge, "1001", 5*time.Second)
)

// D-11: what was live and still is goes on as the same call, and says that a part was not seen.
func TestLinkLostAndBack(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(join(inbound(), answered())...)
	s.at(2)
	if kinds := s.see(lost(), lost()); len(kinds) != 1 || kinds[0].Kind != telephony.CallUpdated || kinds[0].Call.Complete {
		t.Errorf("when the link is lost: %+v", kinds)
	}
	s.at(6)
	back := s.see(linkUp(time.Time{}), snapshot(liveA, liveB))
	if len(back) != 1 || back[0].Kind != telephony.PBXGap || !back[0].Gap.From.Equal(begin.Add(2*time.Second)) || back[0].Gap.Restarted {
		t.Errorf("when it is back: %+v", back)
	}
	s.at(9)
	s.see(asks("A"), leaves("A"), leaves("B"), gone("B", 16), gone("A", 16))
	s.over()
	c := s.one()
	want(t, c.Views[0], "inbound ended answered other "+bob+"/Bob")
	if got := timeline(c.Views[0]); got != "ringing 0.3, connected 0.4, gap 2.0, ended 9.0" || c.Complete {
		t.Errorf("timeline %s, complete %v", got, c.Complete)
	}
}

// D-11: gone, changed and new, without invented times.
func TestGapReconciled(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001", "1002", "1003")
	s.see(inbound()...)                                                                                         // A-B rings at 1001, is answered unseen
	s.see(caller("C", trunk, "2025550166", "Dora", ""), called("D", "PJSIP/1002", "1002", ""), dials("C", "D"), // C-D talks, ends unseen
		rings("D"), up("D"), dialEnds("C", "D", telephony.DialAnswered))
	s.at(2)
	s.see(lost())
	s.at(6)
	newCaller := live("E", trunk, telephony.LegUp, false, "bridge-2", "2025550177", 3*time.Second)
	newCaller.Group = "E"
	newCalled := live("F", "PJSIP/1003", telephony.LegUp, true, "bridge-2", "1003", 3*time.Second)
	newCalled.Group = "E"
	changes := s.see(snapshot(newCalled, newCaller, liveA, liveB))
	if changes[0].Kind != telephony.PBXGap {
		t.Errorf("the gap is told after %s", changes[0].Kind)
	}
	calls := s.calls()
	if len(calls) != 3 {
		t.Fatalf("%d calls, want 3", len(calls))
	}
	changed, ended, fresh := calls[0].Views[0], calls[1].Views[0], calls[2].Views[0]
	if changed.State != telephony.Connected || !changed.AnsweredAt.IsZero() || !strings.Contains(timeline(changed), "gap 2.0, connected 6.0") {
		t.Errorf("answered unseen: %s at %v, %s", changed.State, changed.AnsweredAt, timeline(changed))
	}
	if ended.State != telephony.Ended || ended.Result != telephony.UnknownResult || !ended.EndedAt.IsZero() || ended.EndedBy != "" ||
		!ended.EndedAfter.Equal(begin.Add(2*time.Second)) || !ended.EndedBefore.Equal(begin.Add(6*time.Second)) {
		t.Errorf("ended unseen: %+v", ended)
	}
	if fresh.Party.Number != "2025550177" || fresh.Direction != telephony.Inbound || !fresh.StartedAt.Equal(begin.Add(3*time.Second)) || !fresh.AnsweredAt.IsZero() {
		t.Errorf("begun unseen: %+v", fresh)
	}
	for _, c := range calls {
		if c.Complete {
			t.Errorf("%s is said to be complete", c.ID)
		}
	}
	s.at(8)
	s.see(gone("B", 16), gone("A", 16), asks("E"), leaves("E"), leaves("F"), gone("E", 16), gone("F", 16))
	s.over()
	want(t, s.calls()[2].Views[0], "inbound ended answered other 2025550177/")
}

// A call that still rings when the PBX is seen again is answered and ends as if nothing had been.
func TestStillRinging(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(inbound()...)
	s.see(lost(), snapshot(live("A", trunk, telephony.LegCalling, false, "", bob, 2*time.Second), live("B", "PJSIP/1001", telephony.LegRinging, true, "", "1001", 2*time.Second)))
	s.at(5)
	s.see(answered()...)
	if v := s.one().Views[0]; !v.AnsweredAt.Equal(begin.Add(5 * time.Second)) {
		t.Errorf("answered at %v", v.AnsweredAt)
	}
	s.see(asks("B"), leaves("B"), leaves("A"), gone("A", 16), gone("B", 16))
	s.over()
	want(t, s.one().Views[0], "inbound ended answered self "+bob+"/Bob")
}

// A ring group that is first seen in a snapshot is one call.
func TestRingGroupInSnapshot(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001", "1002", "1003")
	var legs []telephony.SnapshotLeg
	for i, extension := range []string{"1001", "1002", "1003"} {
		legs = append(legs, live(telephony.LegID("B"+extension), "PJSIP/"+extension, telephony.LegRinging, true, "", extension, time.Duration(i)*time.Second))
	}
	s.see(linkUp(begin), snapshot(append(legs, live("A", trunk, telephony.LegCalling, false, "", bob, time.Second))...))
	c := s.one()
	if len(c.Views) != 3 || c.State != telephony.Ringing || c.Party.Number != bob {
		t.Errorf("%d views, %s, %s", len(c.Views), c.State, c.Party.Number)
	}
	for _, c := range s.changes {
		if c.Kind == telephony.PBXGap {
			t.Error("a gap is told though the PBX was never seen before")
		}
	}
	s.see(gone("B1001", 0), gone("B1002", 0), gone("B1003", 0), gone("A", 0))
	s.over()
}

// A PBX that was started anew has ended all calls, and says so.
func TestPBXRestart(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(linkUp(begin.Add(-time.Hour)), snapshot())
	s.see(join(inbound(), answered())...)
	s.at(2)
	s.see(lost())
	s.at(30)
	changes := s.see(linkUp(begin.Add(10*time.Second)), snapshot())
	if changes[0].Gap == nil || !changes[0].Gap.Restarted {
		t.Errorf("the gap is told as %+v", changes[0].Gap)
	}
	s.over()
	v := s.one().Views[0]
	if v.Result != telephony.UnknownResult || v.EndedBy != telephony.ByFailure || !strings.Contains(v.Timeline[len(v.Timeline)-1].Detail, "anew") {
		t.Errorf("ended as %+v", v)
	}
	s.see(inbound()...) // it counts from the beginning: the same ids are other legs
	if len(s.calls()) != 2 {
		t.Errorf("%d calls, want 2", len(s.calls()))
	}
	s.see(gone("B", 16), gone("A", 16))
	s.over()
	s.at(40)
	s.see(lost(), linkUp(begin.Add(11*time.Second)), snapshot()) // told in whole seconds: the same start
	if last := s.changes[len(s.changes)-1]; last.Gap.Restarted {
		t.Error("a second of difference is taken for a restart")
	}
}

// restart ends the program and begins it again with what the store had.
func (s *scene) restart(seenAt time.Time, extensions ...string) *scene {
	s.t.Helper()
	var stored []telephony.Call
	for _, c := range s.calls() {
		if c.State == telephony.Ended {
			continue
		}
		text, err := json.Marshal(c)
		if err != nil {
			s.t.Fatalf("%v", err)
		}
		var back telephony.Call
		if err := json.Unmarshal(text, &back); err != nil {
			s.t.Fatalf("%v", err)
		}
		stored = append(stored, back)
	}
	fresh := newScene(s.t, extensions...)
	fresh.now, *fresh.ids = s.now, *s.ids
	fresh.Restore(stored, seenAt)
	fresh.changes = slices.Clone(s.changes)
	return fresh
}

// A program that was ended goes on with the calls that are still there: the same id, the true times.
func TestRestore(t *testing.T) {
	t.Parallel()
	talking := join(inbound(), answered())
	ringingA := live("A", trunk, telephony.LegCalling, false, "", bob, 5*time.Second)
	ringingB := live("B", "PJSIP/1001", telephony.LegRinging, true, "", "1001", 5*time.Second)
	callingA := live("A", "PJSIP/1001", telephony.LegUp, false, bridge, "1001", 5*time.Second)
	calledB := live("B", trunk, telephony.LegUp, true, bridge, "", 5*time.Second)
	end := observations{asks("A"), leaves("A"), leaves("B"), gone("B", 16), gone("A", 16)}
	tests := []struct {
		name     string
		before   observations
		found    []telephony.SnapshotLeg
		after    observations
		want     string
		timeline string
	}{
		{"talking, goes on", talking, []telephony.SnapshotLeg{liveB, liveA}, end,
			"inbound ended answered other " + bob + "/Bob", "ringing 0.3, connected 0.4, gap 2.0, ended 11.0"},
		{"ringing, still rings", inbound(), []telephony.SnapshotLeg{ringingB, ringingA}, join(answered(), end),
			"inbound ended answered other " + bob + "/Bob", "ringing 0.3, gap 2.0, connected 11.0, ended 11.5"},
		{"ringing, answered while we were away", inbound(), []telephony.SnapshotLeg{liveA, liveB}, end,
			"inbound ended answered other " + bob + "/Bob", "ringing 0.3, gap 2.0, connected 10.1, ended 11.0"},
		{"ringing, missed while we were away", inbound(), nil, nil,
			"inbound ended unknown  " + bob + "/Bob", "ringing 0.3, gap 2.0, ended 10.1"},
		{"held, still there", join(talking, observations{holds("B")}), []telephony.SnapshotLeg{liveA, liveB}, join(observations{resumes("B")}, end),
			"inbound ended answered other " + bob + "/Bob", "ringing 0.3, connected 0.4, held 0.9, gap 2.0, resumed 11.0, ended 11.1"},
		{"talking, ended while we were away", talking, nil, nil,
			"inbound ended unknown  " + bob + "/Bob", "ringing 0.3, connected 0.4, gap 2.0, ended 10.1"},
		{"calling out, goes on", join(outbound(), answered()), []telephony.SnapshotLeg{callingA, calledB}, end,
			"outbound ended answered self 5550199/", "dialing 0.0, ringing 0.3, connected 0.6, gap 2.0, ended 11.0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "1001")
			s.see(test.before...)
			before := s.one()
			s.at(2)
			s.see(lost()) // told and stored as the program ends, or not: see below
			for _, told := range []bool{true, false} {
				if !told {
					s = newScene(t, "1001")
					s.see(test.before...)
				}
				fresh := s.restart(begin.Add(2*time.Second), "1001")
				fresh.at(10)
				fresh.see(linkUp(begin), snapshot(test.found...))
				fresh.at(11)
				fresh.see(test.after...)
				fresh.over()
				sameCall(t, fresh.one(), before)
				want(t, fresh.one().Views[0], test.want)
				if got := timeline(fresh.one().Views[0]); got != test.timeline {
					t.Errorf("timeline\n  %s\nwant\n  %s", got, test.timeline)
				}
			}
		})
	}
}

// sameCall holds that a call went on as the same, with the times that were known.
func sameCall(t tester, c, before *telephony.Call) {
	t.Helper()
	if c.ID != before.ID || !c.StartedAt.Equal(before.StartedAt) || c.Complete || !before.AnsweredAt.IsZero() && !c.AnsweredAt.Equal(before.AnsweredAt) {
		t.Errorf("%s started %v answered %v complete %v, was %s %v %v", c.ID, c.StartedAt, c.AnsweredAt, c.Complete, before.ID, before.StartedAt, before.AnsweredAt)
	}
}

// A ring group that was answered while we were away stays one call, and the right one talks.
func TestRestoreRingGroup(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001", "1002")
	s.see(caller("A", trunk, bob, "Bob", "5550200"), called("B", "PJSIP/1001", "1001", ""), dials("A", "B"), rings("B"),
		called("C", "PJSIP/1002", "1002", ""), dials("A", "C"), rings("C"))
	fresh := s.restart(s.now, "1001", "1002")
	fresh.see(linkUp(begin), snapshot(liveA, live("C", "PJSIP/1002", telephony.LegUp, true, bridge, "1002", 0)))
	fresh.see(asks("C"), leaves("C"), leaves("A"), gone("C", 16), gone("A", 16))
	fresh.over()
	c := fresh.one()
	want(t, viewOf(t, c, "1001"), "inbound ended unknown  "+bob+"/Bob")
	want(t, viewOf(t, c, "1002"), "inbound ended answered self "+bob+"/Bob")
	if c.Result != telephony.Answered || c.User.Extension != "1002" {
		t.Errorf("the call says %s by %s", c.Result, c.User.Extension)
	}
}

// What was learned of a leg by asking is still so when the PBX is seen again, whether the link was lost or the program ended. Of
// another device under the leg's id it is not.
func TestInspectedStays(t *testing.T) {
	t.Parallel()
	asked := observations{fact(telephony.LegInspected{Leg: "A", Address: "[2001:db8::1]:5060", MediaAddress: "198.51.100.9:4000", Signalling: telephony.Yes, Media: telephony.No, Withheld: telephony.Yes}),
		fact(telephony.LegInspected{Leg: "B", Address: "192.0.2.7:5061", MediaAddress: "192.0.2.8:10000", Signalling: telephony.Yes, Media: telephony.Yes})}
	moved := liveA
	moved.Device = "PJSIP/other-trunk"
	known := func(c *telephony.Call) string {
		v := c.Views[0]
		return fmt.Sprintf("%s user %s party %s withheld %v encrypted %s secure %s legs %s %s %s %s", c.ID, v.User.IP, v.Party.IP, v.Party.Withheld, v.Encrypted, v.SecureLine,
			c.Legs[0].Party.IP, c.Legs[0].Media, c.Legs[1].Party.IP, c.Legs[1].Media)
	}
	const stays = "call-1 user 192.0.2.7 party 2001:db8::1 withheld true encrypted yes secure no legs 192.0.2.7 192.0.2.8 2001:db8::1 198.51.100.9"
	const other = "call-1 user 192.0.2.7 party  withheld false encrypted yes secure unknown legs 192.0.2.7 192.0.2.8  "
	for name, test := range map[string]struct {
		restart bool
		found   telephony.SnapshotLeg
		want    string
	}{
		"the link is back": {false, liveA, stays}, "a new program": {true, liveA, stays},
		"the link is back, another device": {false, moved, other}, "a new program, another device": {true, moved, other},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "1001")
			s.see(join(inbound(), answered(), asked)...)
			if got := known(s.one()); got != stays {
				t.Fatalf("before: %s", got)
			}
			s.see(lost())
			if test.restart {
				s = s.restart(s.now, "1001")
			}
			s.see(linkUp(begin), snapshot(test.found, liveB))
			if got := known(s.one()); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			s.see(fact(telephony.LegInspected{Leg: "A", Address: "203.0.113.5:5060", Media: telephony.Yes, Withheld: telephony.No}))
			if v := s.one().Views[0]; v.Party.IP != "203.0.113.5" || v.Party.Withheld {
				t.Errorf("asked again: %+v", v.Party)
			}
		})
	}
}

// pbxModel is what a real PBX would have after the steps so far, for a snapshot of it.
type pbxModel map[telephony.LegID]*telephony.SnapshotLeg

func (m pbxModel) see(o telephony.Observation) {
	for _, f := range o.Legs {
		l := m[f.Leg]
		if l == nil {
			continue
		}
		l.State = max(l.State, f.State)
	}
	switch f := o.Fact.(type) {
	case telephony.LegAdded:
		m[f.Leg] = &telephony.SnapshotLeg{LegFacts: o.Legs[0], Called: o.Legs[0].State == telephony.LegDown, Age: -1}
		m[f.Leg].Group = "g"
	case telephony.BridgeEntered:
		m[f.Leg].Bridge = f.Bridge
	case telephony.BridgeLeft:
		for _, l := range m { // of two, nobody stays behind
			l.Bridge = ""
		}
	case telephony.LegGone:
		delete(m, f.Leg)
	}
}

// The link may be lost anywhere in any story, for any time: no call is doubled, each ends once, nothing is left.
func TestLostAnywhere(t *testing.T) {
	t.Parallel()
	for _, st := range stories {
		t.Run(st.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				s, model := newScene(t, st.extensions...), pbxModel{}
				blind := false
				for _, o := range st.shuffle(t) {
					if f, ends := o.Fact.(telephony.LegGone); ends && model[f.Leg] == nil {
						continue // a repetition
					}
					if b, enters := o.Fact.(telephony.BridgeEntered); enters && model[b.Leg] == nil {
						continue
					}
					model.see(o)
					if !blind {
						s.see(o)
					}
					if rapid.IntRange(0, 5).Draw(t, "cut") > 0 {
						continue
					}
					if blind = !blind; blind {
						s.see(lost())
						// In the moment between a call's end and that of its legs a new program cannot know what those were.
						over := slices.ContainsFunc(s.calls(), func(c *telephony.Call) bool { return c.State == telephony.Ended })
						if rapid.Bool().Draw(t, "program ends") && !over {
							s = s.restart(s.now, st.extensions...)
						}
						continue
					}
					s.look(model)
				}
				if blind {
					s.look(model)
				}
				s.over()
				if n := len(s.calls()); n > 1 {
					t.Fatalf("%d calls of one: %s", n, s.kinds())
				}
			})
		})
	}
}

func (s *scene) look(model pbxModel) {
	var legs []telephony.SnapshotLeg
	for _, id := range slices.Sorted(maps.Keys(model)) {
		legs = append(legs, *model[id])
	}
	s.see(linkUp(begin), snapshot(legs...))
}

// The same for what offices do: however calls are given on while nobody looks, each ends once, and nothing is left.
func TestOfficeLostAnywhere(t *testing.T) {
	t.Parallel()
	for _, st := range offices {
		t.Run(st.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				s, model := newScene(t, st.extensions...), pbxModel{}
				blind := false
				for _, o := range st.shuffle(t) {
					if f, ends := o.Fact.(telephony.LegGone); ends && model[f.Leg] == nil {
						continue // a repetition
					}
					if b, enters := o.Fact.(telephony.BridgeEntered); enters && model[b.Leg] == nil {
						continue
					}
					model.see(o)
					if !blind {
						s.see(o)
					}
					if rapid.IntRange(0, 5).Draw(t, "cut") > 0 {
						continue
					}
					if blind = !blind; blind {
						s.see(lost())
					} else {
						s.look(model)
					}
				}
				if blind {
					s.look(model)
				}
				s.now = s.now.Add(time.Minute)
				s.see(fact(nil))
				s.over()
			})
		})
	}
}
