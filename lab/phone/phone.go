package phone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// ErrClosed is returned by every method of a phone that was closed.
var ErrClosed = errors.New("phone: closed")

const sipPort = 5060 // of every phone: each has an address of its own

// Options say who a phone is. Addr, Server and User are needed.
type Options struct {
	Addr      string // own IP address; SIP is on port 5060 (UDP)
	Server    string // IP address of the PBX, ports 5060 (UDP) and 5061 (TLS)
	User      string // SIP user: the extension, or any name for a phone that does not register
	Name      string // display name of the calls it makes
	Password  string // SIP digest password
	Transport string // "udp" (also when empty) or "tls"; with tls the audio is SRTP with SDES keys
	CAFile    string // PEM file to check the PBX's certificate with; needed for tls

	IgnoreTalk bool // do nothing on a NOTIFY with Event talk or hold, as a phone that is not set to
}

// Phone is a SIP phone. Make one with New.
type Phone struct {
	o       Options
	network string // "UDP" or "TLS", as in a Via header
	server  string // host:port
	contact sip.Uri
	wire    wire
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup // handlers, calls and their audio

	mu       sync.Mutex // guards what follows and the state of all calls
	changed  chan struct{}
	closed   bool
	calls    map[string]*Call // by dialogKey
	incoming []*Call          // not yet taken by Incoming
	entries  []Entry
	seen     map[string]bool // transactions of requests that came, see admit
	regID    string          // Call-ID and CSeq of our registrations, RFC 3261 section 10.2.4
	regSeq   uint32
}

// New makes a phone that can be called and can call; it does not register. ctx bounds the making; the
// phone lives until Close.
func New(ctx context.Context, o Options) (*Phone, error) {
	p := &Phone{
		o:       o,
		network: "UDP",
		server:  net.JoinHostPort(o.Server, "5060"),
		contact: sip.Uri{Scheme: "sip", User: o.User, Host: o.Addr, Port: sipPort},
		changed: make(chan struct{}),
		calls:   map[string]*Call{},
		seen:    map[string]bool{},
		regID:   newID(),
	}
	p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	var err error
	switch o.Transport {
	case "", "udp":
		err = p.openUDP(ctx)
	case "tls":
		err = p.openTLS(ctx)
	default:
		err = fmt.Errorf("transport %q: want udp or tls", o.Transport)
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("phone %s: %w", o.User, err)
	}
	return p, nil
}

// Close ends the phone and waits for its goroutines. It sends nothing, so its calls and its registration
// stay at the PBX. A second call waits as the first does.
func (p *Phone) Close() {
	p.mu.Lock()
	p.closed = true // from here on the wire is not listened to
	var open []*Call
	for _, c := range p.calls {
		open = append(open, c)
	}
	p.mu.Unlock()
	p.cancel()
	for _, c := range open {
		c.finish(End{By: Failure, How: ErrClosed.Error()})
	}
	p.wg.Wait()
	p.hangUpWire()
}

// enter counts the caller among the phone's goroutines; false when the phone is closed. The caller calls
// p.wg.Done.
func (p *Phone) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.wg.Add(1)
	return true
}

// update changes state under the lock and wakes everyone who awaits a change.
func (p *Phone) update(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
}

// await blocks until ok says true or fails. ok is called under the lock.
func (p *Phone) await(ctx context.Context, what string, ok func() (bool, error)) error {
	for {
		p.mu.Lock()
		done, err := ok()
		changed := p.changed
		p.mu.Unlock()
		switch {
		case err != nil:
			return fmt.Errorf("phone %s: waiting for %s: %w", p.o.User, what, err)
		case done:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("phone %s: waiting for %s: %w", p.o.User, what, context.Cause(ctx))
		case <-p.ctx.Done():
			return fmt.Errorf("phone %s: waiting for %s: %w", p.o.User, what, ErrClosed)
		}
	}
}

// Register registers at the PBX for an hour. It blocks until the PBX has accepted. A TLS phone that lost its
// connection connects again.
func (p *Phone) Register(ctx context.Context) error { return p.register(ctx, 3600) }

// Unregister takes the registration back.
func (p *Phone) Unregister(ctx context.Context) error { return p.register(ctx, 0) }

func (p *Phone) register(ctx context.Context, expires int) error {
	if err := p.reconnect(ctx); err != nil {
		return fmt.Errorf("phone %s: register: %w", p.o.User, err)
	}
	own := sip.Uri{Scheme: "sip", User: p.o.User, Host: p.o.Server}
	from := &sip.FromHeader{Address: own}
	from.Params.Add("tag", newID())
	contact := &sip.ContactHeader{Address: p.contact}
	contact.Params.Add("expires", fmt.Sprint(expires))
	res, err := p.do(ctx, message{
		method: sip.REGISTER, target: sip.Uri{Scheme: "sip", Host: p.o.Server},
		from: from, to: &sip.ToHeader{Address: own}, callID: p.regID, contact: contact,
		seq: func() uint32 {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.regSeq++
			return p.regSeq
		},
	})
	if err == nil && !res.IsSuccess() {
		err = fmt.Errorf("the PBX says %d %s; look at number and password", res.StatusCode, res.Reason)
	}
	if err != nil {
		return fmt.Errorf("phone %s: register at %s: %w", p.o.User, p.server, err)
	}
	p.note(p.regID, "registered", "for %d s", expires)
	return nil
}

// Incoming waits for the next call that comes in and returns it; nothing was answered yet except 100.
// Each call is returned once, in the order of arrival.
func (p *Phone) Incoming(ctx context.Context) (*Call, error) {
	var c *Call
	err := p.await(ctx, "an incoming call", func() (bool, error) {
		if len(p.incoming) == 0 {
			return false, nil
		}
		c, p.incoming = p.incoming[0], p.incoming[1:]
		return true, nil
	})
	return c, err
}

// checkToken refuses what would break the SIP message that s is written into.
func checkToken(what, s, bad string) error {
	if i := strings.IndexAny(s, bad+"\r\n\x00"); i >= 0 {
		return fmt.Errorf("phone: %s %q: character %q cannot be in a SIP message; write it percent-encoded", what, s, s[i])
	}
	return nil
}
