package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// process is one run of Asterisk.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once the process has ended and was waited for
}

// startProcess runs the lab's starter script in the foreground. Asterisk's own output goes to
// log/console.
func startProcess(dir string) (*process, error) {
	console, err := os.OpenFile(filepath.Join(dir, "log/console"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: starter(context.Background(), dir, "-f"), done: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	p.cmd.Stdout, p.cmd.Stderr = console, console
	dieWithParent(p.cmd)
	started := make(chan error, 1)
	go func() {
		defer close(p.done)
		defer console.Close()
		// The kernel ties the death signal to the thread that starts the process, and Go ends idle
		// threads: this thread is kept for as long as Asterisk runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // how it ended is in the log
		}
	}()
	if err := <-started; err != nil {
		<-p.done
		return nil, fmt.Errorf("lab: start Asterisk: %w", err)
	}
	return p, nil
}

// starter runs the lab's starter script. A shell reads it: to run a file that was just written can fail with "text file
// busy" when another goroutine starts a program meanwhile, which has the file open for writing until it begins (Go issue 22315).
func starter(ctx context.Context, dir string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "/bin/sh", append([]string{filepath.Join(dir, "asterisk")}, args...)...)
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// kill ends the process at once and waits for it.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // an error means that it has ended already
	<-p.done
}

// stop lets Asterisk hang up and end, for five seconds at most, and waits for it.
func (p *process) stop() {
	_ = askToEnd(p.cmd.Process)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		p.kill()
	}
}

// waitBooted returns once Asterisk says that it is fully booted.
func (l *Lab) waitBooted(ctx context.Context, p *process) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		// Asterisk refuses the connection until its console is up, then holds the answer until it has booted.
		out, err := l.CLI(ctx, "core waitfullybooted")
		if err == nil && strings.Contains(out, "fully booted") {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("lab: Asterisk ended while booting (%v)\n%s", p.cmd.ProcessState, l.LogTail(40))
		case <-ctx.Done():
			return fmt.Errorf("lab: Asterisk did not boot in time: %w\n%s", context.Cause(ctx), l.LogTail(40))
		}
	}
}

// CLI runs a command of Asterisk's console, as asterisk -rx does, and returns what it prints. It blocks
// until Asterisk has answered or ctx ends. Asterisk has no exit code for a refused command: look at the
// text.
func (l *Lab) CLI(ctx context.Context, command string) (string, error) {
	cmd := starter(ctx, l.dir, "-rx", command)
	cmd.Dir = l.dir
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	text := strings.TrimSuffix(strings.ReplaceAll(string(out), "\x1b[0m", ""), "\n")
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return text, fmt.Errorf("lab: asterisk -rx %q: %w: %s", command, err, text)
	}
	return text, nil
}

// LogTail returns the last lines of Asterisk's log: notices, warnings and errors, and the dialplan steps.
func (l *Lab) LogTail(lines int) string {
	var b strings.Builder
	for _, name := range []string{"console", "full"} {
		path := filepath.Join(l.dir, "log", name)
		data, err := os.ReadFile(path)
		if err != nil {
			if !errors.Is(err, os.ErrNotExist) {
				fmt.Fprintln(&b, err)
			}
			continue
		}
		all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
		fmt.Fprintf(&b, "--- last lines of %s\n%s\n", path, strings.Join(all[max(0, len(all)-lines):], "\n"))
	}
	return b.String()
}
