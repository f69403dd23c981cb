package ami

import "strings"

// Bounds of what Asterisk reads from a manager: main/manager.c, 1024 bytes a line, 128 headers.
const (
	maxActionLine    = 1023
	maxActionHeaders = 128
)

// Pair is one header of an Action.
type Pair struct{ Key, Value string }

// Action is one request. Names of headers are ours, values may come from anywhere.
type Action struct {
	Name   string
	ID     string
	Fields []Pair
}

// Encode writes the action. It rejects, never strips, control bytes and names outside A-Z a-z 0-9 -, and what Asterisk
// would cut: so one Action is always exactly one message with these fields (SEC-30).
func (a Action) Encode() ([]byte, error) {
	fields := append([]Pair{{"Action", a.Name}}, a.Fields...)
	if a.ID != "" {
		fields = append(fields, Pair{"ActionID", a.ID})
	}
	if len(fields) > maxActionHeaders {
		return nil, &SyntaxError{Field: a.Name, Reason: "more than 128 headers"}
	}
	var out []byte
	for _, f := range fields {
		if err := check(f); err != nil {
			return nil, err
		}
		out = append(out, f.Key...)
		out = append(out, ": "...)
		out = append(out, f.Value...)
		out = append(out, "\r\n"...)
	}
	return append(out, "\r\n"...), nil
}

func check(f Pair) error {
	if f.Key == "" || strings.Trim(f.Key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return &SyntaxError{Field: f.Key, Reason: "a header name has only letters, digits and hyphens"}
	}
	if strings.HasPrefix(f.Value, " ") { // Asterisk skips it
		return &SyntaxError{Field: f.Key, Reason: "a value does not begin with a space"}
	}
	for i := range len(f.Value) {
		if c := f.Value[i]; c < 0x20 || c == 0x7f {
			return &SyntaxError{Field: f.Key, Reason: "a value has no control characters"}
		}
	}
	if len(f.Key)+2+len(f.Value) > maxActionLine {
		return &SyntaxError{Field: f.Key, Reason: "longer than a line may be"}
	}
	return nil
}
