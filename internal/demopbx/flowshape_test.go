package demopbx

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// flows says which scenario was recorded as which trace, for what an office does besides plain calls.
var flows = []struct{ scenario, trace, except string }{
	{"transfer-blind", "12-blind-transfer-refer", ""},
	{"transfer-blind-by-code", "40-blind-transfer-feature-code", ""},
	{"transfer-blind-to-outside", "41-blind-transfer-to-outside", ""},
	{"transfer-blind-to-busy", "42-blind-transfer-to-busy-desk", ""},
	{"transfer-blind-not-answered", "43-blind-transfer-no-answer", ""},
	{"transfer-blind-twice", "119-transferred-twice", ""},
	{"transfer-attended", "13-attended-transfer-refer", ""},
	{"transfer-attended-to-outside", "48-attended-transfer-refer-to-outside", ""},
	{"transfer-attended-while-it-rings", "49-attended-transfer-refer-while-target-rings", ""},
	{"transfer-attended-by-code", "44-attended-transfer-feature-code", " TransferTargetChannel=.*TransferTargetLinkedid=\\S+"},
	{"transfer-attended-by-code-while-it-rings", "45-attended-transfer-while-target-rings", "^  BridgeLeave .* Channel=1001.*|NumChannels=\\d|^  HangupRequest .*Local.*"},
	{"transfer-attended-by-code-busy", "46-attended-transfer-target-busy", ""},
	{"transfer-attended-by-code-comes-back", "47-attended-transfer-recall-answered", "^  (NewConnectedLine .*Channel=1002|NewCallerid .*;2).*| CallerID(Num|Name)=(2025550143|Bob Caller|1001|Alice One)"},
	{"three-way-by-code", "62-three-way-by-feature-code", "^  DialState .*"},
	{"consultation-without-transfer", "118-consultation-without-transfer", ""},
	{"park-and-retrieve", "22-park-and-retrieve", ""},
	{"park-by-code-and-retrieve", "50-park-feature-code-and-retrieve", ""},
	{"park-comes-back", "51-park-timeout-back-to-parker", ""},
	{"park-comes-back-given-up", "52-park-timeout-parker-does-not-answer", ""},
	{"park-given-up", "53-park-caller-gives-up", ""},
	{"park-two", "54-park-two-and-retrieve-by-parker", ""},
	{"pick-up", "55-directed-pickup", ""},
	{"pick-up-in-group", "56-group-pickup", ""},
	{"pick-up-of-an-internal-call", "57-pickup-of-an-internal-call", ""},
	{"pick-up-from-a-ring-group", "58-ring-group-picked-up", ""},
	{"conference-room", "60-conference-dialled-by-three", "^  (HangupRequest|BridgeEnter) .*"},
	{"queue-answered", "18-queue-answered-by-1001", ""},
	{"queue-given-up", "64-queue-abandoned-while-ringing", ""},
	{"queue-busy-rejected-answered", "65-queue-one-busy-one-rejects-one-answers", "^  (NewConnectedLine .* Channel=1001|DialState).*|ConnectedLine(Num|Name)=\\S+( Caller)?"},
	{"queue-from-a-desk", "66-queue-from-a-desk", ""},
	{"hunt-second-answers", "68-hunt-second-answers", ""},
	{"hunt-from-a-desk-first-rejects", "69-hunt-from-a-desk-first-rejects", ""},
	{"forward-unconditional", "70-forward-unconditional", "^  HangupRequest .*Local.*"},
	{"forward-by-the-phone", "73-forward-by-the-phone-302", "^  HangupRequest .*Local.*"},
	{"forward-by-the-phone-after-ringing", "74-forward-by-the-phone-302-after-ringing", ""},
	{"voicemail", "21-no-answer-to-voicemail", ""},
	{"voicemail-when-busy", "77-busy-to-voicemail-given-up-early", ""},
	{"recorded", "24-recorded-mixmonitor", ""},
	{"recorded-inbound", "85-recorded-inbound", ""},
	{"recorded-by-code", "86-recording-by-feature-code-on-and-off", ""},
	{"recorded-with-a-pause", "87-recording-paused-by-a-program", "^  Hangup .* Channel=1001.1.*"},
	{"spied-upon", "88-spied-upon", ""},
	{"spied-upon-to-the-end", "89-spied-upon-to-the-end", ""},
	{"click-to-dial", "26-click-to-dial-originate", "^originate|^  OriginateResponse .*"},
	{"click-to-dial-own-phone-not-answered", "81-click-to-dial-own-phone-not-answered", "^originate|^  OriginateResponse .*"},
	{"click-to-dial-own-phone-rejects", "83-click-to-dial-own-phone-rejects", "^originate|^  OriginateResponse .*"},
	{"click-to-dial-busy", "82-click-to-dial-far-end-busy", "^originate|^  OriginateResponse .*"},
	{"click-to-dial-to-a-desk", "84-click-to-dial-to-a-desk", "^originate|^  OriginateResponse .*|^  DialState .*"},
	{"outbound-early-media", "97-outbound-early-media", ""},
	{"inbound-withheld", "126-number-withheld", ""},
	{"inbound-anonymous", "127-anonymous", ""},
	{"inbound-answers-by-itself", "104-answered-at-once", ""},
	{"inbound-held-by-the-caller", "115-held-by-the-caller", ""},
	{"internal-both-hold", "116-both-desks-hold", ""},
	{"local-channel", "35-local-channel-optimised", "^  HangupRequest .*Local.*"},
	{"local-channel-between-desks", "107-through-a-local-channel-between-desks", "^  HangupRequest .*Local.*"},
	{"same-number-calls-two-desks", "111-same-number-calls-two-desks", ""},
	{"same-number-calls-one-desk-twice", "112-same-number-calls-one-desk-twice", ""},
}

// TestFlowShapes compares what the PBX sends for each flow with a recording of a real Asterisk 22.10: per channel, bridge
// and device the events of classes call and agent in order, with their headers.
func TestFlowShapes(t *testing.T) {
	t.Parallel()
	for _, flow := range flows {
		t.Run(flow.scenario, func(t *testing.T) {
			t.Parallel()
			except := regexp.MustCompile("^$")
			if flow.except != "" {
				except = regexp.MustCompile(flow.except)
			}
			want := flowShape(recording(t, flow.trace), except)
			p := startPBX(t, func(o *Options) { o.Company, o.Speed = "Lab Company", 1000 })
			c := login(t, p, "admin")
			if missed, err := p.play(t.Context(), loadScenario(t, flow.scenario)); err != nil || len(missed) > 0 {
				t.Fatalf("%v, lines %v were not possible", err, missed)
			}
			waitEmpty(t, p)
			if got := flowShape(c.drain(), except); got != want {
				t.Errorf("not as Asterisk sent it: %s", lineDifference(got, want))
			}
		})
	}
}

// recording reads the events of a trace.
func recording(t *testing.T, trace string) []ami {
	t.Helper()
	files, err := filepath.Glob("../../testdata/traces*/" + trace + ".ami")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recording %s: %v", trace, err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var events []ami
	for part := range strings.SplitSeq(string(raw), "\r\n\r\n") {
		part = strings.TrimPrefix(part, "\r\n") // a TestEvent ends with one line break too many
		if strings.HasPrefix(part, "Event: ") && (!strings.Contains(part, "\r\nActionID: ") || strings.HasPrefix(part, "Event: OriginateResponse")) {
			events = append(events, parseAMI(t, part+"\r\n\r\n"))
		}
	}
	return events
}

// notInFlows are events that are not compared for flows: the dialplan's steps and variables, which the plain calls'
// shapes hold, digits, and what a phone's registration tells.
var notInFlows = regexp.MustCompile(`^(VarSet|Newexten|DTMF.*|QueueMemberStatus|PeerStatus|ContactStatus|ExtensionStatus|DeviceListChanged|Rename|MessageWaiting|DeviceStateChange)$`)

// racing headers are not compared for flows either: where in the dialplan a channel is depends on how far its thread is
// (and on the recorded dialplan), and times are the PBX's own measuring.
var notInFlowLines = regexp.MustCompile(` \S*(Context|Exten|Priority|ChannelStateDesc|HoldTime|RingTime|TalkTime|ParkingTimeout|ParkingDuration)=\S*`)

func flowShape(events []ami, except *regexp.Regexp) string {
	shape := shapeOf(slices.DeleteFunc(slices.Clone(events), func(m ami) bool {
		return notInFlows.MatchString(m.get("Event")) || m.keys[0] != "Event"
	}))
	lines := strings.Split(notInFlowLines.ReplaceAllString(shape, ""), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return l != "" && except.ReplaceAllString(l, "") == "" })
	for i := range lines { // phones that ring together do so in any order
		lines[i] = except.ReplaceAllString(lines[i], "")
		for j := i; j > 0 && strings.HasPrefix(lines[j], "  DialState") && strings.HasPrefix(lines[j-1], "  DialState") && lines[j] < lines[j-1]; j-- {
			lines[j], lines[j-1] = lines[j-1], lines[j]
		}
	}
	return strings.Join(lines, "\n")
}

// lineDifference names the first line that differs, and in it the headers that do.
func lineDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	block := ""
	for i := range min(len(g), len(w)) {
		if !strings.HasPrefix(w[i], " ") {
			block = w[i]
		}
		if g[i] == w[i] {
			continue
		}
		a, b := strings.Fields(g[i]), strings.Fields(w[i])
		if len(a) > 0 && len(b) > 0 && a[0] == b[0] {
			return block + ": " + a[0] + "\n got " + strings.Join(less(a, b), " ") + "\nwant " + strings.Join(less(b, a), " ")
		}
		return block + "\n got " + strings.TrimSpace(g[i]) + "\nwant " + strings.TrimSpace(w[i])
	}
	return firstDifference(got, want)
}

// less is what is in a and not in b.
func less(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
