package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/api"
)

// silence is how long a stream may say nothing. The server sends a bookmark every 15 s (D-5), so this is four missed.
const silence = 60 * time.Second

var errSilent = fmt.Errorf("nothing was heard for %s", silence)

// stream is one open watch. next is called from one goroutine and gives one notification as JSON, good until the next
// call; answer may be called from any goroutine, also after the stream has ended.
type stream interface {
	next(ctx context.Context) ([]byte, error)
	answer(ctx context.Context, work string, a api.Answer) (api.Written, error)
	close()
}

// open starts a stream behind the cursor. It ends when ctx does.
func (c *Client) open(ctx context.Context) (stream, error) {
	query := c.watchQuery()
	if c.opt.Transport == WebSocket {
		return c.openSocket(ctx, query)
	}
	return c.openSSE(ctx, query)
}

// watchQuery writes the registration of all enrichments as one. The commas between are left as they are: inside a
// value they would be escaped (OpenAPI style form, explode false).
func (c *Client) watchQuery() string {
	var needs, gives, on []string
	var deadline time.Duration
	c.mu.Lock()
	for _, e := range c.enrichments {
		needs = append(needs, e.Needs...)
		gives = append(gives, e.Gives...)
		deadline = max(deadline, e.Deadline)
		for _, m := range e.On {
			on = append(on, string(m))
		}
	}
	c.mu.Unlock()
	q := "cursor=" + escape(c.cursor)
	if c.opt.IncludeClaims {
		q += "&include=claims"
	}
	if c.opt.Coalesce {
		q += "&coalesce=record"
	}
	if deadline > 0 {
		q += fmt.Sprintf("&deadline_ms=%d", deadline.Milliseconds())
	}
	return q + listed("needs", needs) + listed("gives", gives) + listed("on", on) + c.opt.Only.query()
}

func (f Filter) query() string {
	return listed("lines", f.Lines) + listed("states", f.States) + listed("call_states", f.Calls)
}

// listed is one parameter with many values; empty without any.
func listed[T ~string](name string, all []T) string {
	values := make([]string, 0, len(all))
	for _, v := range all {
		values = append(values, escape(string(v)))
	}
	slices.Sort(values)
	if values = slices.Compact(values); len(values) == 0 {
		return ""
	}
	return "&" + name + "=" + strings.Join(values, ",")
}

func escape(s string) string { return url.QueryEscape(s) }

type sseStream struct {
	c      *Client
	body   io.Closer
	events *sseReader
	cancel context.CancelCauseFunc
	ctx    context.Context
}

func (c *Client) openSSE(ctx context.Context, query string) (stream, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := c.request(ctx, http.MethodGet, "/v1/watch?"+query, nil)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream, application/problem+json")
	req.Header.Set("Cache-Control", "no-store")
	req.Header.Set("Accept-Encoding", "identity") // a proxy that compresses holds frames back
	alarm := time.AfterFunc(requestTime, func() { cancel(errSilent) })
	res, err := c.http.Do(req)
	alarm.Stop()
	if err != nil {
		err = cause(ctx, err)
		cancel(nil)
		return nil, c.unreachable(err)
	}
	kind := res.Header.Get("Content-Type")
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		defer cancel(nil)
		defer res.Body.Close()
		if res.StatusCode >= 200 && res.StatusCode < 300 {
			return nil, fmt.Errorf("%s answers the watch, but not as Callboard does (content type %q): is a proxy in between?", c.url, kind)
		}
		return nil, c.read(res, nil)
	}
	s := &sseStream{c: c, body: res.Body, cancel: cancel, ctx: ctx}
	s.events = newSSEReader(&watched{r: res.Body, alarm: time.AfterFunc(silence, func() { cancel(errSilent) })}, maxFrame)
	return s, nil
}

func (s *sseStream) next(context.Context) ([]byte, error) {
	b, err := s.events.next()
	if err != nil {
		if _, bad := errors.AsType[*badFrame](err); bad {
			return nil, err
		}
		if errors.Is(err, io.EOF) {
			err = errEnded
		}
		return nil, cause(s.ctx, err)
	}
	return b, nil
}

func (s *sseStream) answer(ctx context.Context, work string, a api.Answer) (api.Written, error) {
	key := "answer-" + work // that is sent again for want of an answer
	if a.Error != "" {
		key = "failed-" + work
	}
	return s.c.postAnswer(ctx, work, key, a)
}

func (s *sseStream) close() {
	s.cancel(nil)
	s.body.Close()
}

// watched rings the alarm when one read takes too long. The time between reads, when handlers run, does not count.
type watched struct {
	r     io.Reader
	alarm *time.Timer
}

func (w *watched) Read(p []byte) (int, error) {
	w.alarm.Reset(silence)
	defer w.alarm.Stop()
	return w.r.Read(p)
}

// cause says why ctx ended, if that is what ended the reading.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil && !errors.Is(why, context.Canceled) {
		return why
	}
	return err
}
