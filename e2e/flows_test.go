package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

// flow is one way in which a call goes: what the phones do, and what a right record says of it then. The phones' own logs
// give the times, not the PBX's stream.
type flow struct {
	name string
	act  func(ctx context.Context, t *testing.T, p phones)
	want []view
}

// view is what the record must say of one extension's part.
type view struct {
	extension, direction, number, name, result, endedBy, answeredBy string
	timeline                                                        []string
}

type phones struct{ outside, one, two, three *phone.Phone }

// TestFlows makes real calls between real phones, one after the other, with three extensions on one line.
func TestFlows(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t)
	p := phones{l.OutsideT(t), l.PhoneT(t, "1001"), l.PhoneT(t, "1002"), l.PhoneT(t, "1003")}
	folder := t.TempDir()
	pbx := restricted(l)
	cb := runWith(t, folder, pbx, `[{number: "1001"}, {number: "1002"}, {number: "1003"}]`)
	cb.waitConnected(t)
	seen := map[string]bool{}
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			ctx := bounded(t)
			f.act(ctx, t, p)
			record := cb.record(t, "a call of its own has ended", func(r *client.Record) bool { return !seen[r.ID] && callEnded(r) })
			seen[record.ID] = true
			compareViews(t, record.Call, f.want)
		})
	}
	records, err := cb.client.Records(t.Context(), "")
	must(t, err)
	if len(records) != len(flows) {
		t.Errorf("%d records for %d calls", len(records), len(flows))
	}
}

func compareViews(t *testing.T, call api.Call, want []view) {
	t.Helper()
	if len(call.Views) != len(want) {
		t.Fatalf("%d views, want %d: %+v", len(call.Views), len(want), call.Views)
	}
	for _, w := range want {
		i := slices.IndexFunc(call.Views, func(v api.View) bool { return v.Extension == w.extension })
		if i < 0 {
			t.Fatalf("no view of %s", w.extension)
		}
		v := call.Views[i]
		got := view{v.Extension, string(v.Direction), v.Party.Number, v.Party.Name, string(v.Result), string(v.EndedBy), v.AnsweredBy, nil}
		for _, entry := range v.Timeline {
			got.timeline = append(got.timeline, entry.What)
		}
		if fmt.Sprint(got) != fmt.Sprint(w) {
			t.Errorf("got  %v\nwant %v", got, w)
		}
	}
	if !call.Complete {
		t.Error("the whole call was seen, and is marked as not")
	}
}

// reach calls a number from one phone and waits until another has the call.
func reach(ctx context.Context, t *testing.T, from, to *phone.Phone, number string, as phone.CallOptions) (caller, call *phone.Call) {
	t.Helper()
	caller, err := from.Call(ctx, number, as)
	must(t, err)
	call, err = to.Incoming(ctx)
	must(t, err)
	return caller, call
}

// ring calls a number of the PBX from outside and waits until the desk has the call.
func ring(ctx context.Context, t *testing.T, outside, desk *phone.Phone, number string) (caller, call *phone.Call) {
	t.Helper()
	return reach(ctx, t, outside, desk, number, phone.CallOptions{From: "2025550143", Name: "Bob Caller"})
}

func ringAll(ctx context.Context, t *testing.T, caller *phone.Call, calls ...*phone.Call) {
	t.Helper()
	for _, c := range calls {
		must(t, c.Ring(ctx))
	}
	must(t, caller.WaitRinging(ctx))
}

func ended(ctx context.Context, t *testing.T, calls ...*phone.Call) {
	t.Helper()
	for _, c := range calls {
		_, err := c.WaitEnded(ctx)
		must(t, err)
	}
}

const bob, bobsNumber = "Bob Caller", "2025550143"

var flows = []flow{
	{"inbound, answered, the caller hangs up", func(ctx context.Context, t *testing.T, p phones) {
		caller, call := ring(ctx, t, p.outside, p.one, "5550101")
		ringAll(ctx, t, caller, call)
		must(t, call.Answer(ctx))
		must(t, caller.WaitAnswered(ctx))
		must(t, caller.Hangup(ctx))
		ended(ctx, t, call)
	}, []view{{"1001", "inbound", bobsNumber, bob, "answered", "other", "", []string{"ringing", "connected", "ended"}}}},

	{"inbound, answered, 1001 hangs up", func(ctx context.Context, t *testing.T, p phones) {
		caller, call := ring(ctx, t, p.outside, p.one, "5550101")
		ringAll(ctx, t, caller, call)
		must(t, call.Answer(ctx))
		must(t, caller.WaitAnswered(ctx))
		must(t, call.Hangup(ctx))
		ended(ctx, t, caller)
	}, []view{{"1001", "inbound", bobsNumber, bob, "answered", "self", "", []string{"ringing", "connected", "ended"}}}},

	{"hold and resume", func(ctx context.Context, t *testing.T, p phones) {
		caller, call := ring(ctx, t, p.outside, p.one, "5550101")
		ringAll(ctx, t, caller, call)
		must(t, call.Answer(ctx))
		must(t, caller.WaitAnswered(ctx))
		must(t, call.Hold(ctx))
		must(t, caller.WaitAudio(ctx, 10))
		must(t, call.Resume(ctx))
		must(t, caller.WaitAudio(ctx, 10))
		must(t, caller.Hangup(ctx))
		ended(ctx, t, call)
	}, []view{{"1001", "inbound", bobsNumber, bob, "answered", "other", "", []string{"ringing", "connected", "held", "resumed", "ended"}}}},

	{"busy", func(ctx context.Context, t *testing.T, p phones) {
		caller, call := ring(ctx, t, p.outside, p.one, "5550101")
		must(t, call.Reject(ctx, 486))
		ended(ctx, t, caller)
	}, []view{{"1001", "inbound", bobsNumber, bob, "busy", "self", "", []string{"ended"}}}},

	{"rejected", func(ctx context.Context, t *testing.T, p phones) {
		caller, call := ring(ctx, t, p.outside, p.one, "5550101")
		ringAll(ctx, t, caller, call)
		must(t, call.Reject(ctx, 603))
		ended(ctx, t, caller)
	}, []view{{"1001", "inbound", bobsNumber, bob, "rejected", "self", "", []string{"ringing", "ended"}}}},

	{"cancelled", func(ctx context.Context, t *testing.T, p phones) {
		caller, call := ring(ctx, t, p.outside, p.one, "5550101")
		ringAll(ctx, t, caller, call)
		must(t, caller.Cancel(ctx))
		ended(ctx, t, call)
	}, []view{{"1001", "inbound", bobsNumber, bob, "cancelled", "other", "", []string{"ringing", "ended"}}}},

	{"no answer", func(ctx context.Context, t *testing.T, p phones) {
		caller, call := ring(ctx, t, p.outside, p.one, "5550131")
		ringAll(ctx, t, caller, call)
		ended(ctx, t, caller, call)
	}, []view{{"1001", "inbound", bobsNumber, bob, "missed", "pbx", "", []string{"ringing", "ended"}}}},

	{"ring group, 1002 answers", func(ctx context.Context, t *testing.T, p phones) {
		caller, first := ring(ctx, t, p.outside, p.one, "5550200")
		second, err := p.two.Incoming(ctx)
		must(t, err)
		third, err := p.three.Incoming(ctx)
		must(t, err)
		ringAll(ctx, t, caller, first, second, third)
		must(t, second.Answer(ctx))
		must(t, caller.WaitAnswered(ctx))
		ended(ctx, t, first, third)
		must(t, caller.Hangup(ctx))
		ended(ctx, t, second)
	}, []view{
		{"1001", "inbound", bobsNumber, bob, "answered_elsewhere", "pbx", "1002", []string{"ringing", "ended"}},
		{"1002", "inbound", bobsNumber, bob, "answered", "other", "", []string{"ringing", "connected", "ended"}},
		{"1003", "inbound", bobsNumber, bob, "answered_elsewhere", "pbx", "1002", []string{"ringing", "ended"}},
	}},

	{"outbound, answered", func(ctx context.Context, t *testing.T, p phones) {
		caller, call := dial(ctx, t, p.one, p.outside, "95550199")
		ringAll(ctx, t, caller, call)
		must(t, call.Answer(ctx))
		must(t, caller.WaitAnswered(ctx))
		must(t, caller.Hangup(ctx))
		ended(ctx, t, call)
	}, []view{{"1001", "outbound", "5550199", "", "answered", "self", "", []string{"dialing", "ringing", "connected", "ended"}}}},

	{"outbound, busy", func(ctx context.Context, t *testing.T, p phones) {
		caller, call := dial(ctx, t, p.one, p.outside, "95550199")
		must(t, call.Reject(ctx, 486))
		ended(ctx, t, caller)
	}, []view{{"1001", "outbound", "5550199", "", "busy", "other", "", []string{"dialing", "ended"}}}},

	{"outbound, 1001 gives up", func(ctx context.Context, t *testing.T, p phones) {
		caller, call := dial(ctx, t, p.one, p.outside, "95550199")
		ringAll(ctx, t, caller, call)
		must(t, caller.Cancel(ctx))
		ended(ctx, t, call)
	}, []view{{"1001", "outbound", "5550199", "", "cancelled", "self", "", []string{"dialing", "ringing", "ended"}}}},

	{"internal, both ends are ours", func(ctx context.Context, t *testing.T, p phones) {
		caller, call := dial(ctx, t, p.one, p.two, "1002")
		ringAll(ctx, t, caller, call)
		must(t, call.Answer(ctx))
		must(t, caller.WaitAnswered(ctx))
		must(t, call.Hangup(ctx))
		ended(ctx, t, caller)
	}, []view{
		{"1001", "internal", "1002", "Bob Two", "answered", "other", "", []string{"dialing", "ringing", "connected", "ended"}},
		{"1002", "internal", "1001", "Alice One", "answered", "self", "", []string{"ringing", "connected", "ended"}},
	}},
}

func dial(ctx context.Context, t *testing.T, from, to *phone.Phone, number string) (caller, call *phone.Call) {
	t.Helper()
	return reach(ctx, t, from, to, number, phone.CallOptions{})
}

// TestTimesArePhones holds the times of a record against the phones' own log.
func TestTimesArePhones(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	l := lab.StartT(t)
	outside, desk := l.OutsideT(t), l.PhoneT(t, "1001")
	cb := run(t, t.TempDir(), restricted(l))
	cb.waitConnected(t)
	caller, call := ring(ctx, t, outside, desk, "5550101")
	ringAll(ctx, t, caller, call)
	cb.record(t, "ringing", ringing)
	must(t, call.Answer(ctx))
	must(t, caller.WaitAudio(ctx, 20))
	must(t, caller.Hangup(ctx))
	ended(ctx, t, call)
	record := cb.record(t, "ended", callEnded)
	happened := map[string]time.Time{}
	for _, entry := range desk.Log() {
		if entry.Dir == phone.Note {
			happened[entry.What] = entry.At
		}
	}
	for what, got := range map[string]time.Time{"answered": record.Call.AnsweredAt, "ended": record.Call.EndedAt} {
		if off := got.Sub(happened[what]).Abs(); off > 300*time.Millisecond {
			t.Errorf("%s at %v, the phone says %v: %v apart", what, got, happened[what], off)
		}
	}
}
