package lab_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

func TestTwoLabsKillAndRestart(t *testing.T) {
	t.Parallel()
	a, b := lab.StartT(t), lab.StartT(t)
	ctx := within(t, 40*time.Second)
	if a.HostAddr() == b.HostAddr() {
		t.Fatalf("both labs are at %s", a.HostAddr())
	}
	call := func(l *lab.Lab, desk, out *phone.Phone) {
		t.Helper()
		oc := dial(t, ctx, out, "5550101", phone.CallOptions{From: "4512345678"})
		dc := incoming(t, ctx, desk)
		do(t, dc.Ring(ctx), dc.Answer(ctx), oc.WaitAnswered(ctx))
		text, err := l.CLI(ctx, "core show channels count")
		do(t, err)
		if !strings.Contains(text, "1 active call") {
			t.Errorf("channels at %s: %s", l.HostAddr(), text)
		}
		do(t, oc.Hangup(ctx))
		ended(t, ctx, dc)
	}
	deskA, outA := a.PhoneT(t, "1001"), a.OutsideT(t)
	deskB, outB := b.PhoneT(t, "1001"), b.OutsideT(t)
	call(a, deskA, outA)
	call(b, deskB, outB)

	before := a.PID()
	a.Kill()
	if alive(before) || a.PID() != 0 {
		t.Errorf("Asterisk %d lives after Kill; PID says %d", before, a.PID())
	}
	if _, err := a.CLI(ctx, "core show uptime"); err == nil {
		t.Error("a killed Asterisk answers")
	}
	call(b, deskB, outB)
	do(t, a.Restart(ctx))
	if a.PID() == 0 || a.PID() == before {
		t.Errorf("process %d after Restart, %d before", a.PID(), before)
	}
	do(t, deskA.Register(ctx))
	call(a, deskA, outA)

	dir := a.Dir()
	do(t, a.Stop(), a.Stop())
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is there after Stop: %v", dir, err)
	}
	if err := a.Restart(ctx); err == nil {
		t.Error("a stopped lab could be restarted")
	}
}

func TestAMI(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t, lab.Options{Timestamps: true, CDREvents: true, Append: map[string]string{
		"extensions.conf": "[internal]\nexten => 4711,1,Answer()\n same => n,Hangup()\n",
	}})
	ctx := within(t, 20*time.Second)
	ca, err := os.ReadFile(l.CAFile())
	do(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	secure := tls.Dialer{Config: &tls.Config{RootCAs: roots}}

	for _, a := range lab.Accounts {
		for _, where := range []struct {
			addr string
			dial func(context.Context, string, string) (net.Conn, error)
		}{{l.AMIAddr(), new(net.Dialer).DialContext}, {l.AMITLSAddr(), secure.DialContext}} {
			conn, err := where.dial(ctx, "tcp", where.addr)
			do(t, err)
			defer conn.Close()
			deadline, _ := ctx.Deadline()
			do(t, conn.SetDeadline(deadline))
			fmt.Fprintf(conn, "Action: Login\r\nUsername: %s\r\nSecret: %s\r\n\r\n", a.Name, a.Secret)
			text := readUntil(t, conn, "Authentication accepted")
			if !strings.HasPrefix(text, "Asterisk Call Manager/") {
				t.Errorf("%s at %s: banner %q", a.Name, where.addr, text)
			}
		}
	}
	for command, want := range map[string]string{
		"manager show settings":           "Timestamp events:          Yes",
		"cdr show status":                 "cdr_manager",
		"dialplan show 4711@internal":     "1. Answer()",
		"module show like res_ari_events": "Running",
	} {
		got, err := l.CLI(ctx, command)
		do(t, err)
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s\nlacks %q", command, got, want)
		}
	}
}

func readUntil(t *testing.T, conn net.Conn, want string) string {
	t.Helper()
	var b strings.Builder
	for sc := bufio.NewScanner(conn); sc.Scan(); {
		fmt.Fprintln(&b, sc.Text())
		if strings.Contains(sc.Text(), want) {
			return b.String()
		}
	}
	t.Fatalf("no %q from %s, but %s", want, conn.RemoteAddr(), b.String())
	return ""
}

// Asterisk's log is empty of warnings after a boot, so that what a test's log tail shows is the test's.
func TestQuietBoot(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t)
	for line := range strings.Lines(l.LogTail(1000)) {
		if strings.Contains(line, "ERROR[") || strings.Contains(line, "WARNING[") {
			t.Error(line)
		}
	}
}

const childEnv = "LAB_TEST_CHILD"

// TestDiesWithParent kills a process that has a lab and looks whether its Asterisk goes too.
func TestDiesWithParent(t *testing.T) {
	t.Parallel()
	if os.Getenv(childEnv) != "" {
		l := lab.StartT(t)
		fmt.Printf("pid %d dir %s\n", l.PID(), l.Dir())
		<-t.Context().Done()
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestDiesWithParent$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	out, err := cmd.StdoutPipe()
	do(t, err, cmd.Start())
	pid, dir := 0, ""
	for sc := bufio.NewScanner(out); pid == 0 && sc.Scan(); {
		_, _ = fmt.Sscanf(sc.Text(), "pid %d dir %s", &pid, &dir)
	}
	if pid == 0 || !alive(pid) {
		t.Fatalf("the child started no Asterisk (pid %d)", pid)
	}
	do(t, cmd.Process.Kill())
	_ = cmd.Wait() // "signal: killed"
	defer os.RemoveAll(dir)
	ctx := within(t, 10*time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); alive(pid); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("Asterisk %d lives on after its parent was killed", pid)
		}
	}
}

// alive tells whether a process runs; a zombie that its parent has not waited for does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !bytes.Contains(stat, []byte(") Z "))
}

func TestMissing(t *testing.T) {
	t.Setenv(lab.EnvCache, t.TempDir())
	t.Setenv("PATH", "")
	_, err := lab.Start(t.Context(), lab.Options{})
	if !errors.Is(err, lab.ErrMissing) || !strings.Contains(err.Error(), "go run ./lab/cmd/lab install") {
		t.Errorf("start without Asterisk: %v", err)
	}
}

func TestInstallAgain(t *testing.T) {
	var out strings.Builder
	begun := time.Now()
	do(t, lab.Install(t.Context(), &out))
	if took := time.Since(begun); took > 5*time.Second || !strings.Contains(out.String(), "is ready") {
		t.Errorf("installing again took %v: %s", took, out.String())
	}
}

func TestBadNetwork(t *testing.T) {
	t.Parallel()
	for _, net := range []string{"10.0.0", "127.1", "x"} {
		if _, err := lab.Start(t.Context(), lab.Options{Net: net}); err == nil || !strings.Contains(err.Error(), "127.40.7") {
			t.Errorf("network %q: %v", net, err)
		}
	}
}
