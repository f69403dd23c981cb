package board

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Options configure a Board.
type Options struct {
	Epoch     string                           // names the history that cursors belong to
	NewID     func(prefix string) string       // unique ids, e.g. rec_…
	Normal    func(field, value string) string // equal values read equal; nil: lower case, single spaces
	Authority map[string][]string              // field -> sources, strongest first
	Order     []string                         // sources, strongest first
	Grace     time.Duration                    // how long after its end a call stays open (B-19); 0: 10 min
	Window    int                              // how many changes are held in memory; 0: 10,000
}

const (
	defaultGrace  = 10 * time.Minute
	defaultWindow = 10_000
	lookupLife    = 7 * 24 * time.Hour // an open lookup waits so long for its party to ring
)

// Board holds the records that are open, and the newest changes. See the package comment.
type Board struct {
	options  Options
	resolver resolver
	dirty    chan struct{} // size one: there is something to commit

	mu        sync.Mutex // guards all below; held for map work only
	epoch     string
	entries   map[string]*entry
	calls     map[telephony.CallID]*entry
	enrichers map[string]*Enricher // by app
	works     map[string]*flight   // by work id, until the record closes
	pending   []*Change
	seq       uint64 // of the newest change, shown or not
	log       []*Change
	base      uint64 // seq of the change before log[0]
	oldest    uint64 // the earliest cursor that can be resumed from, here or from the store
	watches   map[*Watch]struct{}
	durable   bool
}

// entry is a record and what is going on about it.
type entry struct {
	now        *Record // the newest version, perhaps not yet durable
	shown      *Record // what everybody sees; nil until first shown
	unshown    int     // changes of it that are pending
	jobs       map[string]*job
	asked      bool      // somebody has been asked since it last settled
	askedAt    time.Time // since when
	rounds     int       // the deepest round since it last settled
	unanswered map[string]bool
	numberOf   *Field // of which number is; see lookedUp
	number     string
	heard      [2]heard // the newest shown change, and the newest of another source than that one's
}

// heard is a change that apps were told of: what they write next may follow from it.
type heard struct {
	source string
	cause  cause
	at     time.Time
}

func (e *entry) hear(c *Change) {
	if c.Source != e.heard[0].source {
		e.heard[1] = e.heard[0]
	}
	e.heard[0] = heard{source: c.Source, cause: cause{wave: c.Wave, round: c.Round}, at: c.At}
}

// heardBy is the newest change that was news to a source: its own are not.
func (e *entry) heardBy(source string) heard {
	if e.heard[0].source == source {
		return e.heard[1]
	}
	return e.heard[0]
}

// cause is what a change follows from: a wave begins with a stimulus, its rounds count how many works deep (B-11).
type cause struct {
	wave  int64
	round int
	work  string
}

// New returns an empty board.
func New(o Options) *Board {
	if o.Grace == 0 {
		o.Grace = defaultGrace
	}
	if o.Window == 0 {
		o.Window = defaultWindow
	}
	if o.Normal == nil {
		o.Normal = func(_, value string) string { return strings.ToLower(strings.Join(strings.Fields(value), " ")) }
	}
	return &Board{
		options:  o,
		epoch:    o.Epoch,
		resolver: resolver{authority: o.Authority, order: o.Order, normal: o.Normal},
		dirty:    make(chan struct{}, 1),
		entries:  map[string]*entry{}, calls: map[telephony.CallID]*entry{},
		enrichers: map[string]*Enricher{}, works: map[string]*flight{},
		watches: map[*Watch]struct{}{}, durable: true,
	}
}

// Restore fills a new board from the store: records, the newest changes in order, and the oldest seq the store still has.
// Call it before anything else.
func (b *Board) Restore(records []*Record, tail []*Change, seq, oldest uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range records {
		b.admit(r)
	}
	b.log, b.seq, b.base, b.oldest = tail, seq, seq-uint64(len(tail)), oldest
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
	if r.Call != nil {
		b.calls[r.Call.ID] = e
	}
}

func newEntry(r *Record) *entry {
	return &entry{now: r, jobs: map[string]*job{}, unanswered: map[string]bool{}}
}

// Tick lets time pass: works past their deadline, records past their grace. Call it about four times a second.
func (b *Board) Tick(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.works {
		if f.open && at.After(f.deadline) {
			b.unanswered(f, at)
		}
	}
	for _, e := range b.entries {
		if e.now.State == Open && b.outlived(e.now, at) {
			next := e.now.clone()
			next.State, next.ClosedAt = Closed, at
			b.append(e, next, &Change{Kind: RecordClosed, At: at})
		}
	}
}

func (b *Board) outlived(r *Record, at time.Time) bool {
	if r.Call == nil {
		return at.Sub(r.OpenedAt) > lookupLife
	}
	end := r.Call.EndedAt
	if end.IsZero() {
		end = r.Call.EndedBefore
	}
	return r.Call.State == telephony.Ended && at.Sub(end) > b.options.Grace
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
