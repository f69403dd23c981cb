// Package history is the built-in source "history": what Callboard itself remembers of earlier calls, said on the board as
// an app would say it.
//
// It takes work like an app, so a record waits for it before it settles (B-16), and asks the store on a goroutine of its
// own: no call waits for that to pop up. Today it remembers which of several people at a number the person has picked
// (B-24). What it says is derived: the person can say something else.
package history

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// Store is what is remembered. *store.SQLite is one.
type Store interface {
	// Pick reads who was picked last at a number; empty if nobody. It may block on the disk.
	Pick(ctx context.Context, line, number string) (ref string, err error)
}

const (
	atOnce  = 16
	patient = 2 * time.Second // then the record settles without
)

// Run says what is remembered until ctx ends.
func Run(ctx context.Context, b *board.Board, s Store, logger *slog.Logger) {
	en := b.Register(board.SourceHistory, board.Registration{Needs: []string{board.Candidates}, Gives: []string{board.CandidateField}}, time.Now())
	defer func() { b.Unregister(en, time.Now()) }()
	for {
		select {
		case <-ctx.Done():
			return
		case <-en.Woken():
		}
		for _, w := range b.TakeWork(en, atOnce, time.Now()) {
			answer := answer(ctx, s, w.Record, logger)
			if _, err := b.Answer(board.SourceHistory, w.ID, answer, time.Now()); err != nil {
				logger.Warn("what is remembered was not taken", "record", w.Record.ID, "error", err)
			}
		}
	}
}

// answer picks whom the person has picked before at this number, if they are among the candidates again. Where the person
// has picked somebody on this record nothing is added, so that taking it back leaves nobody.
func answer(ctx context.Context, s Store, r *board.Record, logger *slog.Logger) board.Answer {
	picked := r.Fields[board.CandidateField]
	if picked.Of(board.SourceUser) != nil {
		return board.Answer{}
	}
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	ref, err := s.Pick(ctx, r.Line, r.Value("party.number"))
	if err != nil {
		logger.Warn("a pick could not be read", "record", r.ID, "error", err)
		return board.Answer{Error: "what is remembered could not be read"}
	}
	there := slices.ContainsFunc(r.Items[board.Candidates], func(i board.Item) bool { return ref != "" && i.Ref() == ref })
	switch {
	case there:
		return board.Answer{Claims: []board.NewClaim{{Field: board.CandidateField, Value: ref, Quality: board.Derived}}}
	case picked.Of(board.SourceHistory) != nil:
		return board.Answer{Claims: []board.NewClaim{{Field: board.CandidateField}}}
	}
	return board.Answer{}
}
