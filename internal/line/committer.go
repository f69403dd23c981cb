package line

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/crash"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Store makes batches durable, each whole or not at all. *store.Store is one. It takes a change again that it has already:
// the outcome of a commit is not always known. An empty batch asks whether it is sound, and keeps the epoch.
type Store interface {
	Commit(ctx context.Context, epoch string, batch []*board.Change) error
}

// How the committer behaves while the store cannot take changes.
const (
	company    = 5 * time.Millisecond // so long what nobody waits for waits for others (D-2)
	retryEvery = time.Second          // and so often a store at rest is asked whether it is sound
	tickEvery  = 250 * time.Millisecond
	stuckAfter = 2 * time.Second // a commit that takes longer has failed: calls must go on popping
	perChange  = time.Millisecond
	retryTakes = time.Minute // a commit of all that is held, for which nobody waits
	heldAtMost = 100_000     // changes that wait for the store; beyond it the oldest are given up, never a record
)

var errStalled = errors.New("it does not answer")

// Committer is the one that commits, then shows (D-2). Changes that come while a commit is under way form the next batch:
// under load batches form by themselves, at rest a change waits for nobody. Who writes for an app may commit by itself
// (Flush), which saves two changes of goroutine; what the PBX says is always left to Run.
//
// A commit that fails or takes too long may have been made all the same: nobody knows. Its changes are held and given to the
// store again, which takes the same change twice. While it is being asked, changes are shown from memory at once.
type Committer struct {
	board    *board.Board
	store    Store
	newEpoch func() string
	logger   *slog.Logger

	turn    turn            // of whoever takes, commits and shows; it guards the next block
	held    []*board.Change // what the store still owes us; not nil from its failure to its recovery
	next    string          // the epoch that begins with its recovery
	late    chan error      // the answer of a commit that the loop does not wait for; nil: there is none
	giveUp  func()          // ends it, if it can be ended
	sent    uint64          // seq of the newest change in it
	lastTry time.Time       // when the store was last asked
	newest  uint64          // seq of the newest change that was taken from the board

	mu      sync.Mutex // guards the rest
	durable uint64
	waiting chan struct{} // closed and replaced whenever the above or the problem may have changed
	problem error         // why the store does not take changes; nil while it does
	onShown []func(here bool)
}

// NewCommitter returns a committer; shown is the board's newest seq at start.
func NewCommitter(b *board.Board, s Store, shown uint64, newEpoch func() string, logger *slog.Logger) *Committer {
	return &Committer{board: b, store: s, newest: shown, durable: shown, newEpoch: newEpoch, logger: logger, waiting: make(chan struct{}), turn: make(turn, 1)}
}

// Run commits until ctx ends, then commits what is left, for as long as a commit may take.
func (c *Committer) Run(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	var alone <-chan time.Time
	// A commit that has begun is finished: ending the program must not turn it into a failure.
	commits := context.WithoutCancel(ctx)
	for {
		c.turn.take()
		late := c.late
		c.turn.give()
		patient := c.board.Patient()
		if alone != nil {
			patient = nil // it is known, and need not wake us again
		}
		select {
		case <-ctx.Done():
			c.turn.take()
			c.finish(commits)
			c.turn.give()
			return
		case <-c.board.Dirty():
			c.turn.take()
			switch {
			case c.held != nil:
				c.show(c.board.Take(), c.Problem()) // nobody waits for a store that is known not to answer
			case c.board.Pending(): // else it has gone with a Flush, and to ask the store how it is would be in the way of the next
				c.commit(commits)
			}
			c.turn.give()
		case <-patient:
			alone = time.After(company)
		case <-alone:
			if alone = nil; c.board.Pending() {
				c.board.Signal()
			}
		case err := <-late:
			c.turn.take()
			c.answered(commits, err)
			c.turn.give()
		case now := <-tick.C:
			c.board.Tick(now)
			c.turn.take()
			c.look(commits, now)
			c.turn.give()
		}
	}
}

// look asks the store from time to time how it is.
func (c *Committer) look(ctx context.Context, now time.Time) {
	switch {
	case c.late != nil || now.Sub(c.lastTry) < retryEvery:
	case c.held != nil:
		c.ask(ctx, c.next, slices.Clone(c.held), retryTakes)
	default:
		c.commit(ctx)
	}
}

// Flush ends a Hold of the board: it commits what is pending on the caller's goroutine and shows it, if nobody else is at it;
// else it is left to Run. It may wait for the disk.
func (c *Committer) Flush() {
	pending := c.board.Release()
	switch {
	case !pending:
		return
	case !c.turn.try():
		c.board.Signal()
		return
	case c.held != nil || c.late != nil:
		c.turn.give()
		c.board.Signal()
		return
	}
	batch, epoch := c.board.Take(), c.board.Epoch()
	c.lastTry = time.Now()
	alarm := watch(stuckAfter+time.Duration(len(batch))*perChange, func(a *alarm) { c.hangs(batch, a) })
	err := c.store.Commit(context.Background(), epoch, batch)
	if !alarm.stop() {
		alarm.answers <- err // the turn is no longer ours
		return
	}
	c.commitEnded(batch, err, true)
	c.turn.give()
}

// hangs goes on where a Flush hangs, with its turn: that gives its answer late.
func (c *Committer) hangs(batch []*board.Change, a *alarm) {
	c.late, c.giveUp, c.sent = a.answers, func() {}, 0
	if len(batch) > 0 {
		c.sent = batch[len(batch)-1].Seq
	}
	c.commitEnded(batch, errStalled, false)
	c.turn.give()
	c.board.Signal() // Run sees that there is an answer to wait for
}

// ask begins a commit; its answer comes on late.
func (c *Committer) ask(ctx context.Context, epoch string, batch []*board.Change, limit time.Duration) {
	c.lastTry, c.sent = time.Now(), 0
	if len(batch) > 0 {
		c.sent = batch[len(batch)-1].Seq
	}
	answer := make(chan error, 1)
	ctx, cancel := context.WithTimeout(ctx, limit)
	c.late, c.giveUp = answer, cancel
	go func() {
		defer cancel()
		answer <- c.store.Commit(ctx, epoch, batch)
	}()
}

// await waits for the answer of a commit. One that does not even give up in its time stays late.
func (c *Committer) await(limit time.Duration) error {
	timer := time.NewTimer(limit + tickEvery)
	defer timer.Stop()
	select {
	case err := <-c.late:
		c.late = nil
		return err
	case <-timer.C:
		return errStalled
	}
}

// commit takes what is pending and makes it durable; then it is shown, durable or not. With nothing pending it asks the
// store whether it is sound.
func (c *Committer) commit(ctx context.Context) {
	batch := c.board.Take()
	c.commitEnded(batch, c.give(ctx, c.board.Epoch(), batch), false)
}

// commitEnded shows a batch, durable or not. here says that the caller sees to what comes of that by itself.
func (c *Committer) commitEnded(batch []*board.Change, err error, here bool) {
	if err != nil {
		c.logger.Error("the store does not take changes; calls are shown from memory only", "error", err)
		c.board.NewEpoch(c.newEpoch())
		c.held, c.next = []*board.Change{}, c.newEpoch()
	}
	if err != nil || len(batch) > 0 {
		c.showHere(batch, err, here)
	}
}

// give has the store commit a batch, and waits for it.
func (c *Committer) give(ctx context.Context, epoch string, batch []*board.Change) error {
	limit := stuckAfter + time.Duration(len(batch))*perChange
	c.ask(ctx, epoch, batch, limit)
	return c.await(limit)
}

// answered takes the answer of a commit for which nobody has waited. If the store has taken what it was given, what has
// come meanwhile is little: with that it is with us again.
func (c *Committer) answered(ctx context.Context, err error) {
	c.late = nil
	if err != nil {
		c.show(c.board.Take(), err)
		return
	}
	c.settle()
	batch := c.board.Take()
	if err = c.give(ctx, c.next, slices.Concat(c.held, batch)); err != nil {
		c.show(batch, err)
		return
	}
	c.held = nil
	c.logger.Info("the store takes changes again")
	c.show(batch, nil)
	// Readers list again, and see that all is durable now. The epoch is in the store before anybody hears of it.
	c.board.NewEpoch(c.next)
	c.tell(false)
}

// settle lets go of what the store has taken.
func (c *Committer) settle() {
	c.held = slices.DeleteFunc(c.held, func(change *board.Change) bool { return change.Seq <= c.sent })
}

// finish commits what is left when the program ends. A store that does not answer is not waited for.
func (c *Committer) finish(ctx context.Context) {
	if c.late != nil {
		err := c.await(stuckAfter)
		if c.late != nil {
			c.giveUp()
			err = c.await(0)
		}
		if c.late != nil { // not even that: it hangs in the system
			c.show(c.board.Take(), err)
			return
		}
		if err == nil {
			c.settle()
		}
	}
	epoch := c.board.Epoch()
	if c.held != nil {
		epoch = c.next
	}
	for {
		batch := c.board.Take() // showing may bring more: records settle
		if len(batch)+len(c.held) == 0 {
			return
		}
		err := c.give(ctx, epoch, slices.Concat(c.held, batch))
		if err == nil {
			c.held = nil
		}
		c.show(batch, err)
		if err != nil {
			return
		}
	}
}

// show shows a batch, and tells those who wait how it stands with the store. What that could not take is held for it: it may
// be lost, which is why another epoch has begun.
func (c *Committer) show(batch []*board.Change, err error) { c.showHere(batch, err, false) }

func (c *Committer) showHere(batch []*board.Change, err error, here bool) {
	if len(batch) > 0 {
		c.newest = batch[len(batch)-1].Seq
	}
	if err != nil {
		c.hold(batch)
	}
	crash.Here("before show")
	c.board.Show(batch, err == nil, time.Now())
	crash.Here("after show")
	c.mu.Lock()
	c.problem = err
	if err == nil {
		c.durable = c.newest
	}
	close(c.waiting)
	c.waiting = make(chan struct{})
	c.mu.Unlock()
	c.tell(here)
}

// tell calls those that want to know when there is something new.
func (c *Committer) tell(here bool) {
	c.mu.Lock()
	hooks := c.onShown
	c.mu.Unlock()
	for _, shown := range hooks {
		shown(here)
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

// OnShown adds what is called whenever changes were shown, or it stands otherwise with the store. here: by a Flush, whose caller
// looks what is new when it is done. It must not block.
func (c *Committer) OnShown(f func(here bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onShown = append(slices.Clip(c.onShown), f)
}

// Reached is the seq up to which all is durable, and why the store does not take more; nil while it does.
func (c *Committer) Reached() (seq uint64, problem error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.durable, refused(c.problem)
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
			return refused(problem)
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

// refused is what a write is told while the store does not take changes; nil while it does.
func refused(problem error) error {
	if problem == nil {
		return nil
	}
	if told, ok := errors.AsType[*telephony.Error](problem); ok {
		return told
	}
	return &telephony.Error{Code: telephony.CodeStore, Message: "the database does not take changes: " + problem.Error(),
		Remedy: "free space or mend the disk; Callboard goes on by itself, then write again"}
}
