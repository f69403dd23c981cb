package app

import (
	"github.com/callboard-dev/callboard/internal/telemetry"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// newTelemetry follows the board. What it asks for when somebody scrapes is there when the server serves.
func (a *App) newTelemetry() (*telemetry.Telemetry, error) {
	return telemetry.New(telemetry.Options{
		Board:     a.board,
		Streams:   func() (open, parked int, lag uint64) { return a.server.Streams() },
		Problem:   func() error { return a.committer.Problem() },
		Connected: func() bool { return a.line.Link().State == telephony.LinkConnected },
	})
}
