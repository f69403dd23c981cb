package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// open begins to read the log where the hook's cursor is. Where that cannot be, the hook is reset.
func (c *courier) open(ctx context.Context) {
	watch, err := c.outbox.options.Board.WatchOnly(c.hook.Cursor, *c.hook.Notify)
	if err != nil {
		c.reset(plain(err))
		return
	}
	c.watch = watch
	c.feed(ctx)
}

// feed reads changes and queues what the hook is to be told of. One turn reads so many; the watch wakes the next.
func (c *courier) feed(ctx context.Context) {
	if len(c.fresh) >= changesAt { // the store has not taken the last ones
		c.more = true
		return
	}
	changes, err := c.read(ctx)
	switch {
	case errors.Is(err, board.ErrReset):
		c.reset("the store could not take changes: history before this may have been lost")
		return
	case errors.Is(err, errTrimmed):
		c.reset(errTrimmed.Error())
		return
	case err != nil:
		c.outbox.options.Logger.Error("the log cannot be read for a webhook", "webhook", c.hook.ID, "error", err)
		c.close() // and opened again, at the cursor
		return
	}
	c.hook.Cursor = c.watch.Cursor()
	for _, t := range c.watch.Tell(changes) {
		if t.Change.Source == c.hook.ID && t.Change.Kind != board.RecordErased {
			continue // its own word
		}
		c.queue(&Delivery{Epoch: c.hook.Cursor.Epoch, Seq: t.Change.Seq, Kind: kindOf(t), Record: t.Change.Record, At: t.Change.At})
	}
	c.moved = c.moved || c.hook.Cursor.Seq-c.kept >= cursorEach
	if c.lanes.bytes > c.outbox.options.QueueBytes {
		c.overflow()
	}
}

func (c *courier) queue(d *Delivery) {
	d.ID, d.Hook, d.State = c.outbox.options.NewID("msg"), c.hook.ID, Waiting
	c.fresh = append(c.fresh, d)
	if superseded := c.lanes.add(d); superseded != nil {
		c.supersede(superseded)
	}
}

func (c *courier) close() {
	c.watch.Close()
	c.watch, c.more = nil, false
}

var errTrimmed = errors.New("the log does not reach back to where this webhook was")

// read is what comes after the cursor: from memory, or from the store where memory does not reach back so far.
func (c *courier) read(ctx context.Context) ([]*board.Change, error) {
	changes, err := c.watch.Next(changesAt)
	if !errors.Is(err, board.ErrBehind) {
		return changes, err
	}
	seq := c.watch.Cursor().Seq
	changes, err = c.outbox.options.Store.Changes(ctx, seq, changesAt)
	for _, change := range changes {
		if seq++; change.Seq != seq {
			return nil, errTrimmed
		}
	}
	if err == nil && len(changes) > 0 {
		c.watch.Seek(seq)
		c.more = true
	}
	return changes, err
}

// kindOf is what a hook is told.
func kindOf(t board.Told) string {
	switch {
	case t.Sight == board.Added:
		return kindAdded
	case t.Sight == board.Removed && t.Change.Kind != board.RecordErased:
		return kindRemoved
	}
	return t.Change.Kind
}

// reset goes on from now, and tells the newest state of every open record in place of what cannot be told one by one.
func (c *courier) reset(why string) {
	if c.watch != nil {
		c.close()
	}
	filter := *c.hook.Notify
	if len(filter.States) == 0 {
		filter.States = []board.State{board.Open}
	}
	records, cursor := c.outbox.options.Board.List(filter)
	c.hook.Cursor, c.moved = cursor, true
	c.outbox.options.Logger.Warn("a webhook is reset", "webhook", c.hook.ID, "reason", why)
	now := time.Now()
	c.queue(&Delivery{Epoch: cursor.Epoch, Seq: cursor.Seq, Kind: kindReset, At: now, Note: why})
	for _, r := range slices.Backward(records) {
		c.queue(&Delivery{Epoch: cursor.Epoch, Seq: cursor.Seq, Kind: kindAdded, Record: r.ID, At: now})
	}
}

// overflow gives up what waits, since the queue may not be larger (FLT-17), and resets the hook.
func (c *courier) overflow() {
	dropped := c.lanes.clear()
	for _, d := range dropped {
		d.State, d.Note = Dropped, "the queue was full"
		c.changed[d] = true
	}
	c.reset(fmt.Sprintf("the queue was full: %d deliveries were given up", len(dropped)))
}

// errErased says that a change says nothing any more. That its record is erased is told by another.
var errErased = errors.New("what the change said is erased")

// body is what is sent now: the change as the log has it, and the newest state of its record.
func (c *courier) body(ctx context.Context, d *Delivery) ([]byte, error) {
	o := &c.outbox.options
	if d.Kind == kindReset {
		return o.Notice(kindReset, board.Cursor{Epoch: d.Epoch, Seq: d.Seq}.String(), d.At, map[string]any{"reason": d.Note})
	}
	change, err := c.change(ctx, d)
	if err != nil {
		return nil, err
	}
	if change.Kind == board.RecordErased && d.Kind != board.RecordErased && d.Kind != kindRemoved {
		return nil, errErased
	}
	change = c.hook.Notify.Trim(change)
	record, err := c.record(ctx, d.Record)
	if err != nil {
		return nil, err
	}
	told := *change
	told.Kind = d.Kind
	return o.Body(Message{App: c.hook.ID, Change: &told, Epoch: d.Epoch, Record: record, Folds: d.Folds, Claims: c.hook.Claims})
}

// change is what the log has of a delivery now. Of what it has no longer there is only what the delivery knows, as of a record
// that is told whole.
func (c *courier) change(ctx context.Context, d *Delivery) (*board.Change, error) {
	bare := &board.Change{Seq: d.Seq, At: d.At, Kind: d.Kind, Record: d.Record}
	if d.Kind == kindAdded {
		return bare, nil
	}
	if held := c.outbox.options.Board.Change(d.Seq); held != nil {
		return held, nil
	}
	found, err := c.outbox.options.Store.Changes(ctx, d.Seq-1, 1)
	if err != nil || len(found) == 0 || found[0].Seq != d.Seq {
		return bare, err
	}
	return found[0], nil
}

// record is the newest state of a record; nil if there is none.
func (c *courier) record(ctx context.Context, id string) (*board.Record, error) {
	if id == "" {
		return nil, nil
	}
	if r := c.outbox.options.Board.Get(id); r != nil {
		return r, nil
	}
	return c.outbox.options.Store.Record(ctx, id)
}

// Message is what a body is made of.
type Message struct {
	App    string        // whose hook it is: it is told what that may see
	Change *board.Change // as it is told
	Epoch  string
	Record *board.Record // as it is now; nil: there is none
	Folds  int           // how many more of its kind it stands for
	Claims bool          // with every field all its claims
}

// invalid is a refusal of what a person has asked for.
func invalid(message, remedy string) error {
	return &telephony.Error{Code: telephony.CodeInvalid, Message: message, Remedy: remedy}
}
