package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/webui"
)

// wantHeaders are on every answer (SEC-35).
var wantHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
	"X-Content-Type-Options":     "nosniff",
	"Referrer-Policy":            "no-referrer",
	"Cross-Origin-Opener-Policy": "same-origin",
	"Cache-Control":              "no-store",
}

func checkHeaders(t *testing.T, what string, h http.Header) {
	t.Helper()
	for name, want := range wantHeaders {
		if got := h.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s is %q, want %q", what, name, got, want)
		}
	}
	for _, never := range []string{"Set-Cookie", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Server"} {
		if got := h.Values(never); len(got) > 0 {
			t.Errorf("%s: %s is %q, want none (SEC-04)", what, never, got)
		}
	}
}

// TestHeaders looks at every route, answered, refused and not there.
func TestHeaders(t *testing.T) {
	t.Parallel()
	h := open(t)
	record := h.lookup("+45 12 34 56 78")
	for _, op := range h.contract.Operations() {
		path := strings.ReplaceAll(pathOf(op.Path), "rec_0000", record)
		checkHeaders(t, op.ID, h.do(op.Method, path, h.user, nil).header)
		checkHeaders(t, op.ID+" without a token", h.do(op.Method, path, "", nil).header)
		checkHeaders(t, op.ID+" from elsewhere", h.do(op.Method, path, h.user, nil, "Origin: null").header)
		checkHeaders(t, op.ID+" by another name", h.do(op.Method, path, h.user, nil, "Host: evil.example").header)
	}
	for _, path := range []string{"/", "/index.html", "/assets/page.js", "/icon.svg", "/sdk/callboard.js", "/nothing", "/v1/nothing", "/v1/openapi.yaml", "//v1/hello"} {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "TRACE"} {
			checkHeaders(t, method+" "+path, h.do(method, path, "", nil).header)
		}
	}
	code := h.server.Code()
	checkHeaders(t, "a session", h.do("POST", "/v1/session", "", api.SessionRequest{Code: code}).header)
}

// TestPage: the page's files and the SDK are there, and nothing else.
func TestPage(t *testing.T) {
	t.Parallel()
	h := open(t)
	for path, want := range map[string]struct{ kind, text string }{
		"/":                 {"text/html; charset=utf-8", "<title>Callboard</title>"},
		"/assets/page.js":   {"text/javascript; charset=utf-8", "export const page"},
		"/icon.svg":         {"image/svg+xml", "<svg"},
		"/sdk/callboard.js": {"text/javascript; charset=utf-8", "export const sdk"},
	} {
		got := h.want(http.StatusOK, nil, "GET", path, "", nil)
		if kind := got.header.Get("Content-Type"); kind != want.kind || !strings.Contains(string(got.body), want.text) {
			t.Errorf("%s: got %s: %s", path, kind, got.body)
		}
		if got := h.want(http.StatusOK, nil, "HEAD", path, "", nil); len(got.body) > 0 {
			t.Errorf("HEAD %s has a body", path)
		}
		h.refused(http.StatusNotFound, "not_found", "POST", path, "", "{}")
	}
	for _, path := range []string{"/assets", "/assets/", "/sdk", "/sdk/", "/nothing", "/index.htm", "/assets/..%2f..%2fetc/passwd", "/%2e%2e/secret", "/a\\b", "/.git/config"} {
		h.refused(http.StatusNotFound, "not_found", "GET", path, "", nil)
	}
}

// TestLookupLink: a link looks somebody up if the person has opened it; one on another site only fills the box in (SEC-03).
func TestLookupLink(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, site := range []string{"none", "same-origin"} {
		got := h.want(http.StatusOK, nil, "GET", "/lookup?q=%2B4512345678", "", nil, "Sec-Fetch-Site: "+site)
		if kind := got.header.Get("Content-Type"); kind != "text/html; charset=utf-8" || !strings.Contains(string(got.body), "<title>Callboard</title>") {
			t.Errorf("%s: got %s: %s", site, kind, got.body)
		}
	}
	for _, more := range [][]string{{"Sec-Fetch-Site: cross-site"}, {"Sec-Fetch-Site: same-site"}, nil} {
		got := h.do("GET", "/lookup?q=%2B45+12&x=%0d%0aSet-Cookie:a", "", nil, more...)
		if to := got.header.Get("Location"); got.status != http.StatusSeeOther || to != "/#lookup=%2B45+12" {
			t.Errorf("%v: got %d to %q", more, got.status, to)
		}
	}
	h.refused(http.StatusNotFound, "not_found", "POST", "/lookup?q=1", "", "{}")
	h.refused(http.StatusForbidden, "origin_not_allowed", "POST", "/lookup?q=1", "", "{}", "Sec-Fetch-Site: cross-site")
}

// TestRealPage serves the page that is built into the program: all that its index asks for is there.
func TestRealPage(t *testing.T) {
	t.Parallel()
	h := open(t, func(p *plan) { p.server.Page = webui.FS() })
	index := string(h.want(http.StatusOK, nil, "GET", "/", "", nil).body)
	found := 0
	for _, attribute := range []string{`src="`, `href="`} {
		for _, rest := range strings.Split(index, attribute)[1:] {
			path, _, _ := strings.Cut(rest, `"`)
			path = "/" + strings.TrimPrefix(strings.TrimPrefix(path, "."), "/")
			if got := h.want(http.StatusOK, nil, "GET", path, "", nil); len(got.body) == 0 {
				t.Errorf("%s is empty", path)
			}
			found++
		}
	}
	if found < 2 || strings.Contains(index, "<style") || strings.Contains(index, "onclick") {
		t.Errorf("the index asks for %d files: %s", found, index)
	}
}

// TestUpgradeRefused: what is no WebSocket is told so as every other error is, and takes nothing over.
func TestUpgradeRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	watch := h.watch(app, "?needs=party.number")
	path := "/v1/watch/ws?needs=party.email"
	h.refused(http.StatusUpgradeRequired, "upgrade_required", "GET", path, app, nil)
	for _, lines := range []string{
		"Connection: Upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short",
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13",
		"Connection: close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	} {
		res, body := raw(t, h.addr, "GET "+path+" HTTP/1.1\r\nHost: "+h.addr+"\r\nAuthorization: Bearer "+app+"\r\n"+lines+"\r\nContent-Length: 0\r\nX-End: 1\r\n\r\n")
		if res.StatusCode != http.StatusUpgradeRequired || res.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, "upgrade_required") {
			t.Errorf("%q: got %d %s", lines, res.StatusCode, body)
		}
	}
	h.lookup("+45 12 34 56 78")
	if work := watch.work(); len(work.Changed) != 1 || work.Changed[0] != "party.number" {
		t.Errorf("the registration was taken over: %+v", work)
	}
}

// TestServeEnds: the server ends when its context does, with streams open that read and that do not, and when its listener
// breaks.
func TestServeEnds(t *testing.T) {
	t.Parallel()
	h := open(t, narrow)
	record := h.lookup("+45 12 34 56 78")
	begin := func() (string, net.Listener, context.CancelFunc, chan error) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		other, err := New(t.Context(), h.server.options)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- other.Serve(ctx, narrowed{listener, h}) }()
		return listener.Addr().String(), listener, cancel, done
	}
	there := h.addr
	addr, _, cancel, done := begin()
	h.addr = addr
	h.lazy(h.user, "")
	h.flood(record, 300)
	stream, socket := h.watch(h.user, ""), h.socket(h.user, "")
	began := time.Now()
	cancel()
	if _, err := drain(stream); err != io.EOF {
		t.Errorf("the stream ended with %v", err)
	}
	socket.drain()
	if err := <-done; err != nil || time.Since(began) > 4*time.Second {
		t.Errorf("it ended after %v with %v", time.Since(began), err)
	}
	addr, listener, cancel, done := begin()
	defer cancel()
	h.addr = addr
	stream = h.watch(h.user, "")
	listener.Close()
	if err := <-done; err == nil {
		t.Error("a listener that broke is no error")
	}
	if _, err := drain(stream); err != io.EOF {
		t.Errorf("the stream ended with %v", err)
	}
	h.addr = there
}
