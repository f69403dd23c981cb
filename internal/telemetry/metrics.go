package telemetry

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// metrics are what is counted as it happens.
type metrics struct {
	latency, settle, rounds                          prometheus.Histogram
	unanswered, contended, quarantined, gaps, missed prometheus.Counter
	calls, claims                                    *prometheus.CounterVec
	commitTook, commitChanges                        prometheus.Histogram
	commitErrors                                     prometheus.Counter
}

func newMetrics(r prometheus.Registerer) metrics {
	f := promauto.With(r)
	histogram := func(name, help string, buckets ...float64) prometheus.Histogram {
		return f.NewHistogram(prometheus.HistogramOpts{Namespace: "callboard", Name: name, Help: help, Buckets: buckets})
	}
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Namespace: "callboard", Name: name, Help: help})
	}
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Namespace: "callboard", Name: name, Help: help}, labels)
	}
	m := metrics{
		latency: histogram("pbx_to_app_seconds", "From a byte of the PBX to the bytes for apps, of each change that was written to streams.",
			0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
		settle:        histogram("settle_seconds", "From the first work on a record until nobody works on it.", 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
		rounds:        histogram("settle_rounds", "How many rounds deep apps followed from each other until a record settled.", 0, 1, 2, 3, 4, 5, 6, 7, 8),
		unanswered:    counter("works_unanswered_total", "Apps that had not answered when a record settled."),
		contended:     counter("fields_contended_total", "Fields that were frozen because apps changed them to and fro."),
		quarantined:   counter("quarantines_total", "Times that an app was barred from a field for running in circles."),
		gaps:          counter("pbx_gaps_total", "Times in which the PBX could not be seen."),
		missed:        counter("telemetry_missed_changes_total", "Changes that these metrics do not count because too many came at once."),
		calls:         vector("calls_total", "Calls that have ended.", "direction", "result"),
		claims:        vector("claims_total", "Claims that changed something, by who made them.", "source"),
		commitTook:    histogram("commit_seconds", "How long the store took for a commit.", 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
		commitChanges: histogram("commit_changes", "Changes in a commit.", 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
		commitErrors:  counter("commit_errors_total", "Commits that the store refused."),
	}
	for _, kind := range []string{board.SourcePBX, board.SourceUser, board.SourceHistory, "app"} {
		m.claims.WithLabelValues(kind)
	}
	return m
}

// count turns a change into what it means.
func (m *metrics) count(c *board.Change) {
	switch c.Kind {
	case board.RecordSettled:
		m.settle.Observe(float64(c.Settled.TookMS) / 1000)
		m.rounds.Observe(float64(c.Settled.Rounds))
		m.unanswered.Add(float64(len(c.Settled.Unanswered)))
	case board.RecordOpened:
		m.claims.WithLabelValues(kindOf(c.Source)).Add(float64(len(c.Opened.Fields)))
	case board.RecordChanged:
		m.claims.WithLabelValues(kindOf(c.Source)).Add(float64(claimed(c)))
	case board.FieldContended:
		m.contended.Inc()
	case board.AppQuarantined:
		m.quarantined.Inc()
	case string(telephony.PBXGap):
		m.gaps.Inc()
	case string(telephony.CallEnded):
		m.calls.WithLabelValues(oneOf(c.Call.Direction, telephony.UnknownDirection, directions), oneOf(c.Call.Result, telephony.UnknownResult, results)).Inc()
	}
}

// claimed is how many claims a change has made: the others in its fields are older, and to take one back is none.
func claimed(c *board.Change) (made int) {
	for _, f := range c.Fields {
		if f != nil {
			if claim := f.Of(c.Source); claim != nil && claim.Seq == c.Seq {
				made++
			}
		}
	}
	return made
}

func kindOf(source string) string {
	switch source {
	case board.SourcePBX, board.SourceUser, board.SourceHistory:
		return source
	}
	return "app"
}

var (
	directions = []telephony.Direction{telephony.Inbound, telephony.Outbound, telephony.Internal}
	results    = []telephony.Result{telephony.Answered, telephony.Missed, telephony.Busy, telephony.Rejected, telephony.Cancelled, telephony.Failed,
		telephony.Voicemail, telephony.AnsweredElsewhere, telephony.Forwarded}
)

// oneOf keeps labels few, whatever a connector says.
func oneOf[T ~string](value, otherwise T, known []T) string {
	if slices.Contains(known, value) {
		return string(value)
	}
	return string(otherwise)
}

// Store makes batches durable. *store.Store is one.
type Store interface {
	Commit(ctx context.Context, epoch string, batch []*board.Change) error
}

// Timed is a store whose commits are counted. An empty batch only asks how the store is, and is not.
func (t *Telemetry) Timed(s Store) Store { return timed{s, &t.metrics} }

type timed struct {
	store   Store
	metrics *metrics
}

func (t timed) Commit(ctx context.Context, epoch string, batch []*board.Change) error {
	began := time.Now()
	err := t.store.Commit(ctx, epoch, batch)
	switch {
	case len(batch) == 0:
	case err != nil:
		t.metrics.commitErrors.Inc()
	default:
		t.metrics.commitTook.Observe(time.Since(began).Seconds())
		t.metrics.commitChanges.Observe(float64(len(batch)))
	}
	return err
}
