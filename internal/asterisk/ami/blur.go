package ami

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Blur replaces who talks to whom in a recording: the same word by the same other word, the same number by the same other
// number, so that a tracker concludes the same from it. Only what is known to tell of no person stays: the values of some
// headers, the names of technologies, single letters, and numbers of fewer than seven digits, which are extensions. What
// was replaced by what is nowhere kept.
type Blur struct{ key [32]byte }

// NewBlur makes one whose replacements nobody can foretell.
func NewBlur() *Blur {
	b := &Blur{}
	rand.Read(b.key[:])
	return b
}

// stays are the headers whose values are the PBX's own words.
var stays = set("event", "response", "actionid", "privilege", "timestamp", "eventlist", "listitems", "uptime", "lastreload",
	"eventtv", "sessiontv", "seconds", "status", "state", "result", "desttype", "application", "reason", "cause", "cause-txt",
	"techcause", "dialstatus", "ping", "amiversion", "asteriskversion", "corestartupdate", "corestartuptime", "corereloaddate",
	"corereloadtime", "bridgeid", "bridgetype", "bridgetechnology", "bridgenumchannels", "bridgevideosourcemode")

// staysOfEach are the headers that a message has once for each of its channels: Uniqueid, DestUniqueid, SpyeeUniqueid.
var staysOfEach = []string{"uniqueid", "linkedid", "channelstate", "channelstatedesc", "context", "priority"}

// plainWords have a meaning to whoever replays: what kindOf knows, and what callers without a name or number are called.
var plainWords = set("pjsip", "sip", "sips", "tel", "iax", "dahdi", "local", "announcer", "bridge", "cbann", "cbrec", "message",
	"recorder", "snoop", "surrogate", "anonymous", "unknown", "unavailable", "restricted", "asterisk")

func set(words ...string) map[string]bool {
	s := map[string]bool{}
	for _, word := range words {
		s[word] = true
	}
	return s
}

var (
	greeting      = regexp.MustCompile(`^` + bannerPrefix + `[0-9.]*$`)
	channelNumber = regexp.MustCompile(`-[0-9a-f]{8}(;[12])?$`)

	// personal are an IPv4 address, an IPv6 address, a number however it is written, and a word in any script.
	personal = regexp.MustCompile(`\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b|\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}|` +
		`[0-9](?:[ ()./-]{0,3}[0-9])*|(?:[A-Za-z]|[^\x00-\x7f])+`)
)

// line blurs one line without its end. What is no header, or none as the PBX writes it, is the rest of somebody's torn
// text: nothing in it stays but its punctuation.
func (b *Blur) line(line []byte) []byte {
	key, value, found := bytes.Cut(line, []byte(":"))
	name := strings.ToLower(string(key))
	known := stays[name]
	for _, ending := range staysOfEach {
		known = known || strings.HasSuffix(name, ending) && !strings.ContainsAny(name, " ()")
	}
	switch {
	case found && known, !found && greeting.Match(line):
		return line
	case !found || !bytes.HasPrefix(value, []byte(" ")) || bytes.ContainsAny(key, " \\"):
		return []byte(b.text(string(line)))
	case name == "digit": // somebody may have typed a PIN
		return append(bytes.Clone(key), ": 0"...)
	}
	text := string(value)
	number := ""
	if strings.HasSuffix(name, "channel") {
		number = channelNumber.FindString(text)
	}
	return append(append(append(bytes.Clone(key), ':'), b.text(strings.TrimSuffix(text, number))...), number...)
}

func (b *Blur) text(text string) string {
	return personal.ReplaceAllStringFunc(text, func(found string) string {
		switch first := found[0]; {
		case strings.Count(found, ":") >= 2:
			return fmt.Sprintf("2001:db8::%x", b.hash(strings.ToLower(found))[:2])
		case first < '0' || first > '9':
			return b.word(found)
		case strings.Count(found, ".") == 3 && strings.Trim(found, ".0123456789") == "":
			sum := b.hash(found)
			return fmt.Sprintf("10.%d.%d.%d", sum[0], sum[1], sum[2])
		}
		return b.number(found)
	})
}

// word keeps the length, and which letters are capital.
func (b *Blur) word(word string) string {
	if len(word) == 1 && word[0] < utf8.RuneSelf || plainWords[strings.ToLower(word)] {
		return word
	}
	sum, i := b.hash(strings.ToLower(word)), 0
	return strings.Map(func(was rune) rune {
		letter := 'a' + rune(sum[i%len(sum)]%26)
		i++
		if was >= 'A' && was <= 'Z' {
			letter += 'A' - 'a'
		}
		return letter
	}, word)
}

// number keeps how it is written, and the zeros it begins with. Each digit depends on itself and on those behind it: a
// number with a prefix or a country's code ends as the same number without.
func (b *Blur) number(written string) string {
	out := []byte(written)
	var behind []byte
	for i := len(out) - 1; i >= 0; i-- {
		if digit := out[i]; digit >= '0' && digit <= '9' {
			out[i] = '0' + (digit-'0'+b.hash("number " + string(behind))[0]%10)%10
			behind = append(behind, digit)
		}
	}
	if len(behind) < 7 {
		return written
	}
	for i := 0; i < len(written) && written[i] == '0'; i++ {
		out[i] = '0'
	}
	return string(out)
}

func (b *Blur) hash(text string) []byte {
	mac := hmac.New(sha256.New, b.key[:])
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
