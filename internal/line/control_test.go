package line_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/line"
	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/tracker"
)

// pbx can all that a PBX can, and notes what it was told.
type pbx struct {
	mu     sync.Mutex
	told   []string
	asks   int
	refuse error
	sure   bool // that it records when it says so
	lack   map[telephony.Ability]string
	react  func(what string) // what the phones do; may be nil
	found  telephony.LegInspected
}

func (p *pbx) note(format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	p.mu.Lock()
	p.told = append(p.told, what)
	react, refuse := p.react, p.refuse
	p.mu.Unlock()
	if react != nil {
		react(what)
	}
	return refuse
}

func (p *pbx) heard() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := strings.Join(p.told, ", ")
	p.told = nil
	return all
}

func (p *pbx) Lacks(a telephony.Ability, _ string) *connector.Lack {
	if why := p.lack[a]; why != "" {
		return &connector.Lack{Reason: why, Remedy: "ask for it"}
	}
	return nil
}

func (p *pbx) Originate(_ context.Context, c connector.Placement) error {
	return p.note("dial %s %s for %v", c.Device, c.Number, c.Timeout)
}
func (p *pbx) Hangup(_ context.Context, leg telephony.Leg, why telephony.CauseKind) error {
	return p.note("hangup %s %s", leg.ID, why)
}
func (p *pbx) Answer(_ context.Context, leg telephony.Leg) error { return p.note("answer %s", leg.ID) }
func (p *pbx) Hold(_ context.Context, leg telephony.Leg) error   { return p.note("hold %s", leg.ID) }
func (p *pbx) Resume(_ context.Context, leg telephony.Leg) error { return p.note("resume %s", leg.ID) }
func (p *pbx) BlindTransfer(_ context.Context, own telephony.Leg, to string) error {
	return p.note("transfer %s %s", own.ID, to)
}
func (p *pbx) Deflect(_ context.Context, _, other telephony.Leg, to string) error {
	return p.note("deflect %s %s", other.ID, to)
}
func (p *pbx) Consult(_ context.Context, own telephony.Leg, to string) error {
	return p.note("consult %s %s", own.ID, to)
}
func (p *pbx) CompleteConsult(_ context.Context, own telephony.Leg) error {
	return p.note("complete %s", own.ID)
}
func (p *pbx) CancelConsult(_ context.Context, own telephony.Leg) error {
	return p.note("cancel %s", own.ID)
}
func (p *pbx) Join(_ context.Context, one, two telephony.Leg) error {
	return p.note("join %s %s", one.ID, two.ID)
}
func (p *pbx) Park(_ context.Context, own, other telephony.Leg) error {
	return p.note("park %s by %s", other.ID, own.ID)
}
func (p *pbx) SendDigit(_ context.Context, leg telephony.Leg, digit byte, pressed bool) error {
	return p.note("digit %s %c %v", leg.ID, digit, pressed)
}
func (p *pbx) StartRecording(_ context.Context, own telephony.Leg) (bool, error) {
	return p.sure, p.note("record %s", own.ID)
}
func (p *pbx) PauseRecording(_ context.Context, legs []telephony.Leg, pause bool) error {
	return p.note("pause %v %d", pause, len(legs))
}
func (p *pbx) StopRecording(_ context.Context, legs []telephony.Leg) error {
	return p.note("stop %d", len(legs))
}
func (p *pbx) Mute(_ context.Context, leg telephony.Leg, on bool) error {
	return p.note("mute %s %v", leg.ID, on)
}
func (p *pbx) Inspect(_ context.Context, leg telephony.Leg, about connector.Aspect) (telephony.LegInspected, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for aspect, cost := range map[connector.Aspect]int{connector.AspectDevice: 3, connector.AspectMedia: 2, connector.AspectHold: 1} {
		if about&aspect != 0 {
			p.asks += cost // as many actions as it takes over AMI
		}
	}
	found := p.found
	found.Leg = leg.ID
	return found, nil
}
func (p *pbx) Service(_ context.Context, leg telephony.Leg) (telephony.Service, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asks++
	p.told = append(p.told, "serves "+string(leg.ID))
	return telephony.ServiceVoicemail, nil
}

// controlled is a desk whose PBX can be told what to do.
func controlled(p *pbx) *desk {
	ids := 0
	newID := func(kind string) string { ids++; return fmt.Sprint(kind, "_", ids) }
	b := board.New(board.Options{Epoch: "e1", NewID: newID, Normal: line.Normal("DK")})
	l := line.New(line.Options{Name: "Reception", Region: "DK", NewID: newID, PBX: p, Policy: line.Policy{Region: "DK"},
		Extensions: []tracker.Extension{{Number: "1001", Name: "Alice"}, {Number: "1002"}}}, b, nil, time.Time{})
	return &desk{Line: l, board: b, now: time.Now()}
}

// answers is the call of rings, answered at 1001.
func (d *desk) answers() {
	d.observe(telephony.DialEnded{From: "A", To: "B", Outcome: telephony.DialAnswered}, telephony.LegFacts{Leg: "B", State: telephony.LegUp}, telephony.LegFacts{Leg: "A", State: telephony.LegUp})
	d.observe(telephony.BridgeEntered{Bridge: "X", Leg: "B"})
	d.observe(telephony.BridgeEntered{Bridge: "X", Leg: "A"})
	d.show()
}

// consults is 1001's leg in a bridge with somebody else while the caller waits; isBack is that the other has gone.
func (d *desk) consults(other telephony.LegID) {
	d.observe(telephony.LegHeld{Leg: "B"})
	d.observe(telephony.BridgeLeft{Bridge: "X", Leg: "B"})
	d.observe(telephony.LegAdded{Leg: other}, telephony.LegFacts{Leg: other, Device: "PJSIP/1003", State: telephony.LegUp})
	d.observe(telephony.BridgeEntered{Bridge: "Y", Leg: other})
	d.observe(telephony.BridgeEntered{Bridge: "Y", Leg: "B"})
	d.show()
}

func (d *desk) isBack(other telephony.LegID) {
	d.observe(telephony.LegGone{Leg: other})
	d.observe(telephony.BridgeLeft{Bridge: "Y", Leg: "B"})
	d.observe(telephony.BridgeEntered{Bridge: "X", Leg: "B"})
	d.observe(telephony.LegResumed{Leg: "B"})
	d.show()
}

func (d *desk) call(id string) *telephony.Call { return d.board.Get(id).Call }

func (d *desk) can(id string) string {
	var names []string
	for _, a := range d.Actions(d.call(id)) {
		names = append(names, string(a))
	}
	return strings.Join(names, " ")
}

// What can be done follows where the call stands, and each command reaches the leg that it is about.
func TestCommandsByState(t *testing.T) {
	t.Parallel()
	p := &pbx{sure: true}
	d := controlled(p)
	ctx := t.Context()
	record := d.rings("PJSIP/trunk", "32123456", "Bob").ID
	call := d.call(record).ID
	do := func(want string, c telephony.Command) {
		t.Helper()
		if err := d.Do(ctx, call, c); err != nil || p.heard() != want {
			t.Errorf("%s: %v, want %q", c.Action, err, want)
		}
	}
	if got := d.can(record); got != "answer hangup transfer" {
		t.Errorf("ringing: %s", got)
	}
	do("hangup B rejected", telephony.Command{Action: telephony.Hangup})
	do("deflect A 1002", telephony.Command{Action: telephony.Transfer, To: "10 02"})
	p.react = func(string) { d.answers() }
	do("answer B", telephony.Command{Action: telephony.Answer})
	p.react = nil
	if got := d.can(record); got != "hangup hold transfer consult join park digits mute record" {
		t.Errorf("connected: %s", got)
	}
	do("transfer B 1002", telephony.Command{Action: telephony.Transfer, To: "1002"})
	do("park A by B", telephony.Command{Action: telephony.Park})
	do("mute B true", telephony.Command{Action: telephony.Mute})
	d.show()
	if got := d.can(record); !strings.Contains(got, "unmute") || !d.call(record).Muted {
		t.Errorf("muted: %s", got)
	}
	do("mute B false", telephony.Command{Action: telephony.Unmute})
	do("record B", telephony.Command{Action: telephony.Record})
	d.observe(telephony.RecordingBegan{Leg: "A"})
	d.show()
	do("pause true 2", telephony.Command{Action: telephony.PauseRecording})
	d.observe(telephony.RecordingPaused{Leg: "A"})
	do("pause false 2", telephony.Command{Action: telephony.ResumeRecording})
	do("stop 2", telephony.Command{Action: telephony.StopRecording})
	do("consult B 1002", telephony.Command{Action: telephony.Consult, To: "1002"})
	d.consults("C")
	if got := d.can(record); !strings.HasPrefix(got, "hangup resume complete cancel") {
		t.Errorf("consulting: %s", got)
	}
	do("complete B", telephony.Command{Action: telephony.Complete})
	do("cancel B", telephony.Command{Action: telephony.Cancel})
	d.isBack("C")
	if got := d.can(record); strings.Contains(got, "complete") {
		t.Errorf("back with the caller, whom complete would lose: %s", got)
	}
	do("digit A 1 false, digit A # false", telephony.Command{Action: telephony.Digits, Digits: "1#"})
	p.react = func(string) { d.observe(telephony.LegHeld{Leg: "B"}); d.show() }
	do("hold B", telephony.Command{Action: telephony.Hold})
	if got := d.can(record); !strings.Contains(got, "resume") || strings.Contains(got, "digits") {
		t.Errorf("held: %s", got)
	}
	p.react = func(string) { d.observe(telephony.LegResumed{Leg: "B"}); d.show() }
	do("resume B", telephony.Command{Action: telephony.Resume})
	p.react = nil
	d.observe(telephony.HangupAsked{Leg: "A"})
	d.observe(telephony.LegGone{Leg: "A"})
	d.observe(telephony.LegGone{Leg: "B"})
	d.show()
	if got := d.can(record); got != "" {
		t.Errorf("ended: %s", got)
	}
}

// What is refused, and how it is told.
func TestRefusedCommands(t *testing.T) {
	t.Parallel()
	p := &pbx{lack: map[telephony.Ability]string{telephony.AblePark: "there is no parking lot"}}
	d := controlled(p)
	record := d.rings("PJSIP/trunk", "32123456", "Bob").ID
	d.answers()
	call := d.call(record).ID
	if strings.Contains(d.can(record), "park") {
		t.Error("what the PBX cannot do is offered")
	}
	for what, test := range map[string]struct {
		call telephony.CallID
		c    telephony.Command
		code telephony.Code
	}{
		"no such call":       {"call_99", telephony.Command{Action: telephony.Hangup}, telephony.CodeNotNow},
		"another's phone":    {call, telephony.Command{Action: telephony.Hangup, Extension: "1002"}, telephony.CodeNotNow},
		"lacking":            {call, telephony.Command{Action: telephony.Park}, telephony.CodeNotPossible},
		"not now":            {call, telephony.Command{Action: telephony.Answer}, telephony.CodeNotNow},
		"no consultation":    {call, telephony.Command{Action: telephony.Cancel}, telephony.CodeNotNow},
		"no command":         {call, telephony.Command{Action: "explode"}, telephony.CodeInvalid},
		"no number":          {call, telephony.Command{Action: telephony.Transfer}, telephony.CodeInvalid},
		"a denied number":    {call, telephony.Command{Action: telephony.Consult, To: "+12025550143"}, telephony.CodeNumberDenied},
		"no digits":          {call, telephony.Command{Action: telephony.Digits}, telephony.CodeInvalid},
		"letters for digits": {call, telephony.Command{Action: telephony.Digits, Digits: "1a"}, telephony.CodeInvalid},
		"too many digits":    {call, telephony.Command{Action: telephony.Digits, Digits: strings.Repeat("1", 41)}, telephony.CodeInvalid},
		"with itself":        {call, telephony.Command{Action: telephony.Join, With: call}, telephony.CodeInvalid},
		"with nobody":        {call, telephony.Command{Action: telephony.Join, With: "call_99"}, telephony.CodeNotNow},
	} {
		err := d.Do(t.Context(), test.call, test.c)
		if known, ok := errors.AsType[*telephony.Error](err); !ok || known.Code != test.code || known.Message == "" || known.Remedy == "" {
			t.Errorf("%s: %v, want %s", what, err, test.code)
		}
	}
	if got := p.heard(); got != "" {
		t.Errorf("the PBX heard %s", got)
	}
}

// A phone that was told and does nothing is waited for a few seconds, and that is said.
func TestPhoneDoesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &pbx{}
		d := controlled(p)
		record := d.rings("PJSIP/trunk", "32123456", "Bob").ID
		start := time.Now()
		err := d.Do(t.Context(), d.call(record).ID, telephony.Command{Action: telephony.Answer})
		if known, ok := errors.AsType[*telephony.Error](err); !ok || known.Code != telephony.CodePhoneSilent || time.Since(start) != 4*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		d.answers()
		err = d.Do(t.Context(), d.call(record).ID, telephony.Command{Action: telephony.Record})
		if known, ok := errors.AsType[*telephony.Error](err); !ok || known.Code != telephony.CodePBXRefused || !strings.Contains(known.Message, "did not begin to record") {
			t.Errorf("%v", err)
		}
	})
}

// A call that is placed has its record before the PBX is asked, and comes to an end there if the PBX refuses.
func TestDial(t *testing.T) {
	t.Parallel()
	p := &pbx{}
	d := controlled(p)
	p.react = func(string) {
		d.show()
		if list, _ := d.board.Snapshot(board.Open); len(list) != 1 || list[0].Call.State != telephony.Dialing || list[0].Value("party.number") != "+4532123456" {
			t.Errorf("before the PBX is asked there are %d records", len(list))
		}
	}
	call, err := d.Dial(t.Context(), "", "32 12 34 56")
	if err != nil || call == "" || p.heard() != "dial PJSIP/1001 32123456 for 30s" {
		t.Errorf("%q, %v", call, err)
	}
	p.react = nil
	if id, _ := d.board.OfCall(call); id == "" {
		t.Error("the call has no record")
	}
	p.refuse = &telephony.Error{Code: telephony.CodePBXRefused, Message: "no", Remedy: "look"}
	call, err = d.Dial(t.Context(), "1002", "1003")
	if known, ok := errors.AsType[*telephony.Error](err); !ok || known.Code != telephony.CodePBXRefused || p.heard() != "dial PJSIP/1002 1003 for 30s" {
		t.Errorf("%v", err)
	}
	d.show()
	id, _ := d.board.OfCall(call)
	if got := d.call(id); got.State != telephony.Ended || got.Result != telephony.Failed {
		t.Errorf("refused, it is %s, %s", got.State, got.Result)
	}
	// Where nobody knows whether the PBX did it, nothing is concluded.
	p.refuse = &telephony.Error{Code: telephony.CodePBXAway, Message: "no answer", Remedy: "look"}
	call, err = d.Dial(t.Context(), "", "1003")
	d.show()
	if id, _ := d.board.OfCall(call); err == nil || d.call(id).State != telephony.Dialing {
		t.Errorf("%v, %+v", err, d.call(id))
	}
	p.heard()
	for _, number := range []string{"+12025550143", "", "1003&1004"} {
		if _, err := d.Dial(t.Context(), "", number); err == nil {
			t.Errorf("%q is dialled", number)
		}
	}
	if _, err := d.Dial(t.Context(), "1009", "1003"); err == nil {
		t.Error("another's phone is rung")
	}
	p.lack = map[telephony.Ability]string{telephony.AbleDial: "the account may not"}
	if _, err := d.Dial(t.Context(), "", "1003"); err == nil || !strings.Contains(err.Error(), "the account may not") {
		t.Errorf("%v", err)
	}
	if got := p.heard(); got != "" {
		t.Errorf("the PBX heard %s", got)
	}
	list, _ := d.board.Snapshot("")
	if len(list) != 3 {
		t.Errorf("%d records, want the three that reached the PBX", len(list))
	}
}

// Every ability is listed, with a reason where it is missing.
func TestAbilities(t *testing.T) {
	t.Parallel()
	d := controlled(&pbx{lack: map[telephony.Ability]string{telephony.AbleMute: "no right"}})
	for _, a := range d.Abilities() {
		if missing := a.Name == telephony.AbleMute; a.Available == missing || missing && (a.Reason != "no right" || a.Remedy == "") {
			t.Errorf("%+v", a)
		}
	}
	none := newDesk(nil, time.Time{})
	for _, a := range none.Abilities() {
		if a.Available || a.Reason == "" || a.Remedy == "" {
			t.Errorf("without a PBX: %+v", a)
		}
	}
	for _, a := range telephony.Actions {
		if !slices.Contains(telephony.Abilities, a.Takes()) {
			t.Errorf("%s takes %q, which is no ability", a, a.Takes())
		}
	}
}

// run lets the line ask its PBX until the bubble's test ends.
func (d *desk) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	asking.Go(func() { d.Inspect(ctx) })
	t.Cleanup(func() {
		cancel()
		asking.Wait()
	})
}

// What was learned by asking is on the record.
func TestInspectedFacts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &pbx{found: telephony.LegInspected{Address: "192.0.2.7:5060", MediaAddress: "192.0.2.7:4000", Signalling: telephony.Yes, Media: telephony.Yes, Withheld: telephony.No, Held: telephony.Unknown}}
		d := controlled(p)
		d.run(t)
		record := d.rings("PJSIP/trunk", "32123456", "Bob").ID
		d.answers()
		synctest.Wait()
		d.show()
		r := d.board.Get(record)
		if r.Value("user.ip") != "192.0.2.7" || r.Value("party.ip") != "192.0.2.7" || r.Call.Encrypted != telephony.Yes || r.Call.SecureLine != telephony.Yes {
			t.Errorf("user.ip %q, party.ip %q, encrypted %s, secure line %s", r.Value("user.ip"), r.Value("party.ip"), r.Call.Encrypted, r.Call.SecureLine)
		}
		if p.asks != 10 {
			t.Errorf("a call of two legs took %d actions, want 10", p.asks)
		}
	})
}

// Whatever a call does, what it costs the PBX is bounded: 60 actions.
func TestInspectionIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &pbx{}
		d := controlled(p)
		d.run(t)
		d.rings("PJSIP/trunk", "32123456", "Bob")
		d.answers()
		for n := range 40 {
			leg := telephony.LegID(fmt.Sprint("more-", n))
			d.observe(telephony.LegAdded{Leg: leg}, telephony.LegFacts{Leg: leg, Device: "PJSIP/1002", State: telephony.LegUp})
			d.observe(telephony.BridgeEntered{Bridge: "X", Leg: leg})
			for _, each := range []telephony.LegID{"A", "B", leg} {
				d.observe(telephony.LegHeld{Leg: each})
				synctest.Wait()
				d.observe(telephony.LegResumed{Leg: each})
				synctest.Wait()
			}
			d.show()
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.asks > 60 || p.asks < 20 {
			t.Errorf("the call took %d actions", p.asks)
		}
	})
}

// Nothing is asked where the account cannot ask, and what waits is bounded while nobody asks.
func TestNothingIsAsked(t *testing.T) {
	t.Parallel()
	p := &pbx{lack: map[telephony.Ability]string{telephony.AbleInspect: "no right"}}
	d := controlled(p)
	d.rings("PJSIP/trunk", "32123456", "Bob")
	d.answers()
	busy := controlled(&pbx{}) // nobody runs Inspect: Observe must not wait
	for n := range 500 {
		leg := telephony.LegID(fmt.Sprint("leg-", n))
		busy.observe(telephony.LegAdded{Leg: leg}, telephony.LegFacts{Leg: leg, Device: "PJSIP/1001", State: telephony.LegCalling, Dialed: "1003"})
		busy.observe(telephony.LegSeen{}, telephony.LegFacts{Leg: leg, State: telephony.LegUp})
	}
	if p.asks != 0 {
		t.Errorf("%d actions without the right", p.asks)
	}
}

// A caller whom nobody took and who talks to no leg is asked about once: it is the voicemail.
func TestVoicemailIsAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &pbx{}
		d := controlled(p)
		d.run(t)
		record := d.rings("PJSIP/trunk", "32123456", "Bob").ID
		d.observe(telephony.DialEnded{From: "A", To: "B", Outcome: telephony.DialNoAnswer})
		d.observe(telephony.LegGone{Leg: "B", Cause: telephony.CauseOf(19, "")})
		d.observe(telephony.LegSeen{}, telephony.LegFacts{Leg: "A", State: telephony.LegUp})
		synctest.Wait()
		d.show()
		if got := p.heard(); got != "serves A" {
			t.Errorf("asked: %q", got)
		}
		if got := d.call(record); got.Result != telephony.Voicemail {
			t.Errorf("the result is %s in state %s, want voicemail", got.Result, got.State)
		}
	})
}
