package line

import (
	"strings"

	"github.com/nyaruka/phonenumbers"

	"github.com/callboard-dev/callboard/internal/telephony"
)

const shortestErased = 5 // digits: what is shorter is found in too much

// NumberForms are the forms in which a number may be written, for those who look for all of them: as E.164, with the 0 that some write behind the
// country code, and as it is dialled within its country. A number that is of no plan is looked for as it is.
func NumberForms(typed, region string) ([]string, error) {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, typed)
	if strings.Trim(typed, "+0123456789 \t-./()\u00a0") != "" || len(digits) < shortestErased {
		return nil, &telephony.Error{Code: telephony.CodeInvalid, Message: "\"" + telephony.Display(typed) + "\" is not a phone number that can be looked for",
			Remedy: "type it with its country code, as +45 12 34 56 78; of a shorter number erase the records"}
	}
	parsed, err := phonenumbers.Parse(typed, region)
	e164, ok := E164(typed, region)
	if ok {
		parsed, err = phonenumbers.Parse(e164, region)
	}
	if err != nil || !phonenumbers.IsPossibleNumber(parsed) { // one that is not in use may be looked for all the same
		return []string{typed}, nil
	}
	e164 = phonenumbers.Format(parsed, phonenumbers.E164)
	forms := []string{e164}
	national := phonenumbers.GetNationalSignificantNumber(parsed)
	if country, found := strings.CutSuffix(e164, national); found {
		forms = append(forms, country+"0"+national)
	}
	if len(national) >= shortestErased {
		forms = append(forms, national)
	}
	return forms, nil
}
