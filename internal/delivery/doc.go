// Package delivery brings what is shown on the board to the sockets of those who follow it, as server-sent events or
// WebSocket frames, and what they write back to whoever takes it.
//
// A reader is a place in the log and a socket; there is no queue and no goroutine for what it is told. One loop, woken once
// per commit, reads the new changes, has them encoded once for all readers that see alike, and writes to each socket without
// ever waiting for one (D-7). A socket that does not take all at once is *parked*: the loop forgets it, and a goroutine of
// its own writes what is left over and goes on from the log, or from the store, until the reader is at the head again. So a
// reader that stands still holds at most one block, slows nobody, and loses nothing. One that takes no byte for a minute is
// cut.
//
// Replies (to an app's frames on a WebSocket) leave once what they tell of is durable (D-2), in the order of the frames, in
// the same write as the changes of that turn. Works are handed out to readers at the head only.
//
// The package knows frames and sockets, not what is in them: an Encoder does. Open, Begin and End may be called from any
// goroutine; Begin writes the head of the answer and may wait for the socket, the others do not block.
package delivery
