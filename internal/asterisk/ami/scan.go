package ami

import (
	"encoding/binary"
	"math/bits"
)

const blockSize = 64

// blocks tell of some bytes, in blocks of 64, a bit for each byte: which end a line, and which are the first colon of a line.
type blocks struct {
	n            int
	ends, colons [16]uint64
}

// scan looks at the bytes of text, as many as fit, and returns how many. Behind text it must have room up to a whole block;
// what is there does not matter. Seeking says that text begins in a line that has not had a colon.
func (b *blocks) scan(text []byte, seeking bool) int {
	b.n = min(len(b.ends), (len(text)+blockSize-1)/blockSize)
	find(b, text[:b.n*blockSize])
	if beyond := b.n*blockSize - len(text); beyond > 0 {
		b.ends[b.n-1] &= ^uint64(0) >> beyond
		b.colons[b.n-1] &= ^uint64(0) >> beyond
	}
	// A one that is added at the begin of a line runs through all bytes that are no colon and stops at the first that is.
	// At a colon that begins a line two of them could meet.
	carry := uint64(0)
	if seeking {
		carry = 1
	}
	for i := range b.n {
		begins, colons := b.ends[i]<<1, b.colons[i]
		sum, on := bits.Add64(begins&^colons, ^colons, carry)
		b.colons[i] = (sum | begins) & colons
		carry = on | b.ends[i]>>(blockSize-1)
	}
	return min(b.n*blockSize, len(text))
}

// findInWords fills blocks with all line feeds and all colons of text, in plain Go.
func findInWords(b *blocks, text []byte) {
	for i := range b.n {
		var ends, colons uint64
		for at := 0; at < blockSize; at += 8 {
			word := binary.LittleEndian.Uint64(text[i*blockSize+at:])
			ends |= bytesEqual(word, '\n') << at
			colons |= bytesEqual(word, ':') << at
		}
		b.ends[i], b.colons[i] = ends, colons
	}
}

// bytesEqual has a bit for each of the eight bytes of word: whether it is c.
func bytesEqual(word uint64, c byte) uint64 {
	const each, low = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f
	word ^= each * uint64(c)
	highs := ^(word&low + low | word | low) // the high bit of every byte that is zero
	return highs >> 7 * 0x0102040810204080 >> 56
}
