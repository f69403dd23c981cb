package ami

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var fuzzNow = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func TestEncode(t *testing.T) {
	t.Parallel()
	wire, err := Action{Name: "Originate", ID: "cb-1", Fields: []Pair{{"Channel", "PJSIP/1001"}, {"Variable", "a=1"}, {"Variable", "b: 2"}, {"Empty", ""}}}.Encode()
	if want := "Action: Originate\r\nChannel: PJSIP/1001\r\nVariable: a=1\r\nVariable: b: 2\r\nEmpty: \r\nActionID: cb-1\r\n\r\n"; err != nil || string(wire) != want {
		t.Errorf("got %q, %v", wire, err)
	}
	many := make([]Pair, 128)
	for i := range many {
		many[i] = Pair{"X", "1"}
	}
	for name, bad := range map[string]Action{
		"line break in a value":    {Name: "Login", Fields: []Pair{{"Secret", "a\r\nAction: Command"}}},
		"line feed in a value":     {Name: "Login", Fields: []Pair{{"Secret", "a\nb"}}},
		"NUL":                      {Name: "Login", Fields: []Pair{{"Secret", "a\x00"}}},
		"delete":                   {Name: "Login", Fields: []Pair{{"Secret", "a\x7f"}}},
		"a space that is skipped":  {Name: "Login", Fields: []Pair{{"Secret", " a"}}},
		"line break in the action": {Name: "Ping\r\nX: 1"},
		"line break in the id":     {Name: "Ping", ID: "1\r\n"},
		"colon in a name":          {Name: "Ping", Fields: []Pair{{"A: B", "1"}}},
		"no name":                  {Name: "Ping", Fields: []Pair{{"", "1"}}},
		"a name of other letters":  {Name: "Ping", Fields: []Pair{{"Å", "1"}}},
		"too long":                 {Name: "Ping", Fields: []Pair{{"X", strings.Repeat("a", 1021)}}},
		"too many":                 {Name: "Ping", Fields: many},
	} {
		var syntax *SyntaxError
		if wire, err := bad.Encode(); !errors.As(err, &syntax) || wire != nil || syntax.Error() == "" {
			t.Errorf("%s: %q, %v", name, wire, err)
		}
	}
	if _, err := (Action{Name: "Ping", Fields: []Pair{{"X", strings.Repeat("a", 1020)}}}).Encode(); err != nil {
		t.Errorf("as long as may be: %v", err)
	}
}

// asteriskReads reads as manager.c does: lines end with LF, a CR before it goes; an empty line ends the message; the blanks
// before a value are skipped; a line is at most 1023 bytes and a message at most 128 headers.
func asteriskReads(wire string) (messages [][]Pair, err error) {
	var now []Pair
	for wire != "" {
		line, rest, whole := strings.Cut(wire, "\n")
		if !whole {
			return nil, errors.New("the last line does not end")
		}
		line, wire = strings.TrimSuffix(line, "\r"), rest
		if len(line) > 1023 || len(now) > 128 {
			return nil, errors.New("beyond what Asterisk reads")
		}
		if line == "" {
			messages, now = append(messages, now), nil
			continue
		}
		key, value, found := strings.Cut(line, ":")
		if !found {
			return nil, fmt.Errorf("no header: %q", line)
		}
		now = append(now, Pair{key, strings.TrimLeft(value, " \t")})
	}
	if now != nil {
		return nil, errors.New("the last message does not end")
	}
	return messages, nil
}

// checkEncoded holds that an action is refused, or is exactly one message with its fields (SEC-30).
func checkEncoded(t interface {
	Helper()
	Fatalf(string, ...any)
}, a Action) {
	t.Helper()
	wire, err := a.Encode()
	if err != nil {
		return
	}
	messages, err := asteriskReads(string(wire))
	want := append([]Pair{{"Action", a.Name}}, a.Fields...)
	if a.ID != "" {
		want = append(want, Pair{"ActionID", a.ID})
	}
	if err != nil || len(messages) != 1 || !slices.Equal(messages[0], want) {
		t.Fatalf("%+v is written as %q and read as %+v (%v)", a, wire, messages, err)
	}
}

func TestEncodeCannotInject(t *testing.T) {
	t.Parallel()
	nasty := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{"", " ", "a", "\r\n", "\n\nAction: x", "a: b", ": ", "\t", "\u0085", "\u2028", "\xff"}))
	rapid.Check(t, func(t *rapid.T) {
		a := Action{Name: nasty.Draw(t, "name"), ID: nasty.Draw(t, "id")}
		for range rapid.IntRange(0, 4).Draw(t, "fields") {
			a.Fields = append(a.Fields, Pair{rapid.OneOf(nasty, rapid.SampledFrom([]string{"Channel", "Variable"})).Draw(t, "key"), nasty.Draw(t, "value")})
		}
		checkEncoded(t, a)
	})
}

func FuzzEncode(f *testing.F) {
	f.Add("Login", "cb-1", "Secret", "s3cret")
	f.Add("Originate", "", "Variable", "a\r\n\r\nAction: Command")
	f.Add("Ping", "x\n", "A:B", " ")
	f.Fuzz(func(t *testing.T, name, id, key, value string) {
		checkEncoded(t, Action{Name: name, ID: id, Fields: []Pair{{key, value}, {"X", value}}})
	})
}
