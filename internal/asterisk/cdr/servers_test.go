//go:build linux

package cdr

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // registered as "pgx"

	"github.com/callboard-dev/callboard/internal/store/pgtest"
)

// program finds one that Debian keeps off the PATH.
func program(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path := filepath.Join("/usr/sbin", name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	t.Fatalf("%s is missing: `sh scripts/setup.sh` installs it", name)
	return ""
}

// humble makes a command run as a user that is not root: database servers refuse to be root's. folder becomes that user's.
func humble(t *testing.T, cmd *exec.Cmd, folder string) *exec.Cmd {
	t.Helper()
	cmd.Dir = folder
	if os.Getuid() != 0 {
		return cmd
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	if err := os.Chown(folder, uid, gid); err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return cmd
}

// serverFolder is a short one, for it holds a socket, which everybody on the machine can reach by its path.
func serverFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "callboard-db-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// serve runs a server until the test ends, and returns once its database answers. It listens on a socket only.
func serve(t *testing.T, cmd *exec.Cmd, open func() (*sql.DB, error)) *sql.DB {
	t.Helper()
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	db, err := open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		db.Close()
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
	})
	for limit := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if err = db.PingContext(t.Context()); err == nil {
			return db
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended: %v\n%s", cmd.Path, err, said.String())
		default:
		}
		if time.Now().After(limit) {
			t.Fatalf("%s does not answer: %v", cmd.Path, err)
		}
	}
}

// startTestPostgres is a PostgreSQL of this test's own, and its address for Options.Source.
func startTestPostgres(t *testing.T) (*sql.DB, string) {
	t.Helper()
	server, err := pgtest.Start("fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(db.Close(), server.Close()); err != nil {
			t.Error(err)
		}
	})
	return db, server.URL()
}

// startTestMariaDB is a MariaDB of this test's own.
func startTestMariaDB(t *testing.T) (*sql.DB, string) {
	t.Helper()
	folder := serverFolder(t)
	data, socket := filepath.Join(folder, "data"), filepath.Join(folder, "s")
	init := humble(t, exec.Command(program(t, "mariadb-install-db"), "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db"), folder)
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	cmd := humble(t, exec.Command(program(t, "mariadbd"), "--no-defaults", "--datadir="+data, "--socket="+socket, "--pid-file="+filepath.Join(folder, "pid"), "--skip-networking",
		"--default-time-zone=+09:00", "--innodb-flush-log-at-trx-commit=0"), folder)
	settings := mysql.NewConfig()
	settings.User, settings.Net, settings.Addr = "root", "unix", socket
	db := serve(t, cmd, func() (*sql.DB, error) { return sql.Open("mysql", settings.FormatDSN()) })
	for _, q := range []string{"CREATE DATABASE asteriskcdrdb", "USE asteriskcdrdb", "CREATE USER reader IDENTIFIED BY 'pass word'", "GRANT SELECT ON asteriskcdrdb.* TO reader"} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "USE asteriskcdrdb"); err != nil {
		t.Fatal(err)
	}
	return db, "mysql://reader@/asteriskcdrdb?socket=" + url.QueryEscape(socket)
}

func exec1(ctx context.Context, db *sql.DB, queries ...string) error {
	var errs []error
	for _, q := range queries {
		_, err := db.ExecContext(ctx, q)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
