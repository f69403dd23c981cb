package board

import (
	"cmp"
	"fmt"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Reopen opens a closed record again, as the same record (B-23): what is known of it stays, each fact with its date, a new
// wave begins, and every app is asked. One that is open is given back as it is. It closes again after the grace time.
func (b *Board) Reopen(id, source string, at time.Time, receipts ...*Receipt) (Written, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.awake(id)
	if e == nil {
		return Written{}, notThere(id)
	}
	if e.now.State == Open {
		return b.keep(receipts, e, b.written(e, 0)), nil
	}
	from := e.newWave()
	next := reopened(e.now, at)
	next.Origin, next.First = FromReopen, cmp.Or(next.First, next.Origin)
	next.Nothing = nil // what an app did not know then it may know now
	b.openAgain(e, next, from, from.change(RecordOpened, source, at))
	return b.keep(receipts, e, b.written(e, 1)), nil
}

func notThere(id string) error {
	return &telephony.Error{Code: telephony.CodeNotFound, Message: fmt.Sprintf("there is no record %q on the board", id),
		Remedy: "list the records, or look the call up in the log"}
}

// reopened is the next version of a closed record, open.
func reopened(r *Record, at time.Time) *Record {
	next := r.clone()
	next.State, next.ClosedAt, next.ClosedBy, next.ReopenedAt = Open, time.Time{}, "", at
	return next
}

// openAgain tells of a record that is there already as of one that is new: whole, and all of it may have moved.
func (b *Board) openAgain(e *entry, next *Record, from cause, c *Change) {
	next.Wave = from.wave
	c.Opened, c.Shown, c.moved = next, next.names(), next.names()
	b.append(e, next, c)
}

// Close closes a record before its time. A call that is going on stays open. One that is closed is given back as it is. A
// lookup that somebody closes waits for nobody any more (B-20).
func (b *Board) Close(id, source string, at time.Time, receipts ...*Receipt) (Written, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.awake(id)
	switch {
	case e == nil:
		return Written{}, notThere(id)
	case e.now.State == Closed:
		return b.keep(receipts, e, b.written(e, 0)), nil
	case e.now.Call != nil && e.now.Call.State != telephony.Ended:
		return Written{}, &telephony.Error{Code: telephony.CodeNotNow, Message: "its call is going on", Remedy: "close it when the call is over"}
	}
	b.shut(e, source, at)
	return b.keep(receipts, e, b.written(e, 1)), nil
}

// shut closes a record; an empty source: time does.
func (b *Board) shut(e *entry, source string, at time.Time) {
	next := e.now.clone()
	next.State, next.ClosedAt, next.ClosedBy = Closed, at, source
	b.append(e, next, &Change{Kind: RecordClosed, At: at, Source: source})
}

// waits reports whether a lookup waits for its number to call (B-20): while it is open, and when only time has closed it as
// long as it is kept for that.
func (b *Board) waits(r *Record, at time.Time) bool {
	if r.Call != nil {
		return false
	}
	return r.State == Open || r.ClosedBy == "" && at.Sub(r.OpenedAt) <= b.options.KeepLookups
}
