//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cpuTime is how long the threads of a process have run.
func cpuTime(pid int) time.Duration {
	var sum time.Duration
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil { // the thread has ended
			continue
		}
		ran, _, _ := bytes.Cut(text, []byte(" "))
		n, _ := strconv.ParseInt(string(ran), 10, 64)
		sum += time.Duration(n)
	}
	return sum
}

// residentKB is the memory of a process that is in use, in KB.
func residentKB(pid int) float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return n
		}
	}
	return 0
}

// busyTime is how long the processors of the machine have worked.
func busyTime() time.Duration {
	text, _ := os.ReadFile("/proc/stat")
	first, _, _ := strings.Cut(string(text), "\n")
	var ticks int64
	for i, field := range strings.Fields(first)[1:] {
		n, _ := strconv.ParseInt(field, 10, 64)
		if i != 3 && i != 4 && i < 8 { // idle, waiting for a disk; guests are counted already
			ticks += n
		}
	}
	return time.Duration(ticks) * (time.Second / 100)
}

// usage is what a stretch of time cost.
type usage struct {
	began              time.Time
	pid                int
	server, self, busy time.Duration
}

func watchUsage(pid int) usage {
	return usage{time.Now(), pid, cpuTime(pid), cpuTime(os.Getpid()), busyTime()}
}

// end returns the time that has passed, the server's processor time, and how many processors others kept busy.
func (u usage) end() (passed, server time.Duration, others float64) {
	passed, server = time.Since(u.began), cpuTime(u.pid)-u.server
	ours := cpuTime(os.Getpid()) - u.self
	if u.pid != os.Getpid() {
		ours += server
	}
	return passed, server, max(0, (busyTime()-u.busy-ours).Seconds()/passed.Seconds())
}

// raiseFileLimit is inherited by the servers.
func raiseFileLimit() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}
