package main

import (
	"strings"
	"testing"

	"github.com/callboard-dev/callboard/internal/demopbx"
)

// SEC-45: it is said what would go, nothing goes without a yes, and then the proof is told.
func TestErase(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, demopbx.Options{})
	home := t.TempDir()
	configure(t, home, pbx.Addr(), "right", "")
	p := launch(t, home, "run")
	p.says(`^Connected to Asterisk`)
	person := p.person(home)
	r, err := person.Lookup(t.Context(), "+4512345678")
	must(t, err)
	const would = "Would go: 1 of their records, 2 claims, 0 notes and other items, what 0 other records say of them"
	if out, _, code := command(t, home, "erase", "+45 12 34 56 78", "--dry-run"); code != 0 || !strings.HasPrefix(out, would) {
		t.Errorf("a dry run: exit %d, %q", code, out)
	}
	if out, complaint, code := command(t, home, "erase", "--record", r.ID); code != 1 || !strings.HasPrefix(out, would) || !strings.Contains(complaint, "nothing was erased") {
		t.Errorf("without a yes: exit %d, %q, %q", code, out, complaint)
	}
	if _, complaint, code := command(t, home, "erase", "--yes"); code != 1 || !strings.Contains(complaint, "nobody is named") {
		t.Errorf("of nobody: exit %d, %q", code, complaint)
	}
	if kept, err := person.Record(t.Context(), r.ID, false); err != nil || kept.Value("party.number") == "" {
		t.Fatalf("it is gone already: %+v, %v", kept, err)
	}
	if out, complaint, code := command(t, home, "erase", "12345678", "+4512345678", "--yes"); code != 0 || !strings.Contains(out, "Erased: 1 of their records") || !strings.Contains(out, "The proof is era_") {
		t.Errorf("exit %d, %q, %q", code, out, complaint)
	}
	if left, err := person.Record(t.Context(), r.ID, false); err != nil || len(left.Fields) > 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
}
