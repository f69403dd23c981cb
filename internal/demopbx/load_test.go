package demopbx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	plan := LoadPlan{Seed: 4, Rate: 5, Calls: 60, Talk: 6 * time.Second}
	var reports []LoadReport
	for range 2 {
		p := startPBX(t, func(o *Options) { o.Seed, o.Timestamps, o.Speed = 9, true, 1000 })
		c := login(t, p, "admin")
		events := make(chan []ami)
		go func() { // read as it comes: nothing may pile up
			var all []ami
			for m := c.next(); m.get("Ping") == ""; m = c.next() {
				if m.keys[0] == "Event" && m.get("Event") != "FullyBooted" && m.get("Event") != "SuccessfulAuth" {
					all = append(all, m)
				}
			}
			events <- all
		}()
		report, err := p.Load(context.Background(), plan)
		if err != nil {
			t.Fatal(err)
		}
		p.Inject([]byte("Event: Last\r\nPing: Pong\r\n\r\n"))
		all := <-events
		checkRules(t, all)
		begun := 0
		for _, m := range all {
			if m.get("Event") == "Newchannel" && m.get("ChannelState") == "4" {
				begun++
			}
		}
		sum := report.Answered + report.Missed + report.Busy + report.Rejected + report.Cancelled
		if report.Begun != 60 || begun != 60+report.Attended || sum != 60 || report.Inbound+report.Outbound+report.Internal+report.Groups != 60 {
			t.Errorf("%d calls were seen, %+v", begun, report)
		}
		if report.PeakCalls < 2 {
			t.Errorf("never more than %d calls at a time", report.PeakCalls)
		}
		reports = append(reports, report)
	}
	if reports[0] != reports[1] {
		t.Errorf("the same plan made %+v, then %+v", reports[0], reports[1])
	}
}

func TestLoadStops(t *testing.T) {
	t.Parallel()
	p := startPBX(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := login(t, p, "admin")
	done := make(chan error)
	go func() {
		_, err := p.Load(ctx, LoadPlan{Seed: 1, Rate: 2})
		done <- err
	}()
	for m := c.next(); m.get("Event") != "Newstate"; m = c.next() {
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Load returned %v", err)
	}
	c.drain()
	if got := c.list("Action: CoreShowChannels"); len(got) != 2 {
		t.Errorf("%d channels are left", len(got)-2)
	}
	for _, plan := range []LoadPlan{{}, {Rate: 1, Calls: -1}, {Rate: 1, Extensions: []string{"1001"}}} {
		if _, err := p.Load(context.Background(), plan); err == nil || strings.Contains(err.Error(), "canceled") {
			t.Errorf("%+v: %v", plan, err)
		}
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.Timestamps, o.Speed = true, 400 })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p.Demo(ctx) }()
	c := login(t, p, "admin")
	var numbers []string
	for len(numbers) < 14 { // more than one round
		if m := c.next(); m.get("Event") == "Newchannel" && m.get("ChannelState") == "4" {
			numbers = append(numbers, m.get("CallerIDNum"))
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Demo returned %v", err)
	}
	if numbers[0] != "+4512345678" || !slices.Contains(numbers, "1002") || !slices.Contains(numbers, "anonymous") {
		t.Errorf("callers %v", numbers)
	}
}

func TestDemoBeginsWithTheFirstClient(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.Timestamps, o.Speed = true, 5 })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p.Demo(ctx) }()
	for i := range 2 {
		before := p.Now()
		c := login(t, p, "admin")
		m := c.next()
		for ; m.get("Event") != "Newchannel"; m = c.next() {
		}
		waited := timeOf(t, m) - time.Duration(before.UnixNano())
		if waited < time.Second || waited > 2*time.Second {
			t.Errorf("client %d: the first call comes %v after the login", i, waited)
		}
		p.Restart() // ends the call and the client
		if n := p.exchange.currentCalls(); n != 0 {
			t.Errorf("%d calls without a client", n)
		}
	}
	cancel()
	<-done
}

func (x *exchange) currentCalls() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.processed
}

// TestDemoAfterHangup: the demo goes on when the user hangs a call up, and after a restart.
func TestDemoAfterHangup(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.Speed = 100 })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p.Demo(ctx) }()
	c := login(t, p, "admin")
	await := func(event string) ami {
		for {
			if m := c.next(); m.get("Event") == event {
				return m
			}
		}
	}
	await("BridgeEnter")
	c.send("Action: Hangup", "Channel: "+await("BridgeEnter").get("Channel"))
	await("Newchannel") // the next call
	p.Restart()
	c = login(t, p, "admin")
	if m := await("Newchannel"); !strings.HasSuffix(m.get("Channel"), "-00000000") {
		t.Errorf("got %q", m.raw)
	}
	_ = p.Close()
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("Demo returned %v", err)
	}
	cancel()
}

// TestBytesPerCall compares the size of a simple answered call with the lab's 39 to 40 kB, of which some 3 kB are events
// that this PBX does not send (TestEvent, Cdr, QueueMemberStatus).
func TestBytesPerCall(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.Timestamps = true })
	n, bytes := 0, 0
	for _, m := range record(t, p, loadScenario(t, "inbound-answered-caller-hangs-up")) {
		n++
		bytes += len(m.raw)
	}
	if bytes < 33e3 || bytes > 40e3 || n < 80 || n > 100 {
		t.Errorf("%d events of %d bytes", n, bytes)
	}
}

func BenchmarkCall(b *testing.B) {
	clients := []int{0, 1, 10}
	for _, n := range clients {
		b.Run(fmt.Sprintf("clients=%d", n), func(b *testing.B) {
			p := startPBX(b, func(o *Options) { o.Speed = 1e6 })
			for range n {
				c := login(b, p, "admin")
				_ = c.conn.SetDeadline(time.Now().Add(time.Hour))
				go func() {
					buf := make([]byte, 1<<16)
					for err := error(nil); err == nil; {
						_, err = c.conn.Read(buf)
					}
				}()
			}
			s := loadScenario(b, "inbound-answered-caller-hangs-up")
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Play(context.Background(), s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
