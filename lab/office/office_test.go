package office

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFlowsAreNamed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range Flows {
		number, rest, _ := strings.Cut(f.Name, "-")
		if seen[number] || seen[rest] {
			t.Errorf("%s: number or name is taken", f.Name)
		}
		seen[number], seen[rest] = true, true
		if f.Story == "" || f.Act == nil {
			t.Errorf("%s has no story or nothing to act", f.Name)
		}
		for _, name := range []string{f.Name, number, rest} {
			if found, ok := Find(name); !ok || found.Name != f.Name {
				t.Errorf("%q finds %q", name, found.Name)
			}
		}
	}
	if _, ok := Find("no such flow"); ok {
		t.Error("a flow was found that is not there")
	}
}

// A recording has every byte with its time, over two connections, and a truth that is YAML.
func TestRecord(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	folder := t.TempDir()
	f, _ := Find("link-lost-and-back-at-once")
	if err := Record(ctx, f, folder); err != nil {
		t.Fatal(err)
	}
	wire := read(t, folder, f.Name+".ami")
	first, second, both := bytes.Cut(wire, []byte(marker))
	for i, stream := range [][]byte{first, second} {
		for _, want := range []string{"Asterisk Call Manager/", "Message: Authentication accepted", "Event: QueueStatusComplete"} {
			if !bytes.Contains(stream, []byte(want)) {
				t.Errorf("connection %d lacks %q", i+1, want)
			}
		}
	}
	end := 0
	for line := range strings.Lines(string(read(t, folder, f.Name+".times"))) {
		var offset, length int
		var ms int64
		if strings.HasPrefix(line, "# ###") {
			end += len(marker)
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		if _, err := fmt.Sscan(line, &offset, &length, &ms); err != nil || offset != end {
			t.Fatalf("%q (%v), want offset %d", line, err, end)
		}
		end += length
	}
	if !both || end != len(wire) {
		t.Errorf("the times end at %d of %d bytes; two connections: %v", end, len(wire), both)
	}
	var truth struct {
		Streams    int
		Viewpoints []struct {
			Extension string
			Calls     []struct {
				Disposition, Dialed string
				Timeline            []struct{ State string }
			}
		}
	}
	if err := yaml.Unmarshal(read(t, folder, f.Name+".expect.yaml"), &truth); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(truth), "{2 [{1001 [{answered 95550199 [{ringing} {connected} {held} {resumed} {disconnected}]}]}]}"; got != want {
		t.Errorf("truth %s, want %s", got, want)
	}
	if log := string(read(t, folder, f.Name+".log")); !strings.Contains(log, "sent INVITE") {
		t.Errorf("the phones' log: %q", log)
	}
}

func read(t *testing.T, folder, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A script that waits for what does not come ends with the flow's name, the reason and the phones' log.
func TestBrokenScript(t *testing.T) {
	t.Parallel()
	f := Flow{Name: "nobody-calls", Act: func(o *Office) {
		var cancel context.CancelFunc
		o.ctx, cancel = context.WithTimeout(o.ctx, 300*time.Millisecond)
		defer cancel()
		o.rings("1001", nil)
	}}
	err := Record(t.Context(), f, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "nobody-calls") || !strings.Contains(err.Error(), "waiting for an incoming call") {
		t.Errorf("got %v", err)
	}
}
