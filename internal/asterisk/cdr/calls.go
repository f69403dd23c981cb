package cdr

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/asterisk"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// mostLegs bounds a call: a queue may try its agents a hundred times.
const mostLegs = 40

// ReadBack is what a timeline says of what nobody saw.
const ReadBack = "from the PBX's own records"

// calls makes the line's calls of rows, the first to end first.
func (r *Records) calls(rows []row) []telephony.PastCall {
	var all []telephony.PastCall
	for _, group := range gather(rows) {
		if c, ours := r.call(group); ours {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b telephony.PastCall) int { return a.Call.EndedAt.Compare(b.Call.EndedAt) })
	return all
}

// call is what the line's extensions saw of a conversation; false: nothing.
func (r *Records) call(rows []row) (telephony.PastCall, bool) {
	var c telephony.PastCall
	var extensions []telephony.Extension
	for i := range rows {
		for _, device := range []string{device(rows[i].channel), rows[i].to()} {
			if e, ours := r.own(device); ours && !slices.Contains(extensions, e) {
				extensions = append(extensions, e)
			}
		}
	}
	for _, e := range extensions {
		if v, any := r.view(e, rows); any {
			c.Call.Views = append(c.Call.Views, v)
		}
	}
	if len(c.Call.Views) == 0 {
		return c, false
	}
	main := &c.Call.Views[0]
	for i := range c.Call.Views {
		v := &c.Call.Views[i]
		if main.AnsweredAt.IsZero() && !v.AnsweredAt.IsZero() {
			main = v
		}
		if c.Call.StartedAt.IsZero() || v.StartedAt.Before(c.Call.StartedAt) {
			c.Call.StartedAt = v.StartedAt
		}
	}
	c.Call.State, c.Call.Unseen = telephony.Ended, true
	c.Call.Direction, c.Call.Result, c.Call.User, c.Call.Party = main.Direction, main.Result, main.User, main.Party
	c.Call.AnsweredAt, c.Call.EndedAt, c.Call.Facts, c.Call.Timeline = main.AnsweredAt, main.EndedAt, main.Facts, slices.Clone(main.Timeline)
	c.Call.Legs, c.Legs = r.legs(rows)
	return c, true
}

// legs are those of a conversation, and the ids by which it is known again.
func (r *Records) legs(rows []row) (legs []telephony.Leg, ids []telephony.LegID) {
	seen := map[telephony.LegID]bool{}
	looked := map[string]bool{} // channels: to find the id of one goes through all rows
	add := func(channel string, caller bool, p telephony.Party) {
		if looked[channel] || len(legs) >= mostLegs {
			return
		}
		looked[channel] = true
		if id := legID(rows, channel); !seen[id] {
			seen[id] = true
			legs = append(legs, telephony.Leg{ID: id, Device: device(channel), Caller: caller, State: telephony.Ended, Party: p})
			ids = append(ids, id)
		}
	}
	for i := range rows {
		if one := &rows[i]; device(one.channel) != "" && !one.called() {
			add(one.channel, true, caller(one))
		}
	}
	for i := range rows {
		if one := &rows[i]; one.to() != "" {
			add(one.dstChannel, false, telephony.Party{})
		}
	}
	for i := range rows {
		if one := &rows[i]; device(one.channel) == "" && one.linked != "" && !seen[telephony.LegID(one.linked)] {
			seen[telephony.LegID(one.linked)] = true
			ids = append(ids, telephony.LegID(one.linked))
		}
	}
	return legs, ids
}

// legID is the unique id of a channel, where a row says it; else its name, and since when, for names come again.
func legID(rows []row, channel string) telephony.LegID {
	var first time.Time
	for i := range rows {
		if rows[i].channel == channel && rows[i].unique != "" {
			return telephony.LegID(telephony.Display(rows[i].unique))
		}
		if first.IsZero() && (rows[i].channel == channel || rows[i].dstChannel == channel) {
			first = rows[i].start
		}
	}
	return telephony.LegID(telephony.Display(channel) + "@" + strconv.FormatInt(first.Unix(), 10))
}

// view is what one extension saw; false: nothing, as of a phone that was only at the far end of a conference.
func (r *Records) view(e telephony.Extension, rows []row) (telephony.View, bool) {
	var outs, ins []*row
	last := time.Time{} // of what its own channels did besides
	for i := range rows {
		one := &rows[i]
		from := device(one.channel)
		switch {
		case e.Has(from) && !one.called():
			outs = append(outs, one)
		case e.Has(from) && one.end().After(last):
			last = one.end()
		}
		if e.Has(one.to()) {
			ins = append(ins, one)
		}
	}
	v := telephony.View{Extension: e.Number, State: telephony.Ended, Unseen: true, User: telephony.DisplayParty(e.Number, e.Name),
		Facts: telephony.Facts{Recorded: telephony.Unknown, Monitored: telephony.Unknown, Encrypted: telephony.Unknown, SecureLine: telephony.Unknown}}
	v.User.Extension = e.Number
	switch {
	case len(ins) > 0 && (len(outs) == 0 || !ins[0].start.After(outs[0].start)): // later it may have dialled, to fetch a parked call say
		r.asCalled(&v, ins, rows)
	case len(outs) > 0:
		r.asCaller(&v, outs)
	default:
		return v, false
	}
	if !v.AnsweredAt.IsZero() && last.After(v.EndedAt) {
		v.EndedAt = last
	}
	v.Timeline = timeline(&v)
	return v, true
}

func timeline(v *telephony.View) []telephony.TimelineEntry {
	began := telephony.Ringing
	if v.Caller {
		began = telephony.Dialing
	}
	entries := []telephony.TimelineEntry{{At: v.StartedAt, What: string(began), Extension: v.Extension, Detail: ReadBack}}
	if !v.AnsweredAt.IsZero() {
		entries = append(entries, telephony.TimelineEntry{At: v.AnsweredAt, What: string(telephony.Connected), Extension: v.Extension, Detail: ReadBack})
	}
	return append(entries, telephony.TimelineEntry{At: v.EndedAt, What: string(telephony.Ended), Extension: v.Extension, Detail: string(v.Result) + ", " + ReadBack})
}

// asCaller: the extension began the call. Where it tried anybody, only those attempts say how it came out: after them the
// dialplan may have answered to play a tone.
func (r *Records) asCaller(v *telephony.View, rows []*row) {
	first := rows[0]
	v.Caller, v.ClickToDial = true, first.clickToDial()
	v.StartedAt, v.Dialed = first.start, telephony.Display(first.dst)
	v.Leg = legID([]row{*first}, first.channel)
	tries := slices.DeleteFunc(slices.Clone(rows), func(one *row) bool { return one.dstChannel == "" && one.lastApp != "Dial" })
	if len(tries) == 0 {
		tries = rows
	}
	v.Result = result(tries[len(tries)-1])
	r.times(v, tries)
	var devices []string
	var peer *row
	for _, one := range tries {
		if to := one.to(); to != "" {
			if !slices.Contains(devices, to) {
				devices = append(devices, to)
			}
			if peer == nil || one.answeredBy() && !peer.answeredBy() {
				peer = one
			}
		}
	}
	v.Party, v.Direction = r.reached(v, first, peer, len(devices))
}

// reached is whom a caller has reached, or tried.
func (r *Records) reached(v *telephony.View, first, peer *row, devices int) (telephony.Party, telephony.Direction) {
	dialled := first.dst
	if strings.Trim(dialled, "0123456789+*#") != "" || dialled == "" { // s, h, i: places in the dialplan
		dialled = first.src
	}
	inside := len(dialled) == len(v.Extension) && strings.Trim(dialled+v.Extension, "0123456789") == ""
	switch {
	case peer == nil && inside:
		return telephony.DisplayParty(dialled, ""), telephony.Internal
	case peer == nil:
		return telephony.DisplayParty(dialled, ""), telephony.Outbound
	case r.outside(peer.to()):
		sent := ""
		if peer.lastApp == "Dial" && !strings.Contains(peer.lastData, "&") {
			dial, _, _ := strings.Cut(peer.lastData, ",")
			sent = asterisk.SentNumber(dial)
		}
		return telephony.DisplayParty(cmp.Or(sent, dialled), peer.dstName), telephony.Outbound
	case devices > 1 && !peer.answeredBy():
		return telephony.DisplayParty(dialled, ""), telephony.Internal
	}
	p := telephony.DisplayParty(telephony.Endpoint(peer.to()), peer.dstName)
	p.Extension = telephony.Endpoint(peer.to())
	return p, telephony.Internal
}

// asCalled: somebody called the extension.
func (r *Records) asCalled(v *telephony.View, rows []*row, all []row) {
	first := rows[0]
	v.StartedAt, v.Leg = first.start, legID(all, first.dstChannel)
	r.times(v, rows)
	if v.Result = result(rows[len(rows)-1]); !v.AnsweredAt.IsZero() {
		v.Result = telephony.Answered
	}
	for i := range all {
		other := &all[i]
		elsewhere := other.answeredBy() && other.to() != "" && !slices.Contains(rows, other)
		switch {
		case elsewhere && pickedUp(rows, other):
			v.Result, v.AnsweredBy, v.AnsweredAt = telephony.AnsweredElsewhere, telephony.Endpoint(other.to()), time.Time{}
		case !v.AnsweredAt.IsZero() || !other.answeredBy():
		case elsewhere && together(first, other):
			v.Result, v.AnsweredBy = telephony.AnsweredElsewhere, telephony.Endpoint(other.to())
		case other.lastApp == "VoiceMail" && v.Result != telephony.AnsweredElsewhere && !other.start.Before(first.end().Add(-time.Second)):
			v.Result, v.ForwardedTo = telephony.Voicemail, string(telephony.Voicemail)
		}
		if other.lastApp == "Queue" && slices.Contains(rows, other) {
			queue, _, _ := strings.Cut(other.lastData, ",")
			v.Queue = telephony.Display(queue)
		}
	}
	from := origin(first, all)
	who := device(from.channel)
	v.Party, v.PartyDevice, v.PartyLeg = caller(from), who, legID(all, from.channel)
	switch {
	case who == "" && len(from.src) > len(v.Extension), who != "" && r.outside(who):
		v.Direction = telephony.Inbound
	default:
		v.Direction = telephony.Internal
		v.Party.Extension = telephony.Endpoint(who)
		if number := v.Party.Extension; number != "" && strings.Trim(number, "0123456789") == "" && number != v.Party.Number { // what the dialplan shows for it
			v.Party = telephony.Party{Number: number, Extension: number}
		}
	}
}

// together reports whether two phones rang at once for the same caller. A queue rings the next ones by the same words.
func together(a, b *row) bool {
	if a.lastApp != b.lastApp || a.lastData != b.lastData {
		return false
	}
	return !b.start.After(a.start) || b.start.Before(a.end()) || a.lastApp == "Dial" && b.start.Sub(a.end()) <= 2*time.Second
}

// pickedUp reports whether somebody else took the call that rang at an extension: Asterisk answers the phone's row, too, but
// nobody speaks in it, and the other's begins where it ends. Times are whole seconds.
func pickedUp(rows []*row, other *row) bool {
	only := rows[0]
	return len(rows) == 1 && only.answeredBy() && only.talk == 0 && only.channel == other.channel &&
		only.lastApp == other.lastApp && only.lastData == other.lastData && other.start.Sub(only.end()).Abs() <= time.Second
}

// origin is the row of the device that began the call, where the row at hand is of a Local channel.
func origin(r *row, all []row) *row {
	if device(r.channel) != "" {
		return r
	}
	for i := range all {
		if device(all[i].channel) != "" && !all[i].called() {
			return &all[i]
		}
	}
	return r
}

// times are when the first attempt was answered and when the last one was over.
func (r *Records) times(v *telephony.View, rows []*row) {
	for _, one := range rows {
		if one.answeredBy() && (v.AnsweredAt.IsZero() || one.answered().Before(v.AnsweredAt)) {
			v.AnsweredAt = one.answered()
		}
	}
	for _, one := range rows {
		if (v.AnsweredAt.IsZero() || one.answeredBy()) && one.end().After(v.EndedAt) {
			v.EndedAt = one.end()
		}
	}
	if v.Caller && !v.AnsweredAt.IsZero() {
		v.Result = telephony.Answered
	}
}

// result reads a disposition. That nobody answered is all that a record says of a caller who gave up, of a phone that
// rejected the call, and of one that rang out.
func result(r *row) telephony.Result {
	switch r.disposition {
	case "ANSWERED":
		return telephony.Answered
	case "BUSY":
		return telephony.Busy
	case "FAILED", "CONGESTION":
		return telephony.Failed
	}
	return telephony.Missed
}

// caller is who began the row's call: by the columns of their own where there are any, else by "Name" <number>.
func caller(r *row) telephony.Party {
	name, number := r.name, r.number
	before, behind, found := strings.Cut(r.clid, "<")
	if at := strings.LastIndexByte(r.clid, '<'); at >= 0 {
		before, behind = r.clid[:at], r.clid[at+1:]
	}
	if name == "" {
		name = strings.TrimSpace(before)
		if strings.HasPrefix(name, `"`) {
			name = unescape(strings.TrimSuffix(name[1:], `"`))
		}
	}
	if strings.HasPrefix(r.channel, "PJSIP/") { // chan_pjsip leaves SIP's own quoting in names (RFC 3261, quoted-pair)
		name = unescape(name)
	}
	if number = cmp.Or(number, r.src); number == "" && found {
		number = strings.TrimSuffix(behind, ">")
	}
	if name == "<unknown>" || name == number {
		name = ""
	}
	if number == "<unknown>" {
		number = ""
	}
	return telephony.DisplayParty(number, name)
}

// unescape takes the backslash off whatever it stands before.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
