package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/demopbx"
)

// TestLog: the log is a table for people, and lines of JSON for programs.
func TestLog(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, demopbx.Options{})
	home := t.TempDir()
	configure(t, home, pbx.Addr(), "right", "")
	p := launch(t, home, "run")
	p.says(`^Connected to Asterisk`)
	person := p.person(home)
	r, err := person.Lookup(t.Context(), "+4512345678")
	must(t, err)
	if _, err := person.Lookup(t.Context(), "+4587654321"); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"log", "lookups", "--number", "12 34 56 78"}, {"log", "--search", "1234", "--from", "today"}, {"log", "all", "--number", "+4512345678"}} {
		out, complaint, code := command(t, home, args...)
		if lines := strings.Split(strings.TrimSpace(out), "\n"); code != 0 || len(lines) != 2 || !strings.Contains(lines[1], "lookup") || !strings.Contains(lines[1], "+4512345678") || !strings.Contains(lines[1], r.ID) {
			t.Errorf("%q: exit %d, %q, %q", args, code, out, complaint)
		}
	}
	out, _, code := command(t, home, "log", "--json")
	var entry api.LogEntry
	if err := json.Unmarshal([]byte(strings.Split(out, "\n")[1]), &entry); err != nil || code != 0 || strings.Count(out, "\n") != 1 || entry.Record != r.ID || !entry.Complete {
		t.Errorf("as JSON: exit %d, %q, %v", code, out, err)
	}
	if out, complaint, code := command(t, home, "log", "--limit", "1"); code != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(complaint, "There are more") {
		t.Errorf("one of two: exit %d, %q, %q", code, out, complaint)
	}
	if out, _, code := command(t, home, "log", "missed"); code != 0 || out != "Nothing was found." {
		t.Errorf("missed: exit %d, %q", code, out)
	}
	for _, c := range []struct {
		args []string
		said string
		code int
	}{{[]string{"log", "lost"}, "must be one of", 80}, {[]string{"log", "--from", "soon"}, "is not a time", 1}, {[]string{"log", "--limit", "0"}, "at least 1", 1}, {[]string{"log", "--result", "great"}, "not one of its values", 1}} {
		if _, complaint, code := command(t, home, c.args...); code != c.code || !strings.Contains(complaint, c.said) {
			t.Errorf("%q: exit %d, %q", c.args, code, complaint)
		}
	}
}

// TestPrintLog: what each line of the table says.
func TestPrintLog(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 28, 14, 30, 0, 0, time.UTC)
	var out strings.Builder
	must(t, printLog(&out, []api.LogEntry{
		{Record: "r1", Complete: true, StartedAt: at, View: api.LogViewMissed, Result: api.ResultVoicemail, Number: "+4512345678", Name: "Åse", Company: "Tømrer", Notes: 2},
		{Record: "r2", Complete: true, StartedAt: at, View: api.LogViewReceived, Result: api.ResultAnswered, NumberRaw: "1002", DurationMs: 61_400},
		{Record: "r3", Complete: true, StartedAt: at},
		{Record: "r4", Complete: true, StartedAt: at, Later: api.LaterKnown{Name: "Bo", Company: "Acme", At: at, Record: "r5"}},
		{Record: "r6", Unseen: true, StartedAt: at, View: api.LogViewMissed, Result: api.ResultMissed},
		{Record: "r7", StartedAt: at, View: api.LogViewReceived, Result: api.ResultAnswered},
		{Record: "r8", Complete: true, StartedAt: at, View: api.LogViewMissed, Result: api.ResultMissed, ErasedAt: at.AddDate(0, 0, 1)},
		{Record: "r9", Complete: true, StartedAt: at, View: api.LogViewLookups, Website: "https://acme.example", IP: "192.0.2.7", Company: "Acme"},
		{Record: "r10", Complete: true, StartedAt: at, View: api.LogViewLookups, IP: "192.0.2.7"},
		{Record: "r11", Complete: true, StartedAt: at, View: api.LogViewLookups, Email: "a@acme.example", Name: "Ann"},
		{Record: "r12", Complete: true, StartedAt: at, View: api.LogViewLookups, Email: "a@acme.example"},
	}, time.UTC))
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	want := []string{"WHEN CALL NUMBER NAME COMPANY LASTED NOTES RECORD", "2026-11-28 14:30 missed, voicemail +4512345678 Åse Tømrer 2 r1", "2026-11-28 14:30 received 1002 1m1s r2", "2026-11-28 14:30 now r3", "2026-11-28 14:30 now Bo (found 2026-11-28) Acme r4",
		"2026-11-28 14:30 missed, not seen live r6", "2026-11-28 14:30 received, seen in part r7", "2026-11-28 14:30 missed (erased 2026-11-29) r8",
		"2026-11-28 14:30 lookup https://acme.example Acme r9", "2026-11-28 14:30 lookup 192.0.2.7 r10", "2026-11-28 14:30 lookup Ann r11", "2026-11-28 14:30 lookup a@acme.example r12"}
	if strings.Join(lines, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", lines, want)
	}
}
