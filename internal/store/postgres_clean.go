package store

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"time"
)

// struckOften are the tables in which an erasure leaves something behind.
const struckOften = `records, changes, commands, webhook_deliveries, picks, erasures, calls, call_words`

// vacuum takes out of the tables what was struck. Where that takes a moment they are written anew, and nothing of it is left in their files;
// larger ones are swept, and the server writes over what was struck as it needs room. What a transaction may still see is not taken out by
// either: those that are under way are waited for.
func (s *Store) vacuum(ctx context.Context) error {
	var last string
	err := s.writer.QueryRowContext(ctx, `SELECT CAST(CAST(pg_current_xact_id() AS xid) AS TEXT)`).Scan(&last)
	for older := 1; err == nil && older > 0; {
		if err = s.readers.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database() AND
			(age(backend_xmin) >= age(CAST(CAST(? AS TEXT) AS xid)) OR age(backend_xid) >= age(CAST(CAST(? AS TEXT) AS xid)))`, last, last).Scan(&older); err == nil && older > 0 {
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
	}
	var size int64
	if err == nil {
		err = s.readers.QueryRowContext(ctx, `SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = CAST(current_schema() AS regnamespace)`).Scan(&size)
	}
	if err == nil {
		how := "VACUUM (ANALYZE) " // the planner's figures have some of the values
		if size <= vacuumUpTo {
			how = "VACUUM (FULL, ANALYZE) "
		}
		_, err = s.readers.ExecContext(ctx, how+struckOften) // those that only read may: it changes nothing that the database says
	}
	if err != nil {
		return fmt.Errorf("clean the tables: %w", err)
	}
	return nil
}

// rowsSay looks for words in lower case in what all rows say.
func (s *Store) rowsSay(ctx context.Context, words []string) (bool, error) {
	queries := []string{"SELECT answer FROM commands"} // which a row shows in hexadecimal
	for _, t := range copied {
		queries = append(queries, "SELECT CAST(t AS TEXT) FROM "+t.table+" t")
	}
	for _, query := range queries {
		rows, err := s.readers.QueryContext(ctx, query)
		if err != nil {
			return false, fmt.Errorf("read the tables: %w", err)
		}
		found, err := contains(ctx, &rowReader{rows: rows}, words)
		rows.Close()
		if err != nil {
			return false, fmt.Errorf("read the tables: %w", err)
		}
		if found {
			return true, nil
		}
	}
	return false, nil
}

// rowReader reads the one column of a query as lines.
type rowReader struct {
	rows *sql.Rows
	left []byte
}

func (r *rowReader) Read(into []byte) (int, error) {
	for len(r.left) == 0 {
		if !r.rows.Next() {
			if err := r.rows.Err(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
		if err := r.rows.Scan(&r.left); err != nil {
			return 0, err
		}
		r.left = append(r.left, '\n')
	}
	n := copy(into, r.left)
	r.left = r.left[n:]
	return n, nil
}
