package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhich: with two running, the configuration here says which is meant; --config and --url say otherwise.
func TestWhich(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	configure(t, home, "127.0.0.1:1", "right", "")
	first := launch(t, home, "run")
	first.person(home)
	text := fmt.Sprintf("pbx: {address: \"127.0.0.1:1\", username: u, secret: right}\nline: {extensions: [{number: \"1002\"}]}\n"+
		"listen: {address: \"127.0.0.1:0\"}\ndata: %q\n", filepath.Join(home, "other"))
	other := filepath.Join(home, "other.yaml")
	must(t, os.WriteFile(other, []byte(text), 0o600))
	second := launch(t, home, "run", "--config", other)
	here, there := "http://"+hostOf(first), "http://"+hostOf(second)
	for _, c := range []struct {
		args, want, said string
		code             int
	}{
		{"open --no-open", here + "/#code=", "This is the Callboard at " + here + ". Also running: " + there + " (", 0},
		{"open --no-open --config other.yaml", there + "/#code=", "", 0},
		{"open --no-open --url " + there, there + "/#code=", "", 0},
		{"open --no-open --url " + there + "/#code=used", there + "/#code=", "", 0},
		{"app add one --url " + there, "export CALLBOARD_URL=" + there + "\n", "Give these", 0},
		{"app --url " + there, "one ", "", 0},
		{"app list --config callboard.yaml", "", "", 0},
		{"hangup --url http://127.0.0.1:1", "", "is running at http://127.0.0.1:1: use one of", 1},
		{"dial 1002 --config none.yaml", "", "there is no configuration at", 1},
		{"open --url x --config y", "", "can't be used together", 80},
	} {
		out, complaint, code := command(t, home, strings.Fields(c.args)...)
		if code != c.code || !strings.HasPrefix(out, c.want) && !strings.Contains(c.args, "list") || c.want == "" && out != "" && code == 0 ||
			!strings.Contains(complaint, c.said) || c.said == "" && complaint != "" {
			t.Errorf("%s: exit %d, %q, %q", c.args, code, out, complaint)
		}
	}
}
