package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// What is kept no longer goes in small steps, so that a commit waits for none of them for long.
const (
	dropAtOnce  = 4    // records in one transaction, with their entries of the call log
	strikeOnce  = 32   // changes in one transaction
	seqsAtOnce  = 2000 // rows of the log that are looked at
	trimAtOnce  = 200
	tailForever = 100 // changes that stay, however old: a board begins with them
)

// ClosedBefore reads some closed records that were opened before a time, in order, behind one; nil: from the oldest.
func (s *Store) ClosedBefore(ctx context.Context, opened time.Time, behind *board.Record, limit int) ([]*board.Record, error) {
	at, id := int64(-1<<62), ""
	if behind != nil {
		at, id = behind.OpenedAt.UnixMilli(), behind.ID
	}
	return s.records(ctx, `SELECT body FROM records WHERE state = 'closed' AND opened_at < ? AND (opened_at, id) > (?, ?) ORDER BY opened_at, id LIMIT ?`, opened.UnixMilli(), at, id, limit)
}

// owed is what is still to be struck from the log of records that are let go, kept in meta.
type owed struct {
	Records []string `json:"records"`
	Before  uint64   `json:"before"`
}

// BeginLetGo notes that what the log says of records before a seq is to be struck, before anything else is done.
func (s *Store) BeginLetGo(ctx context.Context, records []string, before uint64) error {
	text, err := json.Marshal(owed{records, before})
	if err == nil {
		err = s.setMeta(ctx, metaLettingGo, string(text))
	}
	if err != nil {
		return fmt.Errorf("note what is let go: %w", err)
	}
	return nil
}

// StrikeOwed strikes what was noted. Seqs stay, so cursors do.
func (s *Store) StrikeOwed(ctx context.Context) error {
	noted, err := read[owed](ctx, s.readers, "what is let go", `SELECT value FROM meta WHERE key = ?`, metaLettingGo)
	if err != nil || len(noted) == 0 {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	if err := s.strikeLog(ctx, noted[0].Records, noted[0].Before); err != nil {
		return err
	}
	if err := s.dropMeta(ctx, metaLettingGo); err != nil {
		return fmt.Errorf("note what is let go: %w", err)
	}
	return nil
}

func (s *Store) strikeLog(ctx context.Context, records []string, before uint64) error {
	for last := int64(0); len(records) > 0; {
		theirs, next, err := s.seqsOf(ctx, records, last, before)
		if err != nil {
			return fmt.Errorf("strike the log: %w", err)
		}
		for some := range slices.Chunk(theirs, strikeOnce) {
			if err := s.within(ctx, func(t transaction) error { return strikeSeqs(ctx, t, some) }); err != nil {
				return fmt.Errorf("strike the log: %w", err)
			}
		}
		if next == last {
			return nil
		}
		last = next
	}
	return nil
}

// seqsOf finds which of the next changes are of these records.
func (s *Store) seqsOf(ctx context.Context, records []string, after int64, before uint64) (theirs []int64, last int64, err error) {
	last = after
	rows, err := s.readers.QueryContext(ctx, `SELECT seq, record FROM changes WHERE seq > ? AND seq < ? ORDER BY seq LIMIT ?`, after, int64(before), seqsAtOnce)
	if err != nil {
		return nil, last, err
	}
	defer rows.Close()
	for rows.Next() {
		var record sql.RawBytes
		if err := rows.Scan(&last, &record); err != nil {
			return nil, last, err
		}
		if slices.Contains(records, string(record)) {
			theirs = append(theirs, last)
		}
	}
	return theirs, last, rows.Err()
}

func strikeSeqs(ctx context.Context, t transaction, seqs []int64) error {
	there := make([]string, len(seqs))
	for i, seq := range seqs {
		read := func(r rows) error { return first(r, &there[i]) }
		if err := t.ask(ctx, statement{text: `SELECT body FROM changes WHERE seq = ?`}, read, seq); err != nil {
			return err
		}
	}
	if err := t.flush(ctx); err != nil {
		return err
	}
	for i, seq := range seqs {
		c := new(board.Change)
		if err := json.Unmarshal([]byte(there[i]), c); err != nil {
			return fmt.Errorf("read change %d: %w", seq, err)
		}
		struck := c.Struck()
		body, err := json.Marshal(struck)
		if err != nil {
			return err
		}
		if string(body) == there[i] { // it was struck before
			continue
		}
		strike := statement{text: `UPDATE changes SET kind = ?, body = ? WHERE seq = ?`}
		if err := t.do(ctx, strike, nil, struck.Kind, string(body), seq); err != nil {
			return err
		}
	}
	return markUnclean(ctx, t)
}

// Drop forgets records that are as they were read, with what is found by them. One that was written to since stays. It may be called again.
func (s *Store) Drop(ctx context.Context, records []*board.Record) error {
	for some := range slices.Chunk(records, dropAtOnce) {
		err := s.within(ctx, func(t transaction) error {
			gone, err := drop(ctx, t, some)
			if err != nil {
				return err
			}
			if err := s.commit.calls.remove(ctx, t, gone); err != nil {
				return err
			}
			return markUnclean(ctx, t)
		})
		if err != nil {
			return fmt.Errorf("forget records: %w", err)
		}
	}
	return nil
}

// drop tells of which of some records all has gone but what the call log says.
func drop(ctx context.Context, t transaction, some []*board.Record) (gone []string, err error) {
	for _, r := range some {
		err := t.do(ctx, statement{text: `DELETE FROM records WHERE id = ? AND rev = ? AND state = 'closed'`}, func(n int64, err error) error {
			if n > 0 {
				gone = append(gone, r.ID)
			}
			return failing("record %s", r.ID)(n, err)
		}, r.ID, r.Rev)
		if err != nil {
			return nil, err
		}
	}
	if err := t.flush(ctx); err != nil {
		return nil, err
	}
	for _, id := range gone {
		named := failing("record %s", id)
		// A key stays used up: nothing is done twice.
		keys := statement{text: `UPDATE commands SET request = ?, status = ?, answer = ? WHERE record = ?`}
		if err := t.do(ctx, keys, named, make([]byte, 32), ErasedStatus, []byte{}, id); err != nil {
			return nil, err
		}
		deliveries := statement{text: `DELETE FROM webhook_deliveries WHERE record = ? AND (state <> ? OR kind <> ?)`}
		if err := t.do(ctx, deliveries, named, id, waiting, board.RecordErased); err != nil {
			return nil, err
		}
	}
	return gone, nil
}

// ForgetPicks forgets who was picked before a time.
func (s *Store) ForgetPicks(ctx context.Context, before time.Time) error {
	if _, err := s.writer.ExecContext(ctx, `DELETE FROM picks WHERE at < ?`, before.UnixMilli()); err != nil {
		return fmt.Errorf("forget picks: %w", err)
	}
	return nil
}

// TrimLog takes some of the changes from before a time off the beginning of the log, and tells up to which seq; 0: there are none.
func (s *Store) TrimLog(ctx context.Context, before time.Time) (upTo uint64, err error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT seq, at FROM changes WHERE seq <= (SELECT max(seq) FROM changes) - ? ORDER BY seq LIMIT ?`, tailForever, trimAtOnce)
	if err != nil {
		return 0, fmt.Errorf("trim the log: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var seq, at int64
		if err := rows.Scan(&seq, &at); err != nil {
			return 0, fmt.Errorf("trim the log: %w", err)
		}
		if at >= before.UnixMilli() {
			break
		}
		upTo = uint64(seq)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || upTo == 0 {
		return 0, err
	}
	err = s.within(ctx, func(t transaction) error {
		if err := t.do(ctx, statement{text: `DELETE FROM changes WHERE seq <= ?`}, nil, int64(upTo)); err != nil {
			return err
		}
		return markUnclean(ctx, t)
	})
	if err != nil {
		return 0, fmt.Errorf("trim the log: %w", err)
	}
	return upTo, nil
}

func markUnclean(ctx context.Context, t transaction) error { return setMeta(ctx, t, metaUnclean, "1") }

// Unclean reports whether something has gone and the file has yet to be cleaned of it.
func (s *Store) Unclean(ctx context.Context) (bool, error) {
	marked, err := meta(ctx, s.readers, metaUnclean)
	return marked != "", err
}

// Clean takes what has gone out of the bytes of the database: of PostgreSQL's tables, or of the file and what is beside it.
func (s *Store) Clean(ctx context.Context) error {
	if err := s.list(ctx); err != nil {
		return err
	}
	err := s.dialect.tidy(ctx, s)
	if err == nil {
		err = s.dropMeta(ctx, metaUnclean)
	}
	return err
}
