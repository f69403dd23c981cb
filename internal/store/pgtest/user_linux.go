package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// whom is who runs a server: PostgreSQL does not run as root.
func whom() (uid, gid int) {
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, errUID := strconv.Atoi(u.Uid)
			gid, errGID := strconv.Atoi(u.Gid)
			if errUID == nil && errGID == nil {
				return uid, gid
			}
		}
	}
	return 65534, 65534
}

func (s *Server) own(path string, mode os.FileMode) error {
	if err := os.Chmod(path, mode); err != nil || os.Geteuid() != 0 {
		return err
	}
	uid, gid := whom()
	return os.Chown(path, uid, gid)
}

// as is of processes of the server: not root's, and not reached by what is sent to those of the tests.
func (s *Server) as() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 {
		uid, gid := whom()
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return attr
}

// Signal sends a signal to the server's own process, or to all of its processes.
func (s *Server) Signal(sig syscall.Signal, all bool) error {
	text, err := os.ReadFile(filepath.Join(s.data, "postmaster.pid"))
	if err != nil {
		return err
	}
	var first int
	if _, err := fmt.Sscan(string(text), &first); err != nil {
		return err
	}
	pids := []int{first}
	if all {
		pids = append(pids, children(first)...)
	}
	var errs []error
	for _, pid := range pids {
		if err := syscall.Kill(pid, sig); !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func children(of int) []int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", of, of)) // none, where it has ended
	var out []int
	for field := range strings.FieldsSeq(string(text)) {
		var pid int
		if _, err := fmt.Sscan(field, &pid); err == nil {
			out = append(out, pid)
		}
	}
	return out
}
