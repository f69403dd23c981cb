package line

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Journal is what a PBX keeps of the calls that are over.
type Journal interface {
	// Calls are those of the line that ended since a time, in the order in which they ended, of more than most the newest. It
	// may block on a disk or a network.
	Calls(ctx context.Context, since time.Time, most int) ([]telephony.PastCall, error)
}

// Memory is what the store has of a line's calls. *store.Store is one. It may block on the disk.
type Memory interface {
	// CallsBetween are the records of calls that began between two times, of more than most the newest.
	CallsBetween(ctx context.Context, line string, from, to time.Time, most int) ([]*board.Record, error)
	// Record is one record, nil if there is none.
	Record(ctx context.Context, id string) (*board.Record, error)
	// SeenUpTo is until when all calls are known, seen or read back; zero: never.
	SeenUpTo(ctx context.Context, line string) (time.Time, error)
	KeepSeenUpTo(ctx context.Context, line string, at time.Time) error
}

// ReadBack says how the calls that nobody saw are read back.
type ReadBack struct {
	Journal   Journal
	Memory    Memory
	Committer *Committer
	Back      time.Duration // so far at most
	Most      int           // calls at one time
	Logger    *slog.Logger
	Again     []time.Duration // after the first time, one after the other; nil: usual
}

const (
	retryReading  = time.Minute
	keepSeenEvery = 10 * time.Minute
	mostCompared  = 10_000
	longestCall   = 24 * time.Hour
	atOnce        = 50 // calls that are put on the board before the disk is waited for
)

// usual: a PBX may write its records some minutes after a call (batch=yes in cdr.conf: five).
var usual = []time.Duration{time.Minute, 5 * time.Minute}

// sight is how a line sees its PBX.
type sight struct {
	since time.Time // up: when the PBX had told all that goes on
	lost  time.Time // when it was last lost
	up    bool
}

// see notes whether the PBX is seen. l.mu is held.
func (l *Line) see(o telephony.Observation) {
	switch o.Fact.(type) {
	case telephony.Snapshot:
		if l.sight.up {
			return
		}
		l.sight.up, l.sight.since = true, o.ObservedAt
	case telephony.LinkLost:
		if !l.sight.up {
			return
		}
		l.sight.up, l.sight.lost = false, o.ObservedAt
	default:
		return
	}
	select {
	case l.sighted <- struct{}{}:
	default:
	}
}

// ReadBack reads back what was not seen, until ctx ends: each time the PBX is seen again, and some time later once more. Live
// calls do not wait for it.
func (l *Line) ReadBack(ctx context.Context, o ReadBack) {
	if o.Again == nil {
		o.Again = usual
	}
	r := &reader{ReadBack: o, line: l}
	known, err := o.Memory.SeenUpTo(ctx, l.Name())
	if err != nil {
		o.Logger.Error("calls that were made while Callboard was off are read back as far as possible", "error", err)
	}
	r.known = known
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	for {
		select {
		case <-ctx.Done():
			r.lost(context.WithoutCancel(ctx), time.Now())
			return
		case <-l.sighted:
			l.mu.Lock()
			now := l.sight
			l.mu.Unlock()
			if !now.up || !now.since.Equal(r.up) {
				r.lost(ctx, now.lost)
			}
			switch {
			case !now.up:
				timer.Stop()
			case !now.since.Equal(r.up):
				r.up, r.times = now.since, 0
				timer.Reset(0)
			}
		case <-timer.C:
			timer.Reset(r.turn(ctx))
		}
	}
}

// reader reads back for one line. It is used by one goroutine.
type reader struct {
	ReadBack
	line    *Line
	known   time.Time // until when all calls are known
	up      time.Time // since when the PBX is seen
	times   int       // that it was read since
	covered bool      // all before up is read back, so all is known as long as the PBX is seen
	problem string
}

// lost: what comes after a time is not seen.
func (r *reader) lost(ctx context.Context, at time.Time) {
	if r.covered {
		r.keep(ctx, at)
	}
	r.covered = false
}

func (r *reader) keep(ctx context.Context, at time.Time) {
	if !at.After(r.known) {
		return
	}
	r.known = at
	if err := r.Memory.KeepSeenUpTo(ctx, r.line.Name(), at); err != nil {
		r.Logger.Warn("more calls than needed are read back the next time", "error", err)
	}
}

// turn does what is due, and says when the next turn is.
func (r *reader) turn(ctx context.Context) time.Duration {
	if r.covered {
		r.keep(ctx, time.Now())
		return keepSeenEvery
	}
	added, err := r.read(ctx)
	if err != nil {
		if ctx.Err() == nil && err.Error() != r.problem {
			r.problem = err.Error()
			r.Logger.Warn("calls that were made while Callboard was off are missing from the log; it is tried again", "error", err)
		}
		return retryReading
	}
	r.problem = ""
	if added > 0 {
		r.Logger.Info("calls were read back from the PBX's own records", "line", r.line.Name(), "calls", added)
	}
	if r.times < len(r.Again) {
		r.times++
		return r.Again[r.times-1]
	}
	r.covered = true
	r.keep(ctx, time.Now())
	return keepSeenEvery
}

// read takes what ended while the PBX was not seen to the board, and returns how many calls it added. What was on when the PBX was
// seen again was seen.
func (r *reader) read(ctx context.Context) (int, error) {
	since := r.up.Add(-r.Back)
	if r.known.Add(-clocks).After(since) {
		since = r.known.Add(-clocks)
	}
	past, err := r.Journal.Calls(ctx, since, r.Most)
	if err != nil {
		return 0, err
	}
	past = slices.DeleteFunc(past, func(p telephony.PastCall) bool { return p.Call.EndedAt.After(r.up.Add(clocks)) })
	if len(past) == 0 {
		return 0, nil
	}
	records, err := r.records(ctx, since.Add(-longestCall))
	if err != nil {
		return 0, err
	}
	found := merge(past, records, Normal(r.line.options.Region))
	added := 0
	for i := range past {
		seq, isNew, err := r.take(ctx, &past[i], found[i])
		if err != nil {
			return added, err
		}
		if isNew {
			added++
		}
		if seq > 0 && (added%atOnce == 0 || i == len(past)-1) {
			if err := r.Committer.Wait(ctx, seq); err != nil {
				return added, err
			}
		}
	}
	return added, nil
}

// records are those of the line's calls since a time, as they are on the board, else as they are stored.
func (r *reader) records(ctx context.Context, since time.Time) ([]*board.Record, error) {
	now := r.line.board.Calls(r.line.Name())
	stored, err := r.Memory.CallsBetween(ctx, r.line.Name(), since, r.up.Add(longestCall), mostCompared)
	if err != nil {
		return nil, err
	}
	here := map[string]bool{}
	var all []*board.Record
	for _, some := range [][]*board.Record{now, stored} {
		for _, record := range some {
			if record.Call != nil && !here[record.ID] && !record.Call.StartedAt.Before(since) {
				here[record.ID] = true
				all = append(all, record)
			}
		}
	}
	return all, nil
}

// take takes a past call to the board: as a new one, as the end of one that was not seen, or not at all.
func (r *reader) take(ctx context.Context, p *telephony.PastCall, record *board.Record) (seq uint64, added bool, err error) {
	here := r.line.board
	if record == nil {
		c := p.Call
		c.ID = telephony.CallID(r.line.options.NewID("call"))
		_, seq = here.ReadBack(r.line.Name(), &c, claims(&c, r.line.options.Region), time.Now())
		return seq, true, nil
	}
	next := amended(record.Call, p)
	if next == nil {
		return 0, false, nil
	}
	seq, done := here.Amend(record.ID, next, time.Now())
	if done {
		return seq, false, nil
	}
	stored, err := r.Memory.Record(ctx, record.ID) // as a whole: what the board has of a record at rest is not all of it
	if err != nil || stored == nil || stored.Call == nil || amended(stored.Call, p) == nil {
		return 0, false, err
	}
	here.Admit(stored)
	seq, _ = here.Amend(record.ID, next, time.Now())
	return seq, false, nil
}
