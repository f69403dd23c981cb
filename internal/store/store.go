// Package store keeps records, the change log, the apps that were let in, and what is to be delivered to webhooks.
//
// One writer: Commit is called by the board's committer alone and makes a whole batch durable or nothing (WAL,
// synchronous=FULL: an acknowledged write survives kill -9 and power loss). Reads may come from any goroutine and see only
// what is committed. Every method may block on the disk and none is called with a lock held.
package store

import (
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// Loaded is what a board begins with.
type Loaded struct {
	Epoch   string
	Seq     uint64          // of the newest change
	Oldest  uint64          // the earliest cursor that can still be resumed from
	Records []*board.Record // those that are open, and the newest of the closed ones
	Tail    []*board.Change // the newest changes, in order
	Bars    []*board.Change // those of the log that say which apps are barred from what, in order
	SeenAt  time.Time       // when the newest change was made; zero in a new store
}

// The log reaches back at least this far (D-8).
const (
	keepChanges = 100_000
	keepFor     = 24 * time.Hour
)
