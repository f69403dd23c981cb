package line

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Lookup reads what was typed or is on a card. All of it can be read, or nothing is taken: the error names what cannot.
func Lookup(in board.Sought, region string) (board.Found, error) {
	var out board.Found
	if strings.TrimSpace(in.VCard) != "" {
		card, err := readCard(in.VCard, region)
		if err != nil {
			return board.Found{}, err
		}
		if len(card.more) > board.MaxText {
			return board.Found{}, &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("the notes of the card, with its further numbers and addresses, have %d bytes", len(card.more)),
				Remedy: fmt.Sprintf("shorten them: they may have %d", board.MaxText)}
		}
		in = over(in, card.said)
		if card.more != "" {
			out.Items = []board.NewItem{{List: "cards", Title: cmp.Or(telephony.Display(card.said.Name), "Business card"), Text: card.more}}
		}
	}
	if strings.TrimSpace(in.Number) != "" {
		claims, err := LookupClaims(in.Number, region)
		if err != nil {
			return board.Found{}, err
		}
		out.Claims = claims
	}
	normal := Normal(region)
	for _, f := range []struct {
		field, value, what, remedy string
		good                       func(string) bool
	}{
		{"party.name", in.Name, "name", "type it with letters", hasLetters},
		{"party.email", in.Email, "e-mail address", "type it as name@example.com", isEmail},
		{"party.website", in.Website, "web address", "type it as https://example.com", isWebAddress},
		{"party.ip", in.IP, "IP address", "type it as 192.0.2.7 or 2001:db8::7", isIP},
		{"party.company", in.Company, "name of a company", "type it with letters", hasLetters},
		{"party.job_title", in.JobTitle, "job title", "type it with letters", hasLetters},
		{"party.address", in.Address, "address", "type it with letters", hasLetters},
	} {
		value := strings.TrimSpace(telephony.Clean(f.value))
		switch {
		case strings.TrimSpace(f.value) == "":
			continue
		case len(value) > board.MaxValue:
			return board.Found{}, &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("the %s has %d bytes", f.what, len(value)), Remedy: fmt.Sprintf("it may have %d", board.MaxValue)}
		case !f.good(value):
			return board.Found{}, &telephony.Error{Code: telephony.CodeInvalid, Message: "\"" + telephony.Display(value) + "\" is no " + f.what, Remedy: f.remedy}
		}
		switch f.field {
		case "party.email", "party.website", "party.ip":
			value = normal(f.field, value)
		}
		out.Claims = append(out.Claims, board.NewClaim{Field: f.field, Value: value, Quality: board.Confirmed})
	}
	if len(out.Claims) == 0 {
		return board.Found{}, &telephony.Error{Code: telephony.CodeInvalid, Message: "there is nothing to look up",
			Remedy: "give a number, a name, an e-mail, web or IP address, a company or a business card"}
	}
	return out, nil
}

// over is what was typed, and where that says nothing what the card says.
func over(in, card board.Sought) board.Sought {
	return board.Sought{Number: cmp.Or(in.Number, card.Number), Name: cmp.Or(in.Name, card.Name), Email: cmp.Or(in.Email, card.Email), Website: cmp.Or(in.Website, card.Website),
		IP: in.IP, Company: cmp.Or(in.Company, card.Company), JobTitle: cmp.Or(in.JobTitle, card.JobTitle), Address: cmp.Or(in.Address, card.Address)}
}

// hasLetters refuses what only looks like a text: combining marks, signs, nothing.
func hasLetters(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}

func isEmail(text string) bool {
	name, host, found := strings.Cut(strings.TrimPrefix(strings.ToLower(text), "mailto:"), "@")
	return found && name != "" && hasLetters(host) && !strings.ContainsAny(host, "@/") && !strings.ContainsFunc(text, unicode.IsSpace) && len(text) <= 320
}

func isWebAddress(text string) bool {
	address, ok := webAddress(text)
	return ok && len(address) <= 2048 && !strings.HasPrefix(address, "data:")
}

func isIP(text string) bool {
	_, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return err == nil
}
