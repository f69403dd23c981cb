package delivery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

const (
	stuckAfter = 60 * time.Second // a reader that takes no byte for so long is cut (D-7)
	closeTime  = time.Second / 2  // how long a peer has to close its half; a token that is taken away ends its streams in a second (SEC-21)
	owedAtMost = 64 << 10         // bytes of replies that wait for a socket: beyond it no more is read from there
	acksAtMost = 256              // replies that wait for a commit, likewise
	writeAtOne = 16 << 10         // bytes that must go within stuckAfter
)

// Asked is what a reader asks for.
type Asked struct {
	Source   string // whose stream it is
	From     board.Cursor
	Filter   board.Filter
	View     View // also of the works that it is handed
	Coalesce bool // when behind: the newest state of each record in place of its changes (D-7)
	Form     Form
}

// lane is who writes to a reader's socket.
type lane int

const (
	starting lane = iota
	atHead        // the loop
	parked        // a goroutine of the reader's own
	joining       // nobody: it waits for the loop
	ended
)

// Reader is one stream.
type Reader struct {
	Asked
	loop     *Loop
	key      groupKey
	watch    *board.Watch    // its place: used by the loop, or by its own goroutine while it is parked
	enricher *board.Enricher // nil: it only watches
	parked   atomic.Bool     // for counting
	place    atomic.Uint64   // the seq of watch while it is parked, likewise

	group *group // the next three are the loop's
	index int
	marks time.Time // when it is told next where it is

	mu   sync.Mutex // guards the rest
	room sync.Cond  // fewer replies wait
	conn socket
	lane lane
	rest []byte // what the socket has not taken
	owed []byte // frames of its own that have not been written
	acks []ack
}

// ack is a reply that waits until all up to seq is durable.
type ack struct {
	seq    uint64
	json   []byte
	refuse func(error) []byte
}

// Open makes a stream from a cursor. The error says why that cannot be (D-6). Begin it, or End it.
func (l *Loop) Open(ctx context.Context, a Asked) (*Reader, error) {
	watch, err := l.options.Board.WatchOnly(a.From, a.Filter)
	if err != nil {
		return nil, err
	}
	r := &Reader{Asked: a, loop: l, watch: watch, key: groupKey{a.View, fmt.Sprintf("%#v", a.Filter), a.Form}}
	r.room.L = &r.mu
	return r, r.reachable(ctx)
}

// reachable asks the store, where memory does not reach back to the cursor, whether it does: it may have been trimmed.
func (r *Reader) reachable(ctx context.Context) error {
	if _, err := r.watch.Next(0); !errors.Is(err, board.ErrBehind) {
		return nil // what else is wrong, the stream itself says
	}
	next, err := r.loop.options.Log.Changes(ctx, r.watch.Cursor().Seq, 1)
	if err == nil && len(next) > 0 && next[0].Seq != r.watch.Cursor().Seq+1 {
		err = ErrTrimmed
	}
	return err
}

// Enrich makes the stream an enricher's: it is handed work. Call it before Begin.
func (r *Reader) Enrich(reg board.Registration, now time.Time) {
	r.enricher = r.loop.options.Board.RegisterHooked(r.Source, reg, board.Hooks{
		Woken:    func() { r.loop.postSoon(func(i *inbox) { i.works = append(i.works, r) }) },
		Replaced: func() { r.loop.post(func(i *inbox) { i.endings = append(i.endings, ending{r, ErrReplaced}) }) },
	}, now)
}

// Reply is what a message from a reader's peer is answered with. It leaves when all up to Seq is durable; if that cannot be,
// what Refuse makes of the reason does. Seq zero waits for nothing.
type Reply struct {
	JSON   []byte
	Seq    uint64
	Refuse func(error) []byte
}

// Receiver takes what the peer of a WebSocket sends. Its methods are called from one goroutine at a time for each peer.
type Receiver interface {
	// Begin is called before messages that were read together, and End after them.
	Begin()
	Received(message []byte) Reply
	End()
}

// Begin writes the head of the answer and the first bookmark, and follows the log from then on, until End or until the peer
// ends it. The connection is the reader's from now on. early is what was read from the connection already.
func (r *Reader) Begin(conn net.Conn, head, early []byte, receiver Receiver) {
	r.conn = newSocket(conn)
	r.marks = time.Now().Add(bookmarkEvery)
	first := r.Form.append(head, r.loop.options.Encoder.Bookmark(r.watch.Bookmark(time.Now())))
	gone := r.write(first)
	r.loop.inbox.mu.Lock()
	if r.loop.inbox.ended && gone == nil {
		gone = ErrClosing
	}
	if gone == nil {
		r.loop.inbox.readers[r] = struct{}{}
		r.loop.running.Add(1)
	}
	r.loop.inbox.mu.Unlock()
	if gone != nil {
		r.end(gone)
		r.conn.Close()
		return
	}
	go func() {
		defer r.loop.running.Done()
		err := r.read(early, receiver)
		r.loop.post(func(i *inbox) {
			delete(i.readers, r)
			i.endings = append(i.endings, ending{r, err})
		})
		r.end(err)
		r.drain()
		r.conn.Close()
	}()
	r.loop.post(func(i *inbox) { i.joins = append(i.joins, r) })
}

// Cancel ends a stream that was not begun.
func (r *Reader) Cancel() { r.end(errGone) }

// end ends the stream, once. A peer that reads is told why, and has a moment to close its half; the goroutine that reads from
// it sees that to its end.
func (r *Reader) end(why error) {
	r.mu.Lock()
	before := r.lane
	r.lane = ended
	if before == ended {
		r.mu.Unlock()
		return
	}
	r.room.Broadcast()
	if r.conn != nil {
		whole := before != parked && len(r.rest) == 0
		if last := r.Form.ending(why); whole && last != nil {
			n, err := r.conn.Try(last)
			whole = err == nil && n == len(last)
		}
		if whole {
			r.conn.SetReadDeadline(time.Now().Add(closeTime))
			whole = r.conn.CloseWrite() == nil
		}
		if !whole {
			r.conn.Close()
		}
	}
	r.mu.Unlock()
	r.watch.Close()
	if r.enricher != nil {
		r.loop.options.Board.Unregister(r.enricher, time.Now())
	}
}

func (r *Reader) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lane == ended
}

// settleIn makes the loop the one that writes.
func (r *Reader) settleIn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lane != ended {
		r.lane = atHead
	}
	r.parked.Store(false)
}

// push writes a block, and what is the reader's own behind it, without waiting. It reports false if the reader must go on by
// itself; what is left over is kept for that.
func (r *Reader) push(block []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lane != atHead {
		return r.lane == ended // its end is on its way
	}
	if len(r.rest) > 0 {
		r.rest = append(r.rest[:len(r.rest):len(r.rest)], block...)
		return false
	}
	return r.try(block)
}

// try writes what the socket takes. r.mu is held, and there is no rest.
func (r *Reader) try(block []byte) bool {
	if len(r.owed) > 0 {
		block = append(block[:len(block):len(block)], r.owed...)
		r.owed = nil
		r.room.Broadcast()
	}
	if len(block) == 0 {
		return true
	}
	n, err := r.conn.Try(block)
	if err != nil {
		r.conn.Close() // whoever reads from it sees that
		return true
	}
	if n < len(block) {
		r.rest = block[n:]
		return false
	}
	return true
}

// owe puts a frame behind those that are to be written to this reader alone.
func (r *Reader) owe(f Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.owed = r.Form.append(r.owed, f)
}

// reply answers a message. It waits while too many replies have not gone: then no more is read.
func (r *Reader) reply(reply Reply) {
	if reply.JSON == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.lane != ended && (len(r.owed) > owedAtMost || len(r.acks) >= acksAtMost) {
		r.room.Wait()
	}
	if reply.Seq > 0 || len(r.acks) > 0 {
		r.acks = append(r.acks, ack{reply.Seq, reply.JSON, reply.Refuse})
		if len(r.acks) == 1 {
			r.loop.postSoon(func(i *inbox) { i.owing = append(i.owing, r) })
		}
		return
	}
	r.sendLocked(r.Form.append(nil, Frame{JSON: reply.JSON}))
}

// sendLocked writes bytes of the reader's own, at once where nobody else is writing. r.mu is held.
func (r *Reader) sendLocked(bytes []byte) {
	r.owed = append(r.owed, bytes...)
	if (r.lane == atHead || r.lane == joining) && len(r.rest) == 0 && !r.try(nil) {
		r.loop.post(func(i *inbox) { i.stuck = append(i.stuck, r) })
	}
}

// settle moves the replies that can go to those to be written. It reports whether none waits any more.
func (r *Reader) settle(reached uint64, problem error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for ; n < len(r.acks); n++ {
		a := r.acks[n]
		if a.seq > reached {
			if problem == nil {
				break
			}
			a.json = a.refuse(problem)
		}
		r.owed = r.Form.append(r.owed, Frame{JSON: a.json})
	}
	if r.acks = append(r.acks[:0], r.acks[n:]...); len(r.acks) == 0 {
		r.acks = nil
	}
	r.room.Broadcast()
	return len(r.acks) == 0 || r.lane == ended
}
