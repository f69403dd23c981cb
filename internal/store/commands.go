package store

import (
	"context"
	"fmt"
	"time"
)

// commandsFor is how long it is known that a command was given (D-10).
const commandsFor = 24 * time.Hour

// Command is one that was given. Status is 0 until it is known how it came out.
type Command struct {
	Source  string
	Key     string
	Request [32]byte // SHA-256 of what was asked
	At      time.Time
	Status  int
	Answer  []byte
}

// BeginCommand keeps that a command is begun, before it is. If one with that source and key was begun before, that is given
// back and nothing is kept: nil says that this one is new.
func (s *Store) BeginCommand(ctx context.Context, c Command) (*Command, error) {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("keep a command: %w", err)
	}
	defer tx.Rollback() // after Commit it does nothing
	if err := trimKeys(ctx, tx, c.At); err != nil {
		return nil, err
	}
	done, err := tx.ExecContext(ctx, `INSERT INTO commands (source, key, request, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, c.Source, c.Key, c.Request[:], c.At.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("keep a command: %w", err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 1 {
		if err == nil {
			err = tx.Commit()
		}
		return nil, err
	}
	return scanCommand(tx.QueryRowContext(ctx, selectCommand, c.Source, c.Key), c.Source, c.Key)
}

// EndCommand keeps how a command came out.
func (s *Store) EndCommand(ctx context.Context, source, key string, status int, answer []byte) error {
	if _, err := s.writer.ExecContext(ctx, `UPDATE commands SET status = ?, answer = ? WHERE source = ? AND key = ?`, status, answer, source, key); err != nil {
		return fmt.Errorf("keep the outcome of a command: %w", err)
	}
	return nil
}

// DropCommand forgets a command that had no effect.
func (s *Store) DropCommand(ctx context.Context, source, key string) error {
	if _, err := s.writer.ExecContext(ctx, `DELETE FROM commands WHERE source = ? AND key = ?`, source, key); err != nil {
		return fmt.Errorf("forget a command: %w", err)
	}
	return nil
}
