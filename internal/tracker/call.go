package tracker

import (
	"reflect"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// call is the set of views that belong to one conversation, and the legs that they are about.
type call struct {
	id       telephony.CallID
	legs     []*leg
	views    []*view
	complete bool
	told     *telephony.Call // as it was last told
}

// add takes a leg in that is in no call, or in one that has ended.
func (c *call) add(l *leg) {
	if l.current() == nil {
		l.call = c
	}
	if l.call == c && !slices.Contains(c.legs, l) {
		c.legs = append(c.legs, l)
	}
}

// ended reports whether the end was told. A call ends once.
func (c *call) ended() bool { return c.told != nil && c.told.State == telephony.Ended }

// main is the view that matters most: the one that is live, else the one that talked, else the first.
func (c *call) main() *view {
	var best *view
	for _, v := range c.views {
		if best == nil || v.weight() > best.weight() {
			best = v
		}
	}
	return best
}

func (v *view) weight() int {
	switch v.State {
	case telephony.Connected, telephony.Held:
		return 4
	case telephony.Ringing:
		return 3
	case telephony.Dialing:
		return 2
	}
	if v.talked() {
		return 1
	}
	return 0
}

// snapshot is the call as a value of its own.
func (c *call) snapshot() *telephony.Call {
	v := c.main()
	out := &telephony.Call{
		ID: c.id, Direction: v.Direction, State: v.State, Result: v.Result, EndedBy: v.EndedBy,
		User: v.User, Party: v.Party, StartedAt: c.startedAt(),
		AnsweredAt: v.AnsweredAt, EndedAt: v.EndedAt, EndedAfter: v.EndedAfter, EndedBefore: v.EndedBefore,
		Complete: c.complete, Facts: v.Facts,
		Timeline: slices.Clone(v.Timeline),
	}
	for _, l := range c.legs {
		party := telephony.DisplayParty(l.number, l.name)
		out.Legs = append(out.Legs, telephony.Leg{ID: l.id, Device: l.device, Caller: l.caller, State: l.shown(), Party: party})
	}
	for _, each := range c.views {
		copied := each.View
		copied.Timeline = slices.Clone(each.Timeline)
		out.Views = append(out.Views, copied)
	}
	return out
}

func (c *call) startedAt() time.Time {
	first := c.views[0].StartedAt
	for _, v := range c.views {
		if v.StartedAt.Before(first) {
			first = v.StartedAt
		}
	}
	return first
}

// changes tells what is different since the last time.
func (c *call) changes(now time.Time) []telephony.Change {
	if len(c.views) == 0 {
		return nil
	}
	next := c.snapshot()
	before := c.told
	if before != nil && reflect.DeepEqual(before, next) {
		return nil
	}
	c.told = next
	change := func(k telephony.ChangeKind) telephony.Change {
		return telephony.Change{Kind: k, At: now, Call: next}
	}
	if before == nil {
		out := []telephony.Change{change(telephony.CallCreated)}
		if next.State != telephony.Dialing {
			out = append(out, change(kindOf(telephony.Dialing, next.State)))
		}
		return out
	}
	return []telephony.Change{change(kindOf(before.State, next.State))}
}

func kindOf(before, next telephony.State) telephony.ChangeKind {
	switch {
	case next == before:
		return telephony.CallUpdated
	case next == telephony.Ringing:
		return telephony.CallRinging
	case next == telephony.Connected && before == telephony.Held:
		return telephony.CallResumed
	case next == telephony.Connected:
		return telephony.CallAnswered
	case next == telephony.Held:
		return telephony.CallHeld
	case next == telephony.Ended:
		return telephony.CallEnded
	}
	return telephony.CallUpdated
}
