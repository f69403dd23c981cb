package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// savePicks keeps what the person has picked in a batch, with the batch: a pick that was answered for is not lost (D-2).
func savePicks(ctx context.Context, t transaction, batch []encoded) error {
	for _, c := range batch {
		p, decided := c.Picked()
		if !decided {
			continue
		}
		var err error
		if p.Ref == "" {
			err = t.do(ctx, statement{text: `DELETE FROM picks WHERE line = ? AND number = ?`}, failing("a pick"), p.Line, p.Number)
		} else {
			err = t.do(ctx, statement{text: `INSERT INTO picks (line, number, ref, at) VALUES (?, ?, ?, ?)
				ON CONFLICT (line, number) DO UPDATE SET ref = excluded.ref, at = excluded.at`}, failing("a pick"), p.Line, p.Number, p.Ref, p.At.UnixMilli())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Pick reads who was picked last at a number; empty if nobody.
func (s *Store) Pick(ctx context.Context, line, number string) (ref string, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT ref FROM picks WHERE line = ? AND number = ?`, line, number).Scan(&ref)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read a pick: %w", err)
	}
	return ref, nil
}

// strikePicks forgets who was picked at the person's numbers (SEC-45).
func strikePicks(ctx context.Context, w *sweep) error {
	found, err := w.store.readers.QueryContext(ctx, `SELECT number, ref FROM picks`)
	if err != nil {
		return err
	}
	defer found.Close()
	var updates []update
	for found.Next() {
		var number, ref string
		if err := found.Scan(&number, &ref); err != nil {
			return err
		}
		w.proof.Searched.Picks++
		switch {
		case !w.striker.Mentions("", []byte(number)) && !w.striker.Mentions("", []byte(ref)):
		case w.id == "":
			w.proof.Picks++
		default:
			updates = append(updates, update{query: `DELETE FROM picks WHERE number = ? AND ref = ?`, args: []any{number, ref}, count: &w.proof.Picks})
		}
	}
	if err := found.Err(); err != nil {
		return err
	}
	return w.strike(ctx, updates)
}
