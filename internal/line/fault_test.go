package line_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/line"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// stone is a store whose commits a test answers one by one, whatever their context says.
type stone struct {
	mu   sync.Mutex
	kept map[uint64]*board.Change
	last string // the epoch

	answer func(n int) (keep bool, err error) // the n-th commit, from 1; it may block
	tries  int
}

func (s *stone) Commit(_ context.Context, epoch string, batch []*board.Change) error {
	s.mu.Lock()
	s.tries++
	n := s.tries
	s.mu.Unlock()
	keep, err := s.answer(n)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range batch {
		if before := s.kept[c.Seq]; before != nil && before != c {
			return fmt.Errorf("change %d: another one", c.Seq)
		}
		if keep {
			s.kept[c.Seq] = c
		}
	}
	if keep {
		s.last = epoch
	}
	return err
}

// asked is how often, and the epoch that was kept last.
func (s *stone) asked() (int, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries, s.last
}

func (s *stone) has() (all []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for seq := range s.kept {
		all = append(all, seq)
	}
	slices.Sort(all)
	return all
}

func openOn(t *testing.T, s *stone) *office {
	t.Helper()
	ids, epochs := 0, 1
	s.kept = map[uint64]*board.Change{}
	o := &office{}
	o.Board = board.New(board.Options{Epoch: "e1", Grace: time.Hour, NewID: func(kind string) string { ids++; return fmt.Sprint(kind, "_", ids) }})
	o.Committer = line.NewCommitter(o.Board, s, 0, func() string { epochs++; return fmt.Sprint("e", epochs) }, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { o.Run(ctx) })
	o.end = func() { cancel(); running.Wait() }
	return o
}

// well checks that the store has all that is shown, and says so.
func (o *office) well(t *testing.T, s *stone, epoch string) {
	t.Helper()
	_, cursor := o.Snapshot("")
	if _, last := s.asked(); o.Problem() != nil || !o.Durable() || o.Epoch() != epoch || last != epoch {
		t.Errorf("problem %v, durable %v, epoch %s, in the store %s; want %s", o.Problem(), o.Durable(), o.Epoch(), last, epoch)
	}
	if err := o.Wait(t.Context(), cursor.Seq); err != nil {
		t.Errorf("not all is durable: %v", err)
	}
	for i, seq := range s.has() {
		if seq != uint64(i+1) {
			t.Fatalf("seq %d at place %d (D-1)", seq, i)
		}
	}
	if n := uint64(len(s.has())); n != cursor.Seq {
		t.Errorf("the store has %d changes of %d", n, cursor.Seq)
	}
}

// D-2, FLT-07: a commit that was made although it failed is made again, and nothing is lost or refused for ever.
func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &stone{answer: func(n int) (bool, error) {
			if n == 2 {
				return true, errors.New("disk I/O error")
			}
			return true, nil
		}}
		o := openOn(t, s)
		o.ring("1")
		time.Sleep(10 * time.Millisecond) // that it has settled waits for company
		synctest.Wait()
		if o.Problem() == nil || o.Durable() {
			t.Fatal("the failure was not noticed; this proves nothing")
		}
		o.ring("2")
		synctest.Wait()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		o.well(t, s, "e3")
		o.end()
	})
}

// D-2, FLT-07: a disk that hangs for good, past every deadline, keeps no call from popping but the first, and that for two
// seconds; when it goes on, all is given to it.
func TestStoreHangsInTheSystem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &stone{answer: func(int) (bool, error) { <-release; return true, nil }}
		o := openOn(t, s)
		began := time.Now()
		o.ring("1")
		for o.open() == 0 {
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
		}
		if took := time.Since(began); took > 2500*time.Millisecond {
			t.Errorf("the first call has popped after %v", took)
		}
		for i := range 20 {
			o.ring(fmt.Sprint("2", i))
			synctest.Wait()
			if o.open() != i+2 {
				t.Fatalf("call %d does not pop", i)
			}
			time.Sleep(700 * time.Millisecond)
		}
		if tries, _ := s.asked(); tries != 1 {
			t.Errorf("a store that hangs was asked %d times", tries)
		}
		close(release)
		synctest.Wait()
		o.well(t, s, "e3")
		o.end()
	})
}

// A store that hangs for good does not keep the program from ending.
func TestEndWhileStoreHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		o := openOn(t, &stone{answer: func(int) (bool, error) { <-release; return true, nil }})
		o.ring("1")
		time.Sleep(4 * time.Second)
		o.ring("2")
		began := time.Now()
		o.end()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("ended after %v", took)
		}
		close(release)
	})
}

// D-2, FLT-07: while a store that fails is asked again, and is slow to say no, calls do not wait for its answer.
func TestRetryKeepsNoCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var bad atomic.Bool
		bad.Store(true)
		s := &stone{answer: func(int) (bool, error) {
			if bad.Load() {
				time.Sleep(500 * time.Millisecond) // as SQLite waits for a lock
				return false, errors.New("database is locked")
			}
			return true, nil
		}}
		o := openOn(t, s)
		o.ring("1")
		time.Sleep(time.Second)
		for i := range 50 {
			o.ring(fmt.Sprint("2", i))
			synctest.Wait()
			if o.open() != i+2 {
				t.Fatalf("call %d waits", i)
			}
			time.Sleep(90 * time.Millisecond)
		}
		if tries, _ := s.asked(); tries < 3 {
			t.Errorf("the store was asked %d times; this proves nothing", tries)
		}
		bad.Store(false)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		o.well(t, s, "e3")
		o.end()
	})
}

// FLT-07: that the database is gone is noticed when nothing happens, told with what to do, and over without a call too.
func TestUnsoundAtRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var gone atomic.Bool
		s := &stone{answer: func(int) (bool, error) {
			if gone.Load() {
				return false, &telephony.Error{Code: telephony.CodeStore, Message: "the file was deleted", Remedy: "put it back"}
			}
			return true, nil
		}}
		o := openOn(t, s)
		o.ring("1")
		synctest.Wait()
		gone.Store(true)
		watch, err := o.Watch(board.Cursor{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		var told *telephony.Error
		if err := o.Wait(t.Context(), 0); !errors.As(err, &told) || told.Remedy != "put it back" || o.Durable() {
			t.Errorf("a write is told %v, durable %v", err, o.Durable())
		}
		if _, err := watch.Next(1); !errors.Is(err, board.ErrReset) {
			t.Errorf("a watch reads on: %v", err)
		}
		gone.Store(false)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		o.well(t, s, "e3")
		o.end()
	})
}

// B-14: an app that takes 59 s of a minute for every work is waited for, and keeps no other.
func TestSlowApp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		defer o.end()
		slow := o.Register("slow", board.Registration{Needs: []string{"party.number"}, Deadline: time.Minute}, time.Now())
		quick := o.Register("quick", board.Registration{Needs: []string{"party.number"}}, time.Now())
		for i := range 5 {
			o.ring(fmt.Sprint(i))
			synctest.Wait()
			first, other := o.TakeWork(slow, 1, time.Now()), o.TakeWork(quick, 1, time.Now())
			if len(first) != 1 || len(other) != 1 {
				t.Fatalf("call %d: %d and %d works", i, len(first), len(other))
			}
			if _, err := o.Answer("quick", other[0].ID, board.Answer{Claims: []board.NewClaim{{Field: "party.name", Value: "Quick"}}}, time.Now()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			record := first[0].Record.ID
			if r := o.Get(record); r.Value("party.name") != "Quick" || r.Settled != nil {
				t.Errorf("call %d: the quick answer is not shown, or nobody is waited for: %+v", i, r.Settled)
			}
			time.Sleep(59 * time.Second)
			if _, err := o.Answer("slow", first[0].ID, board.Answer{Claims: []board.NewClaim{{Field: "party.company", Value: "Slow"}}}, time.Now()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
			if s := o.Get(record).Settled; s == nil || len(s.Unanswered) > 0 || s.TookMS < 59_000 {
				t.Errorf("call %d has settled as %+v", i, s)
			}
		}
	})
}
