package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/internal/demopbx"
	"github.com/callboard-dev/callboard/internal/store/pgtest"
)

// binary is the program, built once.
var binary string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "callboard-cmd-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(folder, "callboard")
	build := exec.Command("go", "build", "-race", "-o", binary, ".")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	code := 1
	if build.Run() == nil {
		code = m.Run()
	}
	if err := pgtest.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.RemoveAll(folder)
	os.Exit(code)
}

// patience bounds every wait; nothing waits so long when all is well.
const patience = 60 * time.Second

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// process is a started program. What it says on standard error is kept, and told line by line.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   chan string   // lines of standard output
	ended chan struct{} // closed when it has ended and all was read

	mu    sync.Mutex // guards the rest
	lines []string
	news  chan struct{} // closed and replaced with every line
}

// launch starts the program in a folder that stands for a user's home.
func launch(t *testing.T, home string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = home
	must(t, os.MkdirAll(filepath.Join(home, "tmp"), 0o700))
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+filepath.Join(home, "cache"), "XDG_CONFIG_HOME="+filepath.Join(home, "config"),
		"TMPDIR="+filepath.Join(home, "tmp"), "CALLBOARD_URL=", "CALLBOARD_TOKEN=", "GORACE=atexit_sleep_ms=50")
	p := &process{t: t, cmd: cmd, out: make(chan string, 1000), ended: make(chan struct{}), news: make(chan struct{})}
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	stderr, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(p.out)
		for scan := bufio.NewScanner(stdout); scan.Scan(); {
			p.out <- scan.Text()
		}
	})
	reading.Go(func() {
		for scan := bufio.NewScanner(stderr); scan.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, scan.Text())
			close(p.news)
			p.news = make(chan struct{})
			p.mu.Unlock()
		}
	})
	go func() {
		reading.Wait()
		cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.end(os.Interrupt)
		text := p.text()
		if t.Failed() {
			t.Logf("it said:\n%s", text)
		}
		if strings.Contains(text, "DATA RACE") || strings.Contains(text, "goroutine ") {
			t.Errorf("a race or a stack trace:\n%s", text)
		}
	})
	return p
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// says waits for a line on standard error and returns its last group.
func (p *process) says(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	limit := time.After(patience)
	for {
		p.mu.Lock()
		lines, news := p.lines, p.news
		p.mu.Unlock()
		for _, line := range lines {
			if found := re.FindStringSubmatch(line); found != nil {
				return found[len(found)-1]
			}
		}
		select {
		case <-news:
		case <-p.ended:
			p.t.Fatalf("it ended without saying %q:\n%s", pattern, p.text())
		case <-limit:
			p.t.Fatalf("it did not say %q:\n%s", pattern, p.text())
		}
	}
}

// end sends a signal, unless it has ended, and waits. It returns how long that took, and the exit code.
func (p *process) end(signal os.Signal) (time.Duration, int) {
	began := time.Now()
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Error(err)
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Errorf("%v does not end it", signal)
		p.cmd.Process.Kill()
		<-p.ended
	}
	return time.Since(began), p.cmd.ProcessState.ExitCode()
}

// command runs the program to its end.
func command(t *testing.T, home string, args ...string) (out, complaint string, code int) {
	t.Helper()
	p := launch(t, home, args...)
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("callboard %v does not end:\n%s", args, p.text())
	}
	var lines []string
	for line := range p.out {
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n"), p.text(), p.cmd.ProcessState.ExitCode()
}

// configure writes callboard.yaml for an account u at a PBX.
func configure(t *testing.T, home, pbx, secret, more string) {
	t.Helper()
	text := fmt.Sprintf("pbx: {address: %q, username: u, secret: %q%s}\nline: {name: Alice, extensions: [{number: \"1001\", device: PJSIP/1001}]}\n"+
		"listen: {address: \"127.0.0.1:0\"}\ndata: %q\n", pbx, secret, more, filepath.Join(home, "data"))
	must(t, os.WriteFile(filepath.Join(home, "callboard.yaml"), []byte(text), 0o600))
}

func startPBX(t *testing.T, o demopbx.Options) *demopbx.PBX {
	t.Helper()
	o.LoginDelay, o.WriteTimeout = time.Millisecond, 5*time.Second
	o.Accounts = map[string]demopbx.Account{"u": {Secret: "right", Read: "call", Write: "call"}}
	pbx, err := demopbx.New(o)
	must(t, err)
	t.Cleanup(func() { pbx.Close() })
	return pbx
}

// person is the person's client of a running `callboard run` or demo.
func person(t *testing.T, url, token string) *client.Client {
	t.Helper()
	c, err := client.Connect(t.Context(), client.Options{URL: url, Token: strings.TrimSpace(token), IncludeClaims: true})
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

func (p *process) person(home string) *client.Client {
	p.t.Helper()
	url, _, _ := strings.Cut(p.says(`Callboard is at (\S+)`), "/#")
	token, err := os.ReadFile(filepath.Join(home, "data", "user.token"))
	must(p.t, err)
	return person(p.t, url, string(token))
}

// follow runs a client and tells each notification, with its record.
func follow(t *testing.T, c *client.Client) <-chan *client.Record {
	t.Helper()
	told := make(chan *client.Record, 10_000)
	c.On("*", func(_ context.Context, r *client.Record, _ client.Notification) {
		if r != nil {
			told <- r
		}
	})
	c.OnListed(func(_ context.Context, records []*client.Record) {
		for _, r := range records {
			told <- r
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); c.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return told
}

func wait(t *testing.T, told <-chan *client.Record, what string, want func(*client.Record) bool) *client.Record {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case r := <-told:
			if want(r) {
				return r
			}
		case <-limit:
			t.Fatalf("it did not come to this: %s", what)
		}
	}
}

func hostOf(p *process) string {
	url, _, _ := strings.Cut(p.says(`Callboard is at http://(\S+)`), "/#")
	return url
}
