//go:build amd64 || arm64

package store

import (
	"io"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// keptFile is a file of which each write is kept when it is done. Where the file system has that, it goes past the page cache.
type keptFile struct {
	file  *os.File
	fd    uintptr
	queue *queue // nil: there is none
}

// openKept opens a file that is there, and blanks its first block.
func openKept(path string) (*keptFile, error) {
	k, err := openKeptWith(path, unix.O_DSYNC|unix.O_DIRECT)
	if err != nil {
		return openKeptWith(path, unix.O_DSYNC)
	}
	unix.Fadvise(int(k.fd), 0, 0, unix.FADV_DONTNEED) // what the page cache has of it would be in the way
	k.queue = newQueue()
	return k, nil
}

func openKeptWith(path string, flags int) (*keptFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|flags, 0)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteAt(makeBlocks(1), 0); err != nil { // only now some file systems say that they cannot
		f.Close()
		return nil, err
	}
	return &keptFile{file: f, fd: f.Fd()}, nil
}

// write keeps whole blocks at a place in the file, unless what is done meanwhile fails. brisk says that the disk has answered just now.
func (k *keptFile) write(blocks []byte, at int64, brisk bool, meanwhile func() error) error {
	submitted := brisk && k.queue != nil && k.queue.submit(k.fd, blocks, at)
	err := meanwhile()
	if submitted && k.await() == len(blocks) || err != nil {
		return err
	}
	_, err = k.file.WriteAt(blocks, at)
	return err
}

// await waits for what was submitted, and returns how many bytes of it are known to be kept.
func (k *keptFile) await() int {
	n, told := k.queue.await()
	if !told { // the end that is still to come would be taken for that of the next write
		k.queue.close() // waits for the write
		k.queue = nil
		return 0
	}
	return n
}

// size is how many bytes the file has.
func (k *keptFile) size(brisk bool) (int64, error) {
	if !brisk {
		return k.file.Seek(0, io.SeekEnd)
	}
	n, _, err := syscall.RawSyscall(unix.SYS_LSEEK, k.fd, 0, io.SeekEnd)
	if err != 0 {
		return 0, err
	}
	return int64(n), nil
}

// close must not be called while a write is under way.
func (k *keptFile) close() error {
	if k.queue != nil {
		k.queue.close()
		k.queue = nil
	}
	k.fd = ^uintptr(0) // the number may soon be that of another file
	return k.file.Close()
}

// queue has the system write by itself (io_submit(2)); its end is waited for as something from a socket is.
type queue struct {
	context uintptr
	eventfd int
	file    *os.File // of eventfd
	ended   syscall.RawConn
	bytes   []byte // that are being written: on no stack, which could move
}

// control and event are iocb and io_event of linux/aio_abi.h, in a little-endian machine.
type control struct {
	_              uint64
	_, how         uint32
	what, _        uint16
	fd             uint32
	bytes, length  uint64
	at             int64
	_              uint64
	flags, eventfd uint32
}

type event struct {
	_, _      uint64
	result, _ int64
}

const (
	pwrite       = 1 // IOCB_CMD_PWRITE
	tellsEventfd = 1 // IOCB_FLAG_RESFD
)

// newQueue returns nil where there is none: in some containers it is forbidden.
func newQueue() *queue {
	q := &queue{}
	if _, _, err := unix.Syscall(unix.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&q.context)), 0); err != 0 {
		return nil
	}
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		q.close()
		return nil
	}
	q.eventfd, q.file = fd, os.NewFile(uintptr(fd), "eventfd")
	if q.ended, err = q.file.SyscallConn(); err == nil {
		err = q.file.SetReadDeadline(time.Time{}) // says whether it can be waited for
	}
	if err != nil {
		q.close()
		return nil
	}
	return q
}

func (q *queue) close() {
	if q.context != 0 { // its number may soon be that of another queue
		unix.Syscall(unix.SYS_IO_DESTROY, q.context, 0, 0)
		q.context = 0
	}
	if q.file != nil {
		q.file.Close()
	}
}

// submit gives bytes to the system, which must stay as they are until await, or reports false: it takes none that would have to wait. So it does
// not last, and the scheduler is not told of it.
func (q *queue) submit(fd uintptr, bytes []byte, at int64) bool {
	q.bytes = bytes
	c := &control{
		how: unix.RWF_DSYNC | unix.RWF_NOWAIT, what: pwrite, fd: uint32(fd),
		bytes: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(bytes)))), length: uint64(len(bytes)), at: at,
		flags: tellsEventfd, eventfd: uint32(q.eventfd),
	}
	n, _, _ := syscall.RawSyscall(unix.SYS_IO_SUBMIT, q.context, 1, uintptr(unsafe.Pointer(&c)))
	return n == 1
}

// await waits for what was submitted, and returns how many bytes of it are kept, or less than none. It reports false where the system has not told.
func (q *queue) await() (kept int, told bool) {
	var e event
	err := q.ended.Read(func(fd uintptr) bool {
		var ends uint64
		if n, _, _ := syscall.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&ends)), unsafe.Sizeof(ends)); n != unsafe.Sizeof(ends) {
			return false
		}
		var now unix.Timespec
		n, _, _ := syscall.RawSyscall6(unix.SYS_IO_GETEVENTS, q.context, 1, 1, uintptr(unsafe.Pointer(&e)), uintptr(unsafe.Pointer(&now)), 0)
		told = n == 1
		return true
	})
	return int(e.result), told && err == nil
}
