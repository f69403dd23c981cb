package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

// check is what `callboard doctor --json` says of one thing.
type check struct{ Name, Status, Found, Remedy, File, Paste string }

// examined runs `callboard doctor` against the lab and returns its checks by name, and whether all is well.
func examined(t *testing.T, pbx string, args ...string) (map[string]check, bool) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "callboard.yaml")
	text := fmt.Sprintf("pbx: {%s}\nline: {extensions: [{number: \"1001\"}, {number: \"1099\", device: PJSIP/1099}]}\n", pbx)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var complaint strings.Builder
	cmd := exec.CommandContext(bounded(t), binary, append([]string{"doctor", "--json", "--config", file}, args...)...)
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if _, unwell := errors.AsType[*exec.ExitError](err); err != nil && !unwell {
		t.Fatal(err)
	}
	if strings.Contains(string(out)+complaint.String(), "lab-") {
		t.Errorf("it prints a secret:\n%s%s", out, complaint.String())
	}
	var said struct {
		OK     bool
		Checks []check
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("%v: %s%s", err, out, complaint.String())
	}
	if said.OK != (err == nil) {
		t.Errorf("ok is %v, and it ended with %v", said.OK, err)
	}
	found := map[string]check{}
	for _, c := range said.Checks {
		found[c.Name] = c
		t.Logf("%-8s %s: %s | %s | %s", c.Status, c.Name, c.Found, c.Remedy, c.Paste)
	}
	return found, said.OK
}

// verdict checks one check: how it came out, and words of it.
func verdict(t *testing.T, found map[string]check, name, want string, words ...string) {
	t.Helper()
	c, there := found[name]
	if !there || c.Status != want {
		t.Errorf("%s: %+v, want %s", name, c, want)
	}
	for _, each := range words {
		if !strings.Contains(c.Found+"\n"+c.Remedy+"\n"+c.Paste, each) {
			t.Errorf("%s does not say %q: %+v", name, each, c)
		}
	}
}

// more are manager accounts with something wrong, behind those of the lab. The first lines belong to the last of these.
const more = `eventfilter = !Event: BridgeEnter
[mute]
secret = lab-mute
read = agent
write = call,originate
[narrow]
secret = lab-narrow
read = all
write = config,call,originate
eventfilter(action(include),name(Newchannel)) =
allowmultiplelogin = no
`

// TestDoctor examines a real Asterisk with good and bad accounts, over TLS, and with message types switched off. The test
// call rings nobody.
func TestDoctor(t *testing.T) {
	t.Parallel()
	l, err := lab.Start(bounded(t), lab.Options{Timestamps: true, Append: map[string]string{"manager.conf": more}})
	must(t, err)
	t.Cleanup(func() { must(t, l.Stop()) })
	desk := l.PhoneT(t, "1001")
	as := func(who string) string {
		return fmt.Sprintf("address: %q, username: %s, secret: lab-%s", l.AMIAddr(), who, who)
	}
	secure := fmt.Sprintf("address: %q, tls: true, username: u1001, secret: lab-u1001", l.AMITLSAddr())
	all := []string{"Newchannel", "Newstate", "Hangup", "DialBegin", "DialEnd", "BridgeEnter", "BridgeLeave", "HangupRequest", "LocalBridge", "OriginateResponse"}

	found, ok := examined(t, as("u1001"), "--test-call")
	verdict(t, found, "rights", "ok", "write = call,originate")
	verdict(t, found, "right reporting", "warning", "[u1001]\nwrite = call,reporting,originate")
	verdict(t, found, "right system", "ok", "close to root", "PJSIPNotify", "MixMonitor", "write = system,call,reporting,originate")
	verdict(t, found, "restarts", "warning", "read = call,system,agent")
	verdict(t, found, "version", "skipped")
	verdict(t, found, "clock", "ok")
	verdict(t, found, "extension 1001", "ok", "PJSIP/1001")
	verdict(t, found, "extension 1099", "problem", "no device PJSIP/1099")
	verdict(t, found, "second login", "ok")
	verdict(t, found, "test call", "ok", all...)
	if ok {
		t.Error("all is well, although there is no 1099")
	}

	found, _ = examined(t, as("admin"), "--answers", "600@internal")
	verdict(t, found, "version", "ok", "22.")
	verdict(t, found, "right all", "warning", "write = call,reporting,originate")
	verdict(t, found, "settings", "ok", "writetimeout = 5000")
	verdict(t, found, "filters", "ok")
	verdict(t, found, "message types", "ok")
	verdict(t, found, "restarts", "ok")
	verdict(t, found, "test call", "ok", all...)

	found, _ = examined(t, as("slim"), "--test-call")
	verdict(t, found, "message BridgeEnter", "problem", "who talks with whom")
	found, _ = examined(t, as("mute"), "--test-call")
	verdict(t, found, "test call", "problem", "[mute]\nread = call,system,agent")
	found, _ = examined(t, as("narrow"), "--test-call")
	verdict(t, found, "filters", "warning", "eventfilter(action(include),name(Newchannel))")
	verdict(t, found, "second login", "warning", "allowmultiplelogin = yes")
	verdict(t, found, "message DialBegin", "problem")
	verdict(t, found, "right config", "warning", "write = call,reporting,originate")

	found, _ = examined(t, secure+fmt.Sprintf(", tls_ca: %q", l.CAFile()))
	verdict(t, found, "TLS", "ok", "TLS 1.")
	verdict(t, found, "test call", "skipped", "--test-call")
	found, _ = examined(t, secure)
	verdict(t, found, "TLS", "problem", "BEGIN CERTIFICATE", "tls_ca: pbx.pem")
	found, _ = examined(t, secure+fmt.Sprintf(", tls_ca: %q, tls_name: pbx.example", l.CAFile()))
	verdict(t, found, "TLS", "problem", "tls_name: "+l.HostAddr())

	for _, e := range desk.Log() {
		if e.Dir == phone.Saw && e.What == "INVITE" {
			t.Error("the test call rang a phone")
		}
	}
	// Asterisk 22 does not start at all without most of its types; these it can do without.
	must(t, os.WriteFile(filepath.Join(l.Dir(), "etc/stasis.conf"), []byte("[declined_message_types]\ndecline=ast_local_bridge_type\ndecline=ast_blind_transfer_type\n"), 0o644))
	must(t, l.Restart(bounded(t)))
	found, _ = examined(t, as("u1001"), "--test-call")
	verdict(t, found, "message LocalBridge", "warning", "stasis.conf")
	found, _ = examined(t, as("admin"))
	verdict(t, found, "message type ast_local_bridge_type", "warning", ";decline = ast_local_bridge_type")
	verdict(t, found, "message type ast_blind_transfer_type", "warning", "BlindTransfer")
}

// TestTraceRecord records a real call as a user would, and finds it in the recording; blurred, too.
func TestTraceRecord(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t)
	desk, out := l.PhoneT(t, "1001"), l.OutsideT(t)
	folder := t.TempDir()
	config := filepath.Join(folder, "callboard.yaml")
	must(t, os.WriteFile(config, fmt.Appendf(nil, "pbx: {address: %q, username: u1001, secret: lab-u1001}\nline: {extensions: [{number: \"1001\"}]}\n", l.AMIAddr()), 0o600))
	plain, blurred := filepath.Join(folder, "plain.ami"), filepath.Join(folder, "blurred.ami")
	one := start(t, exec.Command(binary, "trace", "record", plain, "--config", config))
	two := start(t, exec.Command(binary, "trace", "record", blurred, "--config", config, "--blur"))
	one.waitLine(t, "Recording what")
	two.waitLine(t, "Recording what")

	ctx := bounded(t)
	call, err := out.Call(ctx, "5550101", phone.CallOptions{From: "4512345678", Name: "Mette Holm"})
	must(t, err)
	ringing, err := desk.Incoming(ctx)
	must(t, err)
	must(t, ringing.Ring(ctx))
	must(t, ringing.Answer(ctx))
	must(t, call.Hangup(ctx))
	_, err = ringing.WaitEnded(ctx)
	must(t, err)
	for _, file := range []string{plain, blurred} { // the PBX's last word on it
		for look := time.Tick(20 * time.Millisecond); ; {
			wire, err := os.ReadFile(file)
			must(t, err)
			if strings.Count(string(wire), "Event: Hangup\r\n") >= 2 && strings.HasSuffix(string(wire), "\r\n\r\n") {
				break
			}
			select {
			case <-look:
			case <-ctx.Done():
				t.Fatal("the end of the call was not recorded")
			}
		}
	}
	one.stop()
	two.stop()

	first, second := replayed(t, plain), replayed(t, blurred)
	if len(first) != 1 || first[0].Direction != "inbound" || first[0].OtherNumber != "4512345678" || first[0].OtherName != "Mette Holm" || first[0].Disposition != "answered" {
		t.Errorf("replayed: %+v", first)
	}
	if len(second) != 1 || second[0].OtherNumber == "4512345678" || len(second[0].OtherNumber) != 10 || second[0].OtherName == "Mette Holm" || second[0].Disposition != "answered" ||
		len(second[0].Timeline) != len(first[0].Timeline) {
		t.Errorf("replayed blurred: %+v", second)
	}
	wire, err := os.ReadFile(blurred)
	must(t, err)
	for _, leak := range []string{"4512345678", "Mette", "lab-u1001", "5550101"} {
		if strings.Contains(string(wire), leak) {
			t.Errorf("the blurred recording has %q", leak)
		}
	}
}

// recordedCall is a part of what `callboard trace replay --json` says of a call.
type recordedCall struct {
	Direction   string
	OtherNumber string `json:"other_number"`
	OtherName   string `json:"other_name"`
	Disposition string
	Timeline    []struct{ State string }
}

func replayed(t *testing.T, file string) []recordedCall {
	t.Helper()
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("%s may be read by others: %v", file, info.Mode())
	}
	out, err := exec.CommandContext(bounded(t), binary, "trace", "replay", file, "--line", "1001", "--json").Output()
	must(t, err)
	var said struct {
		Viewpoints []struct{ Calls []recordedCall }
	}
	must(t, json.Unmarshal(out, &said))
	if len(said.Viewpoints) != 1 {
		t.Fatalf("%s", out)
	}
	return said.Viewpoints[0].Calls
}
