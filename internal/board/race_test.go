package board_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Many goroutines at once, for the race detector: a committer, a PBX, people, apps and readers. Every reader sees every
// change once and in order.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	const records, writers, rounds, watchers = 20, 8, 60, 4
	var ids sync.Mutex
	n := 0
	b := board.New(board.Options{Epoch: "e1", NewID: func(kind string) string {
		ids.Lock()
		defer ids.Unlock()
		n++
		return fmt.Sprint(kind, "_", n)
	}})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var committer, readers, others sync.WaitGroup
	written, allShown := make(chan struct{}), make(chan struct{})
	committer.Go(func() { commitUntil(b, written); close(allShown) })
	for range watchers {
		w, err := b.Watch(board.Cursor{})
		if err != nil {
			t.Fatal(err)
		}
		readers.Go(func() { follow(ctx, t, b, w, allShown) })
	}
	others.Go(func() {
		for i := range records {
			call := &telephony.Call{ID: telephony.CallID(fmt.Sprint("c", i)), State: telephony.Ringing}
			for _, kind := range []telephony.ChangeKind{telephony.CallRinging, telephony.CallAnswered} {
				b.Call("desk", []telephony.Change{{Kind: kind, At: time.Now(), Call: call}}, []board.NewClaim{{Field: "party.number", Value: fmt.Sprint("+45", i)}})
			}
		}
	})
	for i := range writers {
		others.Go(func() { enrich(b, fmt.Sprint("app", i), rounds) })
		others.Go(func() {
			for j := range rounds {
				list, _ := b.Snapshot("")
				for _, r := range list {
					_, err := b.Claim(r.ID, "user", []board.NewClaim{{Field: "party.name", Value: fmt.Sprint(i, j)}}, time.Now())
					if err != nil {
						t.Error(err)
					}
					b.Get(r.ID)
				}
				b.Tick(time.Now())
			}
		})
	}
	others.Wait()
	close(written)
	committer.Wait()
	readers.Wait()
}

func commitUntil(b *board.Board, done <-chan struct{}) {
	for {
		select {
		case <-b.Patient():
			b.Signal()
		case <-b.Dirty():
			b.Show(b.Take(), true, time.Now())
		case <-done:
			for batch := b.Take(); len(batch) > 0; batch = b.Take() {
				b.Show(batch, true, time.Now())
			}
			return
		}
	}
}

// enrich is an app that answers what it is given, and comes and goes.
func enrich(b *board.Board, app string, rounds int) {
	en := b.Register(app, board.Registration{Needs: []string{"party.*"}, On: []board.Moment{board.Changed}}, time.Now())
	for i := range rounds {
		for _, w := range b.TakeWork(en, 4, time.Now()) {
			// A work may be lost to a registration meanwhile; that is not what is tested here.
			_, _ = b.Answer(app, w.ID, board.Answer{Claims: []board.NewClaim{{Field: "party.company", Value: fmt.Sprint(app, i)}}}, time.Now())
		}
		if i%20 == 19 {
			b.Unregister(en, time.Now())
			en = b.Register(app, en.Registration, time.Now())
		}
		b.Enrichers()
	}
	b.Unregister(en, time.Now())
}

// follow reads until it has all that was shown.
func follow(ctx context.Context, t *testing.T, b *board.Board, w *board.Watch, allShown <-chan struct{}) {
	defer w.Close()
	last := uint64(0)
	for {
		ended := false
		select {
		case <-allShown:
			ended = true
		case <-w.Woken():
		case <-ctx.Done():
			t.Error(ctx.Err())
			return
		}
		for {
			changes, err := w.Next(64)
			if errors.Is(err, board.ErrBehind) {
				_, cursor := b.Snapshot("") // there is no store here: list again
				last = cursor.Seq
				w.Seek(last)
				continue
			}
			if err != nil {
				t.Error(err)
				return
			}
			for _, c := range changes {
				if c.Seq != last+1 {
					t.Errorf("D-1: seq %d follows %d", c.Seq, last)
				}
				last = c.Seq
			}
			if len(changes) == 0 {
				break
			}
		}
		if _, cursor := b.Snapshot(""); ended && last == cursor.Seq {
			return
		}
	}
}
