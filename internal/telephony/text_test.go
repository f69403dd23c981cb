package telephony

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

const family = "👨‍👩‍👧‍👦" // one grapheme of seven characters

// B-7: what is shown of hostile text.
func TestDisplay(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, raw, display, clean string }{
		{"plain", "Bob Caller", "Bob Caller", "Bob Caller"},
		{"empty", "", "", ""},
		{"only spaces", "  \t ", "", "  \t "},
		{"spaces around and between", "  Bob   Caller ", "Bob Caller", "  Bob   Caller "},
		{"line breaks", "Bob\r\nCaller\rX\nY", "Bob Caller X Y", "Bob\nCaller\nX\nY"},
		{"Unicode line breaks", "a\u2028b\u2029c\u0085d\vx\fy", "a b cd x y", "a\nb\ncd\nx\ny"},
		{"NUL and other controls", "B\x00o\x07b\x7f\u009b", "Bob", "Bob"},
		{"NUL between CR and LF", "a\r\x00\nb", "a b", "a\n\nb"},
		{"right-to-left override", "abc\u202Egnp.exe", "abcgnp.exe", "abcgnp.exe"},
		{"isolates and marks", "\u2066a\u2067b\u2068c\u2069\u200Ed\u200Fe\u061C", "abcde", "abcde"},
		{"invisible spaces", "B\u200Bo\u2060b\uFEFF", "Bob", "Bob"},
		{"joiners stay", family + " می‌خواهم", family + " می‌خواهم", family + " می‌خواهم"},
		{"no-break space", "Bob\u00a0Caller", "Bob Caller", "Bob\u00a0Caller"},
		{"decomposed", "A\u030Ase", "Åse", "Åse"},
		{"composed after removing", "A\u200B\u030Ase", "Åse", "Åse"},
		{"other alphabets", "李雷 Ωμέγα", "李雷 Ωμέγα", "李雷 Ωμέγα"},
		{"invalid UTF-8", "B\xffob\xc3", "B\ufffdob\ufffd", "B\ufffdob\ufffd"},
		{"overlong UTF-8", "\xc0\xafx", "\ufffdx", "\ufffdx"},
		{"surrogate", "\xed\xa0\x80x", "\ufffdx", "\ufffdx"},
		{"programs", "' OR 1=1-- $(id) =cmd() <img onerror>", "' OR 1=1-- $(id) =cmd() <img onerror>", "' OR 1=1-- $(id) =cmd() <img onerror>"},
	}
	for _, test := range tests {
		if got := Display(test.raw); got != test.display {
			t.Errorf("%s: Display(%q) is %q, want %q", test.name, test.raw, got, test.display)
		}
		if got := Clean(test.raw); got != test.clean {
			t.Errorf("%s: Clean(%q) is %q, want %q", test.name, test.raw, got, test.clean)
		}
	}
}

func TestDisplayIsBounded(t *testing.T) {
	t.Parallel()
	const million = 1 << 20
	tests := []struct {
		name, raw string
		graphemes int
	}{
		{"letters", strings.Repeat("a", million), 128},
		{"128 letters", strings.Repeat("a", 128), 128},
		{"emoji", strings.Repeat(family, 200), 128},
		{"accents without end", "a" + strings.Repeat("\u0301", million), 1},
		{"a space at the cut", strings.Repeat("a", 127) + " b", 127},
		{"zero bytes", strings.Repeat("\x00", million), 0},
		{"broken bytes", strings.Repeat("\xff", million), 1}, // a run of them reads as one
	}
	for _, test := range tests {
		got := Display(test.raw)
		if n := uniseg.GraphemeClusterCount(got); n != test.graphemes || len(got) > MaxGraphemes*maxCluster {
			t.Errorf("%s: %d graphemes in %d bytes, want %d", test.name, n, len(got), test.graphemes)
		}
	}
	if got := Clean(strings.Repeat("å\n", million)); len(got) != 3*million {
		t.Errorf("Clean cut a long text to %d bytes", len(got))
	}
}

func TestDisplayParty(t *testing.T) {
	t.Parallel()
	if got := DisplayParty("5551", "Bob"); got != (Party{Number: "5551", Name: "Bob"}) {
		t.Errorf("got %+v", got)
	}
	got := DisplayParty("5551\r\nX: 1", "Bo\xffb")
	if got.Number != "5551 X: 1" || got.RawNumber != "5551\r\nX: 1" || got.Name != "Bo\ufffdb" || got.RawName != "Bo\ufffdb" {
		t.Errorf("got %+v", got)
	}
	for _, c := range []string{"a", "å", "李", "👍"} {
		for shift := range 4 {
			raw := DisplayParty("", strings.Repeat("x", shift)+strings.Repeat(c, 2000)).RawName
			if len(raw) > 1024 || len(raw) < 1021 || strings.Contains(raw, "\ufffd") {
				t.Errorf("raw text of %q, moved by %d, is kept to %d bytes ending in %q", c, shift, len(raw), raw[len(raw)-4:])
			}
		}
	}
}

// What holds for every string that is shown.
func checkShown(t interface {
	Helper()
	Fatalf(string, ...any)
}, raw string) {
	t.Helper()
	got := Display(raw)
	switch {
	case !utf8.ValidString(got) || !norm.NFC.IsNormalString(got):
		t.Fatalf("Display(%q) is %q: not valid UTF-8 in NFC", raw, got)
	case strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) || bidiControl(r) || r == '\u2028' || r == '\u2029' }):
		t.Fatalf("Display(%q) is %q: a control character", raw, got)
	case uniseg.GraphemeClusterCount(got) > MaxGraphemes || len(got) > MaxGraphemes*maxCluster:
		t.Fatalf("Display(%q) has %d graphemes in %d bytes", raw, uniseg.GraphemeClusterCount(got), len(got))
	case strings.TrimSpace(got) != got || strings.Contains(got, "  "):
		t.Fatalf("Display(%q) is %q: loose spaces", raw, got)
	case Display(got) != got:
		t.Fatalf("Display(%q) is %q, and that displayed %q", raw, got, Display(got))
	}
	if clean := Clean(raw); !utf8.ValidString(clean) || Clean(clean) != clean {
		t.Fatalf("Clean(%q) is %q, and that cleaned %q", raw, clean, Clean(clean))
	}
}

func TestShownProperties(t *testing.T) {
	t.Parallel()
	odd := rapid.SampledFrom([]string{"\r", "\n", "\x00", "\u202e", "\u200b", "\u200d", "\u0301", "\u0345", "\u1100", "\u1161", "\u11a8", "👨", "👩", "🇩", "🇰", "\xff", "\xe2\x80", "å", " ", "a", "\u0e33", "\u0903"})
	rapid.Check(t, func(t *rapid.T) {
		checkShown(t, strings.Join(rapid.SliceOfN(odd, 0, 300).Draw(t, "text"), ""))
		checkShown(t, rapid.String().Draw(t, "any"))
	})
}

func FuzzDisplay(f *testing.F) {
	for _, seed := range []string{"Bob", "a\r\nb", "\u202Ex", family, "A\u030A", "\xff\xfe", strings.Repeat("a\u0301", 200), strings.Repeat("\u0301", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) { checkShown(t, raw) })
}

func TestCauseOf(t *testing.T) {
	t.Parallel()
	for q850, want := range map[int]CauseKind{0: CauseUnknown, 1: CauseUnreachable, 16: CauseNormal, 17: CauseBusy, 19: CauseNoAnswer,
		21: CauseRejected, 26: CauseAnsweredElsewhere, 38: CauseNetwork, 127: CauseUnknown, -5: CauseUnknown, 999: CauseUnknown} {
		if got := CauseOf(q850, "x"); got.Kind != want || got.Q850 != q850 || got.Native != "x" {
			t.Errorf("CauseOf(%d) is %+v, want %s", q850, got, want)
		}
	}
}

func TestError(t *testing.T) {
	t.Parallel()
	e := &Error{Code: CodeInvalid, Message: "no number"}
	if e.Error() != "no number" {
		t.Errorf("got %q", e.Error())
	}
	e.Remedy = "type one"
	if e.Error() != "no number: type one" {
		t.Errorf("got %q", e.Error())
	}
}
