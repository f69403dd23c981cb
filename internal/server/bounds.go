package server

import (
	"cmp"
	"fmt"
	"unicode/utf8"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Bounds that the contract sets and the board does not know (SEC-23). Lengths are in characters, as in the contract.
const (
	maxNumber    = 64
	maxAppName   = 80
	maxItems     = 64
	maxTitle     = 512
	maxURL       = 2048
	maxEmail     = 320
	maxAddress   = 1024
	maxError     = 512
	maxPatterns  = 64
	maxFieldName = 128
	maxSource    = 64
	maxMatch     = 32
	maxLife      = 30 * 24 * 3600 * 1000 // ms
	maxDeadline  = 60_000                // ms
)

func checkLength(what, value string, limit int) error {
	if n := utf8.RuneCountInString(value); n > limit {
		return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("%s has %d characters", what, n), Remedy: fmt.Sprintf("it may have %d", limit)}
	}
	return nil
}

func checkCount(what string, n, limit int) error {
	if n > limit {
		return &telephony.Error{Code: telephony.CodeTooLarge, Message: fmt.Sprintf("%d %s at once", n, what), Remedy: fmt.Sprintf("send at most %d", limit)}
	}
	return nil
}

// checkEnum refuses a parameter that is there and is none of its values.
func checkEnum[T interface {
	~string
	Valid() bool
}](name string, value T) error {
	if value == "" || value.Valid() {
		return nil
	}
	return &telephony.Error{Code: telephony.CodeInvalid, Message: fmt.Sprintf("%s: %q is not one of its values", name, telephony.Display(string(value))), Remedy: seeSpec}
}

// checkRegistration looks at what an app asks for when it begins to watch.
func checkRegistration(needs, gives []string, on []api.Moment) error {
	err := cmp.Or(checkCount("needs", len(needs), maxPatterns), checkCount("gives", len(gives), maxPatterns))
	for _, names := range [][]string{needs, gives} {
		for _, name := range names {
			err = cmp.Or(err, checkLength("a field name", name, maxFieldName))
		}
	}
	for _, m := range on {
		err = cmp.Or(err, checkEnum("on", m))
	}
	return err
}

// checkLife bounds a number of milliseconds, so that it is a duration.
func checkLife(what string, ms int64) error {
	if ms < 0 || ms > maxLife {
		return &telephony.Error{Code: telephony.CodeInvalid, Message: fmt.Sprintf("%s: %d is no number of milliseconds that can be", what, ms), Remedy: "send 0 to 2592000000, which is 30 days"}
	}
	return nil
}

func checkDeadline(ms int64) error {
	if ms < 0 || ms > maxDeadline {
		return &telephony.Error{Code: telephony.CodeInvalid, Message: fmt.Sprintf("deadline_ms: %d", ms), Remedy: "a work may take up to 60000; a longer job answers now and writes later"}
	}
	return nil
}

// checkClaims looks at a write that is nothing but claims.
func checkClaims(claims []api.NewClaim) error {
	if len(claims) == 0 {
		return &telephony.Error{Code: telephony.CodeInvalid, Message: "there are no claims", Remedy: "send at least one"}
	}
	return checkNewClaims(claims)
}

func checkNewClaims(claims []api.NewClaim) error {
	var err error
	for _, c := range claims {
		err = cmp.Or(err, checkLife("ttl_ms", c.TTLMs))
	}
	return err
}

func checkAnswer(a api.Answer) error {
	err := cmp.Or(checkNewClaims(a.Claims), checkLife("nothing_for_ms", a.NothingForMs), checkCount("fields", len(a.NothingFields), maxPatterns),
		checkCount("items", len(a.Items), maxItems), checkLength("the error", a.Error, maxError))
	for _, i := range a.Items {
		err = cmp.Or(err, checkLength("a title", i.Title, maxTitle), checkLength("a link", i.URL, maxURL))
	}
	return err
}
