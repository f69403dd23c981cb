package ami

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/demopbx"
	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/tracker"
)

// TestScenarios plays every scenario on the demo PBX, in several of the orders of messages that Asterisk leaves open, and
// compares what connector and tracker conclude with what the file expects: for a line of all extensions in it, and for each
// extension alone.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../testdata/scenarios/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatalf("found %d scenarios (%v), want 20 or more", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			s, err := demopbx.ParseScenario(file, f)
			if err != nil {
				t.Fatal(err)
			}
			for seed := range uint64(3) {
				checkScenario(t, s, playScenario(t, s, seed))
			}
		})
	}
}

// playScenario returns what the connector reported, on the PBX's clock.
func playScenario(t *testing.T, s *demopbx.Scenario, seed uint64) []telephony.Observation {
	t.Helper()
	pbx := startPBX(t, func(o *demopbx.Options) {
		o.Seed, o.Timestamps, o.Speed = seed, true, 40
		o.Accounts["callboard"] = demopbx.Account{Secret: secret, Read: "system,call,agent,dialplan", Write: "call"}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	var seen []telephony.Observation
	up, made, gone := make(chan struct{}), 0, 0
	quiet := make(chan struct{}, 1) // all legs that were made are gone
	var running sync.WaitGroup
	running.Go(func() {
		_ = New(settings(pbx)).Run(ctx, func(o telephony.Observation) {
			mu.Lock()
			defer mu.Unlock()
			if !o.ReportedAt.IsZero() {
				o.ObservedAt = o.ReportedAt
			}
			seen = append(seen, o)
			switch o.Fact.(type) {
			case telephony.Snapshot:
				close(up)
			case telephony.LegAdded:
				made++
			case telephony.LegGone:
				if gone++; gone == made {
					select {
					case quiet <- struct{}{}:
					default:
					}
				}
			}
		})
	})
	defer running.Wait()
	select {
	case <-up:
	case <-ctx.Done():
		t.Fatal("no snapshot")
	}
	if err := pbx.Play(ctx, s); err != nil {
		t.Fatal(err)
	}
	for {
		select {
		case <-quiet:
		case <-ctx.Done():
			t.Fatalf("%d legs were made, %d are gone", made, gone)
		}
		mu.Lock()
		over := made == gone && len(pbxChannels(seen)) == 0
		mu.Unlock()
		if over {
			cancel()
			mu.Lock()
			defer mu.Unlock()
			return seen
		}
	}
}

// pbxChannels are the legs that live.
func pbxChannels(seen []telephony.Observation) map[telephony.LegID]bool {
	live := map[telephony.LegID]bool{}
	for _, o := range seen {
		switch f := o.Fact.(type) {
		case telephony.LegAdded:
			live[f.Leg] = true
		case telephony.LegGone:
			delete(live, f.Leg)
		}
	}
	return live
}

func checkScenario(t *testing.T, s *demopbx.Scenario, seen []telephony.Observation) {
	t.Helper()
	var begin time.Time
	for _, o := range seen {
		if _, first := o.Fact.(telephony.LegAdded); first && begin.IsZero() {
			begin = o.ObservedAt
		}
	}
	var all []string
	for _, e := range s.Expect {
		if !slices.Contains(all, e.Extension) {
			all = append(all, e.Extension)
		}
	}
	together, calls := track(t, seen, all)
	for _, extension := range all {
		alone, _ := track(t, seen, []string{extension})
		var want []demopbx.Expectation
		for _, e := range s.Expect {
			if e.Extension == extension {
				want = append(want, e)
			}
		}
		for how, got := range map[string][]telephony.View{"alone": alone[extension], "together": together[extension]} {
			want := wanted(got, want)
			if len(got) != len(want) {
				t.Errorf("%s %s: %d calls, want %d: %+v", extension, how, len(got), len(want), got)
				continue
			}
			for i := range want {
				for _, problem := range differences(got[i], want[i], begin) {
					t.Errorf("line %d, %s %s: %s", want[i].Line, extension, how, problem)
				}
			}
		}
	}
	if most := len(s.Expect); calls > most || calls != 1 && (strings.Contains(s.Name, "/ring-group") || strings.Contains(s.Name, "/internal")) {
		t.Errorf("together they are %d calls", calls)
	}
}

// track returns the last state of each extension's views, in the order they began, and how many calls they belong to.
func track(t *testing.T, seen []telephony.Observation, extensions []string) (map[string][]telephony.View, int) {
	t.Helper()
	var configured []tracker.Extension
	for _, e := range extensions {
		configured = append(configured, tracker.Extension{Number: e})
	}
	n := 0
	tr := tracker.New(tracker.Options{Extensions: configured, NewID: func() telephony.CallID { n++; return telephony.CallID(fmt.Sprint("call-", n)) }})
	newest, ends := map[telephony.CallID]*telephony.Call{}, map[telephony.CallID]int{}
	var order []telephony.CallID
	for _, o := range seen {
		for _, c := range tr.Apply(o) {
			if c.Call == nil {
				continue
			}
			if newest[c.Call.ID] == nil {
				order = append(order, c.Call.ID)
			}
			newest[c.Call.ID] = c.Call
			if c.Kind == telephony.CallEnded {
				ends[c.Call.ID]++
			}
		}
	}
	views := map[string][]telephony.View{}
	for _, id := range order {
		if ends[id] != 1 || !newest[id].Complete {
			t.Errorf("call %s ended %d times, complete %v", id, ends[id], newest[id].Complete)
		}
		for _, v := range newest[id].Views {
			views[v.Extension] = append(views[v.Extension], v)
		}
	}
	if tr.Live() != 0 {
		t.Errorf("%d legs are left", tr.Live())
	}
	return views, len(order)
}
