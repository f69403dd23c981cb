package delivery

import (
	"net"
	"sync"
	"syscall"
)

// socket is a connection to which can be written without waiting.
type socket interface {
	net.Conn
	// Try writes what is taken at once, and says how much that was. The bytes are not written to afterwards.
	Try(bytes []byte) (int, error)
	// ReadSome waits until there is something to read, and gives it to take in a buffer that is take's until it returns. While it waits
	// it holds none.
	ReadSome(take func(data []byte) error) error
	// CloseWrite says that nothing comes any more.
	CloseWrite() error
}

// buffers are for reading.
var buffers = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// newSocket makes a socket of a connection: of the system's own where that can be, else with a goroutine that waits.
func newSocket(conn net.Conn) socket {
	if c, ok := conn.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			if s := direct(conn, raw); s != nil {
				return s
			}
		}
	}
	return newRelay(conn)
}

func closeWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return conn.Close()
}
