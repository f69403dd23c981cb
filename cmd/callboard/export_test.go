package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/callboard-dev/callboard/internal/demopbx"
)

// TestExportImport: what is exported from a Callboard that runs is read into another that does not, once.
func TestExportImport(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, demopbx.Options{})
	from, to := t.TempDir(), t.TempDir()
	configure(t, from, pbx.Addr(), "right", "")
	configure(t, to, pbx.Addr(), "right", "")
	p := launch(t, from, "run")
	p.says(`^Connected to Asterisk`)
	r, err := p.person(from).Lookup(t.Context(), "+4512345678")
	must(t, err)
	file := filepath.Join(from, "all.jsonl")
	other := filepath.Join(from, "other")
	must(t, os.WriteFile(other, []byte("of somebody else"), 0o666))
	must(t, os.Symlink(other, file+".part")) // a half one that another has laid there
	if out, complaint, code := command(t, from, "export", file); code != 0 || !strings.Contains(out, "is complete") {
		t.Fatalf("exit %d, %q, %q", code, out, complaint)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if text, err := os.ReadFile(other); err != nil || string(text) != "of somebody else" {
		t.Errorf("behind the link: %.40q, %v", text, err)
	}
	if _, complaint, code := command(t, from, "export", file); code != 1 || !strings.Contains(complaint, "is there already") {
		t.Errorf("over it: exit %d, %q", code, complaint)
	}
	if out, complaint, code := command(t, from, "export", "--format", "csv"); code != 0 || !strings.Contains(out, r.ID) || !strings.HasPrefix(out, "started_at,") {
		t.Errorf("csv: exit %d, %q, %q", code, out, complaint)
	}
	if _, complaint, code := command(t, from, "import", file); code != 1 || !strings.Contains(complaint, "in use by another Callboard: stop that one") || strings.Contains(complaint, "of its own") {
		t.Errorf("beside one that runs: exit %d, %q", code, complaint)
	}
	for _, want := range []string{"Added 1 records", "Added 0 records"} {
		if out, complaint, code := command(t, to, "import", file); code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, %q, %q; want %s", code, out, complaint, want)
		}
	}
	text, err := os.ReadFile(file)
	must(t, err)
	broken := filepath.Join(from, "broken.jsonl")
	must(t, os.WriteFile(broken, text[:len(text)-10], 0o600))
	if _, complaint, code := command(t, to, "import", broken); code != 1 || !strings.Contains(complaint, "line 3: ") || !strings.Contains(complaint, "nothing was stored") {
		t.Errorf("broken: exit %d, %q", code, complaint)
	}
	p = launch(t, to, "run")
	p.says(`^Connected to Asterisk`)
	if got, err := p.person(to).Record(t.Context(), r.ID, false); err != nil || got.Value("party.number") != "+4512345678" {
		t.Errorf("%+v, %v", got, err)
	}
}
