package board

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Bounds of what a source may write (SEC-23).
const (
	maxValue  = 8 << 10
	maxText   = 32 << 10
	maxClaims = 64
	maxFields = 256
	maxItems  = 1000
	maxRecord = 256 << 10 // all values and texts together: a record is handed out whole
)

// causeLife is for how long a write outside any work counts as following from what was last shown (B-11).
const causeLife = time.Minute

// NewClaim is a claim as it is made. An empty value withdraws.
type NewClaim struct {
	Field   string
	Value   string
	Quality Quality
}

// NewItem is an item as it is written. An empty id makes a new one.
type NewItem struct {
	List, ID, Text, Title, URL string
}

// Written says what a write did. It may be told to others once the log has been shown up to Seq.
type Written struct {
	Record  string
	Rev     int64
	Changed int
	Seq     uint64
}

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_-]+)+$`)

// Lists that a record has.
var lists = []string{"notes", "documents", "emails", "links", "history", "cards"}

// Claim writes, changes or withdraws claims of one source, all or none (B-1).
func (b *Board) Claim(id, source string, claims []NewClaim, at time.Time) (Written, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, err := b.writable(id, source)
	if err != nil {
		return Written{}, err
	}
	if err := checkClaims(e.now, source, claims); err != nil {
		return Written{}, err
	}
	changed := b.claimAll(e, source, claims, b.causeOf(e, source, at), at)
	return b.written(e, changed), nil
}

func (b *Board) written(e *entry, changed int) Written {
	return Written{Record: e.now.ID, Rev: e.now.Rev, Changed: changed, Seq: b.seq}
}

func (b *Board) writable(id, source string) (*entry, error) {
	e := b.entries[id]
	switch {
	case e == nil:
		return nil, &telephony.Error{Code: telephony.CodeNotFound, Message: fmt.Sprintf("there is no record %q on the board", id),
			Remedy: "list the records, or look the call up in the log"}
	case e.now.State == Closed && source != SourceUser:
		return nil, &telephony.Error{Code: telephony.CodeClosed, Message: fmt.Sprintf("record %q is closed", id),
			Remedy: "its call is over and its grace time too; notes can still be written"}
	}
	return e, nil
}

// causeOf is what a write outside any work follows from: a person starts a new wave, an app goes on from what it was last
// shown (B-11).
func (b *Board) causeOf(e *entry, source string, at time.Time) cause {
	news := e.heardBy(source)
	if source == SourceUser || at.Sub(news.at) > causeLife {
		return cause{wave: e.now.Wave + 1}
	}
	return cause{wave: news.cause.wave, round: news.cause.round + 1}
}

func checkClaims(r *Record, source string, claims []NewClaim) error {
	invalid := func(format string, args ...any) error {
		return &telephony.Error{Code: telephony.CodeInvalid, Message: fmt.Sprintf(format, args...)}
	}
	if len(claims) > maxClaims {
		return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("%d claims at once", len(claims)), Remedy: fmt.Sprintf("send at most %d", maxClaims)}
	}
	more := 0
	for _, c := range claims {
		more += len(c.Value)
	}
	if more > 0 && r.weight()+more > maxRecord {
		return tooHeavy
	}
	for _, c := range claims {
		switch {
		case len(c.Field) > 128 || !fieldName.MatchString(c.Field):
			return invalid("%q is no field name: it is like party.company or x.crm.owner", telephony.Display(c.Field))
		case source != SourcePBX && authoritative(c.Field) && (r.Call != nil || source != SourceUser):
			return &telephony.Error{Code: telephony.CodeAuthoritative, Message: fmt.Sprintf("%s is what the PBX says", c.Field), Remedy: "claim another field; nobody can overrule the PBX on this one"}
		case strings.HasPrefix(c.Field, "x.") && source != SourceUser && !strings.HasPrefix(c.Field, "x."+source+"."):
			return &telephony.Error{Code: telephony.CodeForbidden, Message: fmt.Sprintf("%s belongs to another app", c.Field), Remedy: fmt.Sprintf("your own fields begin with x.%s.", source)}
		case len(c.Value) > maxValue:
			return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("the value of %s has %d bytes", c.Field, len(c.Value)), Remedy: fmt.Sprintf("a value has at most %d; put longer text in a document", maxValue)}
		case c.Quality != "" && ranks[c.Quality] == 0:
			return invalid("%q is no quality: use guess, derived, matched or verified", string(c.Quality))
		case c.Quality == Confirmed && source != SourceUser:
			return invalid("confirmed is a person's word: an app may claim up to verified")
		case r.Fields[c.Field] == nil && len(r.Fields) >= maxFields:
			return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("the record has %d fields", len(r.Fields)), Remedy: "withdraw claims that are no longer needed"}
		}
	}
	return nil
}

// quality is what a claim counts as when its source does not say.
func quality(c NewClaim, source string) Quality {
	switch {
	case source == SourceUser:
		return Confirmed
	case c.Quality != "":
		return c.Quality
	}
	return Matched
}

func (b *Board) same(field, a, c string) bool {
	return a == c || b.resolver.normal(field, a) == b.resolver.normal(field, c)
}

// claimAll applies claims as one change. Claims equal to those held change nothing (B-5); of two for one field the last
// counts. It returns how many did.
func (b *Board) claimAll(e *entry, source string, claims []NewClaim, from cause, at time.Time) int {
	var next *Record
	change := &Change{Kind: RecordChanged, At: at, Source: source, Wave: from.wave, Round: from.round}
	for i, c := range claims {
		if slices.ContainsFunc(claims[i+1:], func(later NewClaim) bool { return later.Field == c.Field }) {
			continue
		}
		before := e.now.Fields[c.Field]
		after, changed := b.reclaim(before, source, c, from, at)
		if !changed {
			continue
		}
		if next == nil {
			next = e.now.clone()
			change.Fields = map[string]*Field{}
		}
		next.Fields[c.Field] = after
		if after == nil {
			delete(next.Fields, c.Field)
		}
		change.Fields[c.Field] = after
		if !sameShown(before, after) {
			change.Shown = append(change.Shown, c.Field)
		}
		if !sameValue(before, after) {
			change.moved = append(change.moved, c.Field)
		}
	}
	if next == nil {
		return 0
	}
	next.Wave = max(next.Wave, from.wave)
	b.append(e, next, change)
	return len(change.Fields)
}

// reclaim puts one claim in its source's slot.
func (b *Board) reclaim(before *Field, source string, c NewClaim, from cause, at time.Time) (*Field, bool) {
	var claims []Claim
	held := -1
	if before != nil {
		claims = slices.Clone(before.Claims)
		held = slices.IndexFunc(claims, func(other Claim) bool { return other.Source == source })
	}
	value := telephony.Clean(c.Value)
	claim := Claim{Source: source, Value: value, Quality: quality(c, source), At: at, Wave: from.wave, Round: from.round, Work: from.work}
	switch {
	case value == "" && held < 0:
		return before, false
	case value == "":
		claims = slices.Delete(claims, held, held+1)
	case held < 0:
		claims = append(claims, claim)
	case claims[held].Quality == claim.Quality && b.same(c.Field, claims[held].Value, value):
		if source != SourceUser || claims[held].Value == value { // a person may mend the spelling
			return before, false
		}
		claims[held] = claim
	default:
		claims[held] = claim
	}
	return b.resolver.resolve(c.Field, claims), true
}

// unsaid are withdrawals of what a source claimed before and does not say any more.
func unsaid(r *Record, source string, said []NewClaim) []NewClaim {
	var gone []NewClaim
	for name, f := range r.Fields {
		claims := slices.ContainsFunc(f.Claims, func(c Claim) bool { return c.Source == source })
		if claims && !slices.ContainsFunc(said, func(c NewClaim) bool { return c.Field == name }) {
			gone = append(gone, NewClaim{Field: name})
		}
	}
	return gone
}

var itemID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// PutItem adds an item or writes one of the source's own anew. Notes can always be written (B-19).
func (b *Board) PutItem(id, source string, item NewItem, at time.Time) (Item, Written, error) {
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
	out, changed, err := b.putItem(e, source, item, b.causeOf(e, source, at), at)
	return out, b.written(e, changed), err
}

func (b *Board) putItem(e *entry, source string, item NewItem, from cause, at time.Time) (Item, int, error) {
	if err := checkItem(e.now, source, item, 0); err != nil {
		return Item{}, 0, err
	}
	list := e.now.Items[item.List]
	if item.ID == "" {
		item.ID = b.options.NewID("item")
	}
	made := Item{ID: item.ID, Source: source, At: at, ChangedAt: at, Text: telephony.Clean(item.Text),
		Title: telephony.Display(item.Title), URL: item.URL, Round: from.round}
	held := slices.IndexFunc(list, func(other Item) bool { return other.ID == item.ID })
	kind := ItemAdded
	list = slices.Clone(list)
	switch {
	case held < 0:
		list = append(list, made)
	default:
		kind = ItemChanged
		before := list[held]
		made.At = before.At
		if before.Text == made.Text && before.Title == made.Title && before.URL == made.URL {
			return before, 0, nil
		}
		list[held] = made
	}
	b.setList(e, item.List, list, &Change{Kind: kind, At: at, Source: source, Wave: from.wave, Round: from.round, Item: &made})
	return made, 1, nil
}

func (b *Board) setList(e *entry, name string, list []Item, c *Change) {
	next := e.now.clone()
	next.Items[name] = list
	next.Wave = max(next.Wave, c.Wave)
	c.List, c.Shown, c.moved = name, []string{name}, []string{name}
	b.append(e, next, c)
}

// checkItem says why an item cannot be written; more are written before it in the same act.
func checkItem(r *Record, source string, item NewItem, more int) error {
	list := r.Items[item.List]
	held := slices.IndexFunc(list, func(other Item) bool { return other.ID == item.ID })
	switch {
	case held < 0 && len(list)+more >= maxItems:
		return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("the list %s has %d items", item.List, len(list)), Remedy: "remove some first"}
	case held >= 0 && list[held].Source != source:
		return &telephony.Error{Code: telephony.CodeForbidden, Message: fmt.Sprintf("item %s belongs to %s", item.ID, list[held].Source), Remedy: "add one of your own"}
	case !slices.Contains(lists, item.List):
		return &telephony.Error{Code: telephony.CodeInvalid, Message: fmt.Sprintf("%q is no list of a record", item.List), Remedy: "use one of " + strings.Join(lists, ", ")}
	case item.ID != "" && !itemID.MatchString(item.ID):
		return &telephony.Error{Code: telephony.CodeInvalid, Message: "an item's id has 1 to 64 of A-Z a-z 0-9 _ -"}
	case len(item.Text) > maxText:
		return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("the text has %d bytes", len(item.Text)), Remedy: fmt.Sprintf("an item has at most %d: split it", maxText)}
	case item.URL != "" && !safeURL(item.URL):
		return &telephony.Error{Code: telephony.CodeInvalid, Message: "that is no link to be shown", Remedy: "a link is https, without a user name in it, and at most 2,048 bytes long"}
	case r.weight()+len(item.Text)+len(item.Title)+len(item.URL) > maxRecord:
		return tooHeavy
	}
	return nil
}

var tooHeavy = &telephony.Error{Code: telephony.CodeTooLarge, Message: "the record is full: its values and texts have 256 KiB", Remedy: "remove what is no longer needed, or link to it"}

// weight is about how many bytes people and apps have written on a record.
func (r *Record) weight() int {
	bytes := 0
	for _, f := range r.Fields {
		for _, c := range f.Claims {
			bytes += len(c.Value)
		}
	}
	for _, list := range r.Items {
		for i := range list {
			bytes += len(list[i].Text) + len(list[i].Title) + len(list[i].URL)
		}
	}
	return bytes
}

// safeURL takes links that lead where they seem to.
func safeURL(link string) bool {
	parsed, err := url.Parse(link)
	return err == nil && len(link) <= 2048 && parsed.Scheme == "https" && parsed.Host != "" && parsed.User == nil && telephony.Clean(link) == link
}

// RemoveItem removes an item of the source's own.
func (b *Board) RemoveItem(id, source, list, item string, at time.Time) (Written, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, err := b.writable(id, SourceUser)
	if err != nil {
		return Written{}, err
	}
	held := slices.IndexFunc(e.now.Items[list], func(other Item) bool { return other.ID == item })
	if held < 0 {
		return Written{}, &telephony.Error{Code: telephony.CodeNotFound, Message: fmt.Sprintf("there is no item %q in %s", item, list)}
	}
	gone := e.now.Items[list][held]
	if gone.Source != source {
		return Written{}, &telephony.Error{Code: telephony.CodeForbidden, Message: fmt.Sprintf("item %s belongs to %s", item, gone.Source)}
	}
	from := b.causeOf(e, source, at)
	rest := slices.Delete(slices.Clone(e.now.Items[list]), held, held+1)
	b.setList(e, list, rest, &Change{Kind: ItemRemoved, At: at, Source: source, Wave: from.wave, Round: from.round, Item: &gone})
	return b.written(e, 1), nil
}
