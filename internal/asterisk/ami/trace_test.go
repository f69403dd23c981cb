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
	Direction     string
	DirectionAlso []string `yaml:"direction_also_ok"`
	OtherNumber   string   `yaml:"other_number"`
	NumberAlso    []string `yaml:"other_number_also_ok"`
	OtherName     string   `yaml:"other_name"`
	NameAlso      []string `yaml:"other_name_also_ok"`
	NamePrefix    int      `yaml:"other_name_prefix_ok"`
	NumberFinal   string   `yaml:"other_number_final"`
	Timeline      []struct {
		State    string
		T        float64
		Optional bool
		Detail   string
	}
	Disposition     string
	DispositionAlso []string `yaml:"disposition_also_ok"`
	EndedBy         string   `yaml:"ended_by"`
	EndedByAlso     []string `yaml:"ended_by_also_ok"`
	TalkSeconds     int      `yaml:"talk_seconds"`
	TalkTolerance   int      `yaml:"talk_tolerance"`
	EndsEarly       string   `yaml:"disconnected_may_be_at"`
	Optional        bool     `yaml:"call_is_optional"`
	EndedInGap      bool     `yaml:"ended_in_gap"`
	BeganInGap      bool     `yaml:"began_in_gap"`
	AnsweredInGap   bool     `yaml:"answered_in_gap"`

	Recorded, Monitored, Queue, Dialed any
	TransferredTo                      string `yaml:"transferred_to"`
	TransferType                       string `yaml:"transfer_type"`
	TransferredBy                      string `yaml:"transferred_by"`
	ForwardedTo                        string `yaml:"forwarded_to"`
	AnsweredBy                         string `yaml:"answered_by"`
	PickedUpBy                         string `yaml:"picked_up_by"`
	ParkedAt                           string `yaml:"parked_at"`
	RetrievedBy                        string `yaml:"retrieved_by"`
	RetrievedFrom                      string `yaml:"retrieved_from"`
	ClickToDial                        bool   `yaml:"click_to_dial"`
}

// TestRealCalls replays recorded calls through codec, mapper and tracker, seen from each extension that the expectation
// names, and compares with what the phones did. Times may differ by 0.3 s.
func TestRealCalls(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/traces/*.expect.yaml")
	if err != nil || len(files) < 18 {
		t.Fatalf("found %d traces (%v), want 18 or more", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".expect.yaml"), func(t *testing.T) {
			t.Parallel()
			checkTrace(t, file)
		})
	}
}

func checkTrace(t *testing.T, file string) {
	t.Helper()
	var want expectation
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	for _, viewpoint := range want.Viewpoints {
		views, calls := replay(t, strings.TrimSuffix(file, ".expect.yaml"), viewpoint.Extension), viewpoint.Calls
		if len(views) < len(calls) {
			calls = slices.DeleteFunc(calls, func(c expectedCall) bool { return c.Optional })
		}
		if len(views) != len(calls) {
			t.Errorf("extension %s: got %d calls, want %d: %+v", viewpoint.Extension, len(views), len(calls), views)
			continue
		}
		for i, call := range calls {
			compare(t, views[i], call, time.UnixMilli(want.T0))
		}
	}
}

// concluded is a view at its end, and who was at the other end before another came.
type concluded struct {
	telephony.View
	first telephony.Party
}

func compare(t *testing.T, got concluded, want expectedCall, t0 time.Time) {
	t.Helper()
	extension := got.Extension
	is := func(what, got, want string, also ...string) {
		t.Helper()
		if got != want && !slices.Contains(also, got) {
			t.Errorf("extension %s: %s %q, want %q", extension, what, got, want)
		}
	}
	is("direction", string(got.Direction), want.Direction, want.DirectionAlso...)
	is("other number", got.first.Number, want.OtherNumber, want.NumberAlso...)
	if want.NumberFinal != "" {
		is("other number at the end", got.Party.Number, want.NumberFinal)
	}
	if n := want.NamePrefix; n == 0 || len(got.first.Name) < n || got.first.Name[:n] != want.OtherName[:n] {
		is("other name", got.first.Name, want.OtherName, want.NameAlso...)
	}
	if want.EndedInGap {
		if got.Result != telephony.UnknownResult || !got.EndedAt.IsZero() || got.EndedAfter.IsZero() || got.EndedBefore.IsZero() {
			t.Errorf("an end that was not seen reads %+v", got)
		}
		return
	}
	is("result", strings.ReplaceAll(string(got.Result), "_", "-"), want.Disposition, want.DispositionAlso...)
	is("ended by", string(got.EndedBy), want.EndedBy, want.EndedByAlso...)
	is("answered by", got.AnsweredBy, want.AnsweredBy, want.PickedUpBy)
	is("picked up by", got.PickedUpBy, want.PickedUpBy)
	is("forwarded to", got.ForwardedTo, want.ForwardedTo, "voicemail")
	is("transferred to", got.TransferredTo, want.TransferredTo)
	is("transfer type", string(got.TransferKind), want.TransferType)
	if want.TransferredBy != "" && !want.BeganInGap {
		is("transferred by", got.TransferredBy, want.TransferredBy)
	}
	is("parked at", got.ParkedAt, want.ParkedAt)
	is("retrieved by", got.RetrievedBy, want.RetrievedBy)
	is("retrieved from", got.RetrievedFrom, want.RetrievedFrom)
	if want.Queue != nil {
		is("queue", got.Queue, fmt.Sprint(want.Queue))
	}
	if got.ClickToDial != want.ClickToDial {
		t.Errorf("click to dial %v, want %v", got.ClickToDial, want.ClickToDial)
	}
	if want.BeganInGap {
		return
	}
	for what, each := range map[string]struct {
		got  telephony.Known
		want any
	}{"recorded": {got.Recorded, want.Recorded}, "monitored": {got.Monitored, want.Monitored}} {
		if yes, said := each.want.(bool); said && (each.got == telephony.Yes) != yes {
			t.Errorf("%s is %s, want %v", what, each.got, yes)
		}
	}
	compareTimeline(t, got, want, t0)
}

func compareTimeline(t *testing.T, got concluded, want expectedCall, t0 time.Time) {
	t.Helper()
	var seen []telephony.TimelineEntry
	for _, entry := range got.Timeline {
		if entry.What != string(telephony.Dialing) && entry.What != telephony.WhatGap && entry.What != telephony.WhatPickedUp {
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
		if early := what == "ended" && want.EndsEarly != ""; at < entry.T-0.3 && !early || at > entry.T+0.3 {
			if what == "connected" && want.AnsweredInGap && at > entry.T && got.AnsweredAt.IsZero() {
				seen = seen[1:]
				continue // it was only noticed later, and says so
			}
			t.Errorf("extension %s: %s at %.2f s, want %.2f", got.Extension, what, at, entry.T)
		}
		seen = seen[1:]
	}
	if len(seen) > 0 {
		t.Errorf("extension %s: more than happened: %+v", got.Extension, seen)
	}
	if !got.AnsweredAt.IsZero() {
		talk, slack := int(got.EndedAt.Sub(got.AnsweredAt).Seconds()), max(1, want.TalkTolerance)
		if talk < want.TalkSeconds-slack || talk > want.TalkSeconds+slack {
			t.Errorf("extension %s: talked %d s, want %d", got.Extension, talk, want.TalkSeconds)
		}
	}
}

// replay runs one recorded stream, with the recorded times, and returns the extension's views in the order they began.
func replay(t *testing.T, path string, extensions ...string) []concluded {
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
	w := newWitness(extensions)
	if err := recording.Replay(w.observe); err != nil {
		t.Fatal(err)
	}
	w.check(t)
	var out []concluded
	for _, leg := range w.order {
		out = append(out, w.views[leg])
	}
	return out
}

// witness is a tracker and what it concludes.
type witness struct {
	*tracker.Tracker
	last           time.Time
	views          map[telephony.LegID]concluded
	order          []telephony.LegID
	created, ended map[telephony.CallID]int
}

func newWitness(extensions []string) *witness {
	w := &witness{views: map[telephony.LegID]concluded{}, created: map[telephony.CallID]int{}, ended: map[telephony.CallID]int{}}
	var lines []tracker.Extension
	for _, e := range extensions {
		lines = append(lines, tracker.Extension{Number: e})
	}
	w.Tracker = tracker.New(tracker.Options{Extensions: lines, NewID: func() telephony.CallID {
		return telephony.CallID(fmt.Sprint("call-", len(w.created)+1))
	}})
	return w
}

func (w *witness) observe(o telephony.Observation) {
	w.last = o.ObservedAt
	for _, change := range w.Apply(o) {
		if change.Call == nil {
			continue
		}
		switch change.Kind {
		case telephony.CallCreated:
			w.created[change.Call.ID]++
		case telephony.CallEnded:
			w.ended[change.Call.ID]++
		}
		for _, v := range change.Call.Views {
			if _, known := w.views[v.Leg]; !known {
				w.order = append(w.order, v.Leg)
			}
			first := v.Party
			if v.First != (telephony.Party{}) {
				first = v.First
			}
			w.views[v.Leg] = concluded{v, first}
		}
	}
}

// check holds what is true of every recording in which all telephones have hung up.
func (w *witness) check(t *testing.T) {
	t.Helper()
	w.observe(telephony.Observation{ObservedAt: w.last.Add(time.Minute)}) // nothing is left to wait for
	for id, n := range w.created {
		if n != 1 || w.ended[id] != 1 {
			t.Errorf("%s was created %d times and ended %d times", id, n, w.ended[id])
		}
	}
	if w.Live() != 0 {
		t.Errorf("%d legs are left", w.Live())
	}
}

// TestTogether holds that what one extension sees does not depend on who else is on the line.
func TestTogether(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../testdata/traces/*.ami")
	if err != nil || len(files) < 18 {
		t.Fatalf("found %d traces (%v), want 18 or more", len(files), err)
	}
	desks := []string{"1001", "1002", "1003", "1004", "1005", "1006"}
	for _, file := range files {
		path := strings.TrimSuffix(file, ".ami")
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			var alone, together []string
			for _, desk := range desks {
				for _, v := range replay(t, path, desk) {
					alone = append(alone, v.String())
				}
			}
			for _, v := range replay(t, path, desks...) {
				together = append(together, v.String())
			}
			slices.Sort(alone)
			slices.Sort(together)
			if !slices.Equal(alone, together) {
				t.Errorf("alone\n%s\ntogether\n%s", strings.Join(alone, "\n"), strings.Join(together, "\n"))
			}
		})
	}
}

func (c concluded) String() string {
	var happened []string
	for _, e := range c.Timeline {
		happened = append(happened, e.What)
	}
	return fmt.Sprint(c.Extension, " ", c.Leg, " ", c.Direction, " ", c.first.Number, " ", c.Party.Number, " ", c.Result, " ", c.EndedBy, " ", c.Facts, happened)
}

// TestNothingSuspect holds that no recorded message is taken for one that somebody has tampered with.
func TestNothingSuspect(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../testdata/traces/*.ami")
	if err != nil || len(files) < 18 {
		t.Fatalf("found %d traces (%v), want 18 or more", len(files), err)
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
