package ami

import (
	"bytes"
	"strconv"
)

// Field is one header line of a Message.
type Field struct{ Key, Value []byte }

// Message is one AMI message: header lines in wire order, names repeated as the PBX repeated them. Keys are compared without
// regard to case. A Message that a Reader returned is valid until the next call of Next; Keep makes it last.
type Message struct {
	fields []byte // a place for each header, little endian
	text   []byte // the lines as they came
	slots
	// Suspect is set when the message is not as Asterisk writes it: a line without a colon (taken as the rest of the value
	// before it), or an Event or Response header that is not the first (left out). Raw text from a caller does this.
	Suspect bool
}

// Len is how many headers there are.
func (m *Message) Len() int { return len(m.fields) / placeSize }

// Fields goes over all headers: for i, field := range m.Fields.
func (m *Message) Fields(yield func(int, Field) bool) {
	for i := range m.Len() {
		if p := m.place(i); !yield(i, Field{Key: p.key(m.text), Value: p.value(m.text)}) {
			return
		}
	}
}

// Get returns the first value of a header, nil if there is none.
func (m *Message) Get(key string) []byte {
	i := m.find(key)
	if i < 0 {
		return nil
	}
	return m.place(i).value(m.text)
}

// Repeats reports whether a header stands there more than once.
func (m *Message) Repeats(key string) bool {
	if m.crowded>>slotOf(key)&1 == 0 {
		return false
	}
	i := m.findFrom(0, key)
	return i >= 0 && m.findFrom(i+1, key) >= 0
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
	for i := m.find(key); i >= 0; i = m.findFrom(i+1, key) {
		values = append(values, string(m.place(i).value(m.text)))
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
	if len(m.fields) == 0 {
		return nil
	}
	p := m.place(0)
	if !equalFold(p.key(m.text), key) {
		return nil
	}
	return p.value(m.text)
}

// Keep returns a copy that stays valid. It is one piece of memory.
func (m *Message) Keep() Message {
	block := make([]byte, len(m.fields)+len(m.text))
	n := copy(block, m.fields)
	copy(block[n:], m.text)
	return Message{fields: block[:n:n], text: block[n:], slots: slots{seen: m.seen, crowded: m.seen}, Suspect: m.Suspect}
}

// Clone is Keep for those who pass a message on.
func (m *Message) Clone() *Message {
	kept := m.Keep()
	return &kept
}

// find returns the number of the first header with a key, -1 if there is none.
func (m *Message) find(key string) int {
	slot := slotOf(key)
	switch {
	case m.seen>>slot&1 == 0:
		return -1
	case m.crowded>>slot&1 != 0:
		return m.findFrom(0, key)
	}
	if i := int(m.last[slot]); equalFold(m.place(i).key(m.text), key) {
		return i
	}
	return -1
}

func (m *Message) findFrom(i int, key string) int {
	for ; i < m.Len(); i++ {
		if p := m.place(i); p.keyLen() == len(key) && equalFold(p.key(m.text), key) {
			return i
		}
	}
	return -1
}

var unknown = []byte("<unknown>")

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
