package store

import (
	"os"
	"runtime"
	"syscall"
)

// asNobody runs f without root's right to read everything: root's file system user is changed for one thread, which ends
// with it (setfsuid(2)). Who is not root has no such right to lose.
func asNobody(f func() error) error {
	if os.Geteuid() != 0 {
		return f()
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is not used again
		err := syscall.Setfsuid(65534)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}
