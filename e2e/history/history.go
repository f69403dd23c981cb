// Package history is for tests: it records what clients of a Callboard asked, were answered and were told, over breaks and
// kills, and judges it as etcd's robustness tests do. It knows the wire and the store's log, and nothing in between.
//
// A Recorder is used by many goroutines. A History is judged when its clients have ended; each judge is a function of it
// alone and says what it found, at most a few things. What a judge holds:
//
//   - Watches: ordered, unique in a connection, reliable (no hole), resumable, bookmarked; nothing told that is not in the
//     log of the store, nothing told before it was there, and an id means the same for ever (D-1 to D-5);
//   - Revs: a record's rev grows by one with each change (D-1);
//   - Writes: what was acknowledged is in the log by the next kill, what was refused is not, nothing is there twice or without
//     having been asked for (D-2);
//   - Atomic: of an answer all is there or nothing (D-3);
//   - Replicas: a list and what was told after it give the later list, also through filters (D-3);
//   - Registers: an exclusive field under If-Match is a linearizable register (B-2);
//   - Commands: one effect at most under one key, and one answer (D-10).
package history

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
)

// Outcome is how a request came out for its client.
type Outcome string

// What a client can know.
const (
	Acked   Outcome = "acked"   // answered with success
	Refused Outcome = "refused" // answered with a problem: it has had no effect
	Failed  Outcome = "failed"  // of a command: answered with a problem, and it may have had an effect
	Unknown Outcome = "unknown" // the connection broke, or the answer says that nobody knows
)

// Request is one that a client sent.
type Request struct {
	Life    int // between which kills: from 0
	Client  string
	Op      string // note, claim, lookup, answer, read, swap, dial
	Record  string
	Key     string        // of a command: its Idempotency-Key
	Seen    string        // of a swap: the value that was read at the rev it names
	Effects []Effect      // what is in the log if it was done, all of it or nothing
	Sent    time.Duration // since the history began
	Done    time.Duration // of an unknown outcome: when the client gave up
	Outcome Outcome       //
	Status  int           // 0: there was no answer
	Code    string        // of a problem
	Rev     int64         // of the record, as it was answered
	Value   string        // of a read: what was shown; of a refused swap: what is there; of a command: its answer
}

// Effect is a note or a claim of a value that nobody else writes.
type Effect struct {
	Field string // empty: a note
	Value string
}

// Frame is one that was told on a stream.
type Frame struct {
	ID, Type, Subject string
	Rev               int64
	Data              json.RawMessage
}

// View is what a stream or list was opened for. The zero View sees all.
type View struct {
	Calls []string // states of the call
	Shown bool     // without include=claims
}

// Stream is one connection.
type Stream struct {
	Life   int
	Client string
	View   View
	From   string // the cursor; empty: from now
	Frames []Frame
	Status int    // of a refusal
	End    string // why it ended
}

// Listing is a list of records as it was answered.
type Listing struct {
	Life    int
	Client  string
	View    View
	Cursor  string
	Records []api.Record
}

// History is all that is known of a store and its clients, from its beginning.
type History struct {
	Requests []Request
	Streams  []*Stream
	Listings []Listing

	Epoch string
	Log   []*board.Change // of the store, from seq 1
	Ends  []uint64        // by life: the seq at which the log ended when it was killed
	Told  map[string]int  // by number: how often the PBX was told to call it
}

// Recorder collects a History.
type Recorder struct {
	began time.Time

	mu   sync.Mutex // guards the rest
	life int
	h    History
}

// NewRecorder returns an empty one.
func NewRecorder() *Recorder {
	return &Recorder{began: time.Now(), h: History{Told: map[string]int{}}}
}

// Now is the time since it began, on the monotonic clock.
func (r *Recorder) Now() time.Duration { return time.Since(r.began) }

// Life is how many kills there were.
func (r *Recorder) Life() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.life
}

// Request keeps one that is over.
func (r *Recorder) Request(q Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.Requests = append(r.h.Requests, q)
}

// Stream keeps one that has ended.
func (r *Recorder) Stream(s *Stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.Streams = append(r.h.Streams, s)
}

// List keeps a listing.
func (r *Recorder) List(l Listing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.Listings = append(r.h.Listings, l)
}

// Dialed counts that the PBX was told to call a number.
func (r *Recorder) Dialed(number string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.Told[number]++
}

// Killed takes what the store's log has after a kill beyond what is known of it: a new life begins.
func (r *Recorder) Killed(epoch string, more []*board.Change) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.h.Epoch != "" && r.h.Epoch != epoch {
		return fmt.Errorf("the epoch was %s and is %s: a kill loses no history", r.h.Epoch, epoch)
	}
	r.h.Epoch = epoch
	r.h.Log = append(r.h.Log, more...)
	r.h.Ends = append(r.h.Ends, uint64(len(r.h.Log)))
	r.life++
	return nil
}

// History is all that was kept until now. The recorder must be at rest.
func (r *Recorder) History() *History {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.h
	return &h
}

// Judge is every judge's word; none: the history is as it must be.
func (h *History) Judge() []error {
	var all []error
	for _, judge := range []func(*History) []error{Logged, Watches, Revs, Writes, Atomic, Replicas, Registers, Commands} {
		all = append(all, judge(h)...)
	}
	return all
}

// enough bounds what one judge says.
const enough = 5

type findings []error

func (f *findings) add(format string, args ...any) {
	if len(*f) < enough {
		*f = append(*f, fmt.Errorf(format, args...))
	}
}

// seqOf is the seq of a cursor of the history's epoch.
func (h *History) seqOf(cursor string) (uint64, bool) {
	epoch, number, _ := strings.Cut(cursor, ":")
	seq, err := strconv.ParseUint(number, 10, 64)
	return seq, err == nil && epoch == h.Epoch
}

// end is where the log ended when a life did; the last one may still be going on.
func (h *History) end(life int) uint64 {
	if life < len(h.Ends) {
		return h.Ends[life]
	}
	return uint64(len(h.Log))
}

// in reports whether a view sees records that stand so.
func (v View) in(s board.Standing) bool {
	if s.State == "" {
		return false
	}
	if slices.Contains(v.Calls, string(s.Call)) {
		return true
	}
	return len(v.Calls) == 0
}

// tells is the kind of frame that a change is to a view; empty: none.
func (v View) tells(c *board.Change) string {
	if c.Record == "" {
		return c.Kind
	}
	was := c.Is
	if c.Was != nil {
		was = *c.Was
	}
	switch {
	case v.in(was) && !v.in(c.Is):
		return string(api.NotificationTypeRecordRemoved)
	case !v.in(c.Is):
		return ""
	case !v.in(was) && was.State != "":
		return string(api.NotificationTypeRecordAdded)
	case v.Shown && c.Kind == board.RecordChanged && len(c.Shown) == 0 && c.Nothing == nil:
		return ""
	}
	return c.Kind
}
