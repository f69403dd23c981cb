package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"

	"github.com/callboard-dev/callboard/internal/board"
)

// Finding is something that is wrong with a database, and what to do.
type Finding struct {
	What   string
	Remedy string
}

const (
	remedyBackup = "put a backup back: `callboard store restore`"
	remedyMend   = "stop Callboard and let `callboard store check --mend` make the call log and its index anew"
	remedyHole   = "stop Callboard and let `callboard store check --mend` forget what is before it: then nobody resumes across it"
)

// Check reads all of a database and tells what is wrong; nothing is changed. Callboard may run on it. It may take minutes. idle
// says that none does: only then is the search index compared with what it is of.
func Check(ctx context.Context, path string) (found []Finding, idle bool, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, false, fmt.Errorf("there is no database at %s: %w: name the configuration that it belongs to (--config)", path, bare(err))
	}
	lock := flock.New(path + ".lock")
	if idle, err = lock.TryLock(); err != nil {
		return nil, false, fmt.Errorf("cannot lock the database %s: %w: give your user the right to write in its folder", path, bare(err))
	}
	defer lock.Unlock()
	db, err := sql.Open("sqlite", source(path, "busy_timeout(10000)"))
	if err != nil {
		return nil, idle, err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // all is as of one moment
	if err == nil {
		defer tx.Rollback()
		c := &checking{tx: tx, kinds: map[string]int{}, recordsAt: map[string]int64{}}
		if err = c.run(ctx); err == nil && idle && len(c.found) == 0 && c.current {
			tx.Rollback()
			err = c.index(ctx, db)
		}
		found = c.found
	}
	if err != nil {
		return found, idle, fmt.Errorf("cannot read the database %s: %w: %s", path, err, remedyBackup)
	}
	return found, idle, nil
}

// checking is a look through a database.
type checking struct {
	tx      *sql.Tx
	current bool // its schema is that of this program
	listed  bool // there is a call log
	found   []Finding
	kinds   map[string]int // of finding -> its place in found from 1
	counts  []int

	recordsAt map[string]int64 // record -> seq of its newest change, of those that the call log has not followed yet
}

// add tells of something that is wrong; what is wrong in the same way is told once, with an example.
func (c *checking) add(kind, example, remedy string) {
	at := c.kinds[kind]
	if at == 0 {
		c.found = append(c.found, Finding{What: kind + ": " + example, Remedy: remedy})
		c.counts = append(c.counts, 1)
		c.kinds[kind] = len(c.found)
		return
	}
	if c.counts[at-1]++; c.counts[at-1] == 2 {
		c.found[at-1].What += ", and more"
	}
}

func (c *checking) run(ctx context.Context) error {
	wrong, err := damage(ctx, c.tx)
	if err != nil {
		return err
	}
	for _, text := range wrong {
		c.add("the file is damaged", text, remedyBackup)
	}
	if len(wrong) > 0 {
		return nil
	}
	if err := c.schema(ctx); err != nil || !c.current {
		return err
	}
	for _, look := range []func(context.Context) error{c.changes, c.records, c.log, c.orphans, c.proofs} {
		if err := look(ctx); err != nil {
			return err
		}
	}
	return nil
}

// schema compares the version. Of an older one nothing else is known here; it is brought up to date when Callboard opens it.
func (c *checking) schema(ctx context.Context) error {
	newest, err := newestSchema()
	if err != nil {
		return err
	}
	var version int64
	if err := c.tx.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied = 1`).Scan(&version); err != nil {
		c.add("the file has no schema of Callboard's", err.Error(), remedyBackup)
		return nil
	}
	c.current = version == newest
	switch {
	case version > newest:
		c.add("it was written by a newer Callboard", fmt.Sprintf("schema %d, this one knows %d", version, newest), "use the newer Callboard")
	case version < newest:
		c.add("it is of an older Callboard", fmt.Sprintf("schema %d, this one has %d", version, newest), "start Callboard once: it keeps a copy and brings it up to date; then check again")
	}
	return nil
}

// each calls do for every row of a query, whose columns are scanned into the values.
func (c *checking) each(ctx context.Context, query string, into []any, do func()) error {
	rows, err := c.tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		do()
	}
	return rows.Err()
}

func (c *checking) changes(ctx context.Context) error {
	upTo, err := meta(ctx, c.tx, metaCalls)
	if err != nil {
		return err
	}
	listed, err := strconv.ParseInt(upTo, 10, 64)
	c.listed = err == nil // else the next start makes it
	var seq, last int64
	var record, kind string
	var body sql.RawBytes
	return c.each(ctx, `SELECT seq, record, kind, body FROM changes ORDER BY seq`, []any{&seq, &record, &kind, &body}, func() {
		if last > 0 && seq != last+1 {
			c.add("the change log has a hole", fmt.Sprintf("from %d to %d", last+1, seq-1), remedyHole)
		}
		last = seq
		if seq > listed {
			c.recordsAt[record] = seq
		}
		change := new(board.Change)
		switch err := json.Unmarshal(body, change); {
		case err != nil:
			c.add("a change cannot be read", fmt.Sprintf("%d: %v", seq, err), remedyBackup)
		case int64(change.Seq) != seq || change.Record != record || change.Kind != kind:
			c.add("a change is not what its row says", fmt.Sprintf("%d, %s of %s", seq, kind, record), remedyBackup)
		}
	})
}

func (c *checking) records(ctx context.Context) error {
	var id, line, state, number string
	var rev, opened int64
	var body sql.RawBytes
	return c.each(ctx, `SELECT id, rev, line, state, opened_at, number, body FROM records`, []any{&id, &rev, &line, &state, &opened, &number, &body}, func() {
		r := new(board.Record)
		switch err := json.Unmarshal(body, r); {
		case err != nil:
			c.add("a record cannot be read", fmt.Sprintf("%s: %v", id, err), remedyBackup)
		case r.ID != id || r.Rev != rev || r.Line != line || string(r.State) != state || r.OpenedAt.UnixMilli() != opened || r.Value("party.number") != number:
			c.add("a record is not what its row says", id, remedyBackup)
		}
	})
}

// log compares the call log with the records that it follows from.
func (c *checking) log(ctx context.Context) error {
	if !c.listed {
		return nil
	}
	var id string
	var body sql.RawBytes
	var sum sql.NullInt64
	err := c.each(ctx, `SELECT r.id, r.body, c.sum FROM records r LEFT JOIN calls c ON c.record = r.id`, []any{&id, &body, &sum}, func() {
		r := new(board.Record)
		if json.Unmarshal(body, r) != nil || c.recordsAt[id] > 0 { // told already; not yet followed
			return
		}
		e := board.LogEntryOf(r)
		switch row := rowOf(&e, r.NoteTexts()); {
		case !sum.Valid:
			c.add("the call log lacks a record", id, remedyMend)
		case row.sum != sum.Int64:
			c.add("the call log says something else than the record", id, remedyMend)
		}
	})
	if err != nil {
		return err
	}
	for what, query := range map[string]string{
		"the call log has a record that there is not": `SELECT c.record FROM calls c LEFT JOIN records r ON r.id = c.record WHERE r.id IS NULL`,
		"an entry of the call log has no words":       `SELECT c.record FROM calls c LEFT JOIN call_words w ON w.n = c.n WHERE w.n IS NULL`,
		"there are words of no entry":                 `SELECT CAST(w.n AS TEXT) FROM call_words w LEFT JOIN calls c ON c.n = w.n WHERE c.n IS NULL`,
		"an entry of the call log is in no list":      `SELECT c.record FROM calls c LEFT JOIN call_facets f ON f.id = c.facet WHERE f.id IS NULL`,
	} {
		if err := c.each(ctx, query, []any{&id}, func() { c.add(what, id, remedyMend) }); err != nil {
			return err
		}
	}
	return nil
}

// orphans are rows that belong to what there is not.
func (c *checking) orphans(ctx context.Context) error {
	var id string
	for what, query := range map[string]string{
		"a webhook has no app":               `SELECT w.id FROM webhooks w LEFT JOIN apps a ON a.id = w.id WHERE a.id IS NULL`,
		"a delivery belongs to no webhook":   `SELECT d.id FROM webhook_deliveries d LEFT JOIN webhooks w ON w.id = d.hook WHERE w.id IS NULL`,
		"the settings of a webhook are none": `SELECT id FROM webhooks WHERE NOT json_valid(settings) OR NOT json_valid(health)`,
	} {
		if err := c.each(ctx, query, []any{&id}, func() { c.add(what, id, remedyBackup) }); err != nil {
			return err
		}
	}
	return nil
}

func (c *checking) proofs(ctx context.Context) error {
	var id string
	var text sql.RawBytes
	return c.each(ctx, `SELECT id, proof FROM erasures`, []any{&id, &text}, func() {
		if err := json.Unmarshal(text, new(board.Proof)); err != nil {
			c.add("the proof of an erasure cannot be read", fmt.Sprintf("%s: %v", id, err), remedyBackup)
		}
	})
}

// index has FTS5 compare its index with the words. It counts as a write: commits would wait for it.
func (c *checking) index(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, `INSERT INTO call_index (call_index, rank) VALUES ('integrity-check', 1)`); err != nil {
		c.add("the search index is not that of the call log", err.Error(), remedyMend)
	}
	return nil
}

// Mend makes anew what follows from the records - the call log and its index - and forgets what the change log has from before a hole.
func Mend(ctx context.Context, path string) error {
	s, err := OpenSQLite(ctx, path)
	if err != nil {
		return err
	}
	s.listing.turn <- struct{}{} // nobody lists meanwhile
	err = s.within(ctx, func(t transaction) error {
		for _, query := range []string{`DELETE FROM meta WHERE key = 'calls'`, `INSERT INTO call_index (call_index) VALUES ('delete-all')`, `DELETE FROM call_words`, `DELETE FROM calls`,
			`DELETE FROM changes WHERE seq <= (SELECT coalesce(max(c.seq), 0) FROM changes c WHERE c.seq < (SELECT max(seq) FROM changes)
				AND NOT EXISTS (SELECT 1 FROM changes n WHERE n.seq = c.seq + 1))`} {
			if err := t.do(ctx, statement{text: query}, nil); err != nil {
				return err
			}
		}
		return nil
	})
	s.listing.take() // what is owed after a kill: to list that alone would pass for all of it
	<-s.listing.turn
	if err = errors.Join(err, s.Close()); err == nil {
		if s, err = OpenSQLite(ctx, path); err == nil { // it makes what is missing, as after an upgrade
			err = s.Close()
		}
	}
	if err != nil {
		return fmt.Errorf("cannot mend the database %s: %w: %s", path, err, remedyBackup)
	}
	return nil
}

// newestSchema is the version that this program has.
func newestSchema() (int64, error) {
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		return 0, err
	}
	return goose.NumericComponent(entries[len(entries)-1].Name())
}
