package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// TestDoctorAndRecords: it says whether the calls that are made while Callboard is off can be read back, and what keeps them from it.
func TestDoctorAndRecords(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, demopbx.Options{})
	row := func(at time.Time, id string) string {
		return fmt.Sprintf(`"","2025550143","5550101","from-trunk","","PJSIP/trunk-00000001","PJSIP/1001-00000002","Dial","PJSIP/1001,25",%q,,,9,0,"NO ANSWER","DOCUMENTATION"%s`+"\n", at.UTC().Format(time.DateTime), id)
	}
	called := time.Now().Add(-time.Hour)
	id := fmt.Sprintf(`,"%d.7","","","%d.7",1`, called.Unix(), called.Unix())
	for name, test := range map[string]struct {
		records, zone string
		want          []string
		code          int
	}{
		"good":        {row(called, id), "UTC", []string{"ok       calls while off: ", "Master.csv can be read"}, 0},
		"no ids":      {row(called, ""), "UTC", []string{"WARNING  calls while off: ", "no unique ids", "loguniqueid = yes"}, 0},
		"wrong zone":  {row(called, id), "Asia/Tokyo", []string{"WARNING  calls while off: ", "wrong by -9h", "pbx.cdr.zone"}, 0},
		"empty":       {"", "UTC", []string{"WARNING  calls while off: ", "no record of a call", "cdr show status"}, 0},
		"other text":  {"a\nb\n", "UTC", []string{"PROBLEM  calls while off: ", "none of the 2 "}, 1},
		"no such one": {"none", "UTC", []string{"PROBLEM  calls while off: ", "no such file", "the right to read"}, 1},
		"no database": {"mysql://u@127.0.0.1:1/x", "UTC", []string{"PROBLEM  calls while off: ", "connection refused", "GRANT SELECT"}, 1},
		"left out":    {"", "", []string{"skipped  calls while off: ", "pbx.cdr.source"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			path := filepath.Join(home, "Master.csv")
			switch {
			case strings.Contains(test.records, "://"):
				path = test.records
			case test.zone == "":
				path = ""
			case test.records != "none":
				must(t, os.WriteFile(path, []byte(test.records), 0o600))
			}
			configure(t, home, pbx.Addr(), "right", fmt.Sprintf(", cdr: {source: %q, zone: %q, secret: never-shown}", path, test.zone))
			shown, complaint, code := command(t, home, "doctor")
			for _, want := range test.want {
				if !strings.Contains(shown, want) {
					t.Errorf("it does not say %q:\n%s", want, shown)
				}
			}
			if code != test.code || strings.Contains(shown+complaint, "never-shown") {
				t.Errorf("exit %d: %s\n%s", code, complaint, shown)
			}
		})
	}
}
