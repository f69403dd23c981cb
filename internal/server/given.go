package server

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	keepWithin  = 2 * time.Second // a disk that takes longer is taken for one that takes nothing
	knownAtMost = 1000            // outcomes and refusals that the store did not take
)

var errStalled = errors.New("the database does not answer")

// given are the commands and writes of this run, by source and key: those that are being carried out, and what the store would not take
// of those that were. What the store has begun and this has not was begun by a Callboard that ended meanwhile.
type given struct {
	mu      sync.Mutex
	now     map[string]chan struct{} // closed when it is done
	stalled map[string]bool          // the store was asked to keep it and has not answered
	known   map[string]*KnownCommand // nil: refused without effect, and not forgotten by the store
	order   []string                 // of known, the oldest first
}

func newGiven() given {
	return given{now: map[string]chan struct{}{}, stalled: map[string]bool{}, known: map[string]*KnownCommand{}}
}

func (g *given) begin(id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.now[id] != nil {
		return false
	}
	g.now[id] = make(chan struct{})
	return true
}

// wait begins once nobody else carries it out.
func (g *given) wait(ctx context.Context, id string) error {
	for !g.begin(id) {
		g.mu.Lock()
		done := g.now[id]
		g.mu.Unlock()
		if done == nil {
			continue
		}
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (g *given) end(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.now[id])
	delete(g.now, id)
}

// stall notes that the store has not answered about a command, or has at last.
func (g *given) stall(id string, on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if on {
		g.stalled[id] = true
	} else {
		delete(g.stalled, id)
	}
}

// outcome is what is known of a command that the store does not know; refused: it had no effect, and the store has yet to
// forget it.
func (g *given) outcome(id string) (done *KnownCommand, refused, stalled bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	done, ok := g.known[id]
	return done, ok && done == nil, g.stalled[id]
}

// remember keeps how a command came out; nil: it was refused.
func (g *given) remember(id string, done *KnownCommand) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if before, ok := g.known[id]; ok {
		if before == nil {
			g.known[id] = done
		}
		return
	}
	if len(g.order) >= knownAtMost {
		delete(g.known, g.order[0])
		g.order = g.order[1:]
	}
	g.order = append(g.order, id)
	g.known[id] = done
}

func (g *given) forget(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.known, id)
	g.order = slices.DeleteFunc(g.order, func(known string) bool { return known == id })
}

// keepBegun has the store keep that a command is begun, within a time. What it keeps later is forgotten again.
func (s *Server) keepBegun(ctx context.Context, id string, asked KnownCommand) (*KnownCommand, error) {
	_, refused, stalled := s.given.outcome(id)
	if stalled {
		return nil, errStalled
	}
	type answer struct {
		before *KnownCommand
		err    error
	}
	answers, late := make(chan answer), make(chan struct{})
	limited, cancel := context.WithTimeout(ctx, keepWithin)
	go func() {
		defer cancel()
		var a answer
		if refused {
			if a.err = s.options.Store.DropCommand(limited, asked.Source, asked.Key); a.err == nil {
				s.given.forget(id)
			}
		}
		if a.err == nil {
			a.before, a.err = s.options.Store.BeginCommand(limited, asked)
		}
		select {
		case answers <- a:
			return
		case <-late:
		}
		if a.err == nil && a.before == nil {
			s.keepDropped(ctx, id, asked)
		}
		s.given.stall(id, false)
	}()
	select {
	case a := <-answers:
		return a.before, a.err
	case <-time.After(keepWithin):
		s.given.stall(id, true)
		close(late)
		return nil, errStalled
	}
}

// keepEnded has the store keep how a command came out, and remembers what it does not take.
func (s *Server) keepEnded(ctx context.Context, id string, done KnownCommand, kept bool) {
	err := errStalled
	if kept {
		err = within(ctx, func(ctx context.Context) error {
			return s.options.Store.EndCommand(ctx, done.Source, done.Key, done.Status, done.Answer)
		})
	}
	if err != nil {
		s.options.Logger.Error("the outcome of a command was not kept", "error", err)
		s.given.remember(id, &done)
	}
}

// keepDropped has the store forget a command that had no effect, so that its key can be used again.
func (s *Server) keepDropped(ctx context.Context, id string, asked KnownCommand) {
	err := within(ctx, func(ctx context.Context) error {
		return s.options.Store.DropCommand(ctx, asked.Source, asked.Key)
	})
	if err != nil {
		s.options.Logger.Error("a command without effect was not forgotten", "error", err)
		s.given.remember(id, nil)
	}
}

// within gives the store so much time. It may go on later all the same.
func within(ctx context.Context, do func(ctx context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, keepWithin)
	done := make(chan error, 1)
	go func() {
		defer cancel()
		done <- do(limited)
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(keepWithin):
		return errStalled
	}
}
