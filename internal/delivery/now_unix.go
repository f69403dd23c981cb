//go:build unix && !linux

package delivery

import "syscall"

// Calls for a descriptor that does not block.

func writeNow(fd int, bytes []byte) (int, syscall.Errno) { return now(syscall.Write, fd, bytes) }

func readNow(fd int, into []byte) (int, syscall.Errno) { return now(syscall.Read, fd, into) }

func now(call func(int, []byte) (int, error), fd int, bytes []byte) (int, syscall.Errno) {
	for {
		n, err := call(fd, bytes)
		errno, known := err.(syscall.Errno)
		switch {
		case err == nil:
			return n, 0
		case !known:
			return 0, syscall.EIO
		case errno != syscall.EINTR:
			return 0, errno
		}
	}
}
