package main

import (
	"regexp"
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
	out, complaint, code := command(t, home, "erase", "12345678", "+4512345678", "--yes")
	told := regexp.MustCompile(`(?s)Erased: 1 of their records.*Searched: 1 records.*The proof is (era_\w+):.*Its code is (\w+):`).FindStringSubmatch(out)
	if code != 0 || told == nil {
		t.Fatalf("exit %d, %q, %q", code, out, complaint)
	}
	if out, complaint, code := command(t, home, "erase", "+45 12345678", "12345678", "--verify", told[1], "--code", told[2]); code != 0 || !strings.Contains(out, "of exactly these") || !strings.Contains(out, "Nothing of that person") {
		t.Errorf("verified: exit %d, %q, %q", code, out, complaint)
	}
	if _, complaint, code := command(t, home, "erase", "+4587654321", "--verify", told[1], "--code", told[2]); code != 1 || !strings.Contains(complaint, "is not of these") {
		t.Errorf("verified for another: exit %d, %q", code, complaint)
	}
	if _, err := person.Lookup(t.Context(), "+4512345678"); err != nil {
		t.Fatal(err)
	}
	if _, complaint, code := command(t, home, "erase", "12345678", "+4512345678", "--verify", told[1]); code != 1 || !strings.Contains(complaint, "1 of their records") {
		t.Errorf("once they have called again: exit %d, %q", code, complaint)
	}
	if left, err := person.Record(t.Context(), r.ID, false); err != nil || len(left.Fields) > 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
}
