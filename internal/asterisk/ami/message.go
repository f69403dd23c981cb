package ami

import (
	"bytes"
	"strconv"
)

// Field is one header line of a Message.
type Field struct{ Key, Value []byte }

// Message is one AMI message: header lines in wire order, names repeated as the PBX repeated them. Keys are compared without
// regard to case. A Message that a Reader returned is valid until the next call of Next; Clone keeps it.
type Message struct {
	Fields []Field
	// Suspect is set when the message is not as Asterisk writes it: a line without a colon (taken as the rest of the value
	// before it), or an Event or Response header that is not the first (left out). Raw text from a caller does this.
	Suspect bool
}

// Get returns the first value of a header, nil if there is none.
func (m *Message) Get(key string) []byte {
	for i := range m.Fields {
		if equalFold(m.Fields[i].Key, key) {
			return m.Fields[i].Value
		}
	}
	return nil
}

// Text is Get as a string. Asterisk's "<unknown>" reads as empty.
func (m *Message) Text(key string) string {
	value := m.Get(key)
	if bytes.Equal(value, unknown) {
		return ""
	}
	return string(value)
}

// All returns every value of a header in order.
func (m *Message) All(key string) []string {
	var values []string
	for i := range m.Fields {
		if equalFold(m.Fields[i].Key, key) {
			values = append(values, string(m.Fields[i].Value))
		}
	}
	return values
}

// Int reads a number; a header that is missing or no number gives fallback.
func (m *Message) Int(key string, fallback int) int {
	n, err := strconv.Atoi(string(m.Get(key)))
	if err != nil {
		return fallback
	}
	return n
}

// Event is the value of a leading Event header, nil for a response.
func (m *Message) Event() []byte { return m.leading("Event") }

// Response is the value of a leading Response header, nil for an event.
func (m *Message) Response() []byte { return m.leading("Response") }

func (m *Message) leading(key string) []byte {
	if len(m.Fields) == 0 || !equalFold(m.Fields[0].Key, key) {
		return nil
	}
	return m.Fields[0].Value
}

// Clone returns a copy that stays valid.
func (m *Message) Clone() *Message {
	size := 0
	for _, f := range m.Fields {
		size += len(f.Key) + len(f.Value)
	}
	block := make([]byte, 0, size)
	out := &Message{Fields: make([]Field, len(m.Fields)), Suspect: m.Suspect}
	keep := func(b []byte) []byte {
		at := len(block)
		block = append(block, b...)
		return block[at:len(block):len(block)]
	}
	for i, f := range m.Fields {
		out.Fields[i] = Field{Key: keep(f.Key), Value: keep(f.Value)}
	}
	return out
}

var unknown = []byte("<unknown>")

func equalFold(key []byte, name string) bool {
	if len(key) != len(name) {
		return false
	}
	for i := range len(name) {
		a, b := key[i], name[i]
		if a != b && lower(a) != lower(b) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// Unescape undoes the C escaping that Asterisk puts on caller and connected-line names, ChanVariable and VarSet values
// (ast_escape_c). Other fields are sent raw: never unescape those. An unknown escape stays as it is.
func Unescape(s string) string {
	at := -1
	for i := range len(s) {
		if s[i] == '\\' {
			at = i
			break
		}
	}
	if at < 0 {
		return s
	}
	out := append(make([]byte, 0, len(s)), s[:at]...)
	for i := at; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			continue
		}
		i++
		if c, known := escapes[s[i]]; known {
			out = append(out, c)
		} else {
			out = append(out, '\\', s[i])
		}
	}
	return string(out)
}

var escapes = map[byte]byte{
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
	'\\': '\\', '\'': '\'', '"': '"', '?': '?',
}
