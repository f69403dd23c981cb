package e2e

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadme follows the README as a newcomer would: a fresh clone in an empty folder, the first command word for word. The
// second command is the one that runs this test, and CI's.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	must(t, err)
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)\n```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 2 {
		t.Fatal("the README has no two commands")
	}
	ci, err := os.ReadFile("../.ci/run")
	must(t, err)
	if second := blocks[1][1]; !strings.Contains(string(ci), "\n"+second+"\n") {
		t.Errorf("CI does not run the README's second command, %q", second)
	}

	clone := filepath.Join(t.TempDir(), "callboard")
	if out, err := exec.Command("git", "clone", "--quiet", "..", clone).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	demo := exec.Command("sh", "-c", blocks[0][1])
	demo.Dir = clone
	demo.Env = append(os.Environ(), "DISPLAY=", "WAYLAND_DISPLAY=", "XDG_CACHE_HOME="+t.TempDir(), "GOCACHE="+goEnv(t, "GOCACHE"))
	demo.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C goes to the whole group
	out, err := demo.StdoutPipe()
	must(t, err)
	demo.Stderr = os.Stderr
	must(t, demo.Start())
	t.Cleanup(func() { syscall.Kill(-demo.Process.Pid, syscall.SIGKILL) })
	address := make(chan string)
	go func() {
		defer close(address)
		scan := bufio.NewScanner(out)
		for scan.Scan() {
			if found := regexp.MustCompile(`http://\S+`).FindString(scan.Text()); found != "" {
				address <- found
			}
		}
	}()
	select {
	case url, ok := <-address:
		if !ok {
			t.Fatal("the demo ended without an address")
		}
		wantPage(t, url)
	case <-time.After(3 * time.Minute): // it is built first
		t.Fatal("the demo printed no address")
	}
	must(t, syscall.Kill(-demo.Process.Pid, syscall.SIGINT))
	ended := make(chan error, 1)
	go func() {
		for range address {
		}
		ended <- demo.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("Ctrl-C does not end the demo")
	}
}

func wantPage(t *testing.T, url string) {
	t.Helper()
	answer, err := http.Get(url)
	must(t, err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the page answers %s", answer.Status)
	}
	screen := browse(t, url)
	screen.see(`[data-testid="call-item"]`)
	screen.see(`[data-testid="settled"][data-rounds="2"]`)
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	must(t, err)
	return strings.TrimSpace(string(out))
}
