package e2e

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

// becomes waits for one record to be as wanted.
func (c *callboard) becomes(t *testing.T, id, what string, want func(*client.Record) bool) *client.Record {
	t.Helper()
	var found *client.Record
	eventually(t, what, func() bool {
		r, err := c.client.Record(t.Context(), id, true)
		found = r
		return err == nil && want(r)
	})
	return found
}

func state(s string) func(*client.Record) bool {
	return func(r *client.Record) bool { return string(r.Call.State) == s }
}

// talk lets a caller from outside talk to a desk, and gives the record.
func (c *callboard) talk(ctx context.Context, t *testing.T, outside, desk *phone.Phone, number string) (caller, call *phone.Call, record string) {
	t.Helper()
	caller, call = ring(ctx, t, outside, desk, number)
	ringAll(ctx, t, caller, call)
	must(t, call.Answer(ctx))
	must(t, caller.WaitAnswered(ctx))
	must(t, caller.WaitAudio(ctx, 10))
	return caller, call, c.record(t, "they talk", state("connected")).ID
}

// refusedAs wants a problem with a code and a remedy.
func refusedAs(t *testing.T, what string, err error, code, says string) {
	t.Helper()
	p, ok := errors.AsType[*client.Problem](err)
	if !ok || p.Code != code || p.Remedy == "" || !strings.Contains(p.Detail+p.Remedy, says) {
		t.Errorf("%s: %v, want %s with %q in it", what, err, code, says)
	}
}

// TestClickToDial: the user's own phone rings, then the number is called; one record from the click to the end, and the
// colleague sees who calls. What comes to nothing is told and leaves a record, too.
func TestClickToDial(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	l := lab.StartT(t)
	outside, desk, two := l.OutsideT(t), l.PhoneT(t, "1001"), l.PhoneT(t, "1002")
	cb := run(t, t.TempDir(), restricted(l))
	cb.waitConnected(t)

	id, err := cb.client.Dial(ctx, "95550199")
	must(t, err)
	if r := cb.becomes(t, id, "the record is there at once", func(r *client.Record) bool { return r.HasCall() }); r.Call.Direction != "outbound" || !r.Call.ClickToDial {
		t.Errorf("at once it is %s, click to dial %v", r.Call.Direction, r.Call.ClickToDial)
	}
	own, err := desk.Incoming(ctx)
	must(t, err)
	must(t, own.Ring(ctx))
	must(t, own.Answer(ctx))
	far, err := outside.Incoming(ctx)
	must(t, err)
	must(t, far.Ring(ctx))
	must(t, far.Answer(ctx))
	must(t, own.WaitAudio(ctx, 5))
	r := cb.becomes(t, id, "they talk", state("connected"))
	if got := r.Call.Views[0].Party.Number; got != "5550199" || r.Call.Direction != "outbound" || len(r.Call.Views) != 1 {
		t.Errorf("connected with %q, %s, %d views", got, r.Call.Direction, len(r.Call.Views))
	}
	must(t, cb.client.Hangup(ctx, id))
	ended(ctx, t, own, far)
	r = cb.becomes(t, id, "it has ended", callEnded)
	if r.Call.Result != "answered" {
		t.Errorf("result %s", r.Call.Result)
	}
	records, err := cb.client.Records(ctx, "")
	must(t, err)
	if len(records) != 1 {
		t.Errorf("%d records for one call", len(records))
	}

	id, err = cb.client.Dial(ctx, "1002")
	must(t, err)
	own, err = desk.Incoming(ctx)
	must(t, err)
	must(t, own.Answer(ctx))
	far, err = two.Incoming(ctx)
	must(t, err)
	if got := far.Remote(); got.Number != "1001" || got.Name != "Alice One" {
		t.Errorf("the colleague sees %+v, want who calls", got)
	}
	must(t, far.Ring(ctx))
	cb.becomes(t, id, "the colleague rings", state("ringing"))
	must(t, cb.client.Hangup(ctx, id))
	ended(ctx, t, own, far)
	cb.becomes(t, id, "it was given up", callEnded)

	_, err = cb.client.Dial(ctx, "7777777")
	refusedAs(t, "a number that the PBX does not know", err, "pbx_refused", "does not know that number")
	r = cb.record(t, "the attempt is a record", func(r *client.Record) bool { return callEnded(r) && r.ID != id })
	if r.Call.Result != "failed" {
		t.Errorf("an attempt that the PBX refused is %s, want failed", r.Call.Result)
	}
	_, err = cb.client.Dial(ctx, "+4533123456")
	refusedAs(t, "another country", err, "number_denied", "dial.allow")
	must(t, desk.Unregister(ctx))
	id, err = cb.client.Dial(ctx, "1002")
	must(t, err)
	cb.becomes(t, id, "a phone that is not there ends the attempt", callEnded)
}

// TestControl commands calls with the account of an ordinary user, which may do all that does not take system.
func TestControl(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	l := lab.StartT(t)
	outside, desk, two, three := l.OutsideT(t), l.PhoneT(t, "1001"), l.PhoneT(t, "1002"), l.PhoneT(t, "1003")
	pbx := restricted(l)
	pbx.more = "  record_code: \"*3\"\n"
	cb := run(t, t.TempDir(), pbx)
	cb.waitConnected(t)

	t.Run("what is possible is listed, with reasons", func(t *testing.T) {
		status, err := cb.client.Status(ctx)
		must(t, err)
		for _, a := range status.Lines[0].Abilities {
			lacking := slices.Contains([]string{"answer", "hold", "mute"}, string(a.Name))
			if a.Available == lacking || lacking && (!strings.Contains(a.Reason, "system") || !strings.Contains(a.Remedy, "manager.conf")) {
				t.Errorf("%s: available %v, %q, %q", a.Name, a.Available, a.Reason, a.Remedy)
			}
		}
		if w := status.Lines[0].Pbx.Warnings; len(w) != 0 {
			t.Errorf("an account with no right too many is warned of: %q", w)
		}
	})
	t.Run("hang up, DTMF, record and stop by the PBX's code", func(t *testing.T) {
		caller, call, id := cb.talk(ctx, t, outside, desk, "5550101")
		refusedAs(t, "mute", cb.client.Mute(ctx, id, true), "not_possible", "system")
		refusedAs(t, "answer", cb.client.AnswerCall(ctx, id), "not_possible", "system")
		must(t, cb.client.SendDTMF(ctx, id, "4#7"))
		for _, digit := range []string{"4", "#", "7"} {
			eventually(t, "the caller hears "+digit, func() bool {
				return slices.ContainsFunc(outside.Log(), func(e phone.Entry) bool { return e.What == "heard" && e.Text == digit })
			})
		}
		must(t, cb.client.StartRecording(ctx, id))
		cb.becomes(t, id, "it is recorded", func(r *client.Record) bool {
			return r.Call.Recording == "on" && r.Can("stop_recording") && !r.Can("record")
		})
		must(t, cb.client.PauseRecording(ctx, id, true))
		cb.becomes(t, id, "the recording pauses", func(r *client.Record) bool { return r.Call.Recording == "paused" })
		must(t, cb.client.PauseRecording(ctx, id, false))
		cb.becomes(t, id, "the recording goes on", func(r *client.Record) bool { return r.Call.Recording == "on" })
		must(t, cb.client.StopRecording(ctx, id))
		cb.becomes(t, id, "the recording has stopped", func(r *client.Record) bool { return r.Call.Recording == "" && r.Call.Recorded == "yes" })
		must(t, cb.client.Hangup(ctx, id))
		ended(ctx, t, caller, call)
		cb.becomes(t, id, "it is over", callEnded)
		refusedAs(t, "hang up again", cb.client.Hangup(ctx, id), "not_now", "over")
	})
	t.Run("reject", func(t *testing.T) {
		caller, call := ring(ctx, t, outside, desk, "5550101")
		ringAll(ctx, t, caller, call)
		id := cb.record(t, "it rings", ringing).ID
		must(t, cb.client.Hangup(ctx, id))
		ended(ctx, t, caller, call)
		if r := cb.becomes(t, id, "it is over", callEnded); r.Call.Result != "rejected" {
			t.Errorf("result %s, want rejected", r.Call.Result)
		}
	})
	t.Run("blind transfer", func(t *testing.T) {
		caller, call, id := cb.talk(ctx, t, outside, desk, "5550101")
		must(t, cb.client.Transfer(ctx, id, "1002"))
		there, err := two.Incoming(ctx)
		must(t, err)
		must(t, there.Ring(ctx))
		must(t, there.Answer(ctx))
		ended(ctx, t, call)
		must(t, caller.WaitAudio(ctx, 10))
		if r := cb.becomes(t, id, "it was given away", callEnded); r.Call.TransferredTo != "1002" || r.Call.TransferKind != "blind" {
			t.Errorf("transferred to %q (%s)", r.Call.TransferredTo, r.Call.TransferKind)
		}
		must(t, caller.Hangup(ctx))
		ended(ctx, t, there)
	})
	t.Run("transfer while it rings", func(t *testing.T) {
		caller, call := ring(ctx, t, outside, desk, "5550101")
		ringAll(ctx, t, caller, call)
		id := cb.record(t, "it rings", ringing).ID
		must(t, cb.client.Transfer(ctx, id, "1002"))
		there, err := two.Incoming(ctx)
		must(t, err)
		must(t, there.Ring(ctx))
		must(t, there.Answer(ctx))
		must(t, caller.WaitAnswered(ctx))
		ended(ctx, t, call)
		must(t, caller.Hangup(ctx))
		ended(ctx, t, there)
		cb.becomes(t, id, "it is over", callEnded)
	})
	t.Run("consult, cancel, consult, complete", func(t *testing.T) {
		caller, call, id := cb.talk(ctx, t, outside, desk, "5550101")
		must(t, cb.client.Consult(ctx, id, "1002"))
		there, err := two.Incoming(ctx)
		must(t, err)
		must(t, there.Ring(ctx))
		must(t, there.Answer(ctx))
		must(t, there.WaitAudio(ctx, 10))
		must(t, cb.client.Cancel(ctx, id))
		ended(ctx, t, there)
		must(t, caller.WaitAudio(ctx, 10))
		must(t, cb.client.Consult(ctx, id, "1002"))
		there, err = two.Incoming(ctx)
		must(t, err)
		must(t, there.Ring(ctx))
		must(t, there.Answer(ctx))
		must(t, there.WaitAudio(ctx, 10))
		must(t, cb.client.Complete(ctx, id))
		ended(ctx, t, call)
		must(t, caller.WaitAudio(ctx, 10))
		must(t, there.WaitAudio(ctx, 10))
		if r := cb.becomes(t, id, "it was given away", callEnded); r.Call.TransferKind != "attended" {
			t.Errorf("transfer kind %q, want attended", r.Call.TransferKind)
		}
		must(t, caller.Hangup(ctx))
		ended(ctx, t, there)
	})
	t.Run("join two calls", func(t *testing.T) {
		caller, first, id := cb.talk(ctx, t, outside, desk, "5550101")
		must(t, first.Hold(ctx))
		cb.becomes(t, id, "the first is held", state("held"))
		second, there := dial(ctx, t, desk, three, "1003")
		must(t, there.Ring(ctx))
		must(t, there.Answer(ctx))
		must(t, second.WaitAnswered(ctx))
		other := cb.record(t, "the second talks", func(r *client.Record) bool { return r.ID != id && string(r.Call.State) == "connected" }).ID
		must(t, cb.client.Join(ctx, id, other))
		ended(ctx, t, first, second)
		must(t, caller.WaitAudio(ctx, 10))
		must(t, there.WaitAudio(ctx, 10))
		must(t, caller.Hangup(ctx))
		ended(ctx, t, there)
		for _, each := range []string{id, other} {
			cb.becomes(t, each, "it is over", callEnded)
		}
	})
	t.Run("park", func(t *testing.T) {
		caller, call, id := cb.talk(ctx, t, outside, desk, "5550101")
		must(t, cb.client.Park(ctx, id))
		ended(ctx, t, call)
		r := cb.becomes(t, id, "it is parked", func(r *client.Record) bool { return r.Call.ParkedAt != "" })
		fetch, err := two.Call(ctx, r.Call.ParkedAt, phone.CallOptions{})
		must(t, err)
		must(t, fetch.WaitAnswered(ctx))
		must(t, caller.WaitAudio(ctx, 10))
		must(t, caller.Hangup(ctx))
		ended(ctx, t, fetch)
	})
}

// TestControlAll commands the phone itself and what else takes the right system, of which it warns.
func TestControlAll(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	l := lab.StartT(t)
	outside, desk := l.OutsideT(t), l.PhoneT(t, "1001")
	cb := run(t, t.TempDir(), pbxConfig{address: l.AMIAddr(), user: "admin", secret: "lab-admin"})
	cb.waitConnected(t)
	status, err := cb.client.Status(ctx)
	must(t, err)
	if w := strings.Join(status.Lines[0].Pbx.Warnings, " "); !strings.Contains(w, "`all`") {
		t.Errorf("an account that may everything is warned of with %q", w)
	}
	for _, a := range status.Lines[0].Abilities {
		if !a.Available {
			t.Errorf("%s is not available: %s", a.Name, a.Reason)
		}
	}

	caller, call := ring(ctx, t, outside, desk, "5550101")
	ringAll(ctx, t, caller, call)
	id := cb.record(t, "it rings", ringing).ID
	must(t, cb.client.AnswerCall(ctx, id))
	must(t, caller.WaitAnswered(ctx))
	must(t, cb.client.Hold(ctx, id))
	cb.becomes(t, id, "it is held", state("held"))
	must(t, cb.client.Resume(ctx, id))
	cb.becomes(t, id, "they talk again", state("connected"))

	must(t, cb.client.StartRecording(ctx, id))
	cb.becomes(t, id, "it is recorded", func(r *client.Record) bool { return r.Call.Recording == "on" })
	must(t, caller.WaitAudio(ctx, 25))
	must(t, cb.client.PauseRecording(ctx, id, true))
	must(t, cb.client.PauseRecording(ctx, id, false))
	must(t, cb.client.StopRecording(ctx, id))
	eventually(t, "the recording is a file", func() bool {
		files, err := filepath.Glob(filepath.Join(l.Dir(), "spool", "monitor", "callboard-*.wav"))
		must(t, err)
		if len(files) != 1 {
			return false
		}
		info, err := os.Stat(files[0])
		return err == nil && info.Size() > 4000
	})

	must(t, cb.client.Mute(ctx, id, true))
	cb.becomes(t, id, "it is muted", func(r *client.Record) bool { return r.Call.Muted && r.Can("unmute") && !r.Can("mute") })
	must(t, cb.client.Mute(ctx, id, false))
	cb.becomes(t, id, "it is muted no more", func(r *client.Record) bool { return !r.Call.Muted })

	r := cb.becomes(t, id, "the PBX was asked for the addresses", func(r *client.Record) bool {
		return r.Value("user.ip") != "" && r.Value("party.ip") != "" && r.Call.Encrypted != "unknown"
	})
	if r.Value("user.ip") != l.DeskAddr("1001") || r.Value("party.ip") != l.OutsideAddr() || r.Call.Encrypted != "no" {
		t.Errorf("the desk is at %s, the trunk at %s, encrypted %s", r.Value("user.ip"), r.Value("party.ip"), r.Call.Encrypted)
	}
	must(t, caller.Hangup(ctx))
	ended(ctx, t, call)
}

// TestWhatIsAskedFor: encryption and addresses are in no event, nor is it, for this account, that a caller is with the
// voicemail. They are asked for.
func TestWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	l := lab.StartT(t)
	outside, desk, secure := l.OutsideT(t), l.PhoneT(t, "1001"), l.PhoneT(t, "1006")
	cb := runWith(t, t.TempDir(), restricted(l), `[{number: "1001"}, {number: "1006"}]`)
	cb.waitConnected(t)
	caller, call, id := cb.talk(ctx, t, outside, secure, "5550106")
	r := cb.becomes(t, id, "the encryption is known", func(r *client.Record) bool { return r.Call.Encrypted != "unknown" && r.Call.SecureLine != "unknown" })
	if r.Call.Encrypted != "yes" || r.Call.SecureLine != "no" || r.Value("user.ip") != l.DeskAddr("1006") {
		t.Errorf("encrypted %s, secure line %s, user.ip %s", r.Call.Encrypted, r.Call.SecureLine, r.Value("user.ip"))
	}
	must(t, caller.Hangup(ctx))
	ended(ctx, t, call)

	caller, call = ring(ctx, t, outside, desk, "5550121") // for 5 s, then the voicemail
	ringAll(ctx, t, caller, call)
	id = cb.record(t, "it rings", ringing).ID
	must(t, caller.WaitAnswered(ctx))
	if r := cb.becomes(t, id, "the caller is with the voicemail", callEnded); r.Call.Result != "voicemail" {
		t.Errorf("the result is %s, want voicemail", r.Call.Result)
	}
	must(t, caller.Hangup(ctx))
	ended(ctx, t, call)
}

// TestPhoneThatDoesNotReact: the PBX sends, the phone does nothing, and the person is told so.
func TestPhoneThatDoesNotReact(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	l := lab.StartT(t)
	desk, err := phone.New(ctx, phone.Options{Addr: l.DeskAddr("1001"), Server: l.HostAddr(), User: "1001", Password: "pw1001", IgnoreTalk: true})
	must(t, err)
	defer desk.Close()
	must(t, desk.Register(ctx))
	outside := l.OutsideT(t)
	cb := run(t, t.TempDir(), pbxConfig{address: l.AMIAddr(), user: "admin", secret: "lab-admin"})
	cb.waitConnected(t)
	caller, call := ring(ctx, t, outside, desk, "5550101")
	ringAll(ctx, t, caller, call)
	id := cb.record(t, "it rings", ringing).ID
	began := time.Now()
	refusedAs(t, "answer", cb.client.AnswerCall(ctx, id), "phone_did_not_react", "own button")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("told after %v", took)
	}
	must(t, caller.Cancel(ctx))
	ended(ctx, t, call)
}

// TestDialCommand: the same at the terminal.
func TestDialCommand(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	l := lab.StartT(t)
	desk := l.PhoneT(t, "1001")
	cb := run(t, t.TempDir(), restricted(l))
	cb.waitConnected(t)
	say := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, binary, args...)
		cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(cb.folder, "cache"))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := say("dial", "1002")
	if err != nil || !strings.Contains(out, "Your phone rings") || !strings.Contains(out, "rec_") {
		t.Fatalf("dial: %v\n%s", err, out)
	}
	call, err := desk.Incoming(ctx)
	must(t, err)
	must(t, call.Ring(ctx))
	if out, err = say("hangup"); err != nil {
		t.Errorf("hangup: %v\n%s", err, out)
	}
	ended(ctx, t, call)
	for text, args := range map[string][]string{"another country": {"dial", "+4533123456"}, "no call just now": {"hangup"}, `no record "rec_none"`: {"hangup", "rec_none"}} {
		if out, err := say(args...); err == nil || !strings.Contains(out, text) || strings.Contains(out, "HTTP") {
			t.Errorf("%v: %v, %s", args, err, out)
		}
	}
	if out, err = say("app", "add", "--may", "dial,control", "dialer"); err != nil {
		t.Errorf("app add: %v\n%s", err, out)
	}
	if out, err = say("app", "list"); err != nil || !strings.Contains(out, "may dial control") {
		t.Errorf("app list: %v\n%s", err, out)
	}
}

// TestAppsMay: an app commands calls only where the person let it.
func TestAppsMay(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	l := lab.StartT(t)
	desk := l.PhoneT(t, "1001")
	cb := run(t, t.TempDir(), restricted(l))
	cb.waitConnected(t)
	speak := func(id string, may ...client.Permission) *client.Client {
		made, err := cb.client.CreateApp(ctx, id, "", may...)
		must(t, err)
		c, err := client.Connect(ctx, client.Options{URL: cb.url, Token: made.Token})
		must(t, err)
		t.Cleanup(c.Close)
		return c
	}
	_, err := speak("reader").Dial(ctx, "1002")
	refusedAs(t, "an app that may nothing", err, "forbidden", "--may dial")
	dialer := speak("dialer", client.MayDial)
	status, err := dialer.Status(ctx)
	must(t, err)
	if !slices.Equal(status.May, []api.Permission{client.MayDial}) {
		t.Errorf("it may %v", status.May)
	}
	id, err := dialer.Dial(ctx, "1002", client.Key("the-same-intention"))
	must(t, err)
	again, err := dialer.Dial(ctx, "1002", client.Key("the-same-intention"))
	must(t, err)
	if id != again {
		t.Errorf("one intention made records %s and %s", id, again)
	}
	_, err = dialer.Dial(ctx, "1003", client.Key("the-same-intention"))
	refusedAs(t, "the key for another number", err, "idempotency_key_reused", "new key")
	refusedAs(t, "an app that may only dial", dialer.Hangup(ctx, id), "forbidden", "--may control")
	call, err := desk.Incoming(ctx)
	must(t, err)
	must(t, call.Ring(ctx))
	must(t, speak("controller", client.MayControl).Hangup(ctx, id))
	ended(ctx, t, call)
}
