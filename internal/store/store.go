// Package store keeps records, the change log, the apps that were let in, and what is to be delivered to webhooks.
//
// One writer: Commit is called by the board's committer alone and makes a whole batch durable or nothing: an acknowledged
// write survives kill -9 and power loss. Reads may come from any goroutine and see only what is committed. Every method may
// block on the disk or a server and none is called with a lock held.
//
// What is committed to SQLite stands in a journal first, and the database follows (docs/decisions/0026-the-journal.md).
//
// A store is a file of SQLite or a database of PostgreSQL. The queries are the same, with ? for what is given to them; what
// differs is in the dialect (docs/decisions/0024-postgresql.md).
package store

import (
	"context"
	"database/sql"
	"sync/atomic"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// Store is an open one.
type Store struct {
	dialect *dialect
	inFile          // of SQLite
	address string  // of PostgreSQL, for people
	writer  *sql.DB // one connection
	readers *sql.DB
	earlier *sql.Stmt // of readers
	commit  prepared
	lists   lists // of readers
	saving  saving
	listing listing

	text      []byte // that a commit has encoded
	untrimmed int    // changes since the log was trimmed

	delivered atomic.Int64 // deliveries of webhooks that were kept
}

// dialect is what the two databases do each in their own way.
type dialect struct {
	begin func(ctx context.Context, db *sql.DB) (transaction, error)
	sound func(ctx context.Context, s *Store) error                         // says before a commit if it cannot be
	rest  func(ctx context.Context, s *Store) error                         // when there is nothing to commit
	clean func(ctx context.Context, s *Store, words []string) error         // takes out what an erasure has struck
	tidy  func(ctx context.Context, s *Store) error                         // the same of what went by itself, for which nobody waits
	says  func(ctx context.Context, s *Store, words []string) (bool, error) // reports whether any word is in it
	told  func(s *Store, err error) error                                   // says of a commit that failed why, and what to do; nil: as it is
	ends  bool                                                              // a statement that waits ends with its context
	keeps bool                                                              // the driver keeps by itself what is prepared

	earlier  string    // see Earlier
	call     string    // the call in the body of a record; null: there is none
	indexing [3]string // to add to the full text, change and drop there; empty: the database does so by itself
	syntax   *syntax   // of the full text
}

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
	trimAfter   = 1000 // changes
)

// start is the end of opening: what both databases have in common.
func (s *Store) start(ctx context.Context) (err error) {
	if s.commit, err = s.prepare(ctx); err != nil {
		return err
	}
	if s.earlier, err = s.readers.PrepareContext(ctx, s.dialect.earlier); err != nil {
		return err
	}
	if s.lists, err = s.prepareLists(ctx); err != nil {
		return err
	}
	if err := s.startSaving(ctx); err != nil {
		return err
	}
	return s.startListing(ctx)
}
