package e2e

import (
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

func ringing(r *client.Record) bool   { return r.Call.State == api.CallStateRinging }
func connected(r *client.Record) bool { return r.Call.State == api.CallStateConnected }
func callEnded(r *client.Record) bool { return r.Call.State == api.CallStateEnded }

// talk sets up a call from outside to 1001 and answers it.
func talk(t *testing.T, outside, desk *phone.Phone) (caller, call *phone.Call) {
	t.Helper()
	ctx := bounded(t)
	caller, call = ring(ctx, t, outside, desk, "5550101")
	must(t, call.Ring(ctx))
	must(t, call.Answer(ctx))
	must(t, caller.WaitAnswered(ctx))
	return caller, call
}

// TestKillCallboard kills the program in mid-call and starts it again: nothing that was said is lost, and the call goes on
// as the same call.
func TestKillCallboard(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	l := lab.StartT(t)
	outside, desk := l.OutsideT(t), l.PhoneT(t, "1001")
	folder := t.TempDir()
	cb := run(t, folder, restricted(l))
	cb.waitConnected(t)
	cb.example(t, "addressbook")
	caller, _ := talk(t, outside, desk)
	before := cb.record(t, "connected, with the company", func(r *client.Record) bool {
		return connected(r) && r.Value("party.company") != ""
	})
	_, err := cb.client.AddNote(ctx, before.ID, "called about the order")
	must(t, err)
	_, err = cb.client.Claim(ctx, before.ID, client.NewClaim{Field: "party.name", Value: "Robert J. Caller"})
	must(t, err)

	cb.kill()
	again := run(t, folder, restricted(l))
	again.waitConnected(t)
	after := again.record(t, "live again", connected)
	if after.ID != before.ID || after.Call.ID != before.Call.ID {
		t.Fatalf("another record %s and call %s, want %s and %s", after.ID, after.Call.ID, before.ID, before.Call.ID)
	}
	if !after.Call.StartedAt.Equal(before.Call.StartedAt) || !after.Call.AnsweredAt.Equal(before.Call.AnsweredAt) {
		t.Errorf("started %v and answered %v, want %v and %v", after.Call.StartedAt, after.Call.AnsweredAt, before.Call.StartedAt, before.Call.AnsweredAt)
	}
	if got := after.Value("party.name"); got != "Robert J. Caller" {
		t.Errorf("the person's word reads %q after the restart", got)
	}
	for name, f := range before.Fields {
		if name != "party.name" && after.Value(name) != f.Value {
			t.Errorf("%s reads %q after the restart, want %q", name, after.Value(name), f.Value)
		}
	}
	after, err = again.client.Record(ctx, after.ID, true)
	must(t, err)
	if got := len(after.Fields["party.name"].Claims); got != 3 {
		t.Errorf("%d claims of party.name, want the PBX's, the address book's and the person's", got)
	}
	if notes := after.Notes(); len(notes) != 1 || notes[0].Text != "called about the order" {
		t.Errorf("notes after the restart: %+v", notes)
	}
	must(t, caller.Hangup(ctx))
	ended := again.record(t, "ended", callEnded)
	if ended.Call.Result != api.ResultAnswered || ended.Call.EndedBy != api.EndedByOther {
		t.Errorf("ended as %s by %s, want answered by other", ended.Call.Result, ended.Call.EndedBy)
	}
}

// TestKillAsterisk kills the PBX in mid-call: the call is marked, not lost, and ends as unknown, with what was not seen
// said.
func TestKillAsterisk(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	l := lab.StartT(t)
	outside, desk := l.OutsideT(t), l.PhoneT(t, "1001")
	cb := run(t, t.TempDir(), restricted(l))
	cb.waitConnected(t)
	talk(t, outside, desk)
	cb.record(t, "connected", connected)
	screen := browse(t, cb.page)
	screen.see(callState("connected"))

	l.Kill()
	killed := time.Now()
	cb.record(t, "marked as not seen", func(r *client.Record) bool { return !r.Call.Complete && connected(r) })
	screen.see(`[data-testid="incomplete"]`)
	screen.see(`[data-testid="link-state"][data-state="lost"]`)
	screen.shoot("lost")
	must(t, l.Restart(ctx))
	ended := cb.record(t, "ended", callEnded)
	switch c := ended.Call; {
	case c.Result != api.ResultUnknown:
		t.Errorf("result %q, want unknown", c.Result)
	case !c.EndedAt.IsZero():
		t.Errorf("an end at %v was invented", c.EndedAt)
	case c.EndedAfter.IsZero() || c.EndedBefore.Before(killed) || c.EndedAfter.After(c.EndedBefore):
		t.Errorf("the end was seen neither after %v nor before %v", c.EndedAfter, c.EndedBefore)
	case c.AnsweredAt.IsZero():
		t.Error("when it was answered was seen, and is lost")
	}
	screen.see(`[data-testid="link-state"][data-state="connected"]`)
	screen.see(callState("ended"))
}

// TestRefusals runs against the real Asterisk what cannot work: one clear sentence with a remedy each.
func TestRefusals(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t)
	for name, c := range map[string]struct {
		pbx  pbxConfig
		want string
	}{
		"wrong password":        {pbxConfig{l.AMIAddr(), "u1001", "wrong", ""}, `refused Login as user "u1001".*correct pbx\.username and pbx\.secret`},
		"wrong password in TLS": {pbxConfig{l.AMITLSAddr(), "u1001", "wrong", "  tls: true\n  tls_ca: " + l.CAFile() + "\n"}, `refused Login as user "u1001".*correct pbx\.username and pbx\.secret`},
		"untrusted certificate": {pbxConfig{l.AMITLSAddr(), "u1001", "lab-u1001", "  tls: true\n"}, `certificate of the PBX at \S+ is not trusted.*pbx\.tls_ca`},
		"plain on the TLS port": {pbxConfig{l.AMITLSAddr(), "u1001", "lab-u1001", ""}, `wants TLS`},
		"TLS on the plain port": {pbxConfig{l.AMIAddr(), "u1001", "lab-u1001", "  tls: true\n"}, `does not speak TLS.*pbx\.tls: false`},
		"wrong port":            {pbxConfig{l.HostAddr() + ":5040", "u1001", "lab-u1001", ""}, `Nothing answers at \S+: connection refused.*enabled = yes`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cb := run(t, t.TempDir(), c.pbx)
			cb.waitLine(t, c.want)
		})
	}
	t.Run("TLS to a trusted certificate", func(t *testing.T) {
		t.Parallel()
		run(t, t.TempDir(), pbxConfig{l.AMITLSAddr(), "u1001", "lab-u1001", "  tls: true\n  tls_ca: " + l.CAFile() + "\n"}).waitConnected(t)
	})
}
