package desk

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/callboard-dev/callboard/client"
)

//go:embed schema.sql
var schema string

// DB is the desk's own file. Its methods may be called from any goroutine; each is one statement or one transaction.
type DB struct {
	sql *sql.DB
}

// Ticket is one call that ended.
type Ticket struct {
	Caller            Caller
	Direction, Result string
	Started, Ended    time.Time // Ended is zero when the end was not seen
	Open              bool      // somebody called and was not spoken to
	Spoken            bool      // closes the open tickets of the number
}

// Note is a note as it is stored.
type Note struct {
	Caller           Caller
	ID, Author, Text string
	Written, Changed time.Time
	Removed          bool
}

// History is what is known of a number's earlier calls. Last is empty when there were none.
type History struct {
	Open int
	Last string
}

// Open opens or makes a file.
func Open(ctx context.Context, path string) (*DB, error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return nil, fmt.Errorf("the ticket file %s: %w", path, err)
	}
	// One connection: its pragmas hold for all, and a reader never meets a writer.
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("the ticket file %s cannot be used: %w; give another with -db", path, err), db.Close())
	}
	return &DB{db}, nil
}

// Close closes the file.
func (d *DB) Close() error { return d.sql.Close() }

// PutNote stores a note or its new text. An older state of it changes nothing; changed says whether anything did.
func (d *DB) PutNote(ctx context.Context, c Caller, n client.Item) (changed bool, err error) {
	return d.exec(ctx, `
		INSERT INTO notes (record, author, id, number, name, company, text, written_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (record, author, id) DO UPDATE SET
			number = excluded.number, name = excluded.name, company = excluded.company,
			text = excluded.text, changed_at = excluded.changed_at, removed_at = NULL
		WHERE excluded.changed_at > coalesce(removed_at, changed_at)
			OR excluded.changed_at = changed_at AND removed_at IS NULL AND excluded.text <> text`,
		c.Record, n.Source, n.ID, c.Number, c.Name, c.Company, n.Text, stamp(n.At), stamp(n.ChangedAt))
}

// RemoveNote leaves a tombstone of a note, without its text. at is when it was removed.
func (d *DB) RemoveNote(ctx context.Context, record string, n client.Item, at time.Time) (changed bool, err error) {
	return d.exec(ctx, `
		INSERT INTO notes (record, author, id, text, written_at, changed_at, removed_at) VALUES (?, ?, ?, '', ?, ?, ?)
		ON CONFLICT (record, author, id) DO UPDATE SET text = '', removed_at = excluded.removed_at
		WHERE removed_at IS NULL AND changed_at <= excluded.removed_at`,
		record, n.Source, n.ID, stamp(n.At), stamp(n.ChangedAt), stamp(at))
}

// KeepNotes leaves tombstones of all notes of a record but those that it has: the others were removed while the desk
// was away. When that was is not known, so the time of their last change stands.
func (d *DB) KeepNotes(ctx context.Context, record string, has []client.Item) (gone int, err error) {
	keep := make([]any, 0, 2*len(has)+1)
	keep = append(keep, record)
	for _, n := range has {
		keep = append(keep, n.Source, n.ID)
	}
	query := `UPDATE notes SET text = '', removed_at = changed_at WHERE record = ? AND removed_at IS NULL`
	if len(has) > 0 {
		query += ` AND (author, id) NOT IN (VALUES ` + strings.TrimSuffix(strings.Repeat("(?, ?), ", len(has)), ", ") + `)`
	}
	r, err := d.sql.ExecContext(ctx, query, keep...)
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	return int(n), err
}

// Rename writes who the caller of a record is, in its notes and its ticket.
func (d *DB) Rename(ctx context.Context, c Caller) error {
	for _, table := range []string{"notes", "tickets"} {
		if _, err := d.exec(ctx, `UPDATE `+table+` SET number = ?1, name = ?2, company = ?3
			WHERE record = ?4 AND (number <> ?1 OR name <> ?2 OR company <> ?3)`, c.Number, c.Name, c.Company, c.Record); err != nil {
			return err
		}
	}
	return nil
}

// PutTicket makes the ticket of a call or brings it up to date. A call in which the number was spoken to closes the
// tickets that it left open before.
func (d *DB) PutTicket(ctx context.Context, t Ticket) (changed bool, err error) {
	tx, err := d.sql.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	var later bool
	if t.Open && t.Caller.Number != "" {
		// On catching up an old call can come after a newer one.
		if err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM tickets WHERE number = ? AND spoken AND started_at > ?)`,
			t.Caller.Number, stamp(t.Started)).Scan(&later); err != nil {
			return false, err
		}
	}
	r, err := tx.ExecContext(ctx, `
		INSERT INTO tickets (record, number, name, company, direction, result, started_at, ended_at, open, spoken) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (record) DO UPDATE SET number = excluded.number, name = excluded.name, company = excluded.company,
			result = excluded.result, ended_at = excluded.ended_at, open = excluded.open, spoken = excluded.spoken
		WHERE result <> excluded.result OR ended_at <> excluded.ended_at OR number <> excluded.number`,
		t.Caller.Record, t.Caller.Number, t.Caller.Name, t.Caller.Company, t.Direction, t.Result, stamp(t.Started), stamp(t.Ended), t.Open && !later, t.Spoken)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	if err != nil {
		return false, err
	}
	if t.Spoken && t.Caller.Number != "" {
		if _, err = tx.ExecContext(ctx, `UPDATE tickets SET open = FALSE WHERE number = ? AND open AND started_at <= ?`, t.Caller.Number, stamp(t.Started)); err != nil {
			return false, err
		}
	}
	return n > 0, tx.Commit()
}

// History tells of the earlier calls of a number, leaving out one record: the call that is asked for.
func (d *DB) History(ctx context.Context, number, except string) (h History, err error) {
	if number == "" {
		return h, nil
	}
	var record, result, started string
	err = d.sql.QueryRowContext(ctx, `
		SELECT record, result, started_at, (SELECT count(*) FROM tickets WHERE number = ?1 AND record <> ?2 AND open)
		FROM tickets WHERE number = ?1 AND record <> ?2 ORDER BY started_at DESC, record DESC LIMIT 1`,
		number, except).Scan(&record, &result, &started, &h.Open)
	if errors.Is(err, sql.ErrNoRows) {
		return h, nil
	}
	if err != nil {
		return h, err
	}
	h.Last = started[:len("2006-01-02")] + " " + result
	var text string
	err = d.sql.QueryRowContext(ctx, `SELECT text FROM notes WHERE record = ? AND removed_at IS NULL ORDER BY changed_at DESC LIMIT 1`, record).Scan(&text)
	if err == nil && text != "" {
		h.Last += ": " + firstLine(text)
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return h, err
}

// Notes gives all notes, those that were removed too, in the order in which they were written.
func (d *DB) Notes(ctx context.Context) ([]Note, error) {
	return rows(ctx, d, `SELECT record, number, name, company, id, author, text, written_at, changed_at, removed_at IS NOT NULL
		FROM notes ORDER BY written_at, record, author, id`, func(r *sql.Rows) (n Note, err error) {
		var written, changed string
		err = r.Scan(&n.Caller.Record, &n.Caller.Number, &n.Caller.Name, &n.Caller.Company, &n.ID, &n.Author, &n.Text, &written, &changed, &n.Removed)
		n.Written, n.Changed = parse(written), parse(changed)
		return n, err
	})
}

// Tickets gives all tickets, oldest first.
func (d *DB) Tickets(ctx context.Context) ([]Ticket, error) {
	return rows(ctx, d, `SELECT record, number, name, company, direction, result, started_at, ended_at, open, spoken
		FROM tickets ORDER BY started_at, record`, func(r *sql.Rows) (t Ticket, err error) {
		var started, ended string
		err = r.Scan(&t.Caller.Record, &t.Caller.Number, &t.Caller.Name, &t.Caller.Company, &t.Direction, &t.Result, &started, &ended, &t.Open, &t.Spoken)
		t.Started, t.Ended = parse(started), parse(ended)
		return t, err
	})
}

func rows[T any](ctx context.Context, d *DB, query string, scan func(*sql.Rows) (T, error)) ([]T, error) {
	r, err := d.sql.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out []T
	for r.Next() {
		v, err := scan(r)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, r.Err()
}

func (d *DB) exec(ctx context.Context, query string, args ...any) (changed bool, err error) {
	r, err := d.sql.ExecContext(ctx, query, args...)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// layout has a fixed width, so that times compare as text.
const layout = "2006-01-02T15:04:05.000000000Z"

// stamp writes a time; one that was not seen is empty.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(layout)
}

func parse(s string) time.Time {
	t, err := time.Parse(layout, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// firstLine is the first line of a text, at most 80 characters of it.
func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	if r := []rune(s); len(r) > 80 {
		return string(r[:79]) + "…"
	}
	return strings.TrimSpace(s)
}
