package app

import (
	"context"
	"errors"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/server"
	"github.com/callboard-dev/callboard/internal/store"
	"github.com/callboard-dev/callboard/internal/webhook"
)

// served is the store as the server wants it: neither knows the other.
type served struct {
	*store.Store
	outbox *webhook.Outbox
}

func (s served) Apps(ctx context.Context) ([]server.KnownApp, error) {
	apps, err := s.Store.Apps(ctx)
	var out []server.KnownApp
	for _, a := range apps {
		out = append(out, server.KnownApp(a))
	}
	return out, err
}

func (s served) AddApp(ctx context.Context, a server.KnownApp) error {
	return s.Store.AddApp(ctx, store.App(a))
}

// RemoveApp forgets an app, and its webhook with it.
func (s served) RemoveApp(ctx context.Context, id string) error {
	return errors.Join(s.outbox.Stop(ctx, id), s.Store.RemoveApp(ctx, id))
}

func (s served) BeginCommand(ctx context.Context, c server.KnownCommand) (*server.KnownCommand, error) {
	before, err := s.Store.BeginCommand(ctx, store.Command(c))
	return (*server.KnownCommand)(before), err
}

// nowhere keeps nothing.
type nowhere struct{}

func (nowhere) Commit(context.Context, string, []*board.Change) error { return nil }
func (s served) Command(ctx context.Context, source, key string, now time.Time) (*server.KnownCommand, error) {
	before, err := s.Store.Command(ctx, source, key, now)
	return (*server.KnownCommand)(before), err
}

// Working is how many apps take work now, besides Callboard's own memory.
func (a *App) Working() int {
	all := a.board.Enrichers()
	delete(all, board.SourceHistory)
	return len(all)
}
