package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var begin = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// house is a board whose changes are durable at once, and a telemetry that reads them when it is told to.
type house struct {
	*board.Board
	t         *testing.T
	telemetry *Telemetry
	now       time.Time
	store     Store
	problem   error
}

type accepts struct{ err error }

func (a *accepts) Commit(context.Context, string, []*board.Change) error { return a.err }

func open(t *testing.T, change ...func(*board.Options)) *house {
	t.Helper()
	ids := 0
	o := board.Options{Epoch: "e", NewID: func(kind string) string { ids++; return fmt.Sprint(kind, "_", ids) }}
	for _, c := range change {
		c(&o)
	}
	h := &house{t: t, now: begin, Board: board.New(o)}
	var err error
	h.telemetry, err = New(Options{Board: h.Board, Streams: func() (int, int, uint64) { return 5, 2, 77 },
		Problem: func() error { return h.problem }, Connected: func() bool { return h.problem == nil }})
	if err != nil {
		t.Fatal(err)
	}
	h.store = h.telemetry.Timed(&accepts{})
	return h
}

// show commits and shows until nothing is pending.
func (h *house) show() {
	h.t.Helper()
	for batch := h.Take(); len(batch) > 0; batch = h.Take() {
		if err := h.store.Commit(h.t.Context(), h.Epoch(), batch); err != nil {
			h.t.Fatal(err)
		}
		h.Show(batch, true, h.now)
	}
}

// read counts all that was shown.
func (h *house) read() (changes []*board.Change) {
	for from := h.telemetry.watch.Cursor(); ; from = h.telemetry.watch.Cursor() {
		for _, c := range h.telemetry.next() {
			h.telemetry.metrics.count(c)
			changes = append(changes, c)
		}
		if h.telemetry.watch.Cursor() == from {
			return changes
		}
	}
}

func (h *house) call(id string, kind telephony.ChangeKind, state telephony.State, result telephony.Result) {
	call := &telephony.Call{ID: telephony.CallID(id), Direction: telephony.Inbound, State: state, Result: result, StartedAt: begin, Complete: true}
	if state == telephony.Ended {
		call.EndedAt = h.now
	}
	h.Call("desk", []telephony.Change{{Kind: kind, At: h.now, Call: call}}, []board.NewClaim{{Field: "party.number", Value: "+4512345678", Quality: board.Verified},
		{Field: "party.name", Value: "Mette Holm", Quality: board.Guess}})
	h.show()
}

func (h *house) claim(record, source, field, value string) error {
	_, err := h.Claim(record, source, []board.NewClaim{{Field: field, Value: value}}, h.now)
	h.show()
	return err
}

// scrape reads the metrics as Prometheus does.
func (h *house) scrape() map[string]*dto.MetricFamily {
	h.t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/metrics", nil)
	r.Header.Set("Accept", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
	h.telemetry.Handler().ServeHTTP(w, r)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil || w.Code != 200 {
		h.t.Fatalf("a scrape: %d %v", w.Code, err)
	}
	return families
}

// value is of a counter or gauge, or how often a histogram observed; labels are of the one that is meant.
func value(families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	for _, m := range families["callboard_"+name].GetMetric() {
		var have []string
		for _, l := range m.GetLabel() {
			have = append(have, l.GetValue())
		}
		if fmt.Sprint(have) == fmt.Sprint(labels) {
			return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return -1
}

// sum is of what a histogram observed.
func sum(families map[string]*dto.MetricFamily, name string) float64 {
	return families["callboard_"+name].GetMetric()[0].GetHistogram().GetSampleSum()
}

func (h *house) want(families map[string]*dto.MetricFamily, name string, want float64, labels ...string) {
	h.t.Helper()
	if got := value(families, name, labels...); got != want {
		h.t.Errorf("%s %v: got %v, want %v", name, labels, got, want)
	}
}

// TestMetrics: what happens on the board is what is counted, exactly.
func TestMetrics(t *testing.T) {
	t.Parallel()
	h := open(t)
	crm := h.Register("crm", board.Registration{Needs: []string{"party.number"}}, h.now)
	h.call("c1", telephony.CallRinging, telephony.Ringing, "")
	works := h.TakeWork(crm, 10, h.now)
	if len(works) != 1 {
		t.Fatalf("%d works", len(works))
	}
	h.read()
	got := h.scrape()
	h.want(got, "works_in_flight", 1)
	h.want(got, "settle_seconds", 0)
	h.now = h.now.Add(40 * time.Millisecond)
	if _, err := h.Answer("crm", works[0].ID, board.Answer{Claims: []board.NewClaim{{Field: "party.company", Value: "Acme"}, {Field: "x.crm.id", Value: "7"}}}, h.now); err != nil {
		t.Fatal(err)
	}
	h.show()
	record := works[0].Record.ID
	if err := h.claim(record, "book", "party.company", "Acme Ltd"); err != nil {
		t.Fatal(err)
	}
	if err := h.claim(record, board.SourceUser, "party.name", "Mette"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Pin(record, "party.company", "book", h.now); err != nil { // a verdict is no claim
		t.Fatal(err)
	}
	h.show()
	h.call("c1", telephony.CallEnded, telephony.Ended, telephony.Answered)
	h.call("c2", telephony.CallEnded, telephony.Ended, "strange")
	h.Notice("desk", telephony.Change{Kind: telephony.PBXGap, At: h.now, Gap: &telephony.Gap{From: begin, To: h.now}})
	h.show()
	changes := h.read()
	h.problem = errors.New("disk full")
	got = h.scrape()
	for name, want := range map[string]float64{"pbx_gaps_total": 1, "works_in_flight": 0, "works_due": 1, "streams_open": 5, "streams_parked": 2, "streams_lag_changes": 77,
		"store_problem": 1, "pbx_connected": 0, "fuel_spent_total": 2, "fuel_refusals_total": 0, "telemetry_missed_changes_total": 0, "works_unanswered_total": 0,
		"log_changes": float64(h.Newest().Seq), "commit_errors_total": 0} {
		h.want(got, name, want)
	}
	h.want(got, "calls_total", 1, "inbound", "answered")
	h.want(got, "calls_total", 1, "inbound", "unknown")
	for source, want := range map[string]float64{"pbx": 4, "app": 3, "user": 1, "history": 0} {
		h.want(got, "claims_total", want, source)
	}
	settled, took := 0, 0.0
	for _, c := range changes {
		if c.Settled != nil {
			settled, took = settled+1, took+float64(c.Settled.TookMS)/1000
		}
	}
	if h.want(got, "settle_seconds", float64(settled)); settled == 0 || sum(got, "settle_seconds") != took || took < 0.04 {
		t.Errorf("settled %d times in %v s, and %v", settled, took, sum(got, "settle_seconds"))
	}
	if sum(got, "commit_changes") != float64(h.Newest().Seq) {
		t.Errorf("%v changes are committed, want %d", sum(got, "commit_changes"), h.Newest().Seq)
	}
	for name, f := range got {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				for _, never := range []string{"Mette", "+4512345678", "desk", record, "crm", "book"} {
					if l.GetValue() == never {
						t.Errorf("%s has the label %q", name, never)
					}
				}
			}
		}
	}
}

// TestFuelIsCounted: an app that changes its mind again and again is refused, and that is counted (B-15).
func TestFuelIsCounted(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.call("c1", telephony.CallRinging, telephony.Ringing, "")
	records, _ := h.Snapshot(board.Open)
	refused := 0
	for i := range 6 {
		if h.claim(records[0].ID, "crm", "party.company", fmt.Sprint("Acme ", i)) != nil {
			refused++
		}
	}
	if err := h.claim(records[0].ID, "mail", "party.email", "a@example.com"); err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"b@example.com", "a@example.com"} { // to and fro
		h.claim(records[0].ID, "mail", "party.email", value)
	}
	h.read()
	got := h.scrape()
	if refused != 3 {
		t.Errorf("%d writes are refused", refused)
	}
	h.want(got, "fuel_refusals_total", 3)
	h.want(got, "suspensions_total", 2)
	h.want(got, "fields_contended_total", 1)
}

// TestUnanswered: an app that does not answer is counted when the record settles without it (B-14, B-16).
func TestUnanswered(t *testing.T) {
	t.Parallel()
	h := open(t)
	crm := h.Register("crm", board.Registration{Needs: []string{"party.number"}}, h.now)
	h.call("c1", telephony.CallRinging, telephony.Ringing, "")
	h.TakeWork(crm, 10, h.now)
	h.now = h.now.Add(6 * time.Second)
	h.Tick(h.now)
	h.Notice("desk", telephony.Change{Kind: telephony.PBXLost, At: h.now, Link: &telephony.Link{}}) // shown, and with it what is settled
	h.show()
	h.Tick(h.now)
	h.show()
	h.read()
	got := h.scrape()
	h.want(got, "works_unanswered_total", 1)
	if took := sum(got, "settle_seconds"); took != 6 {
		t.Errorf("settled in %v s, want 6", took)
	}
}

// TestLatency: only what the PBX said is measured, and nothing is allocated for it.
func TestLatency(t *testing.T) {
	h := open(t)
	changes := []*board.Change{{Source: board.SourcePBX, At: begin}, {Source: "crm", At: begin}, {Source: board.SourcePBX, At: begin.Add(time.Millisecond)}}
	h.telemetry.Delivered(changes, begin.Add(3*time.Millisecond))
	got := h.scrape()
	h.want(got, "pbx_to_app_seconds", 2)
	if s := sum(got, "pbx_to_app_seconds"); s < 0.00499 || s > 0.00501 {
		t.Errorf("the sum is %v, want 5 ms", s)
	}
	if n := testing.AllocsPerRun(100, func() { h.telemetry.Delivered(changes, begin) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestEveryEpoch: a new epoch loses no count; what memory has let go of is counted as missed (D-6).
func TestEveryEpoch(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *board.Options) { o.Window = 10 })
	h.call("c1", telephony.CallEnded, telephony.Ended, telephony.Missed)
	h.NewEpoch("f")
	h.call("c2", telephony.CallEnded, telephony.Ended, telephony.Missed)
	h.read()
	h.want(h.scrape(), "calls_total", 2, "inbound", "missed")
	before := h.Newest().Seq
	for i := range 20 {
		h.call(fmt.Sprint("d", i), telephony.CallEnded, telephony.Ended, telephony.Missed)
	}
	read := h.read()
	if missed := value(h.scrape(), "telemetry_missed_changes_total"); missed == 0 || uint64(missed)+uint64(len(read)) != h.Newest().Seq-before {
		t.Errorf("%v changes are missed and %d read of %d", missed, len(read), h.Newest().Seq-before)
	}
}

// TestCommits: what the store refuses is counted apart, and what only asks how it is not at all.
func TestCommits(t *testing.T) {
	t.Parallel()
	h := open(t)
	a := &accepts{}
	s := h.telemetry.Timed(a)
	for _, n := range []int{0, 3, 1} {
		if err := s.Commit(t.Context(), "e", make([]*board.Change, n)); err != nil {
			t.Fatal(err)
		}
	}
	a.err = errors.New("disk full")
	if err := s.Commit(t.Context(), "e", make([]*board.Change, 2)); !errors.Is(err, a.err) {
		t.Errorf("the committer is told %v", err)
	}
	got := h.scrape()
	h.want(got, "commit_seconds", 2)
	h.want(got, "commit_changes", 2)
	h.want(got, "commit_errors_total", 1)
}

// TestLint: names and help are as Prometheus wants them.
func TestLint(t *testing.T) {
	t.Parallel()
	h := open(t)
	problems, err := testutil.GatherAndLint(h.telemetry.registry)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if err != nil {
		t.Error(err)
	}
}

// TestRun follows a board until its context ends.
func TestRun(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.telemetry.Run(ctx) }()
	h.call("c1", telephony.CallEnded, telephony.Ended, telephony.Busy)
	limit := time.After(60 * time.Second)
	for tick := time.Tick(time.Millisecond); value(h.scrape(), "calls_total", "inbound", "busy") != 1; {
		select {
		case <-tick:
		case <-limit:
			t.Fatal("the call is not counted")
		}
	}
	cancel()
	<-done
}
