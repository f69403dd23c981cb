//go:build unix && !linux

package delivery

import "syscall"

// writeNow writes to a descriptor that does not block.
func writeNow(fd int, bytes []byte) (int, syscall.Errno) {
	n, err := syscall.Write(fd, bytes)
	if err == nil {
		return n, 0
	}
	errno, known := err.(syscall.Errno)
	if !known {
		errno = syscall.EIO
	}
	return 0, errno
}
