//go:build linux

package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/store/pgtest"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// server is a PostgreSQL of a test's own, to be stopped and spoilt.
func server(t *testing.T, settings ...string) *pgtest.Server {
	t.Helper()
	s, err := pgtest.Start(settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// begun is a store in a database whose server may be gone before it is closed, and a record in it.
func begun(t *testing.T, address string) (w *writer, record string) {
	t.Helper()
	s, err := OpenPostgres(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w = newWriter(t, s)
	record = w.open("+4512345678")
	w.commit()
	return w, record
}

// TestNewInPostgres: an empty database becomes a store that commits durably, whatever the server is set to (D-2).
func TestNewInPostgres(t *testing.T) {
	t.Parallel()
	at := pgtest.Database(t)
	s := openStore(t, at)
	first, err := s.Load(t.Context())
	if err != nil || first.Epoch == "" || first.Seq != 0 || len(first.Records) != 0 || !first.SeenAt.IsZero() {
		t.Errorf("got %+v, %v", first, err)
	}
	var commit, reading string // the server's own are off and read committed
	if err := errors.Join(s.writer.QueryRow("SHOW synchronous_commit").Scan(&commit),
		s.readers.QueryRow("SHOW transaction_isolation").Scan(&reading)); err != nil || commit != "on" || reading != "repeatable read" {
		t.Errorf("synchronous_commit = %s, readers %s, %v", commit, reading, err)
	}
	if _, err := s.readers.Exec("DELETE FROM meta"); err == nil {
		t.Error("a reader can write")
	}
}

// TestSchemasAreEqual: each table and column is in both, so that what is written for one runs in the other. A migration of one
// needs its counterpart.
func TestSchemasAreEqual(t *testing.T) {
	t.Parallel()
	columns := func(s *Store, query string) (out []string) {
		t.Helper()
		rows, err := s.readers.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var table, column, kind string
			if err := rows.Scan(&table, &column, &kind); err != nil {
				t.Fatal(err)
			}
			if kind == "boolean" || kind == "bigint" {
				kind = "integer"
			} else if kind == "bytea" {
				kind = "blob"
			}
			if table+"."+column != "records.rowid" && table+"."+column != "call_words.words" && table != "goose_db_version" {
				out = append(out, table+"."+column+" "+kind)
			}
		}
		slices.Sort(out)
		return out
	}
	sqlite := columns(openStore(t, file(t)), `SELECT m.name, c.name, lower(c.type) FROM sqlite_schema m JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'call_index%' AND m.name NOT LIKE 'sqlite_%'`)
	postgres := columns(openStore(t, pgtest.Database(t)), `SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = current_schema()`)
	if !slices.Equal(sqlite, postgres) || len(sqlite) < 50 {
		t.Errorf("SQLite     %v\nPostgreSQL %v", sqlite, postgres)
	}
}

func TestNumbered(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"SELECT 1": "SELECT 1", "a = ? AND b = ?": "a = $1 AND b = $2", "a = '?' AND b = ?": "a = '?' AND b = $1", `"?" = ? OR 'it''s ?' = ?`: `"?" = $1 OR 'it''s ?' = $2`,
	} {
		if got := numbered(query); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}

// unopened sees that an address is not opened, and why.
func unopened(t *testing.T, what, address string, wants ...string) error {
	t.Helper()
	s, err := OpenPostgres(t.Context(), address)
	if err == nil {
		s.Close()
		t.Errorf("%s was opened", what)
		return nil
	}
	sentence(t, err, "", wants...)
	return err
}

// TestPostgresOpenErrors: what cannot be opened says so in one sentence, and never says the password.
func TestPostgresOpenErrors(t *testing.T) {
	t.Parallel()
	own := server(t)
	refuse := func(what, address string, wants ...string) {
		t.Helper()
		err := unopened(t, what, address, wants...)
		if strings.Contains(fmt.Sprintf("%v %+v %q", err, err, err), "s3cret") {
			t.Errorf("%s: %v has the password", what, err)
		}
	}
	refuse("no address", "mysql://a:s3cret@b/c", "no address of a PostgreSQL", "postgres://")
	refuse("a torn one", "postgres://a:s3cret@b:port/c", "no address of a PostgreSQL")
	refuse("a torn password", "postgres://a:s3cret@b@c:99999999/c", "PostgreSQL")
	refuse("an unknown key", "postgres://a:s3cret@127.0.0.1/c?sslmode=s3cret", "not understood")
	refuse("a file that is not there", "postgres://a:s3cret@127.0.0.1/c?sslrootcert=/nowhere/ca.pem&sslmode=verify-full", "/nowhere/ca.pem")
	refuse("nobody", "postgres://a:s3cret@/c?host=/nowhere", "c at /nowhere", "start the database server")
	refuse("no such database", strings.Replace(own.URL(), "/postgres?", "/absent?", 1), "absent", "createdb")
	refuse("no such schema", own.URL("search_path=absent"), "no schema", "search_path")
	if err := own.Exec(t.Context(), "CREATE ROLE poor LOGIN", "CREATE ROLE guarded LOGIN PASSWORD 's3cret'", `CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc`); err != nil {
		t.Fatal(err)
	}
	refuse("no right", strings.Replace(own.URL(), "postgres@", "poor:s3cret@", 1), "permission denied", "owner of the database")
	refuse("not UTF-8", strings.Replace(own.URL(), "/postgres?", "/latin?", 1), "LATIN1", "UTF8")
	if err := own.Admit("local all guarded scram-sha-256"); err != nil {
		t.Fatal(err)
	}
	guarded := strings.Replace(own.URL("search_path=guarded"), "postgres@", "guarded@", 1)
	refuse("a wrong password", strings.Replace(guarded, "guarded@", "guarded:s3cret2@", 1), "password authentication failed", "~/.pgpass")
	if err := own.Exec(t.Context(), "CREATE SCHEMA guarded AUTHORIZATION guarded"); err != nil {
		t.Fatal(err)
	}
	pass := filepath.Join(t.TempDir(), "pgpass")
	if err := os.WriteFile(pass, []byte("*:*:*:guarded:s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	openStore(t, guarded+"&passfile="+pass)
}

// TestTLSElsewhere: a server on another machine proves who it is, unless the address says otherwise.
func TestTLSElsewhere(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"postgres://a@db.example.com/c": "verified", "postgres://a@127.0.0.1,192.0.2.1/c": "verified", "postgres://a@db.example.com/c?sslmode=disable": "plain",
		"postgres://a@db.example.com/c?sslmode=require": "unverified", "postgres://a@127.0.0.1/c?sslmode=disable": "plain", "postgres://a@/c?host=/run/postgresql": "plain",
	} {
		config, err := parse(address)
		got := "plain"
		if err != nil {
			t.Errorf("%s: %v", address, err)
		} else if config.TLSConfig != nil {
			if got = "unverified"; !config.TLSConfig.InsecureSkipVerify {
				got = "verified"
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

// TestOneProgramPerDatabase: a second program is refused, also while the first has lost its connection and comes back; one that ends
// lets go at once.
func TestOneProgramPerDatabase(t *testing.T) {
	t.Parallel()
	at := pgtest.Database(t)
	s := openStore(t, at)
	_, err := OpenPostgres(t.Context(), at)
	sentence(t, err, "", "is in use by another Callboard: stop that one")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, at)
	w := newWriter(t, s)
	w.open("+4512345678")
	batch := w.board.Take()
	cut(t, s)
	other := openStore(t, at)
	err = s.Commit(t.Context(), w.epoch, batch)
	if said, ok := errors.AsType[*telephony.Error](err); !ok || said.Code != telephony.CodeStore || !strings.Contains(said.Message, "in use by another Callboard") {
		t.Errorf("two programs write: %v", err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	commitSoon(t, s, w.epoch, batch)
}

// cut ends a store's connection that writes, as a server's operator would, and waits until it is gone.
func cut(t *testing.T, s *Store) {
	t.Helper()
	var pid, left int
	if err := s.writer.QueryRow("SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	if _, err := s.readers.Exec("SELECT pg_terminate_backend(?, 10000)", pid); err != nil {
		t.Fatal(err)
	}
	if err := s.readers.QueryRow("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = ?", pid).Scan(&left); err != nil || left > 0 {
		t.Fatalf("%d locks are left, %v", left, err)
	}
}

// commitSoon commits as the committer does: again until the store takes it.
func commitSoon(t *testing.T, s *Store, epoch string, batch []*board.Change) {
	t.Helper()
	for began := time.Now(); ; {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		err := s.Commit(ctx, epoch, batch)
		cancel()
		if err == nil {
			return
		}
		if time.Since(began) > time.Minute {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond) // as the committer's second
	}
}

// TestServerFaults: a server that is gone, hangs, or takes no writes is said to be so, with a remedy; what was not taken is taken when it is
// well again, by the same store (FLT-16).
func TestServerFaults(t *testing.T) {
	t.Parallel()
	own := server(t)
	w, record := begun(t, own.URL())
	s := w.store
	for _, c := range []struct {
		what        string
		spoil, mend func() error
		says        string
	}{
		{"stopped", own.Stop, own.Run, "start the database server"},
		{"hanging", func() error { return own.Signal(syscall.SIGSTOP, true) }, func() error { return own.Signal(syscall.SIGCONT, true) }, "does not answer"},
		{"read-only", func() error {
			return own.Exec(t.Context(), "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
		}, func() error {
			return own.Exec(t.Context(), "SET default_transaction_read_only = off", "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
		}, "read-only"},
		{"without a table", func() error { return own.Exec(t.Context(), "ALTER TABLE changes RENAME TO elsewhere") }, func() error { return own.Exec(t.Context(), "ALTER TABLE elsewhere RENAME TO changes") }, "look at the log"},
	} {
		w.claim(record, "party.name", c.what)
		batch := w.board.Take()
		if err := s.Commit(t.Context(), w.epoch, nil); err != nil {
			t.Errorf("%s, before: %v", c.what, err)
		}
		if err := c.spoil(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var err error
		for said := false; !said; { // a setting comes to a connection a moment later
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err = s.Commit(ctx, w.epoch, batch)
			cancel()
			said = err != nil
			if time.Since(began) > 20*time.Second {
				t.Fatalf("%s: it still commits", c.what)
			}
		}
		if took := time.Since(began); c.what != "read-only" && took > 10*time.Second {
			t.Errorf("%s: it was found after %v", c.what, took)
		}
		if told, ok := errors.AsType[*telephony.Error](err); !ok || told.Code != telephony.CodeStore || !strings.Contains(err.Error(), c.says) || !strings.Contains(told.Remedy, "Callboard goes on by itself") {
			t.Errorf("%s: %v", c.what, err)
		}
		if err := c.mend(); err != nil {
			t.Fatal(err)
		}
		commitSoon(t, s, w.epoch, batch)
		w.board.Show(batch, true, time.Now())
		if r, err := s.Record(t.Context(), record); err != nil || r.Value("party.name") != c.what {
			t.Errorf("%s: %v, %v", c.what, r, err)
		}
	}
	loaded, err := s.Load(t.Context())
	if err != nil || uint64(len(loaded.Tail)) != loaded.Seq {
		t.Errorf("%d changes up to %d, %v", len(loaded.Tail), loaded.Seq, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestReadsGoOn: whoever reads does not notice that the server has ended the connections that were kept.
func TestReadsGoOn(t *testing.T) {
	t.Parallel()
	own := server(t)
	w, record := begun(t, own.URL())
	for range 20 {
		var some sync.WaitGroup
		for range 2 * readersAtOnce {
			some.Go(func() {
				if r, err := w.store.Record(t.Context(), record); err != nil || r == nil {
					t.Errorf("%v, %v", r, err)
				}
			})
		}
		some.Wait()
		if err := own.Exec(t.Context(), "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'callboard' AND pid <> pg_backend_pid()"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUnsynced: a server that does not wait for its disk is refused.
func TestUnsynced(t *testing.T) {
	t.Parallel()
	own := server(t, "fsync=off")
	_, err := OpenPostgres(t.Context(), own.URL())
	sentence(t, err, "", "fsync = off", "set fsync = on")
}

// TestCutWhileCommitting: connections end at any moment, and answers to commits are lost; committed again, nothing is missing and nothing there twice.
func TestCutWhileCommitting(t *testing.T) {
	t.Parallel()
	own := server(t)
	way := newWay(t, own.URL(), 0)
	w, record := begun(t, way.to(own.URL()))
	s := w.store
	var want []string
	lost := 0
	for i := range 60 {
		if w.claim(record, "party.name", fmt.Sprint("Name ", i)); i%2 == 0 {
			w.claim(record, "party.bio", fmt.Sprint("Bio ", i))
		}
		batch := w.board.Take()
		way.cut.Store(int32(rand.IntN(4))) // no cut, before a commit, after it, at some statement
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		err := s.Commit(ctx, w.epoch, batch)
		cancel()
		way.cut.Store(0)
		if err != nil {
			lost++
			commitSoon(t, s, w.epoch, batch)
		}
		w.board.Show(batch, true, time.Now())
		for _, c := range batch {
			want = append(want, fmt.Sprint(c.Seq, c.Rev))
		}
	}
	if lost < 10 {
		t.Errorf("only %d commits were cut", lost)
	}
	if way.after.Load() == 0 {
		t.Error("no answer to a commit was lost")
	}
	changes, err := s.Changes(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, fmt.Sprint(c.Seq, c.Rev))
	}
	if len(got) < len(want) || !slices.Equal(got[len(got)-len(want):], want) {
		t.Errorf("got %v, want %v at the end", got, want)
	}
	if r, err := s.Record(t.Context(), record); err != nil || r.Value("party.name") != "Name 59" {
		t.Errorf("%v, %v", r, err)
	}
}
