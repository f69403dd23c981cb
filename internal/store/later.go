package store

import (
	"context"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// mostLater is of how many named records of a number is asked whether they are of one person.
const mostLater = 50

// later adds to entries without a name what other records of their number say: who called is often found only later. Where those speak of
// two people nothing is added (B-24). It is read, not written: what is erased there is not said here any more.
func (r *logReader) later(ctx context.Context, entries []board.LogEntry) error {
	asked := map[string]*board.LaterKnown{}
	for i := range entries {
		e := &entries[i]
		if e.Name != "" || e.Number == "" {
			continue
		}
		found, ok := asked[e.Number]
		if !ok {
			var err error
			if found, err = r.laterOf(ctx, e.Number); err != nil {
				return err
			}
			asked[e.Number] = found
		}
		e.Later = found
	}
	return nil
}

func (r *logReader) laterOf(ctx context.Context, number string) (*board.LaterKnown, error) {
	rows, err := r.tx.QueryContext(ctx, `SELECT record, started_at, name, company FROM calls WHERE number = ? AND number <> '' AND name <> '' ORDER BY n DESC LIMIT ?`, number, mostLater)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found *board.LaterKnown
	for rows.Next() {
		var k board.LaterKnown
		var at int64
		if err := rows.Scan(&k.Record, &at, &k.Name, &k.Company); err != nil {
			return nil, err
		}
		k.At = time.UnixMilli(at).UTC()
		switch {
		case found == nil:
			found = &k
		case !board.SameName(found.Name, k.Name):
			return nil, nil
		}
	}
	return found, rows.Err()
}
