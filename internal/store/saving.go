package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// saveAfter is how long the database waits for company of what is in the journal.
const saveAfter = 100 * time.Millisecond

// saving is how the database follows the journal. Whoever reads the database has it brought up to date first.
type saving struct {
	follower // whose turn it is writes a batch into the database, and has Store.untrimmed and Store.unsaved

	mu     sync.Mutex // guards the rest
	owed   []encoded  // in the journal, not in the database
	wrong  error      // why the database did not take them
	epoch  string     // that of the database; empty: not known
	newest uint64     // seq of the newest change that is in either
}

// follows reports whether a batch of an epoch comes right behind what there is, and may be owed. What does not is for the database to judge.
func (v *saving) follows(epoch string, batch []encoded) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, c := range batch {
		if c.Seq != v.newest+1+uint64(i) {
			return false
		}
	}
	return v.wrong == nil && v.epoch == epoch
}

// idle reports whether nothing is owed in an epoch.
func (v *saving) idle(epoch string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.owed) == 0 && v.wrong == nil && v.epoch == epoch
}

func (v *saving) debt() (owed []encoded, epoch string, wrong error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.owed[:len(v.owed):len(v.owed)], v.epoch, v.wrong
}

// due reports whether anything is owed, in which epoch, or why the database does not take it.
func (v *saving) due() (epoch string, due bool, wrong error) {
	owed, epoch, wrong := v.debt()
	if len(owed) == 0 {
		return "", false, nil
	}
	return epoch, wrong == nil, wrong
}

// saved is the seq up to which the database has all changes.
func (v *saving) saved() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.owed) > 0 {
		return v.owed[0].Seq - 1
	}
	return v.newest
}

func (v *saving) owe(batch []encoded) {
	v.mu.Lock()
	v.owed = append(v.owed, batch...)
	v.newest = batch[len(batch)-1].Seq
	v.mu.Unlock()
	v.signal()
}

// paid notes that the database has taken the oldest of what is owed and a batch behind it, or why it has not.
func (v *saving) paid(n int, epoch string, batch []encoded, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.wrong = err; err != nil {
		return
	}
	v.epoch = epoch
	if len(batch) > 0 {
		v.newest = batch[len(batch)-1].Seq
	}
	if v.owed = v.owed[n:]; len(v.owed) == 0 {
		v.owed = nil
	}
}

// enter makes a batch durable in the journal, or reports false: then the database has to take it at once.
func (s *Store) enter(epoch string, batch []encoded) bool {
	return s.journal != nil && ordinary(batch) && s.saving.follows(epoch, batch) && s.journal.append(epoch, batch, &s.saving, s.files.still) == nil
}

// save has the database take what is owed, and a batch behind it.
func (s *Store) save(ctx context.Context, epoch string, batch []encoded) error {
	if err := s.saving.lock(ctx); err != nil {
		return err
	}
	defer s.saving.unlock()
	return s.saveNow(ctx, epoch, batch)
}

// saveNow is save when it is our turn.
func (s *Store) saveNow(ctx context.Context, epoch string, batch []encoded) error {
	owed, was, _ := s.saving.debt()
	err := s.write(ctx, epoch, epoch != was, slices.Concat(owed, batch))
	if err == nil || ctx.Err() == nil { // else nobody has waited for it, which says nothing of the database
		s.saving.paid(len(owed), epoch, batch, err)
	}
	return err
}

// settle has the database take what is owed, for those who are about to read it. What cannot be taken is not lost: it stays owed, and the next
// commit, which is once a second at the latest, tries again. Nobody else waits for a database that is known to be unwell.
func (s *Store) settle(ctx context.Context) error {
	if _, due, err := s.saving.due(); !due {
		return err
	}
	if err := s.saving.lock(ctx); err != nil {
		return err
	}
	defer s.saving.unlock()
	epoch, due, err := s.saving.due() // others may have been at it meanwhile, and in another epoch
	if !due {
		return err
	}
	return s.saveNow(ctx, epoch, nil)
}

var errUnread = errors.New("what was committed last cannot be read")

// startSaving has the database take what a program that was killed has left in the journal, and then follow it.
func (s *Store) startSaving(ctx context.Context) error {
	s.saving.follower = newFollower()
	if s.path == "" {
		return nil
	}
	text, err := readJournal(s.path)
	if err != nil {
		return fmt.Errorf("%w (%w)", errUnread, bare(err))
	}
	epoch, left, err := missing(ctx, s.writer, text)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		if err := s.save(ctx, epoch, left); err != nil {
			return err
		}
	}
	if s.journal, err = openJournal(s.path); err != nil {
		s.journal = nil // each commit goes into the database then, which says what is wrong if that cannot be
	}
	s.saving.begin(ctx, saveAfter, func(ctx context.Context) time.Duration {
		s.settle(ctx) // where it cannot, the next commit is told so
		return saveAfter
	})
	return nil
}

// endSaving has the database take what is still owed. What it does not take, the next start finds in the journal.
func (s *Store) endSaving() error {
	if !s.saving.end() {
		return nil
	}
	if owed, epoch, _ := s.saving.debt(); len(owed) > 0 {
		s.save(context.Background(), epoch, nil)
	}
	if s.journal == nil {
		return nil
	}
	return s.journal.close()
}
