//go:build !unix

package delivery

import (
	"net"
	"syscall"
)

func direct(net.Conn, syscall.RawConn) socket { return nil }
