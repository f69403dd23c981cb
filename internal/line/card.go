package line

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-vcard"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// largestCard is how many bytes a card has at most; photographs are mostly what is larger.
const largestCard = 64 << 10

// card is a business card as we read it.
type card struct {
	said board.Sought
	more string // what there is no field for: further numbers and addresses, a note; a line each
}

// readCard reads one vCard 3.0 (RFC 2426) or 4.0 (RFC 6350).
func readCard(text, region string) (card, error) {
	if len(text) > largestCard {
		return card{}, &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("the card has %d bytes", len(text)), Remedy: "a card has at most 64 KiB: take its photograph away"}
	}
	switch begun := countLines(text, "BEGIN:VCARD"); {
	case begun == 0:
		return card{}, badCard("it does not begin with BEGIN:VCARD")
	case begun > 1:
		return card{}, &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("there are %d cards; one is taken at once", begun),
			Remedy: "send them one by one, each becomes a record; to look up by all of an address book let an app answer"}
	case countLines(text, "END:VCARD") != 1:
		return card{}, badCard("it does not end with END:VCARD")
	}
	read, err := vcard.NewDecoder(strings.NewReader(strings.TrimSpace(text) + "\r\n")).Decode()
	if err != nil {
		return card{}, badCard(telephony.Display(err.Error()))
	}
	if v := read.Value(vcard.FieldVersion); v != "3.0" && v != "4.0" {
		return card{}, badCard("its version is " + cmp.Or(telephony.Display(v), "not said"))
	}
	return cardOf(read, region), nil
}

func badCard(why string) error {
	return &telephony.Error{Code: telephony.CodeInvalid, Message: "that is no business card that can be read: " + why, Remedy: "save it as vCard 3.0 or 4.0, whole"}
}

func countLines(text, line string) int {
	n := 0
	for l := range strings.Lines(text) {
		if strings.EqualFold(strings.TrimSpace(l), line) {
			n++
		}
	}
	return n
}

// cardOf takes what there are fields for, of several the one that the card prefers.
func cardOf(read vcard.Card, region string) card {
	var out card
	var more []string
	note := func(what, value string) {
		if value = strings.TrimSpace(telephony.Clean(value)); value != "" {
			more = append(more, what+": "+value)
		}
	}
	// take is the first value that can be read; the others are noted.
	take := func(field, what string, good func(string) bool) (first string) {
		for _, f := range preferredFirst(read, field) {
			value := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(f.Value, "tel:"), "mailto:"))
			if first == "" && good(value) {
				first = value
				continue
			}
			kind := what
			if types := f.Params.Types(); len(types) > 0 {
				kind += " (" + telephony.Display(strings.Join(types, ", ")) + ")"
			}
			note(kind, value)
		}
		return first
	}
	out.said.Name = cmp.Or(read.PreferredValue(vcard.FieldFormattedName), nameOf(read.Name()))
	out.said.Number = take(vcard.FieldTelephone, "Number", func(v string) bool { _, err := LookupClaims(v, region); return err == nil })
	out.said.Email = take(vcard.FieldEmail, "E-mail", isEmail)
	out.said.Website = take(vcard.FieldURL, "Website", isWebAddress)
	out.said.Company = strings.Trim(strings.Split(read.PreferredValue(vcard.FieldOrganization), ";")[0], " ")
	out.said.JobTitle = read.PreferredValue(vcard.FieldTitle)
	for i, a := range read.Addresses() {
		text := joined(", ", a.PostOfficeBox, a.ExtendedAddress, a.StreetAddress, strings.TrimSpace(a.PostalCode+" "+a.Locality), a.Region, a.Country)
		if i == 0 {
			out.said.Address = text
		} else {
			note("Address", text)
		}
	}
	note("Note", read.PreferredValue(vcard.FieldNote))
	out.more = strings.Join(more, "\n")
	return out
}

// preferredFirst are the values of a property, the preferred one first.
func preferredFirst(read vcard.Card, field string) []*vcard.Field {
	all := slices.Clone(read[field])
	if best := read.Preferred(field); best != nil {
		i := slices.Index(all, best)
		all = slices.Insert(slices.Delete(all, i, i+1), 0, best)
	}
	return all
}

func nameOf(n *vcard.Name) string {
	if n == nil {
		return ""
	}
	return joined(" ", n.HonorificPrefix, n.GivenName, n.AdditionalName, n.FamilyName, n.HonorificSuffix)
}

func joined(by string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return strings.TrimSpace(p) == "" }), by)
}
