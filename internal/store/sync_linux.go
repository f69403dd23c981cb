package store

import (
	"os"
	"syscall"
)

// syncData waits until what was written to a file is kept, but for the times in its inode.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}
