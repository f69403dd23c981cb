package store

import (
	"context"
	"strconv"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

const mostLookups = 10_000 // in memory, packed, some 2 KB each

// Lookups reads the lookups since a time that are closed and that no call has joined: they may be yet (B-20). The newest
// first.
func (s *Store) Lookups(ctx context.Context, since time.Time) ([]*board.Record, error) {
	return s.records(ctx, `SELECT body FROM records WHERE state = 'closed' AND opened_at >= ? AND origin = 'lookup' AND `+s.dialect.call+` IS NULL
		ORDER BY opened_at DESC LIMIT `+strconv.Itoa(mostLookups), since.UnixMilli())
}
