package ami

import "encoding/binary"

// place is where a header stands in the text of its message. From the least bit: 21 bits for where the value ends, 21 for
// where the key begins, the rest for how long the key is. The value begins behind a colon and one space. It is this small
// because whoever keeps a message keeps its places.
type place uint64

const (
	placeSize  = 8
	offsetBits = 21 // MaxMessage is an offset
	offset     = 1<<offsetBits - 1
)

func newPlace(begin, colon, end int) place {
	return place(colon-begin)<<(2*offsetBits) | place(begin)<<offsetBits | place(end)
}

func (m *Message) place(i int) place {
	return place(binary.LittleEndian.Uint64(m.fields[i*placeSize:]))
}

func (p place) put(fields []byte, i int) {
	binary.LittleEndian.PutUint64(fields[i*placeSize:], uint64(p))
}

func (p place) begin() int  { return int(p >> offsetBits & offset) }
func (p place) end() int    { return int(p & offset) }
func (p place) keyLen() int { return int(p >> (2 * offsetBits)) }

func (p place) key(text []byte) []byte { return text[p.begin() : p.begin()+p.keyLen()] }

func (p place) value(text []byte) []byte {
	begin, end := p.begin()+p.keyLen()+len(":"), p.end()
	if begin < end && text[begin] == ' ' {
		begin++
	}
	return text[begin:end:end]
}

// slots say which headers a message may have. Every key belongs to one of 64 slots; few that stand together in a message share
// one. So most look-ups see at once that a header is not there, or which it is, and that it is not there twice.
type slots struct {
	seen    uint64     // slots with a header
	crowded uint64     // slots that may have several
	last    *[64]uint8 // the number of the last header in a slot; where there may be several it says nothing
}

// slotOf gives keys that are equal but for their case the same slot.
func slotOf(key string) byte {
	if key == "" {
		return 0
	}
	return slot(key[0], key[len(key)/2], len(key))
}

// The factors are those of some thousand tried that part the keys of recorded messages best.
func slot(first, middle byte, length int) byte {
	const letter = 0x1f // without its case
	return (first&letter*35 + middle&letter + byte(length)*11) % 64
}

func equalFold(key []byte, other string) bool {
	return string(key) == other || len(key) == len(other) && folded(key, other)
}

func folded(key []byte, other string) bool {
	for i := range len(other) {
		if lower(key[i]) != lower(other[i]) {
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
