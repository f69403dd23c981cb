//go:build linux

package store

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/store/pgtest"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{t: t, key: newKey(t)}
	a.cert = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority of ours"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signed is a certificate, in PEM.
func (a authority) signed(template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// file is its own certificate, as the address names it.
func (a authority) file() string {
	a.t.Helper()
	path := filepath.Join(a.t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, a.signed(a.cert, a.key), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// certify gives a server a certificate for an IP address, good up to a time.
func (a authority) certify(s *pgtest.Server, ip net.IP, upTo time.Time) {
	a.t.Helper()
	key := newKey(a.t)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: upTo, IPAddresses: []net.IP{ip}}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err == nil {
		keyText := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		err = errors.Join(s.Give("server.crt", a.signed(template, key)), s.Give("server.key", keyText))
	}
	if err != nil {
		a.t.Fatal(err)
	}
}

// ownAddress is a loopback address that nobody else has, and a port of it: PostgreSQL does not choose one by itself.
func ownAddress(t *testing.T) (ip net.IP, port string) {
	t.Helper()
	var b [3]byte
	rand.Read(b[:])
	ip = net.IPv4(127, b[0]|1, b[1], b[2]&0x7f|1)
	l, err := net.Listen("tcp", net.JoinHostPort(ip.String(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return ip, port
}

// TestTLS: a server that proves who it is with a certificate of an authority that the address names is gone to by TLS; one that does not
// is refused, with what is wrong and what to do.
func TestTLS(t *testing.T) {
	t.Parallel()
	ip, port := ownAddress(t)
	const otherName = "127.0.0.1"
	own := server(t, "listen_addresses="+ip.String()+","+otherName, "port="+port)
	ours := newAuthority(t)
	restart := func(ssl string) {
		t.Helper()
		if err := errors.Join(own.Exec(t.Context(), "ALTER SYSTEM SET ssl = "+ssl), own.Stop(), own.Run()); err != nil {
			t.Fatal(err)
		}
	}
	ours.certify(own, ip, time.Now().Add(time.Hour))
	if err := own.Admit("hostssl all all 127.0.0.0/8 trust"); err != nil {
		t.Fatal(err)
	}
	restart("on")
	address := func(host string, file string) string {
		settings := url.Values{"sslmode": {"verify-full"}, "sslrootcert": {file}}
		return "postgres://postgres@" + net.JoinHostPort(host, port) + "/postgres?" + settings.Encode()
	}
	good := address(ip.String(), ours.file())
	w, _ := begun(t, good)
	s := w.store
	for what, db := range map[string]querier{"writer": s.writer, "readers": s.readers} {
		var is bool
		if err := db.QueryRowContext(t.Context(), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&is); err != nil || !is {
			t.Errorf("%s by TLS: %v, %v", what, is, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	refuse := func(what, address string, wants ...string) {
		t.Helper()
		unopened(t, what, address, append(wants, "postgres at "+ip.String()[:3])...)
	}
	refuse("by another authority", address(ip.String(), newAuthority(t).file()), "its certificate: x509: certificate signed by unknown authority", "sslrootcert=/path/ca.pem")
	refuse("under another name", address(otherName, ours.file()), "not "+otherName, "as its certificate does")
	ours.certify(own, ip, time.Now().Add(-time.Minute))
	restart("on")
	refuse("no longer good", good, "has expired", "a certificate that is good now")
	restart("off")
	refuse("without TLS", good, "it has no TLS", "ssl = on")
}
