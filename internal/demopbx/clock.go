package demopbx

import (
	"context"
	"time"
)

// clock is the PBX's own time. It runs speed times as fast as ours, so that a scenario played fast still has the durations
// it was written with in every message.
type clock struct {
	start time.Time // the PBX's time at began
	began time.Time // ours
	speed float64
}

func newClock(start time.Time, speed float64) *clock {
	now := time.Now()
	if start.IsZero() {
		start = now
	}
	return &clock{start: start, began: now, speed: speed}
}

func (c *clock) now() time.Time {
	return c.start.Add(time.Duration(float64(time.Since(c.began)) * c.speed))
}

// sleepUntil waits until the PBX's clock shows t, or wake is closed, or ctx ends. The error is ctx's.
func (c *clock) sleepUntil(ctx context.Context, t time.Time, wake <-chan struct{}) error {
	wait := time.Duration(float64(t.Sub(c.now())) / c.speed)
	timer := time.NewTimer(max(wait, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
	return ctx.Err()
}
