package client_test

import (
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/client/clienttest"
)

// The log is asked for by what was said and by nothing else.
func TestLog(t *testing.T) {
	t.Parallel()
	s := clienttest.New(t)
	c := connect(t, client.Options{URL: s.URL, Token: s.Token})
	for _, ask := range []struct {
		query client.LogQuery
		want  string
	}{
		{client.LogQuery{}, ""},
		{client.LogQuery{View: api.LogViewMissed, Number: "+45 12 34 56 78", Text: "a&b", Result: api.ResultMissed, From: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Limit: 1},
			"from=2026-01-02T03%3A04%3A05Z&limit=1&number=%2B45+12+34+56+78&q=a%26b&result=missed&view=missed"},
		{client.LogQuery{Line: "Alice", Person: "p", Company: "c", Tag: "t", To: time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("", 3600)), Cursor: "z1"},
			"company=c&cursor=z1&line=Alice&person=p&tag=t&to=2026-01-02T03%3A04%3A05Z"},
	} {
		page, err := c.Log(t.Context(), ask.query)
		if err != nil || len(page.Entries) != 1 || page.Entries[0].Record != "r1" || page.Next != ask.want {
			t.Errorf("%+v: %+v, %v", ask.query, page, err)
		}
	}
}
