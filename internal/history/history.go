// Package history is the built-in source "history": what Callboard itself remembers of earlier calls, said on the board as
// an app would say it.
//
// It takes work like an app, so a record waits for it before it settles (B-16), and asks the store on a goroutine of its
// own: no call waits for that to pop up. It says what was known last of a number, since when, how the calls with it and with others of
// its company came out (B-21); and which of several people there the person has picked (B-24). What it says is derived: anybody can say something else.
package history

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// Store is what is remembered. *store.Store is one.
type Store interface {
	// Pick reads who was picked last at a number; empty if nobody. It may block on the disk.
	Pick(ctx context.Context, line, number string) (ref string, err error)
	// Earlier reads the other records of a number, the newest first. It may block on the disk.
	Earlier(ctx context.Context, number, but string) ([]board.Earlier, error)
	// Log reads the call log, the newest first. It may block on the disk.
	Log(ctx context.Context, q board.LogQuery) (board.LogPage, error)
}

const (
	atOnce  = 16
	patient = 2 * time.Second // then the record settles without

	keptFor  = 2 * time.Second // what was read serves while the name of a record changes
	keptMost = 200             // records of which that is kept

	mostOfCompany = 50 // calls with others of a company
)

// recalled is what was read for a record.
type recalled struct {
	number  string
	earlier []board.Earlier
	company string
	theirs  []board.LogEntry // the calls with others of the company
	at      time.Time
}

// memory is what the source has at hand: by record. Run's goroutine alone has it.
type memory map[string]recalled

// recall reads what is known of a record's number and company. A change of the name asks only whom of them to speak of, and a name
// may change often: what was read serves for a while.
func (m memory) recall(ctx context.Context, s Store, w *board.Work) (recalled, error) {
	r, now := w.Record, time.Now()
	had, ok := m[r.ID]
	if !ok || now.Sub(had.at) >= keptFor || slices.Contains(w.Moments, board.Opened) {
		had = recalled{at: now}
	}
	var err error
	if number := r.Value("party.number"); had.number != number {
		if had.earlier, err = s.Earlier(ctx, number, r.ID); err != nil {
			return had, err
		}
		had.number = number
	}
	if company := r.Value("party.company"); had.company != company {
		had.theirs = nil
		if company != "" {
			page, err := s.Log(ctx, board.LogQuery{Company: company, Limit: mostOfCompany})
			if err != nil {
				return had, err
			}
			had.theirs = page.Entries
		}
		had.company = company
	}
	if len(m) >= keptMost {
		clear(m)
	}
	m[r.ID] = had
	return had, nil
}

// Run says what is remembered until ctx ends.
func Run(ctx context.Context, b *board.Board, s Store, logger *slog.Logger) {
	en := b.Register(board.SourceHistory, board.Registration{
		Needs: []string{board.Candidates, "party.number", "party.name", "party.company"}, Gives: append([]string{board.CandidateField, "history"}, remembered...), On: []board.Moment{board.Opened}}, time.Now())
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

// answer is all that is remembered of a record's number and company.
func (m memory) answer(ctx context.Context, s Store, w *board.Work, logger *slog.Logger) board.Answer {
	r := w.Record
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	var picks []board.NewClaim
	var known recalled
	var err error
	if slices.Contains(w.Changed, board.Candidates) { // that the person takes a pick back is no reason to pick again
		picks, err = picked(ctx, s, r)
	}
	if err == nil {
		known, err = m.recall(ctx, s, w)
	}
	if err != nil {
		if !errors.Is(err, context.Canceled) { // at the end
			logger.Warn("what is remembered could not be read", "record", r.ID, "error", err)
		}
		return board.Answer{Error: "what is remembered could not be read"}
	}
	return board.Answer{Claims: append(picks, said(r, known.earlier)...), Past: append(entries(r.Line, known.earlier), ofCompany(r, &known)...)}
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
