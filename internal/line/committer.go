package line

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Store makes batches durable. *store.SQLite is one.
type Store interface {
	Commit(ctx context.Context, epoch string, batch []*board.Change) error
}

// How the committer behaves while the store cannot take changes.
const (
	retryEvery = time.Second
	tickEvery  = 250 * time.Millisecond
	heldAtMost = 100_000 // changes that wait for the store; beyond it the oldest are given up, never a record
)

// Committer is the one that commits, then shows (D-2). Changes that come while a commit is under way form the next batch:
// under load batches form by themselves, at rest a change waits for nobody.
type Committer struct {
	board    *board.Board
	store    Store
	newEpoch func() string
	logger   *slog.Logger

	mu      sync.Mutex // guards the rest
	shown   uint64
	waiting chan struct{} // closed and replaced whenever shown moves
	problem error         // why the store does not take changes; nil while it does
	held    []*board.Change
}

// NewCommitter returns a committer; shown is the board's newest seq at start.
func NewCommitter(b *board.Board, s Store, shown uint64, newEpoch func() string, logger *slog.Logger) *Committer {
	return &Committer{board: b, store: s, shown: shown, newEpoch: newEpoch, logger: logger, waiting: make(chan struct{})}
}

// Run commits until ctx ends, then commits once more what is left.
func (c *Committer) Run(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	lastTry := time.Time{}
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			c.commit(last)
			return
		case <-c.board.Dirty():
			c.commit(ctx)
		case now := <-tick.C:
			c.board.Tick(now)
			if c.Problem() != nil && now.Sub(lastTry) >= retryEvery {
				lastTry = now
				c.commit(ctx)
			}
		}
	}
}

// commit takes what is pending and makes it durable with what the store still owes; then it is shown, durable or not.
func (c *Committer) commit(ctx context.Context) {
	batch := c.board.Take()
	if len(batch) == 0 && len(c.held) == 0 {
		return
	}
	// A commit that has begun is finished: ending the program must not turn it into a failure.
	err := c.store.Commit(context.WithoutCancel(ctx), c.board.Epoch(), append(c.held, batch...))
	if err != nil {
		c.degrade(err, batch)
	} else if c.held != nil {
		c.held = nil
		c.logger.Info("the store takes changes again")
	}
	c.board.Show(batch, err == nil, time.Now())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problem = err
	if len(batch) > 0 {
		c.shown = batch[len(batch)-1].Seq
	}
	close(c.waiting)
	c.waiting = make(chan struct{})
}

// degrade goes on without the store: calls still pop. What is shown from now on may be lost, so another epoch begins.
func (c *Committer) degrade(err error, batch []*board.Change) {
	if c.held == nil {
		c.logger.Error("the store does not take changes; calls are shown from memory only", "error", err)
		c.board.NewEpoch(c.newEpoch())
		c.held = []*board.Change{}
	}
	c.held = append(c.held, batch...)
	if over := len(c.held) - heldAtMost; over > 0 {
		c.held = c.held[over:]
	}
}

// Problem is why the store does not take changes; nil while it does.
func (c *Committer) Problem() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.problem
}

// Wait blocks until the log is shown up to seq. It returns an error if that is not durable, or ctx's.
func (c *Committer) Wait(ctx context.Context, seq uint64) error {
	for {
		c.mu.Lock()
		shown, waiting, problem := c.shown, c.waiting, c.problem
		c.mu.Unlock()
		if problem != nil {
			return &telephony.Error{Code: telephony.CodeStore, Message: "the database does not take changes: " + problem.Error(),
				Remedy: "free space or mend the disk; Callboard goes on by itself, then write again"}
		}
		if shown >= seq {
			return nil
		}
		select {
		case <-waiting:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
