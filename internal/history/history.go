// Package history is the built-in source "history": what Callboard itself remembers of earlier calls, said on the board as
// an app would say it.
//
// It takes work like an app, so a record waits for it before it settles (B-16), and asks the store on a goroutine of its
// own: no call waits for that to pop up. It says what was known last of a number, since when, and how the calls with it came out
// (B-21); and which of several people there the person has picked (B-24). What it says is derived: anybody can say something else.
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
	// Earlier reads the other records of a number, the newest first. It may block on the disk.
	Earlier(ctx context.Context, number, but string) ([]board.Earlier, error)
}

const (
	atOnce  = 16
	patient = 2 * time.Second // then the record settles without

	keptFor  = time.Minute // what was read of a number serves while the name of a record changes
	keptMost = 200         // records of which that is kept
)

// recalled is what was read of the number of a record.
type recalled struct {
	number  string
	earlier []board.Earlier
	at      time.Time
}

// memory is what the source has at hand: by record. Run's goroutine alone has it.
type memory map[string]recalled

// earlier reads the other records of a number. A change of the name asks only whom of them to speak of, and a name may change often.
func (m memory) earlier(ctx context.Context, s Store, w *board.Work, number string) ([]board.Earlier, error) {
	r, now := w.Record, time.Now()
	had, ok := m[r.ID]
	if ok && had.number == number && now.Sub(had.at) < keptFor && !slices.Contains(w.Moments, board.Opened) {
		return had.earlier, nil
	}
	earlier, err := s.Earlier(ctx, number, r.ID)
	if err != nil {
		return nil, err
	}
	if len(m) >= keptMost {
		clear(m)
	}
	m[r.ID] = recalled{number, earlier, now}
	return earlier, nil
}

// Run says what is remembered until ctx ends.
func Run(ctx context.Context, b *board.Board, s Store, logger *slog.Logger) {
	en := b.Register(board.SourceHistory, board.Registration{
		Needs: []string{board.Candidates, "party.number", "party.name"}, Gives: append([]string{board.CandidateField, "history"}, remembered...), On: []board.Moment{board.Opened}}, time.Now())
	defer func() { b.Unregister(en, time.Now()) }()
	m := memory{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-en.Woken():
		}
		for _, w := range b.TakeWork(en, atOnce, time.Now()) {
			answer := m.answer(ctx, s, w, logger)
			if _, err := b.Answer(board.SourceHistory, w.ID, answer, time.Now()); err != nil {
				logger.Warn("what is remembered was not taken", "record", w.Record.ID, "error", err)
			}
		}
	}
}

// answer is all that is remembered of a record's number.
func (m memory) answer(ctx context.Context, s Store, w *board.Work, logger *slog.Logger) board.Answer {
	r := w.Record
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	var picks []board.NewClaim
	var earlier []board.Earlier
	var err error
	if slices.Contains(w.Changed, board.Candidates) { // that the person takes a pick back is no reason to pick again
		picks, err = picked(ctx, s, r)
	}
	if number := r.Value("party.number"); err == nil && number != "" {
		earlier, err = m.earlier(ctx, s, w, number)
	}
	if err != nil {
		logger.Warn("what is remembered could not be read", "record", r.ID, "error", err)
		return board.Answer{Error: "what is remembered could not be read"}
	}
	return board.Answer{Claims: append(picks, known(r, earlier)...), Past: entries(r.Line, earlier)}
}

// picked claims whom the person has picked before at this number, if they are among the candidates again. Where the person
// has picked somebody on this record nothing is added, so that taking it back leaves nobody.
func picked(ctx context.Context, s Store, r *board.Record) ([]board.NewClaim, error) {
	held := r.Fields[board.CandidateField]
	if held.Of(board.SourceUser) != nil || len(r.Items[board.Candidates]) == 0 && held.Of(board.SourceHistory) == nil {
		return nil, nil
	}
	ref, err := s.Pick(ctx, r.Line, r.Value("party.number"))
	there := slices.ContainsFunc(r.Items[board.Candidates], func(i board.Item) bool { return ref != "" && i.Ref() == ref })
	switch {
	case err != nil:
		return nil, err
	case there:
		return []board.NewClaim{{Field: board.CandidateField, Value: ref, Quality: board.Derived}}, nil
	case held.Of(board.SourceHistory) != nil:
		return []board.NewClaim{{Field: board.CandidateField}}, nil
	}
	return nil, nil
}
