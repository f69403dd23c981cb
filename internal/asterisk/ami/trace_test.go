package ami

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/callboard-dev/callboard/internal/tracker/trackertest"
)

// recordings are the recorded calls, without their endings.
func recordings(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../../testdata/traces/*.ami")
	if err != nil || len(files) < 100 {
		t.Fatalf("found %d traces (%v), want 100 or more", len(files), err)
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(file, ".ami")
	}
	return files
}

// TestRealCalls replays recorded calls through codec, mapper and tracker, seen from each extension that the expectation
// names, and compares with what the phones did.
func TestRealCalls(t *testing.T) {
	t.Parallel()
	for _, path := range recordings(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path + ".expect.yaml")
			if err != nil {
				t.Fatal(err)
			}
			truth, err := trackertest.Read(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, wrong := range truth.Differences(func(extension string) []trackertest.Concluded { return replay(t, path, extension) }) {
				t.Error(wrong)
			}
		})
	}
}

// TestTogether holds that what one extension sees does not depend on who else is on the line.
func TestTogether(t *testing.T) {
	t.Parallel()
	desks := []string{"1001", "1002", "1003", "1004", "1005", "1006"}
	for _, path := range recordings(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			var alone, together []string
			for _, desk := range desks {
				for _, c := range replay(t, path, desk) {
					alone = append(alone, c.String())
				}
			}
			for _, c := range replay(t, path, desks...) {
				together = append(together, c.String())
			}
			slices.Sort(alone)
			slices.Sort(together)
			if !slices.Equal(alone, together) {
				t.Errorf("alone\n%s\ntogether\n%s", strings.Join(alone, "\n"), strings.Join(together, "\n"))
			}
		})
	}
}

// replay runs one recorded stream, with the recorded times.
func replay(t *testing.T, path string, extensions ...string) []trackertest.Concluded {
	t.Helper()
	wire, err := os.ReadFile(path + ".ami")
	if err != nil {
		t.Fatal(err)
	}
	times, err := os.Open(path + ".times")
	if err != nil {
		t.Fatal(err)
	}
	defer times.Close()
	recording, err := NewRecording(wire, times)
	if err != nil {
		t.Fatal(err)
	}
	w := trackertest.Watch(extensions...)
	if err := recording.Replay(w.Observe); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range w.Over() {
		t.Error(wrong)
	}
	return w.Concluded()
}

// TestNothingSuspect holds that no recorded message is taken for one that somebody has tampered with.
func TestNothingSuspect(t *testing.T) {
	t.Parallel()
	for _, file := range recordings(t) {
		wire, err := os.ReadFile(file + ".ami")
		if err != nil {
			t.Fatal(err)
		}
		for stream := range bytes.SplitSeq(wire, []byte(reconnected)) {
			r := NewReader(bytes.NewReader(stream))
			if _, err := r.Banner(); err != nil {
				t.Fatal(err)
			}
			for {
				m, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if m.Suspect {
					t.Errorf("%s: %+v", file, m)
				}
			}
			if r.Dropped() != 0 {
				t.Errorf("%s: %d messages dropped", file, r.Dropped())
			}
		}
	}
}
