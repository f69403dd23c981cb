package store

import (
	"context"
	"time"
)

// follower does something behind the commits, from time to time, on a goroutine of its own. Others may do it sooner: one at a time.
type follower struct {
	turn    chan struct{} // of whoever does it
	wake    chan struct{} // there is something to do
	hurry   chan struct{} // without a pause before it
	stop    context.CancelFunc
	stopped chan struct{}
}

func newFollower() follower {
	return follower{turn: make(chan struct{}, 1), wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1)}
}

// signal says that there is something to do. It never blocks.
func (f *follower) signal() { poke(f.wake) }

// urge is signal, for what should not wait.
func (f *follower) urge() {
	poke(f.hurry)
	poke(f.wake)
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// lock waits for the turn, until ctx ends; unlock gives it on.
func (f *follower) lock(ctx context.Context) error {
	select {
	case f.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *follower) unlock() { <-f.turn }

// begin has work done until end, each time after a pause. It says how long the next one is.
func (f *follower) begin(ctx context.Context, pause time.Duration, work func(ctx context.Context) time.Duration) {
	ctx, f.stop = context.WithCancel(context.WithoutCancel(ctx))
	f.stopped = make(chan struct{})
	go func() {
		defer close(f.stopped)
		for {
			select {
			case <-f.wake:
			case <-ctx.Done():
				return
			}
			select {
			case <-time.After(pause):
			case <-f.hurry:
			case <-ctx.Done():
				return
			}
			pause = work(ctx)
		}
	}()
}

// end waits until nothing is done any more; false: nothing ever was.
func (f *follower) end() bool {
	if f.stop == nil {
		return false
	}
	f.stop()
	<-f.stopped
	return true
}
