package ami

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// messageOf is the message that some lines make.
func messageOf(lines ...string) *Message {
	messages, _, _ := readAll(strings.NewReader(banner + strings.Join(lines, "\r\n") + "\r\n\r\n"))
	return messages[0]
}

// A long text is cut, at the end of a character; a message whose ids are too long to be ids is left out.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ø", 20_000)
	for _, lines := range [][]string{
		{"Event: Newchannel", "Channel: PJSIP/1-1", "CallerIDNum: " + long, "CallerIDName: x" + long, "ConnectedLineNum: " + long, "ConnectedLineName: " + long, "Exten: " + long, "Uniqueid: 1.1", "Linkedid: 1.1"},
		{"Event: QueueCallerJoin", "Queue: " + long, "Uniqueid: 1.1"},
		{"Event: ConfbridgeJoin", "Conference: " + long, "Uniqueid: 1.1"},
		{"Event: Hangup", "Cause-txt: " + long, "Uniqueid: 1.1"},
		{"Event: DialEnd", "Forward: " + long, "DestUniqueid: 1.1"},
		{"Event: BlindTransfer", "Extension: " + long, "TransfererUniqueid: 1.1"},
		{"Event: ParkedCall", "ParkerDialString: " + long, "ParkingSpace: " + long, "ParkeeUniqueid: 1.1"},
		{"Event: ParkedCallTimeOut", "ParkingSpace: " + long, "RetrieverUniqueid: " + long, "ParkeeUniqueid: 1.1"},
	} {
		o, ok := observe(messageOf(lines...), time.Now())
		if told := fmt.Sprintf("%+v", o); !ok || len(told) > 8000 || !utf8.ValidString(told) {
			t.Errorf("%s: told %v with %d bytes", lines[0], ok, len(told))
		}
	}
	id := strings.Repeat("1", longestID+1)
	for _, lines := range [][]string{
		{"Event: Newchannel", "Channel: PJSIP/1-1", "Uniqueid: " + id},
		{"Event: Newchannel", "Channel: PJSIP/1-1", "Uniqueid: 1.1", "Linkedid: " + id},
		{"Event: Newchannel", "Channel: Local/" + long + "-1;1", "Uniqueid: 1.1"},
		{"Event: DialBegin", "Uniqueid: 1.1", "DestUniqueid: " + id},
		{"Event: BridgeEnter", "BridgeUniqueid: " + id, "Uniqueid: 1.1"},
	} {
		if o, ok := observe(messageOf(lines...), time.Now()); ok {
			t.Errorf("%s with a long id is told as %+v", lines[0], o)
		}
	}
	if _, ok := observe(messageOf("Event: Newchannel", "Channel: PJSIP/1-1", "Uniqueid: "+id[1:]), time.Now()); !ok {
		t.Error("the longest id that Asterisk gives is left out")
	}
}

// Bridges without an id are not one bridge.
func TestBridgeWithoutID(t *testing.T) {
	t.Parallel()
	for _, event := range []string{"BridgeEnter", "BridgeLeave"} {
		if o, ok := observe(messageOf("Event: "+event, "BridgeUniqueid: ", "Channel: PJSIP/1-1", "Uniqueid: 1.1"), time.Now()); !ok || o.Fact != (telephony.LegSeen{}) || len(o.Legs) != 1 {
			t.Errorf("%s: %+v", event, o)
		}
	}
}

// What is kept until the list is complete is bounded in bytes, too, and an item with a long id is left out of it.
func TestBytesBeforeTheList(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("n", 60_000)
	for what, lines := range map[string][]string{
		"channels": {"Event: Status", "ActionID: cb-1", "Channel: PJSIP/1-1", "CallerIDName: " + name, "Uniqueid: 1.1"},
		"events":   {"Event: Newchannel", "Channel: PJSIP/1-1", "CallerIDName: " + name, "Uniqueid: 1.1"},
	} {
		s := newSession(New(Config{}).config, nil, nil)
		s.snapshot, s.most = &snapshot{id: "cb-1"}, bounds{legs: 1000, later: 1000, bytes: 100 << 10}
		count := 0
		var err error
		for m := messageOf(lines...); err == nil && count < 1000; count++ {
			err = s.event(m, time.Now())
		}
		if f, ok := errors.AsType[*connector.Failure](err); !ok || !strings.Contains(f.Problem, "100 kB of "+what) || count < 50 || count > 100 {
			t.Errorf("after %d %s: %v", count, what, err)
		}
	}
	s := newSession(New(Config{}).config, nil, nil)
	s.snapshot = &snapshot{id: "cb-1"}
	if err := s.event(messageOf("Event: Status", "ActionID: cb-1", "Channel: PJSIP/1-1", "Uniqueid: "+name), time.Now()); err != nil || len(s.snapshot.legs) > 0 || !s.snapshot.torn {
		t.Errorf("a channel with a long id: %v, %+v", err, s.snapshot)
	}
}

// What waits on a visit is bounded in bytes, and so are the names that are counted. Nothing is lost.
func TestVisitIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const sent = 100
		var flood strings.Builder
		flood.WriteString(banner)
		for i := range sent {
			fmt.Fprintf(&flood, "Event: E%d\r\n", i)
			for range 8 {
				flood.WriteString("H: " + strings.Repeat("z", 60_000) + "\r\n")
			}
			flood.WriteString("\r\n")
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		v := &visit{ctx: ctx, messages: make(chan *Message, 1000), taken: make(chan struct{}, 1), heard: map[string]int{}}
		v.session = &session{reader: NewReader(strings.NewReader(flood.String()))}
		if _, err := v.reader.Banner(); err != nil {
			t.Fatal(err)
		}
		go v.receive()
		synctest.Wait()
		if waiting := v.waiting.Load(); waiting < mostWaiting || waiting > mostWaiting+MaxMessage {
			t.Errorf("%d bytes wait", waiting)
		}
		for i := range sent {
			if m, err := v.next(time.Now().Add(time.Minute)); err != nil || string(m.Event()) != fmt.Sprint("E", i) {
				t.Fatalf("message %d: %v", i, err)
			}
		}
		if len(v.heard) != sent || v.waiting.Load() != 0 {
			t.Errorf("%d names, %d bytes wait", len(v.heard), v.waiting.Load())
		}
	})
}
