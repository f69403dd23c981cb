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
	times, err := os.Open(path + ".times")
	if err != nil {
		t.Fatal(err)
	}
	defer times.Close()
	recording, err := NewRecording(wire, times)
	if err != nil {
		t.Fatal(err)
	}
	if err := recording.Replay(report); err != nil {
		t.Fatal(err)
	}
	var out []telephony.View
	for _, id := range order {
		out = append(out, views[id])
	}
	return out
}

// TestNothingSuspect holds that no recorded message is taken for one that somebody has tampered with.
func TestNothingSuspect(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../testdata/traces/*.ami")
	if err != nil || len(files) < 9 {
		t.Fatalf("found %d traces (%v), want 9 or more", len(files), err)
	}
	for _, file := range files {
		wire, err := os.ReadFile(file)
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
