package telemetry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// traced follows a house with spans that are kept.
func traced(h *house) (*traces, *tracetest.SpanRecorder) {
	kept := tracetest.NewSpanRecorder()
	return newTraces(h.Board, sdk.NewTracerProvider(sdk.WithSpanProcessor(kept)), "test"), kept
}

func (h *house) trace(t *traces) {
	for _, c := range h.read() {
		t.follow(h.t.Context(), c)
	}
}

// named are the spans of a name, and what is said of each.
func named(kept *tracetest.SpanRecorder, name string) (spans []sdk.ReadOnlySpan) {
	for _, s := range kept.Ended() {
		if s.Name() == name {
			spans = append(spans, s)
		}
	}
	return spans
}

func said(attributes []attribute.KeyValue) string {
	var words []string
	for _, a := range attributes {
		words = append(words, strings.TrimPrefix(string(a.Key), "callboard.")+"="+a.Value.Emit())
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// TestWave: a wave is a span from its stimulus until it settled, a work that brought something one inside, and what else
// happened events; no value is in it (B-11, B-16).
func TestWave(t *testing.T) {
	t.Parallel()
	h := open(t)
	spans, kept := traced(h)
	crm := h.Register("crm", board.Registration{Needs: []string{"party.number"}}, h.now)
	slow := h.Register("slow", board.Registration{Needs: []string{"party.number"}}, h.now)
	h.call("c1", telephony.CallRinging, telephony.Ringing, "")
	works := h.TakeWork(crm, 10, h.now)
	h.TakeWork(slow, 10, h.now)
	h.now = h.now.Add(40 * time.Millisecond)
	if _, err := h.Answer("crm", works[0].ID, board.Answer{Claims: []board.NewClaim{{Field: "party.company", Value: "Secret Ltd"}, {Field: "x.crm.id", Value: "7"}}}, h.now); err != nil {
		t.Fatal(err)
	}
	h.show()
	h.trace(spans)
	if waves := named(kept, "wave"); len(waves) != 0 {
		t.Fatalf("%d waves have ended while an app works", len(waves))
	}
	h.now = begin.Add(6 * time.Second)
	h.Tick(h.now)
	h.Notice("desk", telephony.Change{Kind: telephony.PBXLost, At: h.now, Link: &telephony.Link{}})
	h.show()
	h.Tick(h.now)
	h.show()
	h.trace(spans)
	waves, inside := named(kept, "wave"), named(kept, "work")
	if len(waves) != 1 || len(inside) != 1 {
		t.Fatalf("%d waves and %d works", len(waves), len(inside))
	}
	w, k, record := waves[0], inside[0], works[0].Record.ID
	if got, want := said(w.Attributes()), "begun_by=pbx line=desk origin=call record="+record+" rounds=1 settled=true unanswered=1 wave=1"; got != want {
		t.Errorf("the wave says %s, want %s", got, want)
	}
	if !w.StartTime().Equal(begin) || !w.EndTime().Equal(h.now) || w.Parent().IsValid() {
		t.Errorf("the wave is from %v to %v", w.StartTime(), w.EndTime())
	}
	if got, want := said(k.Attributes()), `fields=["party.company","x.crm.id"] round=1 source=crm work=`+works[0].ID; got != want {
		t.Errorf("the work says %s, want %s", got, want)
	}
	if k.Parent().SpanID() != w.SpanContext().SpanID() || !k.StartTime().Equal(begin) || k.EndTime().Sub(begin) != 40*time.Millisecond {
		t.Errorf("the work is from %v to %v in %v", k.StartTime(), k.EndTime(), k.Parent().SpanID())
	}
	all := said(w.Attributes()) + said(k.Attributes())
	var kinds []string
	for _, e := range w.Events() {
		kinds, all = append(kinds, e.Name), all+said(e.Attributes)
	}
	if got := strings.Join(kinds, " "); got != "record.opened call.ringing record.settled" {
		t.Errorf("events: %s", got)
	}
	for _, never := range []string{"4512345678", "Mette", "Secret"} {
		if strings.Contains(all, never) {
			t.Errorf("%q is told: %s", never, all)
		}
	}
}

// TestWavesEnd: a wave in which nobody is asked ends with its last change, one that another has overtaken when that settles.
func TestWavesEnd(t *testing.T) {
	t.Parallel()
	h := open(t)
	spans, kept := traced(h)
	h.call("c1", telephony.CallRinging, telephony.Ringing, "") // settles at once
	h.now = h.now.Add(time.Second)
	h.call("c1", telephony.CallHeld, telephony.Held, "") // nobody is asked
	h.trace(spans)
	spans.sweep(h.now.Add(quietAfter))
	if n := len(named(kept, "wave")); n != 1 || spans.open != 1 {
		t.Fatalf("%d waves have ended, %d go on, want one each", n, spans.open)
	}
	spans.sweep(h.now.Add(quietAfter + time.Second))
	waves := named(kept, "wave")
	if len(waves) != 2 || spans.open != 0 || len(spans.records) != 0 || !waves[1].EndTime().Equal(h.now) || strings.Contains(said(waves[1].Attributes()), "settled") {
		t.Errorf("%d waves have ended, the last %v at %v", len(waves), said(waves[len(waves)-1].Attributes()), waves[len(waves)-1].EndTime())
	}
	crm := h.Register("crm", board.Registration{Needs: []string{"party.number"}, On: []board.Moment{board.Changed}}, h.now)
	h.show()
	h.call("c1", telephony.CallResumed, telephony.Connected, "")
	works := h.TakeWork(crm, 10, h.now)
	h.call("c1", telephony.CallHeld, telephony.Held, "")
	h.trace(spans)
	if spans.open == 0 || len(works) == 0 {
		t.Fatal("no wave goes on")
	}
	for len(works) > 0 {
		if _, err := h.Answer("crm", works[0].ID, board.Answer{NothingFound: true}, h.now); err != nil {
			t.Fatal(err)
		}
		works = h.TakeWork(crm, 10, h.now)
	}
	h.Notice("desk", telephony.Change{Kind: telephony.PBXLost, At: h.now, Link: &telephony.Link{}})
	h.show()
	h.call("c2", telephony.CallEnded, telephony.Ended, telephony.Missed) // settles too
	h.trace(spans)
	spans.close(t.Context())
	if spans.open != 0 || len(kept.Started()) != len(kept.Ended()) {
		t.Errorf("%d spans were begun and %d ended", len(kept.Started()), len(kept.Ended()))
	}
}

// TestManyWaves: what is followed at once is bounded.
func TestManyWaves(t *testing.T) {
	t.Parallel()
	h := open(t)
	spans, _ := traced(h)
	for i := range wavesMost + 10 {
		spans.follow(t.Context(), &board.Change{Kind: board.RecordChanged, Record: fmt.Sprint("rec_", i), Wave: 2, At: begin})
	}
	if spans.open != wavesMost {
		t.Errorf("%d waves are followed", spans.open)
	}
	spans.sweep(begin.Add(time.Hour))
	if spans.open != 0 || len(spans.records) != 0 {
		t.Errorf("%d waves go on", spans.open)
	}
}

// receiver is a collector that keeps what it is sent, or refuses it.
type receiver struct {
	mu     sync.Mutex
	refuse bool
	paths  []string
	names  []string
	about  string
}

func (c *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paths = append(c.paths, r.URL.Path)
	var sent collector.ExportTraceServiceRequest
	if c.refuse || err != nil || proto.Unmarshal(body, &sent) != nil {
		http.Error(w, "no", http.StatusServiceUnavailable)
		return
	}
	for _, of := range sent.GetResourceSpans() {
		c.about = fmt.Sprint(of.GetResource())
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.names = append(c.names, s.GetName())
			}
		}
	}
}

// TestOTLP: spans reach a collector over HTTP, those of the end too; one that is away is told of once and holds nothing up.
func TestOTLP(t *testing.T) {
	t.Parallel()
	for _, away := range []bool{false, true} {
		t.Run(fmt.Sprint("away ", away), func(t *testing.T) {
			t.Parallel()
			there := &receiver{refuse: away}
			server := httptest.NewServer(there)
			defer server.Close()
			h := open(t)
			var log bytes.Buffer
			o := &h.telemetry.options
			o.Version, o.Logger = "1.2.3", slog.New(slog.NewTextHandler(&log, nil))
			var err error
			if o.Exporter, err = OTLP(t.Context(), server.URL+"/"); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); h.telemetry.Run(ctx) }()
			h.call("c1", telephony.CallEnded, telephony.Ended, telephony.Busy)
			for limit := time.Now().Add(time.Minute); value(h.scrape(), "calls_total", "inbound", "busy") != 1; time.Sleep(time.Millisecond) {
				if time.Now().After(limit) {
					t.Fatal("the call is not counted")
				}
			}
			cancel()
			<-done
			there.mu.Lock()
			defer there.mu.Unlock()
			if len(there.paths) == 0 || there.paths[0] != "/v1/traces" {
				t.Errorf("sent to %v", there.paths)
			}
			if said := strings.Count(log.String(), "traces cannot be sent"); away != (said == 1) || away != (len(there.names) == 0) {
				t.Errorf("spans %v, the log says %s", there.names, log.String())
			}
			if !away && (!slices.Contains(there.names, "wave") || !strings.Contains(there.about, "callboard") || !strings.Contains(there.about, "1.2.3")) {
				t.Errorf("spans %v of %s", there.names, there.about)
			}
		})
	}
}
