package ami

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"
)

// Bounds of what a PBX may send. A message beyond them is dropped and counted; the stream stays aligned.
const (
	MaxLine    = 64 << 10
	MaxHeaders = 1000
	MaxMessage = 1 << 20
)

const bannerPrefix = "Asterisk Call Manager/"

// ErrNotAMI says that the other side did not greet as a manager does.
var ErrNotAMI = errors.New("this is no Asterisk manager port: it did not greet with \"Asterisk Call Manager/…\"")

// Reader splits a byte stream into messages. It goes over the bytes once and allocates nothing per message. Not safe for
// concurrent use.
type Reader struct {
	r       io.Reader
	buf     []byte // with blockSize bytes behind the last that is read into
	start   int    // first byte of the message that is not complete
	line    int    // first byte of the line that is not complete
	colon   int    // the first colon of that line, or a place before it
	scanned int    // first byte not yet looked at
	end     int    // first free byte

	blocks        blocks                       // bitmaps of the bytes before scanned
	block         int                          // how many of them are used up
	base          int                          // first byte of the one in use
	ends, colons  uint64                       // the rest of it
	fields        [MaxHeaders * placeSize]byte // of the message that is not complete
	headers       int
	seen, crowded uint64
	last          [64]uint8
	suspect       bool
	dropping      bool // that message is beyond the bounds

	message Message
	dropped int
	err     error
}

// NewReader reads from r. Begin with Banner.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: r, buf: make([]byte, 32<<10), colon: -1}
}

// Dropped counts the messages that were beyond the bounds.
func (r *Reader) Dropped() int { return r.dropped }

// Banner reads the greeting, one line with no empty line after it, and returns the manager's version, e.g. "11.0.0".
func (r *Reader) Banner() (string, error) {
	for {
		window := r.buf[r.start:r.end]
		if at := bytes.IndexByte(window, '\n'); at >= 0 {
			line := strings.TrimRight(string(window[:at]), "\r")
			version, ok := strings.CutPrefix(line, bannerPrefix)
			if !ok {
				return "", ErrNotAMI
			}
			r.start += at + 1
			r.line, r.scanned = r.start, r.start
			return version, nil
		}
		if len(window) > 256 || len(window) > 0 && !strings.HasPrefix(bannerPrefix, string(window[:min(len(window), len(bannerPrefix))])) {
			return "", ErrNotAMI
		}
		if err := r.fill(); err != nil {
			return "", err
		}
	}
}

// Next returns the next message, valid until the next call. It blocks on the underlying reader. At the end of the stream
// it returns io.EOF, or io.ErrUnexpectedEOF with half a message pending: half a message is not a message.
func (r *Reader) Next() (*Message, error) {
	for !r.lines() {
		if r.end-r.line > MaxLine+len("\r\n") {
			r.drop()
		}
		if r.dropping { // hold no more than the line that is not finished, of a giant one two bytes: with its end no empty line
			if r.end-r.line > MaxLine {
				r.line = r.end - 2
			}
			r.start = r.line
		}
		if err := r.fill(); err != nil {
			if errors.Is(err, io.EOF) && (r.end > r.start || r.dropping) {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return &r.message, nil
}

// lines takes the lines that are complete, up to the end of a message. It reports whether there is one within the bounds.
func (r *Reader) lines() bool {
	for {
		begin, colon, end, found := r.plain()
		switch {
		case !found:
			return false
		case begin == end:
			if r.complete(begin) {
				return true
			}
		case r.dropping || end-begin > MaxLine || r.line-r.start > MaxMessage || r.headers == MaxHeaders:
			r.drop()
		default:
			r.odd(begin, colon, end)
		}
	}
}

// plain indexes lines as long as they are headers that nothing is wrong with. It returns the first other line, without its
// end, and its first colon, or false if no line is complete. This is where the time goes: what is in variables stays in
// registers.
func (r *Reader) plain() (begin, colon, end int, found bool) {
	buf, start, count, seen, crowded := r.buf, r.start, r.headers, r.seen, r.crowded
	line, block, base, ends, colons := r.line, r.block, r.base, r.ends, r.colons
	colon = r.colon
	limit := start + MaxMessage
	if r.dropping {
		limit = 0
	}
lines:
	for {
		for ends == 0 {
			if colons != 0 {
				colon = base + bits.TrailingZeros64(colons)
			}
			base += blockSize
			if block == r.blocks.n {
				base, block, colons = r.scanned, 0, 0
				r.scanned += r.blocks.scan(buf[base:r.end], colon < line)
				if base == r.end {
					break lines
				}
			}
			ends, colons = r.blocks.ends[block], r.blocks.colons[block]
			block++
		}
		at := bits.TrailingZeros64(ends)
		if first := bits.TrailingZeros64(colons); first < at {
			colon = base + first
			colons &= colons - 1
		}
		ends &= ends - 1
		begin, end = line, base+at
		line = end + 1
		if end > begin && buf[end-1] == '\r' {
			end--
		}
		length := colon - begin
		if length <= 0 || end-begin > MaxLine || line > limit || count >= MaxHeaders {
			found = true
			break
		}
		slot := slot(buf[begin], buf[begin+length/2], length)
		if (slot == slotOf("Event") || slot == slotOf("Response")) && count > 0 {
			found = true
			break
		}
		newPlace(begin-start, colon-start, end-start).put(r.fields[:], count)
		r.last[slot] = uint8(count)
		crowded |= seen & (1 << slot)
		seen |= 1 << slot
		count++
	}
	r.headers, r.seen, r.crowded = count, seen, crowded
	r.line, r.colon, r.block, r.base, r.ends, r.colons = line, colon, block, base, ends, colons
	return begin, colon, end, found
}

// drop gives the message up, once.
func (r *Reader) drop() {
	if !r.dropping {
		r.dropping = true
		r.dropped++
	}
}

// complete ends the message before an empty line. It reports whether there is one.
func (r *Reader) complete(end int) bool {
	whole := r.headers > 0 && !r.dropping
	switch {
	case whole:
		r.message = r.sofar(end)
	case end > r.start: // lines, but no header
		r.drop()
	}
	r.start = r.line
	r.headers, r.seen, r.crowded, r.suspect, r.dropping = 0, 0, 0, false, false
	return whole
}

// sofar is the message of the headers that were found, with text up to end.
func (r *Reader) sofar(end int) Message {
	s := slots{seen: r.seen, crowded: r.crowded, last: &r.last}
	if r.headers > len(r.last)*4 { // more than last can count
		s.crowded = s.seen
	}
	return Message{fields: r.fields[:r.headers*placeSize], text: r.buf[r.start:end], slots: s, Suspect: r.suspect}
}

// odd takes a line that may not be a plain header.
func (r *Reader) odd(begin, colon, end int) {
	if colon <= begin {
		r.continued(begin, end)
		return
	}
	key := r.buf[begin:colon]
	if so := r.sofar(begin); r.headers > 0 && (equalFold(key, "Event") || equalFold(key, "Response") && !strings.EqualFold(string(so.Event()), "OriginateResponse")) {
		r.suspect = true // but OriginateResponse does have a Response of its own
		return
	}
	slot := slot(key[0], key[len(key)/2], len(key))
	newPlace(begin-r.start, colon-r.start, end-r.start).put(r.fields[:], r.headers)
	r.last[slot] = uint8(r.headers)
	r.crowded |= r.seen & (1 << slot)
	r.seen |= 1 << slot
	r.headers++
}

// continued takes a line without a colon as the rest of the value before it: an unescaped line break in that value. It
// moves the line up to the value in the buffer.
func (r *Reader) continued(begin, end int) {
	r.suspect = true
	if r.headers == 0 {
		return
	}
	so := r.sofar(end)
	last := so.place(r.headers - 1)
	to := r.start + last.end()
	r.buf[to] = '\n'
	to += 1 + copy(r.buf[to+1:], r.buf[begin:end])
	(last&^offset | place(to-r.start)).put(r.fields[:], r.headers-1)
}

// fill makes room and reads once. It moves what is pending to the front of the buffer, or grows the buffer.
func (r *Reader) fill() error {
	if r.err != nil {
		return r.err
	}
	if r.start > 0 {
		copy(r.buf, r.buf[r.start:r.end])
		r.line, r.colon, r.scanned, r.end = r.line-r.start, r.colon-r.start, r.scanned-r.start, r.end-r.start
		r.start = 0
	}
	if r.end == len(r.buf)-blockSize {
		grown := make([]byte, 2*len(r.buf))
		copy(grown, r.buf[:r.end])
		r.buf = grown
	}
	for range 100 {
		n, err := r.r.Read(r.buf[r.end : len(r.buf)-blockSize])
		r.end += n
		if err != nil {
			r.err = err
		}
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// SyntaxError tells of a field that must not be written.
type SyntaxError struct{ Field, Reason string }

func (e *SyntaxError) Error() string { return fmt.Sprintf("ami: field %q: %s", e.Field, e.Reason) }
