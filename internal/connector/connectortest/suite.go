// Package connectortest is the suite that every connector must pass. A new connector is done when it is green; a new rule is
// one more test here, and all connectors get it.
//
// Whoever runs it brings the connector and a PBX that it can talk to and the suite can command. Calls are told to that PBX
// as scenario text (testdata/scenarios/README.md), so that nothing here knows a vendor.
package connectortest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// PBX is the other end of the wire. Its phones are 1001 to 1006; a trunk leads outside.
type PBX interface {
	// Play plays a scenario, fast, and returns when all it says has been sent.
	Play(ctx context.Context, scenario string) error
	// Connections is how many clients are logged in, and WaitConnections blocks until they are at least n.
	Connections() int
	WaitConnections(ctx context.Context, n int) error
	// Drop ends all connections, by a reset or orderly.
	Drop(reset bool)
	// Stall makes it hang: connections stay, nothing is sent.
	Stall(on bool)
	// Chunk makes it send packets of at most n bytes; 0 ends that.
	Chunk(n int)
	// Tear sends the first half of a message that says that a leg named "torn" was made, and resets the connections.
	Tear()
}

// Rig makes what a test needs: a PBX that is up, and a connector that may log in to it.
type Rig func(t *testing.T) (connector.Connector, PBX)

const limit = 20 * time.Second // for things that take milliseconds, on a machine that does much else

// Run runs the suite.
func Run(t *testing.T, rig Rig) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Rig)
	}{
		{"first LinkUp, then Snapshot", snapshotFirst},
		{"order is kept in packets of any size", orderKept},
		{"one connection", oneConnection},
		{"cancel returns within a second", cancelReturns},
		{"a lost link is an error, and the next Run finds what is there", lostAndResynced},
		{"half a message is not a message", halfMessage},
		{"any caller name survives", hostileName},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, rig)
		})
	}
}

// link is a connector that runs, and all that it reported.
type link struct {
	t   *testing.T
	end context.CancelFunc
	err chan error

	mu    sync.Mutex
	seen  []telephony.Observation
	stir  chan struct{} // closed and replaced at every observation
	inUse bool
	after bool // Run has returned
}

func start(t *testing.T, c connector.Connector) *link {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &link{t: t, end: cancel, err: make(chan error, 1), stir: make(chan struct{})}
	var running sync.WaitGroup
	running.Go(func() {
		err := c.Run(ctx, l.report)
		l.mu.Lock()
		l.after = true
		l.mu.Unlock()
		l.err <- err
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return l
}

func (l *link) report(o telephony.Observation) {
	l.mu.Lock()
	if l.inUse || l.after {
		l.t.Error("report is called from two goroutines at once, or after Run has returned")
	}
	l.inUse = true
	l.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inUse = false
	l.seen = append(l.seen, o)
	close(l.stir)
	l.stir = make(chan struct{})
}

// until waits until what was reported is enough, and returns it.
func (l *link) until(what string, enough func([]telephony.Observation) bool) []telephony.Observation {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), limit)
	defer cancel()
	for {
		l.mu.Lock()
		seen, stir := slices.Clone(l.seen), l.stir
		l.mu.Unlock()
		if enough(seen) {
			return seen
		}
		select {
		case <-stir:
		case err := <-l.err:
			l.t.Fatalf("Run returned %v before %s", err, what)
		case <-ctx.Done():
			l.t.Fatalf("%s did not come; seen: %+v", what, seen)
		}
	}
}

func (l *link) untilSnapshot() telephony.Snapshot {
	l.t.Helper()
	seen := l.until("the snapshot", func(seen []telephony.Observation) bool { return len(seen) >= 2 })
	if _, ok := seen[0].Fact.(telephony.LinkUp); !ok {
		l.t.Fatalf("the first observation is %T, want LinkUp", seen[0].Fact)
	}
	snapshot, ok := seen[1].Fact.(telephony.Snapshot)
	if !ok {
		l.t.Fatalf("the second observation is %T, want Snapshot", seen[1].Fact)
	}
	return snapshot
}

// untilGone waits until so many legs are gone.
func (l *link) untilGone(n int) []telephony.Observation {
	l.t.Helper()
	return l.until(fmt.Sprint("the end of ", n, " legs"), func(seen []telephony.Observation) bool {
		gone := 0
		for _, o := range seen {
			if _, ok := o.Fact.(telephony.LegGone); ok {
				gone++
			}
		}
		return gone >= n
	})
}

func (l *link) wait(within time.Duration) error {
	l.t.Helper()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case err := <-l.err:
		return err
	case <-timer.C:
		l.t.Fatalf("Run has not returned within %v", within)
		return nil
	}
}

func play(t *testing.T, pbx PBX, scenario string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := pbx.Play(ctx, scenario); err != nil {
		t.Fatal(err)
	}
}

const staysUp = "0.0 outside 2025550143 \"Bob Caller\" calls 5550101, rings 1001\n0.5 1001 answers\n"

func snapshotFirst(t *testing.T, rig Rig) {
	c, pbx := rig(t)
	play(t, pbx, staysUp)
	snapshot := start(t, c).untilSnapshot()
	if len(snapshot.Legs) != 2 {
		t.Fatalf("the snapshot has %d legs, want 2", len(snapshot.Legs))
	}
	for _, leg := range snapshot.Legs {
		if leg.Leg == "" || leg.Device == "" || leg.State != telephony.LegUp || leg.Bridge == "" || leg.Bridge != snapshot.Legs[0].Bridge {
			t.Errorf("a leg of a call that talks is told as %+v", leg)
		}
	}
	if snapshot.Legs[0].Called == snapshot.Legs[1].Called {
		t.Error("both legs, or neither, are said to be called")
	}
}

func orderKept(t *testing.T, rig Rig) {
	c, pbx := rig(t)
	l := start(t, c)
	l.untilSnapshot()
	const calls = 8
	for _, chunk := range []int{1, 7, 0} {
		pbx.Chunk(chunk)
		var text strings.Builder
		for i := range calls {
			fmt.Fprintf(&text, "0.%d c%d: outside 202555%04d calls 5550101, rings 100%d\n", i, i, i, i%6+1)
		}
		for i := range calls {
			fmt.Fprintf(&text, "1.%d c%d: 100%d answers\n", i, i, i%6+1)
		}
		for i := range calls {
			fmt.Fprintf(&text, "2.%d c%d: outside hangs up\n", i, i)
		}
		play(t, pbx, text.String())
	}
	checkOrder(t, l.untilGone(3*2*calls))
}

// checkOrder checks each leg's own life, and that our clock does not go back.
func checkOrder(t *testing.T, seen []telephony.Observation) {
	t.Helper()
	state, over := map[telephony.LegID]telephony.LegState{}, map[telephony.LegID]bool{}
	for i, o := range seen {
		if i > 0 && o.ObservedAt.Before(seen[i-1].ObservedAt) {
			t.Errorf("observation %d is older than the one before", i)
		}
		for _, f := range o.Legs {
			if _, made := state[f.Leg]; !made {
				if _, first := o.Fact.(telephony.LegAdded); !first {
					t.Errorf("leg %s begins with %T", f.Leg, o.Fact)
				}
			}
			if over[f.Leg] {
				t.Errorf("leg %s goes on after its end with %T", f.Leg, o.Fact)
			}
			if f.State != telephony.LegUnsaid && f.State < state[f.Leg] {
				t.Errorf("leg %s goes back from state %d to %d", f.Leg, state[f.Leg], f.State)
			}
			state[f.Leg] = max(state[f.Leg], f.State)
		}
		if gone, ok := o.Fact.(telephony.LegGone); ok {
			over[gone.Leg] = true
		}
	}
}

func oneConnection(t *testing.T, rig Rig) {
	c, pbx := rig(t)
	l := start(t, c)
	l.untilSnapshot()
	play(t, pbx, staysUp)
	if n := pbx.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func cancelReturns(t *testing.T, rig Rig) {
	for name, prepare := range map[string]func(PBX, *link){
		"at once":                  func(PBX, *link) {},
		"when it is up":            func(_ PBX, l *link) { l.untilSnapshot() },
		"when the PBX hangs":       func(pbx PBX, l *link) { l.untilSnapshot(); pbx.Stall(true) },
		"when the PBX hung before": nil,
	} {
		t.Run(name, func(t *testing.T) {
			c, pbx := rig(t)
			if prepare == nil {
				pbx.Stall(true)
				prepare = func(PBX, *link) {}
			}
			l := start(t, c)
			prepare(pbx, l)
			l.end()
			if err := l.wait(time.Second); !errors.Is(err, context.Canceled) {
				t.Errorf("Run returned %v, want the context's error", err)
			}
			pbx.Stall(false)
		})
	}
}

func lostAndResynced(t *testing.T, rig Rig) {
	for _, reset := range []bool{true, false} {
		c, pbx := rig(t)
		l := start(t, c)
		l.untilSnapshot()
		pbx.Drop(reset)
		var failure *connector.Failure
		if err := l.wait(limit); !errors.As(err, &failure) || failure.Problem == "" || failure.Remedy == "" || failure.Permanent {
			t.Errorf("a lost link is told as %v (%+v)", err, failure)
		}
		play(t, pbx, staysUp)
		if snapshot := start(t, c).untilSnapshot(); len(snapshot.Legs) != 2 {
			t.Errorf("the next Run finds %d legs, want 2", len(snapshot.Legs))
		}
	}
}

func halfMessage(t *testing.T, rig Rig) {
	c, pbx := rig(t)
	l := start(t, c)
	l.untilSnapshot()
	play(t, pbx, "0.0 1001 calls 1002\n1.0 1001 gives up\n")
	l.untilGone(2)
	pbx.Tear()
	if err := l.wait(limit); err == nil {
		t.Error("Run returned no error")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if strings.Contains(fmt.Sprintf("%+v", l.seen), "torn") {
		t.Error("half a message was reported")
	}
}

func hostileName(t *testing.T, rig Rig) {
	c, pbx := rig(t)
	l := start(t, c)
	l.untilSnapshot()
	const name = "50% \"O'Brien\" <b>\\ %d%s\r\nEvent: Hangup\r\n\r\nÅse 李"
	play(t, pbx, fmt.Sprintf("0.0 outside 2025550143 %q calls 5550101, rings 1001\n1.0 outside gives up\n", name))
	seen := l.untilGone(2)
	found := slices.ContainsFunc(seen, func(o telephony.Observation) bool {
		return slices.ContainsFunc(o.Legs, func(f telephony.LegFacts) bool { return f.Name == name })
	})
	if !found {
		t.Errorf("the name %q did not arrive: %+v", name, seen)
	}
	gone := 0
	for _, o := range seen {
		if _, ok := o.Fact.(telephony.LegGone); ok {
			gone++
		}
	}
	if gone != 2 {
		t.Errorf("%d legs are gone, want 2: the name was taken for a message", gone)
	}
}
