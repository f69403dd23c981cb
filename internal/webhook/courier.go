package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

const (
	atOnce     = 8 // requests under way to one hook, and as many works
	changesAt  = 256
	cursorEach = 1000 // changes that were not for the hook, after which its cursor is kept all the same
	againAfter = time.Second
	together   = 50 * time.Millisecond // between two transactions: the store has calls to keep
	localPause = 5 * time.Second       // before an attempt is made again that failed here and not at the target
)

// courier serves one hook. Its loop is one goroutine, which owns all of it; requests run in goroutines of their own and
// come back as results.
type courier struct {
	outbox  *Outbox
	hook    Hook // its settings do not change under it: another courier takes over
	lanes   *lanes
	flying  int
	results chan result
	orders  chan order
	under   sync.WaitGroup

	watch   *board.Watch // nil: it is told nothing, or is to be opened
	keptAt  time.Time
	kept    uint64      // the seq up to which the store has the cursor
	fresh   []*Delivery // what the store is still to take
	changed map[*Delivery]bool
	moved   bool // the cursor is to be kept
	stands  bool // and how it stands
	more    bool // there is more to read
	over    bool // it is disabled
}

// order is that a delivery be sent once more. done has room for the answer.
type order struct {
	delivery *Delivery
	done     chan error
}

// result is what became of a request.
type result struct {
	delivery *Delivery
	reply    reply
	work     bool // of a work, which is only logged
	local    bool // it could not be made; the target is not to blame
	cut      bool // because the courier ends
	gone     bool // what it was about is erased
}

func newCourier(o *Outbox, h Hook) *courier {
	return &courier{outbox: o, hook: h, lanes: newLanes(), results: make(chan result, atOnce), orders: make(chan order), changed: map[*Delivery]bool{}}
}

// run serves until ctx ends or the hook is disabled. All that it started has ended when it returns.
func (c *courier) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer c.last(context.WithoutCancel(ctx))
	defer cancel()
	if !c.load(ctx) {
		return
	}
	if c.hook.Work != nil {
		c.under.Go(func() { c.work(ctx) })
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !c.over {
		timer.Reset(c.turn(ctx))
		var woken <-chan struct{}
		if c.watch != nil {
			woken = c.watch.Woken()
		}
		select {
		case <-ctx.Done():
			return
		case <-woken:
			c.feed(ctx)
		case r := <-c.results:
			c.settle(r)
		case o := <-c.orders:
			o.done <- c.resend(o.delivery)
		case <-timer.C:
		}
	}
}

// load reads what waits. It goes on trying until ctx ends.
func (c *courier) load(ctx context.Context) bool {
	for {
		stored, err := c.outbox.options.Store.WaitingDeliveries(ctx, c.hook.ID)
		var waiting []*Delivery
		if err == nil {
			waiting, err = readDeliveries(stored)
		}
		if err == nil {
			for _, d := range waiting {
				if c.hook.anew {
					d.Tries, d.Due = 0, time.Time{}
				}
			}
			for _, d := range waiting { // one that was under way may be superseded by now
				if superseded := c.lanes.add(d); superseded != nil {
					c.supersede(superseded)
					c.changed[d] = true
				}
			}
			c.kept = c.hook.Cursor.Seq
			return true
		}
		c.outbox.options.Logger.Error("a webhook's queue cannot be read", "webhook", c.hook.ID, "error", err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(localPause):
		}
	}
}

// turn reads on, keeps what has happened and lets begin what is due. It returns how long nothing need be done.
func (c *courier) turn(ctx context.Context) time.Duration {
	for range len(c.results) { // what came meanwhile is kept in the same transaction
		c.settle(<-c.results)
	}
	if c.hook.Notify != nil && c.watch == nil && !c.over {
		c.open(ctx)
	}
	wait := time.Hour
	if c.unkept() {
		if early := together - time.Since(c.keptAt); early > 0 {
			wait = early
		} else if err := c.flush(ctx); err != nil {
			if ctx.Err() == nil {
				c.outbox.options.Logger.Error("a webhook's queue was not kept", "webhook", c.hook.ID, "error", err)
			}
			return againAfter
		}
	}
	if len(c.fresh) > 0 { // what is not kept is not sent
		return wait
	}
	c.dispatch(ctx)
	if c.more {
		c.more = false
		c.feed(ctx)
		return 0
	}
	if c.hook.Notify != nil && c.watch == nil {
		wait = againAfter
	}
	if at, ok := c.lanes.next(); ok && c.flying < atOnce {
		wait = min(wait, max(0, time.Until(at)))
	}
	return wait
}

// dispatch lets begin what is due, as many as may be under way.
func (c *courier) dispatch(ctx context.Context) {
	now := time.Now()
	for c.flying < atOnce && !c.over {
		d := c.lanes.begin(now)
		if d == nil {
			return
		}
		c.flying++
		sent := *d
		c.under.Go(func() {
			r := c.deliver(ctx, &sent)
			r.delivery = d
			c.results <- r
		})
	}
}

// unkept reports whether the store is to take something.
func (c *courier) unkept() bool {
	return c.moved || c.stands || len(c.fresh) > 0 || len(c.changed) > 0
}

// flush keeps in one transaction all that has happened since the last.
func (c *courier) flush(ctx context.Context) error {
	if !c.unkept() {
		return nil
	}
	c.keptAt = time.Now()
	var cursor board.Cursor
	if c.moved || len(c.fresh) > 0 {
		cursor = c.hook.Cursor
	}
	var fresh, changed []StoredDelivery
	for _, d := range c.fresh {
		s, err := d.stored()
		if err != nil {
			return err
		}
		fresh = append(fresh, s)
		delete(c.changed, d)
	}
	for d := range c.changed {
		s, err := d.stored()
		if err != nil {
			return err
		}
		changed = append(changed, s)
	}
	var health []byte
	if c.stands {
		var err error
		if health, err = json.Marshal(c.hook.Health); err != nil {
			return err
		}
	}
	if err := c.outbox.options.Store.SaveDeliveries(ctx, c.hook.ID, cursor, health, fresh, changed); err != nil {
		return err
	}
	if cursor != (board.Cursor{}) {
		c.kept = cursor.Seq
	}
	c.fresh, c.moved, c.stands = nil, false, false
	clear(c.changed)
	return nil
}

// last waits for what is under way, keeps what came of it, and tells of a hook that was disabled. What was cut off is
// delivered again by the next courier.
func (c *courier) last(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.under.Wait()
	}()
	for waiting := true; waiting; {
		select {
		case r := <-c.results:
			c.settle(r)
		case <-done:
			waiting = false
		}
	}
	for range len(c.results) {
		c.settle(<-c.results)
	}
	if c.watch != nil {
		c.watch.Close()
	}
	ctx, cancel := context.WithTimeout(ctx, localPause)
	defer cancel()
	c.moved = c.moved || c.hook.Cursor.Seq != c.kept
	if err := c.flush(ctx); err != nil {
		c.outbox.options.Logger.Error("a webhook's queue was not kept", "webhook", c.hook.ID, "error", err)
	}
}

// deliver makes one attempt. It is run by a goroutine of its own and touches nothing of the courier's but what never
// changes.
func (c *courier) deliver(ctx context.Context, d *Delivery) result {
	body, err := c.body(ctx, d)
	switch {
	case errors.Is(err, errErased):
		return result{gone: true}
	case err != nil:
		return result{local: true, reply: reply{Attempt: Attempt{At: time.Now(), Problem: "it could not be sent: " + plain(err)}}}
	}
	r := c.outbox.sender.post(ctx, &c.hook, d.ID, body, answerTime)
	if len(r.body) > 0 && d.Record != "" {
		if err := c.outbox.options.Say(lasting(ctx), c.hook.ID, d.Record, r.body); err != nil {
			r.Problem = "its answer was not taken: " + plain(err)
		}
	}
	cut := ctx.Err() != nil && !r.taken
	return result{reply: r, local: cut, cut: cut}
}

// lasting is for what a target has said already: it is written also while the courier ends, which the store bounds in time.
func lasting(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// plain is an error as a sentence that may be shown.
func plain(err error) string {
	known, ok := errors.AsType[*telephony.Error](err)
	switch {
	case !ok:
		return "Callboard could not do that just now"
	case known.Remedy != "":
		return known.Message + ": " + known.Remedy
	}
	return known.Message
}

// settle takes a result.
func (c *courier) settle(r result) {
	d := r.delivery
	if r.work {
		c.fresh = append(c.fresh, d)
		c.judge(r.reply)
		return
	}
	c.flying--
	c.changed[d] = true
	switch {
	case r.gone:
		d.State, d.Note = Dropped, "what it was about is erased"
		c.lanes.end(d, true)
	case r.local:
		if !r.cut {
			d.Due = time.Now().Add(localPause)
			c.outbox.options.Logger.Error("a webhook was not sent", "webhook", c.hook.ID, "delivery", d.ID, "problem", r.reply.Problem)
		}
		c.lanes.end(d, false)
	case r.reply.taken:
		d.note(r.reply.Attempt)
		d.State = Sent
		c.lanes.end(d, true)
		c.judge(r.reply)
	default:
		d.note(r.reply.Attempt)
		c.missed(d, r.reply)
		c.judge(r.reply)
	}
}

// missed puts a delivery off that was not taken, or gives it up.
func (c *courier) missed(d *Delivery, r reply) {
	d.Tries++
	after, again := delay(d.Tries)
	if !again {
		d.State, d.Note = Failed, fmt.Sprintf("given up after %d attempts", d.Tries)
		c.lanes.end(d, true)
		return
	}
	d.Due = r.At.Add(max(after, r.wait))
	if by := c.lanes.supersede(d); by != nil {
		d.State = Superseded
		c.changed[by] = true
		return
	}
	c.lanes.end(d, false)
}

// judge takes what an attempt says about the hook as a whole.
func (c *courier) judge(r reply) {
	h := &c.hook.Health
	c.stands, h.Problem = true, r.Problem
	switch {
	case r.taken:
		h.OKAt, h.FailingSince = r.At, time.Time{}
	case r.gone:
		c.disable("its target answered 410 Gone")
	case h.FailingSince.IsZero():
		h.FailingSince = r.At
	case r.At.Sub(h.FailingSince) >= failsFor:
		c.disable("it has failed for 5 days; the last time " + r.Problem)
	}
}

// disable ends the courier. What waits stays in the store for when the person enables the hook again.
func (c *courier) disable(reason string) {
	if c.over {
		return
	}
	c.over = true
	c.hook.Health.DisabledAt, c.hook.Health.Reason = time.Now(), reason
	c.outbox.options.Logger.Warn("a webhook is disabled", "webhook", c.hook.ID, "reason", reason)
	c.outbox.options.Board.TellDisabled(c.hook.ID, reason, time.Now())
}

// resend puts a delivery in the queue once more, under its own id. The store may not yet have what came of it.
func (c *courier) resend(d *Delivery) error {
	for known := range c.changed {
		if known.ID == d.ID {
			d = known
		}
	}
	if l := c.lanes.byRecord[d.Record]; l != nil && slices.ContainsFunc(l.queue, func(o *Delivery) bool { return o.ID == d.ID }) {
		return &telephony.Error{Code: telephony.CodeConflict, Message: "it waits already", Remedy: "`webhook log` says when it is due"}
	}
	d.State, d.Tries, d.Due = Waiting, 0, time.Time{}
	if d.Kind != kindReset {
		d.Note = ""
	}
	c.changed[d] = true
	if superseded := c.lanes.add(d); superseded != nil {
		c.supersede(superseded)
	}
	return nil
}

func (c *courier) supersede(d *Delivery) {
	d.State = Superseded
	c.changed[d] = true
}
