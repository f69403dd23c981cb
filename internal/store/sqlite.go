package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/json"
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
	_ "modernc.org/sqlite" // the pure-Go driver, registered as "sqlite"

	"github.com/callboard-dev/callboard/internal/board"
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
	unsaved int      // commits since the write-ahead log was copied into the database
}

// sqlite is the dialect of the default store. WAL and synchronous=FULL make a commit durable.
var sqlite = dialect{
	sound: func(_ context.Context, s *Store) error { return s.files.still() },
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
func OpenSQLite(ctx context.Context, path string) (*SQLite, error) {
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
	s := &SQLite{dialect: &sqlite, inFile: inFile{path: path, lock: lock}, listing: newListing()}
	if err := s.open(ctx); err != nil {
		s.Close()
		remedy := "restore it from a backup (`callboard store restore`), or move the file away and Callboard begins a new one"
		switch {
		case errors.Is(err, errNewer):
			remedy = "use the newer Callboard, or another data folder (data in callboard.yaml)" + orFormer(path)
		case errors.Is(err, errNoCopy):
			remedy = "make room in the data folder; nothing was changed"
		}
		return nil, fmt.Errorf("the database %s cannot be used: %w: %s", path, err, remedy)
	}
	return s, nil
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

func (s *SQLite) open(ctx context.Context) error {
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
	if err := trimKeys(ctx, s.writer, time.Now()); err != nil {
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
	if s.files, err = openFiles(s.path); err != nil {
		return err
	}
	if s.raw, err = os.Open(s.path); err != nil {
		return err
	}
	return s.start(ctx)
}

// start is the end of opening: what both databases have in common.
func (s *SQLite) start(ctx context.Context) (err error) {
	if s.commit, err = s.prepare(ctx); err != nil {
		return err
	}
	if s.earlier, err = s.readers.PrepareContext(ctx, s.dialect.earlier); err != nil {
		return err
	}
	return s.startListing(ctx)
}

// check asserts the version of SQLite and that the file is whole.
func (s *SQLite) check(ctx context.Context) error {
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
func (s *SQLite) Close() error {
	s.endListing()
	errs := []error{s.commit.close()}
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

func newEpoch() string { return strings.ToLower(rand.Text()[:12]) }

const setEpoch = `INSERT INTO meta (key, value) VALUES ('epoch', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`

// Commit makes a batch durable: the newest version of each record, and every change. A change that is there already is left:
// the outcome of an earlier commit may not have been known. An empty batch asks whether the store is sound. One call at a time.
func (s *SQLite) Commit(ctx context.Context, epoch string, batch []*board.Change) (err error) {
	if s.dialect.told != nil {
		defer func() {
			if err != nil {
				err = s.dialect.told(s, err)
			}
		}()
	}
	if err := s.dialect.sound(ctx, s); err != nil {
		return err
	}
	if len(batch) == 0 && epoch == s.epoch {
		return s.dialect.rest(ctx, s)
	}
	// A context that can end costs the driver a goroutine for each statement: where it would end none that waits, it is asked
	// before and after.
	ending := ctx
	if !s.dialect.ends {
		ctx = context.WithoutCancel(ctx)
	}
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	if epoch != s.epoch {
		if _, err := tx.ExecContext(ctx, setEpoch, epoch); err != nil {
			return fmt.Errorf("epoch: %w", err)
		}
	}
	if err := s.commit.saveChanges(ctx, tx, batch); err != nil {
		return err
	}
	if err := s.commit.saveRecords(ctx, tx, batch); err != nil {
		return err
	}
	if err := saveReceipts(ctx, tx, batch); err != nil {
		return err
	}
	if err := saveErasures(ctx, tx, batch); err != nil {
		return err
	}
	if err := savePicks(ctx, tx, batch); err != nil {
		return err
	}
	if s.commits++; s.commits%1000 == 0 {
		if _, err := tx.ExecContext(ctx, `DELETE FROM changes WHERE at < ? AND seq < (SELECT max(seq) FROM changes) - ?`, time.Now().Add(-keepFor).UnixMilli(), keepChanges); err != nil {
			return fmt.Errorf("trim the log: %w", err)
		}
		if err := trimKeys(ctx, tx, time.Now()); err != nil {
			return err
		}
	}
	if ending.Err() != nil {
		return ending.Err()
	}
	crash.Here("before commit")
	if err := tx.Commit(); err != nil {
		return err
	}
	crash.Here("after commit")
	s.listing.owe(batch)
	s.epoch = epoch
	s.unsaved++
	return nil
}

// rest copies the write-ahead log into the database, when nobody waits: so it stays short, and a start after a kill quick.
// What it cannot copy stays in the log, where it is as safe.
func (s *SQLite) rest(ctx context.Context) error {
	if s.unsaved > 0 {
		s.unsaved = 0
		crash.Here("before checkpoint")
		s.writer.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
		crash.Here("after checkpoint")
	}
	return nil
}

// prepared are the statements of a commit: to read them anew each time costs as much as to carry them out.
type prepared struct {
	addChange, keepRecord, addRecord, body *sql.Stmt
	calls                                  callStatements
}

func (s *SQLite) prepare(ctx context.Context) (p prepared, err error) {
	for statement, text := range map[**sql.Stmt]string{
		&p.addChange: `INSERT INTO changes (seq, at, record, kind, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (seq) DO NOTHING`,
		// Mostly nothing moves by which records are found: then their indexes are left alone.
		&p.keepRecord: `UPDATE records SET rev = ?, body = ? WHERE id = ? AND state = ? AND number = ?`,
		&p.addRecord: `INSERT INTO records (id, rev, line, origin, state, opened_at, number, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, state = excluded.state, number = excluded.number, body = excluded.body`,
		&p.body: `SELECT body FROM records WHERE id = ?`,
	} {
		if *statement, err = s.writer.PrepareContext(ctx, text); err != nil {
			return p, err
		}
	}
	p.calls, err = s.prepareCalls(ctx)
	return p, err
}

// close ends them; those that were never prepared too.
func (p prepared) close() error {
	var errs []error
	for _, statement := range []*sql.Stmt{p.addChange, p.keepRecord, p.addRecord, p.body} {
		if statement != nil {
			errs = append(errs, statement.Close())
		}
	}
	return errors.Join(append(errs, p.calls.close())...)
}

func (p prepared) saveChanges(ctx context.Context, tx *sql.Tx, batch []*board.Change) error {
	insert := tx.StmtContext(ctx, p.addChange)
	var body []byte
	for _, c := range batch {
		var err error
		if body, err = c.AppendJSON(body[:0]); err != nil {
			return fmt.Errorf("change %d: %w", c.Seq, err)
		}
		done, err := insert.ExecContext(ctx, int64(c.Seq), c.At.UnixMilli(), c.Record, c.Kind, string(body))
		if err != nil {
			return fmt.Errorf("change %d: %w", c.Seq, err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 1 {
			if err != nil {
				return fmt.Errorf("change %d: %w", c.Seq, err)
			}
			continue
		}
		if err := sameChange(ctx, tx, c, string(body)); err != nil {
			return err
		}
	}
	return nil
}

// sameChange refuses a change under the seq of another. One that was struck meanwhile (SEC-45) is no other.
func sameChange(ctx context.Context, tx *sql.Tx, c *board.Change, body string) error {
	var there, record, kind string
	var at int64
	if err := tx.QueryRowContext(ctx, `SELECT at, record, kind, body FROM changes WHERE seq = ?`, int64(c.Seq)).Scan(&at, &record, &kind, &there); err != nil {
		return fmt.Errorf("change %d: %w", c.Seq, err)
	}
	struck := kind == board.RecordErased && record == c.Record && at == c.At.UnixMilli()
	if there != body && !struck {
		return fmt.Errorf("change %d: the log has another one under this number", c.Seq)
	}
	return nil
}

// saveRecords writes the newest version of each record in the batch.
func (p prepared) saveRecords(ctx context.Context, tx *sql.Tx, batch []*board.Change) error {
	newest := map[string]*board.Record{}
	for _, c := range batch {
		if c.After != nil {
			newest[c.Record] = c.After
		}
	}
	keep, add := tx.StmtContext(ctx, p.keepRecord), tx.StmtContext(ctx, p.addRecord)
	var body []byte
	for id, r := range newest {
		var err error
		if body, err = r.AppendJSON(body[:0]); err != nil {
			return fmt.Errorf("record %s: %w", id, err)
		}
		number := r.Value("party.number")
		done, err := keep.ExecContext(ctx, r.Rev, string(body), r.ID, string(r.State), number)
		if err != nil {
			return fmt.Errorf("record %s: %w", id, err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			if _, err := add.ExecContext(ctx, r.ID, r.Rev, r.Line, string(r.Origin), string(r.State), r.OpenedAt.UnixMilli(), number, string(body)); err != nil {
				return fmt.Errorf("record %s: %w", id, err)
			}
		}
	}
	return nil
}

// Load reads what a board begins with.
func (s *SQLite) Load(ctx context.Context) (Loaded, error) {
	const closed, tail = 100, 100
	var l Loaded
	if err := s.StrikeOwed(ctx); err != nil { // it is not to be read into memory
		return l, err
	}
	err := s.readers.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'epoch'`).Scan(&l.Epoch)
	if errors.Is(err, sql.ErrNoRows) {
		l.Epoch = newEpoch()
		_, err = s.writer.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ('epoch', ?)`, l.Epoch)
	}
	if err != nil {
		return l, fmt.Errorf("read the epoch: %w", err)
	}
	var newest, first, at sql.NullInt64
	if err := s.readers.QueryRowContext(ctx, `SELECT (SELECT max(seq) FROM changes), (SELECT min(seq) FROM changes), (SELECT at FROM changes ORDER BY seq DESC LIMIT 1)`).Scan(&newest, &first, &at); err != nil {
		return l, fmt.Errorf("read the log: %w", err)
	}
	l.Seq = uint64(newest.Int64)
	if first.Valid {
		l.Oldest = uint64(first.Int64 - 1)
		l.SeenAt = time.UnixMilli(at.Int64)
	}
	if l.Tail, err = s.Changes(ctx, max(l.Oldest, l.Seq-min(l.Seq, tail)), tail); err != nil {
		return l, err
	}
	// While the disk was full for long, changes may have been given up: nobody resumes from before the last hole.
	for i := len(l.Tail) - 1; i > 0; i-- {
		if l.Tail[i-1].Seq+1 != l.Tail[i].Seq {
			l.Tail, l.Oldest = l.Tail[i:], l.Tail[i].Seq-1
			break
		}
	}
	if l.Bars, err = read[board.Change](ctx, s.readers, "a change", `SELECT body FROM changes WHERE kind IN ('app.quarantined', 'app.released') ORDER BY seq`); err != nil {
		return l, err
	}
	l.Records, err = s.records(ctx, `SELECT body FROM records WHERE state = 'open' UNION ALL
		SELECT body FROM (SELECT body FROM records WHERE state = 'closed' ORDER BY opened_at DESC LIMIT `+strconv.Itoa(closed)+`) newest`)
	return l, err
}

func (s *SQLite) records(ctx context.Context, query string, args ...any) ([]*board.Record, error) {
	return read[board.Record](ctx, s.readers, "a record", query, args...)
}

// read decodes the one column of a query, a JSON body in each row.
func read[T any](ctx context.Context, db *sql.DB, what, query string, args ...any) ([]*T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	defer rows.Close()
	var out []*T
	for rows.Next() {
		var body sql.RawBytes
		value := new(T)
		if err := rows.Scan(&body); err != nil {
			return nil, fmt.Errorf("read %s: %w", what, err)
		}
		if err := json.Unmarshal(body, value); err != nil {
			return nil, fmt.Errorf("read %s: %w", what, err)
		}
		out = append(out, value)
	}
	return out, rows.Err()
}

// Record reads one record; nil if there is none.
func (s *SQLite) Record(ctx context.Context, id string) (*board.Record, error) {
	found, err := s.records(ctx, `SELECT body FROM records WHERE id = ?`, id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// Changes reads at most limit changes after a seq, in order.
func (s *SQLite) Changes(ctx context.Context, after uint64, limit int) ([]*board.Change, error) {
	return read[board.Change](ctx, s.readers, "a change", `SELECT body FROM changes WHERE seq > ? ORDER BY seq LIMIT ?`, int64(after), limit)
}
