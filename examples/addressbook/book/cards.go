package book

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-vcard"
	"github.com/nyaruka/phonenumbers"
)

const maxFile = 64 << 20

// Book is an address book by number. It is not changed after Load.
type Book struct {
	region string
	byNum  map[string][]Facts // by E.164
	cards  int
}

// Facts are what a card says about whom a number belongs to, by field of the board.
type Facts map[string]string

// Load reads a vCard file (versions 3.0 and 4.0, at most 64 MiB). Numbers without a country code are read as of
// region, an ISO 3166 code such as DK. Cards without a usable number are of no use here and are left out.
func Load(r io.Reader, region string) (*Book, error) {
	if phonenumbers.GetCountryCodeForRegion(region) == 0 {
		return nil, fmt.Errorf("the region %q is not known: give a country as two capital letters, such as DK", region)
	}
	in := &io.LimitedReader{R: r, N: maxFile + 1}
	b := &Book{region: region, byNum: make(map[string][]Facts)}
	for d := vcard.NewDecoder(in); ; b.cards++ {
		card, err := d.Decode()
		if in.N == 0 {
			return nil, fmt.Errorf("the vCard file is larger than %d MiB: split it", maxFile>>20)
		}
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return nil, fmt.Errorf("card %d cannot be read: %w", b.cards+1, err)
		}
		facts := factsOf(card)
		seen := make(map[string]bool)
		for _, tel := range card.Values(vcard.FieldTelephone) {
			if n := b.normal(tel); n != "" && !seen[n] {
				seen[n] = true
				b.byNum[n] = append(b.byNum[n], facts)
			}
		}
	}
}

// Len is the number of cards in the file.
func (b *Book) Len() int { return b.cards }

// Find gives what is known about a number in any usual format. When several cards have the number, only what all of
// them say is given: a reception's company, but nobody's name. ok is false when no card has it.
func (b *Book) Find(number string) (facts Facts, ok bool) {
	n := b.normal(number)
	if n == "" || len(b.byNum[n]) == 0 {
		return nil, false
	}
	facts = make(Facts)
	for field, value := range b.byNum[n][0] {
		same := true
		for _, other := range b.byNum[n][1:] {
			same = same && other[field] == value
		}
		if same {
			facts[field] = value
		}
	}
	return facts, true
}

// normal gives E.164, or "" for what is no public number, such as an extension.
func (b *Book) normal(number string) string {
	n, err := phonenumbers.Parse(strings.TrimSpace(number), b.region)
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return ""
	}
	return phonenumbers.Format(n, phonenumbers.E164)
}

func factsOf(card vcard.Card) Facts {
	f := make(Facts)
	for field, value := range map[string]string{
		"party.name":      card.PreferredValue(vcard.FieldFormattedName),
		"party.company":   firstPart(card.PreferredValue(vcard.FieldOrganization)),
		"party.email":     card.PreferredValue(vcard.FieldEmail),
		"party.job_title": card.PreferredValue(vcard.FieldTitle),
		"party.address":   address(card.Address()),
	} {
		if value = strings.Join(strings.Fields(value), " "); value != "" {
			f[field] = value
		}
	}
	return f
}

// firstPart is the organization without its departments (RFC 6350 section 6.6.4).
func firstPart(org string) string {
	for i := 0; i < len(org); i++ {
		switch org[i] {
		case '\\':
			i++
		case ';':
			return strings.ReplaceAll(org[:i], `\;`, ";")
		}
	}
	return strings.ReplaceAll(org, `\;`, ";")
}

func address(a *vcard.Address) string {
	if a == nil {
		return ""
	}
	var parts []string
	for _, p := range []string{a.PostOfficeBox, a.StreetAddress, a.ExtendedAddress, strings.TrimSpace(a.PostalCode + " " + a.Locality), a.Region, a.Country} {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ", ")
}
