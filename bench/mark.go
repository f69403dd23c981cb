//go:build linux

package main

import (
	"bytes"
	"fmt"
)

// A mark is in every message once: @@ and the number of the change, eight digits.
const markSize = 10

var markStart = []byte("@@")

func appendMark(to []byte, n int) []byte { return fmt.Appendf(to, "@@%08d", n) }

// marks calls seen for each mark that is in what was read from a socket, and keeps what may be the beginning of one.
func (s *sock) marks(data []byte, seen func(n int)) {
	for {
		at := bytes.Index(data, markStart)
		if at < 0 {
			if end := len(data) - 1; end >= 0 && data[end] == '@' {
				s.kept = append(s.kept, '@')
			}
			return
		}
		if len(data)-at < markSize {
			s.kept = append(s.kept, data[at:]...)
			return
		}
		seen(number(data[at+2 : at+markSize]))
		data = data[at+markSize:]
	}
}

func number(digits []byte) int {
	n := 0
	for _, d := range digits {
		n = n*10 + int(d-'0')
	}
	return n
}

// payloadSize is the JSON of a change as Callboard writes it for a short value; the others send as much.
const payloadSize = 460

// payload appends a JSON object with a mark.
func payload(to []byte, n int) []byte {
	from := len(to)
	to = append(to, `{"type":"record.changed","subject":"rec_0123456789abcdef","data":{"fields":{"party.name":{"value":"`...)
	to = appendMark(to, n)
	to = append(to, `","filler":"`...)
	to = append(to, filler[:payloadSize-(len(to)-from)-5]...)
	return append(to, `"}}}}`...)
}

var filler = bytes.Repeat([]byte("callboard "), payloadSize/10+1)
