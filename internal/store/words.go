package store

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Words are taken apart here, the same way for what is kept and for what is looked for. FTS5 only parts them at the spaces: its own
// tokenizer knows the letters of another version of Unicode than this program, and leaves ø and ß as they are.

// Bounds of what is kept of one record's words of one kind.
const (
	maxWord  = 64 // bytes
	maxWords = 4096

	shortestNumber = 5 // digits of one among other words
)

// plain are letters that no decomposition makes plain.
var plain = strings.NewReplacer("ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ħ", "h", "ı", "i")

// words are the words of a text, folded: small letters without marks, and digits. Scripts that are written without spaces
// come letter by letter.
func words(text string) []string {
	var out []string
	var word strings.Builder
	end := func() {
		if w := word.String(); w != "" {
			for len(w) > maxWord {
				w = w[:len(w)-1]
			}
			out = append(out, strings.ToValidUTF8(w, ""))
			word.Reset()
		}
	}
	for _, r := range plain.Replace(strings.ToLower(norm.NFKD.String(strings.ToValidUTF8(text, " ")))) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
			end()
			word.WriteRune(r)
			end()
		case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.Mc, r):
			word.WriteRune(r)
		default:
			end()
		}
		if len(out) == maxWords {
			return out
		}
	}
	end()
	return out
}

// keptWords are the words of a text as the index keeps them: each once, and the numbers in it also as numbers.
func keptWords(text string) string {
	all := words(text)
	for _, p := range numberParts(text) {
		if p.number && len(digits(p.text)) >= shortestNumber {
			all = append(all, strings.Fields(keptDigits(p.text))...)
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

// longestCountry is how many digits a country code has at most (ITU-T E.164).
const longestCountry = 3

// keptDigits are the beginnings from which a number may be typed: with its country code, without it, whichever length that has, and
// its last four digits.
func keptDigits(numbers ...string) string {
	var out []string
	for _, number := range numbers {
		d := digits(number)
		if d == "" {
			continue
		}
		for skip := range min(longestCountry, max(len(d)-4, 0)) + 1 {
			out = append(out, d[skip:])
		}
		out = append(out, d[max(len(d)-4, 0):])
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), " ")
}

// digits are those of a number, without the zeros that stand before it where it is dialled.
func digits(number string) string {
	all := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, number)
	if some := strings.TrimLeft(all, "0"); some != "" {
		all = some
	}
	if len(all) > maxWord {
		all = all[:maxWord]
	}
	return all
}

// syntax is how a database is asked for words.
type syntax struct {
	and, or string
	// term looks for a word in any of the columns, or for those that begin so.
	term func(word string, columns []string, begins bool) string
	// facets looks for rows of some facets; nil: the rows are asked.
	facets func(ids []int64) string
	// from has the rows that are searched as i; n is their place, match takes an expression.
	from, n, match string
	// join keeps the order in which tables are read, where the database does not find it by itself.
	join string
}

// lookedFor makes an expression of what somebody types: all words in any of the columns, the last one perhaps not yet whole. What looks
// like a number, with whatever stands between its digits, is looked for as one too. Nothing of it is read as the database's syntax: a word
// has letters and digits only, and stands in quotes. Empty: there is no word in it.
func (y *syntax) lookedFor(text string, columns []string) string {
	var all []string
	parts := numberParts(text)
	for i, p := range parts {
		last := i == len(parts)-1
		var each []string
		found := words(p.text)
		for j, w := range found {
			each = append(each, y.term(w, columns, last && j == len(found)-1))
		}
		expression := strings.Join(each, y.and)
		if number := digits(p.text); p.number && number != "" {
			expression = "(" + y.term(number, columns, true) + y.or + "(" + expression + "))"
		}
		if expression != "" {
			all = append(all, expression)
		}
	}
	return strings.Join(all, y.and)
}

// fts5 is SQLite's.
var fts5 = syntax{
	and: " AND ", or: " OR ",
	term: func(word string, columns []string, begins bool) string {
		t := "{" + strings.Join(columns, " ") + `} : "` + word + `"`
		if begins {
			t += " *"
		}
		return t
	},
	facets: func(ids []int64) string { return "facet : (" + strings.Join(quoted(ids), " OR ") + ")" },
	from:   "call_index i", n: "i.rowid", match: "call_index MATCH ?", join: "CROSS JOIN",
}

// part is a piece of what is typed; number: one made of digits and of what stands between those of a number.
type part struct {
	text   string
	number bool
}

func numberParts(text string) []part {
	var out []part
	for field := range strings.FieldsSeq(text) {
		bare := strings.Trim(field, ",;:!?\"'")
		number := strings.Trim(bare, "+0123456789-./()") == "" && strings.ContainsAny(bare, "0123456789(+")
		if n := len(out); n > 0 && number && out[n-1].number {
			out[n-1].text += " " + field
			continue
		}
		out = append(out, part{field, number})
	}
	return out
}
