package app

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFind reads notes as they can be found: the newest first, those of the dead are taken away, and what is no note is let
// be. It does not run beside others: the folder of notes is set by the environment.
func TestFind(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	_, err := Find()
	sentence(t, err, "no Callboard of yours is running", "callboard run")
	folder, err := runningFolder()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	dead := exec.Command(os.Args[0], "-test.run=^$")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for name, r := range map[string]Running{
		"old.json":  {PID: os.Getpid(), URL: "http://127.0.0.1:1", StartedAt: now.Add(-time.Hour)},
		"new.json":  {PID: os.Getpid(), URL: "http://127.0.0.1:2", StartedAt: now},
		"dead.json": {PID: dead.Process.Pid, URL: "http://127.0.0.1:3", StartedAt: now.Add(time.Hour)},
	} {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "cut.json"), []byte(`{"pid":`), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := Find()
	if err != nil || len(found) != 2 || found[0].URL != "http://127.0.0.1:2" || found[1].URL != "http://127.0.0.1:1" {
		t.Errorf("found %+v, %v", found, err)
	}
	left := strings.Join(notes(t), " ")
	if strings.Contains(left, "dead.json") || !strings.Contains(left, "new.json") {
		t.Errorf("left are %s", left)
	}
}
