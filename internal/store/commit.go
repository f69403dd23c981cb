package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
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
	if err := s.dialect.sound(ctx, s); err != nil {
		return err
	}
	if len(batch) == 0 && s.saving.idle(epoch) {
		return s.dialect.rest(ctx, s)
	}
	if s.enter(epoch, batch) {
		return nil
	}
	return s.save(ctx, epoch, batch)
}

// write has the database take changes, all or none.
func (s *Store) write(ctx context.Context, epoch string, fresh bool, batch []*board.Change) error {
	// A context that can end costs the driver a goroutine for each statement: where it would end none that waits, it is asked
	// before and after.
	ending := ctx
	if !s.dialect.ends {
		ctx = context.WithoutCancel(ctx)
	}
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	if fresh {
		if err := setMeta(ctx, tx, metaEpoch, epoch); err != nil {
			return fmt.Errorf("epoch: %w", err)
		}
	}
	if err := s.commit.saveChanges(ctx, tx, batch); err != nil {
		return err
	}
	if err := s.commit.saveRecords(ctx, tx, batch); err != nil {
		return err
	}
	if err := saveReceipts(ctx, tx, batch); err != nil {
		return err
	}
	if err := saveErasures(ctx, tx, batch); err != nil {
		return err
	}
	if err := savePicks(ctx, tx, batch); err != nil {
		return err
	}
	if s.untrimmed += len(batch); s.untrimmed >= trimAfter {
		s.untrimmed = 0
		if _, err := tx.ExecContext(ctx, `DELETE FROM changes WHERE at < ? AND seq < (SELECT max(seq) FROM changes) - ?`, time.Now().Add(-keepFor).UnixMilli(), keepChanges); err != nil {
			return fmt.Errorf("trim the log: %w", err)
		}
		if err := trimKeys(ctx, tx, time.Now()); err != nil {
			return err
		}
	}
	if ending.Err() != nil {
		return ending.Err()
	}
	crash.Here("before commit")
	if err := tx.Commit(); err != nil {
		return err
	}
	crash.Here("after commit")
	s.listing.owe(batch)
	s.unsaved++
	return nil
}

// prepared are the statements of a commit: to read them anew each time costs as much as to carry them out.
type prepared struct {
	addChange, keepRecord, addRecord, body *sql.Stmt
	calls                                  callStatements
}

func (s *Store) prepare(ctx context.Context) (p prepared, err error) {
	for statement, text := range map[**sql.Stmt]string{
		&p.addChange: `INSERT INTO changes (seq, at, record, kind, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (seq) DO NOTHING`,
		// Mostly nothing moves by which records are found: then their indexes are left alone.
		&p.keepRecord: `UPDATE records SET rev = ?, body = ? WHERE id = ? AND state = ? AND number = ?`,
		&p.addRecord: `INSERT INTO records (id, rev, line, origin, state, opened_at, number, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, state = excluded.state, number = excluded.number, body = excluded.body`,
		&p.body: `SELECT body FROM records WHERE id = ?`,
	} {
		if *statement, err = s.writer.PrepareContext(ctx, text); err != nil {
			return p, err
		}
	}
	p.calls, err = s.prepareCalls(ctx)
	return p, err
}

// close ends them; those that were never prepared too.
func (p prepared) close() error {
	var errs []error
	for _, statement := range []*sql.Stmt{p.addChange, p.keepRecord, p.addRecord, p.body} {
		if statement != nil {
			errs = append(errs, statement.Close())
		}
	}
	return errors.Join(append(errs, p.calls.close())...)
}

func (p prepared) saveChanges(ctx context.Context, tx *sql.Tx, batch []*board.Change) error {
	insert := tx.StmtContext(ctx, p.addChange)
	var body []byte
	for _, c := range batch {
		var err error
		if body, err = c.AppendJSON(body[:0]); err != nil {
			return fmt.Errorf("change %d: %w", c.Seq, err)
		}
		done, err := insert.ExecContext(ctx, int64(c.Seq), c.At.UnixMilli(), c.Record, c.Kind, string(body))
		if err != nil {
			return fmt.Errorf("change %d: %w", c.Seq, err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 1 {
			if err != nil {
				return fmt.Errorf("change %d: %w", c.Seq, err)
			}
			continue
		}
		if err := sameChange(ctx, tx, c, string(body)); err != nil {
			return err
		}
	}
	return nil
}

// sameChange refuses a change under the seq of another. One that was struck meanwhile (SEC-45) is no other.
func sameChange(ctx context.Context, tx *sql.Tx, c *board.Change, body string) error {
	var there, record, kind string
	var at int64
	if err := tx.QueryRowContext(ctx, `SELECT at, record, kind, body FROM changes WHERE seq = ?`, int64(c.Seq)).Scan(&at, &record, &kind, &there); err != nil {
		return fmt.Errorf("change %d: %w", c.Seq, err)
	}
	struck := kind == board.RecordErased && record == c.Record && at == c.At.UnixMilli()
	if there != body && !struck {
		return fmt.Errorf("change %d: the log has another one under this number", c.Seq)
	}
	return nil
}

// saveRecords writes the newest version of each record in the batch.
func (p prepared) saveRecords(ctx context.Context, tx *sql.Tx, batch []*board.Change) error {
	newest := map[string]*board.Record{}
	for _, c := range batch {
		if c.After != nil {
			newest[c.Record] = c.After
		}
	}
	keep, add := tx.StmtContext(ctx, p.keepRecord), tx.StmtContext(ctx, p.addRecord)
	var body []byte
	for id, r := range newest {
		var err error
		if body, err = r.AppendJSON(body[:0]); err != nil {
			return fmt.Errorf("record %s: %w", id, err)
		}
		number := r.Value("party.number")
		done, err := keep.ExecContext(ctx, r.Rev, string(body), r.ID, string(r.State), number)
		if err != nil {
			return fmt.Errorf("record %s: %w", id, err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			if _, err := add.ExecContext(ctx, r.ID, r.Rev, r.Line, string(r.Origin), string(r.State), r.OpenedAt.UnixMilli(), number, string(body)); err != nil {
				return fmt.Errorf("record %s: %w", id, err)
			}
		}
	}
	return nil
}
