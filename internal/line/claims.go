package line

import (
	"strings"

	"github.com/nyaruka/phonenumbers"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// claims are what the PBX says about the two parties of a call. Its numbers are authoritative; the caller's name is only a
// guess, for the caller's own side has written it (B-3).
func claims(c *telephony.Call, region string) []board.NewClaim {
	number := c.Party.Number
	if e164, ok := E164(number, region); ok && c.Party.Extension == "" {
		number = e164
	}
	if strings.Trim(number, "+*#0123456789") != "" { // "anonymous" is no number, nor is what a caller made up
		number = ""
	}
	var out []board.NewClaim
	for _, claim := range []board.NewClaim{
		{Field: "party.number", Value: number, Quality: board.Verified},
		{Field: "party.number_raw", Value: c.Party.Number, Quality: board.Verified},
		{Field: "party.name", Value: c.Party.Name, Quality: board.Guess},
		{Field: "party.ip", Value: c.Party.IP, Quality: board.Derived}, // of a call from outside it is the trunk's
		{Field: "user.ip", Value: c.User.IP, Quality: board.Verified},
		{Field: "user.number", Value: c.User.Number, Quality: board.Verified},
		{Field: "user.extension", Value: c.User.Extension, Quality: board.Verified},
		{Field: "user.name", Value: c.User.Name, Quality: board.Guess},
	} {
		if claim.Value != "" {
			out = append(out, claim)
		}
	}
	return out
}

// LookupClaims are what a number alone says.
func LookupClaims(typed, region string) ([]board.NewClaim, error) {
	e164, ok := E164(typed, region)
	if strings.Trim(typed, "+0123456789 \t-./()\u00a0") != "" { // a number among other words is not what was meant
		ok = false
	}
	if extension := strings.TrimSpace(typed); !ok && len(extension) <= 6 && extension != "" && strings.Trim(extension, "0123456789") == "" {
		e164, ok = extension, true // a colleague's
	}
	if !ok {
		return nil, &telephony.Error{Code: telephony.CodeInvalid, Message: "\"" + telephony.Display(typed) + "\" is not a phone number",
			Remedy: "type it with its country code, as +45 12 34 56 78"}
	}
	return []board.NewClaim{
		{Field: "party.number", Value: e164, Quality: board.Confirmed},
		{Field: "party.number_raw", Value: telephony.Display(typed), Quality: board.Confirmed},
	}, nil
}

// E164 reads a number as of a region and writes it as +4512345678. Where the country is said, the number need only be
// possible; where it is not, it must be a valid one of the region, or else an international one whose plus sign a trunk has
// left away. It reports false for what is none of these: no number is made up.
func E164(number, region string) (string, bool) {
	parsed, err := phonenumbers.Parse(number, region)
	said := strings.HasPrefix(strings.TrimSpace(number), "+")
	if err == nil && (said && phonenumbers.IsPossibleNumber(parsed) || phonenumbers.IsValidNumber(parsed)) {
		return phonenumbers.Format(parsed, phonenumbers.E164), true
	}
	if said || len(number) < 10 || strings.Trim(number, "0123456789") != "" {
		return "", false
	}
	parsed, err = phonenumbers.Parse("+"+number, region)
	if err != nil || !phonenumbers.IsValidNumber(parsed) {
		return "", false
	}
	return phonenumbers.Format(parsed, phonenumbers.E164), true
}
