package board

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"time"
)

// inChange reports whether a change says anything of the person.
func (w *who) inChange(c *Change) bool {
	for _, f := range c.Fields {
		if f != nil && slices.ContainsFunc(f.Claims, func(c Claim) bool { return w.in(c.Value) }) {
			return true
		}
	}
	if c.Item != nil && w.inItem(c.Item) || c.Opened != nil && w.inRecord(c.Opened) {
		return true
	}
	if w.inLists(c.Items) {
		return true
	}
	_, scrubbed := w.scrub(c.Call)
	return scrubbed
}

func (w *who) inLists(lists map[string][]Item) bool {
	for _, list := range lists {
		if slices.ContainsFunc(list, func(i Item) bool { return w.inItem(&i) }) {
			return true
		}
	}
	return false
}

func (w *who) inRecord(r *Record) bool {
	for _, f := range r.Fields {
		if slices.ContainsFunc(f.Claims, func(c Claim) bool { return w.in(c.Value) }) {
			return true
		}
	}
	if w.inLists(r.Items) {
		return true
	}
	_, scrubbed := w.scrub(r.Call)
	return scrubbed
}

// says reports whether a change has anything in it that somebody said.
func (c *Change) says() bool {
	return len(c.Fields)+len(c.Items) > 0 || c.Item != nil || c.Opened != nil || c.Call != nil
}

// concerns reports whether a change is to be struck.
func (er *erasing) concerns(c *Change) bool {
	if c.Record == "" || c.Seq >= er.seq || !c.says() {
		return false
	}
	if er.wholes[c.Record] || er.hits[c.Seq] {
		return true
	}
	return c.Seq > er.scanned && er.who.inChange(c)
}

// shownLog is the log as it is now; it may be read without the lock.
func (b *Board) shownLog() []*Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clip(b.journal.log)
}

// scan reads changes that the erasure has not seen: first the log, which is long, before the board is locked for it.
func (er *erasing) scan(changes []*Change) {
	for _, c := range changes {
		er.scanned = c.Seq
		if c.says() && er.who.inChange(c) {
			er.hits[c.Seq], er.of[c.Record] = true, true
			if er.who.ofChange(c) {
				er.theirs[c.Record] = true
			}
		}
	}
}

// since are the changes behind a seq, shown or not.
func (b *Board) since(seq uint64) []*Change {
	shown := b.journal.log[min(len(b.journal.log), int(max(seq, b.journal.base)-b.journal.base)):]
	return slices.Concat(shown, b.journal.taken, b.journal.pending)
}

// Struck is a change that says nothing any more but that there was one, and where the record stood. Its seq stays, so
// cursors do. One that opened a record still does.
func (c *Change) Struck() *Change {
	struck := &Change{Seq: c.Seq, At: c.At, Kind: RecordErased, Line: c.Line, Record: c.Record, Rev: c.Rev, Source: c.Source,
		Wave: c.Wave, Round: c.Round, Cause: c.Cause, Own: c.Own, Is: c.Is, Was: c.Was}
	if c.Opened != nil {
		struck.Opened = bare(c.Opened)
	}
	return struck
}

// strikePending strikes what is pending: it is shown together with the erasure. It says in the proof what else will be.
// Records of the person that are no longer on the board are known from the log.
func (b *Board) strikePending(er *erasing, out *Erasure) {
	for id := range er.theirs {
		if b.entries[id] == nil {
			er.wholes[id] = true
		}
	}
	for _, c := range slices.Concat(b.journal.log, b.journal.taken, b.journal.pending) {
		if er.concerns(c) {
			out.Changes = append(out.Changes, c.Seq)
		}
	}
	for i, c := range b.journal.pending {
		if c.Seq >= er.seq || c.After == nil {
			continue
		}
		struck := *c
		if er.concerns(c) {
			struck = *c.Struck()
			struck.tank, struck.Receipts, struck.Erasure = c.tank, c.Receipts, c.Erasure
		}
		struck.After = er.version(b, c)
		b.journal.pending[i] = &struck
	}
}

// version is the record as a change left it, without what is to be erased.
func (er *erasing) version(b *Board, c *Change) *Record {
	if er.wholes[c.Record] {
		return bare(c.After)
	}
	if left, _, _ := b.without(c.After, er.who); left != nil {
		return left
	}
	return c.After
}

// strikeShown strikes the log of erasures that are shown now. The log is replaced, not written to: readers hold pieces of
// it.
func (b *Board) strikeShown() {
	for len(b.erased) > 0 && b.erased[0].last <= b.journal.newest() {
		er := &b.erased[0]
		log := slices.Clone(b.journal.log)
		for i, c := range log {
			if c.Seq < er.seq && c.After != nil { // not durable
				kept := *c
				kept.After = er.version(b, c)
				log[i] = &kept
			}
			if er.concerns(c) {
				log[i] = c.Struck()
				b.journal.bytes += log[i].weight() - c.weight()
			}
		}
		b.journal.log = log
		b.erased = b.erased[1:]
	}
}

// ofChange reports whether a change says that its record is one of the person.
func (w *who) ofChange(c *Change) bool {
	return c.Opened != nil && w.of(c.Opened) || w.of(&Record{Fields: c.Fields, Call: c.Call})
}

// Striker strikes a person from what the store has, as an erasure does from memory. It is used by one goroutine.
type Striker struct {
	board  *Board
	er     erasing
	at     time.Time // records of the person are marked with it
	Claims int       // that were on the records it was shown and are to go
	Items  int
}

// Striker is for what the store has of an erasure: all changes before its first own one, and all records.
func (b *Board) Striker(m Match, e Erasure) (*Striker, error) {
	who, err := m.who()
	if err != nil {
		return nil, err
	}
	s := &Striker{board: b, er: erasing{who: who, wholes: map[string]bool{}, seq: e.From}, at: e.At}
	for _, id := range slices.Concat(m.Records, e.Records) {
		s.er.wholes[id] = true
	}
	return s, nil
}

// Change is a change without what is to be erased, and whether there was any.
func (s *Striker) Change(c *Change) (*Change, bool) {
	if !s.er.concerns(c) {
		return c, false
	}
	return c.Struck(), true
}

// Record is a record without what is to be erased, and whether there was any. One of the person is added to those of which
// every change is struck, so records go before changes.
func (s *Striker) Record(r *Record) (*Record, bool) {
	if s.er.wholes[r.ID] || s.er.who.of(r) {
		s.er.wholes[r.ID] = true
		left := erased(r, s.at)
		for _, f := range r.Fields {
			s.Claims += len(f.Claims)
		}
		for _, list := range r.Items {
			s.Items += len(list)
		}
		return left, !isBare(r, left)
	}
	left, claims, items := s.board.without(r, s.er.who)
	if left == nil {
		return r, false
	}
	s.Claims, s.Items = s.Claims+claims, s.Items+items
	return left, true
}

// isBare reports whether there is nothing more on a record than on a bare one.
func isBare(r, bare *Record) bool {
	return len(r.Fields)+len(r.Items)+len(r.Nothing) == 0 && (r.Call == nil || reflect.DeepEqual(r.Call, bare.Call))
}

// Whole reports whether a record is one of the person, as far as was seen.
func (s *Striker) Whole(record string) bool { return s.er.wholes[record] }

// Mentions reports whether JSON, or a text, that is kept of a record says anything of the person. The record may be empty.
func (s *Striker) Mentions(record string, text []byte) bool {
	if s.er.wholes[record] {
		return true
	}
	var tree any
	if !bytes.ContainsAny(text, "{[\"") || json.Unmarshal(text, &tree) != nil {
		return s.er.who.in(string(text))
	}
	_, found := s.er.who.scrubTree(tree)
	return found
}

// Strings are what to look for where there are only bytes: the words, and the numbers without a sign between their digits.
func (m Match) Strings() []string {
	w, err := m.who()
	if err != nil {
		return nil
	}
	out := slices.Clone(w.words)
	for _, f := range w.numbers {
		out = append(out, f.digits)
	}
	return out
}
