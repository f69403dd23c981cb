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
