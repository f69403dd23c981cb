package history

import (
	"crypto/rand"
	"strings"

	"github.com/callboard-dev/callboard/internal/board"
)

// Revs holds each record's rev to growing by one with each change (D-1).
func Revs(h *History) []error {
	var out findings
	revs := map[string]int64{}
	for _, c := range h.Log {
		if c.Record == "" {
			continue
		}
		if c.Rev != revs[c.Record]+1 {
			out.add("D-1: change %d takes %s from rev %d to rev %d", c.Seq, c.Record, revs[c.Record], c.Rev)
		}
		revs[c.Record] = c.Rev
	}
	return out
}

// effects are where in the log each effect is.
func (h *History) effects() map[Effect][]*board.Change {
	found := map[Effect][]*board.Change{}
	for _, c := range h.Log {
		switch {
		case c.Kind == board.ItemAdded:
			e := Effect{Value: c.Item.Text}
			found[e] = append(found[e], c)
		case c.Kind == board.RecordChanged:
			for name, f := range c.Fields {
				if f == nil {
					continue
				}
				for i := range f.Claims {
					if f.Claims[i].Seq == c.Seq && f.Claims[i].Source != board.SourceHistory { // that repeats what was said before
						e := Effect{name, f.Claims[i].Value}
						found[e] = append(found[e], c)
					}
				}
			}
		}
	}
	return found
}

// Writes holds every write to the log: what was acknowledged is in it, on its record, by the end of that life, up to the rev
// that was answered; what was refused is not; nothing is there twice (D-2). And of what tests write nothing is there that
// nobody asked for.
func Writes(h *History) []error {
	var out findings
	found := h.effects()
	asked := map[Effect]bool{}
	for i := range h.Requests {
		q := &h.Requests[i]
		for _, e := range q.Effects {
			asked[e] = true
			in := found[e]
			if len(in) > 1 {
				out.add("D-2: %s's %s of %q is in the log %d times: %d and %d", q.Client, q.Op, e.Value, len(in), in[0].Seq, in[1].Seq)
			}
			switch q.Outcome {
			case Refused:
				if len(in) > 0 {
					out.add("D-2: %s's %s of %q was refused with %d and is in the log at %d", q.Client, q.Op, e.Value, q.Status, in[0].Seq)
				}
			case Acked:
				if len(in) == 0 || in[0].Seq > h.end(q.Life) {
					out.add("D-2: %s's %s of %q on %s was acknowledged in life %d and is LOST", q.Client, q.Op, e.Value, q.Record, q.Life)
				} else if in[0].Record != q.Record || q.Rev > 0 && in[0].Rev > q.Rev {
					out.add("D-2: %s's %s of %q was acknowledged as %s rev %d, it is %s rev %d", q.Client, q.Op, e.Value, q.Record, q.Rev, in[0].Record, in[0].Rev)
				}
			}
		}
	}
	for e, in := range found {
		if !asked[e] && IsOurs(e.Value) {
			out.add("D-2: %q is in the log at %d, and nobody has asked for it", e.Value, in[0].Seq)
		}
	}
	opened := map[string]uint64{}
	for _, c := range h.Log {
		if c.Kind == board.RecordOpened {
			opened[c.Record] = c.Seq
		}
	}
	for i := range h.Requests {
		q := &h.Requests[i]
		if q.Op == "lookup" && q.Outcome == Acked && (opened[q.Record] == 0 || opened[q.Record] > h.end(q.Life)) {
			out.add("D-2: the lookup %s was acknowledged in life %d and is LOST", q.Record, q.Life)
		}
	}
	return out
}

// ours begins each value that tests write.
const ours = "probe-"

// Value makes one that nobody else writes.
func Value() string { return ours + strings.ToLower(rand.Text()) }

// IsOurs reports whether a value is one that Value made.
func IsOurs(value string) bool { return strings.HasPrefix(value, ours) }

// Atomic holds answers of several claims and items to being in the log whole or not at all (D-3).
func Atomic(h *History) []error {
	var out findings
	found := h.effects()
	for i := range h.Requests {
		q := &h.Requests[i]
		there := 0
		for _, e := range q.Effects {
			if len(found[e]) > 0 {
				there++
			}
		}
		if there > 0 && there < len(q.Effects) {
			out.add("atomic: of %s's %s in life %d, which was %s, %d of %d effects are in the log: %v", q.Client, q.Op, q.Life, q.Outcome, there, len(q.Effects), q.Effects)
		}
	}
	return out
}
