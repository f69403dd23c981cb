package store

import (
	"context"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// mostLater is of how many named records of a number is asked whether they are of one person.
const mostLater = 50

const laterKnown = `SELECT record, started_at, name, company FROM calls WHERE number = ? AND number <> '' AND name <> '' ORDER BY n DESC LIMIT ?`

// later adds to entries without a name what other records of their number say: who called is often found only later. Where those speak of
// two people nothing is added (B-24). It is read, not written: what is erased there is not said here any more.
func (r *logReader) later(ctx context.Context, entries []board.LogEntry) error {
	known := map[string]*board.LaterKnown{}
	for i := range entries {
		number := entries[i].Number
		if _, asked := known[number]; asked || entries[i].Name != "" || number == "" {
			continue
		}
		known[number] = nil
		err := r.t.ask(ctx, statement{text: laterKnown}, func(found rows) (err error) {
			known[number], err = theOne(found)
			return err
		}, number, mostLater)
		if err != nil {
			return err
		}
	}
	if err := r.t.flush(ctx); err != nil {
		return err
	}
	for i := range entries {
		if e := &entries[i]; e.Name == "" {
			e.Later = known[e.Number]
		}
	}
	return nil
}

// theOne is the newest of those who were known at a number; nil if they are not one person.
func theOne(found rows) (*board.LaterKnown, error) {
	var one *board.LaterKnown
	for found.Next() {
		var k board.LaterKnown
		var at int64
		if err := found.Scan(&k.Record, &at, &k.Name, &k.Company); err != nil {
			return nil, err
		}
		k.At = time.UnixMilli(at).UTC()
		switch {
		case one == nil:
			one = &k
		case !board.SameName(one.Name, k.Name):
			return nil, nil
		}
	}
	return one, found.Err()
}
