package ami

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/tracker"
)

// expectation is testdata/traces/*.expect.yaml: what the phones were made to do, not what the trace says.
type expectation struct {
	T0         int64 `yaml:"t0_unix_ms"`
	Viewpoints []struct {
		Extension string
		Calls     []expectedCall
	}
}

type expectedCall struct {
	Direction   string
	OtherNumber string   `yaml:"other_number"`
	NumberAlso  []string `yaml:"other_number_also_ok"`
	OtherName   string   `yaml:"other_name"`
	Timeline    []struct {
		State    string
		T        float64
		Optional bool
	}
	Disposition     string
	DispositionAlso []string `yaml:"disposition_also_ok"`
	EndedBy         string   `yaml:"ended_by"`
	TalkSeconds     int      `yaml:"talk_seconds"`
	AnsweredBy      string   `yaml:"answered_by"`
	EndedInGap      bool     `yaml:"ended_in_gap"`
	BeganInGap      bool     `yaml:"began_in_gap"`
}

// TestRealCalls replays recorded calls through codec, mapper and tracker, seen from each extension that the expectation
// names, and compares with what the phones did. Times may differ by 0.3 s.
func TestRealCalls(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/traces/*.expect.yaml")
	if err != nil || len(files) < 9 {
		t.Fatalf("found %d traces (%v), want 9 or more", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".expect.yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want expectation
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			for _, viewpoint := range want.Viewpoints {
				views := replay(t, strings.TrimSuffix(file, ".expect.yaml"), viewpoint.Extension)
				if len(views) != len(viewpoint.Calls) {
					t.Fatalf("extension %s: got %d calls, want %d", viewpoint.Extension, len(views), len(viewpoint.Calls))
				}
				for i, call := range viewpoint.Calls {
					compare(t, views[i], call, time.UnixMilli(want.T0))
				}
			}
		})
	}
}

func compare(t *testing.T, got telephony.View, want expectedCall, t0 time.Time) {
	t.Helper()
	where := "extension " + got.Extension
	if string(got.Direction) != want.Direction {
		t.Errorf("%s: direction %q, want %q", where, got.Direction, want.Direction)
	}
	if got.Party.Number != want.OtherNumber && !slices.Contains(want.NumberAlso, got.Party.Number) {
		t.Errorf("%s: other number %q, want %q", where, got.Party.Number, want.OtherNumber)
	}
	if got.Party.Name != want.OtherName {
		t.Errorf("%s: other name %q, want %q", where, got.Party.Name, want.OtherName)
	}
	if want.EndedInGap {
		if got.Result != telephony.UnknownResult || !got.EndedAt.IsZero() || got.EndedAfter.IsZero() || got.EndedBefore.IsZero() {
			t.Errorf("%s: an end that was not seen reads %+v", where, got)
		}
		return
	}
	result := strings.ReplaceAll(string(got.Result), "_", "-")
	if result != want.Disposition && !slices.Contains(want.DispositionAlso, result) {
		t.Errorf("%s: result %q, want %q", where, result, want.Disposition)
	}
	if string(got.EndedBy) != want.EndedBy {
		t.Errorf("%s: ended by %q, want %q", where, got.EndedBy, want.EndedBy)
	}
	if got.AnsweredBy != want.AnsweredBy {
		t.Errorf("%s: answered by %q, want %q", where, got.AnsweredBy, want.AnsweredBy)
	}
	if want.BeganInGap {
		return
	}
	compareTimeline(t, got, want, t0)
}

func compareTimeline(t *testing.T, got telephony.View, want expectedCall, t0 time.Time) {
	t.Helper()
	var seen []telephony.TimelineEntry
	for _, entry := range got.Timeline {
		if entry.What != string(telephony.Dialing) && entry.What != telephony.WhatGap {
			seen = append(seen, entry)
		}
	}
	for _, entry := range want.Timeline {
		what := entry.State
		if what == "disconnected" {
			what = "ended"
		}
		if len(seen) == 0 || seen[0].What != what {
			if entry.Optional {
				continue
			}
			t.Fatalf("extension %s: no %s at %.2f s in %+v", got.Extension, what, entry.T, got.Timeline)
		}
		at := seen[0].At.Sub(t0).Seconds()
		if at < entry.T-0.3 || at > entry.T+0.3 {
			t.Errorf("extension %s: %s at %.2f s, want %.2f", got.Extension, what, at, entry.T)
		}
		seen = seen[1:]
	}
	if len(seen) > 0 {
		t.Errorf("extension %s: more than happened: %+v", got.Extension, seen)
	}
	if !got.AnsweredAt.IsZero() {
		talk := int(got.EndedAt.Sub(got.AnsweredAt).Seconds())
		if talk < want.TalkSeconds-1 || talk > want.TalkSeconds+1 {
			t.Errorf("extension %s: talked %d s, want %d", got.Extension, talk, want.TalkSeconds)
		}
	}
}

// replay runs one recorded stream, with the recorded times, and returns the extension's views in the order they began.
func replay(t *testing.T, path, extension string) []telephony.View {
	t.Helper()
	wire, err := os.ReadFile(path + ".ami")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	tr := tracker.New(tracker.Options{
		Extensions: []tracker.Extension{{Number: extension}},
		NewID:      func() telephony.CallID { n++; return telephony.CallID(fmt.Sprint("call-", n)) },
	})
	views := map[telephony.CallID]telephony.View{}
	var order []telephony.CallID
	report := func(o telephony.Observation) {
		for _, change := range tr.Apply(o) {
			if change.Call == nil {
				continue
			}
			if _, known := views[change.Call.ID]; !known {
				order = append(order, change.Call.ID)
			}
			views[change.Call.ID] = change.Call.Views[0]
		}
	}
	clock := readTimes(t, path+".times")
	offset := 0
	streams := bytes.Split(wire, []byte("### reconnect\n"))
	var last time.Time
	for i, stream := range streams {
		if i > 0 {
			report(telephony.Observation{ObservedAt: last, Fact: telephony.LinkLost{}})
		}
		last = replayStream(t, stream, offset, clock, report)
		offset += len(stream) + len("### reconnect\n")
	}
	var out []telephony.View
	for _, id := range order {
		out = append(out, views[id])
	}
	return out
}

// replayStream is a session's event loop with the recorder's snapshot in place of ours.
func replayStream(t *testing.T, stream []byte, offset int, clock func(int) time.Time, report func(telephony.Observation)) time.Time {
	t.Helper()
	counted := &counter{r: bytes.NewReader(stream)}
	r := NewReader(counted)
	if _, err := r.Banner(); err != nil {
		t.Fatal(err)
	}
	s := &session{reader: r, report: report, snapshot: &snapshot{}}
	var now time.Time
	for {
		m, err := r.Next()
		if errors.Is(err, io.EOF) {
			return now
		}
		if err != nil {
			t.Fatal(err)
		}
		now = clock(offset + counted.n - (r.end - r.start))
		if id := m.Text("ActionID"); strings.HasSuffix(id, "-status") && s.snapshot != nil {
			s.snapshot.id = id
		}
		if m.Suspect {
			t.Errorf("a recorded message was found suspect: %+v", m)
		}
		if m.Event() != nil {
			s.config.Logger = nil
			if err := s.event(m, now); err != nil {
				t.Fatal(err)
			}
		}
	}
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p[:min(len(p), 512)])
	c.n += n
	return n, err
}

// readTimes reads "offset length unix_ms" lines: when the byte before a place in the stream had arrived.
func readTimes(t *testing.T, path string) func(int) time.Time {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	type read struct {
		end int
		at  time.Time
	}
	var reads []read
	for line := range strings.Lines(string(text)) {
		var offset, length int
		var ms int64
		if _, err := fmt.Sscan(line, &offset, &length, &ms); err == nil {
			reads = append(reads, read{offset + length, time.UnixMilli(ms)})
		}
	}
	return func(place int) time.Time {
		i, _ := slices.BinarySearchFunc(reads, place, func(r read, place int) int { return r.end - place })
		if i == len(reads) {
			i--
		}
		return reads[i].at
	}
}
