package store

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// CallsBetween reads the records of a line's calls that began between two times, the oldest first; of more than most, the newest.
func (s *Store) CallsBetween(ctx context.Context, line string, from, to time.Time, most int) ([]*board.Record, error) {
	s.listNow(ctx)
	return s.records(ctx, `SELECT body FROM (SELECT calls.n, records.body FROM calls JOIN records ON records.id = calls.record
		WHERE calls.n >= ? AND calls.n < ? AND records.line = ? AND calls.direction <> '' ORDER BY calls.n DESC LIMIT ?) newest ORDER BY n`, place(from), place(to), line, most)
}

// SeenUpTo is until when all calls of a line are known, seen or read back; zero: that was never so.
func (s *Store) SeenUpTo(ctx context.Context, line string) (time.Time, error) {
	text, err := meta(ctx, s.readers, seenKey(line))
	if err == nil && text == "" {
		return time.Time{}, nil
	}
	ms, bad := strconv.ParseInt(text, 10, 64)
	if err = cmp.Or(err, bad); err != nil {
		return time.Time{}, fmt.Errorf("read until when the calls of line %s are known: %w", line, err)
	}
	return time.UnixMilli(ms), nil
}

// KeepSeenUpTo keeps it.
func (s *Store) KeepSeenUpTo(ctx context.Context, line string, at time.Time) error {
	if err := s.setMeta(ctx, seenKey(line), strconv.FormatInt(at.UnixMilli(), 10)); err != nil {
		return fmt.Errorf("keep until when the calls of line %s are known: %w", line, err)
	}
	return nil
}

func seenKey(line string) string { return "seen up to: " + line }
