package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite" // in pure Go, registered as "sqlite"

	"github.com/callboard-dev/callboard/internal/crash"
)

//go:embed migrations/*.sql
var migrations embed.FS

// checkAtMost is how long a start looks whether the database is whole.
const checkAtMost = 20 * time.Millisecond

// oldestSQLite is the first version without the WAL-reset race (sqlite.org, 3.51.3).
const oldestSQLite = 3_051_003

// inFile is what a store in SQLite has besides.
type inFile struct {
	path    string
	lock    *flock.Flock
	keeper  *sql.Conn // never used: while a connection is open, SQLite does not take the -wal and -shm files away
	files   files
	raw     *os.File // the database's bytes
	journal *journal // nil: commits go into the database at once
	unsaved int      // commits since the write-ahead log was copied into the database
}

// sqlite is the dialect of the default store. WAL and synchronous=FULL make a commit durable.
var sqlite = dialect{
	begin: beginDirect,
	sound: func(_ context.Context, s *Store) error { return s.files.still(false) },
	rest:  func(ctx context.Context, s *Store) error { return s.rest(ctx) },
	clean: func(ctx context.Context, s *Store, words []string) error {
		return errors.Join(s.dropFormers(), s.clean(ctx, words))
	},
	tidy: func(ctx context.Context, s *Store) error { return s.tidy(ctx) },
	says: func(ctx context.Context, s *Store, words []string) (bool, error) { return s.fileSays(ctx, words) },

	earlier: earlierInSQLite,
	call:    `body ->> '$.call'`,
	indexing: [3]string{
		`INSERT INTO call_index (rowid, ` + wordColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		`UPDATE call_index SET (` + wordColumns + `) = (?, ?, ?, ?, ?, ?, ?) WHERE rowid = ?`,
		`DELETE FROM call_index WHERE rowid = ?`,
	},
	syntax: &fts5,
}

// OpenSQLite opens the default store: one file, no server. It makes the file if it is not there and brings its schema up to date. The error
// is one sentence for a person, with a remedy. A file is open in one program at a time.
func OpenSQLite(ctx context.Context, path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder of the database: %w: choose another data folder (data in callboard.yaml)", err)
	}
	if err := touch(path); err != nil {
		return nil, fmt.Errorf("cannot open the database %s: %w: give your user the right to read and write it, or choose another data folder (data in callboard.yaml)", path, bare(err))
	}
	lock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	s := &Store{dialect: &sqlite, inFile: inFile{path: path, lock: lock}, listing: newListing()}
	if err := s.open(ctx); err != nil {
		s.Close()
		remedy := "restore it from a backup (`callboard store restore`), or move the file away and Callboard begins a new one"
		switch {
		case errors.Is(err, errNewer):
			remedy = "use the newer Callboard, or another data folder (data in callboard.yaml)" + orFormer(path)
		case errors.Is(err, errNoCopy):
			remedy = "make room in the data folder; nothing was changed"
		case diskFails(err):
			remedy = "free space on the disk of the data folder, and see that it can be read and written; nothing was changed"
		case errors.Is(err, errUnread):
			remedy = "see that " + path + journalEnd + " is a file that your user may read and write; it is part of the database"
		}
		return nil, fmt.Errorf("the database %s cannot be used: %w: %s", path, err, remedy)
	}
	return s, nil
}

// diskFails reports whether it is the disk, and not the database, that is wrong (sqlite.org/rescode.html).
func diskFails(err error) bool {
	const ioError, full = 10, 13
	said, ok := errors.AsType[*driver.Error](err)
	return ok && (said.Code()&0xff == ioError || said.Code()&0xff == full)
}

var errNewer = errors.New("it was written by a newer Callboard")

// touch makes sure the file can be read and written, so that the error is the system's own and not SQLite's.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func bare(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

func (s *Store) open(ctx context.Context) error {
	source := source(s.path, "busy_timeout(500)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)", "journal_size_limit("+strconv.Itoa(walAtRest)+")")
	var err error
	if s.writer, err = sql.Open("sqlite", source+"&_txlock=immediate"); err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	if s.readers, err = sql.Open("sqlite", source+"&_pragma=query_only(1)"); err != nil {
		return err
	}
	s.readers.SetMaxOpenConns(4 + 1) // and the keeper
	if err := s.check(ctx); err != nil {
		return err
	}
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, s.writer, folder, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	known := provider.ListSources()
	version, err := provider.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	if newest := known[len(known)-1].Version; version > newest {
		return fmt.Errorf("%w (schema %d, this one knows %d)", errNewer, version, newest)
	}
	if err := s.keepFormer(ctx, version, known[len(known)-1].Version); err != nil {
		return err
	}
	for range known {
		if _, err := provider.UpByOne(ctx); errors.Is(err, goose.ErrNoNextVersion) {
			break
		} else if err != nil {
			return err
		}
		crash.Here("migration")
	}
	if err := s.trimKeys(ctx, time.Now()); err != nil {
		return err
	}
	if err := s.overwrite(ctx); err != nil {
		return err
	}
	if s.keeper, err = s.readers.Conn(ctx); err != nil {
		return err
	}
	if err := s.keeper.PingContext(ctx); err != nil {
		return err
	}
	if s.raw, err = os.Open(s.path); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	names := []string{s.path, s.path + "-wal", s.path + "-shm"}
	if s.journal != nil {
		names = append(names, s.path+journalEnd)
	}
	s.files, err = openFiles(names...)
	return err
}

// check asserts the version of SQLite and that the file is whole.
func (s *Store) check(ctx context.Context) error {
	var version, verdict string
	if err := s.writer.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return err
	}
	if !recent(version) {
		return fmt.Errorf("SQLite %s is too old", version)
	}
	// It reads the whole file: of a large one, what can be read in a moment.
	moment, cancel := context.WithTimeout(ctx, checkAtMost)
	defer cancel()
	if err := s.writer.QueryRowContext(moment, "PRAGMA quick_check(1)").Scan(&verdict); err != nil && moment.Err() != nil && ctx.Err() == nil {
		return nil
	} else if err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("it is damaged (%s)", strings.Join(strings.Fields(verdict), " "))
	}
	return nil
}

// recent reports whether a version of SQLite is safe with a WAL and several connections.
func recent(version string) bool {
	var major, minor, patch int
	_, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch)
	return err == nil && major*1_000_000+minor*1000+patch >= oldestSQLite
}

// Close ends the store.
func (s *Store) Close() error {
	errs := []error{s.endSaving()}
	s.endListing()
	errs = append(errs, s.commit.close(), s.lists.close())
	if s.earlier != nil {
		errs = append(errs, s.earlier.Close())
	}
	if s.keeper != nil {
		errs = append(errs, s.keeper.Close())
	}
	for _, db := range []*sql.DB{s.readers, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.raw != nil {
		errs = append(errs, s.raw.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Unlock())
	}
	return errors.Join(errs...)
}

// rest copies the write-ahead log into the database, when nobody waits: so it stays short, and a start after a kill quick.
// What it cannot copy stays in the log, where it is as safe.
func (s *Store) rest(ctx context.Context) error {
	if s.unsaved > 0 {
		s.unsaved = 0
		crash.Here("before checkpoint")
		s.writer.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
		crash.Here("after checkpoint")
	}
	return nil
}
