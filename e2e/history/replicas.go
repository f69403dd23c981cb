package history

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/callboard-dev/callboard/api"
)

// replica is a client's copy of the records, as it makes it from a list and what it is told after.
type replica map[string]*copied

// copied is what a client can see of a record.
type copied struct {
	rev     int64
	state   api.RecordState
	call    string // state and result
	fields  map[string]string
	notes   map[string]string
	settled int64
}

func copyOf(r *api.Record) *copied {
	c := &copied{rev: r.Rev, state: r.State, call: callOf(&r.Call), fields: map[string]string{}, notes: map[string]string{}, settled: r.Settled.Wave}
	for name, f := range r.Fields {
		c.fields[name] = fieldOf(&f)
	}
	for list, items := range r.Items {
		for _, i := range items {
			c.notes[list+"/"+i.ID] = i.Text
		}
	}
	return c
}

func callOf(c *api.Call) string       { return string(c.State) + " " + string(c.Result) }
func fieldOf(f *api.Field) string     { return f.Value + " by " + f.Source }
func (c *copied) String() string      { return fmt.Sprintf("%+v", *c) }
func (c *copied) same(o *copied) bool { return c.String() == o.String() } // maps print in order of their keys

// sameShown is same, for who is not told of claims that are not shown: the rev may have gone on by those (B-12).
func (c *copied) sameShown(o *copied) bool {
	behind := *c
	behind.rev = max(behind.rev, o.rev)
	return behind.same(o)
}

// Replicas holds lists and watches to each other: a client's first list and all that it was told after it, over every
// break, give each later list of the same client's view, also through a filter (D-3).
func Replicas(h *History) []error {
	var out findings
	lists := map[string][]*Listing{}
	for i := range h.Listings {
		l := &h.Listings[i]
		lists[l.Client] = append(lists[l.Client], l)
	}
	for client, all := range lists {
		if len(all) < 2 {
			continue
		}
		f := fold{h: h, client: client, copy: replica{}, out: &out}
		f.at, _ = h.seqOf(all[0].Cursor)
		for i := range all[0].Records {
			f.copy[all[0].Records[i].ID] = copyOf(&all[0].Records[i])
		}
		frames := f.frames()
		for _, l := range all[1:] {
			to, ok := h.seqOf(l.Cursor)
			if !ok {
				out.add("D-3: %s listed at %s, which is no cursor of %s", client, l.Cursor, h.Epoch)
				continue
			}
			for len(frames) > 0 && frames[0].seq <= to {
				f.apply(frames[0].Frame)
				frames = frames[1:]
			}
			f.compare(l)
		}
	}
	return out
}

type fold struct {
	h      *History
	client string
	at     uint64
	copy   replica
	out    *findings
}

type placed struct {
	Frame
	seq uint64
}

// frames are all that a client was told after its list, each once.
func (f *fold) frames() []placed {
	var all []placed
	for _, s := range f.h.Streams {
		if s.Client != f.client {
			continue
		}
		for _, frame := range s.Frames {
			seq, ok := f.h.seqOf(frame.ID)
			if ok && seq > f.at && frame.Subject != "" && frame.Type != string(api.NotificationTypeWork) {
				all = append(all, placed{frame, seq})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b placed) int { return int(int64(a.seq) - int64(b.seq)) })
	return slices.CompactFunc(all, func(a, b placed) bool { return a.seq == b.seq })
}

func (f *fold) apply(n Frame) {
	have := f.copy[n.Subject]
	if have != nil && n.Rev <= have.rev && n.Type != string(api.NotificationTypeRecordRemoved) {
		return // D-4
	}
	var d struct {
		Record *api.Record
		Fields map[string]*api.Field
		Item   *api.Item
		Items  map[string][]api.Item
		List   string
		Call   *api.Call
		Wave   int64
	}
	if err := json.Unmarshal(n.Data, &d); err != nil {
		f.out.add("%s: %s cannot be read: %v", f.client, n.ID, err)
		return
	}
	switch {
	case n.Type == string(api.NotificationTypeRecordRemoved):
		delete(f.copy, n.Subject)
		return
	case d.Record != nil:
		f.copy[n.Subject] = copyOf(d.Record)
		return
	case have == nil:
		f.out.add("D-3: %s was told %s (%s) of %s, of which it knows nothing", f.client, n.ID, n.Type, n.Subject)
		return
	}
	have.rev = n.Rev
	switch {
	case d.Fields != nil:
		for name, field := range d.Fields {
			if delete(have.fields, name); field != nil {
				have.fields[name] = fieldOf(field)
			}
		}
		for list, items := range d.Items {
			maps.DeleteFunc(have.notes, func(name string, _ string) bool { return strings.HasPrefix(name, list+"/") })
			for _, item := range items {
				have.notes[list+"/"+item.ID] = item.Text
			}
		}
	case d.Item != nil:
		if delete(have.notes, d.List+"/"+d.Item.ID); n.Type != string(api.NotificationTypeItemRemoved) {
			have.notes[d.List+"/"+d.Item.ID] = d.Item.Text
		}
	case d.Call != nil:
		have.call = callOf(d.Call)
	case n.Type == string(api.NotificationTypeRecordSettled):
		have.settled = d.Wave
	case n.Type == string(api.NotificationTypeRecordClosed):
		have.state = api.RecordStateClosed
	}
}

// compare holds the copy to a list. A record that has come into a filter was told as it was then, which may be newer than a
// list that was made before: that one is compared with the next list.
func (f *fold) compare(l *Listing) {
	listed := map[string]bool{}
	for i := range l.Records {
		want := copyOf(&l.Records[i])
		listed[l.Records[i].ID] = true
		have := f.copy[l.Records[i].ID]
		switch {
		case have == nil:
			f.out.add("D-3: %s's list at %s has %s, which it was never told of", f.client, l.Cursor, l.Records[i].ID)
		case have.rev > want.rev && len(l.View.Calls) > 0:
		case l.View.Shown && have.sameShown(want):
		case !have.same(want):
			f.out.add("D-3: %s's copy of %s at %s is not as listed\n  copy %v\n  list %v", f.client, l.Records[i].ID, l.Cursor, have, want)
		}
	}
	for id, have := range f.copy {
		if !listed[id] && have.state != api.RecordStateClosed { // of those that are closed only the newest are listed
			f.out.add("D-3: %s has %s at %s, which is not on the list; %s", f.client, id, l.Cursor, strings.TrimSpace(have.call))
		}
	}
}
