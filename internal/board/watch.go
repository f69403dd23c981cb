package board

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

var (
	// ErrBehind says that a watch has fallen out of what is held in memory: go on from the store, then Seek.
	ErrBehind = errors.New("the watch is behind what is held in memory")
	// ErrReset says that another epoch has begun: list again.
	ErrReset = errors.New("another epoch has begun")
)

// Watch is a place in the log, what is wanted of it, and a way to be woken. One goroutine uses it; Close it when done. One
// that nobody asked to be woken for costs the others nothing.
type Watch struct {
	board  *Board
	filter Filter
	epoch  string
	seq    uint64
	wake   chan struct{}
	wakes  bool // somebody waits for it
	closed bool // guarded by the board's lock
}

// Told is what a reader sees of a change: the change, trimmed to what was asked for, or in its place the whole record.
type Told struct {
	Sight     Sight
	Change    *Change
	Trimmed   bool    // Change is a copy for this reader alone
	Coalesced bool    // it stands for several changes, and its seq is no place to go on from
	Record    *Record // for Added and Newest: the record as it is shown now, nil if it is no longer on the board
}

// Bookmark says how far a reader has come, and how far it is behind (D-5).
type Bookmark struct {
	Cursor  Cursor
	Changes uint64        // that it has not read
	Behind  time.Duration // how long ago the first of them was made; zero if there is none
}

func (w *Watch) poke() { poke(w.wake) }

// Watch follows the log from after a cursor; a zero cursor means from now. The error says why that cannot be (D-6).
func (b *Board) Watch(from Cursor) (*Watch, error) { return b.WatchOnly(from, Filter{Claims: true}) }

// WatchOnly is Watch, for See and CatchUp to show no more than a filter lets through.
func (b *Board) WatchOnly(from Cursor, f Filter) (*Watch, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	newest := b.journal.newest()
	w := &Watch{board: b, filter: f, epoch: b.epoch, seq: from.Seq, wake: make(chan struct{}, 1)}
	gone := func(why string) error {
		return &telephony.Error{Code: telephony.CodeCursorGone, Message: why, Remedy: "list the records again and watch from that list's cursor"}
	}
	switch {
	case from == Cursor{}:
		w.seq = newest
	case from.Epoch != b.epoch:
		return nil, gone("the cursor is of another epoch: history before it may have been lost")
	case from.Seq > newest:
		return nil, gone("the cursor lies in the future")
	case from.Seq < b.journal.oldest:
		return nil, gone("the cursor is older than the log reaches back")
	}
	w.poke()
	return w, nil
}

// Close ends the watch.
func (w *Watch) Close() {
	w.board.mu.Lock()
	defer w.board.mu.Unlock()
	w.closed = true
	delete(w.board.watches, w)
}

// Woken is signalled when Next may have something; the first time in any case.
func (w *Watch) Woken() <-chan struct{} {
	if !w.wakes {
		w.wakes = true
		w.board.mu.Lock()
		defer w.board.mu.Unlock()
		if !w.closed {
			w.board.watches[w] = struct{}{}
		}
	}
	return w.wake
}

// Cursor is the place up to which the watch has read.
func (w *Watch) Cursor() Cursor { return Cursor{Epoch: w.epoch, Seq: w.seq} }

// Seek moves the watch on, after its reader has had the changes up to seq from the store.
func (w *Watch) Seek(seq uint64) { w.seq = max(w.seq, seq) }

// Bookmark says how far the watch has come.
func (w *Watch) Bookmark(at time.Time) Bookmark {
	b := w.board
	b.mu.Lock()
	defer b.mu.Unlock()
	mark := Bookmark{Cursor: w.Cursor()}
	if w.epoch == b.epoch && w.seq < b.journal.newest() {
		mark.Changes = b.journal.newest() - w.seq
		mark.Behind = max(0, at.Sub(b.journal.after(max(w.seq, b.journal.base))[0].At))
	}
	return mark
}

// Next returns the changes since the last call, in order, none twice, at most limit; none if there are none. It does not
// filter.
func (w *Watch) Next(limit int) ([]*Change, error) {
	w.board.mu.Lock()
	defer w.board.mu.Unlock()
	return w.next(limit)
}

func (w *Watch) next(limit int) ([]*Change, error) {
	switch {
	case w.epoch != w.board.epoch:
		return nil, ErrReset
	case w.seq < w.board.journal.base:
		return nil, ErrBehind
	}
	fresh := w.board.journal.after(w.seq)
	if len(fresh) > limit {
		fresh = fresh[:limit]
		w.poke()
	}
	w.seq += uint64(len(fresh))
	return fresh[:len(fresh):len(fresh)], nil
}

// See reads at most limit changes and returns what the filter lets through, and how many it did not.
func (w *Watch) See(limit int) (told []Told, filtered int, err error) {
	w.board.mu.Lock()
	changes, err := w.next(limit)
	w.board.mu.Unlock()
	if err != nil {
		return nil, 0, err
	}
	told = w.Tell(changes)
	return told, len(changes) - len(told), nil
}

// Tell is what the filter lets through of changes, also of such as were read from the store.
func (w *Watch) Tell(changes []*Change) []Told {
	var told []Told
	for _, c := range changes {
		switch sight := w.filter.See(c); sight {
		case Unseen:
		case Added:
			told = append(told, Told{Sight: sight, Change: c, Record: w.whole(c)})
		default:
			trimmed := w.filter.Trim(c)
			told = append(told, Told{Sight: sight, Change: trimmed, Trimmed: trimmed != c})
		}
	}
	return told
}

// whole is the record of a change as it is shown now: newer than the change at times, so the reader drops what it is told
// of older revs (D-4).
func (w *Watch) whole(c *Change) *Record {
	if r := w.board.Get(c.Record); r != nil {
		return r
	}
	return c.Opened
}

// CatchUp reads all that a parked reader has missed, as the newest state of each record (D-7, coalesce=record): the told
// are in the order of each record's last change. What concerns no record comes as it is. Until the reader has all of it,
// its place is where it was before: the ids of these changes are no cursors to resume from.
func (w *Watch) CatchUp() ([]Told, Cursor, error) {
	w.board.mu.Lock()
	changes, err := w.next(int(^uint(0) >> 1))
	w.board.mu.Unlock()
	if err != nil {
		return nil, Cursor{}, err
	}
	return w.Coalesce(changes), w.Cursor(), nil
}

// Coalesce is CatchUp for changes that were read from the store.
func (w *Watch) Coalesce(changes []*Change) []Told {
	type span struct{ first, last *Change }
	spans := map[string]*span{}
	for _, c := range changes {
		if s := spans[c.Record]; s != nil {
			s.last = c
		} else if c.Record != "" {
			spans[c.Record] = &span{c, c}
		}
	}
	var told []Told
	for _, c := range changes {
		if c.Record == "" && w.filter.See(c) == Seen {
			told = append(told, Told{Sight: Seen, Change: c})
		}
	}
	for _, s := range spans {
		was, is := s.first.Is, w.filter.holds(s.last.Line, s.last.Is)
		if s.first.Was != nil {
			was = *s.first.Was
		}
		switch before := w.filter.holds(s.first.Line, was); {
		case is && before:
			told = append(told, Told{Sight: Newest, Change: s.last, Record: w.whole(s.last)})
		case is:
			told = append(told, Told{Sight: Added, Change: s.last, Record: w.whole(s.last)})
		case before:
			told = append(told, Told{Sight: Removed, Change: s.last})
		}
	}
	slices.SortFunc(told, func(a, b Told) int { return cmp.Compare(a.Change.Seq, b.Change.Seq) })
	for i := range told {
		told[i].Coalesced = true
	}
	return told
}
