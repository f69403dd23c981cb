package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/callboard-dev/callboard/api"
)

// LogQuery is what is looked for in the call log. All that is said must hold; the zero value is everything.
type LogQuery struct {
	View    api.LogView // all, missed, received, dialed, lookups
	Line    string
	Result  api.Result
	Number  string // in any usual format
	Text    string // words and numbers, wherever they are; the last one may be the beginning of a word
	Person  string
	Company string
	Tag     string
	From    time.Time // and later
	To      time.Time // before it
	Cursor  string    // Next of the page before
	Limit   int       // zero: 50; at most 200
}

// Log asks for a page of the call log, newest first. With its Next as the Cursor of the same query comes the next page: each call once,
// while others come in before it. An app is shown what it may read only, and cannot look by the rest.
func (c *Client) Log(ctx context.Context, q LogQuery) (api.CallLog, error) {
	query := url.Values{}
	for name, value := range map[string]string{"view": string(q.View), "line": q.Line, "result": string(q.Result), "number": q.Number, "q": q.Text, "person": q.Person,
		"company": q.Company, "tag": q.Tag, "cursor": q.Cursor} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !at.IsZero() {
			query.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if q.Limit != 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	var page api.CallLog
	err := c.do(ctx, http.MethodGet, "/v1/log?"+query.Encode(), nil, &page)
	return page, err
}
