//go:build linux

package durable

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/callboard-dev/callboard/api"
)

// TestLateAnswers: an app that answers every work at the very end of its deadline is waited for, and its answers count (B-14).
// `make slow` takes the longest deadline, a minute.
func TestLateAnswers(t *testing.T) {
	t.Parallel()
	deadline, early := 4*time.Second, 2*time.Second
	if *stall > 0 {
		deadline, early = time.Minute, time.Second
	}
	s := newStory(t, newPBX(t))
	s.begin()
	s.letIn(t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), patience+deadline)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, fmt.Sprintf("%s/v1/watch/ws?needs=party.number&gives=party.company&deadline_ms=%d", s.where.now.Load().url, deadline.Milliseconds()),
		&websocket.DialOptions{HTTPClient: s.http, HTTPHeader: http.Header{"Authorization": {"Bearer " + *s.crm.Load()}}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	record := s.lookup("+4520000001")
	for settled := false; !settled; {
		_, text, err := conn.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var n api.Notification
		if err := json.Unmarshal(text, &n); err != nil {
			t.Fatal(err)
		}
		switch n.Type {
		case api.NotificationTypeWork:
			var w api.Work
			if err := json.Unmarshal(n.Data, &w); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(w.DeadlineMs)*time.Millisecond - early) // what is tested
			answer, err := json.Marshal(api.AnswerFrame{Type: api.AnswerFrameTypeAnswer, Work: w.Work, Claims: []api.NewClaim{{Field: "party.company", Value: "Slow A/S"}}})
			if err == nil {
				err = conn.Write(ctx, websocket.MessageText, answer)
			}
			if err != nil {
				t.Fatal(err)
			}
		case api.NotificationTypeRecordSettled:
			var d api.SettledData
			if err := json.Unmarshal(n.Data, &d); err != nil || slices.Contains(d.Unanswered, "crm") || d.TookMs < (deadline-2*early).Milliseconds() {
				t.Errorf("settled %+v, %v", d, err)
			}
			settled = true
		}
	}
	var r api.Record
	if s.get("GET", "/v1/records/"+record, "", &r); r.Fields["party.company"].Value != "Slow A/S" {
		t.Errorf("the answer does not count: %+v", r.Fields)
	}
}
