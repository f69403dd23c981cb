package app

import (
	"context"

	"github.com/callboard-dev/callboard/internal/telemetry"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// newTelemetry follows the board. What it asks for when somebody scrapes is there when the server serves.
func (a *App) newTelemetry(ctx context.Context, traces string) (*telemetry.Telemetry, error) {
	o := telemetry.Options{
		Board:     a.board,
		Streams:   func() (open, parked int, lag uint64) { return a.server.Streams() },
		Problem:   func() error { return a.committer.Problem() },
		Connected: func() bool { return a.line.Link().State == telephony.LinkConnected },
		Version:   a.options.Version, Logger: a.options.Logger,
	}
	if traces != "" {
		var err error
		if o.Exporter, err = telemetry.OTLP(ctx, traces); err != nil {
			return nil, err
		}
	}
	return telemetry.New(o)
}
