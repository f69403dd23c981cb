package demopbx

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The files testdata/shapes/*.txt hold what a real Asterisk 22.10 sent for the same calls: per channel, bridge and device,
// the events of classes call and dialplan in order, with the headers that do not change from call to call. They are made
// from recorded streams by
//
//	go test ./internal/demopbx -run TestShapes -traces DIR
var traceDir = flag.String("traces", "", "folder of recorded *.ami streams from which to rewrite testdata/shapes")

// shapes says which scenario was recorded as which trace, and how the lab's PBX was set up.
var shapes = []struct{ scenario, trace string }{
	{"inbound-answered-caller-hangs-up", "01-inbound-answered-caller-hangs-up"},
	{"inbound-no-answer", "03-inbound-no-answer"},
	{"inbound-busy", "04-inbound-busy"},
	{"inbound-caller-gives-up", "06-inbound-caller-cancels"},
	{"outbound-answered", "07-outbound-answered"},
	{"internal-answered", "10-internal-1001-to-1002"},
	{"inbound-hold-resume-twice", "11-hold-resume-twice"},
	{"ring-group-answered-by-1002", "17-ring-group-answered-by-1002"},
	{"call-waiting-swap", "30-call-waiting-swap"},
}

func TestShapes(t *testing.T) {
	t.Parallel()
	for _, shape := range shapes {
		t.Run(shape.scenario, func(t *testing.T) {
			t.Parallel()
			golden := filepath.Join("testdata", "shapes", shape.scenario+".txt")
			if *traceDir != "" {
				rewriteShape(t, golden, filepath.Join(*traceDir, shape.trace+".ami"))
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			for _, seed := range []uint64{0, 1, 2, 3} {
				p := startPBX(t, func(o *Options) { o.Seed, o.Company, o.Speed = seed, "Lab Company", 1000 })
				got := shapeOf(record(t, p, loadScenario(t, shape.scenario)))
				if got != string(want) {
					t.Fatalf("seed %d: not as Asterisk sent it\n%s", seed, firstDifference(got, string(want)))
				}
			}
		})
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\n got %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines instead of %d; the longer continues with %q", len(g), len(w), append(g, w...)[min(len(g), len(w))])
}

func rewriteShape(t *testing.T, golden, trace string) {
	t.Helper()
	raw, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var events []ami
	for part := range strings.SplitSeq(string(raw), "\r\n\r\n") {
		if strings.HasPrefix(part, "Event: ") && !strings.Contains(part, "\r\nActionID: ") {
			events = append(events, parseAMI(t, part+"\r\n\r\n"))
		}
	}
	if err := os.WriteFile(golden, []byte(shapeOf(events)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// notModelled are events of the recording that this PBX does not send: test framework, RTCP, call detail records, queues,
// SIP authentication.
var notModelled = []string{"TestEvent", "RTCPSent", "Cdr", "QueueMemberStatus", "SuccessfulAuth", "ChallengeSent", "FullyBooted"}

// Differences that are not compared, because a recording of the same call by the same Asterisk differs in them too:
var (
	// Times of the PBX's own measuring, and RTP statistics and SIP ids, which are random.
	measured = regexp.MustCompile(`TIME(_MS)?$|^RTPAUDIOQOS|^BRIDGEPVTCALLID$`)
	// The called channel's state in DialBegin and DialState: its own thread may have moved it on already.
	racing = map[string]bool{"DestChannelState": true, "DestChannelStateDesc": true}
)

// shapeOf writes events as one block per channel, bridge and device, in the order of their first event, with names and ids
// replaced by the order of their appearance.
func shapeOf(events []ami) string {
	var order []string
	blocks := map[string][]string{}
	names := namesOf(events)
	for _, m := range events {
		kind := m.get("Event")
		device := m.get("Device")
		if slices.Contains(notModelled, kind) || strings.HasPrefix(device, "Queue:") {
			continue
		}
		key := "channel " + names.Replace(m.get("Channel"))
		switch {
		case kind == "OriginateResponse":
			key = "originate"
		case m.get("Channel") == "" && m.get("DestChannel") != "":
			key = "channel " + names.Replace(m.get("DestChannel"))
		case m.get("Channel") == "" && m.get("BridgeUniqueid") == "" && m.has("Uniqueid"):
			key = "told " + kind
		case device != "":
			key = "device " + device
		case kind == "ExtensionStatus":
			key = "extension " + m.get("Exten")
		case m.get("Channel") == "":
			key = "bridge " + names.Replace(m.get("BridgeUniqueid"))
		}
		if blocks[key] == nil {
			order = append(order, key)
		}
		blocks[key] = append(blocks[key], shapeLine(m, names))
	}
	slices.Sort(order)
	var b strings.Builder
	for _, key := range order {
		fmt.Fprintf(&b, "%s\n", key)
		for _, line := range stable(key, blocks[key]) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}

// stable puts lines into a fixed order whose order in Asterisk is one of threads, not of the call.
func stable(key string, lines []string) []string {
	// RTP statistics, BRIDGEPEER and hold come from different threads. Each kind keeps its own order.
	var vars, rest []string
	for _, line := range lines {
		if strings.HasPrefix(line, "VarSet ") && strings.Contains(line, "Value=~") || strings.Contains(line, "Variable=BRIDGEPEER") {
			vars = append(vars, line)
		} else {
			rest = append(rest, line)
		}
	}
	return append(rest, vars...)
}

func shapeLine(m ami, names *strings.Replacer) string {
	line := []string{m.get("Event")}
	random := m.get("Event") == "VarSet" && measured.MatchString(m.get("Variable")) && m.get("Value") != ""
	for i, key := range m.keys {
		value := m.values[i]
		switch {
		case key == "Event" || key == "Timestamp" || racing[key] && m.get("Event") != "DialEnd":
			continue
		case key == "Value" && random:
			value = "~"
		case key == "BridgeNumChannels" && m.get("Event") == "BridgeLeave":
			value = "~" // who leaves first is checked by the channels' own order
		}
		line = append(line, key+"="+names.Replace(value))
	}
	return strings.Join(line, " ")
}

// namesOf replaces channel names, Uniqueids and bridge ids by "trunk.1", "1001.2": endpoint and order of appearance.
func namesOf(events []ami) *strings.Replacer {
	var pairs []string
	seen := map[string]int{}
	bridges := 0
	for _, m := range events {
		switch m.get("Event") {
		case "Newchannel":
			channel := m.get("Channel")
			dash, half := strings.LastIndex(channel, "-"), ""
			if at := strings.IndexByte(channel, ';'); at > 0 {
				half = channel[at:]
			}
			endpoint := strings.TrimPrefix(channel[:dash], "PJSIP/") + half
			seen[endpoint]++
			name := fmt.Sprintf("%s.%d", endpoint, seen[endpoint])
			pairs = append(pairs, channel, name, m.get("Uniqueid"), "id-"+name)
		case "BridgeCreate":
			bridges++
			pairs = append(pairs, m.get("BridgeUniqueid"), fmt.Sprintf("bridge.%d", bridges))
		}
	}
	// Longer first: "1795334258.1" must not match in "1795334258.12".
	type pair struct{ from, to string }
	var list []pair
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, pair{pairs[i], pairs[i+1]})
	}
	slices.SortStableFunc(list, func(a, b pair) int { return len(b.from) - len(a.from) })
	pairs = pairs[:0]
	for _, p := range list {
		pairs = append(pairs, p.from, p.to)
	}
	return strings.NewReplacer(pairs...)
}
