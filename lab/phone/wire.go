package phone

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// wire is a phone's SIP stack with its connection. The connections are our own, not the stack's: it would
// open others from any port, and could not be made to close them.
type wire struct {
	ua      *sipgo.UserAgent
	client  *sipgo.Client
	serving sync.WaitGroup // readers

	udp  net.PacketConn // UDP only
	dial *tls.Dialer    // TLS only
	feed *feed          // TLS only

	mu   sync.Mutex // guards what follows
	link *link      // TLS only
}

// lost says that there is no connection to send on.
func (w *wire) lost() error {
	if w.dial == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.link == nil || w.link.gone() {
		return errors.New("the TLS connection to the PBX is lost; register again")
	}
	return nil
}

func (p *Phone) openStack() error {
	log := p.logger()
	ua, err := sipgo.NewUA(
		sipgo.WithUserAgent("lab-phone"),
		sipgo.WithUserAgentHostname(p.o.Addr),
		sipgo.WithUserAgentTransportLayerOptions(
			sip.WithTransportLayerLogger(log), sip.WithTransportLayerReadFilter(p.logRead)),
		sipgo.WithUserAgentTransactionLayerOptions(
			sip.WithTransactionLayerLogger(log),
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {})), // late ones; they are in the log
	)
	if err != nil {
		return err
	}
	p.wire.ua = ua
	server, err := sipgo.NewServer(ua, sipgo.WithServerLogger(log))
	if err != nil {
		return err
	}
	p.handle(server)
	options := []sipgo.ClientOption{
		sipgo.WithClientLogger(log), sipgo.WithClientHostname(p.o.Addr), sipgo.WithClientNAT(),
	}
	if p.network == "UDP" {
		own := net.JoinHostPort(p.o.Addr, fmt.Sprint(sipPort))
		options = append(options, sipgo.WithClientPort(sipPort), sipgo.WithClientConnectionAddr(own))
	}
	p.wire.client, err = sipgo.NewClient(ua, options...)
	return err
}

func (p *Phone) openUDP(ctx context.Context) error {
	if err := p.openStack(); err != nil {
		return err
	}
	own := net.JoinHostPort(p.o.Addr, fmt.Sprint(sipPort))
	conn, err := new(net.ListenConfig).ListenPacket(ctx, "udp4", own)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	first := &firstRead{PacketConn: conn, begun: make(chan struct{})}
	p.wire.udp = first
	p.serve(func() error { return p.wire.ua.TransportLayer().ServeUDP(first) })
	// Before its first read the stack does not know the connection and would open another one.
	return p.begun(ctx, first.begun)
}

func (p *Phone) serve(f func() error) {
	p.wire.serving.Go(func() {
		if err := f(); err != nil && p.ctx.Err() == nil {
			p.note("", "trouble", "serve: %v", err)
		}
	})
}

func (p *Phone) begun(ctx context.Context, begun <-chan struct{}) error {
	select {
	case <-begun:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.ctx.Done():
		return ErrClosed
	}
}

func (p *Phone) openTLS(ctx context.Context) error {
	pem, err := os.ReadFile(p.o.CAFile)
	if err != nil {
		return fmt.Errorf("the PBX's authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("the PBX's authority: no certificate in %s", p.o.CAFile)
	}
	p.network, p.server = "TLS", net.JoinHostPort(p.o.Server, "5061")
	p.contact.UriParams.Add("transport", "tls")
	if err := p.openStack(); err != nil {
		return err
	}
	p.wire.dial = &tls.Dialer{
		NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(p.o.Addr)}},
		Config:    &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
	p.wire.feed = &feed{conns: make(chan net.Conn), done: p.ctx.Done()}
	p.serve(func() error { return p.wire.ua.TransportLayer().ServeTLS(p.wire.feed) })
	return p.reconnect(ctx)
}

// reconnect connects a TLS phone that has no connection. The PBX calls us on the connection that we opened:
// RFC 5626's idea, Asterisk's rewrite_contact.
func (p *Phone) reconnect(ctx context.Context) error {
	if p.wire.lost() == nil {
		return nil
	}
	conn, err := p.wire.dial.DialContext(ctx, "tcp4", p.server)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	l := &link{Conn: conn, begun: make(chan struct{}), ended: make(chan struct{})}
	select {
	case p.wire.feed.conns <- l:
	case <-p.ctx.Done():
		return errors.Join(ErrClosed, conn.Close())
	}
	p.wire.mu.Lock()
	p.wire.link = l
	p.wire.mu.Unlock()
	return p.begun(ctx, l.begun)
}

// hangUpWire ends the stack. The stack handles every message in a goroutine that nobody can wait for; one that
// is late and finds no connection to the PBX would open another, which nobody closes. So it finds a dead one.
func (p *Phone) hangUpWire() {
	if p.wire.ua == nil {
		return
	}
	bury := func() { p.wire.ua.TransportLayer().Pool(p.network).Add(p.server, dead{}) }
	bury()
	p.wire.ua.TransactionLayer().Close()
	if p.wire.udp != nil {
		_ = p.wire.udp.Close() // it cannot fail in a way that matters any more
	}
	p.wire.mu.Lock()
	if p.wire.link != nil {
		_ = p.wire.link.Close()
	}
	p.wire.mu.Unlock()
	p.wire.serving.Wait()
	bury() // the reader may have put the real one back before it ended
}

// dead is the connection of a closed phone.
type dead struct{}

func (dead) LocalAddr() net.Addr        { return &net.UDPAddr{} }
func (dead) WriteMsg(sip.Message) error { return net.ErrClosed }
func (dead) Ref(int) int                { return 1 }
func (dead) TryClose() (int, error)     { return 1, nil }
func (dead) Close() error               { return nil }

// firstRead tells when a connection is first read.
type firstRead struct {
	net.PacketConn
	once  sync.Once
	begun chan struct{}
}

func (f *firstRead) ReadFrom(b []byte) (int, net.Addr, error) {
	f.once.Do(func() { close(f.begun) })
	return f.PacketConn.ReadFrom(b)
}

// link is a connection that tells when it is first read and when it has ended.
type link struct {
	net.Conn
	first, last sync.Once
	begun       chan struct{}
	ended       chan struct{}
}

func (l *link) Read(b []byte) (int, error) {
	l.first.Do(func() { close(l.begun) })
	n, err := l.Conn.Read(b)
	if err != nil {
		l.last.Do(func() { close(l.ended) })
	}
	return n, err
}

func (l *link) gone() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// feed hands connections that we opened to a stack that wants to accept them.
type feed struct {
	conns chan net.Conn
	done  <-chan struct{}
}

func (f *feed) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.done:
		return nil, net.ErrClosed
	}
}

func (f *feed) Close() error { return nil }

func (f *feed) Addr() net.Addr { return &net.TCPAddr{} }
