package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/callboard-dev/callboard/api"
)

// Records asks for the records on the board, newest first: those that are [Open], those that are [Closed], or with ""
// all.
func (c *Client) Records(ctx context.Context, state State) ([]*Record, error) {
	path := "/v1/records"
	if state != "" {
		path += "?state=" + escape(string(state))
	}
	var l api.RecordList
	if err := c.do(ctx, http.MethodGet, path, nil, &l); err != nil {
		return nil, err
	}
	return wrap(l.Records), nil
}

// Record asks for one record, from the board or from the store; with every claim of every field if includeClaims.
func (c *Client) Record(ctx context.Context, id string, includeClaims bool) (*Record, error) {
	seg, err := segment("record", id)
	if err != nil {
		return nil, err
	}
	path := "/v1/records/" + seg
	if includeClaims {
		path += "?include=claims"
	}
	r := new(Record)
	if err := c.do(ctx, http.MethodGet, path, nil, &r.Record); err != nil {
		return nil, err
	}
	return r, nil
}

// Claim says what this app knows, outside any work. All claims are taken or none; when it returns they are durable.
// [Claims.With] makes claims of a map.
func (c *Client) Claim(ctx context.Context, recordID string, claims ...NewClaim) (api.Written, error) {
	var w api.Written
	seg, err := segment("record", recordID)
	if err != nil {
		return w, err
	}
	if len(claims) == 0 {
		return w, errors.New("no claims were given")
	}
	err = c.write(ctx, http.MethodPost, "/v1/records/"+seg+"/claims", "", api.ClaimRequest{Claims: claims}, &w)
	return w, err
}

// AddNote adds a note, before, during or after the call. Sending it again adds another: [Client.PutNote] does not.
func (c *Client) AddNote(ctx context.Context, recordID, text string) (Item, error) {
	var i Item
	seg, err := segment("record", recordID)
	if err != nil {
		return i, err
	}
	err = c.write(ctx, http.MethodPost, "/v1/records/"+seg+"/notes", "", api.NoteText{Text: text}, &i)
	return i, err
}

// PutNote writes a note under an id of the caller's making, 8 to 64 of A-Z a-z 0-9 _ and -. Safe to repeat.
func (c *Client) PutNote(ctx context.Context, recordID, noteID, text string) (Item, error) {
	var i Item
	path, err := notePath(recordID, noteID)
	if err != nil {
		return i, err
	}
	err = c.do(ctx, http.MethodPut, path, api.NoteText{Text: text}, &i)
	return i, err
}

// RemoveNote removes a note of one's own.
func (c *Client) RemoveNote(ctx context.Context, recordID, noteID string) error {
	path, err := notePath(recordID, noteID)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodDelete, path, nil, nil)
}

func notePath(recordID, noteID string) (string, error) {
	r, err := segment("record", recordID)
	if err != nil {
		return "", err
	}
	n, err := segment("note", noteID)
	return "/v1/records/" + r + "/notes/" + n, err
}

// Lookup opens a record for a number without a call, or gives the open one of the same number. Any usual format;
// without a country code it is read as of the line's region.
func (c *Client) Lookup(ctx context.Context, number string) (*Record, error) {
	r := new(Record)
	if err := c.write(ctx, http.MethodPost, "/v1/records", "", api.Lookup{Number: number}, &r.Record); err != nil {
		return nil, err
	}
	return r, nil
}

// Sought is what somebody knows of a person without a call: a number, a name, an e-mail, web or IP address, a company, or a
// business card as vCard 3.0 or 4.0.
type Sought = api.Lookup

// LookupAny opens a record for whatever is known of somebody. An open one of the same number, or where none is given of the same
// e-mail address, is given as it is.
func (c *Client) LookupAny(ctx context.Context, sought Sought) (*Record, error) {
	r := new(Record)
	if err := c.write(ctx, http.MethodPost, "/v1/records", "", sought, &r.Record); err != nil {
		return nil, err
	}
	return r, nil
}

// Reopen puts a closed record back on the board: every app works on it anew. One that is open is given as it is. For the
// person, and for apps that may reopen.
func (c *Client) Reopen(ctx context.Context, recordID string) (*Record, error) {
	return c.turn(ctx, recordID, "reopen")
}

// CloseRecord closes a record before its time. For the person's token only.
func (c *Client) CloseRecord(ctx context.Context, recordID string) (*Record, error) {
	return c.turn(ctx, recordID, "close")
}

func (c *Client) turn(ctx context.Context, recordID, to string) (*Record, error) {
	seg, err := segment("record", recordID)
	if err != nil {
		return nil, err
	}
	r := new(Record)
	if err := c.write(ctx, http.MethodPost, "/v1/records/"+seg+"/"+to, "", nil, &r.Record); err != nil {
		return nil, err
	}
	return r, nil
}

// Status asks for the state of the lines, of the store, and for whom the token speaks.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	var s api.Status
	err := c.do(ctx, http.MethodGet, "/v1/status", nil, &s)
	return s, err
}

// Answer answers a work by its id. Enrich does it by itself; this is for an app that took its time and answers late.
func (c *Client) Answer(ctx context.Context, workID string, a Answer) (api.Written, error) {
	return c.postAnswer(ctx, workID, rand.Text(), a.wire())
}

// Progress says that the app is still at a work, and returns how long it has now. The [Work] that a function is called with
// does it more easily.
func (c *Client) Progress(ctx context.Context, workID string) (time.Duration, error) {
	seg, err := segment("work", workID)
	if err != nil {
		return 0, err
	}
	var left api.Progressed
	err = c.do(ctx, http.MethodPost, "/v1/works/"+seg+"/progress", nil, &left)
	return time.Duration(left.DeadlineMs) * time.Millisecond, err
}

// Pin lets what one source says of a field be shown, whatever the others say. For the person's token only, as Unpin, Hide
// and Unhide are.
func (c *Client) Pin(ctx context.Context, recordID, field, source string) (api.Written, error) {
	return c.decide(ctx, http.MethodPut, recordID, field, "pin", "", api.Pin{Source: source})
}

// Unpin takes a pin back.
func (c *Client) Unpin(ctx context.Context, recordID, field string) (api.Written, error) {
	return c.decide(ctx, http.MethodDelete, recordID, field, "pin", "", nil)
}

// Hide puts what one source says of a field out of sight: it is kept, and neither shown nor counted.
func (c *Client) Hide(ctx context.Context, recordID, field, source string) (api.Written, error) {
	return c.decide(ctx, http.MethodPut, recordID, field, "hidden", source, nil)
}

// Unhide takes a Hide back.
func (c *Client) Unhide(ctx context.Context, recordID, field, source string) (api.Written, error) {
	return c.decide(ctx, http.MethodDelete, recordID, field, "hidden", source, nil)
}

func (c *Client) decide(ctx context.Context, method, recordID, field, what, source string, in any) (api.Written, error) {
	var w api.Written
	record, err := segment("record", recordID)
	if err != nil {
		return w, err
	}
	path := "/v1/records/" + record + "/fields/" + url.PathEscape(field) + "/" + what
	if what == "hidden" {
		of, err := segment("source", source)
		if err != nil {
			return w, err
		}
		path += "/" + of
	}
	err = c.do(ctx, method, path, in, &w)
	return w, err
}

// ClaimMatch is Claim for fields with one owner, such as call.disposition: it is taken if the record still has the rev that
// was read. Otherwise the [*Problem] has the code rev_mismatch, and in Current the record as it is.
func (c *Client) ClaimMatch(ctx context.Context, recordID string, rev int64, claims ...NewClaim) (api.Written, error) {
	var w api.Written
	seg, err := segment("record", recordID)
	if err != nil {
		return w, err
	}
	err = c.write(ctx, http.MethodPost, "/v1/records/"+seg+"/claims", fmt.Sprintf("%q", strconv.FormatInt(rev, 10)), api.ClaimRequest{Claims: claims}, &w)
	return w, err
}

func (c *Client) postAnswer(ctx context.Context, workID, key string, a api.Answer) (api.Written, error) {
	var w api.Written
	seg, err := segment("work", workID)
	if err != nil {
		return w, err
	}
	err = c.doOnce(ctx, http.MethodPost, "/v1/works/"+seg+"/answer", key, a, &w)
	return w, err
}

// list fetches the board and the cursor to watch from, and replaces the local copy.
func (c *Client) list(ctx context.Context) error {
	query := c.opt.Only.query()
	if c.opt.IncludeClaims {
		query += "&include=claims"
	}
	path := "/v1/records"
	if query != "" {
		path += "?" + query[1:]
	}
	var l api.RecordList
	if err := c.do(ctx, http.MethodGet, path, nil, &l); err != nil {
		return err
	}
	if l.Cursor == "" {
		return errors.New(c.url + " answers, but its list has no cursor: is this the address of Callboard?")
	}
	c.cursor, c.listed = l.Cursor, wrap(l.Records)
	c.replaceHeld(c.listed)
	return nil
}

func wrap(l []api.Record) []*Record {
	out := make([]*Record, len(l))
	for i := range l {
		out[i] = &Record{l[i]}
	}
	return out
}
