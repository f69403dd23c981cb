package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestIdentify: a file is the same by either way of asking, another one is not, and one that is not there is told of as such.
func TestIdentify(t *testing.T) {
	t.Parallel()
	one, other := file(t), file(t)
	for _, name := range []string{one, other} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for what, ask := range map[string]func(string) (identity, error){
		"statx":        func(name string) (identity, error) { return identify(name, false) },
		"statx, brisk": func(name string) (identity, error) { return identify(name, true) },
		"stat":         identifyByStat,
	} {
		first, err := identify(one, false)
		again, errAgain := ask(one)
		if err != nil || errAgain != nil || !first.same(again) {
			t.Errorf("%s: %v (%v) and %v (%v)", what, first, err, again, errAgain)
		}
		if second, err := ask(other); err != nil || first.same(second) {
			t.Errorf("%s of another file: %v (%v)", what, second, err)
		}
		if _, err := ask(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of none: %v", what, err)
		}
	}
}
