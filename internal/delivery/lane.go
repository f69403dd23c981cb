package delivery

import (
	"errors"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

const (
	changesParked    = 64   // that a parked reader reads at once
	changesCoalesced = 4096 // likewise, where of each record only the newest state is told
)

// park lets a goroutine of the reader's own write to it, from a place in the log, until it is at the head.
func (r *Reader) park(seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lane == ended {
		return
	}
	r.lane = parked
	r.watch.Seek(seq)
	r.place.Store(r.watch.Cursor().Seq)
	r.parked.Store(true)
	r.loop.running.Go(r.catchUp)
}

// catchUp writes what is left over, then what the log has, and waits for the socket as it must.
func (r *Reader) catchUp() {
	filtered := 0
	for {
		r.place.Store(r.watch.Cursor().Seq)
		r.mu.Lock()
		out := r.rest
		if r.rest = nil; len(out) == 0 {
			out, r.owed = r.owed, nil
			r.room.Broadcast()
		}
		there := len(out) == 0 && r.behind() == 0
		if there && r.lane != ended {
			r.lane = joining
		}
		over := r.lane == ended
		r.mu.Unlock()
		var err error
		switch {
		case over:
			return
		case there:
			r.loop.post(func(i *inbox) { i.joins = append(i.joins, r) })
			return
		case len(out) > 0:
			err = r.write(out)
		case r.Coalesce && r.behind() > nearHead:
			err = r.coalesced()
		default:
			err = r.fromLog(&filtered)
		}
		switch {
		case errors.Is(err, board.ErrReset):
			r.reset(ErrReset)
		case errors.Is(err, ErrTrimmed):
			r.reset(ErrTrimmed)
		case err != nil:
			r.end(err)
		}
	}
}

// behind is how many changes the reader is behind the loop.
func (r *Reader) behind() uint64 {
	return r.loop.head.Load() - min(r.loop.head.Load(), r.watch.Cursor().Seq)
}

// next reads changes, up to where the loop is: from memory, or from the store where memory does not reach back so far.
func (r *Reader) next(limit int) ([]*board.Change, error) {
	limit = int(min(uint64(limit), r.behind()))
	changes, err := r.watch.Next(limit)
	if !errors.Is(err, board.ErrBehind) {
		return changes, err
	}
	seq := r.watch.Cursor().Seq
	if changes, err = r.loop.options.Log.Changes(r.loop.closing, seq, limit); err != nil {
		return nil, err
	}
	for _, c := range changes {
		if seq++; c.Seq != seq {
			return nil, ErrTrimmed
		}
	}
	r.watch.Seek(seq)
	if len(changes) == 0 { // memory has let go of what the store does not have yet
		select {
		case <-r.watch.Woken():
		case <-r.loop.closing.Done():
		case <-time.After(time.Second):
		}
	}
	return changes, nil
}

// fromLog writes the next changes.
func (r *Reader) fromLog(filtered *int) error {
	changes, err := r.next(changesParked)
	if err != nil {
		return err
	}
	told := r.watch.Tell(changes)
	*filtered += len(changes) - len(told)
	block, err := r.encode(told, filtered)
	if *filtered >= bookmarkFiltered {
		*filtered = 0
		block = r.mark(block)
	}
	if err == nil && len(block) > 0 {
		err = r.write(block)
	}
	return err
}

// coalesced writes the newest state of each record of which there are changes, and then where that has brought the reader:
// the ids of those frames are no places to go on from.
func (r *Reader) coalesced() error {
	changes, err := r.next(changesCoalesced)
	if err != nil {
		return err
	}
	var filtered int
	block, err := r.encode(r.watch.Coalesce(changes), &filtered)
	if err == nil {
		err = r.write(r.mark(block))
	}
	return err
}

// encode makes frames; full blocks are written on the way.
func (r *Reader) encode(told []board.Told, filtered *int) (block []byte, err error) {
	for _, t := range told {
		frame, err := r.loop.options.Encoder.Told(t, r.View, r.watch.Cursor().Epoch)
		if err != nil {
			return nil, err
		}
		if frame.JSON == nil {
			*filtered++
			continue
		}
		if block = r.Form.append(block, frame); len(block) >= blockAtMost {
			if err := r.write(block); err != nil {
				return nil, err
			}
			block = nil
		}
	}
	return block, nil
}

func (r *Reader) mark(block []byte) []byte {
	return r.Form.append(block, r.loop.options.Encoder.Bookmark(r.watch.Bookmark(time.Now())))
}

// bring writes to a reader that is near the head what it misses up to where the loop is, without waiting.
func (r *Reader) bring(seq uint64) bool {
	missing := seq - r.watch.Cursor().Seq
	if missing == 0 {
		return r.push(nil)
	}
	changes, err := r.watch.Next(int(missing))
	if err != nil {
		return false
	}
	var block []byte
	for _, t := range r.watch.Tell(changes) {
		frame, err := r.loop.options.Encoder.Told(t, r.View, r.watch.Cursor().Epoch)
		if err != nil {
			panic(err) // what came from JSON goes to JSON
		}
		if frame.JSON != nil {
			block = r.Form.append(block, frame)
		}
	}
	return r.push(block)
}

// write waits for the socket, but not for ever.
func (r *Reader) write(bytes []byte) error {
	for len(bytes) > 0 {
		n := min(len(bytes), writeAtOne)
		if err := r.conn.SetWriteDeadline(time.Now().Add(stuckAfter)); err != nil {
			return err
		}
		if _, err := r.conn.Write(bytes[:n]); err != nil {
			return err
		}
		bytes = bytes[n:]
	}
	return r.conn.SetWriteDeadline(time.Time{})
}

// reset tells a reader that it must list again, and ends it.
func (r *Reader) reset(why error) {
	r.mu.Lock()
	frame := r.Form.append(nil, r.loop.options.Encoder.Reset(r.watch.Cursor(), why))
	if r.lane == parked {
		r.mu.Unlock()
		r.write(frame) // if it cannot be told, its end tells it
		r.mu.Lock()
		r.lane = joining // all is written
	} else if len(r.rest) == 0 && r.lane != ended {
		r.try(frame)
	}
	r.mu.Unlock()
	r.end(why)
}
