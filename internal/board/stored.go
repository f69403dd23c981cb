package board

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// CheckStored says why a record that comes from outside, as out of an export, is none that a board could have made: it is held
// to the bounds of what a source may write, and to what a resolved field is like.
func CheckStored(r *Record) error {
	switch {
	case !itemID.MatchString(r.ID):
		return fmt.Errorf("its id is none")
	case r.Rev < 1 || r.Rev > maxCount || r.Wave < 0 || r.Wave > maxCount:
		return fmt.Errorf("%s has no rev", r.ID)
	case r.State != Open && r.State != Closed:
		return fmt.Errorf("%s is neither open nor closed", r.ID)
	case !slices.Contains([]Origin{FromCall, FromLookup, FromReopen}, r.Origin) || r.First != "" && !slices.Contains([]Origin{FromCall, FromLookup, FromReopen}, r.First):
		return fmt.Errorf("%s has an origin that there is not", r.ID)
	case r.OpenedAt.IsZero():
		return fmt.Errorf("%s says not when it was opened", r.ID)
	case r.Line == "" || len(r.Line) > MaxValue || telephony.Clean(r.Line) != norm.NFC.String(r.Line):
		return fmt.Errorf("%s is on no line", r.ID)
	case r.Fields == nil || r.Items == nil:
		return fmt.Errorf("%s has no fields or no items, not even none", r.ID)
	case len(r.Fields) > 2*maxFields || r.weight() > 2*maxRecord: // what a candidate says comes on top, once it is picked
		return fmt.Errorf("%s is larger than a record may be", r.ID)
	case r.Settled != nil && (r.Settled.Rounds < 0 || r.Settled.TookMS < 0 || slices.ContainsFunc(r.Settled.Unanswered, isNoSource)):
		return fmt.Errorf("%s has settled as none does", r.ID)
	}
	if err := checkStoredCall(r.Call); err != nil {
		return fmt.Errorf("%s: %w", r.ID, err)
	}
	for name, f := range r.Fields {
		if err := checkStoredField(name, f); err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
	}
	for name, list := range r.Items {
		if err := checkStoredList(name, list); err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
	}
	return nil
}

// maxCount is how far a rev or a wave may have come: what every client can count (RFC 8259, section 6), with room to go on.
const maxCount = 1 << 52

// isNoSource reports whether a name is that of no source: an app's id is narrower still.
func isNoSource(name string) bool { return !itemID.MatchString(name) }

// storedStates and the others are the words that the contract has.
var (
	storedStates     = []telephony.State{telephony.Dialing, telephony.Ringing, telephony.Connected, telephony.Held, telephony.Ended}
	storedDirections = []telephony.Direction{telephony.Inbound, telephony.Outbound, telephony.Internal, telephony.UnknownDirection}
	storedResults    = []telephony.Result{"", telephony.Answered, telephony.Missed, telephony.Busy, telephony.Rejected, telephony.Cancelled, telephony.Failed, telephony.Voicemail,
		telephony.AnsweredElsewhere, telephony.Forwarded, telephony.UnknownResult}
	storedKnown = []telephony.Known{"", telephony.Yes, telephony.No, telephony.Unknown} // "": from before it was asked
)

func checkStoredCall(c *telephony.Call) error {
	switch {
	case c == nil:
		return nil
	case c.ID == "" || c.StartedAt.IsZero():
		return fmt.Errorf("its call has no id or no beginning")
	case !slices.Contains(storedStates, c.State) || !slices.Contains(storedDirections, c.Direction) || !slices.Contains(storedResults, c.Result):
		return fmt.Errorf("its call has a state, direction or result that there is not")
	}
	for _, k := range []telephony.Known{c.Recorded, c.Monitored, c.Encrypted, c.SecureLine} {
		if !slices.Contains(storedKnown, k) {
			return fmt.Errorf("its call says neither yes nor no nor unknown")
		}
	}
	if err := checkStoredParties(c); err != nil {
		return err
	}
	for i := range c.Views {
		v := &c.Views[i]
		if !slices.Contains(storedStates, v.State) || !slices.Contains(storedDirections, v.Direction) || !slices.Contains(storedResults, v.Result) {
			return fmt.Errorf("its call has a view with a state, direction or result that there is not")
		}
	}
	for i := range c.Legs {
		if !slices.Contains(storedStates, c.Legs[i].State) {
			return fmt.Errorf("its call has a leg with a state that there is not")
		}
	}
	return nil
}

// checkStoredParties looks at what is shown of people. What a PBX sent is kept raw beside it.
func checkStoredParties(c *telephony.Call) error {
	parties := []*telephony.Party{&c.User, &c.Party}
	for i := range c.Views {
		parties = append(parties, &c.Views[i].User, &c.Views[i].Party, &c.Views[i].First)
	}
	for i := range c.Legs {
		parties = append(parties, &c.Legs[i].Party)
	}
	for _, p := range parties {
		for _, text := range []string{p.Number, p.Name} {
			if len(text) > MaxValue || telephony.Clean(text) != text {
				return fmt.Errorf("its call has a party that is too long or has characters that cannot be shown")
			}
		}
	}
	return nil
}

func checkStoredField(name string, f *Field) error {
	switch {
	case !isFieldName(name):
		return fmt.Errorf("%q is no field name", telephony.Display(name))
	case f == nil || len(f.Claims) == 0 && !f.Blank:
		return fmt.Errorf("nobody claims %s", name)
	}
	said := map[string]bool{}
	for i := range f.Claims {
		c := &f.Claims[i]
		switch {
		case isNoSource(c.Source) || said[c.Source]:
			return fmt.Errorf("a claim of %s has no source, or one that claims it twice", name)
		case rank(c.Quality) == 0:
			return fmt.Errorf("a claim of %s has no quality", name)
		case len(c.Value) > MaxValue || !utf8.ValidString(c.Value) || telephony.Clean(c.Value) != c.Value:
			return fmt.Errorf("the value of %s is too long or has characters that cannot be shown", name)
		}
		said[c.Source] = true
	}
	return nil
}

func checkStoredList(name string, list []Item) error {
	if !slices.Contains(lists, name) || len(list) > maxItems {
		return fmt.Errorf("%q is no list of a record, or is too long", telephony.Display(name))
	}
	seen := map[string]bool{}
	for i := range list {
		item := &list[i]
		switch {
		case !itemID.MatchString(item.ID) || isNoSource(item.Source) || seen[item.ID]:
			return fmt.Errorf("an item of %s has no id or source of its own", name)
		case len(item.Text) > MaxText || len(item.Title) > MaxValue || telephony.Clean(item.Text) != item.Text || telephony.Clean(item.Title) != item.Title:
			return fmt.Errorf("the text of an item of %s is too long or has characters that cannot be shown", name)
		case item.URL != "" && !safeURL(item.URL):
			return fmt.Errorf("an item of %s has a link that is not to be shown", name)
		}
		seen[item.ID] = true
		if err := checkStoredFacts(item.Fields); err != nil {
			return fmt.Errorf("an item of %s: %w", name, err)
		}
	}
	return nil
}

func checkStoredFacts(fields map[string]string) error {
	for name, value := range fields {
		switch {
		case !isFieldName(name):
			return fmt.Errorf("%q is no field name", telephony.Display(name))
		case len(value) > MaxValue || telephony.Clean(value) != value:
			return fmt.Errorf("the value of %s is too long or has characters that cannot be shown", name)
		}
	}
	return nil
}
