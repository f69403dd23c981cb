package line

import (
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Policy says which numbers may be dialled from here, and how. Allow and Deny are prefixes: those with a + are held against
// the number in E.164, the others against what is dialled. The longest that fits decides, Deny where both are as long.
//
// Where none fits: numbers of another country and premium-rate numbers are denied (SEC-24), as are feature codes with a
// number behind them, for some forward calls, and numbers longer than their country has them; all else is for the PBX to
// decide. Emergency numbers are never denied. For a premium-rate number a prefix that ends before the number within its
// country does not count. A number that can be read in several ways must be allowed in each.
type Policy struct {
	Region  string // by which numbers without a country code are read
	Outside string // what is dialled before a number that leaves the house: 9, 0; may be empty
	E164    bool   // +4512345678 is dialled as it is; else as from a phone of the region
	Allow   []string
	Deny    []string
}

// longestCode is the longest feature code that is taken for one without a number behind it: *8, *97. Two stars and a
// colleague's number pick up his call, which only the one who answers hears of.
const longestCode = 3

func (n number) carries() bool {
	rest, pickup := strings.CutPrefix(n.dialled, "**")
	return n.code && len(n.dialled) > longestCode && !(pickup && len(rest) <= longestExtension && strings.Trim(rest, "0123456789") == "")
}

// Dialable is what is dialled for what a person or an app has typed. The error says why it must not be.
func (p Policy) Dialable(typed string) (string, error) {
	number := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t-./()\u00a0", r) {
			return -1
		}
		return r
	}, typed)
	if number == "" || len(number) > 40 || strings.Trim(number, "0123456789+*#") != "" || strings.LastIndexByte(number, '+') > 0 {
		return "", &telephony.Error{Code: telephony.CodeInvalid, Message: "\"" + telephony.Display(typed) + "\" is not a number that can be dialled",
			Remedy: "type digits, * and #, with a + before the country code if there is one"}
	}
	if strings.LastIndexAny(number, "*#") > 0 && !strings.ContainsAny(number[:1], "*#") {
		return "", &telephony.Error{Code: telephony.CodeInvalid, Message: "\"" + telephony.Display(typed) + "\" is not a number that can be dialled: a * or # stands behind its digits",
			Remedy: "dial the number alone, and press the rest when it is answered"}
	}
	n := p.read(number)
	if verdict, hint := p.verdict(n); verdict != "" {
		return "", &telephony.Error{Code: telephony.CodeNumberDenied, Message: telephony.Display(typed) + " may not be dialled from here: " + verdict,
			Remedy: "dial it at the phone, or put " + hint + " or its beginning under dial.allow in callboard.yaml"}
	}
	return p.spell(n), nil
}

// verdict says why a number may not be dialled, and what would have to be let in; empty: it may.
func (p Policy) verdict(n number) (why, hint string) {
	switch {
	case n.emergency:
		return "", ""
	case n.code:
		return p.ofCode(n), n.dialled
	}
	home := slices.ContainsFunc(n.readings, func(r reading) bool { return r.exact && r.home })
	for _, r := range n.readings {
		hint = n.dialled
		if r.known {
			hint = r.e164
		}
		if why := p.ofReading(n.dialled, r); why != "" {
			return why, hint
		}
	}
	for _, r := range n.readings {
		if r.overlong && !home && max(longest(p.Allow, n.dialled), longest(p.Allow, r.e164)) < 0 {
			return "it has more digits than such a number can have", r.e164
		}
	}
	return "", ""
}

// ofReading judges a number as one that it may be.
func (p Policy) ofReading(dialled string, r reading) string {
	allow, deny := max(longest(p.Allow, dialled), longest(p.Allow, r.e164)), max(longest(p.Deny, dialled), longest(p.Deny, r.e164))
	switch {
	case deny >= 0 && deny >= allow:
		return "dial.deny in callboard.yaml names it"
	case r.premium && longest(p.Allow, dialled) <= r.begins && longest(p.Allow, r.e164) <= len(r.country):
		return "it is a premium-rate number"
	case allow >= 0:
		return ""
	case r.known && !r.home:
		return "it is a number of another country"
	}
	return ""
}

// ofCode judges a feature code, and the number behind one that is let in.
func (p Policy) ofCode(n number) string {
	allow, deny := longest(p.Allow, n.dialled), longest(p.Deny, n.dialled)
	switch {
	case deny >= 0 && deny >= allow:
		return "dial.deny in callboard.yaml names it"
	case allow >= 0:
		rest := n.dialled[allow:]
		rest = rest[strings.LastIndexAny(rest, "*#")+1:]
		if rest == "" {
			return ""
		}
		why, _ := p.verdict(p.read(rest))
		return why
	case n.carries():
		return "it is a feature code with a number behind it"
	}
	return ""
}

// longest is the length of the longest prefix that fits; -1: none.
func longest(prefixes []string, number string) int {
	best := -1
	for _, prefix := range prefixes {
		if strings.HasPrefix(number, prefix) {
			best = max(best, len(prefix))
		}
	}
	return best
}

// spell is a number as the PBX takes it. What was typed without a + is dialled as typed: who types it knows the PBX.
func (p Policy) spell(n number) string {
	if n.parsed == nil || p.E164 || !strings.HasPrefix(n.dialled, "+") {
		return n.dialled
	}
	spelled := phonenumbers.FormatOutOfCountryCallingNumber(n.parsed, p.Region)
	return p.Outside + strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, spelled)
}
