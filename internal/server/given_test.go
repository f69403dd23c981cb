package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callboard-dev/callboard/api"
)

// TestOnceWithoutDisk: on a full disk nobody is called that could be called twice, and nothing else is done twice either.
func TestOnceWithoutDisk(t *testing.T) {
	t.Parallel()
	pbx := &desk{}
	h := open(t, phoned(pbx), func(p *plan) { p.server.Store = fullDisk{p.server.Store} })
	call, record := h.ring("2025550143", "Bob")
	call.answer()
	second, other := h.ring("2025550188", "Eve")
	second.answer()
	path := "/v1/records/" + record + "/commands"
	for _, command := range []api.Command{{Command: "transfer", To: "1002"}, {Command: "consult", To: "1002"}} {
		h.refused(http.StatusInsufficientStorage, "store_unavailable", "POST", path, h.user, command, "Idempotency-Key: same-key-1")
	}
	for range 3 {
		h.want(http.StatusOK, nil, "POST", path, h.user, api.Command{Command: "join", Record: other}, "Idempotency-Key: same-key-2")
	}
	h.refused(http.StatusUnprocessableEntity, "idempotency_key_reused", "POST", path, h.user, api.Command{Command: "hangup"}, "Idempotency-Key: same-key-2")
	if got := pbx.heard(); !slices.Equal(got, []string{"join trunk-1 trunk-2"}) {
		t.Errorf("the PBX heard %q", got)
	}
}

// fillsUp takes that a command is begun, and how it came out only while it has space.
type fillsUp struct {
	Store
	full atomic.Bool
}

func (f *fillsUp) EndCommand(ctx context.Context, source, key string, status int, answer []byte) error {
	if f.full.Load() {
		return errors.New("disk full")
	}
	return f.Store.EndCommand(ctx, source, key, status, answer)
}

func (f *fillsUp) DropCommand(ctx context.Context, source, key string) error {
	if f.full.Load() {
		return errors.New("disk full")
	}
	return f.Store.DropCommand(ctx, source, key)
}

// TestOutcomeNotKept: what the disk does not take of an outcome is known all the same.
func TestOutcomeNotKept(t *testing.T) {
	t.Parallel()
	pbx, disk := &desk{}, &fillsUp{}
	h := open(t, phoned(pbx), func(p *plan) { disk.Store, p.server.Store = p.server.Store, disk })
	disk.full.Store(true)
	first, again := h.dial(h.user, "1002", "Idempotency-Key: end-fails-1"), h.dial(h.user, "1002", "Idempotency-Key: end-fails-1")
	if first.status != http.StatusCreated || again.status != first.status || string(again.body) != string(first.body) {
		t.Errorf("%d %s, then %d %s", first.status, first.body, again.status, again.body)
	}
	const key = "Idempotency-Key: drop-fails-1"
	h.refused(http.StatusForbidden, "number_denied", "POST", "/v1/calls", h.user, api.Dial{Number: "+4533123456"}, key)
	h.refused(http.StatusInsufficientStorage, "store_unavailable", "POST", "/v1/calls", h.user, api.Dial{Number: "1003"}, key)
	disk.full.Store(false)
	for range 2 {
		h.want(http.StatusCreated, nil, "POST", "/v1/calls", h.user, api.Dial{Number: "1003"}, key)
	}
	if got := pbx.heard(); len(got) != 2 {
		t.Errorf("the PBX heard %q, want two", got)
	}
}

// stalls is a disk that answers nothing until it is let go.
type stalls struct {
	Store
	free chan struct{}
}

func (s stalls) BeginCommand(ctx context.Context, c KnownCommand) (*KnownCommand, error) {
	<-s.free
	return s.Store.BeginCommand(context.WithoutCancel(ctx), c)
}

// TestStalledDisk: a disk that does not answer keeps nobody from hanging up for long, and nothing is dialled.
func TestStalledDisk(t *testing.T) {
	t.Parallel()
	pbx, free := &desk{}, make(chan struct{})
	h := open(t, phoned(pbx), func(p *plan) { p.server.Store = stalls{p.server.Store, free} })
	defer close(free)
	call, record := h.ring("2025550143", "Bob")
	call.answer()
	path := "/v1/records/" + record + "/commands"
	for range 2 {
		h.want(http.StatusOK, nil, "POST", path, h.user, api.Command{Command: "hangup"}, "Idempotency-Key: stalled-1")
	}
	for range 2 { // the second at once
		h.refused(http.StatusInsufficientStorage, "store_unavailable", "POST", "/v1/calls", h.user, api.Dial{Number: "1002"}, "Idempotency-Key: stalled-2")
	}
	if got := pbx.heard(); !slices.Equal(got, []string{"hangup phone-1 normal"}) {
		t.Errorf("the PBX heard %q", got)
	}
}

// ledger is a store of commands in memory.
type ledger struct {
	Store
	begun map[string]bool
}

func (l ledger) BeginCommand(_ context.Context, c KnownCommand) (*KnownCommand, error) {
	if l.begun[c.Key] {
		return &c, nil
	}
	l.begun[c.Key] = true
	return nil, nil
}

func (l ledger) DropCommand(_ context.Context, _, key string) error {
	delete(l.begun, key)
	return nil
}

// TestKeptTooLate: what a disk keeps after its time was not given, so it is forgotten, and its key is good again.
func TestKeptTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, free := ledger{begun: map[string]bool{}}, make(chan struct{})
		s := &Server{options: Options{Store: stalls{l, free}, Logger: slog.New(slog.DiscardHandler)}, given: newGiven()}
		asked, began := KnownCommand{Source: "user", Key: "late-late"}, time.Now()
		if _, err := s.keepBegun(t.Context(), "user late-late", asked); !errors.Is(err, errStalled) || time.Since(began) != keepWithin {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if _, err := s.keepBegun(t.Context(), "user late-late", asked); !errors.Is(err, errStalled) || time.Since(began) != keepWithin {
			t.Errorf("again: %v after %v", err, time.Since(began))
		}
		close(free)
		synctest.Wait()
		if len(l.begun) != 0 {
			t.Error("it is kept that a command was given which was not")
		}
		if before, err := s.keepBegun(t.Context(), "user late-late", asked); before != nil || err != nil {
			t.Errorf("afterwards: %+v, %v", before, err)
		}
	})
}

// TestKnownIsBounded: a disk that is full for long does not fill the memory, and the newest outcomes are known.
func TestKnownIsBounded(t *testing.T) {
	t.Parallel()
	g := newGiven()
	for n := range 3 * knownAtMost {
		g.remember(fmt.Sprint("user ", n), &KnownCommand{Key: fmt.Sprint(n)})
		g.remember(fmt.Sprint("user ", n), nil) // a late answer of the disk takes nothing back
	}
	done, _, _ := g.outcome(fmt.Sprint("user ", 3*knownAtMost-1))
	if len(g.known) != knownAtMost || len(g.order) != knownAtMost || done == nil || !strings.HasPrefix(done.Key, "2999") {
		t.Errorf("%d outcomes in %d places, the newest %+v", len(g.known), len(g.order), done)
	}
	g.forget(fmt.Sprint("user ", 3*knownAtMost-1))
	if len(g.known) != knownAtMost-1 || len(g.order) != knownAtMost-1 {
		t.Errorf("%d outcomes in %d places", len(g.known), len(g.order))
	}
}
