//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"syscall"
	"time"
)

// sock is a TCP connection without the net package. It blocks until it is added to a loop.
type sock struct {
	fd   int
	role int
	kept []byte // the end of what was read, where a mark may have begun
	out  []byte // could not be written yet
	in   []byte // of a frame that is not whole yet
}

const patience = 20 // seconds that a server may take for one answer

// dial connects; a receive buffer of 0 is the system's choice.
func dial(addr string, receive int) (*sock, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	s := &sock{fd: fd}
	if receive > 0 {
		err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, receive)
	}
	err = errors.Join(err, syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1),
		// Closed at once: thousands of connections would wait for their end otherwise.
		syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1}),
		syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Sec: patience}))
	if err == nil {
		err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return s, nil
}

func (s *sock) close() { syscall.Close(s.fd) }

func (s *sock) Read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(s.fd, p)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (s *sock) Write(p []byte) (int, error) {
	for sent := 0; sent < len(p); {
		n, err := syscall.Write(s.fd, p[sent:])
		if err != nil && err != syscall.EINTR {
			return sent, err
		}
		sent += max(n, 0)
	}
	return len(p), nil
}

// say writes a text and reads the answer to its end, not a byte more.
func (s *sock) say(text, end string) (string, error) {
	if _, err := s.Write([]byte(text)); err != nil {
		return "", err
	}
	var answer []byte
	var one [1]byte
	for !bytes.HasSuffix(answer, []byte(end)) {
		if _, err := s.Read(one[:]); err != nil {
			return "", fmt.Errorf("%w after %q in answer to %q", err, answer, text)
		}
		answer = append(answer, one[0])
	}
	return string(answer), nil
}

// flush writes what the socket takes.
func (s *sock) flush() error {
	for len(s.out) > 0 {
		n, err := syscall.Write(s.fd, s.out)
		switch err {
		case nil:
			s.out = s.out[:copy(s.out, s.out[n:])]
		case syscall.EINTR:
		case syscall.EAGAIN:
			return nil
		default:
			return err
		}
	}
	return nil
}

// loop is one epoll.
type loop struct {
	epoll  int
	socks  map[int]*sock
	events [512]syscall.EpollEvent
	buf    []byte
	unsent []*sock
}

const readAtMost = 256 << 10

func newLoop() (*loop, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	return &loop{epoll: epoll, socks: map[int]*sock{}, buf: make([]byte, markSize+readAtMost)}, err
}

func (l *loop) add(s *sock) error {
	if err := syscall.SetNonblock(s.fd, true); err != nil {
		return err
	}
	l.socks[s.fd] = s
	return syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_ADD, s.fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(s.fd)})
}

// close closes all that was added.
func (l *loop) close() {
	for _, s := range l.socks {
		s.close()
	}
	syscall.Close(l.epoll)
}

// send writes s.out, now or when there is room.
func (l *loop) send(s *sock) error {
	err := s.flush()
	if len(s.out) > 0 {
		l.unsent = append(l.unsent, s)
	}
	return err
}

// turn waits at most so many milliseconds and hands on what has come. data is good until got returns.
func (l *loop) turn(wait int, got func(s *sock, data []byte) error) error {
	if len(l.unsent) > 0 {
		wait = 0
		again := l.unsent
		l.unsent = nil
		for _, s := range again {
			if err := l.send(s); err != nil {
				return err
			}
		}
	}
	n, err := syscall.EpollWait(l.epoll, l.events[:], wait)
	if err != nil && err != syscall.EINTR {
		return fmt.Errorf("epoll: %w", err)
	}
	for _, e := range l.events[:max(n, 0)] {
		s := l.socks[int(e.Fd)]
		from := markSize - copy(l.buf[markSize-len(s.kept):], s.kept)
		n, err := syscall.Read(s.fd, l.buf[markSize:])
		switch {
		case err == syscall.EINTR || err == syscall.EAGAIN:
			continue
		case err != nil:
			return fmt.Errorf("read: %w", err)
		case n == 0:
			return errors.New("the server has closed a connection")
		}
		s.kept = s.kept[:0]
		if err := got(s, l.buf[from:markSize+n]); err != nil {
			return err
		}
	}
	return nil
}

// until takes turns until a time has come. It gives up where done has not moved for seconds.
func (l *loop) until(end time.Time, done *int, got func(s *sock, data []byte) error) error {
	moved, was := time.Now(), *done
	for now := moved; now.Before(end); now = time.Now() {
		if err := l.turn(1000, got); err != nil {
			return err
		}
		if *done != was {
			moved, was = now, *done
		}
		if now.Sub(moved) > stuckAfter {
			return errLost
		}
	}
	return nil
}

const stuckAfter = patience * time.Second / 2

var errLost = errors.New("what was written did not arrive within seconds")
