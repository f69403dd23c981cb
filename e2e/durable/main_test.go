//go:build linux

package durable

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/callboard-dev/callboard/internal/store/pgtest"
)

// binary is the program with the places at which it can be made to kill itself.
var binary string

var kills = flag.Int("kills", 200, "how often the program is killed")

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "callboard-kill-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(folder, "callboard")
	build := exec.Command("go", "build", "-tags", "crashpoints", "-o", binary, "../../cmd/callboard")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	code := 1
	if err := build.Run(); err == nil {
		code = m.Run()
	}
	if err := pgtest.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.RemoveAll(folder)
	os.Exit(code)
}
