package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// closed are addresses that are nobody's on the internet, or that nobody but their own house may reach (SEC-40; IANA special
// purpose registries, RFC 6890). Of IPv6 only 2000::/3 is given out at all: the rest is closed without being named.
var closed = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32", // Azure's own server in every virtual machine: a public address with the role of 169.254.169.254
	"2001::/23",        // protocol assignments: Teredo and its like reach IPv4 addresses
	"2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/20",
)

var (
	given = netip.MustParsePrefix("2000::/3")
	nat64 = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052: an IPv4 address stands in the last 32 bits
)

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

// guard says where connections may go: to the internet with TLS, and to what the administrator allows, also without.
type guard struct {
	allow []netip.Prefix
	plain bool // the connection is without TLS
}

// control is a dialer's: it judges the address that a name came to, for every connection, before it is made.
func (g guard) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%q is no address: %w", address, err)
	}
	return g.judge(at.Addr())
}

func (g guard) judge(addr netip.Addr) error {
	addr = plainAddr(addr)
	for _, p := range g.allow {
		if p.Contains(addr) {
			return nil
		}
	}
	switch {
	case !public(addr):
		return &refusal{fmt.Sprintf("%s is an address of this computer, of a local network or of nobody", addr), "add its network to webhooks.allow in callboard.yaml if you mean it"}
	case g.plain:
		return &refusal{fmt.Sprintf("%s would be reached without TLS", addr), "use an https URL, or add its network to webhooks.allow in callboard.yaml"}
	}
	return nil
}

// refusal is a connection that is not made.
type refusal struct{ reason, remedy string }

func (r *refusal) Error() string { return r.reason + ": " + r.remedy }

// plainAddr is the address that is meant: IPv4 in IPv6 is taken out, a zone goes.
func plainAddr(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if nat64.Contains(addr) {
		all := addr.As16()
		return netip.AddrFrom4([4]byte(all[12:]))
	}
	return addr
}

func public(addr netip.Addr) bool {
	if addr.Is6() && !given.Contains(addr) {
		return false
	}
	for _, p := range closed {
		if p.Contains(addr) {
			return false
		}
	}
	return addr.IsValid()
}

const maxURL = 2048

// checkURL says why a URL cannot be a webhook's. What its name will come to, only the connection knows.
func (o *Outbox) checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || len(text) > maxURL || u.Host == "" || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return invalid("that is no URL for a webhook", "give one like https://crm.example.com/callboard, of at most 2,048 bytes")
	case u.User != nil || u.Fragment != "":
		return invalid("a webhook's URL has no user name and no fragment", "the signature says who calls: check that instead")
	}
	g := guard{allow: o.options.Allow, plain: u.Scheme == "http"}
	host := u.Hostname()
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		host = "127.0.0.1"
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if refused, ok := errors.AsType[*refusal](g.judge(addr)); ok {
			return invalid(refused.reason, refused.remedy)
		}
	}
	return nil
}
