package client

import (
	"context"
	"sync"
	"time"
)

// workContext ends at the deadline of a work, which can be moved while the work is done (B-14).
type workContext struct {
	context.Context
	alarm *time.Timer

	mu       sync.Mutex // guards deadline
	deadline time.Time
}

func newWorkContext(ctx context.Context, deadline time.Time) (*workContext, context.CancelFunc) {
	inner, cancel := context.WithCancelCause(ctx)
	w := &workContext{Context: inner, deadline: deadline}
	w.alarm = time.AfterFunc(time.Until(deadline), func() { cancel(context.DeadlineExceeded) })
	return w, func() {
		w.alarm.Stop()
		cancel(nil)
	}
}

// Deadline implements context.Context.
func (w *workContext) Deadline() (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.deadline, true
}

// Err implements context.Context.
func (w *workContext) Err() error {
	err := w.Context.Err()
	if err != nil && context.Cause(w.Context) == context.DeadlineExceeded {
		return context.DeadlineExceeded
	}
	return err
}

// move lets the work go on. One that is over stays so.
func (w *workContext) move(to time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.alarm.Stop() {
		w.deadline = to
		w.alarm.Reset(time.Until(to))
	}
}
