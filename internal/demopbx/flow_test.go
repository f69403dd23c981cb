package demopbx

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestEveryLineHappens plays every scenario in several orders of messages: nothing of what it says may be impossible when
// its time comes, and nobody is left behind.
func TestEveryLineHappens(t *testing.T) {
	t.Parallel()
	for _, name := range scenarioNames(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := loadScenario(t, name)
			for _, seed := range []uint64{0, 5, 6} {
				p := startPBX(t, func(o *Options) { o.Seed, o.Speed = seed, 1000 })
				missed, err := p.play(context.Background(), s)
				if err != nil || len(missed) > 0 {
					t.Fatalf("seed %d: %v; lines %v were not possible", seed, err, missed)
				}
				waitEmpty(t, p)
			}
		})
	}
}

// waitEmpty waits until no channel is left: the PBX may end some a moment later by itself.
func waitEmpty(t *testing.T, p *PBX) {
	t.Helper()
	c := login(t, p, "admin")
	defer c.conn.Close()
	for deadline := time.Now().Add(5 * time.Second); ; {
		left := c.list("Action: CoreShowChannels")
		if len(left) == 2 {
			return
		}
		if time.Now().After(deadline) {
			var names []string
			for _, m := range left[1 : len(left)-1] {
				names = append(names, m.get("Channel")+" "+m.get("ApplicationData"))
			}
			t.Fatalf("left at the end: %v", strings.Join(names, ", "))
		}
		c.drain()
	}
}

// TestReadmeNamesEveryWord: what a scenario can say is written down beside the scenarios.
func TestReadmeNamesEveryWord(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join(scenarioDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	words := append(append(append([]string{}, facts...), moments...), results...)
	for _, d := range deeds {
		words = append(words, "EXT "+d.words)
	}
	for _, w := range words {
		if !strings.Contains(string(b), w) && !strings.Contains(string(b), strings.Replace(w, "EXT", "outside", 1)) {
			t.Errorf("README.md does not say %q", w)
		}
	}
}

// TestStill: nothing happens while somebody looks.
func TestStill(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.Timestamps = true })
	p.Still(func(live []string, at time.Time) {
		if len(live) != 0 || !at.IsZero() {
			t.Errorf("at rest: %v at %v", live, at)
		}
	})
	if err := p.Play(t.Context(), parse(t, "0.0 1001 calls 1002\n1.0 1002 answers\n")); err != nil {
		t.Fatal(err)
	}
	c := login(t, p, "user")
	want := ""
	p.Still(func(live []string, at time.Time) {
		want = stamp(at)
		if len(live) != 2 {
			t.Errorf("%d channels live, want 2", len(live))
		}
	})
	if m := c.await("NewConnectedLine"); m.get("Timestamp") != want {
		t.Errorf("got %q, want the time %s", m.raw, want)
	}
}
