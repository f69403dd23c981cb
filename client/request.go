package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"
)

const (
	requestTime  = 30 * time.Second
	maxAnswer    = 64 << 20 // bytes of one response; a full list of a busy board stays far below
	maxProblem   = 64 << 10
	maxFrame     = 16 << 20 // bytes of one notification
	jsonType     = "application/json"
	problemTypes = jsonType + ", application/problem+json"
)

// do sends one request and reads its answer into out, unless out is nil. It takes at most 30 s.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	return c.doWith(ctx, method, path, nil, in, out)
}

// doOnce is do with an Idempotency-Key, unless that is empty.
func (c *Client) doOnce(ctx context.Context, method, path, key string, in, out any) error {
	var header http.Header
	if key != "" {
		header = http.Header{keyHeader: {key}}
	}
	return c.doWith(ctx, method, path, header, in, out)
}

const (
	keyHeader = "Idempotency-Key"
	again     = 250 * time.Millisecond // after which a write that did not arrive is sent once more
)

// write is do for what must not be done twice: it has a key, so that it can be sent once more when no answer came (D-10).
// match is an If-Match, or empty.
func (c *Client) write(ctx context.Context, method, path, match string, in, out any) error {
	header := http.Header{keyHeader: {rand.Text()}}
	if match != "" {
		header.Set("If-Match", match)
	}
	err := c.doWith(ctx, method, path, header, in, out)
	if _, lost := errors.AsType[*lost](err); lost && ctx.Err() == nil && wait(ctx, again) == nil {
		err = c.doWith(ctx, method, path, header, in, out)
	}
	return err
}

// lost is the error of a request of which no answer came: nobody knows whether it was taken.
type lost struct{ error }

func (l *lost) Unwrap() error { return l.error }

// doWith is do with more headers.
func (c *Client) doWith(ctx context.Context, method, path string, header http.Header, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = bytes.NewReader(b)
	}
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", problemTypes)
	if in != nil {
		req.Header.Set("Content-Type", jsonType)
	}
	maps.Copy(req.Header, header)
	res, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer res.Body.Close()
	return c.read(res, out)
}

func (c *Client) read(res *http.Response, out any) error {
	if res.StatusCode < 200 || res.StatusCode > 299 {
		b, _ := io.ReadAll(io.LimitReader(res.Body, maxProblem))
		return problemFrom(res, b)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return c.unreachable(err)
	case len(b) > maxAnswer:
		return fmt.Errorf("the answer of %s is larger than %d MiB and was not read", c.url, maxAnswer>>20)
	case out == nil:
		return nil
	case !isJSON(res.Header):
		return fmt.Errorf("%s answers, but not as Callboard does (content type %q): is this its address?", c.url, res.Header.Get("Content-Type"))
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("%s answers, but not as Callboard does (%w): is this its address, and is it the same version as this program?", c.url, err)
	}
	return nil
}

func (c *Client) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.opt.Token)
	return req, nil
}

// unreachable names the address, the reason without the library's own prefixes, and the remedy.
func (c *Client) unreachable(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if errors.Is(err, context.Canceled) { // the caller's own doing
		return fmt.Errorf("asking Callboard at %s: %w", c.url, err)
	}
	return &lost{fmt.Errorf("cannot reach Callboard at %s: %w; is it running?", c.url, err)}
}

// segment makes one part of a path of an id. The two names that a path gives a meaning of its own would reach another
// endpoint, so they are refused here as the server would refuse them.
func segment(what, id string) (string, error) {
	if id == "" || id == "." || id == ".." || len(id) > 64 {
		return "", fmt.Errorf("%q is no id of a %s: ids have 1 to 64 characters", id, what)
	}
	return url.PathEscape(id), nil
}
