package lab_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

// One call through each of the dialplan's larger flows, so that a lab that cannot do them is found here.
func TestFlows(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t)
	ctx := within(t, 40*time.Second)
	alice, bob, out := l.PhoneT(t, "1001"), l.PhoneT(t, "1002"), l.OutsideT(t)
	caller := phone.CallOptions{From: "4512345678", Name: "Caller"}
	t.Log("queue")
	oc := dial(t, ctx, out, "5550210", caller)
	ac, bc := incoming(t, ctx, alice), incoming(t, ctx, bob)
	do(t, ac.Ring(ctx), bc.Ring(ctx), bc.Answer(ctx), oc.WaitAudio(ctx, 3), bc.WaitAudio(ctx, 3))
	if e := ended(t, ctx, ac); !strings.Contains(e.Reason, "Call completed elsewhere") {
		t.Errorf("queue, answered by another: ended %v", e)
	}
	hangup(t, ctx, oc, bc)

	t.Log("directed pickup")
	oc = dial(t, ctx, out, "5550101", caller)
	ac = incoming(t, ctx, alice)
	do(t, ac.Ring(ctx))
	bc = dial(t, ctx, bob, "**1001", phone.CallOptions{})
	do(t, bc.WaitAnswered(ctx), oc.WaitAnswered(ctx))
	ended(t, ctx, ac)
	hangup(t, ctx, oc, bc)

	t.Log("conference")
	ac, bc = dial(t, ctx, alice, "3000", phone.CallOptions{}), dial(t, ctx, bob, "3000", phone.CallOptions{})
	do(t, ac.WaitAnswered(ctx), bc.WaitAnswered(ctx), ac.WaitAudio(ctx, 10), bc.WaitAudio(ctx, 10))
	do(t, ac.Hangup(ctx), bc.Hangup(ctx))

	t.Log("forward")
	ended(t, ctx, dial(t, ctx, alice, "*7210011002", phone.CallOptions{}))
	oc = dial(t, ctx, out, "5550101", caller)
	bc = incoming(t, ctx, bob)
	do(t, bc.Answer(ctx), oc.WaitAnswered(ctx))
	hangup(t, ctx, oc, bc)
	ended(t, ctx, dial(t, ctx, alice, "*731001", phone.CallOptions{}))
}

func TestRecordingAndVoicemail(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t)
	ctx := within(t, 40*time.Second)
	alice, bob, out := l.PhoneT(t, "1001"), l.PhoneT(t, "1002"), l.OutsideT(t)
	caller := phone.CallOptions{From: "4512345678", Name: "Caller"}

	t.Log("recorded, through a park by feature code")
	oc := dial(t, ctx, out, "5550151", caller)
	ac := incoming(t, ctx, alice)
	do(t, ac.Answer(ctx), oc.WaitAnswered(ctx), ac.WaitAudio(ctx, 10), ac.Digits(ctx, "#72"))
	ended(t, ctx, ac)
	bc := dial(t, ctx, bob, "701", phone.CallOptions{})
	do(t, bc.WaitAnswered(ctx), bc.WaitRemote(ctx, "4512345678"), bc.WaitAudio(ctx, 3))
	hangup(t, ctx, oc, bc)
	if found, err := filepath.Glob(filepath.Join(l.Dir(), "spool/monitor/rec-*.wav")); err != nil || len(found) != 1 {
		t.Errorf("recordings: %v %v", found, err)
	} else if info, err := os.Stat(found[0]); err != nil || info.Size() < 1000 {
		t.Errorf("the recording is empty: %v %v", info, err)
	}

	t.Log("voicemail")
	oc = dial(t, ctx, out, "5550121", caller)
	ac = incoming(t, ctx, alice)
	do(t, ac.Ring(ctx), oc.WaitAnswered(ctx), oc.WaitAudio(ctx, 20))
	if e := ended(t, ctx, ac); e.How != "CANCEL" {
		t.Errorf("voicemail: 1001's call ended %v", e)
	}
	do(t, oc.Hangup(ctx))
}
