package board

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// NewItem is an item as it is written. An empty id makes a new one. Fields are a candidate's (B-24).
type NewItem struct {
	List, ID, Text, Title, URL string
	Fields                     map[string]string
	At                         time.Time // of what history remembers: when it was; zero: now
	Seen                       time.Time // its ChangedAt when the writer has read it; zero: whatever it is by now
}

// PutItem adds an item or writes one of the source's own anew. Notes can always be written (B-19).
func (b *Board) PutItem(id, source string, item NewItem, at time.Time, receipts ...*Receipt) (Item, Written, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	as := source
	if item.List == "notes" {
		as = SourceUser
	}
	e, err := b.writable(id, as)
	if err != nil {
		return Item{}, Written{}, err
	}
	if err := b.checkItem(e.now, source, item, 0); err != nil {
		return Item{}, Written{}, err
	}
	if err := b.unmoved(e.now, item); err != nil {
		return Item{}, Written{}, err
	}
	out, changed, err := b.putItem(e, source, item, b.causeOf(e, source, at), at)
	if err != nil {
		return Item{}, Written{}, err
	}
	done := b.written(e, changed)
	done.Item = &out
	return out, b.keep(receipts, e, done), nil
}

// unmoved refuses to write an item that is another by now than its writer has seen: of two who are at one note, none overwrites
// the other.
func (b *Board) unmoved(r *Record, item NewItem) error {
	if item.Seen.IsZero() || slices.ContainsFunc(r.Items[item.List], func(held Item) bool { return held.ID == item.ID && held.ChangedAt.Equal(item.Seen) }) {
		return nil
	}
	return b.revMoved(r, fmt.Sprintf("item %s of %s was changed or removed since you have read it", item.ID, item.List), "keep both: write yours under another id")
}

// putItem writes an item that was checked, if there is fuel for it.
func (b *Board) putItem(e *entry, source string, item NewItem, from cause, at time.Time) (Item, int, error) {
	if err := b.mayWriteItems(e, source, []NewItem{item}, from, at); err != nil {
		return Item{}, 0, err
	}
	out, changed := b.storeItem(e, source, item, from, at)
	if changed > 0 {
		b.burnWrite(&act{entry: e, source: source, from: from, at: at})
	}
	return out, changed, nil
}

// mayWriteItems says why items that would change something cannot be written now.
func (b *Board) mayWriteItems(e *entry, source string, items []NewItem, from cause, at time.Time) error {
	for _, item := range items {
		if held, made := draftItem(e.now.Items[item.List], source, item, from, at); held != nil && held.same(&made) && !b.off.silence {
			continue
		}
		if err := b.ward.barredList(source, item.List); err != nil {
			return err
		}
		a := &act{entry: e, source: source, from: from, at: at, list: item.List}
		defer b.tellBarred(a)
		return b.mayWrite(a)
	}
	return nil
}

// draftItem is an item as it would be kept, and the one that it would replace.
func draftItem(list []Item, source string, item NewItem, from cause, at time.Time) (held *Item, made Item) {
	made = Item{ID: item.ID, Source: source, At: at, ChangedAt: at, Text: telephony.Clean(item.Text),
		Title: telephony.Display(item.Title), URL: item.URL, Round: from.round, Fields: facts(item.Fields)}
	if !item.At.IsZero() {
		made.At = item.At
	}
	if item.ID != "" {
		if i := slices.IndexFunc(list, func(other Item) bool { return other.ID == item.ID }); i >= 0 {
			held, made.At = &list[i], list[i].At
		}
	}
	return held, made
}

// storeItem writes an item. The same text again is silence (B-5).
func (b *Board) storeItem(e *entry, source string, item NewItem, from cause, at time.Time) (Item, int) {
	list := e.now.Items[item.List]
	held, made := draftItem(list, source, item, from, at)
	if held != nil && held.same(&made) && !b.off.silence {
		return *held, 0
	}
	kind := ItemChanged
	if list = slices.Clone(list); held == nil {
		kind = ItemAdded
		if made.ID == "" {
			made.ID = b.options.NewID("item")
		}
		list = append(list, made)
	} else {
		list[slices.IndexFunc(list, func(other Item) bool { return other.ID == made.ID })] = made
	}
	b.setList(e, item.List, list, from, kind, &made, at)
	return made, 1
}

// putPast makes a list what a source says of it, as one change: of what is remembered there may be much (B-21). What others
// have added to the list stays. The same again is silence (B-5).
func (b *Board) putPast(e *entry, source, name string, items []NewItem, from cause, at time.Time) int {
	held := e.now.Items[name]
	var list []Item
	same := true
	for _, item := range items {
		before, made := draftItem(held, source, item, from, at)
		if before != nil && before.Source == source && before.same(&made) {
			made = *before
		} else {
			same = false
		}
		list = append(list, made)
	}
	own := 0
	for i := range held {
		if held[i].Source == source {
			own++
		} else {
			list = append(list, held[i])
		}
	}
	if same && own == len(items) {
		return 0
	}
	next := e.now.clone()
	if next.Items == nil {
		next.Items = map[string][]Item{}
	}
	next.Items[name] = list
	next.Wave = max(next.Wave, from.wave)
	c := from.change(RecordChanged, source, at)
	c.Items, c.Shown, c.moved = map[string][]Item{name: list}, []string{name}, []string{name}
	b.append(e, next, c)
	return 1
}

// facts are a candidate's fields, fit to be shown.
func facts(fields map[string]string) map[string]string {
	if len(fields) == 0 {
		return nil
	}
	clean := make(map[string]string, len(fields))
	for name, value := range fields {
		if value = telephony.Clean(value); value != "" {
			clean[name] = value
		}
	}
	return clean
}

func (b *Board) setList(e *entry, name string, list []Item, from cause, kind string, item *Item, at time.Time) {
	next := e.now.clone()
	if next.Items == nil {
		next.Items = map[string][]Item{}
	}
	next.Items[name] = list
	next.Wave = max(next.Wave, from.wave)
	c := from.change(kind, item.Source, at)
	c.Item, c.List, c.Shown, c.moved = item, name, []string{name}, []string{name}
	b.append(e, next, c)
	if name == Candidates {
		b.embody(e, from, at)
	}
}

// RemoveItem removes an item of the source's own; of item only list, id and what was seen of it count.
func (b *Board) RemoveItem(id, source string, item NewItem, at time.Time, receipts ...*Receipt) (Written, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, err := b.writable(id, SourceUser)
	if err != nil {
		return Written{}, err
	}
	held := slices.IndexFunc(e.now.Items[item.List], func(other Item) bool { return other.ID == item.ID })
	if held < 0 {
		return Written{}, &telephony.Error{Code: telephony.CodeNotFound, Message: fmt.Sprintf("there is no item %q in %s", item.ID, item.List)}
	}
	gone := e.now.Items[item.List][held]
	if gone.Source != source {
		return Written{}, &telephony.Error{Code: telephony.CodeForbidden, Message: fmt.Sprintf("item %s belongs to %s", item.ID, gone.Source)}
	}
	if err := b.unmoved(e.now, item); err != nil {
		return Written{}, err
	}
	rest := slices.Delete(slices.Clone(e.now.Items[item.List]), held, held+1)
	b.setList(e, item.List, rest, b.causeOf(e, source, at), ItemRemoved, &gone, at)
	return b.keep(receipts, e, b.written(e, 1)), nil
}

// embody lets the picked candidate's fields stand in its source's slots, and takes those of any other away: what is known
// of several people is never mixed (B-24). A claim that the source makes itself goes before. It is a function of the
// claims, the candidates and the pick; what it changes follows from what changed those.
func (b *Board) embody(e *entry, from cause, at time.Time) {
	picked := e.now.Candidate()
	a := &act{entry: e, from: from, at: at}
	for _, name := range e.now.names() {
		f := e.now.Fields[name]
		for i := range f.Claims {
			if c := &f.Claims[i]; c.Candidate && (picked == nil || picked.Source != c.Source || picked.Fields[name] != c.Value) {
				a.embodied(b, name, f, c.Source, Claim{})
			}
		}
	}
	if picked != nil {
		for _, name := range slices.Sorted(maps.Keys(picked.Fields)) {
			f := e.now.Fields[name]
			if held := f.Of(picked.Source); held != nil && (!held.Candidate || held.Value == picked.Fields[name]) {
				continue
			}
			c := b.made(NewClaim{Field: name, Value: picked.Fields[name]}, picked.Source, from, at)
			c.Candidate = true
			a.embodied(b, name, f, picked.Source, c)
		}
	}
	if len(a.drafts) == 0 {
		return
	}
	next := e.now.clone()
	change := from.change(RecordChanged, a.source, at)
	change.Fields = map[string]*Field{}
	for i := range a.drafts {
		b.put(next, change, a.drafts[i].field, e.now.Fields[a.drafts[i].field], a.drafts[i].after)
	}
	b.append(e, next, change)
}

// embodied puts a candidate's claim in its source's slot, or empties that.
func (a *act) embodied(b *Board, name string, f *Field, source string, c Claim) {
	if i := slices.IndexFunc(a.drafts, func(d draft) bool { return d.field == name }); i >= 0 {
		f = a.drafts[i].after
		a.drafts = slices.Delete(a.drafts, i, i+1)
	}
	pin, hidden := f.verdicts()
	a.source = source
	a.drafts = append(a.drafts, draft{field: name, before: f, claim: c, after: b.replaced(name, f, source, c, pin, hidden)})
}
