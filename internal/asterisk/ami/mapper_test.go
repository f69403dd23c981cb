package ami

import (
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

func TestWords(t *testing.T) {
	t.Parallel()
	for in, want := range map[int]telephony.LegState{0: telephony.LegDown, 1: telephony.LegDown, 3: telephony.LegDown, 4: telephony.LegCalling, 5: telephony.LegRinging, 6: telephony.LegUp,
		9: telephony.LegDown, 7: telephony.LegUnsaid, -1: telephony.LegUnsaid, 99: telephony.LegUnsaid} {
		if got := legState(in); got != want {
			t.Errorf("state %d is %d, want %d", in, got, want)
		}
	}
	for in, want := range map[string]telephony.DialOutcome{"ANSWER": telephony.DialAnswered, "BUSY": telephony.DialBusy, "NOANSWER": telephony.DialNoAnswer, "CHANUNAVAIL": telephony.DialUnreachable,
		"CONGESTION": telephony.DialUnreachable, "CANCEL": telephony.DialCancelled, "ABORT": telephony.DialCancelled, "": telephony.DialCancelled} {
		if got := outcome(in); got != want {
			t.Errorf("outcome %q is %q, want %q", in, got, want)
		}
	}
	for _, test := range []struct{ in, device, want string }{{`O\'Brien`, "PJSIP/1-1", "O'Brien"}, {`a\\\"b`, "PJSIP/1-1", `a"b`}, {`a\\\"b`, "SIP/1-1", `a\"b`}, {`\\\\`, "PJSIP/1-1", `\`}} {
		if got := displayName(test.in, test.device); got != test.want {
			t.Errorf("name %q on %s is %q, want %q", test.in, test.device, got, test.want)
		}
	}
}

func TestObserve(t *testing.T) {
	t.Parallel()
	parse := func(lines ...string) *Message {
		messages, _, _ := readAll(strings.NewReader(banner + strings.Join(lines, "\r\n") + "\r\n\r\n"))
		return messages[0]
	}
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	o, ok := observe(parse("Event: DialBegin", "Timestamp: 1795334278.250000", "Channel: PJSIP/trunk-1", "ChannelState: 4", "CallerIDNum: 2025550143", "CallerIDName: <unknown>", "Uniqueid: 1.1", "Linkedid: 1.1",
		"DestChannel: PJSIP/1001-2", "DestChannelState: 0", "DestCallerIDNum: 1001", "DestUniqueid: 1.2", "DestLinkedid: 1.1", "DialString: 1001/sip:1001@10.0.0.5"), now)
	if !ok || !o.ObservedAt.Equal(now) || !o.ReportedAt.Equal(time.UnixMicro(1795334278250000)) || o.Fact != (telephony.DialBegan{From: "1.1", To: "1.2", Sent: "1001"}) {
		t.Errorf("got %+v", o)
	}
	if len(o.Legs) != 2 || o.Legs[0] != (telephony.LegFacts{Leg: "1.1", Device: "PJSIP/trunk", State: telephony.LegCalling, Number: "2025550143", Group: "1.1"}) || o.Legs[1].Device != "PJSIP/1001" {
		t.Errorf("legs %+v", o.Legs)
	}
	o, _ = observe(parse("Event: DialBegin", "DestChannel: PJSIP/1001-2", "DestUniqueid: 1.2"), now) // nobody calls: the PBX does
	if len(o.Legs) != 1 || o.Fact != (telephony.DialBegan{To: "1.2"}) {
		t.Errorf("an originated leg: %+v", o)
	}
	o, _ = observe(parse("Event: Hangup", "Channel: PJSIP/1001-2", "Uniqueid: 1.2", "Cause: 26", "Cause-txt: Answered elsewhere"), now)
	if gone, ok := o.Fact.(telephony.LegGone); !ok || gone.Cause.Kind != telephony.CauseAnsweredElsewhere || gone.Cause.Native != "Answered elsewhere" || !o.ReportedAt.IsZero() {
		t.Errorf("got %+v", o)
	}
	for _, none := range []string{"Event: Newexten", "Event: VarSet", "Event: QueueMemberStatus", "Response: Success"} {
		if _, ok := observe(parse(none, "Channel: x", "Uniqueid: 1.2"), now); ok {
			t.Errorf("%s says something about calls", none)
		}
	}
	for _, odd := range []string{"x", "-1", "1e300", "NaN", ""} {
		if o, _ := observe(parse("Event: Hold", "Timestamp: "+odd, "Uniqueid: 1"), now); !o.ReportedAt.IsZero() {
			t.Errorf("timestamp %q is read as %v", odd, o.ReportedAt)
		}
	}
}
