package demopbx

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ids are replaced before comparing: they differ from run to run.
var ids = regexp.MustCompile(`\d{10}\.(\d+)|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

func plain(all []ami) string {
	var b strings.Builder
	for _, m := range all {
		b.WriteString(ids.ReplaceAllStringFunc(strings.ReplaceAll(m.raw, "\r\n", "\n"), func(id string) string {
			if i := strings.IndexByte(id, '.'); i > 0 {
				return "N" + id[i:]
			}
			return "BRIDGE"
		}))
	}
	return b.String()
}

// TestSnapshot compares the list answers during a call with testdata/lists, which is what Asterisk 22.10 answered during
// such a call (BridgeInfo and the variables of Status: what its source prints).
func TestSnapshot(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.Speed = 0.001 }) // time stands still: Seconds and Duration are 0
	up := parse(t, "0.0 outside 2025550143 \"Bob Caller\" calls 5550101, rings 1001\n0.0 1001 answers\n")
	if err := p.Play(context.Background(), up); err != nil {
		t.Fatal(err)
	}
	c := login(t, p, "admin")
	for name, action := range map[string][]string{
		"bridgeinfo":       {"Action: BridgeInfo", "BridgeUniqueid: " + p.exchange.bridges[0].id},
		"bridgelist":       {"Action: BridgeList"},
		"coreshowchannels": {"Action: CoreShowChannels"},
		"parkedcalls":      {"Action: ParkedCalls"},
		"queuestatus":      {"Action: QueueStatus"},
		"status":           {"Action: Status"},
		"status-one":       {"Action: Status", "Channel: PJSIP/1001-00000001", "Variables: BRIDGEPEER,CHANNEL(state)"},
	} {
		want, err := os.ReadFile(filepath.Join("testdata", "lists", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		if got := plain(c.list(action...)); got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestDeviceLists(t *testing.T) {
	t.Parallel()
	p := startPBX(t, nil)
	ringing := parse(t, "0.0 outside 2025550143 calls 5550101, rings 1001\n")
	held := parse(t, "0.0 1003 calls 1002\n1.0 1002 answers\n2.0 1003 holds\n")
	for _, s := range []*Scenario{ringing, held} {
		if err := p.Play(context.Background(), s); err != nil {
			t.Fatal(err)
		}
	}
	c := login(t, p, "admin")
	devices := c.list("Action: DeviceStateList")
	got := map[string]string{}
	for _, m := range devices[1 : len(devices)-1] {
		got[m.get("Device")] = m.get("State")
	}
	for device, want := range map[string]string{"PJSIP/trunk": "INUSE", "PJSIP/1001": "RINGING", "PJSIP/1002": "ONHOLD",
		"PJSIP/1003": "INUSE", "PJSIP/1004": "NOT_INUSE"} {
		if got[device] != want {
			t.Errorf("%s is %s, want %s", device, got[device], want)
		}
	}
	if m := devices[len(devices)-1]; m.get("Event") != "DeviceStateListComplete" || m.get("ListItems") != "7" {
		t.Errorf("got %q", m.raw)
	}
	hints := c.list("Action: ExtensionStateList")
	if got, want := hints[2].raw, "Event: ExtensionStatus\r\nActionID: list\r\nExten: 1002\r\nContext: hints\r\n"+
		"Hint: PJSIP/1002\r\nStatus: 16\r\nStatusText: Hold\r\n\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if m := hints[len(hints)-1]; m.get("Event") != "ExtensionStateListComplete" || m.get("ListItems") != "6" {
		t.Errorf("got %q", m.raw)
	}
}

func TestCoreAnswers(t *testing.T) {
	t.Parallel()
	p := startPBX(t, nil)
	c := login(t, p, "admin")
	c.send("Action: CoreSettings", "ActionID: 1")
	if m := c.answer("1"); m.get("AMIversion") != "11.0.0" || !strings.HasPrefix(m.get("AsteriskVersion"), "22.") || len(m.keys) != 14 {
		t.Errorf("got %q", m.raw)
	}
	if err := p.Play(context.Background(), parse(t, "0.0 1001 calls 1002\n")); err != nil {
		t.Fatal(err)
	}
	c.send("Action: CoreStatus", "ActionID: 2")
	if m := c.answer("2"); m.get("CoreCurrentCalls") != "2" || m.get("CoreProcessedCalls") != "1" || len(m.get("CoreStartupDate")) != 10 {
		t.Errorf("got %q", m.raw)
	}
	c.send("Action: ListCommands", "ActionID: 3")
	if m := c.answer("3"); m.get("Hangup") != "Hangup channel. (Priv: system,call,all)" || m.get("Ping") != "Keepalive command. (Priv: <none>)" {
		t.Errorf("got %q", m.raw)
	}
	limited := login(t, p, "deaf")
	limited.send("Action: ListCommands", "ActionID: 3")
	if m := limited.answer("3"); m.get("Hangup") != "" || m.get("Ping") == "" {
		t.Errorf("got %q", m.raw)
	}
}

func TestGetvar(t *testing.T) {
	t.Parallel()
	p := startPBX(t, nil)
	s := parse(t, "0.0 outside 2025550143 \"A \\\"B\\\"\" withheld calls 5550106, rings 1006\n1.0 1006 answers\n2.0 1006 holds\n")
	if err := p.Play(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	c := login(t, p, "user")
	const phone, trunk = "PJSIP/1006-00000001", "PJSIP/trunk-00000000"
	for _, test := range []struct{ channel, variable, want string }{
		{phone, "CHANNEL(pjsip,secure)", "1"}, {trunk, "CHANNEL(pjsip,secure)", "0"},
		{phone, "CHANNEL(rtp,secure)", "1"}, {trunk, "CHANNEL(rtp,secure,audio)", "0"},
		{phone, "CHANNEL(secure_signaling)", ""},
		{phone, "CHANNEL(pjsip,remote_addr)", "127.0.0.106:5060"}, {trunk, "CHANNEL(pjsip,remote_addr)", "127.0.0.2:5060"},
		{phone, "CHANNEL(pjsip,target_uri)", "sip:1006@127.0.0.106:5060"}, {phone, "CHANNEL(appname)", "AppDial"},
		{trunk, "CHANNEL(appname)", "Dial"}, {phone, "CHANNEL(rtp,dest)", "127.0.0.106:10002"},
		{phone, "CHANNEL(onhold)", "0"}, {trunk, "CHANNEL(onhold)", "1"},
		{phone, "CHANNEL(rtp,hold)", "1"}, {trunk, "CHANNEL(rtp,hold)", "0"},
		{trunk, "CALLERID(pres)", "prohib_not_screened"}, {phone, "CALLERID(pres)", "allowed_not_screened"},
		{trunk, "CALLERID(name)", `A "B"`}, {phone, "CONNECTEDLINE(num)", "2025550143"},
		{trunk, "DIALSTATUS", "ANSWER"}, {trunk, "LOCAL(ARG1)", "1006"}, {trunk, "NOSUCH", ""}, {trunk, "NOSUCH(x)", ""},
		{"", "CHANNEL(state)", ""},
	} {
		c.send("Action: Getvar", "Channel: "+test.channel, "Variable: "+test.variable, "ActionID: v")
		m := c.answer("v")
		if got, want := m.raw, "Response: Success\r\nActionID: v\r\nVariable: "+test.variable+"\r\nValue: "+test.want+"\r\n\r\n"; got != want {
			t.Errorf("%s: got %q, want %q", test.channel, got, want)
		}
	}
}

func TestHangupAction(t *testing.T) {
	t.Parallel()
	const talking = "0.0 outside 2025550143 calls 5550101, rings 1001\n1.0 1001 answers\n9000.0 outside hangs up\n"
	const ringing = "0.0 outside 2025550143 calls 5550101, rings 1001\n9000.0 1001 answers\n"
	tests := []struct {
		name, scenario, event string // the event after which the action is sent
		lines                 []string
		want                  map[string]string // by channel: cause
		dialEnd               string
	}{
		{"talking phone", talking, "BridgeEnter", []string{"Channel: PJSIP/1001-00000001"},
			map[string]string{"PJSIP/1001-00000001": "16", "PJSIP/trunk-00000000": "16"}, "ANSWER"},
		{"talking caller, with a cause", talking, "BridgeEnter", []string{"Channel: PJSIP/trunk-00000000", "Cause: 21"},
			map[string]string{"PJSIP/1001-00000001": "21", "PJSIP/trunk-00000000": "21"}, "ANSWER"},
		{"ringing phone", ringing, "DialState", []string{"Channel: PJSIP/1001-00000001", "Cause: 17"},
			map[string]string{"PJSIP/1001-00000001": "17", "PJSIP/trunk-00000000": "17"}, "BUSY"},
		{"waiting caller", ringing, "DialState", []string{"Channel: PJSIP/trunk-00000000"},
			map[string]string{"PJSIP/1001-00000001": "0", "PJSIP/trunk-00000000": "0"}, "CANCEL"},
		{"both by regex", talking, "BridgeEnter", []string{"Channel: /^PJSIP/"},
			map[string]string{"PJSIP/1001-00000001": "16", "PJSIP/trunk-00000000": "16"}, "ANSWER"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := startPBX(t, nil)
			c := login(t, p, "admin")
			done := make(chan error)
			go func() { done <- p.Play(context.Background(), parse(t, test.scenario)) }()
			dialEnd := ""
			for m := c.next(); m.get("Event") != test.event; m = c.next() {
				dialEnd += m.get("DialStatus")
			}
			c.send(append([]string{"Action: Hangup", "ActionID: h"}, test.lines...)...)
			if err := <-done; err != nil { // the player does not wait for the end that cannot come
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, m := range c.drain() {
				switch m.get("Event") {
				case "Hangup":
					got[m.get("Channel")] = m.get("Cause")
				case "DialEnd":
					dialEnd += m.get("DialStatus")
				case "HangupRequest":
					t.Errorf("got %q: Asterisk's ast_softhangup_nolock tells nothing", m.raw)
				}
				if id := m.get("ActionID"); id == "h" && m.get("Response") != "" && m.get("Response") != "Success" {
					t.Errorf("got %q", m.raw)
				}
			}
			for ch, cause := range test.want {
				if got[ch] != cause || len(got) != len(test.want) {
					t.Errorf("hung up %v, want %v", got, test.want)
				}
			}
			if strings.TrimPrefix(dialEnd, "RINGING") != test.dialEnd {
				t.Errorf("DialEnd %s, want %s", dialEnd, test.dialEnd)
			}
		})
	}
}
