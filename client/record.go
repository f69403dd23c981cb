package client

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/callboard-dev/callboard/api"
)

// The words of the contract that an app needs most, so that it need not import the api package for them.
type (
	Item     = api.Item
	NewItem  = api.NewItem
	NewClaim = api.NewClaim
	Moment   = api.Moment
	Quality  = api.Quality
	State    = api.RecordState
)

// The moments of [Enrichment].
const (
	Opened   = api.MomentOpened
	Answered = api.MomentAnswered
	Ended    = api.MomentEnded
	Changed  = api.MomentChanged
)

// Open and Closed are the states of a record.
const (
	Open   = api.RecordStateOpen
	Closed = api.RecordStateClosed
)

// Record is the portion of the board for one call, one lookup or one reopened call, as it was at its Rev.
type Record struct {
	api.Record
}

// Value is the shown value of a field such as party.company, or "" when nobody claims it.
func (r *Record) Value(field string) string { return r.Fields[field].Value }

// List gives the items of a list such as links, in the order of the server. Do not write to it.
func (r *Record) List(name string) []Item { return r.Items[name] }

// Notes gives the notes. Do not write to it.
func (r *Record) Notes() []Item { return r.Items["notes"] }

// HasCall tells whether there is a call, as opposed to a lookup that no call has joined.
func (r *Record) HasCall() bool { return r.Call.ID != "" }

// Notification is one change, in the envelope of CloudEvents 1.0.
type Notification struct {
	api.Notification
}

// Decode reads the data into v, which is the type that the api package has for this type of notification: for
// record.changed api.ChangedData, for call.* api.CallData, for item.* api.ItemData, and so on.
func (n Notification) Decode(v any) error {
	if err := json.Unmarshal(n.Data, v); err != nil {
		return fmt.Errorf("notification %s of type %s: %w", n.ID, n.Type, err)
	}
	return nil
}

// with gives the record after n, of which r is the state before. r itself is left as it is.
func (r *Record) with(n Notification) (*Record, error) {
	next := *r
	var err error
	switch {
	case n.Type == api.NotificationTypeRecordOpened || n.Type == api.NotificationTypeRecordJoined || n.Type == api.NotificationTypeRecordAdded || n.Type == api.NotificationTypeRecordNewest:
		var d api.RecordData
		err = n.Decode(&d)
		next.Record = d.Record
	case n.Type == api.NotificationTypeRecordErased:
		var d api.ErasedData
		err = n.Decode(&d)
		next.Record = api.Record{ID: r.ID, Line: r.Line, Origin: r.Origin, State: r.State, OpenedAt: r.OpenedAt, ClosedAt: r.ClosedAt, ErasedAt: r.ErasedAt}
		if d.Record != nil {
			next.Record = *d.Record
		}
	case n.Type == api.NotificationTypeRecordChanged:
		err = next.changed(n)
	case n.Type == api.NotificationTypeRecordSettled:
		var d api.SettledData
		err = n.Decode(&d)
		next.Settled = api.Settled{Wave: d.Wave, Rounds: d.Rounds, TookMs: d.TookMs, Unanswered: d.Unanswered}
	case n.Type == api.NotificationTypeRecordClosed:
		next.State, next.ClosedAt = api.RecordStateClosed, n.Time
	case n.Type == api.NotificationTypeItemAdded || n.Type == api.NotificationTypeItemChanged || n.Type == api.NotificationTypeItemRemoved:
		err = next.itemChanged(n)
	case n.Type == api.NotificationTypeFieldContended:
		err = next.contendedIn(n)
	case isCall(n.Type):
		var d api.CallData
		err = n.Decode(&d)
		if d.Call.ID != "" {
			next.Call = d.Call
			next.Complete = next.Complete && d.Call.Complete
		}
	}
	if err != nil {
		return nil, err
	}
	return &next, nil
}

func (r *Record) changed(n Notification) error {
	var d api.ChangedData
	if err := n.Decode(&d); err != nil {
		return err
	}
	r.Fields = maps.Clone(r.Fields)
	if r.Fields == nil {
		r.Fields = make(map[string]api.Field)
	}
	for name, f := range d.Fields {
		if f == nil {
			delete(r.Fields, name)
		} else {
			r.Fields[name] = *f
		}
	}
	if len(d.Items) > 0 {
		items := maps.Clone(r.Items)
		if items == nil {
			items = make(map[string][]Item, len(d.Items))
		}
		maps.Copy(items, d.Items)
		r.Items = items
	}
	r.setBlank(d)
	if d.Nothing != nil {
		r.setNothing(*d.Nothing)
	}
	if d.Wave > r.Wave {
		r.Wave = d.Wave
		r.Contended = nil // the next wave sets them free
	}
	if r.Settled.Wave < r.Wave {
		r.Settled = api.Settled{}
	}
	return nil
}

// setBlank keeps fields of which nothing is shown; they are told only where claims are.
func (r *Record) setBlank(d api.ChangedData) {
	blank := maps.Clone(r.Blank)
	for name := range d.Fields {
		delete(blank, name)
	}
	if blank == nil && len(d.Blank) > 0 {
		blank = map[string]api.BlankField{}
	}
	maps.Copy(blank, d.Blank)
	if r.Blank = blank; len(blank) == 0 {
		r.Blank = nil
	}
}

// setNothing takes an app's word that it knows nothing in place of the one about the same fields; without an end it is over.
func (r *Record) setNothing(said api.Nothing) {
	r.Nothing = slices.DeleteFunc(slices.Clone(r.Nothing), func(n api.Nothing) bool {
		return n.Source == said.Source && slices.Equal(n.Fields, said.Fields)
	})
	if !said.Until.IsZero() {
		r.Nothing = append(r.Nothing, said)
	}
	if len(r.Nothing) == 0 {
		r.Nothing = nil
	}
}

// contendedIn notes a field that is frozen in this wave.
func (r *Record) contendedIn(n Notification) error {
	var d api.ContendedData
	if err := n.Decode(&d); err != nil {
		return err
	}
	if r.Contended = maps.Clone(r.Contended); r.Contended == nil || d.Wave > r.Wave {
		r.Contended = map[string]api.Contention{}
	}
	r.Wave = max(r.Wave, d.Wave)
	r.Contended[d.Field] = api.Contention{Sources: d.Sources, At: n.Time, Wave: d.Wave}
	return nil
}

func (r *Record) itemChanged(n Notification) error {
	var d api.ItemData
	if err := n.Decode(&d); err != nil {
		return err
	}
	r.Items = maps.Clone(r.Items)
	if r.Items == nil {
		r.Items = make(map[string][]Item)
	}
	list := slices.Clone(r.Items[d.List])
	at := slices.IndexFunc(list, func(i Item) bool { return i.ID == d.Item.ID && i.Source == d.Item.Source })
	switch {
	case n.Type == api.NotificationTypeItemRemoved:
		if at >= 0 {
			list = slices.Delete(list, at, at+1)
		}
	case at >= 0:
		list[at] = d.Item
	default:
		list = append(list, d.Item)
	}
	r.Items[d.List] = list
	return nil
}

func isCall(t api.NotificationType) bool { return len(t) > 5 && t[:5] == "call." }

func newestFirst(a, b *Record) int {
	if c := b.OpenedAt.Compare(a.OpenedAt); c != 0 {
		return c
	}
	return cmp.Compare(b.ID, a.ID)
}
