package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/callboard-dev/callboard/internal/demopbx"
)

// TestStore: a backup is made beside a Callboard that runs, and put back once none does. What is wrong with a database gives another exit status.
func TestStore(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, demopbx.Options{})
	home := t.TempDir()
	configure(t, home, pbx.Addr(), "right", "")
	backup := filepath.Join(home, "copy.db")
	if _, complaint, code := command(t, home, "store", "backup", backup); code != 1 || !strings.Contains(complaint, "there is no database") {
		t.Errorf("before there is one: exit %d, %q", code, complaint)
	}
	p := launch(t, home, "run")
	p.says(`^Connected to Asterisk`)
	first, err := p.person(home).Lookup(t.Context(), "+4512345678")
	must(t, err)
	if out, complaint, code := command(t, home, "store", "backup", backup); code != 0 || !strings.Contains(out, "is whole") {
		t.Fatalf("exit %d, %q, %q", code, out, complaint)
	}
	if out, complaint, code := command(t, home, "store", "check"); code != 0 || !strings.Contains(out, "compared only while no Callboard runs") {
		t.Errorf("a check beside it: exit %d, %q, %q", code, out, complaint)
	}
	later, err := p.person(home).Lookup(t.Context(), "+4587654321")
	must(t, err)
	if _, complaint, code := command(t, home, "store", "restore", backup); code != 1 || !strings.Contains(complaint, "nothing was restored") {
		t.Errorf("without a yes: exit %d, %q", code, complaint)
	}
	if _, complaint, code := command(t, home, "store", "restore", backup, "--yes"); code != 1 || !strings.Contains(complaint, "in use by another Callboard: stop that one") || strings.Contains(complaint, "of its own") {
		t.Errorf("beside one that runs: exit %d, %q", code, complaint)
	}
	p.end(os.Interrupt)
	if out, complaint, code := command(t, home, "store", "restore", backup, "--yes"); code != 0 || !strings.Contains(out, "list anew") || !strings.Contains(out, ".before-") {
		t.Fatalf("exit %d, %q, %q", code, out, complaint)
	}
	if out, complaint, code := command(t, home, "store", "check"); code != 0 || !strings.Contains(out, "and its index") {
		t.Errorf("a check: exit %d, %q, %q", code, out, complaint)
	}
	p = launch(t, home, "run")
	p.says(`^Connected to Asterisk`)
	if r, err := p.person(home).Record(t.Context(), first.ID, false); err != nil || r.Value("party.number") == "" {
		t.Errorf("what was backed up: %+v, %v", r, err)
	}
	if _, err := p.person(home).Record(t.Context(), later.ID, false); err == nil {
		t.Error("what came later is there")
	}
	p.end(os.Interrupt)
	path := filepath.Join(home, "data", "callboard.db")
	content, err := os.ReadFile(path)
	must(t, err)
	for i := 4096; i < len(content); i++ {
		content[i] ^= 0x5a
	}
	must(t, os.WriteFile(path, content, 0o600))
	if out, complaint, code := command(t, home, "store", "check"); code != 1 || !strings.Contains(out+complaint, "store restore") {
		t.Errorf("a damaged one: exit %d, %q, %q", code, out, complaint)
	}
}
