package demopbx

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// What the phones do when nothing else is said: they ring at once, and nobody picks up.

// nextStep is what a called phone will do, where the scenario says.
func (c *call) nextStep(ch *channel) (step, bool) {
	i := slices.IndexFunc(c.steps, func(st step) bool { return st.verb.ofCalled() && ch.is(st.who) })
	if i < 0 {
		return step{}, false
	}
	return c.steps[i], true
}

// ringsAtOnce tells whether a phone rings in the moment it is called.
func (x *exchange) ringsAtOnce(ch *channel) bool {
	st, said := ch.call.nextStep(ch)
	if !said {
		return true
	}
	switch st.verb {
	case verbRings:
		return st.at == ch.call.stepAt
	case verbForwards:
		return st.at != ch.call.stepAt
	case verbIsBusy, verbUnknown, verbAnswersAlone, verbAnnounces:
		return false
	}
	return true
}

// awaitPickUp lets somebody answer a phone that an AMI client made ring: see Options.PickUp.
func (x *exchange) awaitPickUp(ch *channel) {
	if x.pickUpAfter == 0 || ch.call.plan != nil && !x.asked {
		return
	}
	if _, said := ch.call.nextStep(ch); said {
		return
	}
	attempt := ch.called
	x.later(x.pickUpAfter, func() {
		if ch.called == attempt && attempt != nil {
			attempt.answer(ch)
		}
	})
}

// someoneActs tells whether the scenario goes on with this channel's call.
func (x *exchange) someoneActs(ch *channel) bool { return len(ch.call.now().steps) > 0 }

func itoa(n int) string { return strconv.Itoa(n) }

// hostOf is the address without the port that a phone signals from.
func hostOf(p Phone) string {
	host, _, err := net.SplitHostPort(p.Addr)
	if err != nil {
		return p.Addr
	}
	return host
}

// parseCallerID reads `"Name" <number>` or a bare number, as ast_callerid_parse does.
func parseCallerID(text string) party {
	name, number, found := strings.Cut(text, "<")
	if !found {
		if strings.Trim(text, "0123456789+*#") == "" {
			return party{number: text}
		}
		return party{name: strings.Trim(text, `" `)}
	}
	number, _, _ = strings.Cut(number, ">")
	return party{number: number, name: strings.Trim(name, `" `)}
}
