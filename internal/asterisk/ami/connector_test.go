package ami

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/connector/connectortest"
	"github.com/callboard-dev/callboard/internal/demopbx"
	"github.com/callboard-dev/callboard/internal/telephony"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "s3cret: \\?\"'Å"

// startPBX starts a demo PBX with one account, "callboard".
func startPBX(t *testing.T, change func(*demopbx.Options)) *demopbx.PBX {
	t.Helper()
	o := demopbx.Options{
		Accounts:   map[string]demopbx.Account{"callboard": {Secret: secret, Read: "system,call", Write: "call"}, "deaf": {Secret: secret, Read: "call"}},
		Speed:      50,
		LoginDelay: 10 * time.Millisecond,
		// A busy test machine is no slow reader.
		WriteTimeout: 10 * time.Second,
	}
	if change != nil {
		change(&o)
	}
	pbx, err := demopbx.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pbx.Close() })
	return pbx
}

func settings(pbx *demopbx.PBX) Config {
	return Config{Address: pbx.Addr(), Username: "callboard", Secret: secret}
}

// commanded is a demo PBX as the suite of all connectors commands it.
type commanded struct{ *demopbx.PBX }

func (c commanded) Play(ctx context.Context, text string) error {
	s, err := demopbx.ParseScenario("suite", strings.NewReader(text))
	if err != nil {
		return err
	}
	return c.PBX.Play(ctx, s)
}

func (c commanded) Connections() int                                 { return c.Sessions() }
func (c commanded) WaitConnections(ctx context.Context, n int) error { return c.WaitSessions(ctx, n) }
func (c commanded) Drop(reset bool)                                  { c.DropConnections(reset) }
func (c commanded) Chunk(n int)                                      { c.WriteChunk(n) }

func (c commanded) Tear() {
	before := c.Counters().BytesOut
	half := "Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/1001-0000ffff\r\nChannelState: 4\r\nUniqueid: torn\r\n"
	c.Inject([]byte(half))
	for c.Counters().BytesOut < before+int64(len(half)) {
		runtime.Gosched()
	}
	c.DropConnections(false)
}

func TestConnectorSuite(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, func(t *testing.T) (connector.Connector, connectortest.PBX) {
		pbx := startPBX(t, nil)
		return New(settings(pbx)), commanded{pbx}
	})
}

// runUntilUp runs a connector until it has its snapshot, and returns what it reported of the link.
func runUntilUp(t *testing.T, c Config) telephony.LinkUp {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var up telephony.LinkUp
	found := false
	err := New(c).Run(ctx, func(o telephony.Observation) {
		switch f := o.Fact.(type) {
		case telephony.LinkUp:
			up = f
		case telephony.Snapshot:
			found = true
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || !found {
		t.Fatalf("Run returned %v", err)
	}
	return up
}

func TestLogins(t *testing.T) {
	t.Parallel()
	for _, login := range []Login{LoginAuto, LoginPlain, LoginMD5} {
		pbx := startPBX(t, nil)
		c := settings(pbx)
		c.Login = login
		up := runUntilUp(t, c)
		if !strings.HasPrefix(up.Peer, "Asterisk ") || time.Since(up.BootedAt).Abs() > time.Minute {
			t.Errorf("login %q: peer %q, booted at %v", login, up.Peer, up.BootedAt)
		}
	}
}

// certificates are an authority of our own and a certificate of it for a name.
func certificates(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	authorityKey, serverKey := key(), key()
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	server := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	authorityDER, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	if err != nil {
		t.Fatal(err)
	}
	serverDER, err := x509.CreateCertificate(rand.Reader, server, authority, &serverKey.PublicKey, authorityKey)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(authorityDER)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{serverDER}, PrivateKey: serverKey}, pool
}

func TestTLS(t *testing.T) {
	t.Parallel()
	certificate, authority := certificates(t, "pbx.example")
	pbx := startPBX(t, func(o *demopbx.Options) { o.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}} })
	c := settings(pbx)
	c.TLS = &tls.Config{RootCAs: authority, ServerName: "pbx.example"}
	runUntilUp(t, c)

	_, other := certificates(t, "pbx.example")
	for name, bad := range map[string]struct {
		tls    *tls.Config
		remedy string
	}{
		"another authority": {&tls.Config{RootCAs: other, ServerName: "pbx.example"}, "pbx.tls_ca"},
		"another name":      {&tls.Config{RootCAs: authority, ServerName: "other.example"}, "pbx.tls_name"},
	} {
		c.TLS = bad.tls
		f := runFails(t, c)
		if !f.Permanent || !strings.Contains(f.Remedy, bad.remedy) {
			t.Errorf("%s: %+v", name, f)
		}
	}
	plain := startPBX(t, nil)
	c.Address, c.TLS = plain.Addr(), &tls.Config{RootCAs: authority, ServerName: "pbx.example"}
	if f := runFails(t, c); f.Permanent || !strings.Contains(f.Problem, "TLS") {
		t.Errorf("TLS to a plain port: %+v", f)
	}
}

// runFails runs a connector that must fail, and returns why. The secret is in none of it.
func runFails(t *testing.T, c Config) *connector.Failure {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := New(c).Run(ctx, func(o telephony.Observation) { t.Errorf("reported %T", o.Fact) })
	f, ok := errors.AsType[*connector.Failure](err)
	if !ok {
		t.Fatalf("Run returned %v, want a failure that a person understands", err)
	}
	if f.Problem == "" || f.Remedy == "" || strings.Contains(f.Error()+f.Err.Error(), secret) {
		t.Errorf("told as %q, %q", f.Error(), f.Err)
	}
	return f
}

func TestFailures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		config    func(t *testing.T) Config
		permanent bool
		says      string
	}{
		{"wrong password", func(t *testing.T) Config { c := settings(startPBX(t, nil)); c.Secret = "no"; return c }, true, "refused Login"},
		{"wrong password, plain", func(t *testing.T) Config {
			c := settings(startPBX(t, nil))
			c.Secret, c.Login = "no", LoginPlain
			return c
		}, true, "refused Login"},
		{"unknown user", func(t *testing.T) Config { c := settings(startPBX(t, nil)); c.Username = "nobody"; return c }, true, "\"nobody\""},
		{"no right to list channels", func(t *testing.T) Config { c := settings(startPBX(t, nil)); c.Username = "deaf"; return c }, true, "refused Status"},
		{"nobody listens", func(t *testing.T) Config {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			return Config{Address: l.Addr().String()}
		}, false, "connection refused"},
		{"no AMI", func(t *testing.T) Config { return Config{Address: says(t, "HTTP/1.1 400 Bad Request\r\n\r\n")} }, false, "not an Asterisk manager"},
		{"closes at once", func(t *testing.T) Config { return Config{Address: says(t, "")} }, false, "closed the connection"},
		{"closes after the greeting", func(t *testing.T) Config { return Config{Address: says(t, banner)} }, false, "closed the connection"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := runFails(t, test.config(t))
			if f.Permanent != test.permanent || !strings.Contains(f.Problem, test.says) {
				t.Errorf("permanent %v, %q; want %v and %q", f.Permanent, f.Problem, test.permanent, test.says)
			}
		})
	}
}

// What the system may say of a connection, told to a person.
func TestExplain(t *testing.T) {
	t.Parallel()
	c := New(Config{Address: "pbx:5038"})
	for says, err := range map[string]error{
		"not known":     &net.OpError{Op: "dial", Err: &net.DNSError{Name: "pbx"}},
		"no way":        &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH},
		"does not":      &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded},
		"closed the":    &net.OpError{Op: "read", Err: syscall.ECONNRESET},
		"failed: odd":   fmt.Errorf("wrapped: %w", errors.New("odd")),
		"shutting down": &connector.Failure{Problem: "The PBX is shutting down", Remedy: "wait"},
		"speak TLS":     tls.RecordHeaderError{Msg: "first record"},
	} {
		f, ok := errors.AsType[*connector.Failure](c.explain(t.Context(), err))
		if !ok || f.Permanent || !strings.Contains(f.Problem, says) || f.Remedy == "" {
			t.Errorf("%v is told as %+v, want %q in it", err, f, says)
		}
	}
}

// says listens, and says one thing to every client.
func says(t *testing.T, what string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, what)
			conn.Close()
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return l.Addr().String()
}

// A wrong password is told once and not tried again: an account that locks is worse than a link that is not there.
func TestWrongPasswordIsNotRetried(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, nil)
	config := settings(pbx)
	config.Secret = "wrong"
	c := New(config)
	var dials atomic.Int32
	connect := c.connect
	c.connect = func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		return connect(ctx, network, address)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var last telephony.Link
	_ = connector.Supervise(ctx, c, func(telephony.Observation) {}, func(l telephony.Link) {
		last = l
		if l.State == telephony.LinkRefused {
			time.AfterFunc(1500*time.Millisecond, cancel) // longer than the first wait between tries
		}
	})
	if last.State != telephony.LinkRefused || dials.Load() != 1 {
		t.Errorf("the link is %s after %d dials, want refused after 1", last.State, dials.Load())
	}
}

// script is the other end of a pipe: it says what follows on each action, in a bubble of its own time.
type script struct {
	conn net.Conn
	out  chan string
	mute bool // reads but does not answer
	deaf bool // does not even read
}

// say sends without waiting, as a socket with its buffers does.
func (s *script) say(text string) { s.out <- text }

// serve logs a client in with an empty list and answers pings, until it is told to be mute or deaf after the list.
func (s *script) serve() {
	s.say(banner)
	r := NewReader(io.MultiReader(strings.NewReader(banner), s.conn))
	if _, err := r.Banner(); err != nil {
		return
	}
	listed := false
	for {
		if listed && s.deaf {
			time.Sleep(time.Hour)
			return
		}
		m, err := r.Next()
		if err != nil {
			return
		}
		id := "ActionID: " + m.Text("ActionID") + "\r\n"
		reply := "Response: Success\r\n" + id + "\r\n"
		switch m.Text("Action") {
		case "Challenge":
			reply = "Response: Success\r\n" + id + "Challenge: 1\r\n\r\n"
		case "Login":
			reply += "Event: FullyBooted\r\nUptime: 100\r\n\r\n"
		case "Status":
			reply += "Event: StatusComplete\r\n" + id + "ListItems: 0\r\n\r\n"
			listed = true
		case "Ping":
			if s.mute {
				continue
			}
		}
		s.say(reply)
	}
}

// piped runs a connector against a script in a bubble and returns the error and how long it took.
func piped(t *testing.T, s *script, serve func(), ctx context.Context) (err error, took time.Duration, reported []telephony.Observation) {
	t.Helper()
	c := New(Config{Address: "pbx", Username: "u", Secret: "s"})
	near, far := net.Pipe()
	s.conn, s.out = far, make(chan string, 100)
	c.connect = func(context.Context, string, string) (net.Conn, error) { return near, nil }
	var serving sync.WaitGroup
	serving.Go(func() {
		defer close(s.out)
		serve()
	})
	serving.Go(func() {
		defer far.Close()
		for text := range s.out {
			_, _ = io.WriteString(far, text) // where nobody reads any more there is nobody to tell
		}
	})
	start := time.Now()
	err = c.Run(ctx, func(o telephony.Observation) { reported = append(reported, o) })
	took = time.Since(start)
	far.Close()
	serving.Wait()
	return err, took, reported
}

// A PBX that hangs is found dead within 15 seconds, whether it reads or not; one that answers pings is left alone.
func TestStalledIsFoundDead(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*script{"it reads and says nothing": {mute: true}, "it does not read": {deaf: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err, took, reported := piped(t, s, s.serve, t.Context())
				f, ok := errors.AsType[*connector.Failure](err)
				if !ok || f.Permanent || !strings.Contains(f.Problem, "does not answer") {
					t.Errorf("told as %v", err)
				}
				if took > 15*time.Second || len(reported) != 2 {
					t.Errorf("found after %v, with %d observations", took, len(reported))
				}
			})
		})
	}
	t.Run("it lives", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &script{}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			if err, took, _ := piped(t, s, s.serve, ctx); !errors.Is(err, context.DeadlineExceeded) || took != time.Hour {
				t.Errorf("ended after %v: %v", took, err)
			}
		})
	})
}

// A peer that greets and then says nothing, or not even greets, is given up.
func TestSilentPeer(t *testing.T) {
	t.Parallel()
	for name, greeting := range map[string]string{"no greeting": "", "half a greeting": "Asterisk Call", "only a greeting": banner} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{}
				err, took, _ := piped(t, s, func() {
					s.say(greeting)
					_, _ = io.Copy(io.Discard, s.conn)
				}, t.Context())
				if f, ok := errors.AsType[*connector.Failure](err); !ok || !strings.Contains(f.Problem, "does not answer") || took > 15*time.Second {
					t.Errorf("after %v: %v", took, err)
				}
			})
		})
	}
}

// TLS to a peer that says nothing is given up, with words for a person.
func TestSilentTLSPeer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := New(Config{Address: "pbx", TLS: &tls.Config{ServerName: "pbx"}})
		c.connect = func(context.Context, string, string) (net.Conn, error) { return near, nil }
		var reading sync.WaitGroup
		reading.Go(func() { _, _ = io.Copy(io.Discard, far) })
		start := time.Now()
		err := c.Run(t.Context(), func(telephony.Observation) {})
		if f, ok := errors.AsType[*connector.Failure](err); !ok || !strings.Contains(f.Problem, "does not answer") || time.Since(start) > 15*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		far.Close()
		reading.Wait()
	})
}

// A PBX that answers pings and never its list is given up too.
func TestListNeverComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		err, took, reported := piped(t, s, func() {
			s.say(banner)
			r := NewReader(io.MultiReader(strings.NewReader(banner), s.conn))
			_, _ = r.Banner()
			for m, err := r.Next(); err == nil; m, err = r.Next() {
				if m.Text("Action") != "Status" {
					s.say("Response: Success\r\nActionID: " + m.Text("ActionID") + "\r\nChallenge: 1\r\n\r\n")
				}
			}
		}, t.Context())
		if _, ok := errors.AsType[*connector.Failure](err); !ok || took > time.Minute || len(reported) > 0 {
			t.Errorf("after %v: %v, %d observations", took, err, len(reported))
		}
	})
}

// What happens before the list is complete is reported after it, and nothing is reported before the account is in.
func TestEventsAroundTheList(t *testing.T) {
	t.Parallel()
	event := func(id string) string {
		return "Event: Newchannel\r\nChannel: PJSIP/1001-1\r\nChannelState: 4\r\nUniqueid: " + id + "\r\nLinkedid: " + id + "\r\n\r\n"
	}
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		err, _, reported := piped(t, s, func() {
			s.say(banner + event("too-early"))
			r := NewReader(io.MultiReader(strings.NewReader(banner), s.conn))
			_, _ = r.Banner()
			for m, err := r.Next(); err == nil; m, err = r.Next() {
				id := "ActionID: " + m.Text("ActionID") + "\r\n"
				ok := "Response: Success\r\n" + id + "Challenge: 1\r\n\r\n"
				if m.Text("Action") != "Status" {
					s.say(ok)
					continue
				}
				leg := "Event: Status\r\n" + id + "Channel: PJSIP/1002-1\r\nChannelState: 6\r\nSeconds: 7\r\nApplication: AppDial\r\nUniqueid: there\r\nLinkedid: there\r\n\r\n"
				other := strings.ReplaceAll(strings.ReplaceAll(leg, "cb-", "xx-"), "there", "not ours")
				s.say(event("before") + ok + event("during") + leg + other + "Event: StatusComplete\r\n" + id + "ListItems: 1\r\n\r\n" + event("after"))
				return
			}
		}, t.Context())
		if _, ok := errors.AsType[*connector.Failure](err); !ok {
			t.Errorf("ended with %v", err)
		}
		var order []string
		for _, o := range reported {
			switch f := o.Fact.(type) {
			case telephony.LinkUp:
				order = append(order, "up")
			case telephony.Snapshot:
				for _, leg := range f.Legs {
					if order = append(order, "list:"+string(leg.Leg)); !leg.Called || leg.Age != 7*time.Second {
						t.Errorf("the leg is %+v", leg)
					}
				}
			case telephony.LegAdded:
				order = append(order, string(f.Leg))
			}
		}
		if got := strings.Join(order, " "); got != "up list:there before during after" {
			t.Errorf("reported %s", got)
		}
	})
}
