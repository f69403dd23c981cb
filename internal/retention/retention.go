// Package retention lets go what is to be kept no longer: records whose time is over, their items, and the beginning of the change log.
//
// It goes off the board first, so that watchers are told, then out of the store, in small steps between which calls go on; what was struck leaves no
// text behind. A step that was broken off is done again by the next run. Nothing is let go unless it is told for how long to keep it.
package retention

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// Limits are how long things are kept; zero: for ever. The time of a record is counted from when it was closed last.
type Limits struct {
	Calls   time.Duration // records of calls, and who was picked at a number
	Lookups time.Duration // records without a call
	Items   time.Duration // what is on their lists
	Changes time.Duration // the change log
}

// Store is where it is kept. Its methods may block on the disk.
type Store interface {
	// ClosedBefore reads some closed records that were opened before a time, in order, behind one; nil: from the oldest.
	ClosedBefore(ctx context.Context, opened time.Time, behind *board.Record, limit int) ([]*board.Record, error)
	// BeginLetGo notes that what the log says of records before a seq is to be struck. StrikeOwed does what was noted, if anything is.
	BeginLetGo(ctx context.Context, records []string, before uint64) error
	StrikeOwed(ctx context.Context) error
	// Drop forgets records that are still as given.
	Drop(ctx context.Context, records []*board.Record) error
	ForgetPicks(ctx context.Context, before time.Time) error
	// TrimLog takes some of the changes from before a time off the beginning of the log; 0: there are none.
	TrimLog(ctx context.Context, before time.Time) (upTo uint64, err error)
	// Clean takes what has gone out of the files; commits may wait for it for a second. Unclean says that this has yet to be done.
	Clean(ctx context.Context) error
	Unclean(ctx context.Context) (bool, error)
}

// Options configure Run.
type Options struct {
	Board  *board.Board
	Wait   func(ctx context.Context, seq uint64) error // until a change is durable and shown
	Store  Store
	Limits Limits
	Forget func() // drops what else is in memory of changes that are struck
	Logger *slog.Logger
}

const (
	every   = 6 * time.Hour
	again   = time.Minute            // after an error, or while calls are going on
	pause   = 100 * time.Millisecond // between steps
	atOnce  = 20                     // records in a step
	looked  = 200                    // records that are read at once
	between = 10 * time.Millisecond  // those readings
)

// errCalls says that there is no quiet moment.
var errCalls = errors.New("calls are going on")

// Run lets go what is over, at once and every few hours, until ctx ends.
func Run(ctx context.Context, o Options) {
	if o.Limits == (Limits{}) {
		return
	}
	for {
		err := LetGo(ctx, o, time.Now())
		next := every
		if err != nil && ctx.Err() == nil {
			next = again
			if !errors.Is(err, errCalls) {
				o.Logger.Error("what is to be kept no longer is not gone yet", "error", err)
			}
		}
		if wait(ctx, next) != nil {
			return
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// LetGo lets go all that is over at a time. It takes as long as it needs not to be in the way of others.
func LetGo(ctx context.Context, o Options, now time.Time) error {
	if err := o.Store.StrikeOwed(ctx); err != nil { // of a run that was broken off
		return err
	}
	if err := letRecordsGo(ctx, o, now); err != nil {
		return err
	}
	if o.Limits.Calls > 0 {
		if err := o.Store.ForgetPicks(ctx, now.Add(-o.Limits.Calls)); err != nil {
			return err
		}
	}
	for o.Limits.Changes > 0 {
		upTo, err := o.Store.TrimLog(ctx, now.Add(-o.Limits.Changes))
		if err != nil {
			return err
		}
		if upTo == 0 {
			break
		}
		o.Board.Trimmed(upTo)
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
	unclean, err := o.Store.Unclean(ctx)
	if err != nil || !unclean {
		return err
	}
	if o.Board.UnderWay() > 0 { // nobody who is called waits for a file to be cleaned
		return errCalls
	}
	return o.Store.Clean(ctx)
}

// letRecordsGo goes through the records once, from the oldest.
func letRecordsGo(ctx context.Context, o Options, now time.Time) error {
	shortest := time.Duration(0)
	for _, limit := range []time.Duration{o.Limits.Calls, o.Limits.Lookups, o.Limits.Items} {
		if limit > 0 && (shortest == 0 || limit < shortest) {
			shortest = limit
		}
	}
	if shortest == 0 {
		return nil
	}
	var last *board.Record
	over := map[board.Part][]*board.Record{}
	for {
		some, err := o.Store.ClosedBefore(ctx, now.Add(-shortest), last, looked)
		if err != nil {
			return err
		}
		for _, r := range some {
			if part, is := o.Limits.over(r, now); is {
				over[part] = append(over[part], r)
			}
		}
		for _, part := range []board.Part{board.All, board.Items} {
			for len(over[part]) >= atOnce || len(over[part]) > 0 && len(some) < looked {
				step := over[part][:min(atOnce, len(over[part]))]
				over[part] = over[part][len(step):]
				if err := letGo(ctx, o, step, part, now); err != nil {
					return err
				}
			}
		}
		if len(some) < looked {
			return nil
		}
		last = some[len(some)-1]
		if err := wait(ctx, between); err != nil {
			return err
		}
	}
}

// over says what of a closed record is to go.
func (l Limits) over(r *board.Record, now time.Time) (board.Part, bool) {
	age := now.Sub(r.ClosedAt)
	limit := l.Calls
	if r.Call == nil {
		limit = l.Lookups
	}
	switch {
	case limit > 0 && age > limit:
		return board.All, true
	case l.Items > 0 && age > l.Items && slices.ContainsFunc(lists(r), func(list []board.Item) bool { return len(list) > 0 }):
		return board.Items, true
	}
	return 0, false
}

func lists(r *board.Record) [][]board.Item {
	var all [][]board.Item
	for _, list := range r.Items {
		all = append(all, list)
	}
	return all
}

// letGo is one step: off the board, and once that is durable out of the store. What the log says is noted before and goes before the record, so
// whatever is left when this is broken off is found again.
func letGo(ctx context.Context, o Options, records []*board.Record, part board.Part, now time.Time) error {
	if err := o.Wait(ctx, 0); err != nil {
		return err
	}
	if err := o.Store.BeginLetGo(ctx, ids(records), o.Board.Newest().Seq+1); err != nil {
		return err
	}
	gone := o.Board.LetGo(records, part, now)
	if err := o.Wait(ctx, gone.Seq); err != nil {
		return err
	}
	if len(gone.Records) < len(records) { // somebody has written to one, or reopened it
		if err := o.Store.BeginLetGo(ctx, ids(gone.Records), gone.From); err != nil {
			return err
		}
	}
	if err := o.Store.StrikeOwed(ctx); err != nil {
		return err
	}
	if part == board.All {
		if err := o.Store.Drop(ctx, gone.Records); err != nil {
			return err
		}
	}
	o.Forget()
	return wait(ctx, pause)
}

func ids(records []*board.Record) []string {
	out := []string{}
	for _, r := range records {
		out = append(out, r.ID)
	}
	return out
}
