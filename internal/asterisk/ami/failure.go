package ami

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// explain turns an error into one sentence for a person, with what to do about it. Trying again by itself stops only
// where nothing but a person's change can help.
func (c *Connector) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if f, ok := errors.AsType[*connector.Failure](err); ok {
		return f
	}
	f := &connector.Failure{Err: err}
	at := c.config.Address
	if r, ok := errors.AsType[*refusal](err); ok {
		return c.refused(f, r)
	}
	if c.untrusted(f, err) {
		return f
	}
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case isDNS:
		f.Problem = fmt.Sprintf("The name of the PBX, %q, is not known", dns.Name)
		f.Remedy = "check pbx.address in callboard.yaml, and this computer's network"
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Problem = fmt.Sprintf("Nothing answers at %s: connection refused", at)
		f.Remedy = "check the port in pbx.address (5038, or 5039 with TLS) and that manager.conf of the Asterisk says enabled = yes"
	case errors.Is(err, ErrNotAMI):
		f.Problem = fmt.Sprintf("What answers at %s is not an Asterisk manager", at)
		f.Remedy = "check the port in pbx.address: 5038, or 5039 with TLS"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		f.Problem = fmt.Sprintf("The PBX at %s does not answer", at)
		f.Remedy = "check the network and the firewall between here and there, and whether the port wants TLS (pbx.tls)"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		f.Problem = fmt.Sprintf("There is no way to the PBX at %s: %v", at, unwrapped(err))
		f.Remedy = "check this computer's network (VPN?) and pbx.address in callboard.yaml"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		f.Problem = fmt.Sprintf("The PBX at %s closed the connection", at)
		f.Remedy = "Callboard connects again by itself; if this goes on, look at Asterisk's log"
	default:
		f.Problem = fmt.Sprintf("The link to the PBX at %s failed: %v", at, unwrapped(err))
		f.Remedy = "Callboard connects again by itself; if this goes on, check pbx in callboard.yaml"
	}
	return f
}

func (c *Connector) refused(f *connector.Failure, r *refusal) error {
	f.Permanent = true
	f.Problem = fmt.Sprintf("The PBX at %s refused %s as user %q: %s", c.config.Address, r.action, c.config.Username, telephony.Display(r.message))
	f.Remedy = "correct pbx.username and pbx.secret in callboard.yaml (manager.conf on the Asterisk has them, and may permit only some addresses), then start Callboard again"
	if r.action == "Status" {
		f.Remedy = "give the account read = call and write = call in manager.conf, reload the manager, then start Callboard again"
	}
	return f
}

// untrusted recognises a certificate that was not accepted. Nothing secret has been sent then.
func (c *Connector) untrusted(f *connector.Failure, err error) bool {
	at := c.config.Address
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		f.Problem = fmt.Sprintf("The PBX at %s does not speak TLS on this port: %s", at, record.Msg)
		f.Remedy = "use the TLS port (usually 5039) in pbx.address, or set pbx.tls: false"
		return true
	}
	verification, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok {
		return false
	}
	f.Permanent = true
	f.Problem = fmt.Sprintf("The certificate of the PBX at %s is not trusted: %v", at, verification.Err)
	f.Remedy = "name the file of the authority that signed it as pbx.tls_ca in callboard.yaml, then start Callboard again"
	if host, ok := errors.AsType[x509.HostnameError](err); ok {
		f.Remedy = fmt.Sprintf("it is made out to %v: put that name in pbx.tls_name in callboard.yaml, then start Callboard again", host.Certificate.DNSNames)
	}
	return true
}

// unwrapped is the innermost error: the system's own words without our layers.
func unwrapped(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
