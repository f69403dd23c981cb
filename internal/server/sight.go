package server

import (
	"maps"
	"slices"
	"strings"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// view is what a reader has asked to see, and may. A change is encoded once per view, never per reader.
type view struct {
	claims bool
	reads  string // patterns of what may be seen, sorted and joined by commas; empty: all
}

func viewOf(include string, c *caller) view { return view{claims: include == "claims", reads: c.reads} }

func (v view) sight() sight {
	if v.reads == "" {
		return nil
	}
	return strings.Split(v.reads, ",")
}

// sight are the patterns of the fields and lists that a reader may see (SEC-22); nil: all. What it narrows is a copy; where
// there is nothing to hide it is the thing itself, and the bytes of those who see all are good for this reader too.
type sight []string

func (s sight) sees(name string) bool { return s == nil || board.Sees(s, name) }

// names are those of names and patterns that may be seen.
func (s sight) names(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !s.sees(name) })
}

// only are the entries that may be seen, and whether those are all.
func only[V any](s sight, all map[string]V) (map[string]V, bool) {
	seen := make(map[string]V, len(all))
	for name, v := range all {
		if s.sees(name) {
			seen[name] = v
		}
	}
	if len(seen) == len(all) {
		return all, true
	}
	return seen, false
}

// record is a record as it may be seen, but for its call; whole says that nothing of it is hidden.
func (s sight) record(r *board.Record) (seen *board.Record, whole bool) {
	if s == nil {
		return r, true
	}
	narrowed := *r
	var fields, items, contended, nothing bool
	narrowed.Fields, fields = only(s, r.Fields)
	narrowed.Items, items = s.lists(r.Items)
	narrowed.Contended, contended = only(s, r.Contended)
	narrowed.Nothing, nothing = s.nothings(r.Nothing)
	return &narrowed, fields && items && contended && nothing && (r.Call == nil || s.wholeCall())
}

func (s sight) lists(all map[string][]board.Item) (map[string][]board.Item, bool) {
	seen, whole := only(s, all)
	people, ok := seen[board.Candidates]
	if !ok {
		return seen, whole
	}
	narrowed := make([]board.Item, len(people))
	for i := range people {
		var item bool
		narrowed[i], item = s.item(board.Candidates, people[i])
		whole = whole && item
	}
	if whole {
		return all, true
	}
	copied := maps.Clone(seen)
	copied[board.Candidates] = narrowed
	return copied, false
}

// item is an item of a list that may be seen: a candidate's fields are hidden one by one.
func (s sight) item(list string, i board.Item) (board.Item, bool) {
	if list != board.Candidates {
		return i, true
	}
	fields, whole := only(s, i.Fields)
	i.Fields = fields
	return i, whole
}

// nothings are the apps' words that they know nothing, of what may be seen.
func (s sight) nothings(all []board.Nothing) ([]board.Nothing, bool) {
	var seen []board.Nothing
	whole := true
	for _, n := range all {
		fields := s.names(n.Fields)
		whole = whole && len(fields) == len(n.Fields)
		if n.Fields = fields; len(fields) > 0 {
			seen = append(seen, n)
		}
	}
	if whole {
		return all, true
	}
	return seen, false
}

// change is a change as it may be seen, nil if there is nothing in it that may. The records and calls in it are narrowed
// where they are encoded; whole counts them, too.
func (s sight) change(c *board.Change) (seen *board.Change, whole bool) {
	if s == nil {
		return c, true
	}
	switch {
	case c.Kind == board.RecordChanged:
		return s.changed(c)
	case c.Kind == board.ItemAdded, c.Kind == board.ItemChanged, c.Kind == board.ItemRemoved:
		if !s.sees(c.List) {
			return nil, false
		}
		if c.Item == nil {
			return c, true // the log has forgotten what it was
		}
		item, whole := s.item(c.List, *c.Item)
		if whole {
			return c, true
		}
		narrowed := *c
		narrowed.Item = &item
		return &narrowed, false
	case c.Kind == board.FieldContended, c.Kind == board.AppQuarantined, c.Kind == board.AppReleased:
		if !s.sees(c.Field) {
			return nil, false
		}
		return c, true
	case c.Work != nil:
		narrowed, work := *c, *c.Work
		work.Needs, work.Gives = s.names(work.Needs), s.names(work.Gives)
		narrowed.Work = &work
		return &narrowed, len(work.Needs) == len(c.Work.Needs) && len(work.Gives) == len(c.Work.Gives)
	case c.Opened != nil && c.Kind != board.RecordErased:
		_, whole := s.record(c.Opened)
		return c, whole
	case c.Call != nil:
		return c, s.wholeCall()
	}
	return c, true
}

func (s sight) changed(c *board.Change) (*board.Change, bool) {
	fields, whole := only(s, c.Fields)
	nothing, said := c.Nothing, true
	if nothing != nil {
		seen, all := s.nothings([]board.Nothing{*nothing})
		if said = all; !all {
			if nothing = nil; len(seen) > 0 {
				nothing = &seen[0]
			}
		}
	}
	items, listed := s.lists(c.Items)
	if whole && said && listed {
		return c, true
	}
	if len(fields)+len(items) == 0 && nothing == nil {
		return nil, false
	}
	narrowed := *c
	narrowed.Fields, narrowed.Items, narrowed.Shown, narrowed.Nothing = fields, items, s.names(c.Shown), nothing
	return &narrowed, false
}

// ends are the fields as which the facts of a call count that say who is in it.
var ends = []string{"party.number", "party.name", "party.ip", "user.number", "user.name", "user.extension", "user.ip"}

func (s sight) wholeCall() bool {
	return s == nil || !slices.ContainsFunc(ends, func(name string) bool { return !s.sees(name) })
}

// call hides who is in a call. Its states, times and flags are no more than that there is a call, and stay.
func (s sight) call(out *api.Call, c *telephony.Call) {
	if s.wholeCall() {
		return
	}
	for i := range out.Legs {
		l := &out.Legs[i]
		own := slices.ContainsFunc(c.Views, func(v telephony.View) bool { return string(v.Leg) == l.ID })
		device, side := "party.number", "party"
		if own {
			device, side = "user.extension", "user"
		}
		s.hide(device, &l.Device)
		s.hide(side+".ip", &l.Media)
		s.party(side, device, &l.Party)
	}
	for i := range out.Views {
		s.view(&out.Views[i])
	}
	s.hide("party.number", &out.TransferredTo, &out.TransferredBy, &out.ForwardedTo, &out.ForwardedBy, &out.PickedUpBy, &out.RetrievedBy)
	s.timeline(out.Timeline)
}

func (s sight) view(v *api.View) {
	s.hide("user.extension", &v.Extension)
	s.party("party", "party.number", &v.Party)
	s.party("party", "party.number", &v.FirstParty)
	s.hide("party.number", &v.Dialed, &v.AnsweredBy, &v.TransferredTo, &v.TransferredBy, &v.ForwardedTo, &v.ForwardedBy, &v.PickedUpBy, &v.RetrievedBy)
	s.timeline(v.Timeline)
}

// party hides who is at one end; an extension counts as the field that is given.
func (s sight) party(side, extension string, p *api.Party) {
	s.hide(side+".number", &p.Number)
	s.hide(side+".name", &p.Name)
	s.hide(side+".ip", &p.IP)
	s.hide(extension, &p.Extension)
}

// timeline hides whose extension did something, and what else is said of it: that may be a number or a name.
func (s sight) timeline(entries []api.TimelineEntry) {
	for i := range entries {
		s.hide("user.extension", &entries[i].Extension)
		s.hide("party.number", &entries[i].Detail)
		s.hide("party.name", &entries[i].Detail)
	}
}

func (s sight) hide(name string, texts ...*string) {
	if s.sees(name) {
		return
	}
	for _, text := range texts {
		*text = ""
	}
}
