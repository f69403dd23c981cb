package board

import (
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Part is what goes of a record whose time is over.
type Part int

const (
	All   Part = iota // also that there was one: it leaves the board
	Items             // its notes, documents, links and other items
)

// LetGone is what went.
type LetGone struct {
	Records []*Record // as they are now: what is not open, and has not changed meanwhile
	From    uint64    // what the log says of them before this seq is struck
	Seq     uint64    // it holds once the log has been shown up to here
}

// LetGo lets a part of closed records go, as they were read from the store: watchers are told of it as of an erasure, and what the log in memory
// has of them is struck. One that was written to since stays, and so do all while the store does not take changes.
func (b *Board) LetGo(records []*Record, part Part, at time.Time) LetGone {
	b.mu.Lock()
	defer b.mu.Unlock()
	er := erasing{wholes: map[string]bool{}, hits: map[uint64]bool{}, seq: b.journal.seq + 1, scanned: b.journal.seq}
	out := LetGone{From: er.seq}
	theirs := map[string]bool{}
	for _, r := range records {
		if b.entries[r.ID] == nil {
			b.admit(r)
		}
		e := b.awake(r.ID)
		if !b.durable || e.now.State != Closed || e.unshown > 0 || e.now.Rev != r.Rev {
			continue
		}
		theirs[r.ID] = true
		if part == All {
			er.wholes[r.ID] = true
			e.gone = true
			var counts Erasure
			b.eraseWhole(e, &counts, at)
		} else {
			left := e.now.clone()
			left.Items = map[string][]Item{}
			b.erasedAs(e, left, at)
		}
		out.Records = append(out.Records, e.now)
	}
	for _, c := range slices.Concat(b.journal.log, b.journal.taken, b.journal.pending) {
		if c.Seq < er.seq && theirs[c.Record] {
			er.hits[c.Seq] = true
		}
	}
	er.last, out.Seq = b.journal.seq, b.journal.seq
	b.erased = append(b.erased, er)
	b.strikeShown()
	return out
}

// UnderWay is how many calls are going on.
func (b *Board) UnderWay() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, e := range b.calls {
		if e.now.Call != nil && e.now.Call.State != telephony.Ended {
			n++
		}
	}
	return n
}
