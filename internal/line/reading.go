package line

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
)

const (
	longestExtension  = 6 // what is no longer is a number of the house, unless it is a short one that costs
	shortestWhole     = 5 // digits of a number of the public network, on an island
	digitsOutside     = 3 // so many digits may stand before a number for an outside line that nobody told of
	shortestAbroad    = 7 // digits behind an international prefix
	shortestNational  = 8 // digits of which a denied beginning is looked for, even in what is no number of a plan
	longestCallingFor = 3 // digits of a country code (E.164)
)

// number is what is known of a number that is to be dialled.
type number struct {
	dialled   string
	code      bool // begins with * or #
	emergency bool
	readings  []reading // what it may be, one at least, unless it is a code or an emergency number
	parsed    *phonenumbers.PhoneNumber
}

// reading is what a number is if it is read in one way: with or without a digit for an outside line, a carrier's code and so
// on. What stands behind a whole number does not change where the call goes, so it does not change what the number is.
type reading struct {
	e164     string // with all digits that are dialled, so it may be too long; empty: an extension
	begins   int    // where in what is dialled the number within its country begins
	country  string // +45
	known    bool   // it is, or begins with, a number of the public network, or is dialled as one of another country
	exact    bool   // it is a whole number
	overlong bool   // it begins with one
	home     bool   // of the region
	premium  bool
	local    bool // it would be dialled so only within a town, for it has not the 0 or 8 with which numbers begin
	settled  bool // nobody would mean it otherwise
}

// read finds out what a number may be. With digits for an outside line before it, it is read without those too: a rule that a
// 9 gets round is none.
func (p Policy) read(dialled string) number {
	n := number{dialled: dialled, code: strings.ContainsAny(dialled[:1], "*#")}
	rest, outside := strings.CutPrefix(dialled, p.Outside)
	outside = outside && p.Outside != "" && rest != ""
	n.emergency = phonenumbers.IsEmergencyNumber(dialled, p.Region) || outside && phonenumbers.IsEmergencyNumber(rest, p.Region)
	if n.code || n.emergency {
		return n
	}
	if international, ok := strings.CutPrefix(dialled, "+"); ok {
		if parsed, err := phonenumbers.Parse(dialled, p.Region); err == nil {
			n.parsed = parsed
		}
		n.readings = []reading{p.abroad(international, 1)}
		return n
	}
	if outside {
		n.readings = p.readings(rest, len(p.Outside), 0)
	}
	if last := len(n.readings) - 1; last < 0 || !n.readings[last].settled {
		n.readings = append(n.readings, p.readings(dialled, 0, digitsOutside)...)
	}
	if len(n.readings) == 0 {
		n.readings = []reading{{}}
	}
	return n
}

// readings reads digits that stand at a place in what is dialled, and again without up to so many of the first.
func (p Policy) readings(digits string, at, without int) []reading {
	if short := p.short(digits, at > 0); short != nil {
		short.begins = at
		return []reading{*short}
	}
	var all []reading
	whole := false
	for k := 0; k <= without && len(digits)-k >= shortestWhole; k++ {
		r := p.classify(digits[k:], at+k, k > 0)
		if len(digits)-k <= longestExtension && !(r.exact && (r.premium || at+k > 0)) {
			continue // an extension
		}
		if k > 0 && whole && !r.exact && !r.overlong {
			continue // the 00 of an 800
		}
		settled := r.settled || at > 0 && r.exact && r.home && !r.premium
		if settled && r.home && r.exact && k == 1 {
			all = slices.DeleteFunc(all, func(r reading) bool { return r.local })
		}
		if r.e164 != "" {
			all = append(all, r)
		}
		if settled {
			all[len(all)-1].settled = true
			return all
		}
		whole = whole || r.exact && r.home
	}
	if without > 0 && len(digits) > longestExtension && !whole {
		if short := p.short(digits[1:], true); short != nil {
			short.begins = at + 1
			all = append(all, *short)
		}
	}
	return all
}

// carrierCode is dialled before a number in North America for the carrier that is to take it (NANPA, CIC codes).
var carrierCode = regexp.MustCompile(`^(?:101\d{4})+`)

// classify reads digits as they are; stripped: it is not sure that they are dialled at all.
func (p Policy) classify(digits string, at int, stripped bool) reading {
	own := phonenumbers.GetCountryCodeForRegion(p.Region)
	if code := carrierCode.FindString(digits); own == 1 && code != "" {
		digits, at = digits[len(code):], at+len(code)
	}
	plan := plans()[p.Region]
	if plan == nil {
		plan = &phonenumbers.PhoneMetadata{}
	}
	if pattern := plan.GetInternationalPrefix(); pattern != "" {
		if r, ok := p.behind(prefixOf(pattern), digits, at, stripped); ok {
			return r
		}
	}
	r := p.national(digits, at, own, plan.GetNationalPrefix())
	if r.exact && r.home {
		return r
	}
	general := "00|011"
	if own == 1 {
		general = "00|011?" // 01: by the operator
	}
	if r, ok := p.behind(prefixOf(general), digits, at, stripped); ok {
		return r
	}
	return r
}

// behind reads what stands behind an international prefix.
func (p Policy) behind(prefix *regexp.Regexp, digits string, at int, stripped bool) (reading, bool) {
	found := prefix.FindString(digits)
	rest := digits[len(found):]
	if found == "" || stripped && len(rest) < shortestAbroad {
		return reading{}, false
	}
	r := p.abroad(rest, at+len(found))
	if stripped && r.country == "" {
		return reading{}, false
	}
	return r, true
}

// abroad reads digits that begin with a country code.
func (p Policy) abroad(digits string, at int) reading {
	r := reading{e164: "+" + digits, begins: at, known: true}
	own := phonenumbers.GetCountryCodeForRegion(p.Region)
	for i := 1; i <= longestCallingFor && i < len(digits); i++ {
		if code, err := strconv.Atoi(digits[:i]); err == nil && digits[0] != '0' && phonenumbers.GetSupportedCallingCodes()[code] {
			r.country, r.home, r.settled = "+"+digits[:i], code == own, true
			r.begins += i
		}
	}
	p.longestNumber(&r, digits, "+")
	return r
}

// national reads digits as they are dialled within the region.
func (p Policy) national(digits string, at, own int, trunk string) reading {
	r := reading{begins: at, country: fmt.Sprintf("+%d", own), home: true}
	within := strings.TrimPrefix(digits, trunk)
	r.begins += len(digits) - len(within)
	if len(digits) >= shortestNational {
		r.e164 = r.country + within
	}
	p.longestNumber(&r, digits, "")
	r.local = trunk != "" && trunk != "1" && !strings.HasPrefix(digits, trunk)
	r.settled = r.exact && r.home && !r.premium && !r.local
	return r
}

// longestNumber looks for the longest beginning of digits that is a number of a plan: it decides what the number is.
func (p Policy) longestNumber(r *reading, digits, plus string) {
	for n := min(len(digits), 20); n > 3; n-- {
		parsed, err := phonenumbers.Parse(plus+digits[:n], p.Region)
		if err != nil || !phonenumbers.IsValidNumber(parsed) {
			continue
		}
		r.known, r.exact, r.overlong = true, n == len(digits), n < len(digits)
		r.e164 = phonenumbers.Format(parsed, phonenumbers.E164) + digits[n:]
		r.country = fmt.Sprintf("+%d", parsed.GetCountryCode())
		r.home = p.isHome(parsed)
		kind := phonenumbers.GetNumberType(parsed)
		r.premium = kind == phonenumbers.PREMIUM_RATE || kind == phonenumbers.SHARED_COST
		return
	}
}

// isHome reports whether a number is one of the region. Countries that share a code with others, as the United States do
// with Jamaica and Russia with Kazakhstan, are other countries all the same; Canada is no further than the next state.
func (p Policy) isHome(n *phonenumbers.PhoneNumber) bool {
	own := phonenumbers.GetCountryCodeForRegion(p.Region)
	if int(n.GetCountryCode()) != own {
		return false
	}
	switch region := phonenumbers.GetRegionCodeForNumber(n); {
	case region == "" || region == p.Region:
		return true
	case own == 1:
		return region == "US" || region == "CA"
	default:
		return own != 7
	}
}

// short reads a short number that costs; nil: it is none. Directory enquiries are at 118 in most of Europe, and put calls
// through. Other short ones are told from extensions by what stands before them, or by a 1. Those of North America are for
// messages.
func (p Policy) short(digits string, behindOutside bool) *reading {
	own := phonenumbers.GetCountryCodeForRegion(p.Region)
	if own == 1 || own == 0 || len(digits) < 4 {
		return nil
	}
	costs := false
	if strings.HasPrefix(digits, "118") && len(digits) >= 5 {
		r := reading{}
		p.longestNumber(&r, digits, "")
		costs = !r.exact
	}
	if plan := shortPlans()[p.Region]; !costs && plan != nil && len(digits) <= longestExtension && (behindOutside || len(digits) > 4 && digits[0] == '1') {
		costs = phonenumbers.MatchNationalNumber(digits, plan.GetPremiumRate(), false)
	}
	if !costs {
		return nil
	}
	return &reading{premium: true, home: true}
}

// plans are the numbering plans, by region.
var plans = sync.OnceValue(func() map[string]*phonenumbers.PhoneMetadata { return byRegion(phonenumbers.MetadataCollection()) })

var shortPlans = sync.OnceValue(func() map[string]*phonenumbers.PhoneMetadata {
	return byRegion(phonenumbers.ShortNumberMetadataCollection())
})

func byRegion(all *phonenumbers.PhoneMetadataCollection, err error) map[string]*phonenumbers.PhoneMetadata {
	regions := map[string]*phonenumbers.PhoneMetadata{}
	if err != nil { // they are within the program, and read already when it begins
		return regions
	}
	for _, plan := range all.GetMetadata() {
		regions[plan.GetId()] = plan
	}
	return regions
}

var prefixes sync.Map // of pattern: *regexp.Regexp

func prefixOf(pattern string) *regexp.Regexp {
	if known, ok := prefixes.Load(pattern); ok {
		return known.(*regexp.Regexp)
	}
	made := regexp.MustCompile("^(?:" + pattern + ")")
	prefixes.Store(pattern, made)
	return made
}
