package board

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Options configure a Board.
type Options struct {
	Epoch       string                           // names the history that cursors belong to
	NewID       func(prefix string) string       // unique ids, e.g. rec_…
	Normal      func(field, value string) string // equal values read equal; nil: lower case, single spaces
	Authority   map[string][]string              // field, or party.* -> sources, strongest first
	Order       []string                         // sources, strongest first
	Exclusive   []string                         // fields with one owner (B-2); nil: call.disposition
	Grace       time.Duration                    // how long after its end a call stays open (B-19); 0: 10 min
	KeepLookups time.Duration                    // how long a lookup waits for its number to call (B-20); 0: 30 days
	Past        time.Duration                    // how far back calls are read back: a lookup may have waited for one of them, and is held so much longer
	Window      int                              // how many changes are held in memory; 0: 10,000
	WindowBytes int                              // about how many bytes of changes at most; 0: 32 MiB
}

const (
	defaultGrace       = 10 * time.Minute
	defaultWindow      = 10_000
	defaultWindowBytes = 32 << 20
	lookupLife         = 7 * 24 * time.Hour // a lookup is open so long
	defaultKeepLookups = 30 * 24 * time.Hour
)

// Board holds the records that are open, and the newest changes. See the package comment.
type Board struct {
	options  Options
	resolver resolver
	off      switches

	mu      sync.Mutex // guards all below; held for map work only
	epoch   string
	entries map[string]*entry
	agenda  agenda
	calls   map[telephony.CallID]*entry
	crew    crew
	ward    ward
	journal journal
	words   words
	erased  []erasing
	watches map[*Watch]struct{}
	durable bool
	counts  Stats // of it what only grows
}

// switches turn rules off, for the tests that show what each of them is good for.
type switches struct {
	silence bool // B-5
	causes  bool // B-11
	fuel    bool // B-15
}

// New returns an empty board.
func New(o Options) *Board {
	o.Grace = cmp.Or(o.Grace, defaultGrace)
	o.KeepLookups = cmp.Or(o.KeepLookups, defaultKeepLookups)
	o.Window = cmp.Or(o.Window, defaultWindow)
	o.WindowBytes = cmp.Or(o.WindowBytes, defaultWindowBytes)
	if o.Normal == nil {
		o.Normal = func(_, value string) string { return strings.ToLower(strings.Join(strings.Fields(value), " ")) }
	}
	if o.Exclusive == nil {
		o.Exclusive = []string{"call.disposition"}
	}
	return &Board{
		options:  o,
		epoch:    o.Epoch,
		resolver: newResolver(o),
		entries:  map[string]*entry{}, calls: map[telephony.CallID]*entry{},
		crew:    newCrew(),
		ward:    ward{suspended: map[slot][]time.Time{}, barredAt: map[slot]time.Time{}},
		journal: newJournal(o.Window, o.WindowBytes),
		words:   newWords(),
		watches: map[*Watch]struct{}{}, durable: true,
	}
}

// Recall tells a new board which apps are barred from what, by the changes that said so, in order. Call it before Restore.
func (b *Board) Recall(bars []*Change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ward.recall(bars)
}

// Restore fills a new board from the store: records, the newest changes in order, and the oldest seq the store still has.
// Call it before anything else.
func (b *Board) Restore(records []*Record, tail []*Change, seq, oldest uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range records {
		b.admit(r)
	}
	b.journal.restore(tail, seq, oldest)
	b.ward.recall(tail)
}

// Admit puts a stored record back, as it is, so that it can be written to. One that is there already stays.
func (b *Board) Admit(r *Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.entries[r.ID] == nil {
		b.admit(r)
	}
}

func (b *Board) admit(r *Record) {
	e := newEntry(r)
	e.shown = r
	b.entries[r.ID] = e
	b.plan(e)
	if r.Call != nil {
		b.calls[r.Call.ID] = e
	}
}

// Tick lets time pass: works past their deadline, claims past their time, records past their grace. Call it about four
// times a second.
func (b *Board) Tick(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.crew.late(at, func(f *flight) { b.unanswered(f, at) })
	var over []*entry
	due := b.agenda.take(at)
	for _, e := range due {
		if !e.wakes.IsZero() && !at.Before(e.wakes) || b.outlived(e.now, at) {
			over = append(over, e)
			continue
		}
		b.lie(e, at)
	}
	slices.SortFunc(over, func(a, b *entry) int { return cmp.Compare(a.now.ID, b.now.ID) })
	for _, e := range over {
		b.wake(e)
		if !e.wakes.IsZero() && !at.Before(e.wakes) {
			b.expire(e, at)
		}
		if b.outlived(e.now, at) {
			b.shut(e, "", at)
		}
	}
	for _, e := range due {
		if b.entries[e.now.ID] == e {
			b.planAgain(e, at)
		}
	}
}

// lifeEnd is until when an open record stays so (B-19): a call some time after its end, a lookup until it has been open for
// long, either not less than the grace time after it was reopened. False: there is no such time as yet.
func (b *Board) lifeEnd(r *Record) (end time.Time, ends bool) {
	switch {
	case r.State != Open:
		return end, false
	case r.Call != nil && r.Call.State != telephony.Ended:
		return end, false
	case r.Call != nil && !r.Call.EndedAt.IsZero():
		end = r.Call.EndedAt.Add(b.options.Grace)
	case r.Call != nil:
		end = r.Call.EndedBefore.Add(b.options.Grace)
	case r.Origin != FromReopen:
		end = r.OpenedAt.Add(min(lookupLife, b.options.KeepLookups))
	}
	if again := r.ReopenedAt.Add(b.options.Grace); !r.ReopenedAt.IsZero() && again.After(end) {
		end = again
	}
	return end, true
}

func (b *Board) outlived(r *Record, at time.Time) bool {
	end, ends := b.lifeEnd(r)
	return ends && at.After(end)
}

// Get returns the shown version of a record, nil if it is not on the board.
func (b *Board) Get(id string) *Record {
	b.mu.Lock()
	e := b.entries[id]
	if e == nil {
		b.mu.Unlock()
		return nil
	}
	shown, rest, words := e.shown, e.rest, b.words.known()
	b.mu.Unlock()
	return rest.unpacked(shown, words)
}

// Snapshot lists the records on the board, newest first, with the cursor that the list is true for. An empty state lists
// all.
func (b *Board) Snapshot(state State) ([]*Record, Cursor) {
	var f Filter
	if state != "" {
		f.States = []State{state}
	}
	return b.List(f)
}

// List lists the records that a filter lets through, newest first, with the cursor that the list is true for.
func (b *Board) List(f Filter) ([]*Record, Cursor) {
	records, rests, words, cursor := b.listed(&f)
	for i, r := range records {
		records[i] = rests[i].unpacked(r, words)
	}
	slices.SortFunc(records, func(a, b *Record) int {
		return cmp.Or(b.OpenedAt.Compare(a.OpenedAt), cmp.Compare(b.ID, a.ID))
	})
	return records, cursor
}

// listed is List as it lies in memory: unpacking needs no lock.
func (b *Board) listed(f *Filter) ([]*Record, []rest, []string, Cursor) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var records []*Record
	var rests []rest
	for _, e := range b.entries {
		if e.shown != nil && f.holds(e.shown.Line, e.shown.standing()) {
			records = append(records, e.shown)
			rests = append(rests, e.rest)
		}
	}
	return records, rests, b.words.known(), Cursor{Epoch: b.epoch, Seq: b.journal.newest()}
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

// Newest is the cursor up to which changes are shown.
func (b *Board) Newest() Cursor {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Cursor{Epoch: b.epoch, Seq: b.journal.newest()}
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

// Cursor is a place in the change log.
type Cursor struct {
	Epoch string
	Seq   uint64
}

func (c Cursor) String() string { return c.Epoch + ":" + strconv.FormatUint(c.Seq, 10) }

// ParseCursor reads epoch:seq.
func ParseCursor(s string) (Cursor, error) {
	epoch, number, found := strings.Cut(s, ":")
	seq, err := strconv.ParseUint(number, 10, 64)
	if !found || epoch == "" || err != nil {
		return Cursor{}, &telephony.Error{Code: telephony.CodeInvalid, Message: "the cursor is not of the form epoch:seq",
			Remedy: "use the id of a notification or the cursor of a list, as it was given"}
	}
	return Cursor{Epoch: epoch, Seq: seq}, nil
}
