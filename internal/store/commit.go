package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/crash"
)

// NewEpoch is one that there was never before (D-1).
func NewEpoch() string { return strings.ToLower(rand.Text()[:12]) }

// Commit makes a batch durable: the newest version of each record, and every change. A change that is there already is left:
// the outcome of an earlier commit may not have been known. An empty batch asks whether the store is sound. One call at a time.
func (s *Store) Commit(ctx context.Context, epoch string, batch []*board.Change) (err error) {
	if s.dialect.told != nil {
		defer func() {
			if err != nil {
				err = s.dialect.told(s, err)
			}
		}()
	}
	var all []encoded
	if all, s.text, err = encode(batch, s.text); err != nil {
		return err
	}
	if s.enter(epoch, all) {
		return nil
	}
	if err := s.dialect.sound(ctx, s); err != nil {
		return err
	}
	if len(batch) == 0 && s.saving.idle(epoch) {
		return s.dialect.rest(ctx, s)
	}
	return s.save(ctx, epoch, all)
}

// write has the database take changes, all or none.
func (s *Store) write(ctx context.Context, epoch string, fresh bool, batch []encoded) error {
	// A context that can end costs the driver a goroutine for each statement: where it would end none that waits, it is asked
	// before and after.
	ending := ctx
	if !s.dialect.ends {
		ctx = context.WithoutCancel(ctx)
	}
	trims := s.untrimmed+len(batch) >= trimAfter
	err := s.within(ctx, func(t transaction) error {
		if fresh {
			if err := setMeta(ctx, t, metaEpoch, epoch); err != nil {
				return err
			}
		}
		if err := s.commit.write(ctx, t, batch); err != nil {
			return err
		}
		if trims {
			if err := trim(ctx, t); err != nil {
				return err
			}
		}
		crash.Here("before commit")
		return ending.Err()
	})
	if err != nil {
		return err
	}
	crash.Here("after commit")
	if s.untrimmed += len(batch); trims {
		s.untrimmed = 0
	}
	s.listing.owe(batch)
	s.unsaved++
	return nil
}

// trim takes off the beginning of the log what need not be kept.
func trim(ctx context.Context, t transaction) error {
	now := time.Now()
	// Only what goes is read, and the first that stays. A time to come is of a clock that was wrong.
	text := `WITH spare (before) AS (SELECT max(seq) - ? FROM changes)
		DELETE FROM changes WHERE seq < coalesce(
			(SELECT seq FROM changes WHERE seq < (SELECT before FROM spare) AND at BETWEEN ? AND ? ORDER BY seq LIMIT 1),
			(SELECT before FROM spare))`
	err := t.do(ctx, statement{text: text}, failing("trim the log"), keepChanges, now.Add(-keepFor).UnixMilli(), now.UnixMilli())
	if err != nil {
		return err
	}
	return trimKeys(ctx, t, now)
}

// prepared are the statements of a commit: to read them anew each time costs as much as to carry them out.
type prepared struct {
	addChange, addChanges, keepRecord, addRecord, body statement
	calls                                              callStatements
}

// changesAtOnce go into the log by one statement: most of what it takes to carry one out is not for its rows.
const changesAtOnce = 16

func (s *Store) prepare(ctx context.Context) (p prepared, err error) {
	for kept, text := range map[*statement]string{
		&p.addChange:  addChanges(1),
		&p.addChanges: addChanges(changesAtOnce),
		// Mostly nothing moves by which records are found: then their indexes are left alone.
		&p.keepRecord: `UPDATE records SET rev = ?, body = ? WHERE id = ? AND state = ? AND number = ?`,
		&p.addRecord: `INSERT INTO records (id, rev, line, origin, state, opened_at, number, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, state = excluded.state, number = excluded.number, body = excluded.body`,
		&p.body: `SELECT body FROM records WHERE id = ?`,
	} {
		if *kept, err = s.kept(ctx, s.writer, text); err != nil {
			return p, err
		}
	}
	p.calls, err = s.prepareCalls(ctx)
	return p, err
}

func addChanges(rows int) string {
	return `INSERT INTO changes (seq, at, record, kind, body) VALUES (?, ?, ?, ?, ?)` + strings.Repeat(`, (?, ?, ?, ?, ?)`, rows-1) + ` ON CONFLICT (seq) DO NOTHING`
}

// kept is a statement that is read once.
func (s *Store) kept(ctx context.Context, db *sql.DB, text string) (statement, error) {
	if s.dialect.keeps {
		return statement{text: text}, nil
	}
	prepared, err := db.PrepareContext(ctx, text)
	return statement{text: text, prepared: prepared}, err
}

// close ends them; those that were never prepared too.
func (p prepared) close() error {
	return errors.Join(p.addChange.close(), p.addChanges.close(), p.keepRecord.close(), p.addRecord.close(), p.body.close(), p.calls.close())
}

// writing is a commit under way.
type writing struct {
	*prepared
	t     transaction
	there []encoded   // of which a seq may be in the log already
	moved []recordRow // that are new, or are found by something else now
}

func (p *prepared) write(ctx context.Context, t transaction, batch []encoded) error {
	w := writing{prepared: p, t: t}
	if err := w.changes(ctx, batch); err != nil {
		return err
	}
	if err := w.records(ctx, batch); err != nil {
		return err
	}
	if err := saveReceipts(ctx, t, batch); err != nil {
		return err
	}
	if err := savePicks(ctx, t, batch); err != nil {
		return err
	}
	if err := t.flush(ctx); err != nil {
		return err
	}
	if err := w.areTheSame(ctx); err != nil {
		return err
	}
	for _, r := range w.moved {
		if err := w.add(ctx, r); err != nil {
			return err
		}
	}
	if err := saveErasures(ctx, t, batch); err != nil {
		return err
	}
	return t.flush(ctx)
}

func (w *writing) changes(ctx context.Context, batch []encoded) error {
	var groups [][]encoded // that were given to the transaction, in order
	told := func(rows int64, err error) error {
		group := groups[0]
		groups = groups[1:]
		if err != nil {
			return failure{fmt.Sprintf("changes %d to %d", group[0].Seq, group[len(group)-1].Seq), err}
		}
		if rows < int64(len(group)) {
			w.there = append(w.there, group...)
		}
		return nil
	}
	var args []any
	for len(batch) > 0 {
		n, add := 1, w.addChange
		if len(batch) >= changesAtOnce {
			n, add = changesAtOnce, w.addChanges
		}
		args = args[:0]
		for _, c := range batch[:n] {
			args = append(args, int64(c.Seq), c.At.UnixMilli(), c.Record, c.Kind, c.body)
		}
		groups = append(groups, batch[:n])
		batch = batch[n:]
		if err := w.t.do(ctx, add, told, args...); err != nil {
			return err
		}
	}
	return nil
}

// areTheSame refuses changes under the seqs of others.
func (w *writing) areTheSame(ctx context.Context) error {
	if len(w.there) == 0 {
		return nil
	}
	ours := map[int64][]encoded{}
	for _, c := range w.there {
		ours[int64(c.Seq)] = append(ours[int64(c.Seq)], c)
	}
	seqs := slices.Sorted(maps.Keys(ours))
	there := statement{text: `SELECT seq, at, record, kind, body FROM changes WHERE seq >= ? AND seq <= ? ORDER BY seq`}
	err := w.t.ask(ctx, there, func(r rows) error {
		for r.Next() {
			var seq, at int64
			var record, kind, body string
			if err := r.Scan(&seq, &at, &record, &kind, &body); err != nil {
				return err
			}
			for _, c := range ours[seq] {
				if !isSame(c, at, record, kind, body) {
					return fmt.Errorf("change %d: the log has another one under this number", seq)
				}
			}
		}
		return r.Err()
	}, seqs[0], seqs[len(seqs)-1])
	if err != nil {
		return err
	}
	return w.t.flush(ctx)
}

// isSame reports whether a change is what the log has of it. One that was struck meanwhile (SEC-45) is no other.
func isSame(c encoded, at int64, record, kind, there string) bool {
	struck := kind == board.RecordErased && record == c.Record && at == c.At.UnixMilli()
	return struck || there == c.body
}

// records writes the newest version of each record in the batch.
func (w *writing) records(ctx context.Context, batch []encoded) error {
	newest, opened := map[string]encoded{}, map[string]bool{}
	for _, c := range batch {
		if c.after != "" {
			newest[c.Record] = c
		}
		if c.After != nil && c.Opened != nil {
			opened[c.Record] = true
		}
	}
	for id, c := range newest {
		row := recordRow{c.After, c.After.Value("party.number"), c.after}
		var err error
		if opened[id] {
			err = w.add(ctx, row)
		} else {
			err = w.keep(ctx, row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// recordRow is a record as it is stored.
type recordRow struct {
	*board.Record
	number, body string
}

func (r recordRow) named(err error) error {
	if err != nil {
		return failure{"record " + r.ID, err}
	}
	return nil
}

// keep writes a record that is found by what it was found by before, and leaves others to be added.
func (w *writing) keep(ctx context.Context, r recordRow) error {
	return w.t.do(ctx, w.keepRecord, func(rows int64, err error) error {
		if err == nil && rows == 0 {
			w.moved = append(w.moved, r)
		}
		return r.named(err)
	}, r.Rev, r.body, r.ID, string(r.State), r.number)
}

func (w *writing) add(ctx context.Context, r recordRow) error {
	return w.t.do(ctx, w.addRecord, func(_ int64, err error) error { return r.named(err) },
		r.ID, r.Rev, r.Line, string(r.Origin), string(r.State), r.OpenedAt.UnixMilli(), r.number, r.body)
}
