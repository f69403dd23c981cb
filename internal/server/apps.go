package server

import (
	"maps"
	"slices"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
)

// cycles are the rings among apps that may set each other off; with a name only those that it is in.
func cycles(apps map[string]board.Registration, with string) []api.Cycle {
	var found []api.Cycle
	for _, c := range board.Cycles(apps) {
		if with == "" || slices.Contains(c.Apps, with) {
			found = append(found, api.Cycle{Apps: c.Apps, Fields: c.Fields})
		}
	}
	return found
}

// cyclesOf are the rings that an app would close which is let in now. What it says of itself counts; if it says nothing,
// what it is registered for.
func (s *Server) cyclesOf(app api.NewApp) []api.Cycle {
	apps := maps.Clone(s.options.Board.Enrichers())
	if len(app.Needs)+len(app.Gives) > 0 {
		r := board.Registration{Needs: app.Needs, Gives: app.Gives, On: apps[app.ID].On}
		apps[app.ID] = r
	}
	return cycles(apps, app.ID)
}
