package connector_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/telephony"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a connector whose runs end as told: up for a time, then with an error. Its last run lasts until ctx ends.
type script struct {
	runs []run
	at   []time.Duration // when each run began
	zero time.Time
}

type run struct {
	up  time.Duration // 0: never up
	err error
}

func (s *script) Run(ctx context.Context, report func(telephony.Observation)) error {
	n := len(s.at)
	s.at = append(s.at, time.Since(s.zero))
	if n >= len(s.runs) {
		report(telephony.Observation{ObservedAt: time.Now(), Fact: telephony.LinkUp{Peer: "the last"}})
		<-ctx.Done()
		return ctx.Err()
	}
	if r := s.runs[n]; r.up > 0 {
		report(telephony.Observation{ObservedAt: time.Now(), Fact: telephony.LinkUp{Peer: "PBX"}})
		time.Sleep(r.up) // in a bubble
	}
	return s.runs[n].err
}

// supervise runs a script for a time and tells what was reported and what became of the link.
func supervise(t *testing.T, s *script, span time.Duration) (reported, links []string) {
	t.Helper()
	s.zero = time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	err := connector.Supervise(ctx, s, func(o telephony.Observation) {
		reported = append(reported, fmt.Sprintf("%T", o.Fact))
		if o.ObservedAt.IsZero() {
			t.Error("an observation without a time")
		}
	}, func(l telephony.Link) {
		if l.Since.IsZero() {
			t.Error("a link without a time")
		}
		links = append(links, string(l.State))
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Supervise returned %v, want the context's error", err)
	}
	return reported, links
}

var (
	soft = &connector.Failure{Problem: "gone", Remedy: "wait"}
	hard = &connector.Failure{Problem: "wrong password", Remedy: "correct it", Permanent: true}
)

func TestRetriesWithBackOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		for range 12 {
			s.runs = append(s.runs, run{err: soft})
		}
		_, links := supervise(t, s, time.Hour)
		if len(s.at) != 13 || links[0] != "connecting" || links[1] != "lost" || links[len(links)-1] != "connected" {
			t.Fatalf("%d runs, links %v", len(s.at), links)
		}
		want := 500 * time.Millisecond
		for i := 1; i < len(s.at); i++ {
			if wait := s.at[i] - s.at[i-1]; wait < want/2 || wait > want*3/2 {
				t.Errorf("waited %v before run %d, want about %v", wait, i+1, want)
			}
			want = min(2*want, 30*time.Second)
		}
	})
}

// Trying again cannot help: there is no second run, and no load on a PBX that might lock the account.
func TestPermanentFailureIsNotRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{runs: []run{{err: fmt.Errorf("wrapped: %w", hard)}}}
		reported, links := supervise(t, s, 24*time.Hour)
		if len(s.at) != 1 || fmt.Sprint(links) != "[connecting refused]" || len(reported) != 0 {
			t.Errorf("%d runs, links %v, reported %v", len(s.at), links, reported)
		}
	})
}

// A link that was up is reported lost, once; one that held begins again with a short wait.
func TestLostIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{runs: []run{{err: soft}, {err: soft}, {err: soft}, {err: soft}, {err: soft}, {up: time.Minute, err: errors.New("reset")}, {up: time.Second}}}
		reported, links := supervise(t, s, time.Hour)
		if got := fmt.Sprint(reported); got != "[telephony.LinkUp telephony.LinkLost telephony.LinkUp telephony.LinkLost telephony.LinkUp telephony.LinkLost]" {
			t.Errorf("reported %s", got)
		}
		if got := fmt.Sprint(links); got != "[connecting lost lost lost lost lost connected lost connected lost connected]" {
			t.Errorf("links %s", got)
		}
		if wait := s.at[6] - s.at[5] - time.Minute; wait > 750*time.Millisecond {
			t.Errorf("waited %v after a link that had held, want about 0.5 s", wait)
		}
		if wait := s.at[7] - s.at[6] - time.Second; wait < 500*time.Millisecond {
			t.Errorf("waited %v after a link that had not held, want about 1 s", wait)
		}
	})
}

// What a person is told of a broken link.
func TestBrokenLinkIsExplained(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{runs: []run{{err: soft}, {err: errors.New("odd")}, {}}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var told []string
		_ = connector.Supervise(ctx, s, func(telephony.Observation) {}, func(l telephony.Link) {
			told = append(told, string(l.State)+"/"+l.Problem+"/"+l.Remedy+"/"+l.Peer)
		})
		if got := fmt.Sprint(told); got != "[connecting/// lost/gone/wait/ lost/odd// lost/The link to the PBX ended// connected///the last]" {
			t.Errorf("told %s", got)
		}
	})
}
