//go:build linux

package main

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

const handshakeKey = "dGhlIHNhbXBsZSBub25jZQ=="

// webSocket opens one (RFC 6455).
func webSocket(addr, path, token string, receive int) (*sock, error) {
	s, err := dial(addr, receive)
	if err != nil {
		return nil, err
	}
	request := "GET " + path + " HTTP/1.1\r\nHost: " + addr + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: " + handshakeKey + "\r\n"
	if token != "" {
		request += "Authorization: Bearer " + token + "\r\n"
	}
	answer, err := s.say(request+"\r\n", "\r\n\r\n")
	if err == nil && !strings.Contains(answer, " 101 ") {
		err = fmt.Errorf("no WebSocket at %s: %s", path, answer)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func acceptance(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

const (
	textFrame = 0x81
	masked    = 0x80
)

// frameHead appends the head of a text frame. A client's mask is four zeros: the server must unmask all the same.
func frameHead(to []byte, size int, client bool) []byte {
	mask := byte(0)
	if client {
		mask = masked
	}
	if size < 126 {
		to = append(to, textFrame, mask|byte(size))
	} else {
		to = append(to, textFrame, mask|126, byte(size>>8), byte(size))
	}
	if client {
		to = append(to, 0, 0, 0, 0)
	}
	return to
}

// clientFrame appends a text frame as a client sends it.
func clientFrame(to, payload []byte) []byte {
	return append(frameHead(to, len(payload), true), payload...)
}

// eachFrame hands on the payload of each whole frame, unmasked in place, and returns what is left.
func eachFrame(data []byte, got func(payload []byte)) []byte {
	for {
		if len(data) < 2 {
			return data
		}
		size, head := int(data[1]&127), 2
		switch {
		case size == 126 && len(data) >= 4:
			size, head = int(binary.BigEndian.Uint16(data[2:])), 4
		case size == 127 && len(data) >= 10:
			size, head = int(binary.BigEndian.Uint64(data[2:])), 10
		case size > 125:
			return data
		}
		var mask []byte
		if data[1]&masked != 0 {
			if len(data) < head+4 {
				return data
			}
			mask = data[head : head+4]
			head += 4
		}
		if len(data) < head+size {
			return data
		}
		body := data[head : head+size]
		if mask != nil {
			unmask(body, mask)
		}
		got(body)
		data = data[head+size:]
	}
}

func unmask(body, mask []byte) {
	m := uint64(binary.LittleEndian.Uint32(mask))
	m |= m << 32
	for len(body) >= 8 {
		binary.LittleEndian.PutUint64(body, binary.LittleEndian.Uint64(body)^m)
		body = body[8:]
	}
	for i := range body {
		body[i] ^= mask[i]
	}
}
