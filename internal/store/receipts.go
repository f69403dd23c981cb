package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// saveReceipts keeps what was answered to the writes of a batch that bore an Idempotency-Key, together with what they did
// (D-10). A batch that is committed once more, because it is not known how it came out, keeps the same.
func saveReceipts(ctx context.Context, tx *sql.Tx, batch []*board.Change) error {
	for _, c := range batch {
		for _, r := range c.Receipts {
			if err := saveReceipt(ctx, tx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func saveReceipt(ctx context.Context, tx *sql.Tx, r *board.Receipt) error {
	if err := trimKeys(ctx, tx, r.At); err != nil {
		return err
	}
	status, answer := r.Answer(r)
	_, err := tx.ExecContext(ctx, `INSERT INTO commands (source, key, request, at, status, answer, record) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (source, key) DO UPDATE SET request = excluded.request, at = excluded.at, status = excluded.status, answer = excluded.answer, record = excluded.record`,
		r.Source, r.Key, r.Request[:], r.At.UnixMilli(), status, notNil(answer), r.Written.Record)
	if err != nil {
		return fmt.Errorf("keep a key: %w", err)
	}
	return nil
}

// trimKeys forgets the keys of commands and writes that are older than a day.
func trimKeys(ctx context.Context, db execer, now time.Time) error {
	if _, err := db.ExecContext(ctx, `DELETE FROM commands WHERE at < ?`, now.Add(-commandsFor).UnixMilli()); err != nil {
		return fmt.Errorf("trim the keys: %w", err)
	}
	return nil
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// KeepReceipt keeps what was answered to a write that did nothing, so that no commit carries it.
func (s *Store) KeepReceipt(ctx context.Context, r *board.Receipt) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("keep a key: %w", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	if err := saveReceipt(ctx, tx, r); err != nil {
		return err
	}
	return tx.Commit()
}

// Command reads what was begun under a key in the last 24 hours; nil if nothing was.
func (s *Store) Command(ctx context.Context, source, key string, now time.Time) (*Command, error) {
	c, err := scanCommand(s.readers.QueryRowContext(ctx, selectCommand+` AND at >= ?`, source, key, now.Add(-commandsFor).UnixMilli()), source, key)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return c, err
}

const selectCommand = `SELECT request, at, status, answer FROM commands WHERE source = ? AND key = ?`

func scanCommand(row *sql.Row, source, key string) (*Command, error) {
	c := Command{Source: source, Key: key}
	var request []byte
	var at int64
	if err := row.Scan(&request, &at, &c.Status, &c.Answer); err != nil {
		return nil, fmt.Errorf("read a command: %w", err)
	}
	copy(c.Request[:], request)
	c.At = time.UnixMilli(at)
	return &c, nil
}
