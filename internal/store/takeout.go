package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/callboard-dev/callboard/internal/board"
)

// RecordsAfter reads some records in the order of their ids.
func (s *Store) RecordsAfter(ctx context.Context, id string, limit int) ([]*board.Record, error) {
	return s.records(ctx, `SELECT body FROM records WHERE id > ? ORDER BY id LIMIT ?`, id, limit)
}

// NumbersAfter reads some of the other parties' numbers, in order, each once.
func (s *Store) NumbersAfter(ctx context.Context, number string, limit int) ([]string, error) {
	s.settle(ctx)
	numbers, err := column(ctx, s.readers, `SELECT DISTINCT number FROM records WHERE number > ? ORDER BY number LIMIT ?`, number, limit)
	if err != nil {
		return nil, fmt.Errorf("read the numbers: %w", err)
	}
	return numbers, nil
}

// OfNumber reads the newest records of a number, the newest first.
func (s *Store) OfNumber(ctx context.Context, number string, limit int) ([]*board.Record, error) {
	return s.records(ctx, `SELECT body FROM records WHERE number = ? ORDER BY opened_at DESC, id DESC LIMIT ?`, number, limit)
}

// Import adds records until next returns io.EOF, all or none. One that is there already is left as it is, so an import can be repeated.
// The change log knows nothing of what is added: if anything is, a new epoch begins and readers list again. No board may be on the store.
func (s *Store) Import(ctx context.Context, next func() (*board.Record, error)) (added, there int, err error) {
	s.listing.turn <- struct{}{}
	defer func() { <-s.listing.turn }()
	err = s.within(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, `INSERT INTO records (id, rev, line, origin, state, opened_at, number, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`)
		if err != nil {
			return err
		}
		defer insert.Close()
		calls := s.commit.calls.in(tx)
		for ctx.Err() == nil {
			r, err := next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			body, err := json.Marshal(r)
			if err != nil {
				return err
			}
			done, err := insert.ExecContext(ctx, r.ID, r.Rev, r.Line, string(r.Origin), string(r.State), r.OpenedAt.UnixMilli(), r.Value("party.number"), string(body))
			if err != nil {
				return fmt.Errorf("keep the record %s: %w", r.ID, err)
			}
			if n, err := done.RowsAffected(); err != nil || n == 0 {
				there++
				continue
			}
			added++
			if err := calls.save(ctx, r); err != nil {
				return fmt.Errorf("the log entry of record %s: %w", r.ID, err)
			}
		}
		if err := ctx.Err(); err != nil || added == 0 {
			return err
		}
		return setMeta(ctx, tx, metaEpoch, NewEpoch())
	})
	if err != nil {
		return 0, 0, err
	}
	return added, there, nil
}
