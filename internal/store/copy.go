package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// copied are the tables of a store in an order in which they can be filled, and by what their rows are told apart. A table that is
// missing here fails TestCopyHasEveryTable.
var copied = []struct{ table, key string }{
	{"apps", "id"}, {"webhooks", "id"}, {"webhook_deliveries", "n"}, {"records", "id"}, {"changes", "seq"}, {"commands", "source, key"}, {"erasures", "id"},
	{"picks", "line, number"}, {"call_facets", "id"}, {"calls", "n"}, {"call_words", "n"}, {"meta", "key"},
}

// counted are the columns that the database counts up by itself.
var counted = []struct{ table, column string }{{"webhook_deliveries", "n"}, {"call_facets", "id"}}

// copyTellsEvery is after how many rows it is told how far a copy is.
const copyTellsEvery = 1000

// Copy moves all that is in a file of SQLite into an empty database of PostgreSQL: in one transaction, so all is there or nothing, and
// compared before that ends. tell is told how far it is. Neither may be in use. The file stays as it is; the error is a sentence for a person.
func Copy(ctx context.Context, path, address string, tell func(table string, rows, of int64)) (rows int64, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("there is no database %s to copy: name the configuration of its data folder (--config)", path)
	}
	from, err := OpenSQLite(ctx, path)
	if err != nil {
		return 0, err
	}
	defer from.Close()
	if err := from.list(ctx); err != nil {
		return 0, err
	}
	to, err := OpenPostgres(ctx, address)
	if err != nil {
		return 0, err
	}
	defer to.Close()
	conn, err := to.writer.Conn(ctx) // the one that has the lock
	if err != nil {
		return 0, to.told(err)
	}
	defer conn.Close()
	err = conn.Raw(func(c any) error {
		copier := copier{from: from.readers, tell: tell}
		err := pgx.BeginFunc(ctx, c.(asking).Conn.Conn(), func(tx pgx.Tx) error {
			copier.to = tx
			return copier.all(ctx)
		})
		rows = copier.rows
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("nothing was copied: %w", to.told(err))
	}
	_, err = conn.ExecContext(ctx, "ANALYZE "+struckOften) // else the first searches are planned for empty tables
	return rows, err
}

type copier struct {
	from *sql.DB
	to   pgx.Tx
	tell func(table string, rows, of int64)
	rows int64
}

func (c *copier) all(ctx context.Context) error {
	for _, t := range copied {
		var some bool
		if err := c.to.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+t.table+")").Scan(&some); err != nil {
			return err
		}
		if some && t.table != "meta" { // which has something from the moment on that it is opened
			return errors.New("the target has " + strings.ReplaceAll(t.table, "_", " ") + " in it already: name an empty database (store in callboard.yaml)")
		}
	}
	if _, err := c.to.Exec(ctx, "DELETE FROM meta"); err != nil {
		return err
	}
	for _, t := range copied {
		if err := c.table(ctx, t.table, t.key); err != nil {
			return fmt.Errorf("%s: %w", t.table, err)
		}
	}
	for _, s := range counted {
		if _, err := c.to.Exec(ctx, fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%[1]s', '%[2]s'), max(%[2]s)) FROM %[1]s HAVING max(%[2]s) > 0", s.table, s.column)); err != nil {
			return err
		}
	}
	return nil
}

// table copies one, and reads it again.
func (c *copier) table(ctx context.Context, table, key string) error {
	columns, err := columnsOf(ctx, c.from, table)
	if err != nil {
		return err
	}
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " + table + " ORDER BY " + key
	source := &rowsOf{columns: columns, sum: newSum(), tell: func(rows, of int64) { c.tell(table, rows, of) }}
	if err := c.from.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&source.of); err != nil {
		return err
	}
	if source.rows, err = c.from.QueryContext(ctx, query); err != nil {
		return err
	}
	defer source.rows.Close()
	if _, err := c.to.CopyFrom(ctx, pgx.Identifier{table}, columns, source); err != nil {
		return err
	}
	rows, err := c.to.Query(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	there := newSum()
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return err
		}
		there.add(values)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if !there.equal(source.sum) || there.rows != source.of {
		return fmt.Errorf("%d rows were read and %d are there, or they are not the same: look at the logs of this computer and the database server for failing memory or disks, and copy again", source.of, there.rows)
	}
	c.rows += there.rows
	c.tell(table, there.rows, source.of)
	return nil
}

func columnsOf(ctx context.Context, db *sql.DB, table string) ([]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT name FROM pragma_table_info(?)", table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, rows.Err()
}

// rowsOf hands the rows of SQLite to PostgreSQL, and sums them up on the way.
type rowsOf struct {
	rows    *sql.Rows
	columns []string
	sum     *sum
	of      int64
	tell    func(rows, of int64)
}

func (r *rowsOf) Next() bool { return r.rows.Next() }

func (r *rowsOf) Err() error { return r.rows.Err() }

func (r *rowsOf) Values() ([]any, error) {
	values, into := make([]any, len(r.columns)), make([]any, len(r.columns))
	for i := range values {
		into[i] = &values[i]
	}
	if err := r.rows.Scan(into...); err != nil {
		return nil, err
	}
	for i, v := range values {
		switch v := v.(type) {
		case string:
			values[i] = utf8Text(v)
		case int64:
			if r.columns[i] == "after_call" {
				values[i] = v != 0
			}
		}
	}
	if r.sum.add(values); r.sum.rows%copyTellsEvery == 0 {
		r.tell(r.sum.rows, r.of)
	}
	return values, nil
}

// sum is a SHA-256 of rows in order, each value with its kind and length.
type sum struct {
	hash hash.Hash
	rows int64
}

func newSum() *sum { return &sum{hash: sha256.New()} }

func (s *sum) add(values []any) {
	s.rows++
	for _, v := range values {
		var text []byte
		switch v := v.(type) {
		case string:
			text = []byte(v)
		case []byte:
			text = v
		default:
			text = fmt.Append(nil, v)
		}
		s.hash.Write(binary.BigEndian.AppendUint64(fmt.Appendf(nil, "%T", v), uint64(len(text))))
		s.hash.Write(text)
	}
}

func (s *sum) equal(other *sum) bool {
	return s.rows == other.rows && slices.Equal(s.hash.Sum(nil), other.hash.Sum(nil))
}
