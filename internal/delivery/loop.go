package delivery

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

const (
	bookmarkEvery    = 15 * time.Second // D-5
	bookmarkFiltered = 1000             // changes in which there was nothing for a reader
	tickEvery        = time.Second
	changesAtOnce    = 256
	blockAtMost      = 64 << 10 // bytes of frames that are written, and at times held, together; one frame may be larger
	worksAtOnce      = 16
	nearHead         = 64 // changes that a reader may be behind for the loop itself to bring it up
)

// Why a stream ends that its reader did not end.
var (
	ErrTokenGone = errors.New("the token was taken away")
	ErrReplaced  = errors.New("a newer stream of this app took over")
	ErrClosing   = errors.New("Callboard ends")
	ErrReset     = errors.New("the store could not take changes: history before this may have been lost")
	ErrTrimmed   = errors.New("the log does not reach back to this cursor any more")
	errGone      = errors.New("the reader went away")
)

// View is how a reader sees changes; readers with equal views get equal bytes. It must be comparable.
type View any

// Frame is one notification as JSON on one line. ID is empty where it is no place in the log.
type Frame struct {
	Kind, ID string
	JSON     []byte
}

// Encoder writes what readers are told. Its methods may be called from several goroutines and must not block.
type Encoder interface {
	// Told is the frame of a change; one without JSON if there is nothing in it for that view.
	Told(t board.Told, v View, epoch string) (Frame, error)
	Bookmark(board.Bookmark) Frame
	Reset(at board.Cursor, why error) Frame
	Work(w *board.Work, v View, now time.Time) (Frame, error)
}

// Log is where changes are that memory does not reach back to. *store.Store is one.
type Log interface {
	Changes(ctx context.Context, after uint64, limit int) ([]*board.Change, error)
}

// Options configure a Loop.
type Options struct {
	Board   *board.Board
	Log     Log
	Encoder Encoder
	Reached func() (seq uint64, problem error) // what is durable, and why no more is
	// Delivered is told what was written in a turn to all that are at the head, if there is anybody, and when. It must not
	// block. May be nil.
	Delivered func(changes []*board.Change, at time.Time)
}

// Loop writes to all readers.
type Loop struct {
	options Options
	wake    chan struct{}   // size one
	head    atomic.Uint64   // the seq up to which readers at the head were told
	held    atomic.Int32    // readers that are about to take a turn by themselves
	running sync.WaitGroup  // goroutines of readers
	closing context.Context // ends what reads from the store
	close   context.CancelFunc
	inbox   inbox

	mu      sync.Mutex // guards the rest; held for a turn, which waits for nothing
	watch   *board.Watch
	groups  map[groupKey]*group
	early   []*Reader // not in a group yet
	owing   []*Reader // replies of theirs wait for a commit
	flushes []*Reader // have something of their own to be written in this turn
}

// inbox is what others tell the loop. Its lock is the innermost of all.
type inbox struct {
	mu      sync.Mutex // guards the rest
	readers map[*Reader]struct{}
	ended   bool
	news
}

// news is what came into the inbox since the last turn.
type news struct {
	joins   []*Reader // that are at the head, or near
	works   []*Reader // for whom there may be work
	owing   []*Reader // replies of theirs wait for a commit
	stuck   []*Reader // that did not take all of a reply
	endings []ending
}

type ending struct {
	reader *Reader
	why    error
}

// New returns a loop; readers may be opened at once.
func New(o Options) *Loop {
	l := &Loop{options: o, wake: make(chan struct{}, 1), groups: map[groupKey]*group{}}
	l.closing, l.close = context.WithCancel(context.Background())
	l.inbox.readers = map[*Reader]struct{}{}
	l.follow()
	return l
}

// follow begins to read the log at its head.
func (l *Loop) follow() {
	w, err := l.options.Board.Watch(board.Cursor{})
	if err != nil {
		panic(err) // from now on one can always watch
	}
	l.watch = w
	l.head.Store(w.Cursor().Seq)
}

// Wake lets the loop see what is new: call it when changes were shown or the store stands otherwise. It never blocks.
func (l *Loop) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run writes until ctx ends. Then all streams end, and it returns when that is done.
func (l *Loop) Run(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.wake:
			l.turn(time.Now())
		case now := <-tick.C:
			l.bookmarks(now)
		case <-ctx.Done():
			l.close()
			l.post(func(i *inbox) { i.ended = true })
			l.End(func(*Reader) bool { return true }, ErrClosing)
			l.turn(time.Now())
			l.running.Wait()
			return
		}
	}
}

// End ends the streams that are meant; they are told why.
func (l *Loop) End(meant func(*Reader) bool, why error) {
	l.post(func(i *inbox) {
		for r := range i.readers {
			if meant(r) {
				i.endings = append(i.endings, ending{r, why})
			}
		}
	})
}

// Streams is how many there are, and how many of them are parked.
func (l *Loop) Streams() (open, parked int) {
	l.inbox.mu.Lock()
	defer l.inbox.mu.Unlock()
	for r := range l.inbox.readers {
		if r.parked.Load() {
			parked++
		}
	}
	return len(l.inbox.readers), parked
}

// Lag is how many changes have not been read for the parked stream that is furthest behind.
func (l *Loop) Lag() (most uint64) {
	head := l.head.Load()
	l.inbox.mu.Lock()
	defer l.inbox.mu.Unlock()
	for r := range l.inbox.readers {
		if r.parked.Load() {
			most = max(most, head-min(head, r.place.Load()))
		}
	}
	return most
}

// post puts something into the inbox and wakes the loop.
func (l *Loop) post(put func(*inbox)) {
	l.inbox.mu.Lock()
	put(&l.inbox)
	l.inbox.mu.Unlock()
	l.Wake()
}

// postSoon is post, where somebody is about to take a turn anyhow.
func (l *Loop) postSoon(put func(*inbox)) {
	l.inbox.mu.Lock()
	put(&l.inbox)
	l.inbox.mu.Unlock()
	if l.held.Load() == 0 {
		l.Wake()
	}
}

// turnHere takes a turn on the caller's goroutine, unless one is being taken.
func (l *Loop) turnHere() {
	if !l.mu.TryLock() {
		l.Wake()
		return
	}
	defer l.mu.Unlock()
	l.turnLocked(time.Now())
}

func (i *inbox) take() news {
	i.mu.Lock()
	defer i.mu.Unlock()
	taken := i.news
	i.news = news{}
	return taken
}

// turn tells what is new since the last one.
func (l *Loop) turn(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turnLocked(now)
}

func (l *Loop) turnLocked(now time.Time) {
	in := l.inbox.take()
	for _, e := range in.endings {
		l.drop(e.reader)
		e.reader.end(e.why)
	}
	for _, r := range in.stuck {
		l.park(r)
	}
	changes := l.changes()
	l.owing = append(l.owing, in.owing...)
	l.replies()
	for _, r := range in.works {
		l.works(r, now)
	}
	l.tell(changes)
	l.early = append(l.early, in.joins...)
	l.admit(now)
	l.flush()
	if len(changes) == changesAtOnce {
		l.Wake()
	}
}

// changes are the next ones.
func (l *Loop) changes() []*board.Change {
	changes, err := l.watch.Next(changesAtOnce)
	if err == nil {
		return changes
	}
	for _, g := range l.groups {
		for len(g.readers) > 0 {
			r := g.readers[0]
			if l.drop(r); errors.Is(err, board.ErrReset) {
				r.reset(ErrReset)
			} else { // the loop itself is behind what memory holds: all go on from the store
				r.park(l.watch.Cursor().Seq)
			}
		}
	}
	l.follow()
	return nil
}

// replies lets those go that tell of what is durable now.
func (l *Loop) replies() {
	if len(l.owing) == 0 {
		return
	}
	reached, problem := l.options.Reached()
	l.owing = slices.DeleteFunc(l.owing, func(r *Reader) bool {
		l.flushes = append(l.flushes, r)
		return r.settle(reached, problem)
	})
}

// works hands out what is due to a reader that is at the head; another is asked when it has come there.
func (l *Loop) works(r *Reader, now time.Time) {
	if r.group == nil || r.enricher == nil {
		return
	}
	for _, w := range l.options.Board.TakeWork(r.enricher, worksAtOnce, now) {
		frame, err := l.options.Encoder.Work(w, r.View, now)
		if err != nil {
			panic(err) // what came from JSON goes to JSON
		}
		r.owe(frame)
	}
	l.flushes = append(l.flushes, r)
}

// tell writes the changes to all at the head, with what is their own in the same write.
func (l *Loop) tell(changes []*board.Change) {
	if len(changes) == 0 {
		return
	}
	at := l.watch.Cursor()
	for _, g := range l.groups {
		g.tell(l, changes, at)
	}
	l.head.Store(at.Seq)
	if l.options.Delivered != nil && len(l.groups) > 0 {
		l.options.Delivered(changes, time.Now())
	}
}

// flush writes what is a reader's own and has not gone with changes: works before replies, for which nobody else waits.
func (l *Loop) flush() {
	for _, r := range slices.Backward(l.flushes) {
		if r.group != nil && !r.push(nil) {
			l.park(r)
		}
	}
	clear(l.flushes)
	l.flushes = l.flushes[:0]
}

// admit lets readers in that are at the head, or near it; the others go on by themselves.
func (l *Loop) admit(now time.Time) {
	waiting := l.early
	l.early = nil
	for _, r := range waiting {
		at, here := r.watch.Cursor(), l.watch.Cursor()
		_, err := r.watch.Next(0)
		switch {
		case r.over():
		case errors.Is(err, board.ErrReset):
			r.reset(ErrReset)
		case at.Epoch != here.Epoch || at.Seq > here.Seq: // it has come after what the loop has read so far
			l.early = append(l.early, r)
			l.Wake()
		case here.Seq-at.Seq > nearHead || err != nil:
			r.park(at.Seq)
		default:
			l.bring(r, now)
		}
	}
}

// bring lets a reader in that is near the head, with what it misses. Where that cannot be, it goes on from its own place: memory may have let go
// of what it misses since it was asked.
func (l *Loop) bring(r *Reader, now time.Time) {
	l.join(r)
	if r.bring(l.watch.Cursor().Seq) {
		l.works(r, now)
		return
	}
	l.drop(r)
	r.park(r.watch.Cursor().Seq)
}

// join puts a reader among those that see alike.
func (l *Loop) join(r *Reader) {
	g := l.groups[r.key]
	if g == nil {
		g = &group{key: r.key, like: r}
		l.groups[r.key] = g
	}
	r.group, r.index = g, len(g.readers)
	g.readers = append(g.readers, r)
	r.settleIn()
}

// drop takes a reader out of its group.
func (l *Loop) drop(r *Reader) {
	g := r.group
	if g == nil {
		return
	}
	last := g.readers[len(g.readers)-1]
	g.readers[r.index], last.index = last, r.index
	g.readers[len(g.readers)-1] = nil
	g.readers = g.readers[:len(g.readers)-1]
	if r.group = nil; len(g.readers) == 0 {
		delete(l.groups, g.key)
	}
}

// park leaves a reader to itself; it has been told, or holds, all up to the loop's own place.
func (l *Loop) park(r *Reader) {
	if r.group != nil {
		l.drop(r)
		r.park(l.watch.Cursor().Seq)
	}
}

// bookmarks tells readers at the head where they are, each every 15 s (D-5).
func (l *Loop) bookmarks(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	mark := l.watch.Bookmark(now)
	for _, g := range l.groups {
		block := g.key.form.append(nil, l.options.Encoder.Bookmark(mark))
		for i := len(g.readers) - 1; i >= 0; i-- {
			if r := g.readers[i]; !now.Before(r.marks) {
				r.marks = now.Add(bookmarkEvery)
				if !r.push(block) {
					l.park(r)
				}
			}
		}
	}
}
