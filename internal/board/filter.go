package board

import (
	"maps"
	"slices"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Filter is what a reader wants to hear of (D-3). Within a word any one suffices; an empty word asks nothing.
type Filter struct {
	Lines  []string          `json:"lines,omitempty"`
	States []State           `json:"states,omitempty"` // of the record
	Calls  []telephony.State `json:"calls,omitempty"`  // of its call
	Kinds  []string          `json:"kinds,omitempty"`  // of notification: record.changed, or call.* for all that begin so
	Fields []string          `json:"fields,omitempty"` // of record.changed and of items: party.name, or party.*; lists by their names
	Claims bool              `json:"claims,omitempty"` // also what changes nothing that is shown (B-12)
}

// Sight is what a change is to a reader with a filter.
type Sight int

const (
	Unseen  Sight = iota // nothing
	Seen                 // the change as it is
	Added                // its record has come into the filter: the reader needs it whole
	Removed              // its record has left the filter
	Newest               // the newest state of its record, in place of the changes to it (D-7)
)

// holds reports whether a record that stands so is in the filter.
func (f *Filter) holds(line string, s Standing) bool {
	return s.State != "" &&
		(len(f.Lines) == 0 || slices.Contains(f.Lines, line)) &&
		(len(f.States) == 0 || slices.Contains(f.States, s.State)) &&
		(len(f.Calls) == 0 || slices.Contains(f.Calls, s.Call))
}

// See says what a change is to a reader. It is a function of the filter and the change alone, so it is the same for one
// that is read from the store.
func (f *Filter) See(c *Change) Sight {
	if c.Record == "" {
		if (c.Line == "" || len(f.Lines) == 0 || slices.Contains(f.Lines, c.Line)) && f.asksKind(c.Kind) {
			return Seen
		}
		return Unseen
	}
	is := f.holds(c.Line, c.Is)
	if c.Is == (Standing{}) { // written before changes said so
		is = f.holds(c.Line, Standing{State: Open}) || len(f.States)+len(f.Calls) > 0 && (len(f.Lines) == 0 || slices.Contains(f.Lines, c.Line))
	}
	was := is
	if c.Was != nil {
		was = f.holds(c.Line, *c.Was)
	}
	opens := c.Was != nil && c.Was.State == ""
	switch {
	case was && !is:
		return Removed
	case is && !was && !opens:
		return Added
	case is && (c.Kind == RecordErased || f.asksKind(c.Kind) && f.asksOf(c)): // nobody may keep what is erased
		return Seen
	}
	return Unseen
}

func (f *Filter) asksKind(kind string) bool { return len(f.Kinds) == 0 || matches(f.Kinds, kind) }

// asksOf reports whether a change is of a field or list that is asked for, and one that people see.
func (f *Filter) asksOf(c *Change) bool {
	switch {
	case c.Item != nil:
		return len(f.Fields) == 0 || matches(f.Fields, c.List)
	case c.Kind != RecordChanged:
		return c.Field == "" || len(f.Fields) == 0 || matches(f.Fields, c.Field)
	case !f.Claims && len(c.Shown) == 0 && c.Nothing == nil:
		return false
	case len(f.Fields) == 0 || c.Nothing != nil:
		return true
	}
	for name := range c.Items {
		if matches(f.Fields, name) {
			return true
		}
	}
	for name := range c.Fields {
		if matches(f.Fields, name) && (f.Claims || slices.Contains(c.Shown, name)) {
			return true
		}
	}
	return false
}

// Trim is a change without the fields that a reader has not asked for; the change itself where there are none of those.
func (f *Filter) Trim(c *Change) *Change {
	if len(f.Fields) == 0 || c.Kind != RecordChanged {
		return c
	}
	unwanted := func(name string) bool { return !matches(f.Fields, name) }
	trimmed := *c
	trimmed.Fields = map[string]*Field{}
	for name, field := range c.Fields {
		if !unwanted(name) {
			trimmed.Fields[name] = field
		}
	}
	trimmed.Items = maps.Clone(c.Items)
	maps.DeleteFunc(trimmed.Items, func(name string, _ []Item) bool { return unwanted(name) })
	if len(trimmed.Fields) == len(c.Fields) && len(trimmed.Items) == len(c.Items) {
		return c
	}
	trimmed.Shown = slices.DeleteFunc(slices.Clone(c.Shown), unwanted)
	return &trimmed
}
