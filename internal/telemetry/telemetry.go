// Package telemetry tells the people who look after Callboard how it is: metrics for Prometheus and, where they are wanted,
// traces for OpenTelemetry.
//
// It follows the board's log like any reader, on a goroutine of its own, so the board and the path from the PBX to the apps
// know nothing of it. What the log does not tell comes by the functions in Options, asked when somebody scrapes. Nothing here
// says who called whom: a label is one of a few fixed words, and a trace has names of fields, never their values.
package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/callboard-dev/callboard/internal/board"
)

const (
	atOnce     = 256                    // changes that are read at once
	restFor    = 100 * time.Millisecond // after having read all: who makes a change does not wake us each time
	scrapeMost = 4                      // scrapes at a time; more are refused
)

// Options configure a Telemetry. The functions are called from any goroutine, but for Exporter not before somebody scrapes.
type Options struct {
	Board     *board.Board
	Streams   func() (open, parked int, lag uint64) // lag: of the parked stream that is furthest behind, in changes
	Problem   func() error                          // why the store does not take changes; nil while it does
	Connected func() bool                           // to the PBX
	Exporter  Exporter                              // where traces go; nil: there are none
	Version   string
	Logger    *slog.Logger
}

// Telemetry counts.
type Telemetry struct {
	options  Options
	registry *prometheus.Registry
	metrics  metrics
	watch    *board.Watch
}

// New returns a telemetry that has seen the log up to now. Call it when the board has been restored.
func New(o Options) (*Telemetry, error) {
	watch, err := o.Board.Watch(board.Cursor{})
	if err != nil {
		return nil, err
	}
	t := &Telemetry{options: o, registry: prometheus.NewRegistry(), watch: watch}
	t.metrics = newMetrics(t.registry)
	t.registry.MustRegister(&state{&t.options}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return t, nil
}

// Handler answers a scrape with Prometheus' text format, and with no other: it is the one in the API's contract.
func (t *Telemetry) Handler() http.Handler {
	scrape := promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapeMost})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.Header.Del("Accept")
		scrape.ServeHTTP(w, r)
	})
}

// Delivered is told what was written to the streams, and when. It does not block.
func (t *Telemetry) Delivered(changes []*board.Change, at time.Time) {
	for _, c := range changes {
		if c.Source == board.SourcePBX {
			t.metrics.latency.Observe(at.Sub(c.At).Seconds())
		}
	}
}

// Run follows the log until ctx ends.
func (t *Telemetry) Run(ctx context.Context) {
	defer func() { t.watch.Close() }()
	traces := t.openTraces()
	defer traces.close(context.WithoutCancel(ctx))
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	var rest <-chan time.Time
	for {
		woken := t.watch.Woken()
		if rest != nil {
			woken = nil
		}
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			traces.sweep(now)
		case <-rest:
			rest = nil
		case <-woken:
			changes := t.next()
			for _, c := range changes {
				t.metrics.count(c)
				traces.follow(ctx, c)
			}
			if len(changes) < atOnce {
				rest = time.After(restFor)
			}
		}
	}
}

// next reads the log. Another epoch does not matter here: the places in the log go on through it.
func (t *Telemetry) next() []*board.Change {
	changes, err := t.watch.Next(atOnce)
	if err == nil {
		return changes
	}
	from := t.watch.Cursor().Seq
	t.watch.Close()
	for {
		newest := t.options.Board.Newest()
		at := board.Cursor{Epoch: newest.Epoch, Seq: from}
		if errors.Is(err, board.ErrBehind) { // memory has let go of what was not read
			t.metrics.missed.Add(float64(newest.Seq - from))
			at, from = newest, newest.Seq
		}
		var other error
		if t.watch, other = t.options.Board.Watch(at); other == nil {
			return nil // a new watch is woken at once
		}
		err = board.ErrBehind // the epoch has moved on again, or the log has been cut: from its head, and count what that leaves out
	}
}
