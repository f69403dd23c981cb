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
func saveReceipts(ctx context.Context, t transaction, batch []encoded) error {
	var all []*board.Receipt
	for _, c := range batch {
		all = append(all, c.Receipts...)
	}
	if len(all) == 0 {
		return nil
	}
	if err := trimKeys(ctx, t, all[0].At); err != nil {
		return err
	}
	for _, r := range all {
		if err := saveReceipt(ctx, t, r); err != nil {
			return err
		}
	}
	return nil
}

func saveReceipt(ctx context.Context, t transaction, r *board.Receipt) error {
	status, answer := r.Answer(r)
	return t.do(ctx, statement{text: `INSERT INTO commands (source, key, request, at, status, answer, record) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (source, key) DO UPDATE SET request = excluded.request, at = excluded.at, status = excluded.status, answer = excluded.answer, record = excluded.record`},
		failing("keep a key"), r.Source, r.Key, r.Request[:], r.At.UnixMilli(), status, notNil(answer), r.Written.Record)
}

// trimKeys forgets the keys of commands and writes that are older than a day.
func trimKeys(ctx context.Context, t transaction, now time.Time) error {
	return t.do(ctx, statement{text: `DELETE FROM commands WHERE at < ?`}, failing("trim the keys"), now.Add(-commandsFor).UnixMilli())
}

func (s *Store) trimKeys(ctx context.Context, now time.Time) error {
	return s.within(ctx, func(t transaction) error { return trimKeys(ctx, t, now) })
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// KeepReceipt keeps what was answered to a write that did nothing, so that no commit carries it.
func (s *Store) KeepReceipt(ctx context.Context, r *board.Receipt) error {
	return s.within(ctx, func(t transaction) error {
		if err := trimKeys(ctx, t, r.At); err != nil {
			return err
		}
		return saveReceipt(ctx, t, r)
	})
}

// Command reads what was begun under a key in the last 24 hours; nil if nothing was.
func (s *Store) Command(ctx context.Context, source, key string, now time.Time) (*Command, error) {
	c, err := scanCommand(s.readers.QueryRowContext(ctx, selectCommand+` AND at >= ?`, source, key, now.Add(-commandsFor).UnixMilli()).Scan, source, key)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return c, err
}

const selectCommand = `SELECT request, at, status, answer FROM commands WHERE source = ? AND key = ?`

// scanCommand reads one where scan does that.
func scanCommand(scan func(into ...any) error, source, key string) (*Command, error) {
	c := Command{Source: source, Key: key}
	var request []byte
	var at int64
	if err := scan(&request, &at, &c.Status, &c.Answer); err != nil {
		return nil, fmt.Errorf("read a command: %w", err)
	}
	copy(c.Request[:], request)
	c.At = time.UnixMilli(at)
	return &c, nil
}
