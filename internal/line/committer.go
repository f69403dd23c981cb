package line

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Store makes batches durable, each whole or not at all. *store.SQLite is one.
type Store interface {
	Commit(ctx context.Context, epoch string, batch []*board.Change) error
}

// How the committer behaves while the store cannot take changes.
const (
	retryEvery = time.Second
	tickEvery  = 250 * time.Millisecond
	stuckAfter = 5 * time.Second // a commit that takes longer has failed: calls must go on popping
	heldAtMost = 100_000         // changes that wait for the store; beyond it the oldest are given up, never a record
)

// Committer is the one that commits, then shows (D-2). Changes that come while a commit is under way form the next batch:
// under load batches form by themselves, at rest a change waits for nobody.
type Committer struct {
	board    *board.Board
	store    Store
	newEpoch func() string
	logger   *slog.Logger

	held    []*board.Change // what the store still owes us; not nil from its failure to its recovery
	lastTry time.Time       // when the store was last asked
	newest  uint64          // seq of the newest change that was taken from the board

	mu      sync.Mutex // guards the rest
	durable uint64
	waiting chan struct{} // closed and replaced whenever the above or the problem may have changed
	problem error         // why the store does not take changes; nil while it does
	onShown []func()
}

// NewCommitter returns a committer; shown is the board's newest seq at start.
func NewCommitter(b *board.Board, s Store, shown uint64, newEpoch func() string, logger *slog.Logger) *Committer {
	return &Committer{board: b, store: s, newest: shown, durable: shown, newEpoch: newEpoch, logger: logger, waiting: make(chan struct{})}
}

// Run commits until ctx ends, then commits what is left, for as long as a commit may take.
func (c *Committer) Run(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	// A commit that has begun is finished: ending the program must not turn it into a failure.
	commits := context.WithoutCancel(ctx)
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(commits, stuckAfter)
			defer cancel()
			for c.commit(last) { // showing may bring more: records settle
			}
			return
		case <-c.board.Dirty():
			if c.held != nil && time.Since(c.lastTry) < retryEvery {
				c.show(c.board.Take(), c.Problem()) // nobody waits for a store that is known not to answer
				continue
			}
			c.commit(commits)
		case now := <-tick.C:
			c.board.Tick(now)
			if c.held != nil && now.Sub(c.lastTry) >= retryEvery {
				c.commit(commits)
			}
		}
	}
}

// commit takes what is pending and makes it durable with what the store still owes; then it is shown, durable or not. It
// reports whether there was anything.
func (c *Committer) commit(ctx context.Context) bool {
	batch := c.board.Take()
	if len(batch) == 0 && len(c.held) == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, stuckAfter)
	defer cancel()
	err := c.store.Commit(ctx, c.board.Epoch(), append(c.held, batch...))
	c.lastTry = time.Now()
	if err == nil && c.held != nil {
		c.held = nil
		c.logger.Info("the store takes changes again")
	}
	if err != nil && c.held == nil {
		c.logger.Error("the store does not take changes; calls are shown from memory only", "error", err)
		c.board.NewEpoch(c.newEpoch())
		c.held = []*board.Change{}
	}
	c.show(batch, err)
	return len(batch) > 0
}

// show shows a batch, and tells those who wait how it stands with the store. What that could not take is held for it: it may
// be lost, which is why another epoch has begun.
func (c *Committer) show(batch []*board.Change, err error) {
	if len(batch) > 0 {
		c.newest = batch[len(batch)-1].Seq
	}
	if err != nil {
		c.hold(batch)
	}
	c.board.Show(batch, err == nil, time.Now())
	c.mu.Lock()
	c.problem = err
	if err == nil {
		c.durable = c.newest
	}
	close(c.waiting)
	c.waiting = make(chan struct{})
	hooks := c.onShown
	c.mu.Unlock()
	for _, shown := range hooks {
		shown()
	}
}

// hold keeps a batch for when the store takes changes again. When too much is held, the older half is given up but for
// the newest version of each record; the log has holes then, so another epoch begins once more.
func (c *Committer) hold(batch []*board.Change) {
	c.held = append(c.held, batch...)
	if len(c.held) <= heldAtMost {
		return
	}
	newest := map[string]*board.Change{}
	for _, change := range c.held {
		newest[change.Record] = change
	}
	var kept []*board.Change
	half := len(c.held) / 2
	for _, change := range c.held[:half] {
		if change.Record != "" && newest[change.Record] == change {
			kept = append(kept, change)
		}
	}
	c.held = append(kept, c.held[half:]...)
	c.board.NewEpoch(c.newEpoch())
}

// OnShown adds what is called whenever changes were shown, or it stands otherwise with the store. It must not block.
func (c *Committer) OnShown(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onShown = append(slices.Clip(c.onShown), f)
}

// Reached is the seq up to which all is durable, and why the store does not take more; nil while it does.
func (c *Committer) Reached() (seq uint64, problem error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.durable, refusal(c.problem)
}

// refusal is what a writer is told of a store that takes nothing; nil if it does.
func refusal(problem error) error {
	if problem == nil {
		return nil
	}
	return &telephony.Error{Code: telephony.CodeStore, Message: "the database does not take changes: " + problem.Error(),
		Remedy: "free space or mend the disk; Callboard goes on by itself, then write again"}
}

// Problem is why the store does not take changes; nil while it does.
func (c *Committer) Problem() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.problem
}

// Wait blocks until all up to seq is durable. It returns an error if the store does not take changes, or ctx's. Seq 0 asks
// how it stands now.
func (c *Committer) Wait(ctx context.Context, seq uint64) error {
	for {
		c.mu.Lock()
		durable, waiting, problem := c.durable, c.waiting, c.problem
		c.mu.Unlock()
		switch {
		case seq > 0 && durable >= seq: // also if it has failed since
			return nil
		case problem != nil:
			return refusal(problem)
		case durable >= seq:
			return nil
		}
		select {
		case <-waiting:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
