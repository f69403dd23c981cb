//go:build !linux

package lab

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
)

// The lab needs Linux: Debian's Asterisk, all of 127.0.0.0/8 on the loopback interface, and a kernel that
// ends Asterisk with its parent.
func supported() error {
	return errors.New("lab: runs on Linux only, not on " + runtime.GOOS + "; use a Linux machine, a virtual one or WSL2")
}

func ownGroup(*exec.Cmd) {}

func dieWithParent(*exec.Cmd) {}

func askToEnd(p *os.Process) error { return p.Kill() }

func lock(context.Context, string, io.Writer) (func(), error) { return nil, supported() }

func tryLock(*os.File) error { return supported() }
