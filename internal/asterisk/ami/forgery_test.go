package ami

import (
	"strings"
	"testing"
)

// A caller's number with line breaks in it, as chan_pjsip passes it on, in the middle of a message of Asterisk's.
func withNumber(event, number string) string {
	return "Event: " + event + "\r\nPrivilege: call,all\r\nChannel: PJSIP/trunk-00000001\r\nChannelState: 4\r\nCallerIDNum: " + number +
		"\r\nCallerIDName: Eve\r\nConnectedLineNum: <unknown>\r\nExten: 5550101\r\nUniqueid: 1700000000.1\r\nLinkedid: 1700000000.1\r\n\r\n"
}

func TestForgery(t *testing.T) {
	t.Parallel()
	const hangup = "Event: Hangup\r\nChannel: PJSIP/1001-00000007\r\nUniqueid: 1700000000.7\r\nCause: 16"
	tests := []struct{ name, number, want string }{ // the events that are left, besides the honest ones around
		{"an honest number", "2025550177", "Newchannel"},
		{"an Event in the message", "1\r\nEvent: Hangup", "Newchannel"},
		{"another leg's id", "1\r\nUniqueid: 1700000000.7", ""},
		{"a whole message", "1\r\n\r\n" + hangup + "\r\n\r\nX: 1", ""},
		{"a message that takes the rest for its own", "1\r\n\r\n" + hangup, ""},
		{"several", "1\r\n\r\n" + hangup + "\r\n\r\n" + hangup + "\r\n\r\n", ""},
		{"an empty line", "1\r\n\r\n", ""},
		{"a response", "1\r\n\r\nResponse: Success\r\nActionID: cb-00000002\r\n\r\n", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			wire := withNumber("Newstate", "1001") + withNumber("Newchannel", test.number) + withNumber("BridgeEnter", "1001")
			messages, _, _ := readAll(strings.NewReader(banner + wire))
			var left []string
			var f forgery
			for _, m := range messages {
				if !f.found(m) {
					left = append(left, string(m.Event()))
				}
			}
			if got, want := strings.Join(left, " "), strings.Join(strings.Fields("Newstate "+test.want+" BridgeEnter"), " "); got != want {
				t.Errorf("left are %s, want %s", got, want)
			}
		})
	}
}

// A torn message hides no more than a number can hold.
func TestForgeryIsBounded(t *testing.T) {
	t.Parallel()
	f := forgery{}
	messages, _, _ := readAll(strings.NewReader(banner + "Event: Hold\r\nChannel: x\r\n\r\n" + strings.Repeat(withNumber("Newstate", "1"), 40)))
	left := 0
	for _, m := range messages {
		if !f.found(m) {
			left++
		}
	}
	if left != 40-insideAtMost {
		t.Errorf("%d messages are left, want %d", left, 40-insideAtMost)
	}
}

// No message of a real Asterisk is taken for a forgery.
func TestNothingForged(t *testing.T) {
	t.Parallel()
	for name, wire := range traces(t) {
		for part := range strings.SplitSeq(string(wire), "### reconnect\n") {
			messages, dropped, _ := readAll(strings.NewReader(part))
			var f forgery
			for _, m := range messages {
				if f.found(m) {
					t.Errorf("%s: left out: %s", name, text([]*Message{m}))
				}
			}
			if dropped > 0 || len(messages) < 10 {
				t.Errorf("%s: %d messages, %d dropped", name, len(messages), dropped)
			}
		}
	}
}
