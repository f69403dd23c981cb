package delivery

import (
	"syscall"
	"unsafe"
)

// Calls for a descriptor that does not block. The scheduler is not told of them: that is for calls that may last. It costs a tenth of a write,
// and wakes the thread that looks after those that do.

func writeNow(fd int, bytes []byte) (int, syscall.Errno) { return now(syscall.SYS_WRITE, fd, bytes) }

func readNow(fd int, into []byte) (int, syscall.Errno) { return now(syscall.SYS_READ, fd, into) }

func now(call uintptr, fd int, bytes []byte) (int, syscall.Errno) {
	for {
		n, _, err := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(bytes))), uintptr(len(bytes)))
		if err != syscall.EINTR {
			return int(n), err
		}
	}
}
