package demopbx

import (
	"cmp"
	"slices"
	"time"
)

// call is what belongs together for who plays it: the channels of a call as a telephone person counts, with those that
// a transfer, a pick-up or a retrieval adds. Its methods are called with exchange.mu held, and do nothing when that is no
// longer possible, because an AMI client may have been faster.
type call struct {
	x        *exchange
	plan     *callPlan         // nil: an AMI client's
	steps    []step            // what its phones will do yet
	stepAt   time.Duration     // the time of the step being played
	forwards map[string]string // extension: number it is forwarded to, for the calls of one scenario
	first    *channel          // the one that began it
	routed   bool              // the first number has been looked at
	channels []*channel        // alive
	into     *call             // it has become part of that one
	over     bool              // has begun and has no channel any more
	ended    func()            // wakes the player
}

// now is the call that this one has become part of.
func (c *call) now() *call {
	for c.into != nil {
		c = c.into
	}
	return c
}

// absorb makes another call a part of this one.
func (c *call) absorb(o *call) {
	c, o = c.now(), o.now()
	if c == o {
		return
	}
	for _, ch := range o.channels {
		ch.call = c
	}
	c.channels = append(c.channels, o.channels...)
	c.steps = append(c.steps, o.steps...)
	slices.SortStableFunc(c.steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	o.channels, o.into = nil, c
}

func (c *call) lost(ch *channel) {
	c.channels = slices.DeleteFunc(c.channels, func(o *channel) bool { return o == ch })
	if len(c.channels) == 0 {
		c.over = true
		if c.ended != nil {
			c.ended()
		}
	}
}

// start is the caller's INVITE: the call runs through the dialplan.
func (c *call) start() {
	x := c.x
	p := c.plan
	if p.click {
		number := outside(p.to).number
		x.originate(c, originate{endpoint: p.from.number, exten: p.to, context: "internal", caller: party{number, "Click " + number}})
		return
	}
	endpoint, who := trunk, p.from
	if p.kind != inbound {
		endpoint, who = p.from.number, party{p.from.number, x.phones[p.from.number].Name}
	}
	x.invite(c, endpoint, who, p.to, p.withheld)
}

// invite is a new channel that dials a number.
func (x *exchange) invite(c *call, endpoint string, who party, number string, withheld bool) *channel {
	x.processed++
	extension, contact := splitContact(endpoint)
	ch := x.add(&channel{endpoint: extension, contact: contact, state: stateRing, caller: who, exten: number, dnid: number,
		withheld: withheld, call: c})
	if c.first == nil {
		c.first = ch
	}
	x.setVar(ch, "SIPDOMAIN", sipHost)
	x.run(ch)
	return ch
}

// ringing is the newest of an endpoint's channels that is being called, talking the oldest that has a conversation, calling
// the oldest that reaches out or waits.
func (c *call) ringing(who string) *channel {
	if who == "" { // whoever rings
		for _, ch := range slices.Backward(c.now().channels) {
			if ch.called != nil && ch.half == nil {
				return ch
			}
		}
		return nil
	}
	for _, ch := range slices.Backward(c.now().channels) {
		if ch.is(who) && ch.called != nil {
			return ch
		}
	}
	return nil
}

func (c *call) talking(who string) *channel {
	return c.oldest(who, func(ch *channel) bool { return ch.called == nil && ch.bridge != nil })
}

func (c *call) calling(who string) *channel {
	return c.oldest(who, func(ch *channel) bool { return ch.called == nil && ch.bridge == nil })
}

func (c *call) oldest(who string, fits func(*channel) bool) *channel {
	for _, ch := range c.now().channels {
		if ch.is(who) && ch.in != nil && fits(ch) {
			return ch
		}
	}
	return nil
}
