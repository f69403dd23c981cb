package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// What is here is SQLite's own: a copy of the whole file, and putting one back. Neither goes through a store that is open: a backup
// is made by another process while Callboard runs, and a restore while it does not.

const (
	halfEnd    = ".part"    // ends the name of a copy until it is whole
	restoreEnd = ".restore" // and that of a database that is to be put in another one's place
)

// Backup writes all that a database has into a new file that only the user can read, whole or not at all. Callboard may run on it
// meanwhile: it writes on, and the copy is as of the moment at which it was begun. It may take minutes.
func Backup(ctx context.Context, path, to string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no database to back up at %s: %w: name the configuration that it belongs to (--config)", path, bare(err))
	}
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s is there already: choose another name, or remove it", to)
	}
	db, err := sql.Open("sqlite", source(path, "busy_timeout(10000)"))
	if err != nil {
		return err
	}
	defer db.Close()
	journal, err := readJournal(path) // before the copy: what is in it then is in the copy, or right behind what that has
	if err == nil {
		err = copyInto(ctx, db, to, func(half string) error { return addJournal(ctx, half, journal) })
	}
	if err != nil {
		return fmt.Errorf("cannot back up %s to %s: %w: see that there is room and that you may write there; nothing was left behind", path, to, bare(err))
	}
	return nil
}

// source is a database file as the driver is told of it.
func source(path string, pragmas ...string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=" + strings.Join(pragmas, "&_pragma=")
}

// addJournal brings a copy of a database up to date with what its journal has.
func addJournal(ctx context.Context, path string, journal []byte) (err error) {
	if len(journal) == 0 {
		return nil
	}
	s := &Store{dialect: &sqlite, listing: newListing()}
	if s.writer, err = sql.Open("sqlite", source(path, "synchronous(FULL)")); err != nil {
		return err
	}
	defer s.writer.Close()
	epoch, left, err := missing(ctx, s.writer, journal)
	if err != nil || len(left) == 0 {
		return err
	}
	if s.commit, err = s.prepare(ctx); err != nil {
		return err
	}
	return errors.Join(s.write(ctx, epoch, false, left), s.commit.close())
}

// copyInto writes a database anew into a file, adds what is missing there, looks whether it is whole, and gives it its name then. What was
// there under the name is replaced.
func copyInto(ctx context.Context, db *sql.DB, to string, add func(half string) error) (err error) {
	half := to + halfEnd
	if err := os.Remove(half); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(half, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) // VACUUM INTO takes an empty file, and leaves its rights
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(half)
		}
	}()
	if err := f.Close(); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, half); err != nil {
		return err
	}
	if err := add(half); err != nil {
		return err
	}
	if err := whole(ctx, half); err != nil {
		return err
	}
	if err := syncFile(half); err != nil {
		return err
	}
	if err := os.Rename(half, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}

// whole reads all of a file that nobody writes to, and says what is wrong with it.
func whole(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", source(path, "query_only(1)")+"&mode=ro&immutable=1")
	if err != nil {
		return err
	}
	defer db.Close()
	wrong, err := damage(ctx, db)
	if err == nil && len(wrong) > 0 {
		err = fmt.Errorf("it is damaged (%s)", wrong[0])
	}
	return err
}

// damage is what SQLite finds wrong with all of a file.
func damage(ctx context.Context, db querier) ([]string, error) {
	const most = 10
	rows, err := db.QueryContext(ctx, fmt.Sprintf(`PRAGMA integrity_check(%d)`, most))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var verdict string
		if err := rows.Scan(&verdict); err != nil {
			return nil, err
		}
		if verdict != "ok" {
			out = append(out, strings.Join(strings.Fields(verdict), " "))
		}
	}
	return out, rows.Err()
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Restored is what came of a restore.
type Restored struct {
	Aside    string   // where the database is now that was there before; empty: there was none
	Erasures []string // that were done since the backup: who was erased is there again
	Apps     []string // that were removed since the backup: they are let in again
}

// Restore puts a backup in the place of a database on which no Callboard runs. What was there is kept beside it. The log goes back in
// time, so a new epoch begins: cursors of what came after the backup are refused, not misread (D-1). Killed at any moment it leaves the
// one or the other, whole.
func Restore(ctx context.Context, path, from string, now time.Time) (Restored, error) {
	var out Restored
	backup, err := openRegular(from)
	if err != nil {
		return out, fmt.Errorf("cannot read the backup %s: %w: name the file that `callboard store backup` has made", from, bare(err))
	}
	backup.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return out, fmt.Errorf("cannot make the folder of the database: %w: choose another data folder (data in callboard.yaml)", bare(err))
	}
	lock, err := lockFile(path)
	if err != nil {
		return out, err
	}
	defer lock.Unlock()
	fresh := path + restoreEnd
	if belongsTo(fresh, from) {
		return out, fmt.Errorf("cannot restore %s: a restore works under that name and would take it away: move it to another folder; nothing was changed", from)
	}
	defer removeStore(fresh)
	removeStore(fresh)
	if err := prepareRestore(ctx, fresh, from); err != nil {
		return out, fmt.Errorf("cannot restore %s: %w: take another backup; the database is as it was", from, err)
	}
	if _, err := os.Stat(path); err == nil {
		if out.Erasures, out.Apps, err = since(ctx, path, fresh); err != nil {
			out.Erasures, out.Apps = nil, nil // of one that cannot be read nobody knows
		}
		out.Aside = freeName(path + ".before-" + now.UTC().Format("20060102T150405Z"))
		if err := putAside(ctx, path, out.Aside); err != nil {
			return out, fmt.Errorf("cannot keep the database that is there as %s: %w: see that there is room and that you may write there; nothing was changed", out.Aside, bare(err))
		}
	}
	if err := os.Rename(fresh, path); err != nil {
		return out, fmt.Errorf("cannot put the backup in its place: %w: see that you may write in the data folder; the database is as it was", bare(err))
	}
	os.Remove(path + journalEnd) // of the one that was there
	return out, syncFolder(filepath.Dir(path))
}

// freeName is a name that no file has: the one that is wanted, or that with a number behind it.
func freeName(wanted string) string {
	name := wanted
	for n := 2; ; n++ {
		if _, err := os.Lstat(name); err != nil {
			return name
		}
		name = fmt.Sprintf("%s-%d", wanted, n)
	}
}

// prepareRestore makes a database of a backup, up to date and whole, in one file.
func prepareRestore(ctx context.Context, fresh, from string) error {
	for _, end := range []string{"", "-wal", journalEnd} { // of one that was copied by hand
		if err := copyFile(fresh+end, from+end); err != nil && !(end != "" && errors.Is(err, fs.ErrNotExist)) {
			return bare(err)
		}
	}
	s, err := OpenSQLite(ctx, fresh)
	if err != nil {
		return cmp.Or(errors.Unwrap(err), err) // without the name of a file that nobody knows
	}
	wrong, err := damage(ctx, s.writer)
	if err == nil && len(wrong) > 0 {
		err = fmt.Errorf("it is damaged (%s)", wrong[0])
	}
	if err == nil {
		err = s.setMeta(ctx, metaEpoch, NewEpoch())
	}
	return errors.Join(err, s.Close(), syncFile(fresh)) // the last to close brings the WAL into the file
}

// openRegular opens a file to be read. A pipe under its name would be waited for.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no file")
	}
	return os.Open(path)
}

func copyFile(to, from string) error {
	in, err := openRegular(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// since tells what was erased, and which apps were removed, in the one database and not yet in the other.
func since(ctx context.Context, now, then string) (erasures, apps []string, err error) {
	erasedNow, appsNow, err := names(ctx, now)
	if err != nil {
		return nil, nil, err
	}
	erasedThen, appsThen, err := names(ctx, then)
	if err != nil {
		return nil, nil, err
	}
	return without(erasedNow, erasedThen), without(appsThen, appsNow), nil
}

func without(all, but []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(one string) bool { return slices.Contains(but, one) })
}

func names(ctx context.Context, path string) (erasures, apps []string, err error) {
	db, err := sql.Open("sqlite", source(path, "busy_timeout(500)"))
	if err != nil {
		return nil, nil, err
	}
	defer db.Close()
	if erasures, err = column(ctx, db, `SELECT id FROM erasures ORDER BY asked_at, id`); err == nil {
		apps, err = column(ctx, db, `SELECT id FROM apps ORDER BY id`)
	}
	return erasures, apps, err
}

// putAside keeps a database under another name as well; under its own it stays until another one takes its place.
func putAside(ctx context.Context, path, aside string) error {
	db, err := sql.Open("sqlite", source(path, "busy_timeout(500)"))
	if err != nil {
		return err
	}
	var busy, pages, moved int
	err = db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved)
	db.Close() // the last to close takes the WAL away
	if err == nil && busy != 0 {
		return errors.New("another program reads it")
	}
	if err := os.Link(path, aside); err != nil {
		if err := copyFile(aside, path); err != nil { // a file system without links
			return err
		}
	}
	ends := []string{"-wal", "-shm"}
	// The journal stays with both until another database takes the place, and says nothing beside that. One that cannot be read is moved.
	if err := copyFile(aside+journalEnd, path+journalEnd); err != nil {
		os.Remove(aside + journalEnd)
		ends = append(ends, journalEnd)
	}
	// A WAL is left of one that is damaged. It must not be taken for that of the backup.
	for _, end := range ends {
		if err := os.Rename(path+end, aside+end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncFolder(filepath.Dir(path))
}

// storeEnds are the names of the files of a database, behind its own.
var storeEnds = []string{"", "-wal", "-shm", "-journal", journalEnd, ".lock", halfEnd}

// removeStore takes a database away, with what belongs to it.
func removeStore(path string) {
	for _, end := range storeEnds {
		os.Remove(path + end)
	}
}

// belongsTo reports whether a file is one that removeStore would take away.
func belongsTo(path, name string) bool {
	info, err := os.Stat(name)
	return err == nil && slices.ContainsFunc(storeEnds, func(end string) bool {
		other, err := os.Stat(path + end)
		return err == nil && os.SameFile(info, other)
	})
}

// lockFile sees to it that one program at a time has a database open. The error is a sentence for a person.
func lockFile(path string) (*flock.Flock, error) {
	lock := flock.New(path + ".lock")
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("cannot lock the database %s: %w: give your user the right to write in its folder, or choose another data folder (data in callboard.yaml)", path, bare(err))
	}
	if !locked {
		return nil, inUse(path)
	}
	return lock, nil
}

// ErrInUse is why a database is not opened. What else there is to do than to stop the other program knows who wants it: for one that is to
// run another database does as well, for one that restores or imports none but this.
var ErrInUse = errors.New("in use by another Callboard")

func inUse(database string) error {
	return fmt.Errorf("the database %s is %w: stop that one", database, ErrInUse)
}

// querier reads, in a transaction or not.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// column is the one column of a query, as texts.
func column(ctx context.Context, db querier, query string, args ...any) ([]string, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, rows.Err()
}
