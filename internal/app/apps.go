package app

import (
	"context"
	"time"

	"github.com/callboard-dev/callboard/internal/server"
	"github.com/callboard-dev/callboard/internal/store"
)

// served is the store as the server wants it: neither knows the other.
type served struct{ *store.SQLite }

func (s served) Apps(ctx context.Context) ([]server.KnownApp, error) {
	apps, err := s.SQLite.Apps(ctx)
	var out []server.KnownApp
	for _, a := range apps {
		out = append(out, server.KnownApp(a))
	}
	return out, err
}

func (s served) AddApp(ctx context.Context, a server.KnownApp) error {
	return s.SQLite.AddApp(ctx, store.App(a))
}

func (s served) BeginCommand(ctx context.Context, c server.KnownCommand) (*server.KnownCommand, error) {
	before, err := s.SQLite.BeginCommand(ctx, store.Command(c))
	return (*server.KnownCommand)(before), err
}

func (s served) Command(ctx context.Context, source, key string, now time.Time) (*server.KnownCommand, error) {
	before, err := s.SQLite.Command(ctx, source, key, now)
	return (*server.KnownCommand)(before), err
}
