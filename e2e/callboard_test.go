package e2e

import (
	"bufio"
	"context"
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
	"github.com/callboard-dev/callboard/lab"
)

// binary is the program, built once.
var binary string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "callboard-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(folder, "callboard")
	build := exec.Command("go", "build", "-race", "-o", binary, "../cmd/callboard")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	code := 1
	if err := build.Run(); err == nil {
		code = m.Run()
	}
	os.RemoveAll(folder)
	os.Exit(code)
}

// patience bounds every wait in these tests; nothing waits that long when all is well.
const patience = 30 * time.Second

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// process is a started program whose lines of standard error are kept.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}

	mu    sync.Mutex
	lines []string
	news  chan struct{}
}

func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, ended: make(chan struct{}), news: make(chan struct{})}
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if cmd.Stdin == nil {
		if _, err := cmd.StdinPipe(); err != nil { // an example app ends with it
			t.Fatal(err)
		}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		scan := bufio.NewScanner(out)
		for scan.Scan() {
			p.mu.Lock()
			p.lines = append(p.lines, scan.Text())
			close(p.news)
			p.news = make(chan struct{})
			p.mu.Unlock()
		}
		cmd.Wait()
	}()
	t.Cleanup(func() {
		p.stop()
		text := p.text()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(cmd.Path), text)
		}
		if strings.Contains(text, "DATA RACE") {
			t.Errorf("a data race:\n%s", text)
		}
	})
	return p
}

func (p *process) stop() {
	p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.kill()
	}
}

// kill is kill -9.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// waitLine waits for a line on standard error and returns its first group.
func (p *process) waitLine(t *testing.T, pattern string) string {
	t.Helper()
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
			t.Fatalf("it ended without saying %q:\n%s", pattern, p.text())
		case <-limit:
			t.Fatalf("it did not say %q:\n%s", pattern, p.text())
		}
	}
}

// callboard is a running `callboard run`.
type callboard struct {
	*process
	folder string
	url    string
	page   string // with a one-time code
	client *client.Client
}

// pbxConfig is the part of callboard.yaml about the PBX.
type pbxConfig struct{ address, user, secret, more string }

func restricted(l *lab.Lab) pbxConfig {
	return pbxConfig{address: l.AMIAddr(), user: "u1001", secret: "lab-u1001"}
}

func configure(t *testing.T, folder string, pbx pbxConfig, extensions string) string {
	t.Helper()
	path := filepath.Join(folder, "callboard.yaml")
	text := fmt.Sprintf("pbx:\n  address: %q\n  username: %s\n  secret: %s\n%sline:\n  region: US\n  extensions: %s\nlisten: {address: \"127.0.0.1:0\"}\ndata: %q\n",
		pbx.address, pbx.user, pbx.secret, pbx.more, extensions, filepath.Join(folder, "data"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// run starts Callboard for 1001 in a folder of its own; the same folder again is the same Callboard.
func run(t *testing.T, folder string, pbx pbxConfig) *callboard {
	t.Helper()
	return runWith(t, folder, pbx, `[{number: "1001", device: PJSIP/1001}]`)
}

// runWith is run for any extensions, as YAML.
func runWith(t *testing.T, folder string, pbx pbxConfig, extensions string) *callboard {
	t.Helper()
	return launch(t, folder, configure(t, folder, pbx, extensions))
}

// again starts it anew at the address that it had: a page that is open comes back by itself.
func (c *callboard) again(t *testing.T) *callboard {
	t.Helper()
	path := filepath.Join(c.folder, "callboard.yaml")
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, []byte(strings.Replace(string(text), "127.0.0.1:0", strings.TrimPrefix(c.url, "http://"), 1)), 0o600))
	return launch(t, c.folder, path)
}

func launch(t *testing.T, folder, config string) *callboard {
	t.Helper()
	cmd := exec.Command(binary, "run", "--config", config)
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(folder, "cache"))
	c := &callboard{process: start(t, cmd), folder: folder}
	c.page = c.waitLine(t, `Callboard is at (\S+)`)
	c.url, _, _ = strings.Cut(c.page, "/#")
	token, err := os.ReadFile(filepath.Join(folder, "data", "user.token"))
	if err != nil {
		t.Fatal(err)
	}
	c.client, err = client.Connect(t.Context(), client.Options{URL: c.url, Token: strings.TrimSpace(string(token)), IncludeClaims: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.client.Close)
	return c
}

func (c *callboard) waitConnected(t *testing.T) {
	t.Helper()
	c.waitLine(t, `^Connected to (Asterisk.*)`)
}

// example starts an example app in a process of its own, and waits until it takes work.
func (c *callboard) example(t *testing.T, id string) *process {
	t.Helper()
	made, err := c.client.CreateApp(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "example", id, "--folder", filepath.Join(c.folder, id))
	cmd.Env = append(os.Environ(), "CALLBOARD_URL="+c.url, "CALLBOARD_TOKEN="+made.Token)
	p := start(t, cmd)
	eventually(t, id+" takes work", func() bool {
		apps, err := c.client.Apps(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range apps {
			if a.ID == id {
				return a.Connected
			}
		}
		return false
	})
	return p
}

// record waits for the newest record to be as wanted, and returns it.
func (c *callboard) record(t *testing.T, what string, want func(*client.Record) bool) *client.Record {
	t.Helper()
	var found *client.Record
	eventually(t, what, func() bool {
		records, err := c.client.Records(t.Context(), "")
		if err != nil || len(records) == 0 {
			return false
		}
		found = records[0]
		return want(found)
	})
	return found
}

// eventually polls what no channel can tell from outside a process.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("in %v it did not come true: %s", patience, what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
