package webhook

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestJudge is the table of addresses (SEC-40).
func TestJudge(t *testing.T) {
	t.Parallel()
	refused := strings.Fields(`127.0.0.1 127.255.255.254 ::1 :: 0.0.0.0 0.1.2.3 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 169.254.0.1 fe80::1 fe80::1%eth0
		100.64.0.1 100.100.100.200 100.127.255.255 fc00::1 fd00:ec2::254 fdff::1 224.0.0.1 239.255.255.250 ff02::1 ff0e::1 240.0.0.1 255.255.255.255
		192.0.0.170 192.0.2.1 198.51.100.1 203.0.113.1 198.18.0.1 198.19.255.255 192.88.99.1 168.63.129.16 2001:db8::1 2001::1 2001:10::1 2001:2::1 2002:7f00:1::1 3fff::1
		::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 fec0::1 100::1 5f00::1`)
	public := strings.Fields(`1.1.1.1 8.8.8.8 172.15.255.255 172.32.0.1 100.63.255.255 100.128.0.1 192.0.1.1 198.17.255.255 223.255.255.255 2606:4700::1111 2a00:1450:4001::1
		::ffff:8.8.8.8 64:ff9b::808:808 2001:4860:4860::8888`)
	lan := guard{allow: []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24"), netip.MustParsePrefix("fd00::/64")}}
	for _, text := range refused {
		addr := netip.MustParseAddr(text)
		if guardless := (guard{}).judge(addr); guardless == nil {
			t.Errorf("%s may be called", text)
		}
		if err := lan.judge(addr); (err == nil) != (text == "192.168.1.1") {
			t.Errorf("%s, with the house's network allowed: %v", text, err)
		}
	}
	for _, text := range public {
		addr := netip.MustParseAddr(text)
		if err := (guard{}).judge(addr); err != nil {
			t.Errorf("%s may not be called: %v", text, err)
		}
		if (guard{plain: true}).judge(addr) == nil {
			t.Errorf("%s may be called without TLS", text)
		}
	}
	plain := guard{plain: true, allow: lan.allow}
	for text, want := range map[string]bool{"192.168.1.7": true, "::ffff:192.168.1.7": true, "64:ff9b::192.168.1.7": true, "fd00::5%lan": true, "192.168.2.7": false, "8.8.8.8": false} {
		if err := plain.judge(netip.MustParseAddr(text)); (err == nil) != want {
			t.Errorf("%s without TLS: %v", text, err)
		}
	}
	if (guard{}).judge(netip.Addr{}) == nil {
		t.Error("no address may be called")
	}
}

// counted is a target that counts the connections made to it.
func counted(t *testing.T, handler http.HandlerFunc) (port string, count *atomic.Int64) {
	t.Helper()
	count = &atomic.Int64{}
	s := httptest.NewUnstartedServer(handler)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			count.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, count
}

// TestNoConnection: whatever the URL says, a connection is judged by the address that it is made to; to one that is refused
// there is none (SEC-40).
func TestNoConnection(t *testing.T) {
	t.Parallel()
	port, count := counted(t, func(w http.ResponseWriter, _ *http.Request) {})
	s := newSender(nil, names(t, "127.0.0.1"), "test")
	defer s.close()
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "0.0.0.0", "[::1]", "rebound.example", "[64:ff9b::7f00:1]"} {
		for _, scheme := range []string{"http", "https"} {
			r := s.post(t.Context(), &Hook{Settings: Settings{URL: scheme + "://" + host + ":" + port + "/"}}, "msg_1", []byte("{}"), 5*time.Second)
			if r.taken || r.Problem == "" || r.Status != 0 {
				t.Errorf("%s://%s: %+v", scheme, host, r)
			}
		}
	}
	if n := count.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	if tr, ok := s.secure.(*http.Transport); !ok || tr.Proxy != nil {
		t.Error("a proxy of the environment would be used")
	}
}

// TestRebound: a name that came to an allowed address, and to another the next time, is judged anew.
func TestRebound(t *testing.T) {
	t.Parallel()
	port, count := counted(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	s := newSender([]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, names(t, "127.0.0.1", "127.0.0.2"), "test")
	defer s.close()
	hook := &Hook{Settings: Settings{URL: "http://rebound.example:" + port + "/"}}
	if r := s.post(t.Context(), hook, "msg_1", []byte("{}"), 5*time.Second); !r.taken {
		t.Errorf("%+v", r)
	}
	r := s.post(t.Context(), hook, "msg_1", []byte("{}"), 5*time.Second)
	if r.taken || !strings.Contains(r.Problem, "127.0.0.2") || !strings.Contains(r.Problem, "webhooks.allow") {
		t.Errorf("%+v", r)
	}
	if n := count.Load(); n != 1 {
		t.Errorf("%d connections were made", n)
	}
}

// TestRedirect: one is a failure, and is not followed (D-9).
func TestRedirect(t *testing.T) {
	t.Parallel()
	other, reached := counted(t, func(w http.ResponseWriter, _ *http.Request) {})
	for _, status := range []int{301, 302, 303, 307, 308} {
		port, _ := counted(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:"+other+"/latest/meta-data", status)
		})
		s := newSender([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, nil, "test")
		r := s.post(t.Context(), &Hook{Settings: Settings{URL: "http://127.0.0.1:" + port + "/"}}, "msg_1", []byte("{}"), 5*time.Second)
		if r.taken || r.Status != status || !strings.Contains(r.Problem, "redirects are not followed") {
			t.Errorf("%+v", r)
		}
		s.close()
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// TestAnswers: what a target may answer, and what is made of it. What it says besides is not read without bound.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status       int
		kind, body   string
		taken        bool
		want, reason string
	}{
		"claims":        {200, "application/json; charset=utf-8", ` {"claims":[]} `, true, `{"claims":[]}`, ""},
		"no type":       {200, "-", `{"claims":[]}`, true, `{"claims":[]}`, ""},
		"text":          {200, "text/plain", "ok", true, "", ""},
		"a page":        {201, "text/html", "<p>{</p>", true, "", ""},
		"nothing":       {204, "-", "", true, "", ""},
		"no type, text": {200, "-", "ok", true, "", ""},
		"at the limit":  {200, "application/json", strings.Repeat(" ", maxAnswer-2) + "{}", true, "{}", ""},
		"too large":     {200, "application/json", strings.Repeat(" ", maxAnswer-1) + "{}", true, "", "larger than 64 KiB"},
		"cut off":       {200, "application/json", "short", true, "", "broke off"},
		"refused":       {400, "application/json", `{"claims":[]}`, false, "", "400 Bad Request"},
		"gone":          {410, "-", "", false, "", "410 Gone"},
		"broken":        {500, "-", "", false, "", "500"},
		"an odd status": {599, "-", "", false, "", "599"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port, _ := counted(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Content-Type"] = nil
				if c.kind != "-" {
					w.Header().Set("Content-Type", c.kind)
				}
				if name == "cut off" {
					w.Header().Set("Content-Length", "1000")
				}
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			})
			s := newSender([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, nil, "test")
			defer s.close()
			r := s.post(t.Context(), &Hook{Settings: Settings{URL: "http://127.0.0.1:" + port + "/?key=in-the-url"}}, "msg_1", []byte("{}"), 5*time.Second)
			if r.taken != c.taken || r.Status != c.status || string(r.body) != c.want || (c.reason == "") != (r.Problem == "") || !strings.Contains(r.Problem, c.reason) || r.gone != (c.status == 410) {
				t.Errorf("got %+v, body %q", r, r.body)
			}
		})
	}
}

// TestSilence: a target that does not answer in time, or is not there, is told so in a sentence without its URL.
func TestSilence(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	port, _ := counted(t, func(http.ResponseWriter, *http.Request) { <-hang })
	t.Cleanup(func() { close(hang) })
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := nobody.Addr().String()
	nobody.Close()
	s := newSender([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, nil, "test")
	t.Cleanup(s.close)
	for at, want := range map[string]string{"http://127.0.0.1:" + port: "no answer within 50ms", "http://" + free: "refused", "https://127.0.0.1:" + port: "no answer"} {
		r := s.post(t.Context(), &Hook{Settings: Settings{URL: at + "/?key=in-the-url"}}, "msg_1", []byte("{}"), 50*time.Millisecond)
		if r.taken || !strings.Contains(r.Problem, want) || strings.Contains(r.Problem, "in-the-url") {
			t.Errorf("%s: %+v", at, r)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{"": 0, "120": 2 * time.Minute, "-5": 0, "soon": 0, "9999999999": 24 * time.Hour, "999999": 24 * time.Hour,
		"Sat, 28 Nov 2026 12:05:00 GMT": 5 * time.Minute, "Sat, 28 Nov 2026 11:00:00 GMT": 0, "Fri, 28 Nov 2036 11:00:00 GMT": 24 * time.Hour} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// names is a resolver for which every name has the next of some addresses; the last one for good (RFC 1035).
func names(t *testing.T, addresses ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	go func() {
		defer close(done)
		buffer, asked := make([]byte, 512), 0
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			end := 12
			for end < n && buffer[end] != 0 {
				end += int(buffer[end]) + 1
			}
			end += 5 // the root, type and class
			reply := append([]byte{}, buffer[:end]...)
			copy(reply[2:12], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
			if binary.BigEndian.Uint16(buffer[end-4:]) == 1 { // A
				reply[7] = 1
				addr := netip.MustParseAddr(addresses[min(asked, len(addresses)-1)]).As4()
				asked++
				reply = append(append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), addr[:]...)
			}
			conn.WriteTo(reply, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}
