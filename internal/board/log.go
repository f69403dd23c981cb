package board

import (
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Kinds of change beside those of package telephony, spelled as the notification that they become.
const (
	RecordOpened    = "record.opened"
	RecordJoined    = "record.joined"
	RecordChanged   = "record.changed"
	RecordSettled   = "record.settled"
	RecordClosed    = "record.closed"
	RecordErased    = "record.erased"
	FieldContended  = "field.contended"
	ItemAdded       = "item.added"
	ItemChanged     = "item.changed"
	ItemRemoved     = "item.removed"
	AppRegistered   = "app.registered"
	AppGone         = "app.gone"
	AppQuarantined  = "app.quarantined"
	AppReleased     = "app.released"
	WebhookDisabled = "webhook.disabled"
)

// Standing is where a record stands, as far as filters ask.
type Standing struct {
	State State           `json:"state,omitempty"` // empty: it is not there
	Call  telephony.State `json:"call,omitempty"`  // empty: it has no call
}

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
	Cause  uint64    `json:"cause,omitempty"` // the change that it follows from; zero: a stimulus, or time
	Own    bool      `json:"own,omitempty"`   // an app began the wave by itself
	Is     Standing  `json:"is,omitzero"`     // where the record stands now
	Was    *Standing `json:"was,omitempty"`   // and before, where that differs

	Fields  map[string]*Field `json:"fields,omitempty"` // nil field: nobody claims it any more
	Shown   []string          `json:"shown,omitempty"`  // fields and lists of which people see something else now
	Opened  *Record           `json:"opened,omitempty"` // the whole record
	Call    *telephony.Call   `json:"call,omitempty"`
	List    string            `json:"list,omitempty"`
	Item    *Item             `json:"item,omitempty"`
	Items   map[string][]Item `json:"items,omitempty"` // lists that are others now, whole
	Nothing *Nothing          `json:"nothing,omitempty"`
	Settled *Settled          `json:"settled,omitempty"`
	Link    *telephony.Link   `json:"link,omitempty"`
	Gap     *telephony.Gap    `json:"gap,omitempty"`
	App     string            `json:"app,omitempty"`
	Work    *Registration     `json:"work,omitempty"`
	Field   string            `json:"field,omitempty"`   // contended, or not to be written by the app
	Sources []string          `json:"sources,omitempty"` // between which a field is contended
	Reason  string            `json:"reason,omitempty"`  // why a webhook is not called any more

	Receipts []*Receipt `json:"-"` // of writes, for the store (D-10); only until it is shown
	Erasure  *Erasure   `json:"-"` // that ends with this change, for the store (SEC-45); only until it is shown

	After *Record  `json:"-"` // the record as this change left it; only until it is shown and durable
	moved []string // of Shown, those whose value is another: what apps work from (B-12)
	tank  *tank    // the fuel of its wave, until it is shown
}

// standing is where a record stands.
func (r *Record) standing() Standing {
	s := Standing{State: r.State}
	if r.Call != nil {
		s.Call = r.Call.State
	}
	return s
}

// append adds a change of a record and makes next its newest version.
func (b *Board) append(e *entry, next *Record, c *Change) {
	c.Line, c.Record, c.Rev, c.After, c.Is = next.Line, next.ID, next.Rev, next, next.standing()
	switch {
	case next == e.now: // it is opened
		c.Was = &Standing{}
	case e.now.standing() != c.Is:
		was := e.now.standing()
		c.Was = &was
	}
	if c.tank != nil && (e.tank == nil || c.tank.wave > e.tank.wave) {
		e.tank = c.tank
	}
	e.now, e.touched = next, c.At
	e.unshown++
	b.plan(e)
	b.journal.push(c)
}

// Dirty is signalled when there is something to take.
func (b *Board) Dirty() <-chan struct{} { return b.journal.dirty }

// Patient is signalled when there is something to take that may wait a few milliseconds for company: that a record has settled.
func (b *Board) Patient() <-chan struct{} { return b.journal.patient }

// Hold lets changes of apps and people be pending without a signal, until Release: whoever holds is about to have them
// committed. What the PBX says is signalled all the same.
func (b *Board) Hold() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.journal.holds++
}

// Release ends a Hold, and reports whether there is something to commit. Who does not see to that must Signal.
func (b *Board) Release() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.journal.holds--
	return len(b.journal.pending) > 0
}

// Pending reports whether there is something to take.
func (b *Board) Pending() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.journal.pending) > 0
}

// Signal tells the committer that there may be something to take.
func (b *Board) Signal() { b.journal.signal() }

// Take hands out all that is pending, in order. There is one committer: whoever takes a batch must Show it before the next.
func (b *Board) Take() []*Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	batch := b.journal.pending
	b.journal.pending, b.journal.taken = nil, batch
	return batch
}

// Show makes a batch visible that Take handed out: now it can be watched, listed and worked on. durable says whether the
// store has it.
func (b *Board) Show(batch []*Change, durable bool, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.durable = durable
	var touched []*entry
	seen := map[*entry]bool{}
	for _, c := range batch {
		b.journal.show(c, durable)
		if e := b.entries[c.Record]; e != nil {
			if !seen[e] {
				seen[e] = true
				touched = append(touched, e)
			}
			e.shown, e.unshown = c.After, e.unshown-1
			b.route(e, c)
		}
	}
	b.journal.taken = nil
	b.journal.trim()
	b.strikeShown()
	for _, e := range touched {
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

// forget lets a closed record go from memory, but for the newest ones, which a page still lists.
func (b *Board) forget(e *entry) {
	if e.shown.State != Closed || e.unshown > 0 {
		return
	}
	b.dismiss(e, false)
	if e.gone {
		b.leave(e)
		return
	}
	const keep = 200
	if len(b.entries) <= keep {
		return
	}
	var oldest *entry
	for _, other := range b.entries {
		done := other.shown != nil && other.shown.State == Closed && other.unshown == 0
		if !done || b.waits(other.now, e.touched.Add(-b.options.Past)) { // one that waits may be joined yet
			continue
		}
		if oldest == nil || other.shown.OpenedAt.Before(oldest.shown.OpenedAt) {
			oldest = other
		}
	}
	if oldest == nil {
		return
	}
	b.leave(oldest)
}

// leave takes a record out of memory.
func (b *Board) leave(e *entry) {
	b.dismiss(e, true)
	b.agenda.drop(e)
	delete(b.entries, e.shown.ID)
	if e.shown.Call != nil {
		delete(b.calls, e.shown.Call.ID)
	}
}

// dismiss forgets the works on a closed record. Apps that may write after the call may still answer theirs (B-14).
func (b *Board) dismiss(e *entry, all bool) {
	for _, j := range e.jobs {
		if !all && b.crew.grants[j.app].AfterCall {
			continue
		}
		for _, f := range j.landed {
			delete(b.crew.works, f.id)
		}
		j.landed = nil
	}
}

// Change is the change with a seq, nil if it is not held in memory.
func (b *Board) Change(seq uint64) *Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	if seq <= b.journal.base || seq > b.journal.newest() {
		return nil
	}
	return b.journal.after(seq - 1)[0]
}

// Oldest is the earliest cursor that a watch can be resumed from (D-8).
func (b *Board) Oldest() Cursor {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Cursor{Epoch: b.epoch, Seq: b.journal.oldest}
}

// Trimmed says that the store has only what came after a seq.
func (b *Board) Trimmed(seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.journal.oldest = max(b.journal.oldest, min(seq, b.journal.newest()))
}

// journal is the change log: what is pending, and the newest of what is shown.
type journal struct {
	dirty   chan struct{} // size one: there is something to commit
	patient chan struct{} // likewise, and nobody is in a hurry
	holds   int           // of those who see to the pending themselves
	pending []*Change
	taken   []*Change // by the committer, and not yet shown
	seq     uint64    // of the newest change, shown or not
	log     []*Change
	base    uint64 // seq of the change before log[0]
	oldest  uint64 // the earliest cursor that can be resumed from, here or from the store
	bytes   int    // about what log weighs
	window  int
	most    int
}

func newJournal(window, bytes int) journal {
	return journal{dirty: make(chan struct{}, 1), patient: make(chan struct{}, 1), window: window, most: bytes}
}

func (j *journal) restore(tail []*Change, seq, oldest uint64) {
	j.log, j.seq, j.base, j.oldest = tail, seq, seq-uint64(len(tail)), oldest
	for _, c := range tail {
		j.bytes += c.weight()
	}
}

// newest is the seq of the newest change that is shown.
func (j *journal) newest() uint64 { return j.base + uint64(len(j.log)) }

func (j *journal) push(c *Change) uint64 {
	j.seq++
	c.Seq = j.seq
	j.pending = append(j.pending, c)
	switch {
	case c.Kind == RecordSettled:
		poke(j.patient)
	case j.holds == 0 || c.Source == SourcePBX:
		j.signal()
	}
	return c.Seq
}

func (j *journal) signal() { poke(j.dirty) }

// poke signals on a channel of size one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// show adds a change to the log, without what only the committer needs: a version of the record for each change would be
// most of what the log weighs.
func (j *journal) show(c *Change, durable bool) {
	kept := *c
	kept.tank, kept.Receipts, kept.Erasure = nil, nil, nil
	if durable {
		kept.After = nil
	}
	j.log = append(j.log, &kept)
	j.bytes += kept.weight()
}

// trim bounds the log, in changes and in bytes.
func (j *journal) trim() {
	cut := 0
	if len(j.log) > 2*j.window {
		cut = len(j.log) - j.window
	}
	if j.bytes > j.most {
		left := j.bytes
		for _, c := range j.log[:cut] {
			left -= c.weight()
		}
		for left > j.most/2 && cut < len(j.log)-1 {
			left -= j.log[cut].weight()
			cut++
		}
	}
	if cut == 0 {
		return
	}
	for _, c := range j.log[:cut] {
		j.bytes -= c.weight()
	}
	j.base += uint64(cut)
	j.log = slices.Clone(j.log[cut:])
}

// after are the changes after a seq, which must not lie before base.
func (j *journal) after(seq uint64) []*Change { return j.log[seq-j.base:] }

// weight is about how many bytes a change takes in memory.
func (c *Change) weight() int {
	bytes := 512
	for _, f := range c.Fields {
		bytes += 64
		if f != nil {
			bytes += f.weight()
		}
	}
	if c.Opened != nil {
		bytes += 512 + c.Opened.weight()
		for _, f := range c.Opened.Fields {
			bytes += f.weight()
		}
	}
	if c.Item != nil {
		bytes += 128 + len(c.Item.Text) + len(c.Item.Title) + len(c.Item.URL) + weightOf(c.Item.Fields)
	}
	for _, list := range c.Items {
		for i := range list {
			bytes += 128 + len(list[i].Text) + len(list[i].Title) + len(list[i].URL) + weightOf(list[i].Fields)
		}
	}
	if c.Call != nil {
		bytes += 512 + 256*(len(c.Call.Legs)+len(c.Call.Views)) + 96*len(c.Call.Timeline)
	}
	return bytes
}

func (f *Field) weight() int {
	bytes := 96
	for i := range f.Claims {
		bytes += 160 + len(f.Claims[i].Value)
	}
	return bytes
}
