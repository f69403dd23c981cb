package client

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Link is whether the stream of notifications flows.
type Link string

// The states of the link.
const (
	Connecting Link = "connecting"
	Online     Link = "online"
	Offline    Link = "offline"
)

// Status is the state of the link to Callboard, told by [Client.OnStatus].
type Status struct {
	Link Link
	// Err is why the link is Offline.
	Err error
	// RetryIn is when it is tried again; 0 when it is not.
	RetryIn time.Duration
}

type handler struct {
	kind string
	f    func(context.Context, *Record, Notification)
	off  atomic.Bool
}

type hook[T any] struct {
	f   func(context.Context, T)
	off atomic.Bool
}

// On has f called for every notification of a type such as "call.ended", of a family such as "item.*", or "*" of all.
// The record is the one that the notification is about, as it is after it; nil when it is about none (app.*, pbx.*).
// What serves the stream itself (work, bookmark, reset) is not told. The returned function ends it.
//
// Handlers are called one after the other, in the order in which they were registered, from Run's goroutine.
func (c *Client) On(kind string, f func(ctx context.Context, r *Record, n Notification)) (off func()) {
	h := &handler{kind: kind, f: f}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handlers = append(c.handlers, h)
	return func() {
		h.off.Store(true)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.handlers = slices.DeleteFunc(slices.Clone(c.handlers), func(x *handler) bool { return x == h })
	}
}

// OnStatus has f called with every change of the link, from Run's goroutine. The returned function ends it.
func (c *Client) OnStatus(f func(Status)) (off func()) {
	return addHook(c, &c.onStatus, func(_ context.Context, s Status) { f(s) })
}

// OnListed has f called with all records on the board, open and closed, newest first, each time that Run listed them:
// at its start, and whenever the place in the stream was lost. Every notification told later is newer than that list.
// An app that must miss nothing catches up here. The returned function ends it.
func (c *Client) OnListed(f func(ctx context.Context, records []*Record)) (off func()) {
	return addHook(c, &c.onListed, f)
}

func addHook[T any](c *Client, list *[]*hook[T], f func(context.Context, T)) (off func()) {
	h := &hook[T]{f: f}
	c.mu.Lock()
	defer c.mu.Unlock()
	*list = append(*list, h)
	return func() {
		h.off.Store(true)
		c.mu.Lock()
		defer c.mu.Unlock()
		*list = slices.DeleteFunc(slices.Clone(*list), func(x *hook[T]) bool { return x == h })
	}
}

func callHooks[T any](ctx context.Context, c *Client, list *[]*hook[T], v T) {
	c.mu.Lock()
	hooks := *list
	c.mu.Unlock()
	for _, h := range hooks {
		if !h.off.Load() {
			h.f(ctx, v)
		}
	}
}

func (c *Client) tell(ctx context.Context, r *Record, n Notification) {
	c.mu.Lock()
	handlers := c.handlers
	c.mu.Unlock()
	for _, h := range handlers {
		if !h.off.Load() && covers(h.kind, string(n.Type)) {
			h.f(ctx, r, n)
		}
	}
}

func (c *Client) setStatus(ctx context.Context, s Status) {
	c.mu.Lock()
	same := c.status.Link == s.Link && s.Link != Offline
	c.status = s
	c.mu.Unlock()
	if !same {
		callHooks(ctx, c, &c.onStatus, s)
	}
}

// covers tells whether a name with a trailing * , or a plain one, stands for name.
func covers(pattern, name string) bool {
	if rest, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, rest)
	}
	return pattern == name
}
