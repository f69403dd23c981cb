package ami

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
)

// Blur replaces who talks to whom in a recording, the same number by the same other number, the same name by the same other
// name, so that a tracker concludes the same from it. Numbers of fewer than seven digits stay: they are extensions. What was
// replaced by what is nowhere kept.
type Blur struct {
	key   [32]byte
	names map[string]string
}

// NewBlur makes one whose replacements nobody can foretell.
func NewBlur() *Blur {
	b := &Blur{names: map[string]string{}}
	rand.Read(b.key[:])
	return b
}

var longNumber = regexp.MustCompile(`[0-9]{7,}`)

// value blurs one header's value.
func (b *Blur) value(key, value string) string {
	key = strings.ToLower(key)
	switch {
	case key == "timestamp" || key == "uptime" || key == "lastreload" || key == "seconds" || key == "eventtv":
		return value
	case strings.HasSuffix(key, "calleridname") || strings.HasSuffix(key, "connectedlinename") || key == "membername":
		return b.name(value)
	}
	return longNumber.ReplaceAllStringFunc(value, b.number)
}

func (b *Blur) name(name string) string {
	if name == "" || name == string(unknown) {
		return name
	}
	if b.names[name] == "" {
		b.names[name] = fmt.Sprintf("Name %d", len(b.names)+1)
	}
	return b.names[name]
}

// number keeps the first two digits and the length, by which a number's kind is known.
func (b *Blur) number(digits string) string {
	mac := hmac.New(sha256.New, b.key[:])
	mac.Write([]byte(digits))
	sum := mac.Sum(nil)
	out := []byte(digits)
	for i := 2; i < len(out); i++ {
		out[i] = '0' + sum[i%len(sum)]%10
	}
	return string(out)
}
