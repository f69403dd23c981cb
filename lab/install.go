package lab

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const (
	wantMajor = "22"
	suite     = "sid" // the only Debian suite that carries Asterisk 22
	stampName = ".callboard-lab"
)

// Environment variables that Install and Find obey.
const (
	EnvCache  = "CALLBOARD_LAB_CACHE"     // folder that holds the Asterisk root, instead of the user's cache folder
	EnvMirror = "CALLBOARD_DEBIAN_MIRROR" // Debian mirror, instead of debootstrap's default
)

// ErrMissing is returned by Find and Start when there is no Asterisk 22 on this machine.
var ErrMissing = errors.New(`lab: no Asterisk ` + wantMajor + ` on this machine; run "make setup" or "go run ./lab/cmd/lab install"`)

//go:embed install.sh
var installScript string

// Installation is an Asterisk 22 that can be started.
type Installation struct {
	Version string // as Asterisk says it, such as "22.10.1"

	command []string // program and first arguments
	env     []string
	modules string // astmoddir
	data    string // astdatadir
}

// Find looks for an Asterisk 22 on PATH, then for the one made by Install. It uses no network and
// returns ErrMissing when there is none.
func Find(ctx context.Context) (*Installation, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	if inst, err := findOnPath(ctx); err == nil {
		return inst, nil
	}
	root, err := rootFolder()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(root, stampName)); err != nil {
		return nil, ErrMissing
	}
	return inRoot(ctx, root)
}

// Install makes sure that an Asterisk 22 can be started. It returns at once, without the network, when
// there is one; otherwise it builds a Debian root in the cache folder, which needs root (or sudo without
// a password), the network, some 600 MB and a minute or two. Lines about the progress go to progress. A
// build that was interrupted is thrown away by the next call; calls from several processes wait for
// each other.
func Install(ctx context.Context, progress io.Writer) error {
	if inst, err := Find(ctx); err == nil {
		fmt.Fprintf(progress, "Asterisk %s is ready\n", inst.Version)
		return nil
	} else if !errors.Is(err, ErrMissing) {
		return err
	}
	root, err := rootFolder()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		return fmt.Errorf("lab: cache folder (set %s to use another): %w", EnvCache, err)
	}
	unlock, err := lock(ctx, root+".lock", progress)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := Find(ctx); err == nil { // another process was faster
		fmt.Fprintln(progress, "installed by another process meanwhile")
		return nil
	}
	return build(ctx, root, progress)
}

// build makes the root beside its final place and renames it once it is known to work, so that a root
// with the final name is always whole.
func build(ctx context.Context, root string, progress io.Writer) error {
	partial := root + ".partial" // the script removes what an interrupted run left, and its own after a failure
	fmt.Fprintf(progress, "installing Asterisk %s in %s\n", wantMajor, root)
	args := []string{"sh", "-c", installScript, "install.sh", partial, suite, os.Getenv(EnvMirror)}
	if asRoot(ctx, io.Discard, "unshare", "--mount", "true") == nil {
		args = append([]string{"unshare", "--mount", "--propagation", "private"}, args...)
	}
	if err := asRoot(ctx, progress, args...); err != nil {
		return fmt.Errorf("lab: cannot install Asterisk %s: %w", wantMajor, err)
	}
	inst, err := inRoot(ctx, partial)
	if err != nil {
		return fmt.Errorf("lab: what Debian %s has is not usable: %w", suite, err)
	}
	stamp := filepath.Join(partial, stampName)
	if err := asRoot(ctx, io.Discard, "sh", "-c", `echo "$1" >"$2"`, "stamp", inst.Version, stamp); err != nil {
		return err
	}
	// A folder of that name without a stamp is not ours to run, but it is in our way.
	if err := asRoot(ctx, io.Discard, "rm", "-rf", "--one-file-system", root); err != nil {
		return err
	}
	if err := asRoot(ctx, io.Discard, "mv", "-T", partial, root); err != nil {
		return err
	}
	fmt.Fprintf(progress, "Asterisk %s is ready\n", inst.Version)
	return nil
}

// asRoot runs a command as root, through sudo where we are not. Its output goes to out line by line; on
// failure the last lines are in the error.
func asRoot(ctx context.Context, out io.Writer, args ...string) error {
	if os.Getuid() != 0 {
		env := []string{"sudo", "-n", "env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
		for _, name := range []string{"http_proxy", "https_proxy", "no_proxy"} {
			if v, ok := os.LookupEnv(name); ok {
				env = append(env, name+"="+v)
			}
		}
		args = append(env, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	ownGroup(cmd)
	cmd.WaitDelay = 10 * time.Second
	pr, pw := io.Pipe()
	cmd.Stdout, cmd.Stderr = pw, pw
	tail := make(chan []string, 1)
	go func() { tail <- copyLines(out, pr, 25) }()
	err := cmd.Run()
	pw.Close()
	last := <-tail
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	hint := ""
	if os.Getuid() != 0 {
		hint = " (installing needs root: run it as root, or allow sudo without a password)"
	}
	return fmt.Errorf("%s: %w%s\n%s", args[0], err, hint, strings.Join(last, "\n"))
}

// copyLines writes every line of in to out and returns the last n of them.
func copyLines(out io.Writer, in *io.PipeReader, n int) []string {
	var last []string
	sc := bufio.NewScanner(in)
	for sc.Scan() {
		fmt.Fprintln(out, sc.Text())
		if last = append(last, sc.Text()); len(last) > n {
			last = last[1:]
		}
	}
	// A line beyond the scanner's limit must not block the command.
	_, _ = io.Copy(io.Discard, in)
	return last
}

func rootFolder() (string, error) {
	dir := os.Getenv(EnvCache)
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("lab: no cache folder, set %s: %w", EnvCache, err)
		}
		dir = filepath.Join(cache, "callboard")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "asterisk-"+wantMajor), nil
}

// inRoot describes the Asterisk in a Debian root. Its libc is newer than the host's, therefore it is run
// by the root's own dynamic loader instead of by chroot: no rights and no mounts are needed.
func inRoot(ctx context.Context, root string) (*Installation, error) {
	triplet, loader := "x86_64-linux-gnu", "lib64/ld-linux-x86-64.so.2"
	if runtime.GOARCH == "arm64" {
		triplet, loader = "aarch64-linux-gnu", "lib/ld-linux-aarch64.so.1"
	}
	libs := filepath.Join(root, "usr/lib", triplet)
	inst := &Installation{
		command: []string{
			filepath.Join(root, loader),
			"--library-path", libs + ":" + filepath.Join(root, "usr/lib"),
			filepath.Join(root, "usr/sbin/asterisk"),
		},
		// The host's OpenSSL configuration may name modules of the host's OpenSSL.
		env:     []string{"OPENSSL_CONF=/dev/null", "OPENSSL_MODULES=" + filepath.Join(libs, "ossl-modules")},
		modules: filepath.Join(libs, "asterisk/modules"),
		data:    filepath.Join(root, "usr/share/asterisk"),
	}
	return inst, inst.check(ctx)
}

func findOnPath(ctx context.Context) (*Installation, error) {
	path, err := exec.LookPath("asterisk")
	if err != nil {
		return nil, err
	}
	inst := &Installation{command: []string{path}}
	for _, dir := range []string{"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"} {
		modules := filepath.Join(dir, "asterisk/modules")
		if _, err := os.Stat(filepath.Join(modules, "chan_pjsip.so")); err == nil {
			inst.modules = modules
			break
		}
	}
	for _, dir := range []string{"/usr/share/asterisk", "/var/lib/asterisk"} {
		if _, err := os.Stat(filepath.Join(dir, "documentation")); err == nil {
			inst.data = dir
			break
		}
	}
	if inst.modules == "" || inst.data == "" {
		return nil, fmt.Errorf("lab: %s has no modules or no documentation in the usual places", path)
	}
	return inst, inst.check(ctx)
}

// check asks Asterisk for its version.
func (inst *Installation) check(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, inst.command[0], append(inst.command[1:], "-V")...)
	cmd.Env = append(os.Environ(), inst.env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("lab: %s -V: %w: %s", inst.command[len(inst.command)-1], err, out)
	}
	version, ok := strings.CutPrefix(strings.TrimSpace(string(out)), "Asterisk ")
	if !ok || !strings.HasPrefix(version, wantMajor+".") {
		return fmt.Errorf("lab: found %q, need Asterisk %s", strings.TrimSpace(string(out)), wantMajor)
	}
	inst.Version, _, _ = strings.Cut(version, "+") // Debian adds "+dfsg+..."
	return nil
}
