package telephony

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

// MaxGraphemes bounds what is shown of a name or number.
const MaxGraphemes = 128

// maxCluster bounds one grapheme, in bytes: a family of emoji has about 40, a letter under a thousand accents has no end.
const maxCluster = 64

// Display makes hostile text fit to be shown (B-7): valid UTF-8 in NFC, on one line, without control and bidirectional
// control characters and without invisible spaces, at most MaxGraphemes long. Line breaks and tabs become one space. It
// never fails.
func Display(raw string) string {
	if plain(raw) {
		return raw
	}
	rest, state := strings.Join(strings.Fields(Clean(raw)), " "), -1
	var out strings.Builder
	for n := 0; n < MaxGraphemes && rest != ""; n++ {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		out.WriteString(cut(cluster, maxCluster))
	}
	return strings.TrimRight(out.String(), " ")
}

// cut is the beginning of s, at most so many bytes, without half a character at its end.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// Clean is Display for longer text: line feeds and tabs stay, length is not bounded.
func Clean(raw string) string {
	if plain(raw) {
		return raw
	}
	text := strings.ReplaceAll(strings.ToValidUTF8(raw, "\uFFFD"), "\r\n", "\n")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\u2028' || r == '\u2029' || r == '\v' || r == '\f':
			return '\n'
		case unicode.Is(unicode.Cc, r), bidiControl(r), invisible(r):
			return -1
		}
		return r
	}, text)
	return norm.NFC.String(text)
}

// plain is the common case: short printable ASCII needs no work.
func plain(s string) bool {
	if len(s) > MaxGraphemes {
		return false
	}
	previous := byte(' ')
	for i := range len(s) {
		c := s[i]
		if c < 0x20 || c >= 0x7f || c == ' ' && previous == ' ' {
			return false
		}
		previous = c
	}
	return s == "" || previous != ' '
}

// bidiControl names the characters that can make text read other than it is written (Unicode TR 36, UTS 9).
func bidiControl(r rune) bool {
	return r == '\u061C' || r == '\u200E' || r == '\u200F' || r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069'
}

// invisible names the characters that take no place and have no use in a name. Joiners stay: emoji and several scripts need
// them.
func invisible(r rune) bool { return r == '\u200B' || r == '\u2060' || r == '\uFEFF' }

// DisplayParty is a party made fit to be shown; what differed is kept raw.
func DisplayParty(number, name string) Party {
	p := Party{Number: Display(number), Name: Display(name)}
	if p.Number != number {
		p.RawNumber = keepRaw(number)
	}
	if p.Name != name {
		p.RawName = keepRaw(name)
	}
	return p
}

// keepRaw bounds raw text so that a hostile caller cannot fill the store.
func keepRaw(s string) string {
	const most = 1024
	return strings.ToValidUTF8(cut(s, most), "\uFFFD")
}
