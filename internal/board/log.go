package board

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Kinds of change beside those of package telephony, spelled as the notification that they become.
const (
	RecordOpened  = "record.opened"
	RecordJoined  = "record.joined"
	RecordChanged = "record.changed"
	RecordSettled = "record.settled"
	RecordClosed  = "record.closed"
	ItemAdded     = "item.added"
	ItemChanged   = "item.changed"
	ItemRemoved   = "item.removed"
	AppRegistered = "app.registered"
	AppGone       = "app.gone"
)

// Change is one entry of the log. What is set besides the first block depends on Kind.
type Change struct {
	Seq    uint64    `json:"seq"`
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`
	Line   string    `json:"line,omitempty"`
	Record string    `json:"record,omitempty"`
	Rev    int64     `json:"rev,omitempty"`
	Source string    `json:"source,omitempty"`
	Wave   int64     `json:"wave,omitempty"`
	Round  int       `json:"round,omitempty"`

	Fields  map[string]*Field `json:"fields,omitempty"` // nil field: nobody claims it any more
	Shown   []string          `json:"shown,omitempty"`  // fields and lists of which people see something else now
	Opened  *Record           `json:"opened,omitempty"`
	Call    *telephony.Call   `json:"call,omitempty"`
	List    string            `json:"list,omitempty"`
	Item    *Item             `json:"item,omitempty"`
	Settled *Settled          `json:"settled,omitempty"`
	Link    *telephony.Link   `json:"link,omitempty"`
	Gap     *telephony.Gap    `json:"gap,omitempty"`
	App     string            `json:"app,omitempty"`
	Work    *Registration     `json:"work,omitempty"`

	After *Record  `json:"-"` // the record as this change left it
	moved []string // of Shown, those whose value is another: what apps work from (B-12)
}

// append adds a change of a record and makes next its newest version.
func (b *Board) append(e *entry, next *Record, c *Change) {
	c.Line, c.Record, c.Rev, c.After = next.Line, next.ID, next.Rev, next
	e.now = next
	e.unshown++
	b.push(c)
}

func (b *Board) push(c *Change) {
	b.seq++
	c.Seq = b.seq
	b.pending = append(b.pending, c)
	select {
	case b.dirty <- struct{}{}:
	default:
	}
}

// Dirty is signalled when there is something to take.
func (b *Board) Dirty() <-chan struct{} { return b.dirty }

// Take hands out all that is pending, in order. There is one committer: whoever takes a batch must Show it before the next.
func (b *Board) Take() []*Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	batch := b.pending
	b.pending = nil
	return batch
}

// Show makes a batch visible that Take handed out: now it can be watched, listed and worked on. durable says whether the
// store has it.
func (b *Board) Show(batch []*Change, durable bool, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.durable = durable
	touched := map[*entry]bool{}
	for _, c := range batch {
		b.log = append(b.log, c)
		if e := b.entries[c.Record]; e != nil {
			e.shown, e.unshown = c.After, e.unshown-1
			touched[e] = true
			b.route(e, c)
		}
	}
	b.trim()
	for e := range touched {
		if e.shown.State == Closed {
			b.retire(e)
		}
		b.settle(e, at)
		b.forget(e)
	}
	for w := range b.watches {
		w.poke()
	}
}

func (b *Board) trim() {
	if over := len(b.log) - 2*b.options.Window; over > 0 {
		cut := len(b.log) - b.options.Window
		b.base += uint64(cut)
		b.log = slices.Clone(b.log[cut:])
	}
}

// forget lets a closed record go from memory, but for the newest ones, which a page still lists.
func (b *Board) forget(e *entry) {
	if e.shown.State != Closed || e.unshown > 0 {
		return
	}
	for id, f := range b.works {
		if f.entry == e {
			delete(b.works, id)
		}
	}
	const keep = 200
	if len(b.entries) <= keep {
		return
	}
	oldest := e
	for _, other := range b.entries {
		if other.shown != nil && other.shown.State == Closed && other.unshown == 0 && other.shown.OpenedAt.Before(oldest.shown.OpenedAt) {
			oldest = other
		}
	}
	delete(b.entries, oldest.shown.ID)
	if oldest.shown.Call != nil {
		delete(b.calls, oldest.shown.Call.ID)
	}
}

var (
	// ErrBehind says that a watch has fallen out of what is held in memory: go on from the store, then Seek.
	ErrBehind = errors.New("the watch is behind what is held in memory")
	// ErrReset says that another epoch has begun: list again.
	ErrReset = errors.New("another epoch has begun")
)

// Watch is a place in the log and a way to be woken. One goroutine uses it; Close it when done.
type Watch struct {
	board *Board
	epoch string
	seq   uint64
	wake  chan struct{}
}

func (w *Watch) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Watch follows the log from after a cursor; a zero cursor means from now. The error says why that cannot be (D-6).
func (b *Board) Watch(from Cursor) (*Watch, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	newest := b.base + uint64(len(b.log))
	w := &Watch{board: b, epoch: b.epoch, seq: from.Seq, wake: make(chan struct{}, 1)}
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
	case from.Seq < b.oldest:
		return nil, gone("the cursor is older than the log reaches back")
	}
	w.poke()
	b.watches[w] = struct{}{}
	return w, nil
}

// Close ends the watch.
func (w *Watch) Close() {
	w.board.mu.Lock()
	defer w.board.mu.Unlock()
	delete(w.board.watches, w)
}

// Woken is signalled when Next may have something.
func (w *Watch) Woken() <-chan struct{} { return w.wake }

// Cursor is the place up to which the watch has read.
func (w *Watch) Cursor() Cursor { return Cursor{Epoch: w.epoch, Seq: w.seq} }

// Seek moves the watch on, after its reader has had the changes up to seq from the store.
func (w *Watch) Seek(seq uint64) { w.seq = max(w.seq, seq) }

// Next returns the changes since the last call, in order, none twice, at most limit; none if there are none.
func (w *Watch) Next(limit int) ([]*Change, error) {
	w.board.mu.Lock()
	defer w.board.mu.Unlock()
	switch {
	case w.epoch != w.board.epoch:
		return nil, ErrReset
	case w.seq < w.board.base:
		return nil, ErrBehind
	}
	fresh := w.board.log[w.seq-w.board.base:]
	if len(fresh) > limit {
		fresh = fresh[:limit]
		w.poke()
	}
	w.seq += uint64(len(fresh))
	return fresh[:len(fresh):len(fresh)], nil
}

// Snapshot lists the records on the board, newest first, with the cursor that the list is true for. An empty state lists
// all.
func (b *Board) Snapshot(state State) ([]*Record, Cursor) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var records []*Record
	for _, e := range b.entries {
		if e.shown != nil && (state == "" || e.shown.State == state) {
			records = append(records, e.shown)
		}
	}
	slices.SortFunc(records, func(a, b *Record) int {
		return cmp.Or(b.OpenedAt.Compare(a.OpenedAt), cmp.Compare(b.ID, a.ID))
	})
	return records, Cursor{Epoch: b.epoch, Seq: b.base + uint64(len(b.log))}
}

// Get returns the shown version of a record, nil if it is not on the board.
func (b *Board) Get(id string) *Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.entries[id]; e != nil {
		return e.shown
	}
	return nil
}

// Durable reports whether the store has all that is shown.
func (b *Board) Durable() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.durable
}

// Epoch names the history that cursors belong to.
func (b *Board) Epoch() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.epoch
}

// NewEpoch begins another history, because what is shown from now on may be lost. Every watch ends with ErrReset.
func (b *Board) NewEpoch(epoch string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.epoch = epoch
	for w := range b.watches {
		w.poke()
	}
}
