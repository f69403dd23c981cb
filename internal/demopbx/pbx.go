package demopbx

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of a player whose PBX went away.
var (
	ErrClosed    = errors.New("demo PBX: closed")
	ErrRestarted = errors.New("demo PBX: restarted; the calls being played are gone")
)

// Options say what kind of PBX to start. The zero value listens on a free loopback port, has six phones and lets nobody in.
type Options struct {
	Listen   string             // host:port; "" is 127.0.0.1:0
	TLS      *tls.Config        // not nil: AMI over TLS
	Accounts map[string]Account // by AMI user name
	Phones   map[string]Phone   // by extension; nil: see DefaultPhones
	Company  string             // caller name of calls to the outside; "" is "Demo Company"
	Number   string             // caller number of calls to the outside; "" is 5551000

	Seed  uint64    // 0: the commonest order of messages; else what Asterisk leaves open is drawn from it
	Speed float64   // how many seconds pass at the PBX in one of ours; 0 is 1
	Start time.Time // what the PBX's clock shows at New; zero is now

	Timestamps bool   // timestampevents=yes: a Timestamp header in every event; off is Asterisk's default
	SystemName string // as in asterisk.conf: a header in every event and a prefix of Uniqueids

	PickUp time.Duration // after this long somebody answers a phone that an AMI client made ring; 0: nobody, see PBX.Act

	Faults []Faults // of the first connections, in order; see PBX.SetFaults

	WriteTimeout time.Duration // how long a socket may take nothing; 0 is 100 ms
	LoginDelay   time.Duration // wait before a refused login is answered; 0 is 1 s
	LoginTimeout time.Duration // time to log in; 0 is 30 s
}

// Account is one AMI account, as in manager.conf. Read and Write are lists such as "system,call,agent", or "all".
type Account struct {
	Secret      string
	Read, Write string
}

// Phone is one desk phone with an extension of the same number as its endpoint.
type Phone struct {
	Name    string
	Addr    string // host:port it signals from
	Secure  bool   // TLS and SRTP
	Offline bool   // not registered: it cannot be called
}

// DefaultPhones returns the six phones 1001 to 1006. 1006 is encrypted.
func DefaultPhones() map[string]Phone {
	phones := map[string]Phone{}
	for i, name := range []string{"Alice One", "Bob Two", "Carol Three", "Dave Four", "Erin Five", "Frank Six"} {
		phones[fmt.Sprint(1001+i)] = Phone{Name: name, Addr: fmt.Sprintf("127.0.0.%d:5060", 101+i), Secure: i == 5}
	}
	return phones
}

type account struct {
	secret      string
	read, write class
}

// PBX is a running demo PBX.
type PBX struct {
	options  Options
	accounts map[string]account
	clock    *clock
	exchange *exchange
	listener net.Listener

	closed  chan struct{}
	work    sync.WaitGroup
	changed signal // a client logged in or left, or the PBX restarted
	stall   gate
	chunk   atomic.Int64
	refuse  atomic.Bool

	bytesIn, bytesOut, messagesIn, messagesOut, cut atomic.Int64

	mu       sync.Mutex // sessions and closing
	sessions map[*session]struct{}
	closing  bool
	faults   []Faults // of the next connections
}

// New starts a PBX: it listens when New returns. Close it when done.
func New(o Options) (*PBX, error) {
	o.Listen = cmp.Or(o.Listen, "127.0.0.1:0")
	o.Speed = cmp.Or(o.Speed, 1)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 100*time.Millisecond)
	o.LoginDelay = cmp.Or(o.LoginDelay, time.Second)
	o.LoginTimeout = cmp.Or(o.LoginTimeout, 30*time.Second)
	if !(o.Speed > 0 && o.Speed <= 1e6) {
		return nil, fmt.Errorf("demo PBX: Speed is %v: give a factor above 0, such as 1 or 50", o.Speed)
	}
	p := &PBX{options: o, accounts: map[string]account{}, closed: make(chan struct{}), sessions: map[*session]struct{}{}, faults: slices.Clone(o.Faults)}
	for name, a := range o.Accounts {
		read, err := parseClasses(a.Read)
		if err != nil {
			return nil, fmt.Errorf("demo PBX: account %q: read: %w", name, err)
		}
		write, err := parseClasses(a.Write)
		if err != nil {
			return nil, fmt.Errorf("demo PBX: account %q: write: %w", name, err)
		}
		p.accounts[name] = account{a.Secret, read, write}
	}
	p.clock = newClock(o.Start, o.Speed)
	p.exchange = newExchange(o, p.clock)
	p.exchange.wanted, p.exchange.deliver = p.wanted, p.deliver
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("demo PBX: %w: choose another address or port 0", err)
	}
	p.listener = listener
	p.work.Go(p.accept)
	p.work.Go(p.keepTime)
	return p, nil
}

// Addr is the host:port to connect to.
func (p *PBX) Addr() string { return p.listener.Addr().String() }

// Now is the PBX's own clock, which runs Options.Speed times as fast as ours.
func (p *PBX) Now() time.Time { return p.clock.now() }

// Close ends the PBX: players return ErrClosed, sessions are closed, and every goroutine has ended when it returns. It may
// be called more than once.
func (p *PBX) Close() error {
	p.mu.Lock()
	again := p.closing
	p.closing = true
	p.mu.Unlock()
	if !again {
		close(p.closed)
	}
	p.changed.fire()
	err := p.listener.Close()
	p.stall.shut(false)
	p.drop(false)
	p.work.Wait()
	if again {
		return nil
	}
	return err
}

func (p *PBX) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			select {
			case <-p.closed:
				return
			case <-time.After(10 * time.Millisecond): // out of file descriptors: try again
				continue
			}
		}
		s := newSession(p, conn)
		if !p.admit(s) {
			s.kill(false)
			continue
		}
		p.work.Go(s.serve)
	}
}

// authLimit is manager.conf's default: how many sessions may be connected and not logged in.
const authLimit = 50

func (p *PBX) admit(s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	strangers := 0
	for other := range p.sessions {
		if !other.loggedIn.Load() {
			strangers++
		}
	}
	if p.closing || strangers >= authLimit {
		return false
	}
	p.sessions[s] = struct{}{}
	s.faults = p.faultsOfNext()
	return true
}

func (p *PBX) dismiss(s *session) {
	p.mu.Lock()
	delete(p.sessions, s)
	p.mu.Unlock()
	p.changed.fire()
}

// wanted tells whether any session listens to a class.
func (p *PBX) wanted(c class) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.sessions {
		if s.hears(c) {
			return true
		}
	}
	return false
}

// deliver queues an event for every session that listens to all of its classes.
func (p *PBX) deliver(c class, m message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.sessions {
		if s.hears(c) {
			s.queueEvent(m)
		}
	}
}
