package server

import (
	"cmp"
	"encoding/json"
	"net/url"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

func wireRecord(r *board.Record, v view, durable bool, can actions) api.Record {
	r, _ = v.sight().record(r)
	out := api.Record{
		ID: r.ID, Rev: r.Rev, Line: r.Line, Origin: api.RecordOrigin(r.Origin), State: api.RecordState(r.State),
		OpenedAt: r.OpenedAt.UTC(), ClosedAt: r.ClosedAt.UTC(), FirstOrigin: api.RecordFirstOrigin(r.First), ReopenedAt: r.ReopenedAt.UTC(), ErasedAt: r.ErasedAt.UTC(), Complete: r.Complete(), Durable: durable, Wave: r.Wave,
		Fields: map[string]api.Field{}, Items: map[string][]api.Item{},
	}
	if r.Settled != nil {
		out.Settled = wireSettled(r.Settled)
	}
	if r.Call != nil {
		out.Call = wireCall(r.Line, r.Call, v, can)
	}
	for name, f := range r.Fields {
		if !f.Blank {
			out.Fields[name] = wireField(f, v)
		} else if v.claims {
			put(&out.Blank, name, wireBlank(f))
		}
	}
	for i := range r.Nothing {
		out.Nothing = append(out.Nothing, wireNothing(&r.Nothing[i]))
	}
	for field, c := range r.Frozen() {
		if out.Contended == nil {
			out.Contended = map[string]api.Contention{}
		}
		out.Contended[field] = api.Contention{Sources: append([]string{}, c.Sources...), At: c.At.UTC(), Wave: c.Wave}
	}
	for list, items := range r.Items {
		out.Items[list] = wireItems(items)
	}
	return out
}

func wireItems(items []board.Item) []api.Item {
	out := make([]api.Item, 0, len(items))
	for i := range items {
		out = append(out, wireItem(&items[i]))
	}
	return out
}

func wireSettled(s *board.Settled) api.Settled {
	return api.Settled{Wave: s.Wave, Rounds: s.Rounds, TookMs: s.TookMS, Unanswered: append([]string{}, s.Unanswered...)}
}

func wireField(f *board.Field, v view) api.Field {
	shown := f.Shown()
	out := api.Field{Value: shown.Value, Source: shown.Source, Quality: api.Quality(shown.Quality), At: shown.At.UTC(), Round: shown.Round, Others: f.Others, Since: shown.Since.UTC()}
	if v.claims {
		out.Claims, out.Pin, out.Hidden = wireClaims(f.Claims), f.Pin, f.Hidden
	}
	return out
}

func wireClaims(claims []board.Claim) []api.Claim {
	out := make([]api.Claim, 0, len(claims))
	for _, c := range claims {
		out = append(out, api.Claim{Source: c.Source, Value: c.Value, Quality: api.Quality(c.Quality), At: c.At.UTC(), Round: c.Round, Work: c.Work, ExpiresAt: c.Expires.UTC(), Since: c.Since.UTC()})
	}
	return out
}

// wireBlank is a field of which nothing is shown: it is no field to those who do not look at claims.
func wireBlank(f *board.Field) api.BlankField {
	return api.BlankField{Claims: wireClaims(f.Claims), Pin: f.Pin, Hidden: f.Hidden}
}

func wireNothing(n *board.Nothing) api.Nothing {
	return api.Nothing{Source: n.Source, Fields: append([]string{}, n.Fields...), At: n.At.UTC(), Until: n.Until.UTC(), Round: n.Round}
}

func put(m *map[string]api.BlankField, name string, f api.BlankField) {
	if *m == nil {
		*m = map[string]api.BlankField{}
	}
	(*m)[name] = f
}

func wireItem(i *board.Item) api.Item {
	return api.Item{ID: i.ID, Source: i.Source, At: i.At.UTC(), ChangedAt: i.ChangedAt.UTC(), Text: i.Text, Title: i.Title, URL: i.URL, Round: i.Round, Fields: i.Fields}
}

// actions are what can be done with a line's call just now.
type actions func(line string, c *telephony.Call) []telephony.Action

func wireCall(line string, c *telephony.Call, v view, can actions) api.Call {
	out := api.Call{
		ID: string(c.ID), Direction: api.Direction(c.Direction), State: api.CallState(c.State), Result: api.Result(c.Result), EndedBy: api.EndedBy(c.EndedBy),
		StartedAt: c.StartedAt.UTC(), AnsweredAt: c.AnsweredAt.UTC(), EndedAt: c.EndedAt.UTC(), EndedAfter: c.EndedAfter.UTC(), EndedBefore: c.EndedBefore.UTC(),
		Complete: c.Complete, Unseen: c.Unseen, TransferredTo: c.TransferredTo, TransferredBy: c.TransferredBy, TransferKind: api.CallTransferKind(c.TransferKind),
		ForwardedTo: c.ForwardedTo, ForwardedBy: c.ForwardedBy, PickedUpBy: c.PickedUpBy, ParkedAt: c.ParkedAt, RetrievedBy: c.RetrievedBy,
		RetrievedFrom: c.RetrievedFrom, Queue: c.Queue, Room: c.Room, ClickToDial: c.ClickToDial, OtherHolds: c.OtherHolds,
		Muted: c.Muted, Parked: c.Parked, Conference: c.Conference, Recording: api.CallRecording(c.Recording),
		Recorded: wireKnown(c.Recorded), Monitored: wireKnown(c.Monitored), Encrypted: wireKnown(c.Encrypted), SecureLine: wireKnown(c.SecureLine),
		Legs: []api.Leg{}, Views: []api.View{}, Timeline: wireTimeline(c.Timeline),
	}
	if c.State != telephony.Ended {
		for _, a := range can(line, c) {
			out.Actions = append(out.Actions, api.CommandName(a))
		}
	}
	for _, l := range c.Legs {
		out.Legs = append(out.Legs, api.Leg{ID: string(l.ID), State: api.CallState(l.State), Device: l.Device, Caller: l.Caller, Media: l.Media, Party: wireParty(l.Party)})
	}
	for i := range c.Views {
		out.Views = append(out.Views, wireView(&c.Views[i]))
	}
	v.sight().call(&out, c)
	return out
}

func wireView(v *telephony.View) api.View {
	return api.View{
		Extension: v.Extension, Direction: api.Direction(v.Direction), State: api.CallState(v.State), Result: api.Result(v.Result), EndedBy: api.EndedBy(v.EndedBy),
		Caller: v.Caller, Party: wireParty(v.Party), FirstParty: wireParty(v.First), Dialed: v.Dialed, StartedAt: v.StartedAt.UTC(), AnsweredAt: v.AnsweredAt.UTC(),
		EndedAt: v.EndedAt.UTC(), EndedAfter: v.EndedAfter.UTC(), EndedBefore: v.EndedBefore.UTC(), AnsweredBy: v.AnsweredBy,
		TransferredTo: v.TransferredTo, TransferredBy: v.TransferredBy, TransferKind: api.ViewTransferKind(v.TransferKind),
		ForwardedTo: v.ForwardedTo, ForwardedBy: v.ForwardedBy, PickedUpBy: v.PickedUpBy, ParkedAt: v.ParkedAt, RetrievedBy: v.RetrievedBy,
		RetrievedFrom: v.RetrievedFrom, Queue: v.Queue, Room: v.Room, ClickToDial: v.ClickToDial, OtherHolds: v.OtherHolds,
		Muted: v.Muted, Parked: v.Parked, Conference: v.Conference, Recording: api.ViewRecording(v.Recording),
		Recorded: wireKnown(v.Recorded), Monitored: wireKnown(v.Monitored), Encrypted: wireKnown(v.Encrypted), SecureLine: wireKnown(v.SecureLine),
		Timeline: wireTimeline(v.Timeline),
	}
}

// wireKnown takes what nobody has said, as on a record from long ago, for unknown.
func wireKnown(k telephony.Known) api.Known { return api.Known(cmp.Or(k, telephony.Unknown)) }

func wireParty(p telephony.Party) api.Party {
	return api.Party{Number: p.Number, Name: p.Name, Extension: p.Extension, IP: p.IP, Withheld: p.Withheld}
}

func wireTimeline(entries []telephony.TimelineEntry) []api.TimelineEntry {
	out := make([]api.TimelineEntry, 0, len(entries))
	for _, e := range entries {
		out = append(out, api.TimelineEntry{At: e.At.UTC(), What: e.What, Extension: e.Extension, Detail: e.Detail})
	}
	return out
}

func wireLink(l *telephony.Link) api.Link {
	return api.Link{State: api.LinkState(l.State), Since: l.Since.UTC(), Peer: l.Peer, Problem: l.Problem, Remedy: l.Remedy, Warnings: l.Warnings}
}

// notification encodes a change for a view; nil if there is nothing in it for that view.
func notification(c *board.Change, v view, epoch string, durable, coalesced bool, can actions) ([]byte, error) {
	if c, _ = v.sight().change(c); c == nil {
		return nil, nil
	}
	if c.Kind == board.RecordChanged && !v.claims && len(c.Shown) == 0 && c.Nothing == nil {
		return nil, nil // a losing claim tells only those who look at claims (B-12)
	}
	data, err := json.Marshal(payload(c, v, durable, can))
	if err != nil {
		return nil, err
	}
	return wrap(api.Notification{
		Specversion: "1.0", ID: board.Cursor{Epoch: epoch, Seq: c.Seq}.String(), Source: lineSource(c.Line), Type: api.NotificationType(c.Kind),
		Time: c.At.UTC(), Subject: c.Record, Datacontenttype: "application/json", Coalesced: coalesced,
	}, data), nil
}

// lineSource is a CloudEvents source: a URI reference.
func lineSource(line string) string {
	if line == "" {
		return "/callboard"
	}
	return "/lines/" + url.PathEscape(line)
}

func wireChanged(c *board.Change, v view) api.ChangedData {
	out := api.ChangedData{Rev: c.Rev, Source: c.Source, Wave: c.Wave, Round: c.Round, Fields: map[string]*api.Field{}}
	for name, f := range c.Fields {
		out.Fields[name] = nil
		switch {
		case f == nil:
		case !f.Blank:
			wired := wireField(f, v)
			out.Fields[name] = &wired
		case v.claims:
			put(&out.Blank, name, wireBlank(f))
		}
	}
	for list, items := range c.Items {
		if out.Items == nil {
			out.Items = map[string][]api.Item{}
		}
		out.Items[list] = wireItems(items)
	}
	if c.Nothing != nil {
		out.Nothing = new(wireNothing(c.Nothing))
	}
	return out
}

func payload(c *board.Change, v view, durable bool, can actions) any {
	switch c.Kind {
	case board.RecordOpened, board.RecordJoined, recordAdded, recordNewest:
		return api.RecordData{Rev: c.Rev, Record: wireRecord(c.Opened, v, durable, can)}
	case board.RecordChanged:
		return wireChanged(c, v)
	case board.RecordErased:
		out := api.ErasedData{Rev: c.Rev}
		if c.Opened != nil {
			out.Record = new(wireRecord(c.Opened, v, durable, can))
		}
		return out
	case board.RecordSettled:
		s := wireSettled(c.Settled)
		return api.SettledData{Rev: c.Rev, Wave: s.Wave, Rounds: s.Rounds, TookMs: s.TookMs, Unanswered: s.Unanswered}
	case board.ItemAdded, board.ItemChanged, board.ItemRemoved:
		return api.ItemData{Rev: c.Rev, List: c.List, Item: wireItem(c.Item)}
	case board.FieldContended:
		return api.ContendedData{Rev: c.Rev, Field: c.Field, Sources: append([]string{}, c.Sources...), Wave: c.Wave}
	case board.AppRegistered, board.AppGone, board.AppQuarantined, board.AppReleased, board.WebhookDisabled:
		out := api.AppData{App: c.App, Field: c.Field, Reason: c.Reason}
		if c.Work != nil {
			out.Needs, out.Gives = c.Work.Needs, c.Work.Gives
		}
		return out
	case string(telephony.PBXConnected), string(telephony.PBXLost):
		return api.LinkData{Line: c.Line, Pbx: wireLink(c.Link)}
	case string(telephony.PBXGap):
		return api.GapData{Line: c.Line, From: c.Gap.From.UTC(), To: c.Gap.To.UTC(), Restarted: c.Gap.Restarted}
	}
	if c.Call != nil {
		return api.CallData{Rev: c.Rev, Call: wireCall(c.Line, c.Call, v, can)}
	}
	return api.RevData{Rev: c.Rev}
}
