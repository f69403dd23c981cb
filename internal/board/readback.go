package board

import (
	"cmp"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// ReadBack puts a call that nobody saw, and that is over, on the board. It joins the lookup that waited for its number when it began
// (B-20); else its record is closed from the beginning: it is told, but no work follows until somebody opens it again (B-23). c.ID must
// be a new one. It may be told to others once the log has been shown up to seq.
func (b *Board) ReadBack(line string, c *telephony.Call, claims []NewClaim, at time.Time) (record string, seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	waited := func(r *Record) bool { return b.waits(r, c.StartedAt) && !r.OpenedAt.After(c.StartedAt) }
	e := b.waiting(line, "party.number", numberOf(claims), waited)
	if e != nil {
		b.joinPast(e, c, claims, at)
	} else {
		e = b.open(line, SourcePBX, FromCall, at, func(r *Record) {
			r.State, r.OpenedAt, r.ClosedAt, r.Call = Closed, c.StartedAt, at, c
			r.Fields = b.initial(claims, SourcePBX, c.EndedAt)
		})
	}
	b.calls[c.ID] = e
	return e.now.ID, b.journal.seq
}

// joinPast lets a call join a lookup as one that is seen does, but in one change: nothing of it goes on. What the PBX says bears the time of
// the call; the grace time, also of a lookup that is open, begins now, for apps are asked now (B-19).
func (b *Board) joinPast(e *entry, c *telephony.Call, claims []NewClaim, at time.Time) {
	from := b.wake(e).newWave()
	next := reopened(e.now, at)
	next.Call = c
	for _, claim := range claims {
		before := next.Fields[claim.Field]
		pin, hidden := before.verdicts()
		if made := b.made(claim, SourcePBX, from, c.EndedAt); made.Value != "" {
			next.Fields[claim.Field] = b.replaced(claim.Field, before, SourcePBX, made, pin, hidden)
		}
	}
	b.openAgain(e, next, from, from.change(RecordJoined, SourcePBX, at))
}

// Amend says how a call came out whose end was not seen, or of which only a part was read back before: all else on its record stays.
// c has the same ID. It does nothing, and reports so, where there is no such record, its call goes on, or all of it was seen.
func (b *Board) Amend(record string, c *telephony.Call, at time.Time) (seq uint64, amended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[record]
	if e == nil || e.now.Call == nil || e.now.Call.ID != c.ID || e.now.Call.State != telephony.Ended || e.now.Call.Complete {
		return 0, false
	}
	from := b.wake(e).newWave()
	next := e.now.clone()
	next.Wave, next.Call = from.wave, c
	made := from.change(string(telephony.CallUpdated), SourcePBX, at)
	made.Call = c
	b.append(e, next, made)
	return b.journal.seq, true
}

// Calls are the records of a line's calls on the board, as they are now: not all of it need have been shown yet. Of one that is
// packed the fields are left away.
func (b *Board) Calls(line string) []*Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []*Record
	for _, e := range b.entries {
		if e.now.Line == line && e.now.Call != nil {
			all = append(all, e.now)
		}
	}
	slices.SortFunc(all, func(a, b *Record) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
