package line

import (
	"strings"
	"testing"
)

// TestNormal: values that say the same read equal, whoever has written them, and others do not (B-3).
func TestNormal(t *testing.T) {
	t.Parallel()
	normal := Normal("US")
	for _, c := range []struct {
		field string
		equal []string
		other []string
	}{
		{"party.name", []string{"Ann Holm", " ann  holm", "ANN\tHOLM"}, []string{"Ann Holme", "AnnHolm"}},
		{"party.number", []string{"+12025550143", "(202) 555-0143", "202.555.0143", "1 202 555 0143", "tel:+1-202-555-0143"}, []string{"+4520255501", "2025550144"}},
		{"party.number_raw", []string{"2025550143", "+1 202 555 0143"}, []string{"1001"}},
		{"x.crm.number", []string{"2025550143", "+1 202 555 0143"}, nil},
		{"party.email", []string{"Ann@Example.com", "ann@EXAMPLE.com ", "mailto:ann@example.com"}, []string{"ann@example.org"}},
		{"x.crm.email", []string{"Ann@Example.com", "ann@example.com"}, nil},
		{"party.website", []string{"https://Example.com", "https://example.com/", "HTTPS://example.com:443", "example.com", "https://example.com."},
			[]string{"http://example.com", "https://example.com:8443", "https://www.example.com", "https://example.com/a"}},
		{"party.website", []string{"https://example.com/People/", "EXAMPLE.com/People"}, []string{"https://example.com/people", "https://example.com/People?x=1"}},
		{"party.website", []string{"http://example.com:80/?Q=1", "HTTP://example.com/?Q=1"}, []string{"http://example.com/?q=1"}},
		{"x.crm.url", []string{"https://[2001:DB8::1]:443/", "https://[2001:db8::1]"}, nil},
		{"party.website", []string{"No web address", "no  WEB address"}, []string{"no"}},
		{"party.website", []string{"javascript:alert(1)"}, []string{"javascript:alert(2)"}},
		{"party.image", []string{"data:image/png;base64,AbC="}, []string{"data:image/png;base64,aBC="}},
		{"party.ip", []string{"2001:db8:0:0:0:0:0:1", "2001:DB8::1", "[2001:db8::1]"}, []string{"2001:db8::2"}},
		{"party.ip", []string{"192.0.2.1", "::ffff:192.0.2.1", "::FFFF:c000:201"}, []string{"192.0.2.10", "192.000.002.001"}},
		{"party.company", []string{"https://Example.com/A", "HTTPS://example.com/a"}, nil}, // no field of addresses
	} {
		want := normal(c.field, c.equal[0])
		for _, value := range c.equal {
			if got := normal(c.field, value); got != want {
				t.Errorf("%s: %q reads %q, and %q reads %q", c.field, value, got, c.equal[0], want)
			}
		}
		for _, value := range c.other {
			if got := normal(c.field, value); got == want {
				t.Errorf("%s: %q reads %q, as %q does", c.field, value, got, c.equal[0])
			}
		}
	}
}

// FuzzNormal: the one form of a value is its own form.
func FuzzNormal(f *testing.F) {
	for _, value := range []string{"https://a@[::1]:443/%2f/", "//", "+1", "::ffff:1.2.3.4%eth0", "http://%zz", "data:,", "\xff", "..", "a.://b", " a b", "a  b", "a b ", "a\tb", "a\u00a0b", " "} {
		f.Add(value)
	}
	normal := Normal("DK")
	f.Fuzz(func(t *testing.T, value string) {
		if got, want := spaced(value), strings.Join(strings.Fields(value), " "); got != want {
			t.Errorf("%q is spaced %q, not %q", value, got, want)
		}
		for _, field := range []string{"party.website", "party.ip", "party.name"} {
			once := normal(field, value)
			if twice := normal(field, once); twice != once {
				t.Errorf("%s: %q reads %q, and that %q", field, value, once, twice)
			}
		}
	})
}
