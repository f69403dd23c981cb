package ami

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// soon is how early the end of a certificate is worth a warning.
const soon = 21 * 24 * time.Hour

// transport looks at how the bytes travel.
func (e *examiner) transport(conn net.Conn) Check {
	secure, ok := conn.(*tls.Conn)
	if !ok {
		host, _, _ := net.SplitHostPort(e.link.config.Address)
		return e.plain(host)
	}
	state := secure.ConnectionState()
	leaf := state.PeerCertificates[0]
	check := Check{Name: "TLS", Status: Fine, Found: fmt.Sprintf("%s, a certificate for %s by %s until %s", tls.VersionName(state.Version), names509(leaf), by(leaf), leaf.NotAfter.Format(time.DateOnly))}
	if left := time.Until(leaf.NotAfter); left < soon {
		check.Status = Warning
		check.Found += fmt.Sprintf(": that is in %d days, and then Callboard will not connect", int(left.Hours()/24))
		check.Remedy = "renew the certificate that tlscertfile in manager.conf names, then reload the manager"
		check.File, check.Paste = "a shell at the PBX", "asterisk -rx 'manager reload'"
	}
	return check
}

// aboutTLS reports whether there is somebody at the other side, but no TLS to trust.
func aboutTLS(err error) bool {
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	return record || verification
}

func (e *examiner) plain(host string) Check {
	check := Check{Name: "TLS", Status: Fine, Found: "none, and none is needed: the PBX is on this computer"}
	if loopback(host) {
		return check
	}
	check.Status = Warning
	check.Found = "none: everybody on the way to " + telephony.Display(host) + " can read who talks to whom, and an MD5 challenge does not change that"
	check.Remedy = "let the manager speak TLS, then set pbx.tls: true and port 5039 in callboard.yaml"
	check.File = "manager.conf"
	check.Paste = "[general]\ntlsenable = yes\ntlsbindaddr = 0.0.0.0:5039\ntlscertfile = /etc/asterisk/keys/asterisk.pem\ntlsprivatekey = /etc/asterisk/keys/asterisk.key"
	return check
}

// untrusted says why a certificate was not accepted, and how to trust it if it is the right one.
func untrusted(err error) Check {
	check := failed("TLS", err)
	bad, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok || len(bad.UnverifiedCertificates) == 0 {
		return check
	}
	leaf := bad.UnverifiedCertificates[0]
	check.Found += fmt.Sprintf(" (a certificate for %s by %s, %s to %s)", names509(leaf), by(leaf), leaf.NotBefore.Format(time.DateOnly), leaf.NotAfter.Format(time.DateOnly))
	now := time.Now()
	_, wrongName := errors.AsType[x509.HostnameError](err)
	switch {
	case wrongName:
		check.Remedy = "if this is your PBX, tell Callboard what its certificate is made out to"
		check.File, check.Paste = "callboard.yaml, under pbx", "tls_name: "+first(strings.Split(names509(leaf), ", "))
	case now.After(leaf.NotAfter) || now.Before(leaf.NotBefore):
		check.Remedy = "renew the certificate that tlscertfile in manager.conf names, or correct the clock that is wrong"
	default:
		check.Remedy = fmt.Sprintf("if the PBX itself shows the same fingerprint for its tlscertfile (openssl x509 -noout -fingerprint -sha256 -in FILE), "+
			"keep this as pbx.pem and set pbx.tls_ca: pbx.pem in callboard.yaml. Here it is %s", fingerprint(leaf))
		check.File, check.Paste = "pbx.pem", strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})))
	}
	return check
}

func names509(c *x509.Certificate) string {
	names := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = append(names, c.Subject.CommonName)
	}
	return telephony.Display(strings.Join(names, ", "))
}

func by(c *x509.Certificate) string {
	if c.Issuer.String() == c.Subject.String() {
		return "itself"
	}
	return telephony.Display(first(nil, c.Issuer.CommonName, c.Issuer.String()))
}

// first is the first text that is not empty.
func first(more []string, texts ...string) string {
	for _, text := range append(more, texts...) {
		if text != "" {
			return text
		}
	}
	return ""
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return strings.ToUpper(strings.ReplaceAll(fmt.Sprintf("% x", sum), " ", ":"))
}
