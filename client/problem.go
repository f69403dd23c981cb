package client

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/callboard-dev/callboard/api"
)

// Problem is a refusal by the server, as RFC 9457 has it: a stable Code for programs, a Title and Detail for people,
// and a Remedy. Find it with errors.AsType[*client.Problem](err).
type Problem api.Problem

// Error is one line: what, why, and what to do.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.Title)
	if p.Detail != "" && p.Detail != p.Title {
		b.WriteString(": " + p.Detail)
	}
	if p.Remedy != "" {
		b.WriteString("; " + p.Remedy)
	}
	fmt.Fprintf(&b, " (%s, HTTP %d)", p.Code, p.Status)
	return b.String()
}

// problemFrom makes a Problem of a response that is not a success. A body that is no problem document (a proxy's page,
// say) is not shown: it may hold anything.
func problemFrom(res *http.Response, body []byte) *Problem {
	p := new(Problem)
	if !isJSON(res.Header) || json.Unmarshal(body, p) != nil || p.Code == "" {
		p = &Problem{Type: "about:blank", Code: fmt.Sprintf("http_%d", res.StatusCode),
			Detail: "the answer is not one of Callboard's: is something else listening at this address, or a proxy in between?"}
	}
	if p.Title == "" {
		p.Title = http.StatusText(res.StatusCode)
	}
	p.Status = res.StatusCode
	return p
}

func isJSON(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (kind == "application/json" || kind == "application/problem+json")
}

// final tells whether trying again cannot help: the request itself is refused, not its moment.
func (p *Problem) final() bool {
	switch p.Status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusGone, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return p.Status >= 300 && p.Status < 500
}
