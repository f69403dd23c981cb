package server

import (
	"sync/atomic"

	"github.com/callboard-dev/callboard/internal/board"
)

// frames encodes each change once per view and remembers the newest: with a thousand readers of one view a change is
// encoded once, not a thousand times. Two readers that meet at an empty place both encode; the bytes are equal.
type frames struct {
	board   *board.Board
	actions actions
	ring    [views][frameRing]atomic.Pointer[frame]
}

const frameRing = 1024

type frame struct {
	change *board.Change
	epoch  string
	bytes  []byte
}

func newFrames(b *board.Board, a actions) *frames { return &frames{board: b, actions: a} }

// of returns the JSON of a change for a view, nil if there is nothing in it for that view. Not to be written to.
func (f *frames) of(c *board.Change, v view, epoch string) ([]byte, error) {
	place := &f.ring[v][c.Seq%frameRing]
	if held := place.Load(); held != nil && held.change == c && held.epoch == epoch {
		return held.bytes, nil
	}
	bytes, err := notification(c, v, epoch, f.board.Durable(), f.actions)
	if err != nil {
		return nil, err
	}
	place.Store(&frame{change: c, epoch: epoch, bytes: bytes})
	return bytes, nil
}

// forget lets go of all that is encoded: some of it may say what was erased since (SEC-45).
func (f *frames) forget() {
	for v := range f.ring {
		for i := range f.ring[v] {
			f.ring[v][i].Store(nil)
		}
	}
}
