package client

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/callboard-dev/callboard/api"
)

var (
	errEnded    = errors.New("the server ended the stream")
	errRegister = errors.New("the registration changed")
)

// badFrame is a frame that cannot be read. Going on behind it would lose a change, so the stream is opened anew.
type badFrame struct{ err error }

func (b *badFrame) Error() string { return "a frame of the stream cannot be read: " + b.err.Error() }
func (b *badFrame) Unwrap() error { return b.err }

// lostPlace is the end of a stream whose cursor no longer leads anywhere (D-6).
type lostPlace struct{ reason string }

func (l *lostPlace) Error() string { return "the place in the stream is gone: " + l.reason }

// Run follows the board: it tells the list, then every change behind it, hands out works, and comes back from breaks by
// itself. It blocks until ctx ends, and then returns nil, or until the server refuses in a way that no new try can
// mend (a wrong token, a removed app, a bad registration), and returns that. One Run at a time per client.
func (c *Client) Run(ctx context.Context) error {
	if !c.running.CompareAndSwap(false, true) {
		return errors.New("Run was called while Run is running: one is enough, it serves all handlers")
	}
	defer c.running.Store(false)
	run, cancel := context.WithCancel(ctx)
	defer c.works.Wait()
	defer cancel()
	f := follower{c: c}
	for run.Err() == nil {
		c.setStatus(run, Status{Link: Connecting})
		err := f.once(run)
		if run.Err() != nil {
			break
		}
		if errors.Is(err, errRegister) {
			continue
		}
		if p, ok := errors.AsType[*Problem](err); ok && p.final() {
			c.setStatus(run, Status{Link: Offline, Err: err})
			return err
		}
		delay := f.delay()
		c.log.Warn("the stream broke", "reason", err, "retry_in", delay.Round(time.Millisecond))
		c.setStatus(run, Status{Link: Offline, Err: err, RetryIn: delay})
		if wait(run, delay) != nil {
			break
		}
	}
	c.setStatus(ctx, Status{Link: Offline, Err: ctx.Err()})
	return nil
}

// steady is how long a stream must have lasted for the next try to come at once. Progress is not enough: two processes
// with one token take the registration from each other, and each time the cursor moves.
const steady = 10 * time.Second

// follower is what one Run remembers between its streams.
type follower struct {
	c        *Client
	failures int    // in a row, for the back-off
	relist   bool   // the place is lost
	badAt    string // the cursor behind which the last frame could not be read
}

// once lists if needed, opens one stream and reads it to its end. The error says why it ended and is never nil.
func (f *follower) once(run context.Context) error {
	c := f.c
	if f.relist {
		if err := c.list(run); err != nil {
			return err
		}
		f.relist = false
	}
	if l := c.listed; l != nil {
		c.listed = nil
		callHooks(run, c, &c.onListed, l)
	}
	select {
	case <-c.changed: // what was registered until now is in the query that is made next
	default:
	}
	ctx, cancel := context.WithCancelCause(run)
	s, err := c.open(ctx)
	if err != nil {
		cancel(nil)
		return f.placed(err)
	}
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		select {
		case <-c.changed:
			cancel(errRegister)
		case <-ctx.Done():
		}
	}()
	defer func() {
		cancel(nil)
		s.close()
		<-watching
	}()
	err = f.read(run, ctx, s)
	if errors.Is(context.Cause(ctx), errRegister) {
		return errRegister
	}
	return f.placed(err)
}

// read takes frames until the stream ends. Handlers and works get the context of Run: they outlive the stream that
// brought them.
func (f *follower) read(run, ctx context.Context, s stream) error {
	c, opened := f.c, time.Now()
	for first := true; ; first = false {
		b, err := s.next(ctx)
		if err != nil {
			if time.Since(opened) > steady {
				f.failures = 0
			}
			return err
		}
		var n Notification
		if err := json.Unmarshal(b, &n.Notification); err != nil {
			return &badFrame{err}
		}
		if first {
			c.setStatus(run, Status{Link: Online})
		}
		before := c.cursor
		switch n.Type {
		case api.NotificationTypeReset:
			var d api.ResetData
			_ = n.Decode(&d)
			return &lostPlace{d.Reason}
		case api.NotificationTypeBookmark:
			err = c.bookmark(n)
		case api.NotificationTypeWork:
			err = c.begin(run, s, n)
		case "":
			err = &badFrame{errors.New("it has no type")}
		default:
			err = c.take(run, n)
		}
		if err != nil {
			return err
		}
		if c.cursor != before {
			f.badAt = ""
		}
	}
}

// bookmark moves the cursor to where the stream has got, past what did not concern us.
func (c *Client) bookmark(n Notification) error {
	var d api.BookmarkData
	if err := n.Decode(&d); err != nil {
		return &badFrame{err}
	}
	if d.Cursor != "" && !seen(c.cursor, d.Cursor) {
		c.cursor = d.Cursor
	}
	return nil
}

// placed notes whether err means that the board must be listed again. A frame that cannot be read twice at the same
// place never will be.
func (f *follower) placed(err error) error {
	p, refused := errors.AsType[*Problem](err)
	_, lost := errors.AsType[*lostPlace](err)
	_, bad := errors.AsType[*badFrame](err)
	switch {
	case lost, refused && p.Status == http.StatusGone:
		f.relist = true
	case bad && f.badAt == f.c.cursor:
		f.relist, f.badAt = true, ""
	case bad:
		f.badAt = f.c.cursor
	}
	return err
}

// delay is how long to wait after a break. When a server comes back with a new epoch all its clients must list again at
// once, so that is spread over a second even the first time.
func (f *follower) delay() time.Duration {
	d := backoff(f.failures)
	f.failures++
	if f.relist {
		d += rand.N(time.Second)
	}
	return d
}

// backoff doubles from half a second to 16 s, of which a random half is left out.
func backoff(failures int) time.Duration {
	d := 500 * time.Millisecond << min(failures, 5)
	return d/2 + rand.N(d/2)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
