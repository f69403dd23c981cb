package board

import (
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Pin lets the claim of one source be shown, whatever the others say; an empty source takes the pin back (B-3). It stays
// with the source's slot, whatever that says later, until the person pins another or types their own.
func (b *Board) Pin(id, field, source string, at time.Time, receipts ...*Receipt) (Written, error) {
	return b.decide(id, field, source, at, receipts, func(_ string, hidden []string) (string, []string) { return source, hidden })
}

// Hide takes the claim of one source out of sight: it is kept, and neither shown nor counted (B-3).
func (b *Board) Hide(id, field, source string, at time.Time, receipts ...*Receipt) (Written, error) {
	return b.decide(id, field, source, at, receipts, func(pin string, hidden []string) (string, []string) {
		if pin == source {
			pin = ""
		}
		if at, found := slices.BinarySearch(hidden, source); !found {
			hidden = slices.Insert(slices.Clone(hidden), at, source)
		}
		return pin, hidden
	})
}

// Unhide takes a Hide back.
func (b *Board) Unhide(id, field, source string, at time.Time, receipts ...*Receipt) (Written, error) {
	return b.decide(id, field, source, at, receipts, func(pin string, hidden []string) (string, []string) {
		return pin, slices.DeleteFunc(slices.Clone(hidden), func(other string) bool { return other == source })
	})
}

// verdicts are what the person has decided about a field's claims.
func (f *Field) verdicts() (pin string, hidden []string) {
	if f == nil {
		return "", nil
	}
	return f.Pin, f.Hidden
}

// decide journals a decision of the person about the claims of a field. It holds for a source that claims nothing as yet:
// so the order in which claim and decision come does not matter (B-18).
func (b *Board) decide(id, field, source string, at time.Time, receipts []*Receipt, verdict func(pin string, hidden []string) (string, []string)) (Written, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, err := b.writable(id, SourceUser)
	if err != nil {
		return Written{}, err
	}
	before := e.now.Fields[field]
	pin, hidden := verdict(before.verdicts())
	switch {
	case !isFieldName(field):
		return Written{}, invalid("%q is no field name: it is like party.company or x.crm.owner", telephony.Display(field))
	case len(source) > 128 || source == SourceUser && slices.Contains(hidden, source):
		return Written{}, invalid("only what others claim can be hidden: withdraw your own")
	case b.resolver.only(field) && e.now.Call != nil:
		return Written{}, &telephony.Error{Code: telephony.CodeAuthoritative, Message: field + " is what the PBX says", Remedy: "nobody can overrule the PBX on this one"}
	case len(hidden) > 2*maxPerField || before == nil && len(e.now.Fields) >= maxFields:
		return Written{}, &telephony.Error{Code: telephony.CodeTooLarge, Message: "that is more than can be decided about " + field, Remedy: "take back what is no longer needed"}
	}
	if oldPin, oldHidden := before.verdicts(); oldPin == pin && slices.Equal(oldHidden, hidden) {
		return b.keep(receipts, e, b.written(e, 0)), nil // B-5
	}
	if len(hidden) == 0 {
		hidden = nil
	}
	var claims []Claim
	if before != nil {
		claims = before.Claims
	}
	from := e.newWave()
	b.apply(&act{entry: e, source: SourceUser, from: from, at: at,
		drafts: []draft{{field: field, before: before, after: b.resolver.resolve(field, claims, pin, hidden)}}})
	return b.keep(receipts, e, b.written(e, 1)), nil
}
