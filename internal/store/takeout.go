package store

import (
	"context"
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

const importAtOnce = 100 // records

// Import adds records until next returns io.EOF, all or none. One that is there already is left as it is, so an import can be repeated.
// The change log knows nothing of what is added: if anything is, a new epoch begins and readers list again. No board may be on the store.
func (s *Store) Import(ctx context.Context, next func() (*board.Record, error)) (added, there int, err error) {
	if err := s.listing.lock(ctx); err != nil {
		return 0, 0, err
	}
	defer s.listing.unlock()
	err = s.within(ctx, func(t transaction) error {
		if err := t.flush(ctx); err != nil { // what next returns is there once
			return err
		}
		for more := true; more; {
			some, err := takeUpTo(importAtOnce, next)
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			fresh, err := addRecords(ctx, t, some)
			if err != nil {
				return err
			}
			if err := s.commit.calls.save(ctx, t, fresh); err != nil {
				return err
			}
			added, there, more = added+len(fresh), there+len(some)-len(fresh), len(some) == importAtOnce
		}
		if added == 0 {
			return nil
		}
		return setMeta(ctx, t, metaEpoch, NewEpoch())
	})
	if err != nil {
		return 0, 0, err
	}
	return added, there, nil
}

// takeUpTo takes so many, or all that there are.
func takeUpTo(most int, next func() (*board.Record, error)) (some []*board.Record, err error) {
	for len(some) < most {
		r, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		some = append(some, r)
	}
	return some, nil
}

// addRecords adds those of some records that are not there, and tells which.
func addRecords(ctx context.Context, t transaction, some []*board.Record) (fresh []*board.Record, err error) {
	insert := statement{text: `INSERT INTO records (id, rev, line, origin, state, opened_at, number, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`}
	for _, r := range some {
		body, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		err = t.do(ctx, insert, func(n int64, err error) error {
			if n > 0 {
				fresh = append(fresh, r)
			}
			return failing("keep the record %s", r.ID)(n, err)
		}, r.ID, r.Rev, r.Line, string(r.Origin), string(r.State), r.OpenedAt.UnixMilli(), r.Value("party.number"), string(body))
		if err != nil {
			return nil, err
		}
	}
	return fresh, t.flush(ctx)
}
