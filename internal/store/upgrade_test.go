package store

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite"

	"github.com/callboard-dev/callboard/internal/board"
)

// upgradeEnv is n:path: a process of the test binary opens the store there, and kills itself at its nth statement. n 0: at none, and
// says how many there are.
const upgradeEnv = "CALLBOARD_TEST_UPGRADE"

var everyKill = flag.Bool("every-kill", false, "kill upgrades from every version at every statement")

// upgrade opens a store. SQLite tells of each statement when it is read, which is before it is carried out; of those that it
// makes itself, as in VACUUM; and of each commit when it begins.
func upgrade(env string) error {
	number, path, _ := strings.Cut(env, ":")
	killAt, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return err
	}
	var passed atomic.Int64
	pass := func() {
		if passed.Add(1) == killAt {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Kill()
			}
			if err != nil {
				panic(err)
			}
			select {} // until it comes
		}
	}
	driver.RegisterConnectionHook(func(conn driver.ExecQuerierContext, _ string) error {
		conn.(driver.HookRegisterer).RegisterCommitHook(func() int32 { pass(); return 0 })
		var last [2]string
		return conn.(driver.AuthorizerRegisterer).RegisterAuthorizer(func(action driver.AuthorizerActionCode, on, _, _, _ string) driver.AuthorizerReturnCode {
			is := [2]string{fmt.Sprint(action), on}
			switch {
			case action == driver.AuthRead, action == driver.AuthFunction, action == driver.AuthSelect, is == last, action == driver.AuthPragma && on != "wal_checkpoint", strings.HasPrefix(on, "sqlite_"): // no statement that writes, or parts of one that was told
			default:
				pass()
			}
			last = is
			return driver.AuthorizerOK
		})
	})
	s, err := OpenSQLite(context.Background(), path)
	if err != nil {
		return err
	}
	s.listing.stop() // else it depends on the time how many there are
	<-s.listing.stopped
	_, err = fmt.Println(passed.Load())
	return errors.Join(err, s.Close())
}

// pastData is what a store had at each version that added tables. DO NOT EDIT: add to it with a migration.
var pastData = map[int64][]string{
	1: {
		`INSERT INTO meta (key, value) VALUES ('epoch', 'abcdefghijkl')`,
		`INSERT INTO records (id, rev, line, origin, state, opened_at, number, body) VALUES ('rec_1', 2, 'Alice', 'call', 'closed', 1764000000000, '+4512345678',
			'{"id":"rec_1","rev":2,"line":"Alice","origin":"call","state":"closed","opened_at":"2025-11-24T16:00:00Z","closed_at":"2025-11-24T16:20:00Z","wave":1,"call":{"id":"call_1","direction":"inbound","state":"ended","result":"missed","started_at":"2025-11-24T16:00:00Z","ended_at":"2025-11-24T16:00:20Z","complete":true},"fields":{"party.number":{"claims":[{"source":"pbx","value":"+4512345678","quality":"verified","at":"2025-11-24T16:00:00Z","wave":1,"round":0}],"others":0},"party.name":{"claims":[{"source":"crm","value":"Mette Canary","quality":"matched","at":"2025-11-24T16:00:01Z","wave":1,"round":1}],"others":0}},"items":{"notes":[{"id":"n1","source":"user","at":"2025-11-24T16:01:00Z","changed_at":"2025-11-24T16:01:00Z","text":"call back about the zeppelin"}]}}')`,
		`INSERT INTO records (id, rev, line, origin, state, opened_at, number, body) VALUES ('rec_2', 1, 'Alice', 'lookup', 'closed', 1764000100000, '',
			'{"id":"rec_2","rev":1,"line":"Alice","origin":"lookup","state":"closed","opened_at":"2025-11-24T16:01:40Z","wave":1,"fields":{},"items":{}}')`,
		`INSERT INTO changes (seq, at, record, kind, body) VALUES (1, 1764000000000, 'rec_1', 'record.opened', '{"seq":1,"at":"2025-11-24T16:00:00Z","kind":"record.opened","record":"rec_1","rev":1}')`,
		`INSERT INTO changes (seq, at, record, kind, body) VALUES (2, 1764001200000, 'rec_1', 'record.closed', '{"seq":2,"at":"2025-11-24T16:20:00Z","kind":"record.closed","record":"rec_1","rev":2}')`,
		`INSERT INTO changes (seq, at, record, kind, body) VALUES (3, 1764001300000, 'rec_2', 'record.opened', '{"seq":3,"at":"2025-11-24T16:21:40Z","kind":"record.opened","record":"rec_2","rev":1}')`,
		`INSERT INTO apps (id, name, token_hash, created_at) VALUES ('crm', 'CRM', x'0000000000000000000000000000000000000000000000000000000000000001', 1764000000000)`,
	},
	2: {`INSERT INTO commands (source, key, request, at, status, answer) VALUES ('user', 'key-0001', x'00', 32503680000000, 200, x'7b7d')`},
	3: {
		`INSERT INTO webhooks (id, settings, created_at, secret, epoch, seq) VALUES ('crm', '{}', 1764000000000, 's', 'abcdefghijkl', 1)`,
		`INSERT INTO webhook_deliveries (id, hook, epoch, seq, kind, record, at, state) VALUES ('msg_1', 'crm', 'abcdefghijkl', 2, 'record.closed', 'rec_1', 1764001200000, 'waiting')`,
	},
	4: {`INSERT INTO erasures (id, asked_at, done_at, who, first, proof) VALUES ('era_1', 1764000000000, 1764000000001, '', 1, '{"id":"era_1","asked_at":"2025-11-24T16:00:00Z","done_at":"2025-11-24T16:00:01Z","records":[],"mentioned":[],"claims":0,"items":0,"changes":0,"answers":0}')`},
	5: {`INSERT INTO picks (line, number, ref, at) VALUES ('Alice', '+4512345678', 'crm/7', 1764000000000)`},
}

// past makes a store as a version of the past has left it.
func past(t *testing.T, path string, version int64) {
	t.Helper()
	schemas(t, path, version, func(db *sql.DB, version int64) {
		for _, query := range pastData[version] {
			if _, err := db.Exec(query); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
		}
	})
}

// schemas brings an empty store up to a version, and calls each after every step.
func schemas(t *testing.T, at string, version int64, each func(db *sql.DB, version int64)) {
	t.Helper()
	driver, from, dialect, all, folder := "sqlite", source(at, "journal_mode(WAL)"), goose.DialectSQLite3, migrations, "migrations"
	if inPostgres(at) {
		driver, from, dialect, all, folder = "pgx", at, goose.DialectPostgres, postgresMigrations, "migrations/postgres"
	}
	db, err := sql.Open(driver, from)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	files, err := fs.Sub(all, folder)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(dialect, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range provider.ListSources() {
		if source.Version > version {
			break
		}
		if _, err := provider.UpTo(t.Context(), source.Version); err != nil {
			t.Fatal(err)
		}
		each(db, source.Version)
	}
}

// hasPast looks whether a store has what a version of the past had, and finds it.
func hasPast(t *testing.T, path string, version int64) {
	t.Helper()
	s := openStore(t, path)
	defer s.Close()
	loaded, err := s.Load(t.Context())
	if err != nil || loaded.Epoch != "abcdefghijkl" || loaded.Seq != 3 || loaded.Oldest != 0 || len(loaded.Records) != 2 || len(loaded.Tail) != 3 {
		t.Errorf("loaded %+v, %v", loaded, err)
	}
	r, err := s.Record(t.Context(), "rec_1")
	if err != nil || r == nil || r.Value("party.name") != "Mette Canary" || len(r.Items["notes"]) != 1 {
		t.Errorf("the record: %+v, %v", r, err)
	}
	if apps, err := s.Apps(t.Context()); err != nil || len(apps) != 1 || !slices.Equal(apps[0].Grant.Read, []string{"*"}) {
		t.Errorf("apps %+v, %v", apps, err)
	}
	if got := s.walk(t, board.LogQuery{Text: "zeppelin", Within: everything, Limit: 10}, nil); !slices.Equal(got, []string{"rec_1"}) {
		t.Errorf("found in the call log: %v", got)
	}
	if got := s.walk(t, board.LogQuery{Limit: 10}, nil); len(got) != 2 {
		t.Errorf("the call log has %v", got)
	}
	for from, query := range map[int64]string{2: `SELECT count(*) FROM commands WHERE key = 'key-0001'`, 3: `SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting'`,
		4: `SELECT count(*) FROM erasures WHERE proof LIKE '%era_1%'`, 5: `SELECT count(*) FROM picks WHERE ref = 'crm/7'`} {
		var n int
		if err := s.readers.QueryRow(query).Scan(&n); err != nil || from <= version && n != 1 {
			t.Errorf("%s: %d, %v", query, n, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if found, idle, err := Check(t.Context(), path); err != nil || len(found) > 0 || !idle {
		t.Errorf("the check: %v, %v, %v", found, idle, err)
	}
}

// opened runs a process that opens a store and dies at a statement, and tells whether it got so far.
func opened(t *testing.T, path string, killAt int) (statements int, killed bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d:%s", upgradeEnv, killAt, path))
	out, err := cmd.Output()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok && ended.ExitCode() == -1 {
		return 0, true
	}
	if err != nil {
		t.Fatalf("killed at %d it ends by itself: %v, %s", killAt, err, out)
	}
	statements, err = strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	return statements, false
}

// TestUpgradeKilled brings stores of all versions there ever were up to date in processes that are killed at every statement (`make upgrades`; else at some). Each of them
// opens afterwards, with all that was in it and nothing wrong; and the copy that was made before has all as it was, too.
func TestUpgradeKilled(t *testing.T) {
	t.Parallel()
	newest, err := newestSchema()
	if err != nil {
		t.Fatal(err)
	}
	for version := int64(1); version < newest; version++ {
		if there, _ := fs.Glob(migrations, fmt.Sprintf("migrations/%04d_*", version)); len(there) == 0 {
			continue
		}
		t.Run(fmt.Sprint("from ", version), func(t *testing.T) {
			t.Parallel()
			began := file(t)
			past(t, began, version)
			whole := copyOf(t, began)
			statements, _ := opened(t, whole, 0)
			hasPast(t, whole, version)
			wayBack(t, whole, version)
			if statements < 20 {
				t.Fatalf("only %d statements were counted", statements)
			}
			var wait sync.WaitGroup
			turns := make(chan struct{}, 2)
			step := 1
			if !*everyKill {
				step = 4
				if version > 1 {
					step = 16 // what is done from there on is done from version 1 on, too
				}
			}
			for n := 1; n <= statements; n += step {
				turns <- struct{}{}
				wait.Go(func() {
					defer func() { <-turns }()
					path := copyOf(t, began)
					if _, killed := opened(t, path, n); !killed {
						t.Errorf("statement %d of %d was not reached", n, statements)
					}
					hasPast(t, path, version)
					os.RemoveAll(filepath.Dir(path))
				})
			}
			wait.Wait()
			t.Logf("%d statements", statements)
		})
	}
}

// copyOf is a store's files elsewhere.
func copyOf(t *testing.T, path string) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "upgrade")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	to := filepath.Join(folder, "callboard.db")
	if err := copyFile(to, path); err != nil {
		t.Fatal(err)
	}
	return to
}

// wayBack opens what was kept before an upgrade, and the store that is made of it.
func wayBack(t *testing.T, path string, version int64) {
	t.Helper()
	kept := fmt.Sprint(path, FormerEnd, version)
	db, err := sql.Open("sqlite", source(kept, "query_only(1)")+"&mode=ro&immutable=1")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var at int64
	var records int
	err = errors.Join(db.QueryRow(`SELECT max(version_id) FROM goose_db_version`).Scan(&at), db.QueryRow(`SELECT count(*) FROM records`).Scan(&records))
	if info, errStat := os.Stat(kept); err != nil || errStat != nil || at != version || records != 2 || info.Mode().Perm() != 0o600 {
		t.Errorf("kept: schema %d, %d records, %v, %v", at, records, info, errors.Join(err, errStat))
	}
}

// TestNewerNamesTheWayBack: an older program that finds a newer schema names the copy that the newer one has made.
func TestNewerNamesTheWayBack(t *testing.T) {
	t.Parallel()
	path := file(t)
	past(t, path, 5)
	s := openStore(t, path)
	if _, err := s.writer.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	kept := path + FormerEnd + "5"
	_, err := OpenSQLite(t.Context(), path)
	sentence(t, err, path, "newer Callboard", "callboard store restore "+kept)
	if _, err := Restore(t.Context(), path, kept, time.Now()); err != nil {
		t.Fatal(err)
	}
	if r, err := openStore(t, path).Record(t.Context(), "rec_1"); err != nil || r == nil {
		t.Errorf("%v, %v", r, err)
	}
}

// TestNoCopyNoUpgrade: where no copy can be made the schema stays as it is, and it is said why.
func TestNoCopyNoUpgrade(t *testing.T) {
	t.Parallel()
	path := file(t)
	past(t, path, 5)
	if err := os.MkdirAll(path+FormerEnd+"5/full", 0o700); err != nil { // stands in the copy's place
		t.Fatal(err)
	}
	_, err := OpenSQLite(t.Context(), path)
	sentence(t, err, path, "no copy of it can be made", "make room")
	if err := os.RemoveAll(path + FormerEnd + "5"); err != nil {
		t.Fatal(err)
	}
	openStore(t, path)
}
