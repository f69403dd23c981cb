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

func (s *rawSocket) ReadSome(take func(data []byte) error) error {
	var n int
	var err error
	var buffer *[16 << 10]byte
	waited := s.raw.Read(func(fd uintptr) bool {
		buffer = buffers.Get().(*[16 << 10]byte)
		for {
			if n, err = syscall.Read(int(fd), buffer[:]); err != syscall.EINTR {
				break
			}
		}
		if err == syscall.EAGAIN {
			buffers.Put(buffer)
			return false
		}
		return true
	})
	if waited != nil {
		return waited
	}
	defer buffers.Put(buffer)
	switch {
	case err != nil:
		return err
	case n <= 0:
		return io.EOF
	}
	return take(buffer[:n])
}

func (s *rawSocket) CloseWrite() error { return closeWrite(s.Conn) }
