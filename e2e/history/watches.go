package history

import (
	"encoding/json"
	"slices"

	"github.com/callboard-dev/callboard/api"
)

// Logged holds the store's own log to D-1: seq from 1 without holes.
func Logged(h *History) []error {
	var out findings
	for i, c := range h.Log {
		if c.Seq != uint64(i+1) {
			out.add("D-1: seq %d is at place %d of the log", c.Seq, i+1)
		}
	}
	if !slices.IsSorted(h.Ends) {
		out.add("D-2: the log has become shorter: %v", h.Ends)
	}
	return out
}

// Watches holds every stream to the log: what it was told is what its view sees of the log from its cursor on, each once, in
// order, without a hole up to its last frame or bookmark, and nothing that was not yet in the store.
func Watches(h *History) []error {
	var out findings
	seen := map[string]Frame{}   // what is told of an id must never be another thing
	place := map[string]uint64{} // of each client
	for _, s := range h.Streams {
		w := walk{h: h, s: s, out: &out, seen: seen}
		if s.Status != 0 {
			out.add("D-6: %s was refused with %d at %s, though no history was lost", s.Client, s.Status, s.From)
			continue
		}
		w.begin(place[s.Client])
		for _, f := range s.Frames {
			w.frame(f)
		}
		place[s.Client] = max(place[s.Client], w.at)
	}
	return out
}

// walk goes over a stream and the log beside each other.
type walk struct {
	h    *History
	s    *Stream
	out  *findings
	seen map[string]Frame

	at     uint64 // all up to here was told
	opened bool   // it was said where the stream begins
}

func (w *walk) begin(reached uint64) {
	if w.s.From == "" {
		return
	}
	from, ok := w.h.seqOf(w.s.From)
	if !ok {
		w.out.add("%s resumes from %s, which is no cursor of %s", w.s.Client, w.s.From, w.h.Epoch)
	}
	if from > reached && reached > 0 {
		w.out.add("resumable: %s goes on from %d, but was told up to %d: the test has a hole", w.s.Client, from, reached)
	}
	w.at, w.opened = from, true
}

func (w *walk) frame(f Frame) {
	switch f.Type {
	case string(api.NotificationTypeWork):
		return
	case string(api.NotificationTypeReset):
		w.out.add("D-6: %s was reset in life %d, though no history was lost", w.s.Client, w.s.Life)
		return
	}
	seq, ok := w.h.seqOf(f.ID)
	if !ok {
		w.out.add("D-4: %s was told %s, which is no id of %s", w.s.Client, f.ID, w.h.Epoch)
		return
	}
	if end := w.h.end(w.s.Life); seq > end {
		w.out.add("D-2: %s was told %s (%s) in life %d, but the store had only %d changes when that was killed", w.s.Client, f.ID, f.Type, w.s.Life, end)
		return
	}
	if f.Type == string(api.NotificationTypeBookmark) {
		w.bookmark(seq)
		return
	}
	if !w.opened {
		w.out.add("D-5: %s was told %s before it was told where it is", w.s.Client, f.ID)
		w.at, w.opened = seq-1, true
	}
	if seq <= w.at {
		w.out.add("ordered, unique: %s was told %s after %d", w.s.Client, f.ID, w.at)
		return
	}
	w.skip(seq - 1)
	w.at = seq
	w.compare(f, seq)
}

// bookmark says that all before it was told.
func (w *walk) bookmark(seq uint64) {
	if !w.opened {
		w.at, w.opened = seq, true
	}
	if seq < w.at {
		w.out.add("bookmarked: %s was told the bookmark %d after %d", w.s.Client, seq, w.at)
		return
	}
	w.skip(seq)
	w.at = seq
}

// skip goes on to a place; all between must have been of no interest to the view.
func (w *walk) skip(to uint64) {
	for seq := w.at + 1; seq <= to; seq++ {
		if c := w.h.Log[seq-1]; w.s.View.tells(c) != "" {
			w.out.add("reliable: %s was not told %d (%s of %s) in life %d, and is at %d", w.s.Client, seq, c.Kind, c.Record, w.s.Life, to)
			return
		}
	}
	w.at = max(w.at, to)
}

// compare holds a frame to the change that it tells, and to what was told of it before.
func (w *walk) compare(f Frame, seq uint64) {
	c := w.h.Log[seq-1]
	kind := w.s.View.tells(c)
	whole := kind == string(api.NotificationTypeRecordAdded) // brings the record as it is now: perhaps newer
	if f.Type != kind || f.Subject != c.Record || f.Rev < c.Rev || f.Rev > c.Rev && !whole {
		w.out.add("D-2: %s was told %s as %s of %q at rev %d; the log has %s of %q at rev %d, to it %q", w.s.Client, f.ID, f.Type, f.Subject, f.Rev, c.Kind, c.Record, c.Rev, kind)
	}
	before, told := w.seen[f.ID]
	if told && before.Type == f.Type && !whole && (before.Subject != f.Subject || before.Rev != f.Rev || !sameWords(before, f)) {
		w.out.add("D-4: %s is one thing at one time and another at another: %s and %s", f.ID, before.Data, f.Data)
	}
	if !told {
		w.seen[f.ID] = f
	}
}

// sameWords compares what of two tellings cannot depend on when they were told: the notes, and whose claim is shown.
func sameWords(a, b Frame) bool {
	var x, y struct {
		Fields map[string]*struct{ Value, Source string }
		Item   struct{ ID, Text, Source string }
	}
	if json.Unmarshal(a.Data, &x) != nil || json.Unmarshal(b.Data, &y) != nil || len(x.Fields) != len(y.Fields) {
		return false
	}
	for name, f := range x.Fields {
		g, there := y.Fields[name]
		if !there || (f == nil) != (g == nil) || f != nil && *f != *g {
			return false
		}
	}
	return x.Item == y.Item
}
