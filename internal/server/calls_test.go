package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// desk is a PBX that dials, hangs up and transfers, and notes what it was told.
type desk struct {
	mu     sync.Mutex
	told   []string
	refuse error
	wait   chan struct{} // commands tell it that they are there, and wait for it; may be nil
}

func (d *desk) note(format string, args ...any) error {
	d.mu.Lock()
	d.told = append(d.told, fmt.Sprintf(format, args...))
	refuse, wait := d.refuse, d.wait
	d.mu.Unlock()
	if wait != nil {
		wait <- struct{}{}
		<-wait
	}
	return refuse
}

func (d *desk) heard() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.told)
}

func (d *desk) fails(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refuse = err
}

func (d *desk) Originate(_ context.Context, p connector.Placement) error {
	return d.note("dial %s %s as %s", p.Device, p.Number, p.Show)
}

func (d *desk) Hangup(_ context.Context, leg telephony.Leg, why telephony.CauseKind) error {
	return d.note("hangup %s %s", leg.ID, why)
}

func (d *desk) BlindTransfer(_ context.Context, own telephony.Leg, number string) error {
	return d.note("transfer %s %s", own.ID, number)
}

func (d *desk) Deflect(_ context.Context, _, other telephony.Leg, number string) error {
	return d.note("deflect %s %s", other.ID, number)
}

func (d *desk) Join(_ context.Context, one, two telephony.Leg) error {
	return d.note("join %s %s", one.ID, two.ID)
}

func phoned(pbx any) func(*plan) { return func(p *plan) { p.pbx = pbx } }

func (h *house) dial(token, number string, more ...string) answer {
	h.t.Helper()
	return h.do("POST", "/v1/calls", token, api.Dial{Number: number}, more...)
}

func (h *house) appThatMay(id string, may ...api.Permission) string {
	h.t.Helper()
	var made api.AppToken
	h.want(http.StatusCreated, &made, "POST", "/v1/apps", h.user, api.NewApp{ID: id, May: may})
	return made.Token
}

// TestDial: the record of a call that is placed is there at once, and is the one that the answer names.
func TestDial(t *testing.T) {
	t.Parallel()
	pbx := &desk{}
	h := open(t, phoned(pbx))
	var placed api.Placed
	h.want(http.StatusCreated, &placed, "POST", "/v1/calls", h.user, api.Dial{Number: "(202) 555-0143"})
	record := h.record(placed.Record)
	if record.Call.State != "dialing" || !record.Call.ClickToDial || record.Fields["party.number"].Value != "+12025550143" || !slices.Equal(record.Call.Actions, []api.CommandName{"hangup"}) {
		t.Errorf("the record is %+v", record.Call)
	}
	if got := pbx.heard(); !slices.Equal(got, []string{"dial PJSIP/1001 2025550143 as 1001"}) {
		t.Errorf("the PBX heard %q", got)
	}
	h.refused(http.StatusForbidden, "number_denied", "POST", "/v1/calls", h.user, api.Dial{Number: "+45 33 12 34 56"})
	h.refused(http.StatusForbidden, "number_denied", "POST", "/v1/calls", h.user, api.Dial{Number: "1-900-555-0143"})
	h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/calls", h.user, api.Dial{Number: "1002\r\nAction: Command"})
	h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/calls", h.user, api.Dial{Number: "1002", Extension: "1003"})
	h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/calls", h.user, api.Dial{Number: "1002"}, "Idempotency-Key: short")
	h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/calls", h.user, api.Dial{Number: "1002"}, "Idempotency-Key: with a space")
	if n := len(pbx.heard()); n != 1 {
		t.Errorf("the PBX heard %q", pbx.heard())
	}
	pbx.fails(&telephony.Error{Code: telephony.CodePBXRefused, Message: "no", Remedy: "look"})
	watch := h.watch(h.user, "")
	h.refused(http.StatusBadGateway, "pbx_refused", "POST", "/v1/calls", h.user, api.Dial{Number: "1003"})
	ended := watch.until("call.ended").Payload.(*api.CallData).Call
	if ended.Result != "failed" || len(ended.Actions) != 0 || ended.Views[0].Dialed != "1003" {
		t.Errorf("the call that was refused is %+v", ended)
	}
}

// TestNothingPossible: without abilities nothing is offered, each with a reason.
func TestNothingPossible(t *testing.T) {
	t.Parallel()
	h := open(t)
	var status api.Status
	h.want(http.StatusOK, &status, "GET", "/v1/status", h.user, nil)
	if len(status.Lines[0].Abilities) != len(telephony.Abilities) {
		t.Errorf("%d abilities are listed, want all %d", len(status.Lines[0].Abilities), len(telephony.Abilities))
	}
	for _, a := range status.Lines[0].Abilities {
		if a.Available || a.Reason == "" || a.Remedy == "" {
			t.Errorf("%+v", a)
		}
	}
	h.refused(http.StatusConflict, "not_possible", "POST", "/v1/calls", h.user, api.Dial{Number: "1002"})
	call, record := h.ring("2025550143", "Bob")
	if got := h.record(record).Call.Actions; len(got) > 0 {
		t.Errorf("offered: %v", got)
	}
	h.refused(http.StatusConflict, "not_possible", "POST", "/v1/records/"+record+"/commands", h.user, api.Command{Command: "hangup"})
	call.hangUp()
}

// TestCommands: a command reaches the right leg, and only in a state for it.
func TestCommands(t *testing.T) {
	t.Parallel()
	pbx := &desk{}
	h := open(t, phoned(pbx))
	call, record := h.ring("2025550143", "Bob")
	path := "/v1/records/" + record + "/commands"
	if got := h.record(record).Call.Actions; !slices.Equal(got, []api.CommandName{"hangup", "transfer"}) {
		t.Errorf("while it rings: %v", got)
	}
	h.want(http.StatusOK, nil, "POST", path, h.user, api.Command{Command: "transfer", To: "1002"})
	call.answer()
	h.want(http.StatusOK, nil, "POST", path, h.user, api.Command{Command: "transfer", To: "1003"})
	h.refused(http.StatusForbidden, "number_denied", "POST", path, h.user, api.Command{Command: "transfer", To: "+4533123456"})
	h.refused(http.StatusConflict, "not_possible", "POST", path, h.user, api.Command{Command: "park"})
	h.refused(http.StatusBadRequest, "invalid", "POST", path, h.user, api.Command{Command: "explode"})
	h.refused(http.StatusBadRequest, "invalid", "POST", path, h.user, api.Command{})
	h.refused(http.StatusNotFound, "not_found", "POST", "/v1/records/rec_9999/commands", h.user, api.Command{Command: "hangup"})
	lookup := h.lookup("2025550177")
	h.refused(http.StatusConflict, "not_now", "POST", "/v1/records/"+lookup+"/commands", h.user, api.Command{Command: "hangup"})
	h.refused(http.StatusConflict, "not_now", "POST", path, h.user, api.Command{Command: "join", Record: lookup})
	h.refused(http.StatusBadRequest, "invalid", "POST", path, h.user, api.Command{Command: "join", Record: record})
	second, other := h.ring("2025550188", "Eve")
	h.refused(http.StatusConflict, "not_now", "POST", path, h.user, api.Command{Command: "join", Record: other})
	second.answer()
	h.want(http.StatusOK, nil, "POST", path, h.user, api.Command{Command: "join", Record: other})
	h.want(http.StatusOK, nil, "POST", path, h.user, api.Command{Command: "hangup"})
	want := []string{"deflect trunk-1 1002", "transfer phone-1 1003", "join trunk-1 trunk-2", "hangup phone-1 normal"}
	if got := pbx.heard(); !slices.Equal(got, want) {
		t.Errorf("the PBX heard %q, want %q", got, want)
	}
	call.hangUp()
	h.refused(http.StatusConflict, "not_now", "POST", path, h.user, api.Command{Command: "hangup"})
}

// TestIdempotency: the same key, the same answer, and nothing twice (D-10).
func TestIdempotency(t *testing.T) {
	t.Parallel()
	pbx := &desk{}
	h := open(t, phoned(pbx))
	const key = "Idempotency-Key: 7c9e6679-7425-40de"
	first := h.dial(h.user, "1002", key)
	again := h.dial(h.user, "1002", key)
	if first.status != http.StatusCreated || again.status != first.status || strings.TrimSpace(string(again.body)) != strings.TrimSpace(string(first.body)) {
		t.Errorf("%d %s, then %d %s", first.status, first.body, again.status, again.body)
	}
	if got := h.dial(h.user, "1003", key); got.status != http.StatusUnprocessableEntity || got.problem(t).Code != "idempotency_key_reused" {
		t.Errorf("another request under the key: %d %s", got.status, got.body)
	}
	if got := h.dial(h.appThatMay("dialer", "dial"), "1002", key); got.status != http.StatusCreated || string(got.body) == string(first.body) {
		t.Errorf("another's key: %d %s", got.status, got.body)
	}
	// A failure at the PBX is kept, too: it may have done something. One before it is not.
	pbx.fails(&telephony.Error{Code: telephony.CodePBXAway, Message: "no answer", Remedy: "look at the phone"})
	if got := h.dial(h.user, "1004", "Idempotency-Key: away-away"); got.status != http.StatusServiceUnavailable {
		t.Errorf("%d %s", got.status, got.body)
	}
	pbx.fails(nil)
	if got := h.dial(h.user, "1004", "Idempotency-Key: away-away"); got.status != http.StatusServiceUnavailable || got.problem(t).Code != "pbx_unavailable" {
		t.Errorf("an unknown outcome is sent again: %d %s", got.status, got.body)
	}
	h.refused(http.StatusForbidden, "number_denied", "POST", "/v1/calls", h.user, api.Dial{Number: "+4533123456"}, "Idempotency-Key: corrected")
	if got := h.dial(h.user, "1005", "Idempotency-Key: corrected"); got.status != http.StatusCreated {
		t.Errorf("a key that had no effect cannot be used: %d %s", got.status, got.body)
	}
	if n := len(pbx.heard()); n != 4 {
		t.Errorf("the PBX heard %q, want four", pbx.heard())
	}
}

// TestUnderWay: a second request under a key waits for nobody, and one whose outcome nobody knows is not sent again.
func TestUnderWay(t *testing.T) {
	t.Parallel()
	pbx := &desk{wait: make(chan struct{})}
	h := open(t, phoned(pbx))
	const key = "Idempotency-Key: under-way-1"
	var waiting sync.WaitGroup
	waiting.Go(func() { h.dial(h.user, "1002", key) })
	<-pbx.wait
	if got := h.dial(h.user, "1002", key); got.status != http.StatusConflict || got.problem(t).Code != "under_way" {
		t.Errorf("%d %s", got.status, got.body)
	}
	close(pbx.wait)
	waiting.Wait()
	_, err := served{h.store}.BeginCommand(t.Context(), KnownCommand{Source: "user", Key: "killed-in-it", At: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if got := h.dial(h.user, "1002", "Idempotency-Key: killed-in-it"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("%d %s", got.status, got.body)
	}
	asked := KnownCommand{Source: "user", Key: "killed-again", At: time.Now()}
	w := &paper{header: http.Header{}}
	h.server.again(w, &asked, asked)
	if w.status != http.StatusConflict || !strings.Contains(w.body, "outcome_unknown") {
		t.Errorf("%d %s", w.status, w.body)
	}
	if len(pbx.heard()) != 1 {
		t.Errorf("the PBX heard %q", pbx.heard())
	}
}

type paper struct {
	header http.Header
	status int
	body   string
}

func (r *paper) Header() http.Header { return r.header }
func (r *paper) WriteHeader(s int)   { r.status = s }
func (r *paper) Write(b []byte) (int, error) {
	r.body += string(b)
	return len(b), nil
}

// TestTollFraud: a token dials ten numbers a minute, transfers included, and an app none unless it may (SEC-24).
func TestTollFraud(t *testing.T) {
	t.Parallel()
	pbx := &desk{}
	h := open(t, phoned(pbx))
	call, record := h.ring("2025550143", "Bob")
	call.answer()
	path := "/v1/records/" + record + "/commands"
	reader, dialer, controller := h.app("reader"), h.appThatMay("dialer", "dial"), h.appThatMay("controller", "control", "control")
	h.refused(http.StatusForbidden, "forbidden", "POST", "/v1/calls", reader, api.Dial{Number: "1002"})
	h.refused(http.StatusForbidden, "forbidden", "POST", path, reader, api.Command{Command: "hangup"})
	h.refused(http.StatusForbidden, "forbidden", "POST", path, dialer, api.Command{Command: "hangup"})
	h.refused(http.StatusForbidden, "forbidden", "POST", "/v1/calls", controller, api.Dial{Number: "1002"})
	h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/apps", h.user, api.NewApp{ID: "greedy", May: []api.Permission{"all"}})
	for n := range dialsAtMost {
		if got := h.dial(dialer, fmt.Sprint(1100+n)); got.status != http.StatusCreated {
			t.Fatalf("dial %d: %d %s", n+1, got.status, got.body)
		}
		h.want(http.StatusOK, nil, "POST", path, controller, api.Command{Command: "transfer", To: "1002"})
	}
	h.refused(http.StatusTooManyRequests, "too_many_requests", "POST", "/v1/calls", dialer, api.Dial{Number: "1120"})
	h.refused(http.StatusTooManyRequests, "too_many_requests", "POST", path, controller, api.Command{Command: "transfer", To: "1002"})
	h.want(http.StatusOK, nil, "POST", path, controller, api.Command{Command: "hangup"})
	if got := h.dial(h.user, "1002"); got.status != http.StatusCreated {
		t.Errorf("another token is held back, too: %d %s", got.status, got.body)
	}
	var apps api.AppList
	h.want(http.StatusOK, &apps, "GET", "/v1/apps", h.user, nil)
	for _, a := range apps.Apps {
		if want := map[string]int{"reader": 0, "dialer": 1, "controller": 1}[a.ID]; len(a.May) != want {
			t.Errorf("%s may %v", a.ID, a.May)
		}
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, passed := &window{}, 0
		for range 300 { // five minutes
			if d.allow(time.Now()) == nil {
				passed++
			}
			time.Sleep(time.Second)
		}
		if passed != 50 {
			t.Errorf("%d passed in five minutes, want 50", passed)
		}
	})
}

// TestCommandsWithoutDisk: a full disk keeps nobody from hanging up, but nothing is dialled that could not be kept.
func TestCommandsWithoutDisk(t *testing.T) {
	t.Parallel()
	pbx := &desk{}
	h := open(t, phoned(pbx), func(p *plan) { p.server.Store = fullDisk{p.server.Store} })
	call, record := h.ring("2025550143", "Bob")
	call.answer()
	h.refused(http.StatusInsufficientStorage, "store_unavailable", "POST", "/v1/calls", h.user, api.Dial{Number: "1002"})
	h.want(http.StatusOK, nil, "POST", "/v1/records/"+record+"/commands", h.user, api.Command{Command: "hangup"})
	if got := pbx.heard(); !slices.Equal(got, []string{"hangup phone-1 normal"}) {
		t.Errorf("the PBX heard %q", got)
	}
}

type fullDisk struct{ Store }

func (fullDisk) BeginCommand(context.Context, KnownCommand) (*KnownCommand, error) {
	return nil, errors.New("disk full")
}

func (fullDisk) EndCommand(context.Context, string, string, int, []byte) error {
	return errors.New("disk full")
}
