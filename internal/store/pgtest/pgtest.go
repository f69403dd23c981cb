// Package pgtest runs a real PostgreSQL for tests: Debian's programs, a data directory and a socket of its own in a temporary
// folder, and no port unless it is set to have one. A server ends with the program that started it, however that ends. Where PostgreSQL is not installed a test
// fails: nothing is skipped.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a running PostgreSQL. Anybody who may reach the socket is its superuser.
type Server struct {
	Folder string // of the socket
	port   string // that the socket is called by
	data   string
	wal    string
	bin    string
	cmd    *exec.Cmd
	hold   io.Closer // the server ends when it is closed
	log    string
}

// patience bounds every wait; nothing waits so long when all is well.
const patience = 60 * time.Second

// wrapper runs a server until nobody holds its input any more.
const wrapper = `"$@" & server=$!
cat >/dev/null
kill -INT $server 2>/dev/null
wait $server`

// Start makes a cluster and starts it. Settings are of postgresql.conf, such as "fsync=off".
func Start(settings ...string) (*Server, error) {
	return StartIn("", "", settings...)
}

// StartIn is Start of a server that has what it has, or its write-ahead log, in a temporary folder on some disk. Empty: as others. Paths are
// short: that of a socket is.
func StartIn(disk, logDisk string, settings ...string) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(disk, "callboard-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{Folder: folder, port: "5432", data: filepath.Join(folder, "data"), bin: bin, log: filepath.Join(folder, "log"), wal: filepath.Join(folder, "wal")}
	if logDisk != "" {
		s.wal = filepath.Join(logDisk, filepath.Base(folder))
	}
	for _, setting := range settings {
		if port, ok := strings.CutPrefix(setting, "port="); ok {
			s.port = port
		}
	}
	if err = errors.Join(os.Mkdir(s.wal, 0o700), s.own(s.wal, 0o700), s.own(folder, 0o755)); err == nil {
		err = s.init()
	}
	if err == nil {
		// What a server may be set to by its owner, and we must not depend on.
		err = s.set(append([]string{"listen_addresses=", "synchronous_commit=off", "timezone=Asia/Tokyo", "datestyle=German", "max_connections=200", "shared_buffers=16MB", "log_min_messages=warning"}, settings...)...)
	}
	if err == nil {
		err = s.Run()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// programs is the folder of PostgreSQL's programs.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // the pattern is sound
	slices.SortFunc(found, func(a, b string) int { return len(a) - len(b) })
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("postgres")
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return "", fmt.Errorf("PostgreSQL is not installed (scripts/setup.sh does it): %w", err)
	}
	return filepath.Dir(path), nil
}

func (s *Server) init() error {
	// Its own collation is not that of bytes.
	cmd := exec.Command(filepath.Join(s.bin, "initdb"), "-D", s.data, "-X", s.wal, "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
	cmd.Dir, cmd.SysProcAttr = s.Folder, s.as()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

func (s *Server) set(settings ...string) error {
	f, err := os.OpenFile(filepath.Join(s.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	for _, line := range settings {
		name, value, _ := strings.Cut(line, "=")
		if _, err := fmt.Fprintf(f, "%s = '%s'\n", name, value); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// Run starts the server, which does not run, and waits until it takes connections.
func (s *Server) Run() error {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command("sh", "-c", wrapper, "sh", filepath.Join(s.bin, "postgres"), "-D", s.data, "-k", s.Folder)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr, s.cmd.SysProcAttr = s.Folder, log, log, s.as()
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	s.cmd.Stdin, s.hold = in, out
	if err := s.cmd.Start(); err != nil {
		return errors.Join(err, out.Close())
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL())
		if err == nil {
			return conn.Close(ctx)
		}
		if ctx.Err() != nil {
			said, _ := os.ReadFile(s.log)
			return fmt.Errorf("PostgreSQL does not start: %w: %s", err, said)
		}
		time.Sleep(20 * time.Millisecond) // it tells nobody when it is ready
	}
}

// Stop ends the server and its connections at once; what was committed stays.
func (s *Server) Stop() error {
	if s.hold == nil {
		return nil
	}
	err := s.hold.Close()
	s.hold = nil
	var ended *exec.ExitError
	if waited := s.cmd.Wait(); waited != nil && !errors.As(waited, &ended) {
		err = errors.Join(err, waited)
	}
	return err
}

// Close ends the server and takes away what it had.
func (s *Server) Close() error {
	return errors.Join(s.Stop(), os.RemoveAll(s.wal), os.RemoveAll(s.Folder))
}

// URL is the address of the server's first database. Settings are of the session, such as "search_path=x".
func (s *Server) URL(settings ...string) string {
	q := url.Values{"host": {s.Folder}, "port": {s.port}}
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		q.Set(name, value)
	}
	return "postgres://postgres@/postgres?" + q.Encode()
}

// Exec runs statements as the superuser, each by itself.
func (s *Server) Exec(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return err
	}
	for _, text := range statements {
		if _, err = conn.Exec(ctx, text); err != nil {
			break
		}
	}
	return errors.Join(err, conn.Close(ctx))
}

var schemas atomic.Int64

// Schema makes a schema for a test and returns the address of a database that is that alone. It goes when the test ends.
func (s *Server) Schema(t testing.TB) string {
	t.Helper()
	name := fmt.Sprint("test_", schemas.Add(1))
	if err := s.Exec(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Exec(ctx, "DROP SCHEMA "+name+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	return s.URL("search_path=" + name)
}

var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Database is an empty database of the server that all tests of a program share.
func Database(t testing.TB) string {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = Start() })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server.Schema(t)
}

// Close ends the server that tests share. TestMain calls it when they are done.
func Close() error {
	if shared.server == nil {
		return nil
	}
	return shared.server.Close()
}

// Give writes a file into the server's folder, for the server alone.
func (s *Server) Give(name string, content []byte) error {
	path := filepath.Join(s.data, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	return s.own(path, 0o600)
}

// Admit puts a line before those that say who is let in (pg_hba.conf).
func (s *Server) Admit(line string) error {
	path := filepath.Join(s.data, "pg_hba.conf")
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append([]byte(line+"\n"), text...), 0o600)
	}
	if err != nil {
		return err
	}
	return s.Exec(context.Background(), "SELECT pg_reload_conf()")
}
