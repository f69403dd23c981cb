package app

import (
	"context"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/config"
	"github.com/callboard-dev/callboard/internal/erasure"
	"github.com/callboard-dev/callboard/internal/line"
	"github.com/callboard-dev/callboard/internal/retention"
	"github.com/callboard-dev/callboard/internal/store"
)

// struck is the store as the eraser wants it: neither knows the other.
type struck struct{ *store.Store }

func (s struck) Begun(ctx context.Context) ([]erasure.Begun, error) {
	begun, err := s.Store.BegunErasures(ctx)
	var out []erasure.Begun
	for _, b := range begun {
		out = append(out, erasure.Begun(b))
	}
	return out, err
}

func (s struck) Finish(ctx context.Context, b erasure.Begun, striker *board.Striker) error {
	return s.Store.FinishErasure(ctx, store.Begun(b), striker, time.Now)
}

func (a *App) newEraser(region string) *erasure.Eraser {
	return erasure.New(erasure.Options{
		Board: a.board, Wait: func(ctx context.Context, seq uint64) error { return a.committer.Wait(ctx, seq) }, Store: struck{a.store}, NewID: newID, Logger: a.options.Logger,
		Forms:  func(number string) ([]string, error) { return line.NumberForms(number, region) },
		Forget: a.forget,
	})
}

// forget drops what is kept in memory of changes that are struck.
func (a *App) forget() {
	if a.server != nil { // else nothing is served yet
		a.server.Forget()
	}
}

func (a *App) retention() retention.Options {
	keep := a.options.Config.Keep
	return retention.Options{
		Board: a.board, Wait: a.committer.Wait, Store: a.store, Forget: a.forget, Logger: a.options.Logger,
		Limits: retention.Limits{Calls: config.Days(keep.Calls), Lookups: config.Days(keep.Lookups), Items: config.Days(keep.Items), Changes: config.Days(keep.Changes)},
	}
}
