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
