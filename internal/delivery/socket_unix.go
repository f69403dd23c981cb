//go:build unix

package delivery

import (
	"io"
	"net"
	"sync"
	"syscall"
)

// rawSocket speaks with the system itself: a write that would wait is not begun. Such writes are most of what Callboard does, so they
// go past what net guards a connection with.
type rawSocket struct {
	net.Conn
	raw syscall.RawConn

	mu   sync.Mutex // held for a Try, so that Close does not leave the descriptor's number to somebody else meanwhile
	fd   int
	open bool
}

func direct(conn net.Conn, raw syscall.RawConn) socket {
	s := &rawSocket{Conn: conn, raw: raw}
	if raw.Control(func(fd uintptr) { s.fd, s.open = int(fd), true }) != nil {
		return nil
	}
	return s
}

func (s *rawSocket) Try(bytes []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return 0, net.ErrClosed
	}
	n, err := writeNow(s.fd, bytes)
	switch err {
	case 0:
		return n, nil
	case syscall.EAGAIN:
		return 0, nil
	}
	return 0, err
}

// Close ends the connection once no Try is under way.
func (s *rawSocket) Close() error {
	s.mu.Lock()
	s.open = false
	s.mu.Unlock()
	return s.Conn.Close()
}

func (s *rawSocket) ReadSome(take func(data []byte) error) error {
	var n int
	var err syscall.Errno
	var buffer *[16 << 10]byte
	waited := s.raw.Read(func(fd uintptr) bool {
		buffer = buffers.Get().(*[16 << 10]byte)
		if n, err = readNow(int(fd), buffer[:]); err == syscall.EAGAIN {
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
	case err != 0:
		return err
	case n == 0:
		return io.EOF
	}
	return take(buffer[:n])
}

func (s *rawSocket) CloseWrite() error { return closeWrite(s.Conn) }
