// Package erasure takes a person out of all that Callboard has (SEC-45): off the board and out of its log, then out of the store.
//
// An erasure is journaled before it begins and is finished after a restart wherever it was. Erasures are carried out one after
// the other by Run; a failure is tried again until it succeeds. While the store is struck calls and writes go on.
package erasure

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// Store keeps erasures and strikes what is stored. Its methods may block on the disk.
type Store interface {
	BeginErasure(ctx context.Context, m board.Match, sum string, at time.Time) error
	// NoteErasure is for what the board had nothing of, so that no commit carries it.
	NoteErasure(ctx context.Context, e board.Erasure) error
	Begun(ctx context.Context) ([]Begun, error)
	Survey(ctx context.Context, s *board.Striker) (board.Proof, error)
	Finish(ctx context.Context, b Begun, s *board.Striker) error
	// InFile looks for what means the person in the bytes of what is stored.
	InFile(ctx context.Context, m board.Match) (bool, error)
	Record(ctx context.Context, id string) (*board.Record, error)
	Erasures(ctx context.Context, limit int) ([]*board.Proof, error)
	Erasure(ctx context.Context, id string) (*board.Proof, error)
}

// Begun is an erasure that is not done.
type Begun struct {
	ID      string
	Who     board.Match // empty where all is struck and the file has yet to be cleaned
	Struck  bool        // whether that is so
	Erasure board.Erasure
}

// Options configure an Eraser.
type Options struct {
	Board  *board.Board
	Wait   func(ctx context.Context, seq uint64) error // until a change is durable and shown
	Store  Store
	Forms  func(number string) ([]string, error) // all forms in which a number may be written
	NewID  func(kind string) string
	Forget func() // drops what else is in memory of changes that are struck
	Logger *slog.Logger
}

const (
	patience   = 20 * time.Second // how long Erase waits
	retryEvery = 10 * time.Second
	admitMost  = 5000 // stored records that are brought to the board, so that watchers are told
	listed     = 100
)

// Eraser erases people.
type Eraser struct {
	options Options
	wake    chan struct{} // size one: there is something to do
	loaded  bool          // Restore failed

	mu   sync.Mutex
	done chan struct{} // closed and replaced whenever one is done
}

// New returns an eraser. Run must run for it to do anything.
func New(o Options) *Eraser {
	return &Eraser{options: o, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// Run carries out what was begun, until ctx ends.
func (e *Eraser) Run(ctx context.Context) {
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.wake:
		case <-retry.C:
		}
		if err := e.finishAll(ctx); err != nil && ctx.Err() == nil {
			e.options.Logger.Error("an erasure is not done yet", "error", err)
			retry.Reset(retryEvery)
		}
	}
}

// match is a match with every form of its numbers.
func (e *Eraser) match(m board.Match) (board.Match, error) {
	var numbers []string
	for _, n := range m.Numbers {
		forms, err := e.options.Forms(n)
		if err != nil {
			return m, err
		}
		numbers = append(numbers, forms...)
	}
	m.Numbers = numbers
	_, err := e.options.Board.Striker(m, board.Erasure{})
	return m, err
}

// everything is an erasure that strikes all changes there are.
var everything = board.Erasure{From: 1<<63 - 1}

// Survey tells what would go, and erases nothing.
func (e *Eraser) Survey(ctx context.Context, m board.Match) (board.Proof, error) {
	m, err := e.match(m)
	if err != nil {
		return board.Proof{}, err
	}
	return e.survey(ctx, m)
}

func (e *Eraser) survey(ctx context.Context, m board.Match) (board.Proof, error) {
	striker, err := e.options.Board.Striker(m, everything)
	if err != nil {
		return board.Proof{}, err
	}
	return e.options.Store.Survey(ctx, striker)
}

// Erase journals that somebody is to be erased, and waits for a while until that holds: the proof has DoneAt then. It is gone
// on with if ctx ends.
func (e *Eraser) Erase(ctx context.Context, m board.Match) (board.Proof, error) {
	m, err := e.match(m)
	if err == nil {
		err = e.options.Wait(ctx, 0) // nobody is told that it is begun while the store takes nothing
	}
	if err != nil {
		return board.Proof{}, err
	}
	m.ID = e.options.NewID("era")
	code := strings.ToLower(rand.Text())
	if err := e.options.Store.BeginErasure(ctx, m, m.Sum(code), time.Now()); err != nil {
		return board.Proof{}, err
	}
	proof, err := e.await(ctx, m.ID)
	proof.Code = code
	return proof, err
}

// await waits for a while until an erasure holds.
func (e *Eraser) await(ctx context.Context, id string) (board.Proof, error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		e.mu.Lock()
		done := e.done
		e.mu.Unlock()
		proof, err := e.options.Store.Erasure(ctx, id)
		if err != nil || proof == nil {
			return board.Proof{}, errors.Join(err, ctx.Err())
		}
		if !proof.DoneAt.IsZero() {
			return *proof, nil
		}
		select {
		case e.wake <- struct{}{}:
		default:
		}
		select {
		case <-done:
		case <-late.C:
			return *proof, nil
		case <-ctx.Done():
			return board.Proof{}, ctx.Err()
		}
	}
}

// Verify looks again what is left of somebody, and whether a proof is of them; nil if there is no such proof. Nothing is written.
func (e *Eraser) Verify(ctx context.Context, id, code string, m board.Match) (*board.Verification, error) {
	proof, err := e.options.Store.Erasure(ctx, id)
	if err != nil || proof == nil {
		return nil, err
	}
	if m, err = e.match(m); err != nil {
		return nil, err
	}
	v := &board.Verification{Proof: *proof, OfThisPerson: code != "" && hmac.Equal([]byte(proof.Sum), []byte(m.Sum(code)))}
	if v.Left, err = e.survey(ctx, m); err == nil {
		v.InFile, err = e.options.Store.InFile(ctx, m)
	}
	return v, err
}

// Proofs are the newest proofs.
func (e *Eraser) Proofs(ctx context.Context) ([]*board.Proof, error) {
	return e.options.Store.Erasures(ctx, listed)
}

// Proof is that of one erasure; nil if there is none.
func (e *Eraser) Proof(ctx context.Context, id string) (*board.Proof, error) {
	return e.options.Store.Erasure(ctx, id)
}

func (e *Eraser) finishAll(ctx context.Context) error {
	begun, err := e.options.Store.Begun(ctx)
	for _, b := range begun {
		if err = e.finish(ctx, b); err != nil {
			return err
		}
		e.mu.Lock()
		close(e.done)
		e.done = make(chan struct{})
		e.mu.Unlock()
	}
	return err
}

// finish takes an erasure from wherever it is to its end.
func (e *Eraser) finish(ctx context.Context, b Begun) error {
	err := e.goOn(ctx, b)
	if err == nil {
		e.options.Logger.Info("an erasure is done", "id", b.ID)
	}
	return err
}

func (e *Eraser) goOn(ctx context.Context, b Begun) error {
	switch {
	case b.Struck:
		return e.options.Store.Finish(ctx, b, nil)
	case b.Erasure.From == 0:
		var err error
		if b, err = e.offBoard(ctx, b); err != nil {
			return err
		}
	case e.loaded: // what an earlier run has erased from its memory was read into this one's
		again := b.Who
		again.ID = ""
		if _, err := e.options.Board.Erase(again, time.Now()); err != nil {
			return err
		}
	}
	b.Erasure.At = time.Now()
	striker, err := e.options.Board.Striker(b.Who, b.Erasure)
	if err != nil {
		return err
	}
	defer e.options.Forget()
	return e.options.Store.Finish(ctx, b, striker)
}

// offBoard erases from memory, and returns once that is durable. Records of the person that are only in the store are brought to the
// board before, so that watchers are told of them, too.
func (e *Eraser) offBoard(ctx context.Context, b Begun) (Begun, error) {
	found, err := e.survey(ctx, b.Who)
	if err != nil {
		return b, err
	}
	theirs := slices.Concat(found.Records, found.Mentioned)
	for _, id := range theirs[:min(len(theirs), admitMost)] {
		if e.options.Board.Get(id) != nil {
			continue
		}
		r, err := e.options.Store.Record(ctx, id)
		if err != nil {
			return b, err
		}
		if r != nil {
			e.options.Board.Admit(r)
		}
	}
	erased, err := e.options.Board.Erase(b.Who, time.Now())
	switch {
	case err == nil && erased.Carried:
		err = e.options.Wait(ctx, erased.Seq)
	case err == nil:
		err = e.options.Store.NoteErasure(ctx, erased)
	}
	if err != nil {
		return b, err
	}
	all, err := e.options.Store.Begun(ctx) // as it was made durable: that may be of an earlier try
	if i := slices.IndexFunc(all, func(other Begun) bool { return other.ID == b.ID }); i >= 0 {
		b = all[i]
	}
	return b, err
}

// Restore strikes, before a board is filled from the store, what an earlier run has erased from its own and not yet from the
// store. What it had only begun is left to Run, and so is all after an error.
func (e *Eraser) Restore(ctx context.Context) (finished bool, err error) {
	begun, err := e.options.Store.Begun(ctx)
	for _, b := range begun {
		if err == nil && (b.Struck || b.Erasure.From > 0) {
			err, finished = e.finish(ctx, b), true
		}
	}
	e.loaded = err != nil
	return finished, err
}
