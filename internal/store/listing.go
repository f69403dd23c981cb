package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/v1"

	"github.com/callboard-dev/callboard/internal/board"
)

// How the call log follows the records.
const (
	listAtOnce = 32                     // records in one transaction: commits wait for no more
	listAfter  = 250 * time.Millisecond // a record changes often while it is open
	listShare  = 10                     // it rests so many times as long as it took
)

// listing is what the call log owes. What it says of a record and finds it by takes several times what a commit does, so it follows
// behind the commits, and whoever reads the log brings it up to date first. meta.calls is the seq up to which it is.
type listing struct {
	follower // whose turn it is lists

	mu     sync.Mutex          // guards the rest
	owed   map[string]struct{} // records that were written since they were listed
	newest uint64              // seq of the newest change that was committed
}

func newListing() listing { return listing{follower: newFollower(), owed: map[string]struct{}{}} }

// owe notes that records were written.
func (l *listing) owe(batch []encoded) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range batch {
		if c.After != nil {
			l.owed[c.Record] = struct{}{}
		}
		l.newest = max(l.newest, c.Seq)
	}
	l.signal()
}

// take takes all that is owed, and the seq up to which the log is right once that is listed.
func (l *listing) take() ([]string, uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	owed := slices.Collect(maps.Keys(l.owed))
	clear(l.owed)
	return owed, l.newest
}

func (l *listing) giveBack(owed []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range owed {
		l.owed[id] = struct{}{}
	}
}

// list brings the call log up to date.
func (s *Store) list(ctx context.Context) error {
	if err := s.listing.lock(ctx); err != nil {
		return err
	}
	defer s.listing.unlock()
	s.settle(ctx)
	owed, upTo := s.listing.take()
	for len(owed) > 0 {
		some := owed[:min(listAtOnce, len(owed))]
		rest := owed[len(some):]
		err := s.within(ctx, func(t transaction) error {
			if err := s.listRecords(ctx, t, some); err != nil || len(rest) > 0 {
				return err
			}
			return listedUpTo(ctx, t, upTo)
		})
		if err != nil {
			s.listing.giveBack(owed)
			return fmt.Errorf("bring the call log up to date: %w", err)
		}
		owed = rest
	}
	return nil
}

func listedUpTo(ctx context.Context, t transaction, seq uint64) error {
	return setMeta(ctx, t, metaCalls, strconv.FormatUint(seq, 10))
}

// listRecords lists records as they are stored: what was struck meanwhile is not found again.
func (s *Store) listRecords(ctx context.Context, t transaction, ids []string) error {
	var records []*board.Record
	for _, id := range ids {
		err := t.ask(ctx, s.commit.body, func(found rows) error {
			var body []byte
			err := first(found, &body)
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			r := new(board.Record)
			if err == nil {
				err = json.Unmarshal(body, r)
			}
			records = append(records, r)
			return failing("read the record %s", id)(0, err)
		}, id)
		if err != nil {
			return err
		}
	}
	if err := t.flush(ctx); err != nil {
		return err
	}
	return s.commit.calls.save(ctx, t, records)
}

// startListing begins with what a program that was killed has left to do.
func (s *Store) startListing(ctx context.Context) error {
	var newest sql.NullInt64
	if err := s.writer.QueryRowContext(ctx, `SELECT max(seq) FROM changes`).Scan(&newest); err != nil {
		return err
	}
	s.listing.newest = uint64(newest.Int64)
	upTo, err := meta(ctx, s.writer, metaCalls)
	if err == nil && upTo == "" {
		if err = s.fillCalls(ctx); err == nil {
			err = s.within(ctx, func(t transaction) error { return listedUpTo(ctx, t, s.listing.newest) })
		}
		upTo = strconv.FormatUint(s.listing.newest, 10)
	}
	if err != nil {
		return err
	}
	after, err := strconv.ParseInt(upTo, 10, 64)
	if err != nil {
		return fmt.Errorf("the place of the call log: %w", err)
	}
	rows, err := s.writer.QueryContext(ctx, `SELECT DISTINCT record FROM changes WHERE seq > ? AND record <> ''`, after)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		s.listing.owed[id] = struct{}{}
	}
	s.listing.signal()
	s.listing.begin(ctx, listAfter, s.listBehind)
	return rows.Err()
}

// listBehind lists what is owed, and says how long it rests then. Where the store cannot be written, it tries again.
func (s *Store) listBehind(ctx context.Context) time.Duration {
	began := time.Now()
	if err := s.list(ctx); err != nil {
		s.listing.signal()
	}
	return max(listAfter, listShare*time.Since(began))
}

// listNow is for those who are about to read the log. Where the store does not take it, they read what was listed before.
func (s *Store) listNow(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s.list(ctx)
}

// endListing lists what is still owed. The next start does what is left.
func (s *Store) endListing() {
	if s.listing.end() {
		s.listNow(context.Background())
	}
}
