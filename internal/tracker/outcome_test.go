package tracker_test

import (
	"slices"
	"testing"

	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/tracker"
)

type observations = []telephony.Observation

func join(parts ...observations) observations { return slices.Concat(parts...) }

// What 1001 concludes from how a call ends, called and calling.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	ringing := inbound()
	talking := join(ringing, answered())
	calling := outbound()
	connected := join(calling, answered())
	tests := []struct {
		name  string
		story observations
		want  string
	}{
		{"answered, the caller hangs up", join(talking, observations{asks("A"), leaves("A"), leaves("B"), gone("B", 16), gone("A", 16)}), "inbound ended answered other " + bob + "/Bob"},
		{"answered, we hang up", join(talking, observations{asks("B"), leaves("B"), leaves("A"), gone("B", 16), gone("A", 16)}), "inbound ended answered self " + bob + "/Bob"},
		{"answered, both hang up, the caller first", join(talking, observations{asks("A"), asks("B"), leaves("A"), leaves("B"), gone("A", 16), gone("B", 16)}), "inbound ended answered other " + bob + "/Bob"},
		{"answered, the PBX ends it", join(talking, observations{leaves("B"), leaves("A"), gone("B", 16), gone("A", 16)}), "inbound ended answered pbx " + bob + "/Bob"},
		{"answered, no word but that the legs are gone", join(talking, observations{gone("B", 0), gone("A", 0)}), "inbound ended answered pbx " + bob + "/Bob"},
		{"held, the caller hangs up", join(talking, observations{holds("B"), asks("A"), leaves("A"), leaves("B"), gone("A", 16), gone("B", 16)}), "inbound ended answered other " + bob + "/Bob"},
		{"nobody answers", join(ringing, observations{dialEnds("A", "B", telephony.DialNoAnswer), gone("B", 0), gone("A", 16)}), "inbound ended missed pbx " + bob + "/Bob"},
		{"nobody answers, no dial end", join(ringing, observations{gone("B", 19), gone("A", 16)}), "inbound ended missed pbx " + bob + "/Bob"},
		{"busy", join(ringing, observations{dialEnds("A", "B", telephony.DialBusy), gone("B", 17), gone("A", 17)}), "inbound ended busy self " + bob + "/Bob"},
		{"busy, no dial end", join(ringing, observations{gone("B", 17), gone("A", 17)}), "inbound ended busy self " + bob + "/Bob"},
		{"rejected, told as no answer", join(ringing, observations{dialEnds("A", "B", telephony.DialNoAnswer), gone("B", 21), gone("A", 21)}), "inbound ended rejected self " + bob + "/Bob"},
		{"the caller gives up", join(ringing, observations{asks("A"), dialEnds("A", "B", telephony.DialCancelled), gone("B", 0), gone("A", 127)}), "inbound ended cancelled other " + bob + "/Bob"},
		{"the caller gives up, no dial end", join(ringing, observations{asks("A"), gone("B", 0), gone("A", 127)}), "inbound ended cancelled other " + bob + "/Bob"},
		{"our phone cannot be reached", join(ringing[:3], observations{dialEnds("A", "B", telephony.DialUnreachable), gone("B", 20), gone("A", 20)}), "inbound ended failed failure " + bob + "/Bob"},
		{"taken elsewhere, by whom is not seen", join(ringing, observations{dialEnds("A", "B", telephony.DialCancelled), gone("B", 26), gone("A", 16)}), "inbound ended answered_elsewhere pbx " + bob + "/Bob"},

		{"they answer, we hang up", join(connected, observations{asks("A"), leaves("A"), leaves("B"), gone("B", 16), gone("A", 16)}), "outbound ended answered self 5550199/"},
		{"they answer, they hang up", join(connected, observations{asks("B"), leaves("B"), leaves("A"), gone("B", 16), gone("A", 16)}), "outbound ended answered other 5550199/"},
		{"they do not answer", join(calling, observations{dialEnds("A", "B", telephony.DialNoAnswer), gone("B", 0), gone("A", 16)}), "outbound ended missed pbx 5550199/"},
		{"they are busy", join(calling, observations{dialEnds("A", "B", telephony.DialBusy), gone("B", 17), gone("A", 17)}), "outbound ended busy other 5550199/"},
		{"they reject", join(calling, observations{dialEnds("A", "B", telephony.DialNoAnswer), gone("B", 21), gone("A", 21)}), "outbound ended rejected other 5550199/"},
		{"we give up", join(calling, observations{asks("A"), dialEnds("A", "B", telephony.DialCancelled), gone("B", 0), gone("A", 127)}), "outbound ended cancelled self 5550199/"},
		{"the number does not exist", join(calling[:3], observations{dialEnds("A", "B", telephony.DialUnreachable), gone("B", 1), gone("A", 1)}), "outbound ended failed failure 5550199/"},
		{"the trunk is down: nothing was dialled", join(calling[:1], observations{gone("A", 38)}), "outbound ended failed failure 95550199/"},
		{"we hang up before anything is dialled", join(calling[:1], observations{asks("A"), gone("A", 16)}), "outbound ended cancelled self 95550199/"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "1001")
			s.see(test.story...)
			s.over()
			c := s.one()
			want(t, c.Views[0], test.want)
			if v := c.Views[0]; c.Result != v.Result || c.Direction != v.Direction || c.EndedBy != v.EndedBy || c.Party != v.Party || !c.EndedAt.Equal(v.EndedAt) {
				t.Errorf("the call says %+v, its view %+v", c, v)
			}
			if !c.Complete {
				t.Error("not complete")
			}
		})
	}
}

// The notifications and times of an ordinary call.
func TestStory(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(inbound()...) // 0.0 to 0.3
	s.at(2)
	s.see(answered()...)
	s.at(3)
	s.see(holds("B"), holds("B")) // Asterisk repeats it
	s.at(4)
	s.see(resumes("B"), resumes("B"))
	s.at(5)
	s.see(asks("A"), leaves("A"), leaves("B"), gone("B", 16), gone("A", 16))
	s.over()
	var told []telephony.ChangeKind
	for _, c := range s.changes {
		if c.Kind != telephony.CallUpdated {
			told = append(told, c.Kind)
		}
	}
	if !slices.Equal(told, []telephony.ChangeKind{telephony.CallCreated, telephony.CallRinging, telephony.CallAnswered, telephony.CallHeld, telephony.CallResumed, telephony.CallEnded}) {
		t.Errorf("told %v", told)
	}
	c := s.one()
	if got := timeline(c.Views[0]); got != "ringing 0.3, connected 2.0, held 3.0, resumed 4.0, ended 5.0" {
		t.Errorf("timeline: %s", got)
	}
	if !c.StartedAt.Equal(begin.Add(100e6)) || !c.AnsweredAt.Equal(begin.Add(2e9)) || !c.EndedAt.Equal(begin.Add(5e9)) {
		t.Errorf("started %v, answered %v, ended %v", c.StartedAt, c.AnsweredAt, c.EndedAt)
	}
	if len(c.Legs) != 2 || c.Legs[0].ID != "B" || c.Legs[1].Device != trunk || !c.Legs[1].Caller {
		t.Errorf("legs %+v", c.Legs)
	}
}

// A ring group with all three extensions on one line is one call with three views; its facts are those of who talks.
func TestRingGroup(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001", "1002", "1003")
	group := observations{caller("A", trunk, bob, "Bob", "5550200")}
	for i, id := range []telephony.LegID{"B1", "B2", "B3"} {
		extension := []string{"1001", "1002", "1003"}[i]
		group = append(group, called(id, "PJSIP/"+extension, extension, ""), dials("A", id), rings(id))
	}
	s.see(group...)
	if c := s.one(); len(c.Views) != 3 || c.State != telephony.Ringing || c.User.Extension != "1001" {
		t.Errorf("while it rings: %d views, %s, user %s", len(c.Views), c.State, c.User.Extension)
	}
	s.see(up("B2"), dialEnds("A", "B2", telephony.DialAnswered), up("A"), enters("B2"), enters("A"),
		dialEnds("A", "B1", telephony.DialCancelled), gone("B1", 26), dialEnds("A", "B3", telephony.DialCancelled), gone("B3", 26))
	if c := s.one(); c.State != telephony.Connected || c.User.Extension != "1002" || c.Views[0].Result != telephony.AnsweredElsewhere {
		t.Errorf("while they talk: %s, user %s, 1001 %s", c.State, c.User.Extension, c.Views[0].Result)
	}
	s.see(asks("A"), leaves("A"), leaves("B2"), gone("B2", 16), gone("A", 16))
	s.over()
	c := s.one()
	want(t, viewOf(t, c, "1001"), "inbound ended answered_elsewhere pbx "+bob+"/Bob 1002")
	want(t, viewOf(t, c, "1002"), "inbound ended answered other "+bob+"/Bob")
	want(t, viewOf(t, c, "1003"), "inbound ended answered_elsewhere pbx "+bob+"/Bob 1002")
	if c.Result != telephony.Answered || c.User.Extension != "1002" || c.AnsweredAt.IsZero() || c.EndedBy != telephony.ByOther {
		t.Errorf("the call says %s, user %s, answered %v, ended by %s", c.Result, c.User.Extension, c.AnsweredAt, c.EndedBy)
	}
}

// A call between two extensions of the line is one call with two views.
func TestInternalCall(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001", "1002")
	s.see(caller("A", "PJSIP/1001", "1001", "Alice", "1002"), called("B", "PJSIP/1002", "1002", "Bo"), dials("A", "B"), rings("B"),
		up("B"), dialEnds("A", "B", telephony.DialAnswered), up("A"), enters("A"), enters("B"), asks("B"), leaves("B"), leaves("A"), gone("B", 16), gone("A", 16))
	s.over()
	c := s.one()
	want(t, viewOf(t, c, "1001"), "internal ended answered other 1002/Bo")
	want(t, viewOf(t, c, "1002"), "internal ended answered self 1001/Alice")
	if p := viewOf(t, c, "1002").Party; p.Extension != "1001" {
		t.Errorf("the party of 1002 is %+v, want its extension", p)
	}
}

// Two calls of one extension stay two, also where the PBX files them together.
func TestCallWaiting(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(join(inbound(), answered())...)
	s.see(caller("C", trunk, "2025550166", "Dora", "5550101"), called("D", "PJSIP/1001", "1001", ""), dials("C", "D"), rings("D"),
		dialEnds("C", "D", telephony.DialNoAnswer), gone("D", 0), gone("C", 16), asks("A"), leaves("A"), leaves("B"), gone("A", 16), gone("B", 16))
	s.over()
	calls := s.calls()
	if len(calls) != 2 {
		t.Fatalf("%d calls, want 2", len(calls))
	}
	want(t, calls[0].Views[0], "inbound ended answered other "+bob+"/Bob")
	want(t, calls[1].Views[0], "inbound ended missed pbx 2025550166/Dora")
}

// A queue that tries the same extension again goes on with the same call: the caller has been there all the time.
func TestTriedAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t, "1001")
	s.see(inbound()...)
	s.see(dialEnds("A", "B", telephony.DialNoAnswer), gone("B", 0))
	s.see(called("C", "PJSIP/1001", "1001", ""), dials("A", "C"), rings("C"), up("C"), dialEnds("A", "C", telephony.DialAnswered), enters("C"), enters("A"))
	s.see(asks("A"), leaves("A"), leaves("C"), gone("C", 16), gone("A", 16))
	s.over()
	views := s.one().Views
	if len(views) != 2 {
		t.Fatalf("%d views, want 2: %s", len(views), s.kinds())
	}
	want(t, views[0], "inbound ended missed pbx "+bob+"/Bob")
	want(t, views[1], "inbound ended answered other "+bob+"/Bob")
}

// Which devices lead outside, and whose they are, can be configured.
func TestConfiguredDevices(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Tracker = tracker.New(tracker.Options{
		Extensions: []tracker.Extension{{Number: "1001", Device: "pjsip/desk-alice", Name: "Alice A."}},
		Trunks:     []string{"PJSIP/4000"},
		NewID:      func() telephony.CallID { return "call-1" },
	})
	s.see(caller("A", "PJSIP/4000", bob, "Bob", "5550101"), called("B", "PJSIP/desk-alice", "1001", ""), dials("A", "B"), rings("B"))
	c := s.one()
	if c.Direction != telephony.Inbound || c.User.Name != "Alice A." || c.User.Extension != "1001" {
		t.Errorf("direction %s, user %+v", c.Direction, c.User)
	}
	s.see(caller("C", "PJSIP/1001", "1001", "", "5"), gone("C", 16))
	s.one() // that device is not configured
}
