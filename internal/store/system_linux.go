package store

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// identity is which file it is.
type identity struct {
	major, minor uint32
	inode        uint64
}

func (i identity) same(other identity) bool { return i == other }

// identify asks for nothing else: of a file whose time somebody has seen, the system notes the time of the next write so that it differs, and
// some file systems keep that with each sync (multigrain timestamps, Linux 6.13). brisk says that the file system has answered just now: then it
// is asked without telling the scheduler.
func identify(name string, brisk bool) (identity, error) {
	var s unix.Statx_t
	err := statx(name, brisk, &s)
	if err == unix.ENOSYS || err == unix.EPERM { // before Linux 4.11, and in sandboxes of that time
		return identifyByStat(name)
	}
	if err != nil {
		return identity{}, &os.PathError{Op: "statx", Path: name, Err: err}
	}
	return identity{s.Dev_major, s.Dev_minor, s.Ino}, nil
}

func statx(name string, brisk bool, s *unix.Statx_t) error {
	if !brisk {
		return unix.Statx(unix.AT_FDCWD, name, 0, unix.STATX_INO, s)
	}
	path, err := unix.BytePtrFromString(name)
	if err != nil {
		return err
	}
	here := unix.AT_FDCWD
	_, _, errno := syscall.RawSyscall6(unix.SYS_STATX, uintptr(here), uintptr(unsafe.Pointer(path)), 0, unix.STATX_INO, uintptr(unsafe.Pointer(s)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func identifyByStat(name string) (identity, error) {
	var s unix.Stat_t
	if err := unix.Stat(name, &s); err != nil {
		return identity{}, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	return identity{unix.Major(uint64(s.Dev)), unix.Minor(uint64(s.Dev)), s.Ino}, nil
}
