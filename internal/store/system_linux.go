package store

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// syncData waits until what was written to a file is kept, but for the times in its inode.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}

// identity is which file it is.
type identity struct {
	major, minor uint32
	inode        uint64
}

func (i identity) same(other identity) bool { return i == other }

// identify asks for nothing else: of a file whose time somebody has seen, the system notes the time of the next write so that it differs, and
// some file systems keep that with each sync (multigrain timestamps, Linux 6.13).
func identify(name string) (identity, error) {
	var s unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, name, 0, unix.STATX_INO, &s)
	if err == unix.ENOSYS || err == unix.EPERM { // before Linux 4.11, and in sandboxes of that time
		return identifyByStat(name)
	}
	if err != nil {
		return identity{}, &os.PathError{Op: "statx", Path: name, Err: err}
	}
	return identity{s.Dev_major, s.Dev_minor, s.Ino}, nil
}

func identifyByStat(name string) (identity, error) {
	var s unix.Stat_t
	if err := unix.Stat(name, &s); err != nil {
		return identity{}, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	return identity{unix.Major(uint64(s.Dev)), unix.Minor(uint64(s.Dev)), s.Ino}, nil
}
