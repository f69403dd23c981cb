package line_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/line"
	"github.com/callboard-dev/callboard/internal/telephony"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ledger is a store in memory that fails or hangs when told to.
type ledger struct {
	mu      sync.Mutex
	fail    error
	hang    bool
	slow    time.Duration
	commits [][]*board.Change
	epochs  []string
	tries   int
}

func (l *ledger) set(fail error, hang bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail, l.hang = fail, hang
}

func (l *ledger) Commit(ctx context.Context, epoch string, batch []*board.Change) error {
	l.mu.Lock()
	fail, hang, slow := l.fail, l.hang, l.slow
	l.tries++
	l.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if slow > 0 {
		time.Sleep(slow) // in a bubble
	}
	if fail != nil {
		return fail
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commits, l.epochs = append(l.commits, slices.Clone(batch)), append(l.epochs, epoch)
	return nil
}

func (l *ledger) seqs() (all []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, batch := range l.commits {
		for _, c := range batch {
			all = append(all, c.Seq)
		}
	}
	return all
}

// office is a board with a running committer.
type office struct {
	*board.Board
	*line.Committer
	store *ledger
	end   func()
}

func open(t *testing.T) *office {
	t.Helper()
	ids, epochs := 0, 1
	o := &office{store: &ledger{}}
	o.Board = board.New(board.Options{Epoch: "e1", Grace: time.Hour, NewID: func(kind string) string { ids++; return fmt.Sprint(kind, "_", ids) }})
	o.Committer = line.NewCommitter(o.Board, o.store, 0, func() string { epochs++; return fmt.Sprint("e", epochs) }, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { o.Run(ctx) })
	o.end = func() { cancel(); running.Wait() }
	return o
}

func (o *office) ring(id string) {
	call := &telephony.Call{ID: telephony.CallID(id), State: telephony.Ringing, StartedAt: time.Now()}
	o.Call("desk", []telephony.Change{{Kind: telephony.CallCreated, At: time.Now(), Call: call}}, []board.NewClaim{{Field: "party.number", Value: "+45" + id}})
}

func (o *office) open() int {
	list, _ := o.Snapshot(board.Open)
	return len(list)
}

// D-2: what is shown is durable, in one order without holes; what comes during a commit forms the next batch.
func TestGroupCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		o.store.slow = 10 * time.Millisecond
		o.ring("1")
		synctest.Wait()
		for i := range 50 {
			o.ring(fmt.Sprint("1", i))
		}
		if o.open() != 0 {
			t.Error("shown before it was durable")
		}
		time.Sleep(15 * time.Millisecond)
		synctest.Wait()
		if o.open() != 1 {
			t.Errorf("%d records are shown after the first commit, want 1", o.open())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if o.open() != 51 || len(o.store.commits) > 4 {
			t.Errorf("%d records in %d commits, want 51 in few", o.open(), len(o.store.commits))
		}
		o.end()
		for i, seq := range o.store.seqs() {
			if seq != uint64(i+1) {
				t.Fatalf("D-1: seq %d at place %d", seq, i)
			}
		}
	})
}

// D-2: a write is acknowledged when it is durable, not before.
func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		defer o.end()
		o.store.slow = 10 * time.Millisecond
		if err := o.Wait(t.Context(), 0); err != nil {
			t.Errorf("a store that is well: %v", err)
		}
		o.ring("1")
		start := time.Now()
		if err := o.Wait(t.Context(), 2); err != nil || time.Since(start) != 10*time.Millisecond {
			t.Errorf("waited %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := o.Wait(ctx, 1000); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a seq that never comes: %v", err)
		}
	})
}

// D-2: while the store fails, calls pop at once from memory and writes are refused; when it recovers it is given all that
// it missed, and another epoch begins once more: who lists again sees that all is durable.
func TestStoreFailsAndRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		o.ring("1")
		synctest.Wait()
		before := len(o.store.seqs())
		watch, err := o.Watch(board.Cursor{})
		if err != nil {
			t.Fatal(err)
		}
		full := errors.New("disk full")
		o.store.set(full, false)
		o.ring("2")
		synctest.Wait()
		if o.open() != 2 || o.Durable() || !errors.Is(o.Problem(), full) || o.Epoch() != "e2" {
			t.Errorf("%d records, durable %v, problem %v, epoch %s", o.open(), o.Durable(), o.Problem(), o.Epoch())
		}
		if _, err := watch.Next(10); !errors.Is(err, board.ErrReset) {
			t.Errorf("the watch reads on: %v", err)
		}
		var told *telephony.Error
		if err := o.Wait(t.Context(), uint64(before+1)); !errors.As(err, &told) || told.Code != telephony.CodeStore || told.Remedy == "" {
			t.Errorf("a write that is not durable: %v", err)
		}
		if err := o.Wait(t.Context(), uint64(before)); err != nil {
			t.Errorf("a write that was durable before: %v", err)
		}
		tries := o.store.tries
		for i := range 20 {
			o.ring(fmt.Sprint("3", i))
			synctest.Wait()
			if o.open() != i+3 {
				t.Fatalf("call %d does not pop", i)
			}
		}
		if o.store.tries > tries+1 {
			t.Errorf("the store was tried %d times for 20 calls", o.store.tries-tries)
		}
		o.store.set(nil, false)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if o.Problem() != nil || !o.Durable() || o.Epoch() != "e3" || o.store.epochs[len(o.store.epochs)-1] != "e3" {
			t.Errorf("after its recovery: problem %v, durable %v, epoch %s, stored %v", o.Problem(), o.Durable(), o.Epoch(), o.store.epochs)
		}
		_, cursor := o.Snapshot("")
		degraded, err := o.Watch(board.Cursor{Epoch: "e2", Seq: cursor.Seq})
		if err == nil {
			degraded.Close()
			t.Error("a cursor from when the store failed is still good")
		}
		if err := o.Wait(t.Context(), cursor.Seq); err != nil {
			t.Errorf("what was held is not durable: %v", err)
		}
		o.end()
		for i, seq := range o.store.seqs() {
			if seq != uint64(i+1) {
				t.Fatalf("seq %d at place %d: the held changes were not written whole", seq, i)
			}
		}
	})
}

// A store that hangs counts as failing, and does not keep the program from ending.
func TestStoreHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		o.store.set(nil, true)
		o.ring("1")
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if o.open() != 1 || o.Problem() == nil {
			t.Errorf("%d records, problem %v", o.open(), o.Problem())
		}
		o.ring("2")
		start := time.Now()
		o.end()
		if took := time.Since(start); took > 15*time.Second {
			t.Errorf("ended after %v", took)
		}
	})
}

// Who holds the board commits by itself what it wrote, and what others wrote meanwhile; it is durable and shown when Flush returns.
func TestFlush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		defer o.end()
		o.Hold()
		id, seq := o.OpenLookup("desk", board.SourceUser, []board.NewClaim{{Field: "party.number", Value: "+4512345678"}}, time.Now())
		synctest.Wait()
		if len(o.store.seqs()) > 0 {
			t.Error("it was committed while it was held")
		}
		o.Flush()
		if got := o.store.seqs(); len(got) == 0 || o.Get(id) == nil || o.Wait(t.Context(), seq) != nil {
			t.Errorf("after the flush: %d durable, record %v", len(got), o.Get(id))
		}
		o.Hold()
		o.ring("1") // what the PBX says waits for nobody
		synctest.Wait()
		if o.open() != 2 {
			t.Errorf("%d records while the board is held, want 2", o.open())
		}
		o.Flush()
	})
}

// A flush that hangs keeps nobody else: what the PBX says is shown from memory, and when the store answers at last all is well.
func TestFlushHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		o.store.slow = 10 * time.Second
		o.Hold()
		_, seq := o.OpenLookup("desk", board.SourceUser, []board.NewClaim{{Field: "party.number", Value: "+4512345678"}}, time.Now())
		var flushing sync.WaitGroup
		flushing.Go(o.Flush)
		synctest.Wait()
		o.store.mu.Lock()
		o.store.slow = 0
		o.store.mu.Unlock()
		o.ring("1")
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if o.open() != 2 || o.Problem() == nil || o.Wait(t.Context(), seq) == nil {
			t.Errorf("while it hangs: %d records, problem %v", o.open(), o.Problem())
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if o.Problem() != nil || !o.Durable() || o.Epoch() == "e1" || o.Wait(t.Context(), seq) != nil {
			t.Errorf("after the answer: problem %v, durable %v, epoch %s", o.Problem(), o.Durable(), o.Epoch())
		}
		flushing.Wait()
		o.end()
	})
}

// What is pending when the program ends is made durable, also what showing it brings.
func TestFinalFlush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		o.store.slow = time.Second
		o.ring("1")
		synctest.Wait() // a commit is under way
		o.ring("2")
		o.end()
		if got := len(o.store.seqs()); got != 6 { // two records opened, created and settled
			t.Errorf("%d changes are durable, want 6", got)
		}
		if left := o.Take(); len(left) > 0 || o.Problem() != nil {
			t.Errorf("%d changes are left, problem %v", len(left), o.Problem())
		}
	})
}

// The committer lets the board's time pass: an answer that does not come is not waited for.
func TestTicks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		defer o.end()
		en := o.Register("crm", board.Registration{Needs: []string{"party.number"}}, time.Now())
		o.ring("1")
		synctest.Wait()
		works := o.TakeWork(en, 1, time.Now())
		if len(works) != 1 {
			t.Fatalf("%d works", len(works))
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if s := o.Get(works[0].Record.ID).Settled; s == nil || !slices.Equal(s.Unanswered, []string{"crm"}) {
			t.Errorf("settled %+v", s)
		}
	})
}

// Whatever the store misses, it is given the newest version of every record; a log with holes is of another epoch.
func TestTooMuchHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := open(t)
		o.store.set(errors.New("disk full"), false)
		const early, chatter = 50, 110_000
		for i := range early {
			o.ring(fmt.Sprint(i))
		}
		synctest.Wait()
		list, _ := o.Snapshot("")
		var last board.Written
		for i := range chatter {
			var err error
			if last, err = o.Claim(list[0].ID, board.SourceUser, []board.NewClaim{{Field: "party.name", Value: fmt.Sprint(i)}}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if o.Epoch() != "e4" { // e3 is for when the store is back
			t.Errorf("epoch %s, want another one after the loss", o.Epoch())
		}
		o.store.set(nil, false)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		o.end()
		newest := map[string]*board.Change{}
		n, before := 0, uint64(0)
		for _, batch := range o.store.commits {
			for _, c := range batch {
				newest[c.Record] = c
				if n++; c.Seq <= before {
					t.Fatalf("seq %d after %d", c.Seq, before)
				}
				before = c.Seq
			}
		}
		if n > 100_000 || len(newest) != early {
			t.Errorf("%d changes of %d records reach the store, want %d records", n, len(newest), early)
		}
		for id, c := range newest {
			if r := o.Get(id); c.After != r {
				t.Errorf("record %s is stored at rev %d, shown at %d", id, c.Rev, r.Rev)
			}
		}
		if before < last.Seq {
			t.Errorf("the newest change, %d, was given up: %d", last.Seq, before)
		}
	})
}
