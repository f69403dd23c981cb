// Package line is one end user's session: observations of its PBX go through its tracker onto the board, and the committer
// makes durable what is then shown.
//
// Data travels one way: connector -> Observe -> tracker -> board -> Committer -> Show. Observe runs on the goroutine that
// reads the PBX; it does map work only and never waits for the disk or for an app.
package line

import (
	"slices"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/tracker"
)

// Options configure a Line.
type Options struct {
	Name       string // shown to people, and the source of notifications
	Region     string // ISO 3166 code by which numbers without a country code are read, e.g. US
	Extensions []tracker.Extension
	Trunks     []string
	NewID      func(prefix string) string
	PBX        any // the connector: it is asked what it can do (connector.Lacks); nil: nothing
	Policy     Policy
	ShowDialed bool // for a call placed from here the number shown as the caller's is the dialled one
}

// Line is one end user at one PBX.
type Line struct {
	options Options
	board   *board.Board

	urgent chan wish // that goes before those
	wishes chan wish // what the PBX is to be asked; bounded

	mu      sync.Mutex // guards the rest
	tracker *tracker.Tracker
	link    telephony.Link
	calls   map[telephony.CallID]*telephony.Call // those that are live, as last told
	stir    chan struct{}                        // closed and replaced whenever they change
	asked   map[telephony.CallID]map[telephony.LegID]*asked
	sight   sight
	sighted chan struct{} // size one: sight is another
}

// New returns a line that shows its calls on a board. live are its calls that were not over when the program ended, and
// seenAt is when its PBX was last seen then.
func New(o Options, b *board.Board, live []telephony.Call, seenAt time.Time) *Line {
	l := &Line{options: o, board: b, link: telephony.Link{State: telephony.LinkConnecting, Since: time.Now()}, wishes: make(chan wish, mostWaiting), urgent: make(chan wish, mostWaiting),
		calls: map[telephony.CallID]*telephony.Call{}, stir: make(chan struct{}), asked: map[telephony.CallID]map[telephony.LegID]*asked{},
		sighted: make(chan struct{}, 1)}
	l.tracker = tracker.New(tracker.Options{
		Extensions: o.Extensions, Trunks: o.Trunks,
		NewID: func() telephony.CallID { return telephony.CallID(o.NewID("call")) },
	})
	if len(live) > 0 {
		l.tracker.Restore(live, seenAt)
	}
	for i := range live {
		l.calls[live[i].ID] = &live[i]
	}
	return l
}

// Name is what the line is called.
func (l *Line) Name() string { return l.options.Name }

// Extensions are the numbers of the line.
func (l *Line) Extensions() []string {
	var numbers []string
	for _, e := range l.options.Extensions {
		numbers = append(numbers, e.Number)
	}
	return numbers
}

// Link is how the line stands with its PBX.
func (l *Line) Link() telephony.Link {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.link
}

// SetLink takes the state of the link and tells the watchers of its coming and going.
func (l *Line) SetLink(link telephony.Link) {
	l.mu.Lock()
	before := l.link
	l.link = link
	l.mu.Unlock()
	switch {
	case link.State == telephony.LinkConnected:
		l.board.Notice(l.options.Name, telephony.Change{Kind: telephony.PBXConnected, At: link.Since, Link: &link})
	case link.State != telephony.LinkConnecting && (link.State != before.State || link.Problem != before.Problem):
		l.board.Notice(l.options.Name, telephony.Change{Kind: telephony.PBXLost, At: link.Since, Link: &link})
	}
}

// Observe takes one observation to the board. It never blocks on anything but memory.
func (l *Line) Observe(o telephony.Observation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changes := l.tracker.Apply(o)
	for len(changes) > 0 {
		first := changes[0]
		if first.Call == nil {
			l.board.Notice(l.options.Name, first)
			changes = changes[1:]
			continue
		}
		same := slices.IndexFunc(changes, func(c telephony.Change) bool { return c.Call == nil || c.Call.ID != first.Call.ID })
		if same < 0 {
			same = len(changes)
		}
		l.board.Call(l.options.Name, changes[:same], claims(first.Call, l.options.Region))
		_, anew := o.Fact.(telephony.Snapshot)
		l.follow(changes[same-1].Call, anew)
		changes = changes[same:]
	}
	l.see(o)
}

// follow keeps what a command needs to know of the live calls, and wakes whoever waits for one to change. l.mu is held.
func (l *Line) follow(c *telephony.Call, anew bool) {
	l.calls[c.ID] = c
	if c.State == telephony.Ended {
		delete(l.calls, c.ID)
	}
	l.wonder(c, anew)
	close(l.stir)
	l.stir = make(chan struct{})
}

// callOf is the live call that a leg of ours is in; empty: none.
func (l *Line) callOf(leg telephony.LegID) telephony.CallID {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, c := range l.calls {
		if slices.ContainsFunc(c.Views, func(v telephony.View) bool { return v.Leg == leg }) {
			return id
		}
	}
	return ""
}
