package phone

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

const sdpType = "application/sdp"

// direction of the media as the one who wrote the SDP sees it, RFC 4566 section 6.
type direction string

const (
	sendrecv direction = "sendrecv"
	sendonly direction = "sendonly"
	recvonly direction = "recvonly"
	inactive direction = "inactive"
)

func directionOf(send, recv bool) direction {
	switch {
	case send && recv:
		return sendrecv
	case send:
		return sendonly
	case recv:
		return recvonly
	}
	return inactive
}

// session is what we need of an SDP: one audio stream.
type session struct {
	addr   netip.AddrPort
	dir    direction
	secure bool
	key    []byte // SDES key and salt, nil without
	tag    string // of the crypto line
}

const cryptoSuite = "AES_CM_128_HMAC_SHA1_80"

// write makes an SDP with PCMU and telephone events.
func (s session) write(id, version int) []byte {
	proto := "RTP/AVP"
	if s.secure {
		proto = "RTP/SAVP"
	}
	lines := []string{
		"v=0",
		fmt.Sprintf("o=- %d %d IN IP4 %s", id, version, s.addr.Addr()),
		"s=lab",
		fmt.Sprintf("c=IN IP4 %s", s.addr.Addr()),
		"t=0 0",
		fmt.Sprintf("m=audio %d %s 0 %d", s.addr.Port(), proto, eventType),
		"a=rtpmap:0 PCMU/8000",
		fmt.Sprintf("a=rtpmap:%d telephone-event/8000", eventType),
		fmt.Sprintf("a=fmtp:%d 0-16", eventType),
		"a=ptime:20",
		"a=" + string(s.dir),
	}
	if s.secure {
		lines = append(lines, fmt.Sprintf("a=crypto:%s %s inline:%s", s.tag, cryptoSuite, base64.StdEncoding.EncodeToString(s.key)))
	}
	return []byte(strings.Join(lines, "\r\n") + "\r\n")
}

// readSDP reads the first audio stream. A direction that is not said is sendrecv.
func readSDP(body []byte) (session, error) {
	s := session{dir: sendrecv, tag: "1"}
	host, port := "", 0
	media := 0
	for line := range strings.Lines(string(body)) {
		kind, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
		if kind == "m" {
			media++
		}
		if media > 1 {
			break
		}
		switch kind {
		case "c":
			if f := strings.Fields(value); len(f) == 3 {
				host = f[2]
			}
		case "m":
			f := strings.Fields(value)
			if len(f) < 4 || f[0] != "audio" {
				return s, fmt.Errorf("phone: SDP: no audio in %q", value)
			}
			port, _ = strconv.Atoi(f[1])
			s.secure = strings.Contains(f[2], "SAVP")
		case "a":
			s.attribute(value)
		}
	}
	if media == 0 {
		return s, errors.New("phone: SDP: no media line")
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || port < 0 || port > 65535 {
		return s, fmt.Errorf("phone: SDP: address %q port %d", host, port)
	}
	s.addr = netip.AddrPortFrom(ip, uint16(port))
	return s, nil
}

func (s *session) attribute(value string) {
	switch d := direction(value); d {
	case sendrecv, sendonly, recvonly, inactive:
		s.dir = d
	}
	crypto, ok := strings.CutPrefix(value, "crypto:")
	if !ok || s.key != nil {
		return
	}
	f := strings.Fields(crypto) // tag, suite, key (RFC 4568 section 4)
	if len(f) < 3 || f[1] != cryptoSuite {
		return
	}
	inline, ok := strings.CutPrefix(f[2], "inline:")
	if !ok {
		return
	}
	inline, _, _ = strings.Cut(inline, "|") // lifetime and MKI
	if key, err := base64.StdEncoding.DecodeString(inline); err == nil && len(key) == keySize {
		s.key, s.tag = key, f[0]
	}
}
