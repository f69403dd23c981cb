package cdr

import (
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/asterisk"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// device is what a channel's name says rings or speaks; empty for Local channels and others that Asterisk makes for itself.
func device(channel string) string {
	if kind, _ := asterisk.KindOf(channel); kind != telephony.DeviceLeg {
		return ""
	}
	return telephony.Display(asterisk.Device(channel))
}

// called reports whether the row's channel was called itself: Asterisk makes such rows when Local channels are optimised
// away, and when it rings a phone to dial from there (AppDial2).
func (r *row) called() bool { return strings.HasPrefix(r.lastApp, "AppDial") && !r.clickToDial() }

func (r *row) clickToDial() bool { return r.lastApp == "AppDial2" }

// to is the device that was tried, or that is at the other end. In a conference it is whoever else was in it.
func (r *row) to() string {
	if r.lastApp == "ConfBridge" || r.lastApp == "MeetMe" {
		return ""
	}
	return device(r.dstChannel)
}

func (r *row) answeredBy() bool { return r.disposition == "ANSWERED" }

// key names the conversation that a row is of: that of the channel which began. Only where that is one of Asterisk's own, or
// was called itself, Asterisk's grouping is believed: it files a consultation call with the call that it was about.
func (r *row) key() string {
	own := device(r.channel) != "" && !r.called()
	switch {
	case !own && r.linked != "":
		return "unique " + r.linked
	case r.unique != "":
		return "unique " + r.unique
	}
	return "channel " + r.channel
}

// also are other names of the same conversation, which join rows that have not the same key: a channel that called, and is
// the other end of another row of Asterisk's grouping, has fetched a parked call, say.
func (r *row) also() []string {
	var names []string
	if r.to() != "" {
		names = append(names, "leg "+r.linked+" "+r.dstChannel)
	}
	if device(r.channel) != "" {
		names = append(names, "leg "+r.linked+" "+r.channel)
	}
	return names
}

// apart is how long after a row another one of the same names may begin and still be of the same call: names of channels
// begin again when Asterisk is started anew.
const apart = 10 * time.Minute

// gather sorts rows into conversations, each in the order in which its rows began.
func gather(rows []row) [][]row {
	slices.SortStableFunc(rows, func(a, b row) int { return a.start.Compare(b.start) })
	of := map[string]int{} // name -> group
	var groups [][]row
	var ends []time.Time
	for _, r := range rows {
		names := append([]string{r.key()}, r.also()...)
		at := -1
		for _, name := range names {
			other, known := of[name]
			if !known || groups[other] == nil || !strings.HasPrefix(name, "unique ") && r.start.Sub(ends[other]) > apart {
				continue
			}
			if at < 0 {
				at = other
			} else if other != at { // it joins two
				at, other = min(at, other), max(at, other)
				groups[at] = append(groups[at], groups[other]...)
				if ends[other].After(ends[at]) {
					ends[at] = ends[other]
				}
				groups[other] = nil
				for name, group := range of {
					if group == other {
						of[name] = at
					}
				}
			}
		}
		if at < 0 {
			at = len(groups)
			groups, ends = append(groups, nil), append(ends, time.Time{})
		}
		groups[at] = append(groups[at], r)
		if r.end().After(ends[at]) {
			ends[at] = r.end()
		}
		for _, name := range names {
			of[name] = at
		}
	}
	groups = slices.DeleteFunc(groups, func(g []row) bool { return g == nil })
	for _, g := range groups {
		slices.SortStableFunc(g, func(a, b row) int { return a.start.Compare(b.start) })
	}
	return groups
}
