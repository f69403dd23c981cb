package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/v1"

	"github.com/callboard-dev/callboard/internal/board"
)

// Load reads what a board begins with.
func (s *Store) Load(ctx context.Context) (Loaded, error) {
	const closed, tail = 100, 100
	var l Loaded
	s.settle(ctx)
	if err := s.StrikeOwed(ctx); err != nil { // it is not to be read into memory
		return l, err
	}
	var err error
	if l.Epoch, err = meta(ctx, s.readers, metaEpoch); err == nil && l.Epoch == "" {
		l.Epoch = NewEpoch()
		err = s.setMeta(ctx, metaEpoch, l.Epoch)
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

func (s *Store) records(ctx context.Context, query string, args ...any) ([]*board.Record, error) {
	s.settle(ctx)
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
func (s *Store) Record(ctx context.Context, id string) (*board.Record, error) {
	found, err := s.records(ctx, `SELECT body FROM records WHERE id = ?`, id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// Changes reads at most limit changes after a seq, in order.
func (s *Store) Changes(ctx context.Context, after uint64, limit int) ([]*board.Change, error) {
	if owed, _, _ := s.saving.debt(); len(owed) > 0 && owed[0].Seq <= after+uint64(limit) {
		s.settle(ctx)
	}
	return read[board.Change](ctx, s.readers, "a change", `SELECT body FROM changes WHERE seq > ? ORDER BY seq LIMIT ?`, int64(after), limit)
}
