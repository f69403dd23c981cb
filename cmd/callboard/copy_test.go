package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/callboard-dev/callboard/internal/demopbx"
	"github.com/callboard-dev/callboard/internal/store/pgtest"
)

// TestStoreCopy: who begins with the file and moves to PostgreSQL finds all there, under the same token.
func TestStoreCopy(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, demopbx.Options{})
	home := t.TempDir()
	configure(t, home, pbx.Addr(), "right", "")
	copied := func(want int, says string) {
		t.Helper()
		out, complaint, code := command(t, home, "store", "copy")
		if code != want || !strings.Contains(out+complaint, says) || strings.Contains(out+complaint, "s3cret") {
			t.Errorf("exit %d, %q, %q; want %d and %q", code, out, complaint, want, says)
		}
	}
	copied(1, "it is not said where to")
	p := launch(t, home, "run")
	r, err := p.person(home).Lookup(t.Context(), "+4512345678")
	must(t, err)
	config, err := os.ReadFile(filepath.Join(home, "callboard.yaml"))
	must(t, err)
	address := strings.Replace(pgtest.Database(t), "postgres@", "postgres:s3cret@", 1)
	must(t, os.WriteFile(filepath.Join(home, "callboard.yaml"), append(config, "store: "+address+"\n"...), 0o600))
	copied(1, "in use by another Callboard: stop that one")
	p.end(os.Interrupt)
	copied(0, "records: 1 of 1")
	copied(1, "already: name an empty database")
	p = launch(t, home, "run")
	p.says(`Callboard is at`)
	if out, complaint, code := command(t, home, "log", "--search", "1234"); code != 0 || !strings.Contains(out, r.ID) {
		t.Errorf("the log: exit %d, %q, %q", code, out, complaint)
	}
	if _, complaint, code := command(t, home, "run"); code != 1 || !strings.Contains(complaint, "in use by another Callboard: stop that one, or give this one a database of its own") {
		t.Errorf("a second one: exit %d, %q", code, complaint)
	}
}
