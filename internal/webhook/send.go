package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

const (
	answerTime = 15 * time.Second // for a notification; a work has at least as much
	dialTime   = 5 * time.Second
	maxAnswer  = 64 << 10       // bytes, as of a request to the API (SEC-23)
	maxWait    = 24 * time.Hour // that a Retry-After may ask for
	idleTime   = 90 * time.Second
)

// sender makes requests. With TLS and without are two clients, because the guard of their connections differs.
type sender struct {
	secure, plain http.RoundTripper
	agent         string
}

func newSender(allow []netip.Prefix, resolver *net.Resolver, version string) sender {
	return sender{secure: transport(guard{allow: allow}, resolver), plain: transport(guard{allow: allow, plain: true}, resolver), agent: "Callboard/" + version}
}

// transport guards every connection. It uses no proxy of the environment, which would make connections that nobody guards,
// and as a round-tripper follows no redirects.
func transport(g guard, resolver *net.Resolver) *http.Transport {
	dialer := net.Dialer{Timeout: dialTime, Control: g.control, Resolver: resolver}
	return &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTime, MaxResponseHeaderBytes: 16 << 10,
		MaxIdleConnsPerHost: atOnce, IdleConnTimeout: idleTime, DisableCompression: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
}

// close gives back idle connections.
func (s *sender) close() {
	for _, t := range []http.RoundTripper{s.secure, s.plain} {
		if t, ok := t.(*http.Transport); ok {
			t.CloseIdleConnections()
		}
	}
}

// reply is what became of a request.
type reply struct {
	Attempt
	taken bool          // it was a 2xx
	body  []byte        // of a 2xx, if it is JSON
	gone  bool          // 410: the target wants no more
	wait  time.Duration // for which it asked, before the next
}

// post sends one signed request and waits for the answer, at most so long.
func (s *sender) post(ctx context.Context, h *Hook, id string, body []byte, patience time.Duration) reply {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := reply{Attempt: Attempt{At: began}}
	res, err := s.do(ctx, h, id, began, body)
	if err == nil {
		r.read(res)
		res.Body.Close()
	} else {
		r.Problem = sentence(err, patience)
	}
	r.TookMS = time.Since(began).Milliseconds()
	return r
}

func (s *sender) do(ctx context.Context, h *Hook, id string, at time.Time, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", s.agent)
	sign(req.Header, id, at, body, h.secrets(at))
	if req.URL.Scheme == "http" {
		return s.plain.RoundTrip(req)
	}
	return s.secure.RoundTrip(req)
}

// read judges an answer: only 2xx is success, a redirect is none. What a target says in other answers is not read.
func (r *reply) read(res *http.Response) {
	r.Status = res.StatusCode
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		r.taken = true
		r.readBody(res)
	case res.StatusCode >= 300 && res.StatusCode < 400:
		r.Problem = fmt.Sprintf("it answered %s: redirects are not followed, set the URL where it is now", status(res))
	case res.StatusCode == http.StatusGone:
		r.gone, r.Problem = true, "it answered 410 Gone: it wants no more"
	default:
		r.wait = retryAfter(res.Header.Get("Retry-After"), r.At)
		r.Problem = "it answered " + status(res)
	}
}

func status(res *http.Response) string {
	return strings.TrimSpace(strconv.Itoa(res.StatusCode) + " " + http.StatusText(res.StatusCode))
}

// readBody reads an answer that may carry claims. "ok" in plain text is none.
func (r *reply) readBody(res *http.Response) {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case kind != "" && kind != "application/json":
	case err != nil:
		r.Problem = "its answer broke off"
	case len(body) > maxAnswer:
		r.Problem = "its answer is larger than 64 KiB and was not read"
	case kind == "" && !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")):
	default:
		r.body = bytes.TrimSpace(body)
	}
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3), within bounds.
func retryAfter(text string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		wait = time.Duration(min(seconds, uint64(maxWait/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxWait)
}

// sentence says why there was no answer. It never has the URL, in which there may be a secret.
func sentence(err error, patience time.Duration) string {
	if refused, ok := errors.AsType[*refusal](err); ok {
		return "not called: " + refused.Error()
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Sprintf("no answer within %v", patience)
	}
	return "no answer: " + telephony.Display(err.Error())
}
