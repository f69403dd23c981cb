package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/callboard-dev/callboard/internal/demopbx"
)

const attended = "../../testdata/traces/13-attended-transfer-refer.ami"

// TestReplayForms: the same conclusions as JSON, as a table, and as a first expectation that a test can read.
func TestReplayForms(t *testing.T) {
	t.Parallel()
	file, err := filepath.Abs(attended)
	must(t, err)
	home := t.TempDir()
	args := []string{"trace", "replay", file, "--line", "1001", "--line", "1002"}
	out, complaint, code := command(t, home, append(args, "--json")...)
	if code != 0 || complaint != "" {
		t.Fatalf("exit %d: %s", code, complaint)
	}
	var said struct{ Viewpoints []viewpoint }
	must(t, json.Unmarshal([]byte(out), &said))
	if len(said.Viewpoints) != 2 || len(said.Viewpoints[0].Calls) != 2 || len(said.Viewpoints[1].Calls) != 1 {
		t.Fatalf("%s", out)
	}
	gave, got := said.Viewpoints[0].Calls[0], said.Viewpoints[1].Calls[0]
	if gave.TransferredTo != "1002" || gave.TransferType != "attended" || gave.OtherNumber != "2025550143" || gave.OtherNumberFinal != "" || gave.Recorded == nil || *gave.Recorded {
		t.Errorf("who transferred: %+v", gave)
	}
	if got.OtherNumber != "1001" || got.OtherNumberFinal != "2025550143" || got.OtherNameFinal != "Bob Caller" || got.TransferredBy != "1001" || got.TalkSeconds != 5 {
		t.Errorf("who got it: %+v", got)
	}
	for _, key := range []string{`"encrypted":null`, `"recorded":false`, `"t":3.614`, `"other_name":`} {
		if !strings.Contains(out, key) {
			t.Errorf("there is no %s in %s", key, out)
		}
	}

	drafted, complaint, code := command(t, home, append(args, "--expect")...)
	if code != 0 || complaint != "" {
		t.Fatalf("exit %d: %s", code, complaint)
	}
	var draft struct {
		Scenario   string
		T0         int64 `yaml:"t0_unix_ms"`
		Viewpoints []struct {
			Extension string
			Calls     []map[string]any
		}
	}
	must(t, yaml.Unmarshal([]byte(drafted), &draft))
	if draft.Scenario != "13-attended-transfer-refer" || draft.T0 != 1795334302301 || len(draft.Viewpoints) != 2 {
		t.Fatalf("%s", drafted)
	}
	text, err := json.Marshal(draft.Viewpoints[1].Calls[0])
	must(t, err)
	var back tracedCall
	must(t, json.Unmarshal(text, &back))
	for i := range back.Timeline { // the draft has hundredths
		back.Timeline[i].T, got.Timeline[i].T = 0, 0
	}
	if !reflect.DeepEqual(back, got) {
		t.Errorf("drafted %+v, concluded %+v", back, got)
	}

	shown, _, code := command(t, home, args...)
	if code != 0 || !strings.Contains(shown, "1001 Alice One, then 2025550143 Bob Caller") || !strings.Contains(shown, "transferred (attended) to 1002") || strings.Count(shown, "\n") != 3 {
		t.Errorf("exit %d:\n%s", code, shown)
	}
}

// TestReplayOfNothing: what is not there is said in one sentence.
func TestReplayOfNothing(t *testing.T) {
	t.Parallel()
	file, err := filepath.Abs(attended)
	must(t, err)
	home := t.TempDir()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"none.ami"}, 1, "none.ami: name a recording"},
		{[]string{file, "--times", "none.times"}, 1, "none.times: leave --times out"},
		{[]string{file}, 0, "no calls of 9; seen here: 1001, 1002"},
	} {
		out, complaint, code := command(t, home, append([]string{"trace", "replay", "--line", "9"}, c.args...)...)
		if code != c.code || out != "" || !strings.Contains(complaint, c.want) || strings.Contains(complaint, "\n") {
			t.Errorf("%v: exit %d, %q, %q", c.args, code, out, complaint)
		}
	}
}

// TestRecordRefuses: what is there is not overwritten, and a PBX that is not there leaves nothing behind.
func TestRecordRefuses(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	configure(t, home, l.Addr().String(), "right", "")
	file := filepath.Join(home, "calls.ami")
	_, complaint, code := command(t, home, "trace", "record", file)
	if code != 1 || !strings.Contains(complaint, "Nothing answers at") {
		t.Errorf("exit %d: %s", code, complaint)
	}
	for _, name := range []string{"calls.ami", "calls.times"} {
		if _, err := os.Stat(filepath.Join(home, name)); !os.IsNotExist(err) {
			t.Errorf("%s was left behind: %v", name, err)
		}
		must(t, os.WriteFile(filepath.Join(home, name), []byte("dear"), 0o600))
		_, complaint, code := command(t, home, "trace", "record", file)
		if text, err := os.ReadFile(filepath.Join(home, name)); code != 1 || !strings.Contains(complaint, name+" is there already") || string(text) != "dear" || err != nil {
			t.Errorf("exit %d: %s; it has %q, %v", code, complaint, text, err)
		}
		must(t, os.Remove(filepath.Join(home, name)))
	}
}

func TestRecordFor(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, demopbx.Options{})
	home := t.TempDir()
	configure(t, home, pbx.Addr(), "right", "")
	file := filepath.Join(home, "calls.ami")
	_, said, code := command(t, home, "trace", "record", file, "--for", "300ms")
	if code != 0 || !strings.Contains(said, "numbers and names") || !strings.Contains(said, "trace replay") {
		t.Errorf("exit %d: %s", code, said)
	}
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode().Perm() != 0o600 || info.Size() < 100 {
		t.Errorf("%v, %d bytes", info.Mode(), info.Size())
	}
	if out, complaint, code := command(t, home, "trace", "replay", file, "--line", "1001", "--json"); code != 0 || out != `{"viewpoints":[{"extension":"1001","calls":[]}]}` {
		t.Errorf("exit %d: %s%s", code, out, complaint)
	}
}
