package demopbx

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"time"
)

//go:embed demo/*.txt
var demoFiles embed.FS

// Times of the demo, by the PBX's clock.
const (
	demoFirst    = 1500 * time.Millisecond // from a login to the first call
	demoPauseMin = 5 * time.Second         // between calls
	demoPauseMax = 10 * time.Second
)

// DemoScenarios returns the calls of the demo in the order in which they are first played. All concern extension 1001.
func DemoScenarios() ([]*Scenario, error) {
	names, err := fs.Glob(demoFiles, "demo/*.txt")
	if err != nil {
		return nil, fmt.Errorf("demo calls: %w", err)
	}
	var all []*Scenario
	for _, name := range names {
		f, err := demoFiles.Open(name)
		if err != nil {
			return nil, fmt.Errorf("demo calls: %w", err)
		}
		s, err := ParseScenario(name, f)
		_ = f.Close() // embedded: nothing can fail
		if err != nil {
			return nil, fmt.Errorf("demo calls: %w", err)
		}
		all = append(all, s)
	}
	return all, nil
}

// Demo plays believable calls to and from extension 1001, one after the other, for as long as ctx lasts: first in a fixed
// order, then shuffled by [Options.Seed]. It waits for a client to log in; the first call rings within two seconds of that.
// A call that an AMI client hangs up ends there, and the next one follows. After a [PBX.Restart] it begins again.
//
// The error is ctx's or ErrClosed.
func (p *PBX) Demo(ctx context.Context) error {
	calls, err := DemoScenarios()
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(p.options.Seed, 2))
	first := true
	for n := 0; ; {
		if p.Sessions() == 0 {
			first = true
		}
		pause := demoPauseMin + time.Duration(rng.Int64N(int64(demoPauseMax-demoPauseMin)))
		if first {
			pause = demoFirst
		}
		if err := p.WaitSessions(ctx, 1); err != nil {
			return err
		}
		if err := p.pause(ctx, pause); err != nil {
			return err
		}
		if p.Sessions() == 0 { // nobody is there to see it: begin again with the next client
			continue
		}
		first = false
		if err := p.Play(ctx, calls[n%len(calls)]); err != nil && err != ErrRestarted {
			return err
		}
		if n++; n%len(calls) == 0 {
			rng.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
		}
	}
}

// pause waits by the PBX's clock, or until the last client has left.
func (p *PBX) pause(ctx context.Context, d time.Duration) error {
	for due := p.clock.now().Add(d); p.clock.now().Before(due); {
		changed := p.changed.wait()
		if p.Sessions() == 0 {
			return nil
		}
		select {
		case <-p.closed:
			return ErrClosed
		default:
		}
		if err := p.clock.sleepUntil(ctx, due, changed); err != nil {
			return err
		}
	}
	return nil
}
