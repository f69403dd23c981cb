//go:build unix

package delivery

import (
	"io"
	"net"
	"syscall"
)

// rawSocket speaks with the system itself: a write that would wait is not begun.
type rawSocket struct {
	net.Conn
	raw syscall.RawConn

	out     []byte // of the Try that is under way; there is one at a time
	n       int
	err     error
	attempt func(fd uintptr) bool
}

func direct(conn net.Conn, raw syscall.RawConn) socket {
	s := &rawSocket{Conn: conn, raw: raw}
	s.attempt = s.once
	return s
}

func (s *rawSocket) once(fd uintptr) bool {
	for {
		s.n, s.err = syscall.Write(int(fd), s.out)
		if s.err != syscall.EINTR {
			return true
		}
	}
}

func (s *rawSocket) Try(bytes []byte) (int, error) {
	s.out = bytes
	if err := s.raw.Write(s.attempt); err != nil {
		return 0, err
	}
	s.out = nil
	if s.err == syscall.EAGAIN {
		return 0, nil
	}
	return max(s.n, 0), s.err
}

func (s *rawSocket) ReadSome(buffer *[16 << 10]byte) (n int, err error) {
	waited := s.raw.Read(func(fd uintptr) bool {
		for {
			n, err = syscall.Read(int(fd), buffer[:])
			if err != syscall.EINTR {
				return err != syscall.EAGAIN
			}
		}
	})
	switch {
	case waited != nil:
		return 0, waited
	case err == nil && n == 0:
		return 0, io.EOF
	}
	return max(n, 0), err
}

func (s *rawSocket) CloseWrite() error { return closeWrite(s.Conn) }
