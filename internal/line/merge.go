package line

import (
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// How far the PBX's own records and what was seen may be apart and still be of one call. Records are of whole seconds, and by
// the PBX's clock.
const (
	near   = 5 * time.Second // one of begin and end, and the talk
	clocks = 2 * time.Minute // what two clocks may differ by
)

// merge finds for each past call the record that has it; nil: there is none. Legs decide; where the PBX keeps no ids of them,
// number and times do. A record stands for one past call, or for several whose legs it has.
func merge(past []telephony.PastCall, records []*board.Record, normal func(field, value string) string) []*board.Record {
	byLeg := map[telephony.LegID]*board.Record{}
	for _, r := range records {
		for i := range r.Call.Legs {
			byLeg[r.Call.Legs[i].ID] = r
		}
	}
	found := make([]*board.Record, len(past))
	taken := map[*board.Record]bool{}
	for i := range past {
		for _, leg := range past[i].Legs {
			if r := byLeg[leg]; r != nil && found[i] == nil {
				found[i], taken[r] = r, true
			}
		}
	}
	for i := range past {
		if found[i] != nil {
			continue
		}
		at := slices.IndexFunc(records, func(r *board.Record) bool { return !taken[r] && alike(&past[i], r.Call, normal) })
		if at >= 0 {
			found[i], taken[records[at]] = records[at], true
		}
	}
	return found
}

// alike compares number and times. Of a call of which a person's data was erased, only times are left (SEC-45).
func alike(p *telephony.PastCall, c *telephony.Call, normal func(field, value string) string) bool {
	number := func(p telephony.Party) string { return normal("party.number", p.Number) }
	if len(c.Legs) > 0 && (identified(p) || number(p.Call.Party) != number(c.Party) || began(&p.Call) != began(c)) {
		return false
	}
	start := p.Call.StartedAt.Sub(c.StartedAt).Abs()
	if c.EndedAt.IsZero() { // its end was not seen
		return start <= near
	}
	end := p.Call.EndedAt.Sub(c.EndedAt).Abs()
	return (start <= near || end <= near) && (talk(&p.Call)-talk(c)).Abs() <= near
}

// began reports whether the line began a call.
func began(c *telephony.Call) bool {
	return slices.ContainsFunc(c.Views, func(v telephony.View) bool { return v.Caller })
}

// identified reports whether the PBX's own ids are known, not names that come again.
func identified(p *telephony.PastCall) bool {
	return slices.ContainsFunc(p.Legs, func(id telephony.LegID) bool { return !strings.ContainsAny(string(id), "/@") })
}

func talk(c *telephony.Call) time.Duration {
	if c.AnsweredAt.IsZero() || c.EndedAt.Before(c.AnsweredAt) {
		return 0
	}
	return c.EndedAt.Sub(c.AnsweredAt)
}

// amended is what a call that is on record should say now that the PBX's own records were read, nil if it stays as it is: what was
// seen, what goes on and what was erased does.
func amended(c *telephony.Call, p *telephony.PastCall) *telephony.Call {
	switch {
	case c.State != telephony.Ended || len(c.Legs) == 0:
		return nil
	case c.Unseen:
		whole, more := p.Call.StartedAt.Sub(c.StartedAt) <= near, len(p.Call.Legs) > len(c.Legs) || p.Call.EndedAt.After(c.EndedAt)
		if !whole || !more {
			return nil
		}
		next := p.Call
		next.ID = c.ID
		return &next
	case c.Result != telephony.UnknownResult || !c.EndedAt.IsZero():
		return nil
	}
	return withEnd(c, p)
}

// withEnd is a call whose end was not seen, with the end that the PBX has noted, if that lies in the time that was not seen.
func withEnd(c *telephony.Call, p *telephony.PastCall) *telephony.Call {
	end := p.Call.EndedAt
	if end.Before(c.EndedAfter.Add(-clocks)) || end.After(c.EndedBefore.Add(clocks)) {
		return nil
	}
	next := *c
	next.Views = slices.Clone(c.Views)
	for i := range next.Views {
		v := &next.Views[i]
		if !v.EndedAt.IsZero() {
			continue
		}
		at := slices.IndexFunc(p.Call.Views, func(other telephony.View) bool { return other.Extension == v.Extension })
		if at < 0 {
			continue
		}
		how := &p.Call.Views[at]
		v.AnsweredAt, v.EndedAt = answeredAt(v.AnsweredAt, how.AnsweredAt), how.EndedAt
		v.Result, v.AnsweredBy = how.Result, how.AnsweredBy
		if !v.AnsweredAt.IsZero() {
			v.Result, v.AnsweredBy = telephony.Answered, ""
		}
		v.Timeline = endOf(v.Timeline, how)
	}
	next.AnsweredAt, next.EndedAt, next.Result = answeredAt(c.AnsweredAt, p.Call.AnsweredAt), end, p.Call.Result
	if !next.AnsweredAt.IsZero() {
		next.Result = telephony.Answered
	}
	if len(p.Call.Views) > 0 {
		next.Timeline = endOf(c.Timeline, &p.Call.Views[0])
	}
	return &next
}

func answeredAt(seen, noted time.Time) time.Time {
	if !seen.IsZero() {
		return seen
	}
	return noted
}

// endOf replaces the end that was only noticed by the one that was noted; of an answer that was not seen there is a place
// before it.
func endOf(entries []telephony.TimelineEntry, how *telephony.View) []telephony.TimelineEntry {
	if len(entries) == 0 || len(how.Timeline) == 0 {
		return entries
	}
	out := slices.Clone(entries)
	if out[len(out)-1].What == string(telephony.Ended) {
		out = out[:len(out)-1]
	}
	connected := func(e telephony.TimelineEntry) bool { return e.What == string(telephony.Connected) }
	if at := slices.IndexFunc(how.Timeline, connected); at >= 0 && !slices.ContainsFunc(out, connected) {
		out = append(out, how.Timeline[at])
	}
	return append(out, how.Timeline[len(how.Timeline)-1])
}
