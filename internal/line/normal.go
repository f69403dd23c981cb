package line

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Normal makes values comparable, for a board (B-3): numbers as E.164, web addresses and IP addresses in the one form that
// each has, all else without regard to case and spacing. What cannot be read as what its field is counts as any other text.
func Normal(region string) func(field, value string) string {
	return func(field, value string) string {
		plain := strings.ToLower(spaced(value))
		switch word := field[strings.LastIndexByte(field, '.')+1:]; word {
		case "number", "number_raw":
			if e164, ok := E164(value, region); ok {
				return e164
			}
		case "email":
			return strings.TrimPrefix(plain, "mailto:")
		case "ip":
			if addr, err := netip.ParseAddr(strings.Trim(plain, "[]")); err == nil {
				return addr.Unmap().String()
			}
		case "website", "url", "image":
			if address, ok := webAddress(strings.TrimSpace(value)); ok {
				return address
			}
		}
		return plain
	}
}

// spaced is a text with one space between its words, and none around them. Most are so already.
func spaced(text string) string {
	before := byte(' ')
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c >= utf8.RuneSelf || c == ' ' && before == ' ' {
			return strings.Join(strings.Fields(text), " ")
		}
		before = c
	}
	return strings.TrimSuffix(text, " ")
}

// webAddress is a web address in one form (RFC 3986, 6.2): scheme and host in lower case, no default port, no slash at the
// end. What comes without a scheme is taken for https, as a browser does. Paths keep their case, for servers tell it apart.
func webAddress(text string) (string, bool) {
	if strings.Trim(text, " \t\n") == "" || strings.ContainsAny(text, " \t\n") {
		return "", false
	}
	if !strings.Contains(text, "://") {
		if strings.HasPrefix(strings.ToLower(text), "data:") {
			return text, true
		}
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return "", false
	}
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if scheme != "http" && scheme != "https" {
		return "", false
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if host == "" || strings.HasPrefix(host, ".") || strings.HasSuffix(host, ".") {
		return "", false
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && !(scheme == "http" && port == "80") && !(scheme == "https" && port == "443") {
		host += ":" + port
	}
	if u.User != nil {
		host = u.User.String() + "@" + host
	}
	out := scheme + "://" + host + strings.TrimRight(u.EscapedPath(), "/")
	if u.RawQuery != "" {
		out += "?" + u.RawQuery
	}
	if u.Fragment != "" {
		out += "#" + u.EscapedFragment()
	}
	return out, true
}
