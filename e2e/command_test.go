package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/internal/demopbx"
)

// command runs the program to its end and returns what it printed.
func command(t *testing.T, folder string, args ...string) (out, errors string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(folder, "cache"), "XDG_CONFIG_HOME="+filepath.Join(folder, "config"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Run()
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// wantSentence holds an error to one readable message with a remedy.
func wantSentence(t *testing.T, got, want string) {
	t.Helper()
	if !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("it says %q, want %q", got, want)
	}
	if strings.Contains(got, "goroutine ") || strings.Contains(got, ".go:") {
		t.Errorf("a stack trace:\n%s", got)
	}
	if n := strings.Count(got, "callboard: "); n != 1 {
		t.Errorf("%d sentences, want 1:\n%s", n, got)
	}
}

// TestStartRefused holds what cannot start to one clear sentence with a remedy, and exit code 1.
func TestStartRefused(t *testing.T) {
	t.Parallel()
	pbx := pbxConfig{address: "127.0.0.1:1", user: "u", secret: "s"}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { taken.Close() })
	for name, c := range map[string]struct {
		prepare func(t *testing.T, folder string)
		want    string
	}{
		"no configuration": {func(*testing.T, string) {}, `(?s)there is no configuration at .*callboard\.yaml.*config describe.*callboard demo`},
		"unknown key": {func(t *testing.T, folder string) {
			edit(t, folder, pbx, "data:", "dta: x\ndata:")
		}, `(?s)callboard\.yaml: \[9:1\] unknown field "dta".*config describe`},
		"port in use": {func(t *testing.T, folder string) {
			edit(t, folder, pbx, "127.0.0.1:0", taken.Addr().String())
		}, `port 127\.0\.0\.1:\d+ is in use, perhaps by another Callboard: stop that one, or take another port \(listen\.address in callboard\.yaml`},
		"database is a folder": {func(t *testing.T, folder string) {
			edit(t, folder, pbx, "", "")
			must(t, os.MkdirAll(filepath.Join(folder, "data", "callboard.db"), 0o700))
		}, `cannot open the database \S+callboard\.db: is a directory: .*choose another data folder`},
		"database is no database": {func(t *testing.T, folder string) {
			edit(t, folder, pbx, "", "")
			must(t, os.MkdirAll(filepath.Join(folder, "data"), 0o700))
			must(t, os.WriteFile(filepath.Join(folder, "data", "callboard.db"), bytes.Repeat([]byte("not a database. "), 1000), 0o600))
		}, `the database \S+callboard\.db cannot be used: .*restore it from a backup \(.callboard store restore.\), or move the file away`},
		"certificate file missing": {func(t *testing.T, folder string) {
			edit(t, folder, pbxConfig{"127.0.0.1:1", "u", "s", "  tls: true\n  tls_ca: /nowhere/ca.pem\n"}, "", "")
		}, `pbx\.tls_ca cannot be read: .*name the file`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			c.prepare(t, folder)
			out, errors, code := command(t, folder, "run")
			wantSentence(t, errors, c.want)
			if code != 1 || out != "" {
				t.Errorf("exit %d and %q on standard output, want 1 and nothing", code, out)
			}
		})
	}
}

// edit writes a configuration with one change.
func edit(t *testing.T, folder string, pbx pbxConfig, from, to string) {
	t.Helper()
	path := configure(t, folder, pbx, `[{number: "1001"}]`)
	text, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Contains(text, []byte(from)) {
		t.Fatalf("no %q in the configuration", from)
	}
	must(t, os.WriteFile(path, bytes.Replace(text, []byte(from), []byte(to), 1), 0o600))
}

// TestUnreadableDatabase is as nobody: root may read all.
func TestUnreadableDatabase(t *testing.T) {
	t.Parallel()
	folder, err := os.MkdirTemp("", "callboard-unreadable-") // t.TempDir is ours only
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	must(t, os.Chmod(folder, 0o777))
	configure(t, folder, pbxConfig{address: "127.0.0.1:1", user: "u", secret: "s"}, `[{number: "1001"}]`)
	must(t, os.Chmod(filepath.Join(folder, "callboard.yaml"), 0o644))
	must(t, os.Mkdir(filepath.Join(folder, "data"), 0o777))
	must(t, os.Chmod(filepath.Join(folder, "data"), 0o777))
	must(t, os.WriteFile(filepath.Join(folder, "data", "callboard.db"), nil, 0o000))
	program := filepath.Join(folder, "callboard")
	text, err := os.ReadFile(binary)
	must(t, err)
	must(t, os.WriteFile(program, text, 0o755))
	cmd := exec.Command(program, "run")
	cmd.Dir = folder
	cmd.Env = []string{"HOME=" + folder, "TMPDIR=" + folder}
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("it started")
	}
	wantSentence(t, string(out), `cannot open the database \S+callboard\.db: permission denied: give your user the right to read and write it`)
}

// TestSecondOnSameData holds that two programs never share a database.
func TestSecondOnSameData(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	run(t, folder, pbxConfig{address: "127.0.0.1:1", user: "u", secret: "s"})
	_, errors, code := command(t, folder, "run")
	wantSentence(t, errors, `the database \S+ is in use by another Callboard: stop that one, or give this one a data folder of its own`)
	if code != 1 {
		t.Errorf("exit %d, want 1", code)
	}
}

// TestWrongPasswordOnce counts the connections at the PBX: a refused login is not tried again, a broken link is.
func TestWrongPasswordOnce(t *testing.T) {
	t.Parallel()
	pbx, err := demopbx.New(demopbx.Options{LoginDelay: time.Millisecond, Accounts: map[string]demopbx.Account{"u": {Secret: "right", Read: "call", Write: "call"}}})
	must(t, err)
	t.Cleanup(func() { pbx.Close() })
	gate := listenBefore(t, pbx.Addr())
	wrong := run(t, t.TempDir(), pbxConfig{address: gate.addr, user: "u", secret: "wrong"})
	wrong.waitLine(t, `refused Login as user "u": Authentication failed: correct pbx\.username and pbx\.secret`)
	right := run(t, t.TempDir(), pbxConfig{address: gate.addr, user: "u", secret: "right"})
	right.waitConnected(t)
	// The link breaks three times and comes back, each time later: time enough for the other to try again, if it did.
	for n := range 3 {
		pbx.DropConnections(true)
		eventually(t, "the link is back", func() bool { return strings.Count(right.text(), "Connected to") == n+2 })
	}
	wrong.stop()
	if got := strings.Count(wrong.text(), "refused Login"); got != 1 {
		t.Errorf("it was refused %d times, want once:\n%s", got, wrong.text())
	}
	if got := <-gate.connections; got != 1+1+3 {
		t.Errorf("%d connections to the PBX, want 1 refused, 1 good and 3 after the breaks", got)
	}
}

// gate counts the connections on the way to an address.
type gate struct {
	addr        string
	connections chan int // holds the count
}

func listenBefore(t *testing.T, address string) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	g := &gate{addr: l.Addr().String(), connections: make(chan int, 1)}
	g.connections <- 0
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			g.connections <- 1 + <-g.connections
			out, err := net.Dial("tcp", address)
			if err != nil {
				in.Close()
				continue
			}
			go func() { io.Copy(out, in); out.Close() }()
			go func() { io.Copy(in, out); in.Close() }()
		}
	}()
	return g
}

// TestDemo runs the demo as a script does: one line with url and token, and calls that are enriched in two rounds - with
// the CRM in Node and, where there is no Node, with its twin in Go.
func TestDemo(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"with Node": os.Getenv("PATH"), "without Node": "/nowhere"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			demo, lines := startDemo(t, path)
			var said struct{ URL, Token string }
			must(t, json.Unmarshal([]byte(<-lines), &said))
			c, err := client.Connect(t.Context(), client.Options{URL: said.URL, Token: said.Token})
			must(t, err)
			t.Cleanup(c.Close)
			cb := &callboard{client: c}
			record := cb.record(t, "a call, settled", func(r *client.Record) bool { return r.Settled.Rounds == 2 })
			if f := record.Fields["x.crm.account_manager"]; f.Source != "crm" || f.Round != 2 {
				t.Errorf("the account manager: %+v, want it from the CRM in round 2", f)
			}
			if f := record.Fields["party.company"]; f.Source != "addressbook" || f.Round != 1 {
				t.Errorf("the company: %+v, want it from the address book in round 1", f)
			}
			children := childrenOf(t, demo.cmd.Process.Pid)
			if len(children) != 3 {
				t.Errorf("%d example apps run, want 3", len(children))
			}
			if name == "with Node" {
				demo.stop()
				if code := demo.cmd.ProcessState.ExitCode(); code != 0 {
					t.Errorf("Ctrl-C ends it with exit code %d, want 0", code)
				}
			} else {
				demo.kill()
			}
			for _, pid := range children {
				eventually(t, "no example app is left behind", func() bool { return syscall.Kill(pid, 0) != nil || zombie(pid) })
			}
			if line, more := <-lines; more {
				t.Errorf("a second line on standard output: %q", line)
			}
		})
	}
}

func startDemo(t *testing.T, path string) (*process, <-chan string) {
	t.Helper()
	cmd := exec.Command(binary, "demo", "--no-open", "--listen", "127.0.0.1:0", "--json", "--debug")
	cmd.Env = append(os.Environ(), "PATH="+path, "XDG_CACHE_HOME="+t.TempDir(), "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	must(t, err)
	lines := make(chan string, 10)
	demo := start(t, cmd)
	go func() {
		defer close(lines)
		scan := bufio.NewScanner(out)
		for scan.Scan() {
			lines <- scan.Text()
		}
	}()
	return demo, lines
}

// childrenOf reads the processes that a process has started (proc(5)).
func childrenOf(t *testing.T, pid int) []int {
	t.Helper()
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	must(t, err)
	var children []int
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		must(t, err)
		for _, word := range strings.Fields(string(text)) {
			n, err := strconv.Atoi(word)
			must(t, err)
			children = append(children, n)
		}
	}
	return children
}

func zombie(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || bytes.Contains(text, []byte(") Z "))
}

// TestOpenAndApps uses the commands that speak with a running Callboard.
func TestOpenAndApps(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, errors, code := command(t, folder, "open", "--no-open"); code != 1 || !strings.Contains(errors, "no Callboard of yours is running: start one") {
		t.Errorf("open with none running: exit %d, %q", code, errors)
	}
	cb := run(t, folder, pbxConfig{address: "127.0.0.1:1", user: "u", secret: "s"})
	out, _, code := command(t, folder, "open", "--no-open")
	if code != 0 || !strings.HasPrefix(out, cb.url+"/#code=") {
		t.Errorf("open: exit %d, %q", code, out)
	}
	out, _, code = command(t, folder, "app", "add", "acme-crm", "--name", "Acme")
	token := regexp.MustCompile(`export CALLBOARD_URL=(\S+)\nexport CALLBOARD_TOKEN=(cb_\w+)\n`).FindStringSubmatch(out)
	if code != 0 || token == nil {
		t.Fatalf("app add: exit %d, %q", code, out)
	}
	app, err := client.Connect(t.Context(), client.Options{URL: token[1], Token: token[2]})
	must(t, err)
	t.Cleanup(app.Close)
	if out, _, _ = command(t, folder, "app", "list"); !strings.Contains(out, "acme-crm") || !strings.Contains(out, "Acme") {
		t.Errorf("app list: %q", out)
	}
	if _, errors, code := command(t, folder, "app", "remove", "acme-crm"); code != 0 {
		t.Errorf("app remove: exit %d, %q", code, errors)
	}
	if _, err := app.Status(t.Context()); err == nil {
		t.Error("a token that was taken away still works")
	}
}

// TestDescribedConfigLoads feeds `config describe` to `run`: the example is accepted as it is printed.
func TestDescribedConfigLoads(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	out, _, code := command(t, folder, "config", "describe")
	if code != 0 {
		t.Fatalf("exit %d", code)
	}
	text := strings.NewReplacer("127.0.0.1:8747", "127.0.0.1:0", "127.0.0.1:5038", "127.0.0.1:1").Replace(out)
	must(t, os.WriteFile(filepath.Join(folder, "callboard.yaml"), []byte(text), 0o600))
	cmd := exec.Command(binary, "run")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(folder, "cache"), "XDG_CONFIG_HOME="+folder)
	start(t, cmd).waitLine(t, `Nothing answers at 127\.0\.0\.1:1: connection refused`)
}
