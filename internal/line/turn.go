package line

import (
	"sync/atomic"
	"time"
)

// alarm rings when what it watches takes too long.
type alarm struct {
	timer   *time.Timer
	over    atomic.Bool
	answers chan error // of what it has rung for; holds one
}

// watch begins to watch.
func watch(limit time.Duration, ring func(*alarm)) *alarm {
	a := &alarm{answers: make(chan error, 1)}
	a.timer = time.AfterFunc(limit, func() {
		if a.over.CompareAndSwap(false, true) {
			ring(a)
		}
	})
	return a
}

// stop ends the watch; false: it has rung.
func (a *alarm) stop() bool {
	a.timer.Stop()
	return a.over.CompareAndSwap(false, true)
}

// turn is had by one at a time, who may hand it on to another goroutine.
type turn chan struct{}

func (t turn) take() { t <- struct{}{} }

func (t turn) give() { <-t }

// try takes the turn if nobody has it.
func (t turn) try() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}
