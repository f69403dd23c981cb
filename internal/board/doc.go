// Package board is the shared record of every call: claims, the resolver, lists of items, work and rounds, the change log
// and the watch from it. Its rules have ids (B-1 … B-24, D-1 … D-11) that comments and tests name; docs/board.md has them.
//
// It is pure: no network, no disk, no logging, no clock (every call is told the time), one lock that is held for map work
// only. All methods of a Board may be called from any goroutine and none blocks.
//
// Commit, then show (D-2): a write makes a new version of a record and appends changes to what is pending. Nobody sees
// either until the committer has taken the batch (Take), made it durable and handed it back (Show). Records, fields and
// changes are immutable once shown: they may be read without a lock and must not be written to.
//
// A watch is a cursor into the log, not a queue: a reader that falls behind costs nothing and slows nobody.
//
// Where what is: claims in write.go, and what decides between them in resolve.go; the person's decisions in verdict.go;
// expiry and "nothing found" in expiry.go; items and candidates in item.go. Apps in crew.go, work in work.go and answer.go,
// its fuel in fuel.go and who ran in circles in ward.go. The log in log.go, reading it in watch.go and filter.go. Erasure in
// erase.go and strike.go. Records at rest in rest.go.
package board
