package line

import (
	"errors"
	"strings"
	"testing"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// SEC-24: which numbers are dialled, and as what. An empty want: denied, for the reason.
func TestPolicy(t *testing.T) {
	t.Parallel()
	us, dk := Policy{Region: "US"}, Policy{Region: "DK"}
	nine, zero := Policy{Region: "US", Outside: "9"}, Policy{Region: "DK", Outside: "0"}
	open := func(p Policy, allow ...string) Policy { p.Allow = allow; return p }
	shut := func(p Policy, deny ...string) Policy { p.Deny = deny; return p }
	tests := []struct {
		name   string
		policy Policy
		typed  string
		want   string
		reason string
	}{
		{"a colleague", us, "1002", "1002", ""},
		{"an emergency", us, "911", "911", ""},
		{"an emergency abroad", dk, "112", "112", ""},
		{"an emergency with the outside digit", nine, "9911", "9911", ""},
		{"as on a business card", us, "(202) 555-0143", "2025550143", ""},
		{"a number of the house's own plan", us, "95550199", "95550199", ""},
		{"E.164 at home", us, "+1 202 555 0143", "12025550143", ""},
		{"E.164 at home with an outside digit", nine, "+12025550143", "912025550143", ""},
		{"E.164 at home in Denmark", zero, "+45 33 12 34 56", "033123456", ""},
		{"kept in E.164", Policy{Region: "DK", E164: true}, "+4533123456", "+4533123456", ""},
		{"another country", us, "+4533123456", "", "another country"},
		{"another country by its prefix", us, "0114533123456", "", "another country"},
		{"another country behind an outside digit", us, "90114533123456", "", "another country"},
		{"another country behind the configured outside digit", nine, "90114533123456", "", "another country"},
		{"another country by 00", dk, "004930123456", "", "another country"},
		{"another country by 00 where that is not the prefix", us, "004930123456", "", "another country"},
		{"an island of the same country code", us, "+18765550143", "", "another country"},
		{"Canada is home to the United States", us, "+16135550143", "16135550143", ""},
		{"premium", us, "1 900 555 0143", "", "premium"},
		{"premium behind an outside digit", us, "919005550143", "", "premium"},
		{"premium in Denmark", dk, "90123456", "", "premium"},
		{"a code", us, "**1002", "**1002", ""},
		{"a code that forwards", us, "*720011234567", "", "feature code"},
		{"a country let in", open(us, "+45"), "+4533123456", "0114533123456", ""},
		{"all countries let in", open(us, "+"), "+4930123456", "0114930123456", ""},
		{"premium is not let in by its country", open(dk, "+45"), "90123456", "", "premium"},
		{"premium let in by name", open(dk, "+4590123456"), "90123456", "90123456", ""},
		{"a code let in", open(us, "*72"), "*7210021003", "*7210021003", ""},
		{"denied", shut(us, "1002"), "1002", "", "dial.deny"},
		{"denied in E.164", shut(us, "+1202"), "2025550143", "", "dial.deny"},
		{"the longer one decides", Policy{Region: "US", Deny: []string{"+45"}, Allow: []string{"+4533"}}, "+4533123456", "0114533123456", ""},
		{"of two alike deny decides", Policy{Region: "US", Deny: []string{"10"}, Allow: []string{"10"}}, "1002", "", "dial.deny"},
		{"nothing", us, " ", "", "not a number"},
		{"words", us, "call 1002", "", "not a number"},
		{"a second action", us, "1002\r\nAction: Command", "", "not a number"},
		{"two devices", us, "1002&PJSIP/1003", "", "not a number"},
		{"a plus inside", us, "12+34", "", "not a number"},
		{"other digits", us, "١٠٠٢", "", "not a number"},
		{"too long", us, strings.Repeat("1", 41), "", "not a number"},
	}
	for _, test := range tests {
		got, err := test.policy.Dialable(test.typed)
		if got != test.want {
			t.Errorf("%s: %q is dialled as %q (%v), want %q", test.name, test.typed, got, err, test.want)
		}
		known, ok := errors.AsType[*telephony.Error](err)
		if test.reason != "" && (!ok || !strings.Contains(known.Message, test.reason) || known.Remedy == "") {
			t.Errorf("%s: %q is refused with %v, want %q", test.name, test.typed, err, test.reason)
		}
	}
}

// SEC-24: nothing that is put before or behind a number hides where it goes. An empty reason: it is dialled.
func TestPolicyIsNotGoneRound(t *testing.T) {
	t.Parallel()
	in := func(region string) Policy { return Policy{Region: region} }
	outside := func(region, digits string) Policy { return Policy{Region: region, Outside: digits} }
	islands := Policy{Region: "US", Deny: []string{"+1876", "+1900"}}
	const abroad, premium, denied, long, invalid = "another country", "premium", "dial.deny", "more digits", "is not a number"
	tests := []struct {
		policy Policy
		reason string
		typed  string // numbers, with a space between
	}{
		{in("US"), invalid, "19002341234# 18762341234# 19002341234* 1900*2341234 1876234*1234 5551234#18762341234 +4533123456#"},
		{in("GB"), invalid, "09098790000#"},
		{islands, invalid, "18762341234#"},
		{islands, denied, "18762341234 187623412345 +187623412345 8762341234 87623412345 190023412349 918762341234"},
		{in("US"), premium, "190023412349 +190023412349 919002341234 9190023412341 101028819002341234"},
		{in("US"), abroad, "187623412345 +187623412345 187655512345 1010288011442079460958 10102880114420794609 01442079460958 9011442079460958 99011442079460958 999011442079460958 1019002341234"},
		{in("US"), long, "120255501431 +120255501431"},
		{in("US"), "", "411 0110 12025550143 2025550143 92025550143 912025550143 8005550143 5550143 95550199 100200"},
		{Policy{Region: "US", Deny: []string{"+1212"}}, denied, "12122341234 121223412345 122123412345 2122341234 92122341234"},
		{Policy{Region: "US", Allow: []string{"011"}, Deny: []string{"+88"}}, denied, "01188216000000 0118821600000012345678 011881612345678 +8821600000012345678"},
		{Policy{Region: "US", Allow: []string{"011"}}, premium, "011449098790000"},
		{Policy{Region: "US", Allow: []string{"+"}}, premium, "19002341234 +449098790000 +44909879000099 0114490987900009"},
		{Policy{Region: "US", Allow: []string{"+44"}}, premium, "+449098790000 +44909879000099 01144909879000099 0114490987900009"},
		{Policy{Region: "US", Allow: []string{"+44"}}, "", "+442079460958 011442079460958 9011442079460958"},
		{Policy{Region: "US", Allow: []string{"1"}}, premium, "19002341234"},
		{Policy{Region: "US", Allow: []string{"19002"}}, "", "19002341234"},
		{Policy{Region: "US", Allow: []string{"*72"}}, premium, "*7219002341234 *72#19002341234"},
		{Policy{Region: "US", Allow: []string{"*"}}, abroad, "*72011442079460958"},
		{outside("US", "9"), abroad, "9011442079460958 8011442079460958 89011442079460958 011442079460958 9918762341234"},
		{outside("US", "9"), premium, "919002341234 9190023412345 19002341234"},
		{outside("US", "9"), "", "912025550143 92025550143 12025550143 911 9911"},
		{in("GB"), premium, "09098790000 090987900001 +4490987900001 118118 118500 9118118 118118123"},
		{in("GB"), "", "999 112 02079460958 902079460958 0905 1180"},
		{in("DE"), premium, "0900123456789 090012345678 09001234567 11880 11833 118000"},
		{in("DE"), abroad, "00442079460958 8004420794609580"},
		{in("DE"), "", "030123456 0301234567 90301234567 9080044123456 110 112 4711"},
		{outside("DE", "0"), "", "00301234567 0030123456 0015112345678 0110"},
		{outside("DE", "0"), abroad, "000442079460958"},
		{outside("DE", "0"), premium, "009001234567 011880"},
		{in("FR"), premium, "0899123456 08991234567 118712 118008"},
		{in("FR"), "", "3201 0142345678"},
		{outside("FR", "0"), premium, "03201"},
		{in("JP"), abroad, "010442079460958 0104420794609580"},
		{in("RU"), abroad, "810442079460958 8104420794609580 +77012345678 87012345678 +770123456789"},
		{in("RU"), premium, "88091234567"},
		{in("RU"), "", "84951234567"},
		{in("KZ"), abroad, "84951234567 +74951234567"},
		{in("CU"), abroad, "119442079460958 11944207946095800"},
		{in("FI"), abroad, "990442079460958 99044207946095800 999044207946095800"},
		{in("DK"), premium, "90123456 901234567 990123456"},
		{in("DK"), "", "33123456 033123456 933123456 4533123456 1818"},
		{in("AU"), premium, "1900123456 19001234567"},
		{in("AU"), abroad, "0011442079460958"},
		{in("BR"), abroad, "0015442079460958"},
		{in("IE"), premium, "1520123456 152012345699"},
		{in("CN"), "", "8001234567 98001234567"},
		{in("KZ"), "", "87123456789 987123456789"},
		{in("HU"), "", "90612345678"},
		{in("FO"), premium, "901123 9901123"},
		{outside("FO", "9"), premium, "9901123"},
		{in("GL"), "", "9321000 9221234"},
		{outside("GL", "9"), "", "9321000 9221234"},
		{outside("IL", "0"), "", "01800123456"},
		{Policy{Region: "US", Deny: []string{"9"}}, "", "911"},
		{in("US"), "feature code", "*721001 **1234567 *90118118"},
	}
	for _, test := range tests {
		for typed := range strings.FieldsSeq(test.typed) {
			got, err := test.policy.Dialable(typed)
			known, ok := errors.AsType[*telephony.Error](err)
			if (test.reason == "") != (err == nil) || err != nil && (!ok || !strings.Contains(known.Message, test.reason) || known.Remedy == "") {
				t.Errorf("%+v: %s is dialled as %q (%v), want %q", test.policy, typed, got, err, test.reason)
			}
		}
	}
}
