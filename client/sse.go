package client

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// sseReader takes server-sent events apart, as the WHATWG HTML standard section 9.2.6 has it: lines end with LF, CR or
// CRLF, wherever the bytes are split. A frame is bounded; one that the end of the stream cuts is no frame.
type sseReader struct {
	in     *bufio.Reader
	max    int
	line   []byte
	data   []byte
	began  bool // the byte order mark is behind us
	sawCR  bool // a LF now belongs to the line before
	filled bool // the frame has data
}

func newSSEReader(r io.Reader, limit int) *sseReader {
	return &sseReader{in: bufio.NewReaderSize(r, 32<<10), max: limit}
}

// next gives the data of the next frame that has any. The envelope inside repeats event and id, so those fields are
// not kept. The slice is good until the next call.
func (s *sseReader) next() ([]byte, error) {
	s.data, s.filled = s.data[:0], false
	for {
		line, err := s.readLine()
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			if s.filled {
				return s.data, nil
			}
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if string(name) != "data" { // a comment has an empty name
			continue
		}
		if s.filled {
			s.data = append(s.data, '\n')
		}
		s.data = append(s.data, bytes.TrimPrefix(value, []byte(" "))...)
		s.filled = true
		if len(s.data) > s.max {
			return nil, s.tooLong()
		}
	}
}

func (s *sseReader) readLine() ([]byte, error) {
	s.line = s.line[:0]
	for {
		b, err := s.in.ReadByte()
		if err != nil {
			return nil, err
		}
		if b == '\n' && s.sawCR {
			s.sawCR = false
			continue
		}
		s.sawCR = b == '\r'
		if b == '\n' || b == '\r' {
			break
		}
		if s.line = append(s.line, b); len(s.line) > s.max+len("data: ") {
			return nil, s.tooLong()
		}
	}
	if !s.began {
		s.began = true
		return bytes.TrimPrefix(s.line, []byte("\ufeff")), nil
	}
	return s.line, nil
}

func (s *sseReader) tooLong() error {
	return &badFrame{fmt.Errorf("a frame is longer than %d bytes", s.max)}
}
