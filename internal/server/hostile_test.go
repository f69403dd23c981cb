package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/telephony"
)

var hostile = []string{
	"a\r\nid: forged:99\r\nevent: reset\r\ndata: {}\r\n\r\n", "a\n\ndata: x\n\n", "a\rdata: x\r\r", "</script><script>alert(1)</script>", `","x":"y`, `'"\`, "\u2028\u2029", "\x00\x01\x1b[2J",
	"\u202egnp.exe", "\u2066x\u2069\u2067y", "a\u200bb\u2060c\ufeff", "p\u0430yp\u0430l", "a\xff\xfeb", "\xed\xa0\x80\xed\xbf\xbf", "\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf", "\ufeffbom", "a" + strings.Repeat("\u0301", 2000),
	"' OR 1=1--", "$(id)", "=cmd()", "{{7*7}}", "<img src=x onerror=alert(1)>", strings.Repeat("💥", 300), "Åse 李",
}

// fit says what of an answer's texts is not fit to be shown (B-7); names are those that must be on one line, and short.
func fit(value any, name string) error {
	switch v := value.(type) {
	case map[string]any:
		for key, part := range v {
			if err := fit(part, key); err != nil {
				return err
			}
		}
	case []any:
		for _, part := range v {
			if err := fit(part, name); err != nil {
				return err
			}
		}
	case string:
		for _, r := range v {
			if unicode.Is(unicode.Cc, r) && r != '\n' && r != '\t' || strings.ContainsRune("\u061C\u200B\u200E\u200F\u202A\u202B\u202C\u202D\u202E\u2028\u2029\u2060\u2066\u2067\u2068\u2069\uFEFF", r) {
				return fmt.Errorf("%s has %U: %.100q", name, r, v)
			}
		}
		if name == "name" && (uniseg.GraphemeClusterCount(v) > telephony.MaxGraphemes || strings.ContainsAny(v, "\n\t")) {
			return fmt.Errorf("a name is long, or on several lines: %.100q", v)
		}
	}
	return nil
}

func holdFit(t *testing.T, where string, body []byte) {
	t.Helper()
	var value any
	if err := json.Unmarshal(body, &value); err != nil || !utf8.Valid(body) {
		t.Fatalf("%s: %v: %.200q", where, err, body)
	}
	if err := fit(value, where); err != nil {
		t.Errorf("%s: %v", where, err)
	}
}

// TestHostileText: what a caller or an app writes comes back as the same text, made fit to be shown, by every way out, and
// breaks nothing (SEC-33, B-7).
func TestHostileText(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	watch, socket := h.watch(h.user, "?include=claims"), h.socket(app, "")
	lookup := h.lookup("+45 12 34 56 78")
	for i, text := range append(hostile, strings.Repeat("n", 1<<20)) {
		_, record := h.ring("2025550143", text)
		if len(text) < 8<<10 {
			h.claim(app, record, "party.company", text+"c")
			h.claim(h.user, lookup, "party.company", text+fmt.Sprint(i)) // a person may as often as she likes
		} else {
			h.refused(http.StatusRequestEntityTooLarge, "too_large", "POST", "/v1/records/"+record+"/claims", app, api.ClaimRequest{Claims: []api.NewClaim{{Field: "party.company", Value: text}}})
			text = "n"
		}
		h.want(http.StatusCreated, nil, "POST", "/v1/records/"+record+"/notes", app, api.NoteText{Text: text})
		sent := strings.Map(func(r rune) rune { return r }, text) // as JSON carries it: U+FFFD for each byte that is no text
		if got := h.record(record).Items["notes"][0].Text; got != telephony.Clean(sent) {
			t.Errorf("a note %q came back as %q", text, got)
		}
		holdFit(t, "the record", h.do("GET", "/v1/records/"+record+"?include=claims", app, nil).body)
		h.do("GET", "/v1/"+url.PathEscape(text), app, nil)
		for n := watch.next(); n.Subject != record || n.Type != "item.added"; n = watch.next() { // the reader checks each frame
			holdFit(t, "an event", n.Data)
		}
		for n, _ := socket.next(); n.Subject != record || n.Type != "item.added"; n, _ = socket.next() {
			holdFit(t, "a message", n.Data)
		}
	}
	holdFit(t, "the list", h.do("GET", "/v1/records?include=claims", app, nil).body)
}

// TestLoneSurrogates: half a character, as JSON can say it, comes back as a sign that something is missing (RFC 8259, 8.2).
func TestLoneSurrogates(t *testing.T) {
	t.Parallel()
	h := open(t)
	app, record := h.app("crm"), h.lookup("+45 12 34 56 78")
	h.want(http.StatusOK, nil, "POST", "/v1/records/"+record+"/claims", app, `{"claims":[{"field":"party.name","value":"A\ud800B\udfffC"},{"field":"x.crm.\u006fwner","value":"\ud83d\ude00"}]}`)
	got := h.record(record).Fields
	if got["party.name"].Value != "A\uFFFDB\uFFFDC" || got["x.crm.owner"].Value != "😀" {
		t.Errorf("they came back as %q, %q", got["party.name"].Value, got["x.crm.owner"].Value)
	}
}
