package demopbx

import (
	"context"
	"strings"
	"testing"
	"time"
)

// await reads up to an event.
func (c *client) await(event string) ami {
	c.t.Helper()
	for {
		if m := c.next(); m.get("Event") == event {
			return m
		}
	}
}

// do sends an action and returns its answer.
func (c *client) do(lines ...string) ami {
	c.t.Helper()
	c.send(append(lines, "ActionID: do")...)
	return c.answer("do")
}

// talking starts a PBX on which the outside caller talks to 1001.
func talking(t *testing.T) (*PBX, *client) {
	t.Helper()
	p := startPBX(t, func(o *Options) { o.Speed = 1000; o.PickUp = 2 * time.Second })
	s := parse(t, "0.0 outside 2025550143 \"Bob\" calls 5550101, rings 1001\n1.0 1001 answers\n")
	c := login(t, p, "admin")
	if err := p.Play(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	c.drain()
	return p, c
}

const (
	talkingTrunk = "PJSIP/trunk-00000000"
	talkingPhone = "PJSIP/1001-00000001"
)

func TestOriginate(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.Speed = 20 })
	c := login(t, p, "admin")
	m := c.do("Action: Originate", "Channel: PJSIP/1001", "Context: internal", "Exten: 95550199", "Priority: 1", "Async: true",
		"ChannelId: cb-1", `CallerID: "Mette Holm" <5550199>`, "Variable: A=1", "Variable: B=2")
	if m.get("Message") != "Originate successfully queued" {
		t.Fatalf("got %q", m.raw)
	}
	born := c.await("Newchannel")
	if born.get("Uniqueid") != "cb-1" || born.get("Linkedid") != "cb-1" || born.get("Channel") != "PJSIP/1001-00000000" || born.get("ChannelState") != "0" {
		t.Errorf("got %q", born.raw)
	}
	if begin := c.await("DialBegin"); begin.keys[2] != "DestChannel" || begin.get("DestConnectedLineName") != "Mette Holm" {
		t.Errorf("got %q", begin.raw)
	}
	c.await("DialState")
	if err := p.Act("1001 answers"); err != nil {
		t.Fatal(err)
	}
	if m := c.await("OriginateResponse"); m.raw != "Event: OriginateResponse\r\nPrivilege: call,all\r\nActionID: do\r\nResponse: Success\r\n"+
		"Channel: PJSIP/1001-00000000\r\nContext: internal\r\nExten: 95550199\r\nReason: 4\r\nUniqueid: cb-1\r\nCallerIDNum: 5550199\r\n"+
		"CallerIDName: Mette Holm\r\n\r\n" {
		t.Errorf("got %q", m.raw)
	}
	if begin := c.await("DialBegin"); begin.get("DialString") != "5550199@trunk" || begin.get("Linkedid") != "cb-1" {
		t.Errorf("got %q", begin.raw)
	}
	if err := p.Act("outside answers"); err != nil {
		t.Fatal(err)
	}
	c.await("BridgeEnter")
	c.await("BridgeEnter")
	if err := p.Act("1001 hangs up"); err != nil {
		t.Fatal(err)
	}
	c.await("Hangup")
	c.await("Hangup")
	if err := p.Act("1001 answers"); err == nil || !strings.Contains(err.Error(), "not possible") {
		t.Errorf("got %v", err)
	}
}

func TestOriginateComesToNothing(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, channel, timeout, act, reason string }{
		{"nobody answers", "PJSIP/1001", "2000", "", "3"},
		{"busy", "PJSIP/1001", "", "1001 is busy", "5"},
		{"rejected", "PJSIP/1001", "", "1001 rejects", "0"},
		{"no such phone", "PJSIP/1999", "", "", "0"},
		{"not registered", "PJSIP/1002", "", "", "0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := startPBX(t, func(o *Options) {
				o.Speed, o.Phones = 20, map[string]Phone{"1001": {Name: "A", Addr: "127.0.0.101:5060"}, "1002": {Name: "B", Offline: true}}
			})
			c := login(t, p, "admin")
			lines := []string{"Action: Originate", "Channel: " + test.channel, "Context: internal", "Exten: 1001", "Priority: 1", "Async: yes", "ChannelId: x"}
			if test.timeout != "" {
				lines = append(lines, "Timeout: "+test.timeout)
			}
			c.do(lines...)
			if test.act != "" {
				c.await("DialState")
				if err := p.Act(test.act); err != nil {
					t.Fatal(err)
				}
			}
			m := c.await("OriginateResponse")
			if m.get("Response") != "Failure" || m.get("Reason") != test.reason || m.get("Uniqueid") != "x" || m.get("Channel") != test.channel {
				t.Errorf("got %q", m.raw)
			}
			if got := c.list("Action: CoreShowChannels"); len(got) != 2 {
				t.Errorf("%d channels are left", len(got)-2)
			}
		})
	}
}

// TestOriginateAndWait: without Async the answer comes when the phone answered.
func TestOriginateAndWait(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.Speed, o.PickUp = 50, time.Second })
	c := login(t, p, "admin")
	m := c.do("Action: Originate", "Channel: PJSIP/1001", "Context: internal", "Exten: 1002", "Priority: 1")
	if m.get("Message") != "Originate successfully queued" {
		t.Errorf("got %q", m.raw)
	}
	for len(c.list("Action: BridgeList")) != 3 { // 1002 is answered too: Options.PickUp
	}
}

func TestControlErrors(t *testing.T) {
	t.Parallel()
	_, c := talking(t)
	tests := []struct{ request, want string }{
		{"Originate", "Channel not specified"},
		{"Originate|Channel: PJSIP/1001|Priority: x", "Invalid priority"},
		{"Originate|Channel: PJSIP/1001|Timeout: x", "Invalid timeout"},
		{"Originate|Channel: PJSIP", "Invalid channel"},
		{"Originate|Channel: PJSIP/1001|Context: internal|Exten: nobody|Priority: 1|Async: 1", "Extension does not exist."},
		{"Originate|Channel: PJSIP/1001|Exten: 1002", "Originate with 'Exten' requires 'Context' and 'Priority'"},
		{"Redirect", "Channel not specified"},
		{"Redirect|Channel: x", "Context not specified"},
		{"Redirect|Channel: x|Context: internal|Exten: 1003|Priority: x", "Priority is invalid"},
		{"Redirect|Channel: x|Context: internal|Exten: 1003|Priority: 1", "Channel does not exist: x"},
		{"Redirect|Channel: " + talkingTrunk + "|ExtraChannel: y|Context: internal|Exten: 1003|Priority: 1", "ExtraChannel does not exist: y"},
		{"BlindTransfer|Channel: x", "No extension specified"},
		{"BlindTransfer|Channel: x|Exten: 1003", "Channel specified does not exist"},
		{"Atxfer|Exten: 1003", "No channel specified"},
		{"CancelAtxfer|Channel: x", "Channel specified does not exist"},
		{"Bridge|Channel1: x", "Missing channel parameter in request"},
		{"Bridge|Channel1: " + talkingTrunk + "|Channel2: y", "Channel2 does not exist: y"},
		{"Park|Channel: x", "Channel does not exist: x"},
		{"Park|Channel: x|Timeout: y", "Invalid Timeout value."},
		{"PlayDTMF|Channel: x", "Channel not found"},
		{"PlayDTMF|Channel: " + talkingTrunk, "No digit specified"},
		{"PlayDTMF|Channel: " + talkingTrunk + "|Digit: 5|Duration: x", "Could not convert Duration parameter"},
		{"MuteAudio|Channel: x", "State not specified"},
		{"MuteAudio|Channel: x|State: on|Direction: in", "No such channel"},
		{"MixMonitor", "No channel specified"},
		{"MixMonitor|Channel: x", "No such channel"},
		{"StopMixMonitor|Channel: " + talkingTrunk, "Could not stop monitoring channel"},
		{"MixMonitorMute|Channel: x", "No direction specified. Must be read, write or both"},
		{"MixMonitorMute|Channel: x|Direction: up", "Invalid direction specified. Must be read, write or both"},
		{"PJSIPNotify|Channel: x", "PJSIPNotify requires either an Option or Variable(s).You must use only one of them."},
		{"PJSIPNotify|Variable: Event=talk", "PJSIPNotify requires either an endpoint name, a SIP URI, or a channel."},
		{"PJSIPNotify|Variable: Event=talk|Channel: x", "Channel not found"},
		{"PJSIPNotify|Variable: Event=talk|Endpoint: 1999", "Unable to retrieve endpoint 1999"},
	}
	for _, test := range tests {
		m := c.do(strings.Split("Action: "+test.request, "|")...)
		if m.get("Response") != "Error" || m.get("Message") != test.want {
			t.Errorf("%s: %q", test.request, m.raw)
		}
	}
}

// TestControlPermissions: an action needs one of its write classes, and ListCommands shows those that may be used.
func TestControlPermissions(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) {
		for _, write := range []string{"system", "call", "originate", "reporting"} {
			o.Accounts["a-"+write] = Account{Secret: "lab-a-" + write, Write: write}
		}
	})
	want := map[string]string{"Originate": "originate", "Redirect": "call", "BlindTransfer": "call", "Atxfer": "call", "CancelAtxfer": "call",
		"Bridge": "call", "Park": "call", "PlayDTMF": "call", "Hangup": "system call", "MuteAudio": "system", "MixMonitor": "system",
		"StopMixMonitor": "system call", "MixMonitorMute": "system call", "PJSIPNotify": "system", "Getvar": "call reporting",
		"Status": "system call reporting", "CoreShowChannels": "system reporting", "Ping": "system call originate reporting"}
	for _, write := range []string{"system", "call", "originate", "reporting"} {
		c := login(t, p, "a-"+write)
		list := c.do("Action: ListCommands")
		for action, classes := range want {
			may := strings.Contains(classes, write)
			if (list.get(action) != "") != may {
				t.Errorf("write=%s: ListCommands says %q of %s", write, list.get(action), action)
			}
			if m := c.do("Action: " + action); (m.get("Message") == "Permission denied") == may {
				t.Errorf("write=%s: %s answers %q", write, action, m.raw)
			}
		}
	}
}

func TestRedirect(t *testing.T) {
	t.Parallel()
	p, c := talking(t)
	if m := c.do("Action: Redirect", "Channel: "+talkingTrunk, "Context: internal", "Exten: 1003", "Priority: 1"); m.get("Message") != "Redirect successful" {
		t.Fatalf("got %q", m.raw)
	}
	if m := c.await("Hangup"); m.get("Channel") != talkingPhone {
		t.Errorf("got %q", m.raw)
	}
	if m := c.await("DialEnd"); m.get("Channel") != talkingTrunk || m.get("DestCallerIDNum") != "1003" || m.get("DialStatus") != "ANSWER" {
		t.Errorf("got %q", m.raw) // answered by Options.PickUp
	}
	c.await("BridgeEnter")
	c.await("BridgeEnter")
	if err := p.Act("outside hangs up"); err != nil {
		t.Error(err)
	}
}

func TestBlindTransferAction(t *testing.T) {
	t.Parallel()
	_, c := talking(t)
	m := c.do("Action: BlindTransfer", "Channel: "+talkingPhone, "Exten: 1002", "Context: internal")
	if m.get("Message") != "Transfer succeeded" {
		t.Errorf("got %q", m.raw)
	}
	m = c.await("DialBegin")
	if m.get("Channel") != talkingTrunk || m.get("DestCallerIDNum") != "1002" {
		t.Errorf("got %q", m.raw)
	}
}

// parkAnswer reads the answer to Park, into which Asterisk writes a line feed that ends it early.
func parkAnswer(t *testing.T, c *client) {
	t.Helper()
	var raw strings.Builder
	for !strings.Contains(raw.String(), "Park successful") {
		line, err := c.r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		raw.WriteString(line)
	}
	if !strings.HasSuffix(raw.String(), "Message: Park successful\n") {
		t.Errorf("got %q", raw.String())
	}
	for range 2 {
		if line, err := c.r.ReadString('\n'); err != nil || line != "\r\n" {
			t.Errorf("got %q, %v", line, err)
		}
	}
}

// TestParkedByNobody: a parked call whose parker is no phone ends when its time is over.
func TestParkedByNobody(t *testing.T) {
	t.Parallel()
	for _, parker := range []string{"x", "Local/700@internal-00000001;2"} {
		_, c := talking(t)
		c.send("Action: Park", "Channel: "+talkingTrunk, "TimeoutChannel: "+parker, "Timeout: 2000")
		parkAnswer(t, c)
		c.await("ParkedCallTimeOut")
		if m := c.await("Hangup"); m.get("Channel") != talkingTrunk {
			t.Errorf("parked by %s: got %q", parker, m.raw)
		}
	}
}

// TestParkAction: the parker is called back.
func TestParkAction(t *testing.T) {
	t.Parallel()
	p, c := talking(t)
	c.send("Action: Park", "Channel: "+talkingTrunk, "TimeoutChannel: "+talkingPhone, "Timeout: 5000", "ActionID: p")
	parkAnswer(t, c)
	if m := c.await("ParkedCall"); m.get("ParkeeChannel") != talkingTrunk || m.get("ParkingSpace") != "701" ||
		m.get("ParkingTimeout") != "5" || m.get("ParkerDialString") != "PJSIP/1001" {
		t.Errorf("got %q", m.raw)
	}
	c.await("ParkedCallTimeOut")
	if m := c.await("DialBegin"); m.get("DestCallerIDNum") != "1001" {
		t.Errorf("got %q", m.raw)
	}
	if err := p.Act("1001 answers"); err != nil {
		t.Error(err)
	}
}

func TestRecordingActions(t *testing.T) {
	t.Parallel()
	_, c := talking(t)
	on := "Channel: " + talkingPhone
	c.do("Action: MixMonitor", on, "File: x.wav")
	if m := c.await("MixMonitorStart"); m.get("Channel") != talkingPhone || m.get("File") != "" {
		t.Errorf("got %q", m.raw)
	}
	c.do("Action: MixMonitorMute", on, "Direction: both", "State: 1")
	if m := c.await("MixMonitorMute"); m.get("Direction") != "both" || m.get("State") != "1" {
		t.Errorf("got %q", m.raw)
	}
	c.do("Action: StopMixMonitor", on)
	c.await("MixMonitorStop")
	for _, digit := range []string{"*", "3"} {
		c.do("Action: PlayDTMF", on, "Digit: "+digit, "Receive: true")
	}
	c.await("MixMonitorStart")
}

func TestNotify(t *testing.T) {
	t.Parallel()
	_, c := talking(t)
	for _, event := range []string{"hold", "talk"} {
		if m := c.do("Action: PJSIPNotify", "Channel: "+talkingPhone, "Variable: Event="+event); m.get("Message") != "NOTIFY sent" {
			t.Errorf("got %q", m.raw)
		}
		c.await(map[string]string{"hold": "Hold", "talk": "Unhold"}[event])
	}
}

func TestBridgeAction(t *testing.T) {
	t.Parallel()
	p, c := talking(t)
	other := parse(t, "0.0 outside 2025550166 calls 5550102, rings 1002\n1.0 1002 answers\n")
	if err := p.Play(context.Background(), other); err != nil {
		t.Fatal(err)
	}
	c.drain()
	m := c.do("Action: Bridge", "Channel1: "+talkingTrunk, "Channel2: PJSIP/trunk-00000002")
	if m.get("Message") != "Channels have been bridged" {
		t.Errorf("got %q", m.raw)
	}
	var seen []string
	for range 2 {
		seen = append(seen, c.await("BridgeEnter").get("Channel"))
	}
	if strings.Join(seen, " ") != talkingTrunk+" PJSIP/trunk-00000002" {
		t.Errorf("got %v", seen)
	}
}
