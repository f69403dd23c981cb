package line

import (
	"context"
	"errors"
	"time"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Some facts are in no event of a PBX and must be asked for: addresses, encryption, whether a number was withheld, and what
// serves a caller who talks to nobody. Asking costs the PBX something, so it is bounded:
//
//   - each leg is asked about its device once, about its sound at most twice (when it is answered, and when it is resumed),
//     about its hold at most twice, and only after a snapshot, and about a service at most once;
//   - at most mostLegs legs of a call are asked about;
//   - what waits is bounded; under a load at which it does not suffice the facts stay unknown.
//
// Over AMI this makes 10 actions for a usual call of two legs and never more than 60 (see TestInspectionIsBounded).
const (
	mostLegs    = 6
	mostWaiting = 256
	mostSounds  = 2
	mostHolds   = 2
)

// wish is something to be asked about a leg.
type wish struct {
	leg     telephony.Leg
	about   connector.Aspect
	service bool
}

// asked is what a leg was asked about already.
type asked struct {
	device, service bool
	sounds, holds   int
	state           telephony.State
}

// wonder queues what is to be asked about the legs of a call that has changed; anew: by a snapshot. l.mu is held; it never
// blocks.
func (l *Line) wonder(c *telephony.Call, anew bool) {
	if c.State == telephony.Ended {
		delete(l.asked, c.ID)
		return
	}
	if connector.Lacks(l.options.PBX, telephony.AbleInspect, "") != nil {
		return
	}
	legs := l.asked[c.ID]
	if legs == nil {
		legs = map[telephony.LegID]*asked{}
		l.asked[c.ID] = legs
	}
	for _, leg := range c.Legs {
		if leg.State == telephony.Ended || connector.Lacks(l.options.PBX, telephony.AbleInspect, leg.Device) != nil {
			continue
		}
		a := legs[leg.ID]
		if a == nil && len(legs) == mostLegs {
			continue
		}
		if a == nil {
			a = &asked{}
			legs[leg.ID] = a
		}
		if w, wanted := a.next(leg, anew, unserved(c, leg)); wanted {
			l.wish(w)
		}
	}
}

// wish queues what is to be asked. What serves a caller goes before all else: he may soon be gone.
func (l *Line) wish(w wish) {
	if w.service {
		select {
		case l.urgent <- wish{leg: w.leg, service: true}:
		default: // it stays unknown
		}
		w.service = false
	}
	if w.about != 0 {
		select {
		case l.wishes <- w:
		default: // the facts stay unknown
		}
	}
}

// next is what is to be asked now that a leg is as it is.
func (a *asked) next(leg telephony.Leg, anew, unserved bool) (wish, bool) {
	w := wish{leg: leg}
	before := a.state
	a.state = leg.State
	up := leg.State == telephony.Connected || leg.State == telephony.Held
	if !a.device && (leg.State == telephony.Ringing || up || leg.Caller) {
		a.device = true
		w.about |= connector.AspectDevice
	}
	if up && anew && a.holds < mostHolds { // no event has told of a hold while we were away
		a.holds++
		w.about |= connector.AspectHold
	}
	resumed := before == telephony.Held && leg.State == telephony.Connected
	if up && a.sounds < mostSounds && (a.sounds == 0 || resumed) {
		a.sounds++
		w.about |= connector.AspectMedia
	}
	if unserved && up && !a.service {
		a.service = true
		w.service = true
	}
	return w, w.about != 0 || w.service
}

// unserved reports whether a caller talks to none of the legs of its call: the PBX itself takes care of him. So it may with
// a call that was placed for a device of ours.
func unserved(c *telephony.Call, leg telephony.Leg) bool {
	for _, other := range c.Legs {
		if other.ID != leg.ID && other.State != telephony.Ended {
			return false
		}
	}
	return leg.State == telephony.Connected && (leg.Caller && len(c.Legs) > 1 || c.ClickToDial)
}

// Inspect asks the PBX about legs until ctx ends.
func (l *Line) Inspect(ctx context.Context) {
	pbx, able := l.options.PBX.(connector.Inspector)
	for {
		w, more := l.nextWish(ctx)
		if !more {
			return
		}
		if able {
			l.ask(ctx, pbx, w)
		}
	}
}

func (l *Line) nextWish(ctx context.Context) (wish, bool) {
	select {
	case w := <-l.urgent:
		return w, true
	default:
	}
	select {
	case <-ctx.Done():
		return wish{}, false
	case w := <-l.urgent:
		return w, true
	case w := <-l.wishes:
		return w, true
	}
}

func (l *Line) ask(ctx context.Context, pbx connector.Inspector, w wish) {
	if w.about != 0 {
		// An error is no news: the leg has gone, or the link. What was learned until then counts.
		found, err := pbx.Inspect(ctx, w.leg, w.about)
		if err == nil || found != (telephony.LegInspected{Leg: w.leg.ID}) {
			l.Observe(telephony.Observation{ObservedAt: time.Now(), Fact: found})
		}
		if errors.Is(err, context.Canceled) {
			return
		}
	}
	if w.service {
		if service, err := pbx.Service(ctx, w.leg); err == nil && service != "" {
			l.Observe(telephony.Observation{ObservedAt: time.Now(), Fact: telephony.ServiceReached{Leg: w.leg.ID, Service: service}})
		}
	}
}
