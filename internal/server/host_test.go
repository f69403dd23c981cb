package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// hostCases are requests as they are written to the socket. PORT is the server's own.
var hostCases = []struct {
	name   string
	target string // empty: /v1/hello
	host   string // the Host lines, without the last line break; empty: none
	ok     bool
}{
	{name: "loopback by number", host: "Host: 127.0.0.1:PORT", ok: true},
	{name: "localhost", host: "Host: localhost:PORT", ok: true},
	{name: "IPv6 loopback", host: "Host: [::1]:PORT", ok: true},
	{name: "upper case", host: "Host: LOCALHOST:PORT", ok: true},
	{name: "mixed case", host: "Host: LocalHost:PORT", ok: true},
	{name: "trailing dot", host: "Host: localhost.:PORT", ok: true},
	{name: "trailing dot on a number", host: "Host: 127.0.0.1.:PORT", ok: true},
	{name: "a configured name", host: "Host: desk.example:PORT", ok: true},
	{name: "a configured name at its proxy's port", host: "Host: desk.example", ok: true},
	{name: "a configured name in upper case", host: "Host: DESK.EXAMPLE:443", ok: true},

	{name: "none", host: ""},
	{name: "empty", host: "Host:"},
	{name: "only a port", host: "Host: :PORT"},
	{name: "a dot", host: "Host: .:PORT"},
	{name: "localhost at no port", host: "Host: localhost"},
	{name: "localhost at another port", host: "Host: localhost:1"},
	{name: "localhost at an empty port", host: "Host: localhost:"},
	{name: "localhost at the port with a zero before", host: "Host: localhost:0PORT"},
	{name: "loopback at no port", host: "Host: 127.0.0.1"},
	{name: "loopback at the port of the web", host: "Host: 127.0.0.1:80"},
	{name: "foreign", host: "Host: evil.example"},
	{name: "foreign at the port", host: "Host: evil.example:PORT"},
	{name: "localhost as a sub-domain", host: "Host: localhost.evil.example:PORT"},
	{name: "loopback as a sub-domain", host: "Host: 127.0.0.1.nip.example:PORT"},
	{name: "loopback.nip", host: "Host: 127.0.0.1.nip:PORT"},
	{name: "localhost with a prefix", host: "Host: notlocalhost:PORT"},
	{name: "localhost with a user", host: "Host: localhost@evil.example:PORT"},
	{name: "a user before localhost", host: "Host: evil.example@localhost:PORT"},
	{name: "localhost after a foreign name", host: "Host: evil.example,localhost:PORT"},
	{name: "two dots", host: "Host: localhost..:PORT"},
	{name: "IPv4-mapped", host: "Host: [::ffff:127.0.0.1]:PORT"},
	{name: "IPv4-mapped in hexadecimal", host: "Host: [::ffff:7f00:1]:PORT"},
	{name: "IPv6 in full", host: "Host: [0:0:0:0:0:0:0:1]:PORT"},
	{name: "IPv6 without brackets", host: "Host: ::1:PORT"},
	{name: "IPv6 with a zone", host: "Host: [::1%25lo]:PORT"},
	{name: "another loopback number", host: "Host: 127.0.0.2:PORT"},
	{name: "a short number", host: "Host: 127.1:PORT"},
	{name: "one decimal number", host: "Host: 2130706433:PORT"},
	{name: "hexadecimal", host: "Host: 0x7f000001:PORT"},
	{name: "octal", host: "Host: 0177.0.0.1:PORT"},
	{name: "every address", host: "Host: 0.0.0.0:PORT"},
	{name: "brackets around a name", host: "Host: [localhost]:PORT"},
	{name: "a tab", host: "Host: localhost\t:PORT"},
	{name: "a sub-domain of a configured name", host: "Host: x.desk.example"},
	{name: "a configured name as a sub-domain", host: "Host: desk.example.evil.example"},
	{name: "twice", host: "Host: localhost:PORT\r\nHost: localhost:PORT"},
	{name: "twice, the second foreign", host: "Host: localhost:PORT\r\nHost: evil.example"},
	{name: "a forwarded name", host: "Host: evil.example\r\nX-Forwarded-Host: localhost:PORT"},
	{name: "a forwarded element", host: "Host: evil.example\r\nForwarded: host=localhost:PORT"},
	{name: "a foreign forwarded name counts for nothing", host: "Host: localhost:PORT\r\nX-Forwarded-Host: evil.example", ok: true},
	{name: "absolute target, foreign", target: "http://evil.example/v1/hello", host: "Host: localhost:PORT"},
	{name: "absolute target, foreign Host", target: "http://localhost:PORT/v1/hello", host: "Host: evil.example"},
	{name: "absolute target, our own", target: "http://localhost:PORT/v1/hello", host: "Host: localhost:PORT"},
	{name: "authority target", target: "//evil.example/v1/hello", host: "Host: evil.example:PORT"},
	{name: "the page", target: "/", host: "Host: evil.example:PORT"},
	{name: "the stream", target: "/v1/watch", host: "Host: evil.example:PORT"},
	{name: "nothing there", target: "/nothing", host: "Host: evil.example:PORT"},
}

// raw writes a request to a socket as it is, and reads the answer.
func raw(t *testing.T, addr, request string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// askAll sends all cases to a server and returns, per case, whether it was let in and what it got.
func askAll(t *testing.T, addr string, each func(name string, ok, wantOK bool, res *http.Response, body string)) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range hostCases {
		target := c.target
		if target == "" {
			target = "/v1/hello"
		}
		lines := c.host
		if lines != "" {
			lines += "\r\n"
		}
		request := strings.ReplaceAll(fmt.Sprintf("GET %s HTTP/1.1\r\n%sConnection: close\r\n\r\n", target, lines), "PORT", port)
		res, body := raw(t, addr, request)
		// Without a Host line, with two of them, or with one that is no name, net/http itself answers 400.
		each(c.name, res.StatusCode != http.StatusMisdirectedRequest && res.StatusCode != http.StatusBadRequest, c.ok, res, body)
	}
}

func withNames(p *plan) { p.server.Hosts = []string{"Desk.Example.", "", "."} }

// TestHosts holds the Host allow-list to the table (SEC-02).
func TestHosts(t *testing.T) {
	t.Parallel()
	h := open(t, withNames)
	if len(hostCases) < 40 {
		t.Errorf("the table has %d hosts, want 40", len(hostCases))
	}
	askAll(t, h.addr, func(name string, ok, want bool, res *http.Response, body string) {
		if ok != want {
			t.Errorf("%s: let in: %v, want %v: %d %s", name, ok, want, res.StatusCode, body)
		}
		if want && res.StatusCode != http.StatusOK {
			t.Errorf("%s: got %d, want 200: %s", name, res.StatusCode, body)
		}
		if res.StatusCode == http.StatusMisdirectedRequest && !strings.Contains(body, `"host_not_allowed"`) {
			t.Errorf("%s: no problem document: %s", name, body)
		}
		if strings.Contains(body, `"version"`) != want {
			t.Errorf("%s: the answer itself came, or did not: %s", name, body)
		}
	})
}

// TestHostsNegativeControl runs the same table against a server without the allow-list: it must let the foreign ones in,
// or the table proves nothing.
func TestHostsNegativeControl(t *testing.T) {
	t.Parallel()
	h := open(t, withNames)
	open := httptest.NewServer(h.server.inside())
	defer open.Close()
	missed := 0
	askAll(t, open.Listener.Addr().String(), func(_ string, ok, want bool, _ *http.Response, _ string) {
		if ok && !want {
			missed++
		}
	})
	if missed < 25 {
		t.Errorf("without the allow-list only %d foreign hosts come in: the table cannot fail", missed)
	}
}

// TestHostByLocalAddress: it is the address that a connection came to that decides, not the name that it says it wants.
func TestHostByLocalAddress(t *testing.T) {
	t.Parallel()
	reached := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	handler := hosts([]string{"desk.example"}, reached, func(w http.ResponseWriter, _ error) { w.WriteHeader(http.StatusMisdirectedRequest) })
	for _, c := range []struct {
		local, host string
		ok          bool
	}{
		{"127.0.0.1:8747", "127.0.0.1:8747", true},
		{"[::1]:8747", "[::1]:8747", true},
		{"[::1]:8747", "localhost:8747", true},
		{"127.0.0.2:8747", "127.0.0.2:8747", true},
		{"[::ffff:127.0.0.1]:8747", "127.0.0.1:8747", true},
		{"192.0.2.10:8747", "127.0.0.1:8747", false},
		{"192.0.2.10:8747", "localhost:8747", false},
		{"192.0.2.10:8747", "192.0.2.10:8747", false},
		{"192.0.2.10:8747", "desk.example", true},
		{"127.0.0.1:8747", "127.0.0.1:8748", false},
		{"127.0.0.1:8747", "127.0.0.1", false},
		{"127.0.0.1:80", "127.0.0.1", true},
		{"", "127.0.0.1:8747", false},
	} {
		r := httptest.NewRequest("GET", "/v1/hello", nil)
		r.Host = c.host
		if c.local != "" {
			local := net.TCPAddrFromAddrPort(mustAddrPort(t, c.local))
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(local)))
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if ok := w.Code == http.StatusNoContent; ok != c.ok {
			t.Errorf("at %s as %s: let in: %v, want %v", c.local, c.host, ok, c.ok)
		}
	}
}

// TestOrigins holds every kind of request to the Origin rule (SEC-03).
func TestOrigins(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, port, err := net.SplitHostPort(h.addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		header string // lines, PORT is the server's own
		path   string
		ok     bool
	}{
		{"a program", "", "/v1/status", true},
		{"the page itself", "Origin: http://127.0.0.1:PORT", "/v1/status", true},
		{"the page itself, said twice", "Origin: http://127.0.0.1:PORT\nSec-Fetch-Site: same-origin", "/v1/status", true},
		{"typed by the person", "Sec-Fetch-Site: none", "/v1/status", true},
		{"same origin by GET", "Sec-Fetch-Site: same-origin", "/v1/status", true},
		{"null", "Origin: null", "/v1/status", false},
		{"foreign", "Origin: https://evil.example", "/v1/status", false},
		{"foreign with the port", "Origin: http://evil.example:PORT", "/v1/status", false},
		{"localhost is another origin", "Origin: http://localhost:PORT", "/v1/status", false},
		{"another port", "Origin: http://127.0.0.1:1", "/v1/status", false},
		{"no port", "Origin: http://127.0.0.1", "/v1/status", false},
		{"another scheme", "Origin: file://127.0.0.1:PORT", "/v1/status", false},
		{"an extension", "Origin: chrome-extension://abcdef", "/v1/status", false},
		{"as a prefix", "Origin: http://127.0.0.1:PORT.evil.example", "/v1/status", false},
		{"as a user", "Origin: http://127.0.0.1:PORT@evil.example", "/v1/status", false},
		{"with a path", "Origin: http://127.0.0.1:PORT/", "/v1/status", false},
		{"cross-site GET without Origin", "Sec-Fetch-Site: cross-site", "/v1/status", false},
		{"same-site is not same-origin", "Sec-Fetch-Site: same-site", "/v1/status", false},
		{"an image from elsewhere", "Sec-Fetch-Site: cross-site\nSec-Fetch-Dest: image", "/icon.svg", false},
		{"a script from elsewhere", "Sec-Fetch-Site: cross-site\nSec-Fetch-Dest: script", "/sdk/callboard.js", false},
		{"a stream from elsewhere", "Sec-Fetch-Site: cross-site", "/v1/watch", false},
		{"hello from elsewhere", "Sec-Fetch-Site: cross-site", "/v1/hello", false},
		{"a link to the page", "Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate", "/", true},
		{"a link to the page with an Origin", "Origin: https://evil.example\nSec-Fetch-Site: cross-site", "/", false},
	} {
		var lines []string
		if c.header != "" {
			lines = strings.Split(strings.ReplaceAll(c.header, "PORT", port), "\n")
		}
		got := h.do("GET", c.path, h.user, nil, lines...)
		if ok := got.status == http.StatusOK; ok != c.ok {
			t.Errorf("%s: got %d %s, want it let in: %v", c.name, got.status, got.body, c.ok)
		}
		if !c.ok && got.problem(t).Code != "origin_not_allowed" {
			t.Errorf("%s: got %s", c.name, got.body)
		}
	}
	record := h.lookup("+45 12 34 56 78")
	for _, foreign := range []string{"Origin: null", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"} {
		h.refused(http.StatusForbidden, "origin_not_allowed", "POST", "/v1/records/"+record+"/notes", h.user, map[string]string{"text": "forged"}, foreign)
		h.refused(http.StatusForbidden, "origin_not_allowed", "DELETE", "/v1/apps/crm", h.user, nil, foreign)
		h.refused(http.StatusForbidden, "origin_not_allowed", "POST", "/v1/session", "", map[string]string{"code": "x"}, foreign)
	}
	if notes := h.record(record).Items["notes"]; len(notes) != 0 {
		t.Errorf("a foreign page has changed something: %v", notes)
	}
}
