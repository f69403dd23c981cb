package demopbx

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	writeSize  = 16 << 10 // bytes handed to the socket at a time
	queueLimit = 16 << 20 // bytes that may wait for one session
)

// session is one AMI connection: a goroutine that reads and runs actions in order, and one that writes.
type session struct {
	pbx    *PBX
	raw    net.Conn // TCP
	conn   net.Conn // the same, or TLS on it
	mask   atomic.Uint32
	dead   chan struct{} // closed when the connection is
	killed sync.Once
	wake   chan struct{}

	loggedIn atomic.Bool

	// Of the reading goroutine only.
	user      string
	read      class
	write     class
	challenge string

	faults  Faults // of this connection; they do not change
	stalled gate   // shut while faults stall it

	// Of the writing goroutine only.
	sent int  // bytes
	over bool // the stall is

	mu       sync.Mutex
	replies  []byte // go out before events: Asterisk runs an action, then delivers what is pending
	events   []byte
	last     bool // write what is queued, then close
	longSent bool // the long line was sent
}

func newSession(p *PBX, raw net.Conn) *session {
	s := &session{pbx: p, raw: raw, conn: raw, dead: make(chan struct{}), wake: make(chan struct{}, 1)}
	if p.options.TLS != nil {
		s.conn = tls.Server(raw, p.options.TLS)
	}
	return s
}

// present tells whether the client is logged in and its connection stands.
func (s *session) present() bool {
	select {
	case <-s.dead:
		return false
	default:
		return s.loggedIn.Load()
	}
}

func (s *session) hears(c class) bool { return class(s.mask.Load())&c == c }

// serve runs the session until the connection ends. It returns when its writer has ended too.
func (s *session) serve() {
	var writer sync.WaitGroup
	writer.Go(s.writeLoop)
	s.readLoop()
	s.mask.Store(0)
	s.mu.Lock()
	s.last = true
	s.mu.Unlock()
	s.poke()
	writer.Wait()
	if t, ok := s.conn.(*tls.Conn); ok {
		_ = t.SetWriteDeadline(time.Now().Add(s.pbx.options.WriteTimeout))
		_ = t.CloseWrite() // says goodbye if it still can
	}
	s.kill(false)
	s.pbx.dismiss(s)
}

// kill closes the connection at once. A reset makes the client see an error instead of an end.
func (s *session) kill(reset bool) {
	s.killed.Do(func() {
		close(s.dead)
		if tcp, ok := s.raw.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0) // fails only on a connection that is gone already
		}
		_ = s.raw.Close()
	})
}

func (s *session) readLoop() {
	_ = s.conn.SetDeadline(time.Now().Add(s.pbx.options.LoginTimeout))
	if t, ok := s.conn.(*tls.Conn); ok && (!s.pbx.stall.pass(s.dead) || t.Handshake() != nil) {
		return
	}
	s.reply(message("Asterisk Call Manager/" + amiVersion + "\r\n"))
	r := bufio.NewReaderSize(meter{s.conn, &s.pbx.bytesIn}, maxRequestLine)
	for {
		req, err := readRequest(r)
		if err != nil || !s.pbx.stall.pass(s.dead) || !s.stalled.pass(s.dead) {
			return
		}
		s.pbx.messagesIn.Add(1)
		if !s.handle(req) {
			return
		}
	}
}

// meter counts what is read.
type meter struct {
	conn  net.Conn
	bytes *atomic.Int64
}

func (m meter) Read(b []byte) (int, error) {
	n, err := m.conn.Read(b)
	m.bytes.Add(int64(n))
	return n, err
}

// reply queues an answer, ahead of waiting events.
func (s *session) reply(m message) {
	s.pbx.messagesOut.Add(1)
	m = s.faults.distort(m)
	s.mu.Lock()
	s.replies = append(s.replies, m...)
	s.mu.Unlock()
	s.poke()
}

// queueEvent never blocks. It is called with locks of the exchange held.
func (s *session) queueEvent(m []byte) {
	s.pbx.messagesOut.Add(1)
	s.mu.Lock()
	m = s.spoiled(m)
	full := len(s.events)+len(m) > queueLimit
	if !full {
		s.events = append(s.events, m...)
	}
	s.mu.Unlock()
	if full {
		s.tooSlow()
		return
	}
	s.poke()
}

func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *session) tooSlow() {
	s.pbx.cut.Add(1)
	s.kill(false)
}

func (s *session) writeLoop() {
	var replies, events []byte // being written; their memory is used again
	for {
		s.mu.Lock()
		last := s.last
		s.replies, replies = reuse(replies), s.replies
		s.events, events = reuse(events), s.events
		s.mu.Unlock()
		if len(replies)+len(events) == 0 {
			if last {
				return
			}
			select {
			case <-s.wake:
				continue
			case <-s.dead:
				return
			}
		}
		if !s.send(replies) || !s.send(events) {
			s.kill(false)
			return
		}
	}
}

// reuse empties a buffer, and gives a large one back.
func reuse(b []byte) []byte {
	if cap(b) > 256<<10 {
		return nil
	}
	return b[:0]
}

// send writes b. As in Asterisk the time limit is one of standstill: a socket that takes nothing for that long ends the
// session. It is false when the connection is gone.
func (s *session) send(b []byte) bool {
	for len(b) > 0 {
		if !s.pbx.stall.pass(s.dead) {
			return false
		}
		size, good := s.limit(len(b))
		if !good {
			if !s.fail() {
				return false
			}
			continue
		}
		_ = s.conn.SetWriteDeadline(time.Now().Add(s.pbx.options.WriteTimeout))
		n, err := s.conn.Write(b[:size])
		s.pbx.bytesOut.Add(int64(n))
		s.sent += n
		b = b[n:]
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
		if n == 0 || s.conn != s.raw { // a TLS connection cannot go on after a broken write
			s.tooSlow()
			return false
		}
	}
	return true
}
