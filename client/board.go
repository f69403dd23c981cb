package client

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/callboard-dev/callboard/api"
)

// held is the local copy of one record. told is the rev up to which its notifications were told: behind rec.Rev when
// the record had to be fetched because it was not on the list (a note on a call of last week).
type held struct {
	rec  *Record
	told int64
}

// Board gives the local copy of the open records, newest first. It waits for nothing. It is current while Run runs;
// without Run it stays what [Connect] listed.
func (c *Client) Board() []*Record {
	c.mu.Lock()
	out := make([]*Record, 0, len(c.held))
	for _, h := range c.held {
		out = append(out, h.rec)
	}
	c.mu.Unlock()
	slices.SortFunc(out, newestFirst)
	return out
}

// replaceHeld takes a new list. Closed records are not held, or the copy would grow for ever.
func (c *Client) replaceHeld(records []*Record) {
	fresh := make(map[string]held, len(records))
	for _, r := range records {
		if r.State != api.RecordStateClosed {
			fresh[r.ID] = held{rec: r, told: r.Rev}
		}
	}
	c.mu.Lock()
	c.held = fresh
	c.mu.Unlock()
}

// take brings one notification into the local copy and tells the handlers. An error means that the stream cannot go on
// from here; the cursor then still stands before this notification.
func (c *Client) take(ctx context.Context, n Notification) error {
	if seen(c.cursor, n.ID) {
		return nil
	}
	if n.Subject == "" {
		c.pass(n)
		c.tell(ctx, nil, n)
		return nil
	}
	var d api.RevData
	if err := n.Decode(&d); err != nil {
		return &badFrame{err}
	}
	c.mu.Lock()
	h, have := c.held[n.Subject]
	c.mu.Unlock()
	if have && d.Rev != 0 && d.Rev <= h.told { // D-4: at least once across reconnects
		c.pass(n)
		return nil
	}
	if !have {
		rec, err := c.fetch(ctx, n)
		if err != nil {
			return err
		}
		h.rec = rec
	}
	if d.Rev > h.rec.Rev || d.Rev == 0 {
		next, err := h.rec.with(n)
		if err != nil {
			return &badFrame{err}
		}
		next.ID, next.Rev = n.Subject, max(d.Rev, h.rec.Rev)
		h.rec = next
	}
	h.told = max(d.Rev, h.told)
	c.mu.Lock()
	if h.rec.State == api.RecordStateClosed || n.Type == api.NotificationTypeRecordRemoved {
		delete(c.held, n.Subject)
	} else {
		c.held[n.Subject] = h
	}
	c.mu.Unlock()
	c.pass(n)
	c.tell(ctx, h.rec, n)
	return nil
}

// pass moves the cursor behind a notification; one that stands for several is no place to go on from.
func (c *Client) pass(n Notification) {
	if !n.Coalesced {
		c.cursor = n.ID
	}
}

// fetch gets the record of a notification whose record is not held. One that brings its record along needs none; one
// that the server no longer has is told with no more than its id.
func (c *Client) fetch(ctx context.Context, n Notification) (*Record, error) {
	bare := &Record{api.Record{ID: n.Subject, Line: n.Source, State: api.RecordStateOpen}}
	switch n.Type {
	case api.NotificationTypeRecordOpened, api.NotificationTypeRecordJoined, api.NotificationTypeRecordAdded, api.NotificationTypeRecordNewest, api.NotificationTypeRecordRemoved:
		return bare, nil
	}
	rec, err := c.Record(ctx, n.Subject, c.opt.IncludeClaims)
	if p, ok := errors.AsType[*Problem](err); ok && (p.Status == http.StatusNotFound || p.Status == http.StatusGone) {
		bare.State = api.RecordStateClosed
		return bare, nil
	}
	return rec, err
}

// seen tells whether id is at or before the cursor, both being epoch:seq of one epoch.
func seen(cursor, id string) bool {
	e1, s1, ok1 := place(cursor)
	e2, s2, ok2 := place(id)
	return ok1 && ok2 && e1 == e2 && s2 <= s1
}

func place(cursor string) (epoch string, seq uint64, ok bool) {
	i := strings.LastIndexByte(cursor, ':')
	if i < 0 {
		return "", 0, false
	}
	seq, err := strconv.ParseUint(cursor[i+1:], 10, 64)
	return cursor[:i], seq, err == nil
}
