package history

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Client asks one Callboard and keeps what it asked and was told. One goroutine at a time uses it.
type Client struct {
	Name  string
	Kept  *Recorder
	Where func() (url, token string) // of the Callboard of this life; empty: there is none just now
	HTTP  *http.Client
}

// errAway says that there was nobody to ask.
var errAway = errors.New("no Callboard is running")

// send asks, and reads the whole answer. Status 0: there was none.
func (c *Client) send(ctx context.Context, method, path string, header http.Header, body any) (int, http.Header, []byte, error) {
	address, token := c.Where()
	if address == "" {
		return 0, nil, nil, errAway
	}
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, nil, nil, err
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, address+path, in)
	if err != nil {
		return 0, nil, nil, err
	}
	maps.Copy(req.Header, header)
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil { // it was cut: nobody has been answered
		return 0, nil, nil, err
	}
	return res.StatusCode, res.Header, text, nil
}

// ask sends what a request asks, keeps how it came out, and decodes a good answer.
func (c *Client) ask(ctx context.Context, q *Request, method, path string, header http.Header, body, answer any) bool {
	q.Life, q.Client, q.Sent = c.Kept.Life(), c.Name, c.Kept.Now()
	status, _, text, err := c.send(ctx, method, path, header, body)
	q.Done, q.Status = c.Kept.Now(), status
	switch {
	case errors.Is(err, errAway):
		return false
	case err != nil:
		q.Outcome = Unknown
	case status < 300:
		q.Outcome = Acked
		if json.Unmarshal(text, answer) != nil {
			panic(fmt.Sprintf("%s %s: an answer that is no JSON: %s", method, path, text))
		}
	case status == http.StatusInternalServerError || status == http.StatusInsufficientStorage: // the program is about to end, or the disk fails
		q.Outcome = Unknown
	default:
		q.Outcome = Refused
		var p api.Problem
		if json.Unmarshal(text, &p) == nil && p.Current != nil {
			q.Value = p.Current.Fields[exclusive].Value
		}
		q.Code = p.Code
	}
	return q.Outcome == Acked
}

// Lookup opens a record for a number; empty: it did not.
func (c *Client) Lookup(ctx context.Context, number string) string {
	q := Request{Op: "lookup"}
	var r api.Record
	if c.ask(ctx, &q, "POST", "/v1/records", nil, api.Lookup{Number: number}, &r) {
		q.Record = r.ID
	}
	c.keep(q)
	return q.Record
}

func (c *Client) keep(q Request) {
	if q.Outcome != "" {
		c.Kept.Request(q)
	}
}

// Note adds a note to a record.
func (c *Client) Note(ctx context.Context, record string) Outcome {
	q := Request{Op: "note", Record: record, Effects: []Effect{{"", Value()}}}
	c.ask(ctx, &q, "POST", "/v1/records/"+record+"/notes", nil, api.NoteText{Text: q.Effects[0].Value}, &api.Item{})
	c.keep(q)
	return q.Outcome
}

// Claim claims fields of a record, each with a value that nobody else claims.
func (c *Client) Claim(ctx context.Context, record string, fields ...string) Outcome {
	q := Request{Op: "claim", Record: record}
	var body api.ClaimRequest
	for _, f := range fields {
		q.Effects = append(q.Effects, Effect{f, Value()})
		body.Claims = append(body.Claims, api.NewClaim{Field: f, Value: q.Effects[len(q.Effects)-1].Value})
	}
	var w api.Written
	c.ask(ctx, &q, "POST", "/v1/records/"+record+"/claims", nil, body, &w)
	q.Rev = w.Rev
	c.keep(q)
	return q.Outcome
}

// exclusive is the field whose record Swap swaps.
const exclusive = "call.disposition"

// Swap reads the exclusive field of a record and writes another value in its place, if nothing has changed between.
func (c *Client) Swap(ctx context.Context, record string) {
	read := Request{Op: "read", Record: record}
	var r api.Record
	ok := c.ask(ctx, &read, "GET", "/v1/records/"+record, nil, nil, &r)
	read.Value = r.Fields[exclusive].Value
	c.keep(read)
	if !ok {
		return
	}
	q := Request{Op: "swap", Record: record, Seen: read.Value, Effects: []Effect{{exclusive, Value()}}}
	match := http.Header{"If-Match": {fmt.Sprintf("%q", fmt.Sprint(r.Rev))}}
	var w api.Written
	c.ask(ctx, &q, "POST", "/v1/records/"+record+"/claims", match, api.ClaimRequest{Claims: []api.NewClaim{{Field: exclusive, Value: q.Effects[0].Value}}}, &w)
	q.Rev = w.Rev
	c.keep(q)
}

// Dial places a call under a key. It reports whether its outcome is known now.
func (c *Client) Dial(ctx context.Context, key, number string) bool {
	q := Request{Op: "dial", Key: key, Seen: number}
	var raw json.RawMessage
	c.ask(ctx, &q, "POST", "/v1/calls", http.Header{"Idempotency-Key": {key}}, api.Dial{Number: number}, &raw)
	switch telephony.Code(q.Code) {
	case telephony.CodeUnderWay: // no answer of the command
		return false
	case telephony.CodeOutcome:
		q.Outcome = Unknown
	case telephony.CodePBXRefused, telephony.CodePBXAway, telephony.CodePhoneSilent:
		q.Outcome, q.Value = Failed, q.Code
	case "":
		q.Value = string(raw)
	}
	c.keep(q)
	return q.Status != 0
}

// List lists what a view sees, and gives the cursor; empty: there was no answer.
func (c *Client) List(ctx context.Context, v View) string {
	life := c.Kept.Life()
	status, _, text, err := c.send(ctx, "GET", "/v1/records?"+v.query(), nil, nil)
	var l api.RecordList
	if err != nil || status != http.StatusOK || json.Unmarshal(text, &l) != nil {
		return ""
	}
	c.Kept.List(Listing{Life: life, Client: c.Name, View: v, Cursor: l.Cursor, Records: l.Records})
	return l.Cursor
}

func (v View) query() string {
	q := url.Values{}
	if len(v.Calls) > 0 {
		q.Set("call_states", strings.Join(v.Calls, ","))
	}
	if !v.Shown {
		q.Set("include", "claims")
	}
	return q.Encode()
}

// pause waits, or not beyond ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
