package lab

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
)

// reservePort is held on address .250 of a lab's network for as long as the lab exists, so that no other
// lab on the machine takes the same network.
const reservePort = 5059

// network is a loopback /24 that belongs to one lab.
type network struct {
	prefix string // the first three bytes, such as "127.40.7"
	held   net.Listener
}

func (n *network) addr(last int) string { return fmt.Sprintf("%s.%d", n.prefix, last) }

func (n *network) release() error { return n.held.Close() }

// reserve takes the network with the given first three bytes or, when prefix is empty, any free one.
func reserve(prefix string) (*network, error) {
	if prefix != "" {
		a, err := netip.ParseAddr(prefix + ".0")
		if err != nil || !a.IsLoopback() || !a.Is4() {
			return nil, fmt.Errorf("lab: network %q: want the first three bytes of a loopback network, such as 127.40.7", prefix)
		}
		return tryNetwork(prefix)
	}
	var last error
	for range 50 {
		// 127.0.x.x is where everybody else's servers are.
		n, err := tryNetwork(fmt.Sprintf("127.%d.%d", 1+rand.IntN(254), rand.IntN(256)))
		if err == nil {
			return n, nil
		}
		last = err
	}
	return nil, fmt.Errorf("lab: found no free loopback network: %w", last)
}

func tryNetwork(prefix string) (*network, error) {
	n := &network{prefix: prefix}
	held, err := net.Listen("tcp4", fmt.Sprintf("%s:%d", n.addr(250), reservePort))
	if err != nil {
		return nil, fmt.Errorf("lab: network %s.0/24 is taken by another lab: %w", prefix, err)
	}
	n.held = held
	// A server on 0.0.0.0 (a PBX of the machine itself, say) would get in our way on every network.
	if err := freePorts(n.addr(1)); err != nil {
		held.Close()
		return nil, err
	}
	return n, nil
}

func freePorts(host string) error {
	for _, port := range []string{"5061", "5038", "5039", "8088"} {
		l, err := net.Listen("tcp4", net.JoinHostPort(host, port))
		if err != nil {
			return fmt.Errorf("lab: a port Asterisk needs is in use on this machine: %w", err)
		}
		l.Close()
	}
	c, err := net.ListenPacket("udp4", net.JoinHostPort(host, "5060"))
	if err != nil {
		return fmt.Errorf("lab: the SIP port is in use on this machine: %w", err)
	}
	return c.Close()
}
