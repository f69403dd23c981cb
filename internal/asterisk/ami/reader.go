package ami

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

// Reader splits a byte stream into messages. It keeps one buffer and allocates nothing per message. Not safe for
// concurrent use.
type Reader struct {
	r       io.Reader
	buf     []byte
	start   int // first byte not yet consumed
	end     int // first free byte
	message Message
	dropped int
	err     error
}

// NewReader reads from r. Begin with Banner.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: r, buf: make([]byte, 32<<10)}
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
	scanned, dropping := r.start, false
	for {
		size, next, whole := r.messageEnd(scanned)
		switch {
		case whole && dropping:
			r.start, scanned, dropping = next, next, false
			continue
		case whole:
			block := r.buf[r.start:size]
			r.start, scanned = next, next
			if len(block) == 0 {
				continue
			}
			if len(block) <= MaxMessage && r.parse(block) {
				return &r.message, nil
			}
			r.dropped++
			continue
		}
		scanned = next
		if !dropping && (r.end-r.start > MaxMessage+len("\r\n") || r.end-scanned > MaxLine+len("\r\n")) {
			r.dropped++
			dropping = true
		}
		if dropping { // keep no more than the line that is not finished, of a giant one two bytes: with its end no empty line
			if r.end-scanned > MaxLine {
				scanned = r.end - 2
			}
			r.start = scanned
		}
		before := r.start
		if err := r.fill(); err != nil {
			if errors.Is(err, io.EOF) && r.end > r.start {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, err
		}
		scanned -= before - r.start
	}
}

// messageEnd looks from line start from for an empty line. It returns where the message ends, where the next begins, and
// true; or, if there is none yet, the start of the last unfinished line as next, and false.
func (r *Reader) messageEnd(from int) (end, next int, whole bool) {
	at := from
	for {
		n := bytes.IndexByte(r.buf[at:r.end], '\n')
		if n < 0 {
			return 0, at, false
		}
		if n == 0 || n == 1 && r.buf[at] == '\r' {
			return at, at + n + 1, true
		}
		at += n + 1
	}
}

// fill makes room and reads once. It moves what is pending to the front of the buffer, or grows the buffer.
func (r *Reader) fill() error {
	if r.err != nil {
		return r.err
	}
	if r.start > 0 {
		copy(r.buf, r.buf[r.start:r.end])
		r.end -= r.start
		r.start = 0
	}
	if r.end == len(r.buf) {
		grown := make([]byte, 2*len(r.buf))
		copy(grown, r.buf[:r.end])
		r.buf = grown
	}
	for range 100 {
		n, err := r.r.Read(r.buf[r.end:])
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

// parse splits a block of lines. It reports false for one beyond the bounds.
func (r *Reader) parse(block []byte) bool {
	m := &r.message
	m.Fields, m.Suspect = m.Fields[:0], false
	for len(block) > 0 {
		line := block
		if at := bytes.IndexByte(block, '\n'); at >= 0 {
			line, block = block[:at], block[at+1:]
		} else {
			block = nil
		}
		line = bytes.TrimSuffix(line, cr)
		if len(line) > MaxLine || len(m.Fields) >= MaxHeaders {
			return false
		}
		r.line(line)
	}
	return len(m.Fields) > 0
}

var cr = []byte{'\r'}

func (r *Reader) line(line []byte) {
	m := &r.message
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		r.continued(line)
		return
	}
	key, value := line[:colon], line[colon+1:]
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	if len(m.Fields) > 0 && (equalFold(key, "Event") || equalFold(key, "Response") && !equalFold(m.Event(), "OriginateResponse")) {
		m.Suspect = true // but OriginateResponse does have a Response of its own
		return
	}
	m.Fields = append(m.Fields, Field{Key: key, Value: value})
}

// continued takes a line without a colon as the rest of the value before it: an unescaped line break in that value. It
// moves the line up to the value in the buffer.
func (r *Reader) continued(line []byte) {
	m := &r.message
	m.Suspect = true
	if len(m.Fields) == 0 {
		return
	}
	last := &m.Fields[len(m.Fields)-1]
	last.Value = append(append(last.Value, '\n'), line...)
}

// SyntaxError tells of a field that must not be written.
type SyntaxError struct{ Field, Reason string }

func (e *SyntaxError) Error() string { return fmt.Sprintf("ami: field %q: %s", e.Field, e.Reason) }
