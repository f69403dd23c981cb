package ami

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// exchange is a PBX in a bubble that logs a client in, says what its account may, and answers the rest as a test wants.
type exchange struct {
	script
	rights string                               // lines of ListCommands
	reply  func(m *Message, id string) []string // what else is said; nil: Success at once

	mu   sync.Mutex
	seen []*Message
}

func success(id string) string { return "Response: Success\r\nActionID: " + id + "\r\n\r\n" }

func (x *exchange) serve() {
	x.say(banner)
	r := NewReader(io.MultiReader(strings.NewReader(banner), x.conn))
	if _, err := r.Banner(); err != nil {
		return
	}
	for m, err := r.Next(); err == nil; m, err = r.Next() {
		id := m.Text("ActionID")
		head := "Response: Success\r\nActionID: " + id + "\r\n"
		switch m.Text("Action") {
		case "Challenge":
			x.say(head + "Challenge: 1\r\n\r\n")
		case "Login", "CoreSettings", "Ping":
			x.say(head + "\r\n")
		case "ListCommands":
			x.say(head + x.rights + "\r\n")
		case "Status":
			x.say(head + "\r\nEvent: StatusComplete\r\nActionID: " + id + "\r\nListItems: 0\r\n\r\n")
		default:
			x.mu.Lock()
			x.seen = append(x.seen, m.Clone())
			x.mu.Unlock()
			if x.reply == nil {
				x.say(head + "\r\n")
				continue
			}
			for _, text := range x.reply(m, id) {
				x.say(text)
			}
		}
	}
}

func (x *exchange) actions() (names []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.seen {
		names = append(names, m.Text("Action"))
	}
	return names
}

// all is what an account may that may all that we use.
const all = "Atxfer: x  (Priv: call,all)\r\nBlindTransfer: x  (Priv: call,all)\r\nBridge: x  (Priv: call,all)\r\nGetvar: x  (Priv: call,reporting,all)\r\n" +
	"Hangup: x  (Priv: system,call,all)\r\nOriginate: x  (Priv: originate,all)\r\nPark: x  (Priv: call,all)\r\nPlayDTMF: x  (Priv: call,all)\r\n" +
	"Redirect: x  (Priv: call,all)\r\nPing: x  (Priv: <none>)\r\nMixMonitorMute: x  (Priv: system,call,all)\r\nStopMixMonitor: x  (Priv: system,call,all)\r\n"

// linked runs a connector against an exchange in a bubble, and calls do once it is up.
func linked(t *testing.T, x *exchange, config Config, do func(t *testing.T, c *Connector)) (reported []telephony.Observation) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := New(config)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var doing sync.WaitGroup
		c.config.Address, c.config.Username, c.config.Secret = "127.0.0.1:5038", "alice", "s"
		err, _, seen := pipedTo(t, c, &x.script, x.serve, ctx, func(o telephony.Observation) {
			if _, up := o.Fact.(telephony.Snapshot); up {
				doing.Go(func() {
					defer cancel()
					do(t, c)
				})
			}
		})
		doing.Wait()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
		reported = seen
	})
	return reported
}

var one = telephony.Leg{ID: "1700000000.1", Device: "PJSIP/1001"}

// Each gets the answer to its own action, in whatever order they come, and a copy that stays.
func TestRepliesReachWhoAsked(t *testing.T) {
	t.Parallel()
	var held []string
	x := &exchange{rights: all}
	x.reply = func(m *Message, id string) []string {
		held = append(held, "Response: Success\r\nActionID: "+id+"\r\nValue: "+m.Text("Variable")+"\r\n\r\nEvent: Newexten\r\n\r\n")
		if len(held) < inFlight {
			return nil
		}
		slices.Reverse(held)
		out := held
		held = nil
		return out
	}
	linked(t, x, Config{}, func(t *testing.T, c *Connector) {
		var asking sync.WaitGroup
		for n := range 3 * inFlight { // more than may be under way: the others wait for a place
			asking.Go(func() {
				want := fmt.Sprint("V", n)
				m, err := c.act(t.Context(), Action{Name: "Getvar", Fields: []Pair{{"Variable", want}}})
				if err != nil || m.Text("Value") != want {
					t.Errorf("%s is answered with %v, %v", want, m, err)
				}
			})
		}
		asking.Wait()
	})
}

// A refusal is told with the PBX's own word; silence after a time; and with the link go all who wait.
func TestActionsThatFail(t *testing.T) {
	t.Parallel()
	code := func(err error) telephony.Code {
		known, ok := errors.AsType[*telephony.Error](err)
		if !ok || known.Message == "" || known.Remedy == "" {
			t.Errorf("told as %v", err)
			return ""
		}
		return known.Code
	}
	x := &exchange{rights: all}
	x.reply = func(m *Message, id string) []string {
		switch m.Text("Action") {
		case "Hangup":
			return []string{"Response: Error\r\nActionID: " + id + "\r\nMessage: No such channel\r\n\r\n"}
		case "Bridge":
			return []string{"Event: Shutdown\r\n\r\n"}
		}
		return nil
	}
	c := New(Config{})
	if err := c.Hangup(t.Context(), one, telephony.CauseNormal); code(err) != telephony.CodePBXAway {
		t.Errorf("without a link: %v", err)
	}
	if lack := c.Lacks(telephony.AbleHangup, ""); lack == nil || lack.Remedy == "" {
		t.Error("without a link nothing can be done, and that is not said")
	}
	synctest.Test(t, func(t *testing.T) {
		c := New(Config{Address: "pbx", Username: "u", Secret: "s"})
		var waiting sync.WaitGroup
		err, _, _ := pipedTo(t, c, &x.script, x.serve, t.Context(), func(o telephony.Observation) {
			if _, up := o.Fact.(telephony.Snapshot); !up {
				return
			}
			waiting.Go(func() {
				if err := c.Hangup(t.Context(), one, telephony.CauseNormal); code(err) != telephony.CodePBXRefused || !strings.Contains(err.Error(), "No such channel") {
					t.Errorf("refused: %v", err)
				}
				start := time.Now()
				if err := c.Mute(t.Context(), one, true); code(err) != telephony.CodePBXAway || time.Since(start) != answerLimit {
					t.Errorf("silent for %v: %v", time.Since(start), err)
				}
				for range 3 {
					waiting.Go(func() {
						if err := c.Park(t.Context(), one, one); code(err) != telephony.CodePBXAway {
							t.Errorf("the link went: %v", err)
						}
					})
				}
				synctest.Wait()
				if err := c.Join(t.Context(), one, one); code(err) != telephony.CodePBXAway {
					t.Errorf("the link went: %v", err)
				}
			})
		})
		waiting.Wait()
		if f, ok := errors.AsType[*connector.Failure](err); !ok || !strings.Contains(f.Problem, "shutting down") || c.linked.Load() != nil {
			t.Errorf("Run returned %v", err)
		}
	})
}

func second(_ bool, err error) error { return err }

// What each ability sends, word for word.
func TestActions(t *testing.T) {
	t.Parallel()
	own, other := telephony.Leg{ID: "1.1", Device: "PJSIP/my-phone"}, telephony.Leg{ID: "1.2", Device: "PJSIP/trunk"}
	x := &exchange{rights: all}
	linked(t, x, Config{Context: "desks", RecordCode: "*3"}, func(t *testing.T, c *Connector) {
		ctx := t.Context()
		for n, err := range []error{
			c.Originate(ctx, connector.Placement{Leg: "leg_1", Device: "PJSIP/1001", Number: "95550199", Show: "1001", Timeout: 30 * time.Second}),
			c.Hangup(ctx, own, telephony.CauseNormal), c.Hangup(ctx, own, telephony.CauseRejected), c.Hangup(ctx, own, telephony.CauseBusy),
			c.BlindTransfer(ctx, own, "1002"), c.Deflect(ctx, own, other, "1002"),
			c.Consult(ctx, own, "1002"), c.CancelConsult(ctx, own), c.CompleteConsult(ctx, own),
			c.Join(ctx, own, other), c.Park(ctx, own, other), c.SendDigit(ctx, other, '#', false), c.SendDigit(ctx, own, '1', true),
			second(c.StartRecording(ctx, own)), c.PauseRecording(ctx, []telephony.Leg{own, other}, true), c.PauseRecording(ctx, []telephony.Leg{own}, false),
			c.StopRecording(ctx, []telephony.Leg{own}), c.Mute(ctx, own, true), c.Mute(ctx, own, false),
			c.Answer(ctx, own), c.Hold(ctx, own), c.Resume(ctx, own),
		} {
			if err != nil {
				t.Errorf("%d: %v", n, err)
			}
		}
	})
	const asks = "Getvar Variable=DIALPLAN_EXISTS(desks,1002,1)"
	want := []string{
		"Originate Channel=PJSIP/1001 Context=desks Exten=95550199 Priority=1 Async=true Timeout=30000 ChannelId=leg_1 CallerID=<1001>",
		"Hangup Channel=1.1 Cause=16", "Hangup Channel=1.1 Cause=21", "Hangup Channel=1.1 Cause=17",
		asks, "BlindTransfer Channel=1.1 Context=desks Exten=1002", asks, "Redirect Channel=1.2 Context=desks Exten=1002 Priority=1",
		asks, "Atxfer Channel=1.1 Context=desks Exten=1002", "CancelAtxfer Channel=1.1", "Hangup Channel=1.1 Cause=16",
		"Bridge Channel1=1.1 Channel2=1.2", "Park Channel=1.2 TimeoutChannel=PJSIP/my-phone-0", "PlayDTMF Channel=1.2 Digit=#", "PlayDTMF Channel=1.1 Digit=1 Receive=true",
		"PlayDTMF Channel=1.1 Digit=* Receive=true", "PlayDTMF Channel=1.1 Digit=3 Receive=true",
		"MixMonitorMute Channel=1.1 Direction=both State=1", "MixMonitorMute Channel=1.1 Direction=both State=0",
		"StopMixMonitor Channel=1.1", "MuteAudio Channel=1.1 Direction=in State=on", "MuteAudio Channel=1.1 Direction=in State=off",
		"PJSIPNotify Channel=1.1 Variable=Event=talk", "PJSIPNotify Channel=1.1 Variable=Event=hold", "PJSIPNotify Channel=1.1 Variable=Event=talk",
	}
	var got []string
	for _, m := range x.seen {
		line := m.Text("Action")
		for i, f := range m.Fields {
			if i > 0 && string(f.Key) != "ActionID" {
				line += " " + string(f.Key) + "=" + string(f.Value)
			}
		}
		got = append(got, line)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The dialplan's context is asked for once, and where a device has none, is what most PBXs have.
func TestContextIsAskedFor(t *testing.T) {
	t.Parallel()
	x := &exchange{rights: all}
	x.reply = func(m *Message, id string) []string {
		if m.Text("Variable") == "PJSIP_ENDPOINT(1001,context)" {
			return []string{"Response: Success\r\nActionID: " + id + "\r\nVariable: x\r\nValue: desks\r\n\r\n"}
		}
		return []string{success(id)}
	}
	linked(t, x, Config{}, func(t *testing.T, c *Connector) {
		for _, device := range []string{"PJSIP/1001", "PJSIP/1001", "PJSIP/1002", "SIP/1003"} {
			if err := c.BlindTransfer(t.Context(), telephony.Leg{ID: "1.1", Device: device}, "1004"); err != nil {
				t.Error(err)
			}
		}
	})
	var places []string
	for _, m := range x.seen {
		if m.Text("Action") == "BlindTransfer" {
			places = append(places, m.Text("Context"))
		}
	}
	if fmt.Sprint(places) != "[desks desks from-internal from-internal]" || len(x.seen) != 10 {
		t.Errorf("%d actions, in the contexts %v", len(x.seen), places)
	}
}

// SEC-30: whatever text is given, what goes out is one message of the kind that was meant, or none.
func TestHostileArguments(t *testing.T) {
	t.Parallel()
	x := &exchange{rights: all}
	linked(t, x, Config{Context: "desks"}, func(t *testing.T, c *Connector) {
		odd := rapid.SampledFrom([]string{"\r\n", "\x00", "&", ",", "/", "|", "^", "{", "}", "$", "(", ")", "\"", "<", ">", "=", ":", " ", "1", "*", "#", "+", "a", "å", "-", ";"})
		texts := rapid.SliceOfN(odd, 0, 12)
		for seed := range 500 { // rapid.Check asks for a deadline, which a bubble has not
			text := strings.Join(texts.Example(seed), "")
			leg := telephony.Leg{ID: telephony.LegID(text), Device: text}
			ctx := t.Context()
			_ = c.Originate(ctx, connector.Placement{Leg: "leg_1", Device: text, Number: text, Show: text})
			_ = c.Originate(ctx, connector.Placement{Leg: leg.ID, Device: "PJSIP/1001", Number: text, Show: text})
			_ = c.BlindTransfer(ctx, leg, text)
			_ = c.Deflect(ctx, one, leg, "1002")
			_ = c.Join(ctx, one, leg)
			_ = c.Park(ctx, leg, one)
			_ = c.Hangup(ctx, leg, telephony.CauseNormal)
			_, _ = c.StartRecording(ctx, leg)
		}
	})
	asks := regexp.MustCompile(`^DIALPLAN_EXISTS\(desks,[0-9+*#]+,1\)$`)
	for _, m := range x.seen {
		for _, f := range m.Fields {
			if asks.Match(f.Value) {
				continue
			}
			if strings.ContainsAny(string(f.Value), "&,|^{}$()\" =\r\n\x00") || string(f.Key) == "Channel" && len(f.Value) > 0 && f.Value[0] == '/' {
				t.Errorf("sent %s: %q", f.Key, f.Value)
			}
		}
	}
}

// A call that is asked for and never made is told as gone; one that is made is followed by its own events.
func TestPlacedAndNeverMade(t *testing.T) {
	t.Parallel()
	x := &exchange{rights: all}
	x.reply = func(m *Message, id string) []string {
		if m.Text("Action") != "Originate" {
			return []string{success(id)}
		}
		leg := m.Text("ChannelId")
		made := "Event: Newchannel\r\nChannel: PJSIP/1001-1\r\nChannelState: 0\r\nUniqueid: " + leg + "\r\nLinkedid: " + leg + "\r\n\r\n"
		failed := "Event: OriginateResponse\r\nActionID: " + id + "\r\nResponse: Failure\r\nChannel: PJSIP/1001\r\nReason: 0\r\nUniqueid: " + leg + "\r\n\r\n"
		switch leg {
		case "leg_refused":
			return []string{"Response: Error\r\nActionID: " + id + "\r\nMessage: Extension does not exist.\r\n\r\n"}
		case "leg_made":
			return []string{success(id), made, failed}
		}
		return []string{success(id), failed, failed}
	}
	reported := linked(t, x, Config{Context: "desks"}, func(t *testing.T, c *Connector) {
		for _, leg := range []telephony.LegID{"leg_refused", "leg_absent", "leg_made"} {
			err := c.Originate(t.Context(), connector.Placement{Leg: leg, Device: "PJSIP/1001", Number: "1002"})
			if (err != nil) != (leg == "leg_refused") {
				t.Errorf("%s: %v", leg, err)
			}
		}
		synctest.Wait()
	})
	var gone []string
	for _, o := range reported {
		if f, ok := o.Fact.(telephony.LegGone); ok {
			gone = append(gone, string(f.Leg)+" "+string(f.Cause.Kind))
		}
	}
	if fmt.Sprint(gone) != "[leg_absent unreachable]" {
		t.Errorf("gone: %v", gone)
	}
}

// Variables are asked for at most five times a second, and a called device is not asked what Asterisk would complain about.
func TestInspect(t *testing.T) {
	t.Parallel()
	values := map[string]string{"CHANNEL(pjsip,remote_addr)": "192.0.2.7:5060", "CHANNEL(pjsip,target_uri)": "sip:1001@192.0.2.8:5061;transport=tls",
		"CHANNEL(pjsip,secure)": "1", "CALLERID(pres)": "prohib_not_screened", "CHANNEL(rtp,dest)": "192.0.2.9:4000", "CHANNEL(rtp,secure,audio)": "0",
		"CHANNEL(onhold)": "1", "CHANNEL(appname)": "VoiceMail"}
	x := &exchange{rights: all}
	x.reply = func(m *Message, id string) []string {
		return []string{"Response: Success\r\nActionID: " + id + "\r\nVariable: x\r\nValue: " + values[m.Text("Variable")] + "\r\n\r\n"}
	}
	const everything = connector.AspectDevice | connector.AspectMedia | connector.AspectHold
	linked(t, x, Config{}, func(t *testing.T, c *Connector) {
		start := time.Now()
		want := telephony.LegInspected{Leg: "1.1", Address: "192.0.2.7:5060", MediaAddress: "192.0.2.9:4000", Signalling: "yes", Media: "no", Withheld: "yes", Held: "yes"}
		if got, err := c.Inspect(t.Context(), telephony.Leg{ID: "1.1", Caller: true}, everything); err != nil || got != want {
			t.Errorf("a caller: %+v, %v", got, err)
		}
		if got, err := c.Inspect(t.Context(), telephony.Leg{ID: "1.2"}, connector.AspectDevice); err != nil || got.Address != "192.0.2.8:5061" || got.Held != "unknown" {
			t.Errorf("a called device: %+v, %v", got, err)
		}
		if got, err := c.Service(t.Context(), telephony.Leg{ID: "1.1"}); err != nil || got != telephony.ServiceVoicemail {
			t.Errorf("a service: %q, %v", got, err)
		}
		if took, n := time.Since(start), len(x.actions()); n != 10 || took < time.Duration(n-1)*time.Second/asksPerSecond {
			t.Errorf("%d variables in %v", n, took)
		}
	})
	for _, m := range x.seen {
		if m.Text("Channel") == "1.2" && m.Text("Variable") == "CHANNEL(pjsip,remote_addr)" {
			t.Error("a called device is asked for an address that it has not")
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"sip:1001@192.0.2.8:5060": "192.0.2.8:5060", "<sip:1001@192.0.2.8>": "192.0.2.8:5060", "sips:a@[2001:db8::1]:5061;x=y": "[2001:db8::1]:5061",
		"sip:a@[2001:db8::1]": "[2001:db8::1]:5060", "sip:a@pbx.example": "", "sip:192.0.2.8": "", "": "", "sip:a@192.0.2.8:x": "",
	} {
		if got := addressOfURI(uri); got != want {
			t.Errorf("%q: got %q, want %q", uri, got, want)
		}
	}
	if address("(null)") != "" || withheld("unavailable") != telephony.Unknown || known("") != telephony.Unknown {
		t.Error("what the PBX did not say is taken for something")
	}
}

// What an account lacks is said with the line that gives it, and what it has too much is warned of.
func TestLacks(t *testing.T) {
	t.Parallel()
	x := &exchange{rights: all}
	reported := linked(t, x, Config{}, func(t *testing.T, c *Connector) {
		for _, a := range telephony.Abilities {
			lack := c.Lacks(a, "PJSIP/1001")
			missing := a == telephony.AbleAnswer || a == telephony.AbleHold || a == telephony.AbleMute || a == telephony.AbleRecord
			switch {
			case (lack != nil) != missing:
				t.Errorf("%s lacks %v", a, lack)
			case lack != nil && (!strings.Contains(lack.Remedy, "system") || !strings.Contains(lack.Reason, "alice")):
				t.Errorf("%s lacks %v", a, lack)
			}
		}
	})
	if up := reported[0].Fact.(telephony.LinkUp); len(up.Warnings) > 0 {
		t.Errorf("warned of %q", up.Warnings)
	}
	x = &exchange{rights: all + "PJSIPNotify: x  (Priv: system,all)\r\nDBPut: x  (Priv: system,all)\r\nCommand: x  (Priv: command,all)\r\n"}
	reported = linked(t, x, Config{RecordCode: "*3"}, func(t *testing.T, c *Connector) {
		if lack := c.Lacks(telephony.AbleAnswer, "PJSIP/1001"); lack != nil {
			t.Errorf("a phone that can be told lacks %v", lack)
		}
		if lack := c.Lacks(telephony.AbleAnswer, "DAHDI/1"); lack == nil || !strings.Contains(lack.Reason, "PJSIP") {
			t.Errorf("a phone that cannot be told lacks %v", lack)
		}
		if lack := c.Lacks(telephony.AbleMute, ""); lack == nil || !strings.Contains(lack.Reason, "res_mutestream.so") {
			t.Errorf("a module that is not loaded: %v", lack)
		}
		if lack := c.Lacks(telephony.AbleRecord, ""); lack != nil {
			t.Errorf("with a code for it, recording lacks %v", lack)
		}
	})
	if up := reported[0].Fact.(telephony.LinkUp); len(up.Warnings) != 2 || !strings.Contains(up.Warnings[0], "`system`") || !strings.Contains(up.Warnings[1], "`command`") {
		t.Errorf("warned of %q", up.Warnings)
	}
	x = &exchange{} // a PBX that does not say: let it refuse
	linked(t, x, Config{}, func(t *testing.T, c *Connector) {
		if lack := c.Lacks(telephony.AbleMute, ""); lack != nil {
			t.Errorf("lacks %v", lack)
		}
	})
}

// A PBX that sends more than can be kept before its list is complete is given up, with words.
func TestTooMuchBeforeTheList(t *testing.T) {
	t.Parallel()
	channel := "Channel: PJSIP/1001-1\r\nChannelState: 4\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n\r\n"
	for what, flood := range map[string]func(id string) string{
		"channels": func(id string) string { return "Event: Status\r\nActionID: " + id + "\r\n" + channel },
		"events":   func(string) string { return "Event: Newchannel\r\n" + channel },
	} {
		synctest.Test(t, func(t *testing.T) {
			c := New(Config{Address: "pbx", Username: "u", Secret: "s"})
			c.most = bounds{legs: 10, later: 20}
			s := &script{}
			err, _, reported := pipedTo(t, c, s, func() {
				s.say(banner)
				r := NewReader(io.MultiReader(strings.NewReader(banner), s.conn))
				_, _ = r.Banner()
				for m, err := r.Next(); err == nil; m, err = r.Next() {
					id := m.Text("ActionID")
					s.say("Response: Success\r\nActionID: " + id + "\r\nChallenge: 1\r\n\r\n")
					if m.Text("Action") == "Status" {
						for range 21 {
							s.say(flood(id))
						}
					}
				}
			}, t.Context(), nil)
			if f, ok := errors.AsType[*connector.Failure](err); !ok || !strings.Contains(f.Problem, "more than") || !strings.Contains(f.Problem, what) || f.Remedy == "" || len(reported) > 0 {
				t.Errorf("%s: told as %v, %d reported", what, err, len(reported))
			}
		})
	}
}

// A login that drips is given up, whatever comes in drops.
func TestDrippingLogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		err, took, _ := piped(t, s, func() {
			s.say(banner)
			go func() { _, _ = io.Copy(io.Discard, s.conn) }()
			for range 30 {
				time.Sleep(time.Second)
				s.say("Event: Newexten\r\n\r\n")
			}
		}, t.Context())
		if f, ok := errors.AsType[*connector.Failure](err); !ok || !strings.Contains(f.Problem, "does not answer") || took > loginTimeout {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// Whoever is sent to a number that the dialplan does not know is hung up on: he is not sent there.
func TestTransferToNowhere(t *testing.T) {
	t.Parallel()
	x := &exchange{rights: all, reply: func(m *Message, id string) []string {
		if m.Text("Variable") == "DIALPLAN_EXISTS(desks,9999,1)" {
			return []string{"Response: Success\r\nActionID: " + id + "\r\nVariable: x\r\nValue: 0\r\n\r\n"}
		}
		return []string{success(id)}
	}}
	linked(t, x, Config{Context: "desks"}, func(t *testing.T, c *Connector) {
		if err := c.BlindTransfer(t.Context(), telephony.Leg{ID: "1.1", Device: "PJSIP/1001"}, "9999"); err != unknownNumber {
			t.Errorf("got %v", err)
		}
	})
	if sent := x.actions(); slices.Contains(sent, "BlindTransfer") {
		t.Errorf("sent %v", sent)
	}
}
