// Package asterisk reads what the names of Asterisk's channels and its dial strings say. They are the same on the manager's
// stream and in its call detail records.
package asterisk

import (
	"strings"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Device is a channel's name without the number that makes it unique: PJSIP/1001-00000003 is PJSIP/1001.
func Device(channel string) string {
	if at := strings.LastIndexByte(channel, '-'); at > 0 {
		return channel[:at]
	}
	return channel
}

// KindOf tells a telephone's channel from those that Asterisk makes for itself. Both halves of a Local channel bear the
// same name before ;1 and ;2.
func KindOf(channel string) (telephony.LegKind, string) {
	technology, _, _ := strings.Cut(channel, "/")
	switch technology {
	case "Local":
		pair, _, _ := strings.Cut(channel, ";")
		return telephony.RelayLeg, pair
	case "Announcer", "Bridge", "CBAnn", "CBRec", "Message", "Recorder", "Snoop", "Surrogate":
		return telephony.ServiceLeg, ""
	}
	return telephony.DeviceLeg, ""
}

// SentNumber reads the number out of a PJSIP or SIP dial string: 5550199@trunk, trunk/sip:5550199@host, trunk/5550199.
func SentNumber(dialString string) string {
	number := dialString
	if _, uri, found := strings.Cut(number, "sip:"); found {
		number = uri
	} else if at := strings.LastIndexByte(number, '/'); at >= 0 {
		number = number[at+1:]
	}
	number, _, _ = strings.Cut(number, "@")
	if strings.Trim(number, "+*#0123456789") != "" {
		return ""
	}
	return number
}
