package tracker

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// passOn is what happens to calls besides their states: they are given away, put aside, fetched, listened to.
func (t *Tracker) passOn(f telephony.Fact, now time.Time) {
	switch f := f.(type) {
	case telephony.Transferred:
		t.transferred(f, now)
	case telephony.Parked:
		t.parked(f, now)
	case telephony.Unparked:
		t.unparked(f, now)
	case telephony.PickedUp:
		t.pickedUp(f, now)
	case telephony.ServiceReached:
		t.with(f.Leg, func(l *leg) { l.serve(f.Service) })
	case telephony.CallPlaced:
		t.placed(f, now)
	case telephony.LegInspected:
		t.withPeers(f.Leg, func(l *leg) { l.inspect(f) })
	case telephony.HangupOrdered:
		t.with(f.Leg, func(l *leg) { l.ordered = !f.Off })
	case telephony.LegMuted:
		t.with(f.Leg, func(l *leg) { l.muted = f.Muted })
	case telephony.ConferenceJoined:
		t.with(f.Leg, func(l *leg) { l.room = f.Room })
	case telephony.ConferenceLeft:
		t.with(f.Leg, func(l *leg) { l.room = "" })
	case telephony.Queued:
		t.with(f.Leg, func(l *leg) { l.queue = f.Queue })
	case telephony.Dequeued:
		t.with(f.Leg, func(l *leg) { l.queue = "" })
	case telephony.MonitoringBegan:
		t.withPeers(f.Leg, func(l *leg) { l.monitored = true })
	default:
		t.record(f)
	}
}

// record follows the PBX's recordings: they begin before the answer, and end with the leg if nobody ends them.
func (t *Tracker) record(f telephony.Fact) {
	set := func(id telephony.LegID, what string) {
		t.withPeers(id, func(l *leg) { l.recording, l.recorded = what, l.recorded || what != "" })
	}
	switch f := f.(type) {
	case telephony.RecordingBegan:
		set(f.Leg, recordingOn)
	case telephony.RecordingResumed:
		set(f.Leg, recordingOn)
	case telephony.RecordingPaused:
		set(f.Leg, recordingPaused)
	case telephony.RecordingEnded:
		set(f.Leg, "")
	}
}

const (
	recordingOn     = "on"
	recordingPaused = "paused"
)

// withPeers is with, for what the other ends see too.
func (t *Tracker) withPeers(id telephony.LegID, do func(*leg)) {
	t.with(id, func(l *leg) {
		do(l)
		for _, peer := range t.peers(l) {
			t.touch(peer)
		}
	})
}

// transferred takes in who gave whom to whom. The giver's part is over with it, whoever hangs up; the other two learn who
// their other end is now.
func (t *Tracker) transferred(f telephony.Transferred, now time.Time) {
	by := t.legs[f.By]
	if by == nil || by.gaveAway || f.Failed {
		return
	}
	transferee, target, second := t.legs[f.Transferee], t.partyAt(f.Target), t.legs[f.Second]
	if transferee == nil {
		if peers := t.peers(by); len(peers) == 1 {
			transferee = peers[0]
		}
	}
	if target == nil && transferee != nil { // the PBX has joined the two already
		if peers := slices.DeleteFunc(t.peers(transferee), func(l *leg) bool { return l == by || l == second }); len(peers) > 0 {
			target = peers[0]
		}
	}
	if target == nil && second != nil && transferee != nil { // it still rings there: the transferee rings it in the giver's place
		target = second.target()
		for _, to := range second.trying() {
			to.dialedBy = nil
			transferee.dial(to)
		}
	}
	for _, l := range []*leg{by, second} {
		if l != nil {
			l.gaveAway = true
			t.touch(l)
		}
	}
	to := telephony.Display(f.To)
	if f.Kind == telephony.AttendedTransfer && target != nil {
		if to = telephony.Endpoint(target.device); t.outside(target.device) && second != nil {
			to = telephony.Display(second.dialedNum)
		}
	}
	if by.view != nil {
		by.view.giveAway(f.Kind, to, now)
	}
	t.receive(transferee, target, by, f, now)
}

// sameMoment is how far apart a PBX may tell what it does at once.
const sameMoment = 150 * time.Millisecond

// giveAway notes on the giver's view that the other end is another's now. At that moment the PBX resumes what was held:
// that was nobody's wish.
func (v *view) giveAway(kind telephony.TransferKind, to string, now time.Time) {
	if last := v.last(); last.What == telephony.WhatResumed && now.Sub(last.At) < sameMoment {
		v.Timeline = v.Timeline[:len(v.Timeline)-1]
	}
	v.TransferredTo, v.TransferKind = to, kind
	detail := string(kind) + " to " + to
	if v.State != telephony.Ended {
		v.happened(telephony.WhatTransferred, now, detail, telephony.CallTransferred)
		return
	}
	v.EndedBy = telephony.BySelf // he gave the call away by hanging up
	v.before(telephony.WhatTransferred, detail, telephony.CallTransferred)
}

// before notes what turns out to have happened in the moment of a view's end.
func (v *view) before(what, detail string, kind telephony.ChangeKind) {
	last := len(v.Timeline) - 1
	entry := telephony.TimelineEntry{At: v.Timeline[last].At, What: what, Extension: v.Extension, Detail: detail}
	v.Timeline = slices.Insert(slices.Clone(v.Timeline), last, entry)
	v.announce = append(v.announce, kind)
}

// receive notes on the views of the other two that their other end has changed.
func (t *Tracker) receive(transferee, target, by *leg, f telephony.Transferred, now time.Time) {
	giver := telephony.Endpoint(by.device)
	if transferee != nil {
		t.touch(transferee)
		transferee.givenBy = giver
		transferee.drift(now)
		transferee.dials = slices.DeleteFunc(transferee.dials, func(l *leg) bool { return l == by }) // who gave it away has not taken it
		if v := transferee.view; v != nil && v.State != telephony.Ended {
			v.TransferredBy = giver
			v.happened(telephony.WhatTransferred, now, "by "+giver, telephony.CallTransferred)
		}
	}
	if target == nil {
		return
	}
	t.touch(target)
	if v := target.view; v != nil && v.State != telephony.Ended && transferee != nil {
		if !v.met {
			v.met, v.First = true, v.Party
		}
		v.TransferredBy = giver
		v.happened(telephony.WhatTransferred, now, "other party is now "+t.numberOf(transferee), telephony.CallTransferred)
	}
}

// partyAt is the party at a leg that may be half of a relay.
func (t *Tracker) partyAt(id telephony.LegID) *leg {
	l := t.legs[id]
	if l == nil || l.kind != telephony.RelayLeg || l.twin == nil {
		return l
	}
	if to := l.twin.target(); to != nil {
		return to
	}
	return l
}

func (t *Tracker) numberOf(l *leg) string {
	switch {
	case !t.outside(l.device):
		return telephony.Endpoint(l.device)
	case l.dialedBy != nil && l.sent != "":
		return telephony.Display(l.sent)
	}
	return telephony.Display(l.number)
}

// parked puts a leg aside. Many a PBX parks by a transfer to the parking's number: what was noted as one is none.
func (t *Tracker) parked(f telephony.Parked, now time.Time) {
	t.with(f.Leg, func(l *leg) {
		l.parkedAt, l.parkedFrom = telephony.Display(f.Space), l.call
		l.givenBy = ""
		l.settle()
		if l.call == nil {
			return
		}
		for _, v := range l.call.views {
			if v.leg.device == f.By && v.leg != l && v.State != telephony.Ended {
				v.park(l.parkedAt, now)
			}
		}
	})
}

func (v *view) park(space string, now time.Time) {
	if last := len(v.Timeline) - 1; last >= 0 && v.Timeline[last].What == telephony.WhatTransferred {
		v.Timeline = v.Timeline[:last]
		v.TransferredTo, v.TransferKind = "", ""
		v.announce = slices.DeleteFunc(v.announce, func(k telephony.ChangeKind) bool { return k == telephony.CallTransferred })
	}
	v.leg.gaveAway = true
	v.ParkedAt = space
	v.happened(telephony.WhatParked, now, space, telephony.CallParked)
}

func (t *Tracker) unparked(f telephony.Unparked, now time.Time) {
	by := t.legs[f.By]
	t.with(f.Leg, func(l *leg) {
		space := l.parkedAt
		l.parkedAt = ""
		if f.How == telephony.ParkTimedOut {
			l.drift(now)
		}
		if l.parkedFrom == nil || by == nil {
			return
		}
		t.touchCall(l.parkedFrom)
		for _, v := range l.parkedFrom.views {
			if v.ParkedAt == space && space != "" {
				v.RetrievedBy = telephony.Endpoint(by.device)
				v.announce = append(v.announce, telephony.CallRetrieved)
			}
		}
	})
	if by != nil && f.How == telephony.ParkRetrieved {
		by.took = true
		if t.touch(by); by.view != nil {
			by.view.RetrievedFrom = telephony.Display(f.Space)
			by.view.announce = append(by.view.announce, telephony.CallRetrieved)
		}
	}
}

// pickedUp gives a ringing call to whom fetches it. The PBX tells the end of the attempt to reach the target as the answer
// of the one who took it.
func (t *Tracker) pickedUp(f telephony.PickedUp, now time.Time) {
	by, target := t.legs[f.By], t.legs[f.Target]
	if by == nil || target == nil {
		return
	}
	by.took = true
	target.dialedBy.dial(by)
	t.touch(by)
	t.touch(target)
	if by.view != nil {
		by.view.PickedUpFrom = telephony.Endpoint(target.device)
	}
	caller := target.origin()
	if caller == nil || caller.call == nil {
		return
	}
	if v := caller.view; v != nil && v.First == (telephony.Party{}) {
		v.met, v.First = true, telephony.DisplayParty(target.number, target.name)
		v.First.Extension = telephony.Endpoint(target.device)
	}
	for _, v := range caller.call.views { // all that ring for the same caller
		if v.State != telephony.Ended && !v.talked() && v.leg.origin() == caller {
			v.PickedUpBy = telephony.Endpoint(by.device)
			v.happened(telephony.WhatPickedUp, now, "by "+v.PickedUpBy, telephony.CallPickedUp)
		}
	}
}

// placed opens the view of a call that we are about to have the PBX make.
func (t *Tracker) placed(f telephony.CallPlaced, now time.Time) {
	if t.legs[f.Leg] != nil || f.Leg == "" {
		return
	}
	l := &leg{id: f.Leg, addedAt: now, placed: true, promised: true, dialed: true, device: f.Device, dialedNum: f.Number}
	t.legs[l.id] = l
	t.promises = append(t.promises, l)
	t.openView(l, now)
}

// promised is how long a call that we have placed is waited for: longer than a phone rings for it.
const promised = time.Minute

// forsaken ends those of which nothing came: neither a leg nor a refusal.
func (t *Tracker) forsaken(now time.Time) {
	t.promises = slices.DeleteFunc(t.promises, func(l *leg) bool {
		if l.promised && !l.gone && now.Sub(l.addedAt) < promised {
			return false
		}
		if l.promised && !l.gone {
			t.vanished(l, now)
		}
		return true
	})
}

// comeBack notes on a new view of an extension where the call was that it had given away.
func (v *view) comeBack(c *call) {
	for _, before := range c.views {
		if before == v || before.Extension != v.Extension || before.State != telephony.Ended {
			continue
		}
		if from := cmp.Or(before.ParkedAt, before.TransferredTo); from != "" {
			v.ReturnedFrom = from
		}
	}
}

// serve ends the wait of a caller whom the PBX takes care of; with the voicemail, the attempts to reach an extension turn
// out to have been forwarded there.
func (l *leg) serve(s telephony.Service) {
	l.settle()
	if l.service = s; l.call == nil {
		return
	}
	for _, v := range l.call.views {
		if v.State == telephony.Ended && v.leg.origin() == l {
			v.toVoicemail()
		}
	}
}

// toVoicemail corrects an attempt that has ended, where whoever called was sent on.
func (v *view) toVoicemail() {
	caller := v.leg.origin()
	if caller == nil || caller.service != telephony.ServiceVoicemail || v.talked() || v.Caller ||
		v.Result == telephony.AnsweredElsewhere || v.Result == telephony.Voicemail {
		return
	}
	v.Result, v.EndedBy, v.ForwardedTo = telephony.Voicemail, telephony.ByOther, string(telephony.Voicemail)
	v.Timeline[len(v.Timeline)-1].Detail = string(telephony.Voicemail)
	v.before(telephony.WhatForwarded, string(telephony.Voicemail), telephony.CallForwarded)
}

// forward ends the attempt to reach a device that sent the caller on.
func (v *view) forward(at time.Time) {
	v.Result, v.EndedBy, v.ForwardedTo = telephony.Forwarded, telephony.BySelf, telephony.Display(v.leg.forwardedTo)
	v.happened(telephony.WhatForwarded, at, v.ForwardedTo, telephony.CallForwarded)
}

// meet notes that more than two hear each other.
func (t *Tracker) meet(v *view, now time.Time) {
	l := v.leg
	many := l.inRoom || l.bridge != "" && len(t.peers(l)) > 1
	if many && !v.hasMet() {
		v.happened(telephony.WhatConferenced, now, telephony.Display(l.room), telephony.CallConferenced)
	}
	if l.room != "" {
		v.Room = telephony.Display(l.room)
	}
	if many && l.held { // the others hear it, whatever the PBX said before
		l.held = false
		if v.State == telephony.Held {
			v.State = telephony.Connected
		}
	}
	v.Conference = many
}

// hasMet reports whether a conference was noted: legs come and go in one.
func (v *view) hasMet() bool {
	return slices.ContainsFunc(v.Timeline, func(e telephony.TimelineEntry) bool { return e.What == telephony.WhatConferenced })
}

// leaveAdrift begins the wait for where those go whom this extension leaves: a caller whom it did not take, and one on
// hold while its device was busy with giving him to another.
func (v *view) leaveAdrift(now time.Time) {
	if p := v.peer; v.talked() && v.leg.held && p != nil && p.bridge != v.leg.bridge {
		p.drift(now)
	}
	if caller := v.leg.origin(); caller != nil && !v.talked() && !v.Caller && v.Result != telephony.AnsweredElsewhere && caller.bridge == "" {
		caller.drift(now)
	}
}

// gather takes from the legs what is known of them besides who they are.
func (v *view) gather() {
	l, p := v.leg, v.peer
	if p == nil {
		p = &leg{}
	}
	v.User.IP = host(l.inspected.Address)
	v.Muted, v.OtherHolds, v.Parked = l.muted, p.held, l.parkedAt != ""
	if queue := l.queue + p.queue; queue != "" {
		v.Queue = telephony.Display(queue)
	}
	if p.givenBy != "" && v.TransferredBy == "" && p.givenBy != v.Extension {
		v.TransferredBy = p.givenBy
	}
	if o := l.origin(); o != nil && o.sentOnBy != "" && o.sentOnBy != l.device {
		v.ForwardedBy = telephony.Endpoint(o.sentOnBy)
	}
	v.Recording = l.recording
	if p.recording != "" {
		v.Recording = p.recording
	}
	if l.recorded || p.recorded {
		v.Recorded = telephony.Yes
	}
	if l.monitored || p.monitored {
		v.Monitored = telephony.Yes
	}
	v.Encrypted = encrypted(l)
	v.SecureLine = both(v.Encrypted, encrypted(p))
}

// inspect keeps what was learned by asking; what an answer leaves open stays as it was known.
func (l *leg) inspect(f telephony.LegInspected) {
	set := func(to *string, value string) {
		if value != "" {
			*to = value
		}
	}
	set(&l.inspected.Address, f.Address)
	set(&l.inspected.MediaAddress, f.MediaAddress)
	for _, each := range []struct {
		to   *telephony.Known
		said telephony.Known
	}{{&l.inspected.Signalling, f.Signalling}, {&l.inspected.Media, f.Media}, {&l.inspected.Withheld, f.Withheld}} {
		if each.said == telephony.Yes || each.said == telephony.No {
			*each.to = each.said
		}
	}
	switch f.Held {
	case telephony.Yes:
		l.held = true
	case telephony.No:
		l.held = false
	}
}

func encrypted(l *leg) telephony.Known { return both(l.inspected.Signalling, l.inspected.Media) }

// both is yes only if both are, and no if one is known not to be.
func both(a, b telephony.Known) telephony.Known {
	switch {
	case a == telephony.No || b == telephony.No:
		return telephony.No
	case a == telephony.Yes && b == telephony.Yes:
		return telephony.Yes
	}
	return telephony.Unknown
}

// host is an address without its port, if it has one.
func host(address string) string {
	if with, err := netip.ParseAddrPort(address); err == nil {
		return with.Addr().Unmap().String()
	}
	if bare, err := netip.ParseAddr(address); err == nil {
		return bare.Unmap().String()
	}
	return ""
}
