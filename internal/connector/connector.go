// Package connector is the contract of a link to a PBX, and the one loop that keeps any such link alive.
//
// A Connector never reconnects by itself, never sleeps, never logs and goes on: it returns an error. Supervise owns delay,
// jitter, "do not retry a wrong password" and the link's state.
package connector

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Connector is a link to one PBX with one account.
type Connector interface {
	// Run holds one connection and returns when it is gone or ctx ends; the connection is closed then. report is called
	// from one goroutine, in wire order, and must not block. A telephony.LinkUp is reported once the account is in and
	// before a telephony.Snapshot of the live legs.
	Run(ctx context.Context, report func(telephony.Observation)) error
}

// Failure is why a link is not there, in words for a person.
type Failure struct {
	Problem   string
	Remedy    string
	Permanent bool      // trying again cannot help until somebody changes something
	HeardAt   time.Time // when the PBX was last heard, zero if it never was: what came later was not seen
	Err       error
}

func (f *Failure) Error() string { return f.Problem + ": " + f.Remedy }
func (f *Failure) Unwrap() error { return f.Err }

// How long Supervise waits between tries: from first, doubling, to most, each time half as long to half as long again. A
// link that held for settled counts as good: the next break begins again at first.
const (
	first   = 500 * time.Millisecond
	most    = 30 * time.Second
	settled = 30 * time.Second
)

// Supervise runs c again and again until ctx ends, and returns ctx's error. It reports telephony.LinkLost after every
// link that was up, and tells onLink each change of the link's state; both are called from this goroutine and must not
// block. After a permanent failure it waits for ctx to end: it does not try again.
func Supervise(ctx context.Context, c Connector, report func(telephony.Observation), onLink func(telephony.Link)) error {
	delay := backoff.NewExponentialBackOff()
	delay.InitialInterval, delay.MaxInterval, delay.Multiplier, delay.RandomizationFactor = first, most, 2, 0.5
	delay.Reset()
	onLink(telephony.Link{State: telephony.LinkConnecting, Since: time.Now()})
	for {
		var upAt time.Time
		err := c.Run(ctx, func(o telephony.Observation) {
			report(o)
			if up, ok := o.Fact.(telephony.LinkUp); ok {
				upAt = o.ObservedAt
				onLink(telephony.Link{State: telephony.LinkConnected, Since: upAt, Peer: up.Peer, Warnings: up.Warnings})
			}
		})
		now := time.Now()
		if !upAt.IsZero() {
			report(telephony.Observation{ObservedAt: heard(err, upAt, now), Fact: telephony.LinkLost{}})
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		link := broken(err, now)
		onLink(link)
		if link.State == telephony.LinkRefused {
			<-ctx.Done()
			return ctx.Err()
		}
		if !upAt.IsZero() && now.Sub(upAt) >= settled {
			delay.Reset()
		}
		if !wait(ctx, delay.NextBackOff()) {
			return ctx.Err()
		}
	}
}

// heard is since when the PBX was not seen: a dead link is noticed long after the last word.
func heard(err error, upAt, now time.Time) time.Time {
	if f, ok := errors.AsType[*Failure](err); ok && f.HeardAt.After(upAt) {
		return f.HeardAt
	}
	return now
}

func broken(err error, now time.Time) telephony.Link {
	link := telephony.Link{State: telephony.LinkGone, Since: now, Problem: "The link to the PBX ended"}
	if f, ok := errors.AsType[*Failure](err); ok {
		link.Problem, link.Remedy = f.Problem, f.Remedy
		if f.Permanent {
			link.State = telephony.LinkRefused
		}
	} else if err != nil {
		link.Problem = err.Error()
	}
	return link
}

func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
