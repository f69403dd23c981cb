package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// bootTime bounds a boot when the caller's context does not. It takes a second on an idle machine.
const bootTime = 60 * time.Second

// folderPrefix begins the name of every lab's folder. Unix socket paths end at 107 bytes: keep it short.
const folderPrefix = "callboard-lab-"

// Options say how a lab differs from the usual one. The zero value is a PBX as it comes: no timestamps
// in AMI events, no Cdr events.
type Options struct {
	Net        string            // first three bytes of the loopback network ("127.40.7"); empty: any free one
	Timestamps bool              // AMI: a Timestamp header in every event (timestampevents=yes)
	CDREvents  bool              // AMI: Cdr events (cdr_manager)
	Append     map[string]string // text to append to a configuration file, by name: "extensions.conf"
}

// Lab is a running Asterisk with its network and folder.
type Lab struct {
	net  *network
	dir  string
	inst *Installation
	held *os.File // locked while the lab exists, so that its folder is not taken for a left-over

	mu      sync.Mutex // guards what follows; held while Asterisk starts or ends
	proc    *process   // nil after Kill or Stop
	stopped bool
}

// Start starts an Asterisk on a network of its own and returns once it is fully booted, or with an error
// that has the end of Asterisk's log. ctx bounds the start only; end the lab with Stop.
func Start(ctx context.Context, o Options) (*Lab, error) {
	inst, err := Find(ctx)
	if err != nil {
		return nil, err
	}
	sweep(os.TempDir())
	n, err := reserve(o.Net)
	if err != nil {
		return nil, err
	}
	l := &Lab{net: n, inst: inst}
	if err := l.prepare(o); err != nil {
		return nil, errors.Join(err, l.Stop())
	}
	if err := l.Restart(ctx); err != nil {
		return nil, errors.Join(err, l.Stop())
	}
	return l, nil
}

// prepare makes the lab's folder.
func (l *Lab) prepare(o Options) error {
	dir, err := os.MkdirTemp("", folderPrefix)
	if err != nil {
		return fmt.Errorf("lab: folder: %w", err)
	}
	l.dir = dir
	if socket := filepath.Join(dir, "run/asterisk.ctl"); len(socket) > 107 {
		return fmt.Errorf("lab: %s is too long for a socket's path; set TMPDIR to a shorter folder", socket)
	}
	if l.held, err = os.Create(filepath.Join(dir, "lock")); err != nil {
		return err
	}
	if err := tryLock(l.held); err != nil {
		return fmt.Errorf("lab: lock: %w", err)
	}
	return writeConfig(settings{
		Host: l.HostAddr(), Outside: l.OutsideAddr(), Dir: dir,
		Modules: l.inst.modules, Data: l.inst.data,
		Desks: Desks, Accounts: Accounts,
		Timestamps: o.Timestamps, CDREvents: o.CDREvents,
	}, l.inst, o.Append)
}

// boot starts Asterisk. l.mu is held.
func (l *Lab) boot(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	p, err := startProcess(l.dir)
	if err != nil {
		return err
	}
	if err := l.waitBooted(ctx, p); err != nil {
		p.kill()
		return err
	}
	l.proc = p
	return nil
}

// Stop ends Asterisk, waits for it, removes the lab's folder and frees its network. It blocks for some
// five seconds at most. A second call does nothing.
func (l *Lab) Stop() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return nil
	}
	l.stopped = true
	if l.proc != nil {
		l.proc.stop()
		l.proc = nil
	}
	var errs []error
	if l.dir != "" {
		errs = append(errs, os.RemoveAll(l.dir))
	}
	if l.held != nil {
		errs = append(errs, l.held.Close())
	}
	if err := errors.Join(append(errs, l.net.release())...); err != nil {
		return fmt.Errorf("lab: stop: %w", err)
	}
	return nil
}

// Kill ends Asterisk with SIGKILL, as a crash would, and waits until it is gone. Its connections are cut,
// the calls are lost, the phones hear nothing. Restart brings it back.
func (l *Lab) Kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.proc != nil {
		l.proc.kill()
		l.proc = nil
	}
}

// Restart ends Asterisk, if it runs, and starts it again on the same addresses with the same
// configuration. What Asterisk has in its database (registrations, forwards) is there again; after Kill
// the last second of it may be missing.
func (l *Lab) Restart(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return errors.New("lab: restart: the lab was stopped")
	}
	if l.proc != nil {
		l.proc.stop()
		l.proc = nil
	}
	return l.boot(ctx)
}

// PID is the process id of Asterisk; 0 when it does not run.
func (l *Lab) PID() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.proc == nil || l.proc.ended() {
		return 0
	}
	return l.proc.cmd.Process.Pid
}

// HostAddr is the IP address of Asterisk.
func (l *Lab) HostAddr() string { return l.net.addr(1) }

// OutsideAddr is the IP address of the outside world: the far end of the trunk.
func (l *Lab) OutsideAddr() string { return l.net.addr(2) }

// DeskAddr is the IP address of a desk phone; empty for an extension that is not in Desks.
func (l *Lab) DeskAddr(number string) string {
	for _, d := range Desks {
		if d.Number == number {
			return l.net.addr(d.last)
		}
	}
	return ""
}

// SIPAddr is where Asterisk takes SIP over UDP, as host:port.
func (l *Lab) SIPAddr() string { return net.JoinHostPort(l.HostAddr(), "5060") }

// SIPTLSAddr is where Asterisk takes SIP over TLS, as host:port.
func (l *Lab) SIPTLSAddr() string { return net.JoinHostPort(l.HostAddr(), "5061") }

// AMIAddr is the manager interface, as host:port.
func (l *Lab) AMIAddr() string { return net.JoinHostPort(l.HostAddr(), "5038") }

// AMITLSAddr is the manager interface over TLS, as host:port. The certificate is from CAFile.
func (l *Lab) AMITLSAddr() string { return net.JoinHostPort(l.HostAddr(), "5039") }

// ARIAddr is the HTTP server with ARI (user "lab", password "lab-ari"), as host:port.
func (l *Lab) ARIAddr() string { return net.JoinHostPort(l.HostAddr(), "8088") }

// CAFile is the PEM file of the authority that signed Asterisk's certificate.
func (l *Lab) CAFile() string { return filepath.Join(l.dir, "keys/ca.pem") }

// Dir is the lab's folder; it goes with Stop. DIR/asterisk -rvvv is a console, DIR/log/full the log.
func (l *Lab) Dir() string { return l.dir }

// sweep removes the folders of labs whose process was killed. A living lab holds its lock; a folder
// without a lock file may be one that is just being made, so only old ones go.
func sweep(tmp string) {
	entries, err := os.ReadDir(tmp)
	if err != nil {
		return // MkdirTemp will say what is wrong
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), folderPrefix) {
			continue
		}
		info, err := e.Info()
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		dir := filepath.Join(tmp, e.Name())
		f, err := os.Open(filepath.Join(dir, "lock"))
		if err != nil {
			continue
		}
		if tryLock(f) == nil {
			_ = os.RemoveAll(dir) // another user's folder stays; it is theirs to remove
		}
		f.Close()
	}
}
