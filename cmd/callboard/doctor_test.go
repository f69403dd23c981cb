package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/callboard-dev/callboard/internal/demopbx"
)

// TestPrescription: the lines of many checks become one block, each key once.
func TestPrescription(t *testing.T) {
	t.Parallel()
	var p prescription
	p.add("[u]\nwritetimeout = 5000\nwrite = call")
	p.add("[general]\ntimestampevents = yes\n\n[u]\ndisplayconnects = no")
	p.add("[u]\nread = call,system,agent")
	p.add("[u]\nwrite = call,originate")
	want := "[general]\ntimestampevents = yes\n\n[u]\nread = call,system,agent\nwrite = call,originate\nwritetimeout = 5000\ndisplayconnects = no"
	if got := p.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestDoctor: what a person reads and what a program reads say the same, and never the secret.
func TestDoctor(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, demopbx.Options{})
	home := t.TempDir()
	configure(t, home, pbx.Addr(), "right", "")
	shown, complaint, code := command(t, home, "doctor")
	if code != 0 || complaint != "" || !strings.Contains(shown, "WARNING  right originate: ") || !strings.Contains(shown, "\n   | [u]\n   | read = call,system,agent\n   | write = call,reporting,originate\n") ||
		strings.Count(shown, "| write = ") != 2 || !strings.Contains(shown, "Optional, ") || !strings.Contains(shown, "\n   | write = system,call,reporting,originate\n") || !strings.Contains(shown, " 0 problems") {
		t.Errorf("exit %d: %s\n%s", code, complaint, shown)
	}
	out, complaint, code := command(t, home, "doctor", "--json")
	if code != 0 || complaint != "" {
		t.Errorf("exit %d: %s", code, complaint)
	}
	var said struct {
		OK     bool
		Checks []struct{ Name, Status, Found, Remedy, File, Paste string }
	}
	must(t, json.Unmarshal([]byte(out), &said))
	if !said.OK || len(said.Checks) < 8 {
		t.Errorf("%s", out)
	}
	for _, c := range said.Checks {
		if !strings.Contains(shown, " "+c.Name+": ") {
			t.Errorf("a person is not told of %s", c.Name)
		}
	}

	configure(t, home, pbx.Addr(), "wrong-secret", "")
	must(t, os.Chmod(filepath.Join(home, "callboard.yaml"), 0o644))
	shown, complaint, code = command(t, home, "doctor")
	if code != 1 || !strings.Contains(shown, "PROBLEM  login: ") || !strings.Contains(shown, "chmod 600") || !strings.Contains(complaint, "there is a problem") ||
		strings.Contains(shown+complaint, "wrong-secret") {
		t.Errorf("exit %d: %s\n%s", code, complaint, shown)
	}
	if _, complaint, code = command(t, home, "doctor", "--config", filepath.Join(home, "none.yaml")); code != 1 || !strings.Contains(complaint, "there is no configuration") {
		t.Errorf("exit %d: %s", code, complaint)
	}
}
