package lab_test

import (
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

func TestInboundCall(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t)
	ctx := within(t, 20*time.Second)
	desk, out := l.PhoneT(t, "1001"), l.OutsideT(t)

	oc := dial(t, ctx, out, "5550101", phone.CallOptions{From: "4512345678", Name: `Jørgen "J" Møller`})
	dc := incoming(t, ctx, desk)
	do(t, dc.Ring(ctx), oc.WaitRinging(ctx), dc.Answer(ctx), oc.WaitAnswered(ctx))
	do(t, oc.WaitAudio(ctx, 5), dc.WaitAudio(ctx, 5))
	do(t, dc.Hold(ctx), dc.Resume(ctx), oc.Hangup(ctx))
	if e := ended(t, ctx, dc); e.By != phone.Other || e.How != "BYE" {
		t.Errorf("the desk's call ended %v, want a BYE by the other side", e)
	}
	// chan_pjsip leaves the caller's backslashes in the name and adds its own.
	if got, want := dc.Remote(), (phone.Party{Number: "4512345678", Name: `Jørgen \"J\" Møller`}); got != want {
		t.Errorf("caller at the desk: %+v, want %+v", got, want)
	}
	story(t, desk, "note registered", "saw INVITE", "sent 180 INVITE", "sent 200 INVITE", "saw ACK",
		"sent re-INVITE", "saw 200 INVITE", "note held", "sent re-INVITE", "note resumed", "saw BYE", "note ended")
	story(t, out, "note dialing", "sent INVITE", "saw 180 INVITE", "note ringing", "saw 200 INVITE", "note answered",
		"sent BYE", "saw 200 BYE")
	if held := desk.Find(phone.Sent, "re-INVITE"); len(held) != 2 || !strings.Contains(held[0].Text, "a=sendonly") {
		t.Errorf("re-INVITEs sent: %v, want two, the first with sendonly", held)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t)
	ctx := within(t, 20*time.Second)
	desk, out := l.PhoneT(t, "1001"), l.OutsideT(t)

	for _, c := range []struct {
		status int
		hears  int // the dialplan hangs up with busy (17) or with the desk's cause (21, call rejected)
	}{{486, 486}, {603, 403}} {
		oc := dial(t, ctx, out, "5550101", phone.CallOptions{From: "4512345678"})
		dc := incoming(t, ctx, desk)
		do(t, dc.Ring(ctx), dc.Reject(ctx, c.status))
		if e := ended(t, ctx, dc); e.By != phone.Self || e.Code != c.status {
			t.Errorf("rejected with %d: the desk's call ended %v", c.status, e)
		}
		if e := ended(t, ctx, oc); e.By != phone.Other || e.Code != c.hears {
			t.Errorf("rejected with %d: the caller's call ended %v, want %d", c.status, e, c.hears)
		}
	}

	oc := dial(t, ctx, out, "5550101", phone.CallOptions{From: "4512345678"})
	dc := incoming(t, ctx, desk)
	do(t, dc.Ring(ctx), oc.WaitRinging(ctx), oc.Cancel(ctx))
	if e := ended(t, ctx, oc); e.By != phone.Self || e.How != "CANCEL" {
		t.Errorf("cancelled: the caller's call ended %v", e)
	}
	if e := ended(t, ctx, dc); e.By != phone.Other || e.How != "CANCEL" {
		t.Errorf("cancelled: the desk's call ended %v", e)
	}
	if err := dc.Answer(ctx); err == nil {
		t.Error("a cancelled call could be answered")
	}
	story(t, out, "sent CANCEL", "saw 200 CANCEL", "saw 487 INVITE")
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t)
	ctx := within(t, 20*time.Second)
	desk, out := l.PhoneT(t, "1001"), l.OutsideT(t)

	oc := dial(t, ctx, out, "5550131", phone.CallOptions{From: "4512345678"})
	dc := incoming(t, ctx, desk)
	do(t, dc.Ring(ctx))
	if e := ended(t, ctx, dc); e.By != phone.Other || e.How != "CANCEL" {
		t.Errorf("the desk's call ended %v, want CANCEL", e)
	}
	if e := ended(t, ctx, oc); e.Code != 480 {
		t.Errorf("the caller's call ended %v, want 480", e)
	}
	rang := desk.Find(phone.Note, "ended")[0].At.Sub(desk.Find(phone.Note, "ringing")[0].At)
	if rang < 4*time.Second || rang > 7*time.Second {
		t.Errorf("rang for %v, want 5 s", rang)
	}
}

func TestRingGroup(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t)
	ctx := within(t, 20*time.Second)
	first, second, out := l.PhoneT(t, "1001"), l.PhoneT(t, "1002"), l.OutsideT(t)

	oc := dial(t, ctx, out, "5550200", phone.CallOptions{From: "4512345678"})
	c1, c2 := incoming(t, ctx, first), incoming(t, ctx, second)
	do(t, c1.Ring(ctx), c2.Ring(ctx), c2.Answer(ctx), oc.WaitAnswered(ctx))
	e := ended(t, ctx, c1)
	if e.How != "CANCEL" || !strings.Contains(e.Reason, "Call completed elsewhere") {
		t.Errorf("1001's call ended %v, want CANCEL with call completed elsewhere", e)
	}
	do(t, c2.Hangup(ctx))
	if e := ended(t, ctx, oc); e.By != phone.Other || e.How != "BYE" {
		t.Errorf("the caller's call ended %v, want BYE", e)
	}
}

func TestInternalAndOutbound(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t)
	ctx := within(t, 20*time.Second)
	alice, bob, out := l.PhoneT(t, "1001"), l.PhoneT(t, "1002"), l.OutsideT(t)

	ac := dial(t, ctx, alice, "1002", phone.CallOptions{})
	bc := incoming(t, ctx, bob)
	if got, want := bc.Remote(), (phone.Party{Number: "1001", Name: "Alice One"}); got != want {
		t.Errorf("caller at 1002: %+v, want %+v", got, want)
	}
	do(t, bc.Ring(ctx), ac.WaitRinging(ctx), bc.Answer(ctx), ac.WaitAnswered(ctx), ac.WaitRemote(ctx, "1002"))
	do(t, bc.Hangup(ctx))
	ended(t, ctx, ac)
	story(t, alice, "sent INVITE", "saw 401 INVITE", "sent INVITE", "saw 180 INVITE", "saw 200 INVITE", "saw BYE")

	ac = dial(t, ctx, alice, "95550199", phone.CallOptions{})
	oc := incoming(t, ctx, out)
	if got, want := oc.Remote(), (phone.Party{Number: "5551000", Name: "Lab Company"}); got != want {
		t.Errorf("caller outside: %+v, want %+v", got, want)
	}
	do(t, oc.Ring(ctx), ac.WaitRinging(ctx), oc.Answer(ctx), ac.WaitAnswered(ctx), ac.Hangup(ctx))
	if e := ended(t, ctx, oc); e.How != "BYE" {
		t.Errorf("the outside call ended %v, want BYE", e)
	}

	ac = dial(t, ctx, alice, "95550199", phone.CallOptions{})
	do(t, incoming(t, ctx, out).Reject(ctx, 404))
	if e := ended(t, ctx, ac); e.By != phone.Other || e.Code != 404 {
		t.Errorf("404 from the trunk: the call ended %v", e)
	}
}

func TestTransfers(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t)
	ctx := within(t, 30*time.Second)
	alice, bob, out := l.PhoneT(t, "1001"), l.PhoneT(t, "1002"), l.OutsideT(t)
	talk := func() (outside, desk *phone.Call) {
		t.Helper()
		oc := dial(t, ctx, out, "5550101", phone.CallOptions{From: "4512345678", Name: "Caller"})
		dc := incoming(t, ctx, alice)
		do(t, dc.Ring(ctx), dc.Answer(ctx), oc.WaitAnswered(ctx))
		return oc, dc
	}
	finish := func(oc, bc *phone.Call) {
		t.Helper()
		do(t, bc.WaitRemote(ctx, "4512345678"), oc.WaitRemote(ctx, "1002"), oc.Hangup(ctx))
		ended(t, ctx, bc)
	}

	t.Log("blind")
	oc, ac := talk()
	done := make(chan error, 1)
	go func() { done <- ac.BlindTransfer(ctx, "1002") }()
	bc := incoming(t, ctx, bob)
	do(t, bc.Ring(ctx), <-done, bc.Answer(ctx))
	finish(oc, bc)
	story(t, alice, "sent REFER", "saw 202 REFER", "note transferred")

	t.Log("attended")
	oc, ac = talk()
	do(t, ac.Hold(ctx))
	consult := dial(t, ctx, alice, "1002", phone.CallOptions{})
	bc = incoming(t, ctx, bob)
	do(t, bc.Ring(ctx), bc.Answer(ctx), consult.WaitAnswered(ctx), ac.AttendedTransfer(ctx, consult))
	finish(oc, bc)

	t.Log("parked by the phone, fetched by 1002")
	oc, ac = talk()
	do(t, ac.BlindTransfer(ctx, "700"))
	bc = dial(t, ctx, bob, "701", phone.CallOptions{})
	do(t, bc.WaitAnswered(ctx))
	finish(oc, bc)

	t.Log("transferred by feature code")
	oc, ac = talk()
	do(t, ac.Digits(ctx, "#1"))
	do(t, ac.WaitAudio(ctx, 60)) // the prompt, about a second
	// Asterisk knows the number by its last digit, and may take the call away while that digit still sounds.
	if err := ac.Digits(ctx, "1002"); err != nil {
		t.Log(err)
	}
	bc = incoming(t, ctx, bob)
	do(t, bc.Ring(ctx), bc.Answer(ctx))
	ended(t, ctx, ac)
	finish(oc, bc)
}

// A call over TLS has its audio encrypted, and the other way of forwarding than a dialplan's: 302.
func TestSecurePhoneAndRedirect(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t)
	ctx := within(t, 20*time.Second)
	desk, secure, out := l.PhoneT(t, "1001"), l.PhoneT(t, "1006"), l.OutsideT(t)

	oc := dial(t, ctx, out, "5550101", phone.CallOptions{From: "4512345678"})
	do(t, incoming(t, ctx, desk).Redirect(ctx, "1006"))
	sc := incoming(t, ctx, secure)
	do(t, sc.Ring(ctx), oc.WaitRinging(ctx), sc.Answer(ctx), oc.WaitAnswered(ctx))
	do(t, sc.WaitAudio(ctx, 10), oc.WaitAudio(ctx, 10), sc.Hold(ctx), sc.Resume(ctx))
	if !strings.Contains(sc.Invite, "RTP/SAVP") || !strings.Contains(sc.Invite, "SIP/2.0/TLS") {
		t.Errorf("1006 was not called over TLS with SRTP:\n%s", sc.Invite)
	}
	if trouble := secure.Find(phone.Note, "trouble"); len(trouble) > 0 {
		t.Errorf("trouble at 1006: %v", trouble)
	}
	do(t, sc.Hangup(ctx))
	ended(t, ctx, oc)

	sc = dial(t, ctx, secure, "1001", phone.CallOptions{})
	dc := incoming(t, ctx, desk)
	do(t, dc.Ring(ctx), sc.WaitRinging(ctx), sc.Cancel(ctx))
	ended(t, ctx, dc)
	sc = dial(t, ctx, secure, "1001", phone.CallOptions{})
	dc = incoming(t, ctx, desk)
	do(t, dc.Answer(ctx), sc.WaitAnswered(ctx), sc.WaitAudio(ctx, 5), dc.WaitAudio(ctx, 5), dc.Hangup(ctx))
	ended(t, ctx, sc)
	dc = dial(t, ctx, desk, "1006", phone.CallOptions{})
	do(t, incoming(t, ctx, secure).Reject(ctx, 486))
	if e := ended(t, ctx, dc); e.Code != 486 {
		t.Errorf("1006 was busy: the call ended %v", e)
	}
}

func TestHostileCallers(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t)
	ctx := within(t, 20*time.Second)
	desk, out := l.PhoneT(t, "1001"), l.OutsideT(t)

	for _, o := range []phone.CallOptions{
		{From: "123%0d%0aEvent:%20Hangup", Name: `a"b\c<d>;e=f`},
		{From: "%00%ff%25s", Name: "名前 🙂 %s %n ${CHANNEL}"},
		{From: "anonymous", Name: "Anonymous", Headers: [][2]string{
			{"P-Asserted-Identity", `"Secret" <sip:4512345678@example.net>`}, {"Privacy", "id"}}},
	} {
		oc := dial(t, ctx, out, "5550101", o)
		dc := incoming(t, ctx, desk)
		do(t, dc.Ring(ctx), oc.WaitRinging(ctx), oc.Cancel(ctx))
		ended(t, ctx, dc)
	}
	for _, o := range []phone.CallOptions{{From: "1\r\n2"}, {From: "a@b"}, {Name: "a\nb"}, {Headers: [][2]string{{"X", "a\r\nb"}}}} {
		if _, err := out.Call(ctx, "5550101", o); err == nil {
			t.Errorf("%+q went out", o)
		}
	}
}
