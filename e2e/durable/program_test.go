//go:build linux

package durable

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait; nothing waits so long when all is well.
const patience = 60 * time.Second

// program is one life of Callboard.
type program struct {
	cmd   *exec.Cmd
	begun time.Time
	url   chan string   // once; closed at its end
	ended chan struct{} // its output is at its end and it is waited for

	mu   sync.Mutex
	said []string
}

var at = regexp.MustCompile(`Callboard is at (http://[^/\s]+)`)

// launch starts Callboard. crash is where it kills itself, and at which pass; empty: nowhere.
func launch(t *testing.T, config, crash string) *program {
	t.Helper()
	p := &program{cmd: exec.Command(binary, "run", "--config", config), url: make(chan string, 1), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(filepath.Dir(config), "cache"), "CALLBOARD_CRASH="+crash)
	out, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.begun = time.Now()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		defer close(p.url)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if found := at.FindStringSubmatch(lines.Text()); found != nil {
				p.url <- found[1]
			}
			p.mu.Lock()
			p.said = append(p.said, lines.Text())
			p.mu.Unlock()
		}
		p.cmd.Wait()
	}()
	return p
}

// kill is kill -9. It waits for the end, and reports what is wrong with it.
func (p *program) kill() error {
	p.cmd.Process.Kill()
	<-p.ended
	p.mu.Lock()
	said := strings.Join(p.said, "\n")
	p.mu.Unlock()
	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signal() != syscall.SIGKILL || strings.Contains(said, "DATA RACE") || strings.Contains(said, "panic") {
		return fmt.Errorf("it ended by itself (%v):\n%s", p.cmd.ProcessState, said)
	}
	return nil
}

// place is where Callboard can now be asked; nil: nowhere.
type place struct{ url, token string }

// where is the place of the Callboard that runs now.
type where struct{ now atomic.Pointer[place] }

func (w *where) of(token func() string) func() (string, string) {
	return func() (string, string) {
		p := w.now.Load()
		if p == nil {
			return "", ""
		}
		if token != nil {
			return p.url, token()
		}
		return p.url, p.token
	}
}

// fate is how a life ends.
type fate struct {
	crash string        // where it kills itself
	after time.Duration // how long after it is ready it is killed, unless it has ended before
	early time.Duration // how long after its start it is killed, ready or not; 0: not so
}

var places = []string{"before entry", "after entry", "before commit", "after commit", "before show", "after show", "before command", "after command", "before checkpoint", "after checkpoint", "recovery: opened", "recovery: loaded"}

// fateOf draws one. A new store is killed in its migrations first.
func fateOf(rng *rand.Rand, life int) fate {
	within := func(d time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(d))) }
	switch {
	case life < 2:
		return fate{crash: fmt.Sprint("migration:", life+1), after: within(50 * time.Millisecond)}
	case rng.IntN(5) == 0:
		return fate{early: 20*time.Millisecond + within(500*time.Millisecond)}
	case rng.IntN(2) == 0:
		return fate{after: within(250 * time.Millisecond)}
	}
	place := places[rng.IntN(len(places))]
	f := fate{crash: fmt.Sprint(place, ":", 1+rng.IntN(10)), after: 500 * time.Millisecond}
	if strings.Contains(place, "recovery") {
		f.crash = place + ":1"
	}
	if strings.HasSuffix(place, "command") {
		f.crash = fmt.Sprint(place, ":", 1+rng.IntN(2))
	}
	if strings.HasSuffix(place, "checkpoint") { // it comes a second after the last commit, at the earliest
		f.crash = place + ":1"
	}
	return f
}

// meet lets a life end as it is fated to.
func (f fate) meet(ctx context.Context, p *program, ready func(url string)) (crashed bool) {
	wait := func(d time.Duration) bool {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		case <-p.ended:
			return true
		}
	}
	if f.early > 0 {
		early := time.AfterFunc(f.early, func() { p.cmd.Process.Kill() })
		defer early.Stop()
	}
	url, ok := <-p.url
	if !ok {
		return f.early == 0
	}
	ready(url)
	if f.early > 0 {
		wait(patience)
		return false
	}
	return wait(f.after)
}
