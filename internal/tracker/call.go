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

// maxViews bounds what a call remembers: of a caller who waits while a phone rings again and again, the oldest attempts
// are given up.
const maxViews = 40

func (c *call) trim() {
	for len(c.views) > maxViews {
		at := slices.IndexFunc(c.views, func(v *view) bool { return v.State == telephony.Ended && !v.talked() })
		if at < 0 {
			return
		}
		old := c.views[at]
		c.views = slices.Delete(slices.Clone(c.views), at, at+1)
		c.legs = slices.DeleteFunc(c.legs, func(l *leg) bool { return l.view == old })
	}
}

// beside finds the view of an extension that another of its devices rings for at the same time.
func (c *call) beside(l *leg, e Extension) *view {
	for _, v := range c.views {
		if v.Extension == e.Number && v.State != telephony.Ended && !v.talked() && !v.leg.gone && l.dialedBy != nil && v.leg.dialedBy == l.dialedBy {
			return v
		}
	}
	return nil
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
func (t *Tracker) snapshotOf(c *call, now time.Time) *telephony.Call {
	v := c.main()
	out := &telephony.Call{
		ID: c.id, Direction: v.Direction, State: v.State, Result: v.Result, EndedBy: v.EndedBy,
		User: v.User, Party: v.Party, StartedAt: c.startedAt(),
		AnsweredAt: v.AnsweredAt, EndedAt: v.EndedAt, EndedAfter: v.EndedAfter, EndedBefore: v.EndedBefore,
		Complete: c.complete, Facts: v.Facts,
		Timeline: slices.Clone(v.Timeline),
	}
	if out.State == telephony.Ended && !c.ended() && t.waiting(c, now) {
		out.State, out.Result, out.EndedBy, out.EndedAt = telephony.Ringing, "", "", time.Time{}
	}
	for _, l := range c.legs {
		if l.parkedAt != "" && !l.gone {
			out.Parked, out.ParkedAt = true, l.parkedAt
			if out.State == telephony.Ringing {
				out.State = telephony.Held
			}
		}
		party := telephony.DisplayParty(l.number, l.name)
		party.IP = host(l.inspected.Address)
		out.Legs = append(out.Legs, telephony.Leg{ID: l.id, Device: l.device, Caller: l.caller, State: l.shown(), Party: party, Media: host(l.inspected.MediaAddress)})
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

// tell says what of a call is different since the last time.
func (t *Tracker) tell(c *call, now time.Time) []telephony.Change {
	if len(c.views) == 0 {
		return nil
	}
	next := t.snapshotOf(c, now)
	kinds := c.announced()
	before := c.told
	if before != nil && len(kinds) == 0 && reflect.DeepEqual(before, next) {
		return nil
	}
	c.told = next
	switch {
	case before == nil && next.State != telephony.Dialing:
		kinds = append([]telephony.ChangeKind{telephony.CallCreated, kindOf(telephony.Dialing, next.State)}, kinds...)
	case before == nil:
		kinds = append([]telephony.ChangeKind{telephony.CallCreated}, kinds...)
	case len(kinds) == 0 || next.State != before.State:
		kinds = append(kinds, kindOf(before.State, next.State))
	}
	out := make([]telephony.Change, len(kinds))
	for i, k := range kinds {
		out[i] = telephony.Change{Kind: k, At: now, Call: next}
	}
	return out
}

// announced takes what happened besides the states.
func (c *call) announced() []telephony.ChangeKind {
	var kinds []telephony.ChangeKind
	for _, v := range c.views {
		for _, k := range v.announce {
			if !slices.Contains(kinds, k) {
				kinds = append(kinds, k)
			}
		}
		v.announce = nil
	}
	return kinds
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
