package server

import (
	"sync"
	"sync/atomic"

	"github.com/callboard-dev/callboard/internal/board"
)

// frames encodes each change once per view and remembers the newest: with a thousand readers of one view a change is
// encoded once, not a thousand times. A change of which a view hides nothing is encoded once for all such views. Two readers
// that meet at an empty place both encode; the bytes are equal.
type frames struct {
	board   *board.Board
	actions actions
	rings   sync.Map // view -> *ring
}

const frameRing = 1024

type ring [frameRing]atomic.Pointer[frame]

type frame struct {
	change *board.Change
	epoch  string
	bytes  []byte
}

func newFrames(b *board.Board, a actions) *frames { return &frames{board: b, actions: a} }

// forget drops what was encoded for views that may be gone, when what apps may read has changed.
func (f *frames) forget() { f.rings.Clear() }

// of returns the JSON of a change for a view, nil if there is nothing in it for that view. Not to be written to.
func (f *frames) of(c *board.Change, v view, epoch string) ([]byte, error) {
	held, ok := f.rings.Load(v)
	if !ok {
		held, _ = f.rings.LoadOrStore(v, new(ring))
	}
	place := &held.(*ring)[c.Seq%frameRing]
	if known := place.Load(); known != nil && known.change == c && known.epoch == epoch {
		return known.bytes, nil
	}
	bytes, err := f.encode(c, v, epoch)
	if err != nil {
		return nil, err
	}
	place.Store(&frame{change: c, epoch: epoch, bytes: bytes})
	return bytes, nil
}

func (f *frames) encode(c *board.Change, v view, epoch string) ([]byte, error) {
	if _, whole := v.sight().change(c); whole && v.reads != "" {
		return f.of(c, view{claims: v.claims}, epoch)
	}
	return notification(c, v, epoch, f.board.Durable(), f.actions)
}
