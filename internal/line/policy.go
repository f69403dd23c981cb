package line

import (
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Policy says which numbers may be dialled from here, and how. Allow and Deny are prefixes: those with a + are held against
// the number in E.164, the others against what is dialled. The longest that fits decides, Deny where both are as long.
//
// Where none fits: numbers of another country and premium-rate numbers are denied (SEC-24), as are feature codes with a
// number behind them, for some forward calls; all else is for the PBX to decide. Emergency numbers are short and so never
// denied. For a premium-rate number a prefix that is no more than its country does not count.
type Policy struct {
	Region  string // by which numbers without a country code are read
	Outside string // what is dialled before a number that leaves the house: 9, 0; may be empty
	E164    bool   // +4512345678 is dialled as it is; else as from a phone of the region
	Allow   []string
	Deny    []string
}

// longestCode is the longest feature code that is taken for one without a number behind it: **1002, *901002.
const longestCode = 8

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
	n := p.read(number)
	if verdict := p.verdict(n); verdict != "" {
		return "", &telephony.Error{Code: telephony.CodeNumberDenied, Message: telephony.Display(typed) + " may not be dialled from here: " + verdict,
			Remedy: "dial it at the phone, or put " + n.hint() + " or its beginning under dial.allow in callboard.yaml"}
	}
	return p.spell(n), nil
}

// number is what is known of a number that is to be dialled.
type number struct {
	dialled       string
	e164          string // empty: no number of the public network that is known to be one
	country       string // +45
	international bool
	premium       bool
	code          bool // begins with * or #
	parsed        *phonenumbers.PhoneNumber
}

func (n number) hint() string {
	if n.e164 != "" {
		return n.e164
	}
	return n.dialled
}

// read finds out what a number is. With a digit for an outside line before it, it is read without that too: a rule that a 9
// gets round is none.
func (p Policy) read(dialled string) number {
	n := number{dialled: dialled, code: strings.ContainsAny(dialled[:1], "*#")}
	if n.code || n.understand(dialled, p.Region) {
		return n
	}
	rest := ""
	if p.Outside != "" {
		rest, _ = strings.CutPrefix(dialled, p.Outside)
	} else if len(dialled) > 7 && dialled[0] != '+' {
		rest = dialled[1:]
	}
	if rest != "" && rest != dialled {
		n.understand(rest, p.Region)
	}
	return n
}

// understand reports whether it is a number of the public network, or is dialled as one of another country.
func (n *number) understand(text, region string) bool {
	abroad := strings.HasPrefix(text, "+") || strings.HasPrefix(text, "00") || strings.HasPrefix(text, "011")
	parsed, err := phonenumbers.Parse(text, region)
	if err != nil || !phonenumbers.IsValidNumber(parsed) && !strings.HasPrefix(text, "+") {
		n.international = n.international || abroad
		return abroad
	}
	n.parsed, n.e164 = parsed, phonenumbers.Format(parsed, phonenumbers.E164)
	n.country = fmt.Sprintf("+%d", parsed.GetCountryCode())
	home := int(parsed.GetCountryCode()) == phonenumbers.GetCountryCodeForRegion(region)
	// Countries that share a code, as the United States and Jamaica do, are other countries all the same.
	if other := phonenumbers.GetRegionCodeForNumber(parsed); home && other != "" && other != region {
		home = phonenumbers.GetCountryCodeForRegion(region) != 1 || other == "US" || other == "CA"
	}
	n.international = !home
	kind := phonenumbers.GetNumberType(parsed)
	n.premium = kind == phonenumbers.PREMIUM_RATE || kind == phonenumbers.SHARED_COST
	return true
}

func (p Policy) verdict(n number) string {
	allow, deny := p.longest(p.Allow, n), p.longest(p.Deny, n)
	switch {
	case deny >= 0 && deny >= allow:
		return "dial.deny in callboard.yaml names it"
	case n.premium && allow <= len(n.country):
		return "it is a premium-rate number"
	case allow >= 0:
		return ""
	case n.international:
		return "it is a number of another country"
	case n.code && len(n.dialled) > longestCode:
		return "it is a feature code with a number behind it"
	}
	return ""
}

// longest is the length of the longest prefix that fits; -1: none.
func (p Policy) longest(prefixes []string, n number) int {
	best := -1
	for _, prefix := range prefixes {
		if strings.HasPrefix(n.dialled, prefix) || n.e164 != "" && strings.HasPrefix(n.e164, prefix) {
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
