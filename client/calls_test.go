package client_test

import (
	"context"
	"errors"
	"testing"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/client/clienttest"
)

// Each method gives its command, under a key of its own or the caller's.
func TestCommands(t *testing.T) {
	t.Parallel()
	s := clienttest.New(t)
	c := connect(t, client.Options{URL: s.URL, Token: s.Token})
	ctx := t.Context()
	if id, err := c.Dial(ctx, "+45 12 34 56 78", client.Extension("1001"), client.Key("my-own-key")); err != nil || id != "rec_placed" {
		t.Errorf("dial: %q, %v", id, err)
	}
	var wanted []api.Command
	try := func(want api.Command, err error) {
		t.Helper()
		wanted = append(wanted, want)
		if err != nil {
			t.Errorf("%s: %v", want.Command, err)
		}
	}
	try(api.Command{Command: "answer"}, c.AnswerCall(ctx, "r1"))
	try(api.Command{Command: "hangup", Extension: "1002"}, c.Hangup(ctx, "r1", client.Extension("1002")))
	try(api.Command{Command: "hold"}, c.Hold(ctx, "r1"))
	try(api.Command{Command: "resume"}, c.Resume(ctx, "r1"))
	try(api.Command{Command: "transfer", To: "1003"}, c.Transfer(ctx, "r1", "1003"))
	try(api.Command{Command: "consult", To: "1003"}, c.Consult(ctx, "r1", "1003"))
	try(api.Command{Command: "complete"}, c.Complete(ctx, "r1"))
	try(api.Command{Command: "cancel"}, c.Cancel(ctx, "r1"))
	try(api.Command{Command: "join", Record: "r2"}, c.Join(ctx, "r1", "r2"))
	try(api.Command{Command: "park"}, c.Park(ctx, "r1"))
	try(api.Command{Command: "digits", Digits: "1#"}, c.SendDTMF(ctx, "r1", "1#"))
	try(api.Command{Command: "mute"}, c.Mute(ctx, "r1", true))
	try(api.Command{Command: "unmute"}, c.Mute(ctx, "r1", false))
	try(api.Command{Command: "record"}, c.StartRecording(ctx, "r1"))
	try(api.Command{Command: "pause_recording"}, c.PauseRecording(ctx, "r1", true))
	try(api.Command{Command: "resume_recording"}, c.PauseRecording(ctx, "r1", false))
	try(api.Command{Command: "stop_recording"}, c.StopRecording(ctx, "r1"))
	given := s.Commands()
	if len(given) != len(wanted)+1 || given[0] != (clienttest.Command{Key: "my-own-key", Body: api.Dial{Number: "+45 12 34 56 78", Extension: "1001"}}) {
		t.Fatalf("given: %+v", given)
	}
	keys := map[string]bool{}
	for i, want := range wanted {
		got := given[i+1]
		if got.Body != want || len(got.Key) < 8 || keys[got.Key] {
			t.Errorf("given %+v, want %+v under a new key", got, want)
		}
		keys[got.Key] = true
	}
	if err := c.Hangup(ctx, ".."); err == nil {
		t.Error("a record .. is taken")
	}
}

// A command is never sent again by itself, and its refusal is told.
func TestCommandIsSentOnce(t *testing.T) {
	t.Parallel()
	s := clienttest.New(t)
	c := connect(t, client.Options{URL: s.URL, Token: s.Token})
	s.SetFaults(clienttest.Faults{Status: 503})
	_, err := c.Dial(t.Context(), "1002")
	if p, ok := errors.AsType[*client.Problem](err); !ok || p.Status != 503 {
		t.Errorf("got %v", err)
	}
	asked := 0
	for _, r := range s.Requests() {
		if r == "POST /v1/calls" {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("it was sent %d times", asked)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Hangup(ctx, "r1"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
