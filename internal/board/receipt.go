package board

import "time"

// Receipt is what is kept of a write that bears an Idempotency-Key (D-10). It goes with the last change that is pending, so it is
// durable in the same transaction as what the write did.
type Receipt struct {
	Source  string
	Key     string   // empty: there is nothing to keep
	Request [32]byte // SHA-256 of what was asked
	At      time.Time

	Written Written
	After   *Record // as the write left it; nil for an erased one
	Carried bool    // by a change; else the write did nothing and nothing was pending: whoever wrote has to keep it

	// Answer is the status and the body of what was answered. It is asked by the committer and by who answers.
	Answer func(r *Receipt) (status int, body []byte)
}

// keep lets a pending change carry the receipts of a write that is just done. b.mu is held.
func (b *Board) keep(receipts []*Receipt, e *entry, done Written) Written {
	for _, r := range receipts {
		if r == nil {
			continue
		}
		r.Written, r.After, r.Carried = done, e.rest.unpacked(e.now, b.words.known()), false
		if last := len(b.journal.pending) - 1; r.Key != "" && last >= 0 {
			c := b.journal.pending[last]
			c.Receipts, r.Carried = append(c.Receipts, r), true
		}
	}
	return done
}
