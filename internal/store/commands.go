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
	var there *Command
	err := s.within(ctx, func(t transaction) error {
		there = nil
		if err := trimKeys(ctx, t, c.At); err != nil {
			return err
		}
		add := statement{text: `INSERT INTO commands (source, key, request, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`}
		n, err := doOne(ctx, t, add, c.Source, c.Key, c.Request[:], c.At.UnixMilli())
		if err != nil || n == 1 {
			return err
		}
		there, err = scanCommand(func(into ...any) error {
			return askOne(ctx, t, statement{text: selectCommand}, []any{c.Source, c.Key}, into)
		}, c.Source, c.Key)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keep a command: %w", err)
	}
	return there, nil
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
