package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/callboard-dev/callboard/internal/board"
)

// state is what is read when somebody scrapes, all of it at one time.
type state struct{ options *Options }

type figures struct {
	board.Stats
	open, parked int
	lag          uint64
	problem      bool
	connected    bool
}

type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(f *figures) float64
}

func gauge(name, help string, of func(f *figures) float64) figure {
	return figure{prometheus.NewDesc("callboard_"+name, help, nil, nil), prometheus.GaugeValue, of}
}

func counted(name, help string, of func(f *figures) float64) figure {
	return figure{prometheus.NewDesc("callboard_"+name, help, nil, nil), prometheus.CounterValue, of}
}

var shown = []figure{
	gauge("pbx_connected", "Whether the link to the PBX is up.", func(f *figures) float64 { return yes(f.connected) }),
	gauge("store_problem", "Whether the database does not take changes.", func(f *figures) float64 { return yes(f.problem) }),
	gauge("streams_open", "Streams of apps and pages.", func(f *figures) float64 { return float64(f.open) }),
	gauge("streams_parked", "Streams whose readers do not keep up, and are fed from the log.", func(f *figures) float64 { return float64(f.parked) }),
	gauge("streams_lag_changes", "Changes that the slowest parked stream is behind.", func(f *figures) float64 { return float64(f.lag) }),
	gauge("works_in_flight", "Works that apps were given and have not answered.", func(f *figures) float64 { return float64(f.InFlight) }),
	gauge("works_due", "Works that wait to be taken by an app.", func(f *figures) float64 { return float64(f.Due) }),
	gauge("log_changes", "Changes of the log that are held in memory.", func(f *figures) float64 { return float64(f.Changes) }),
	counted("fuel_spent_total", "Writes of apps that burnt fuel.", func(f *figures) float64 { return float64(f.Spent) }),
	counted("fuel_refusals_total", "Writes of apps that were refused for want of fuel.", func(f *figures) float64 { return float64(f.Refused) }),
	counted("suspensions_total", "Times that an app ran out of fuel on a field, or on a record.", func(f *figures) float64 { return float64(f.Suspended) }),
}

func yes(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Describe implements prometheus.Collector.
func (s *state) Describe(to chan<- *prometheus.Desc) {
	for _, f := range shown {
		to <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (s *state) Collect(to chan<- prometheus.Metric) {
	now := figures{Stats: s.options.Board.Stats(), problem: s.options.Problem() != nil, connected: s.options.Connected()}
	now.open, now.parked, now.lag = s.options.Streams()
	for _, f := range shown {
		to <- prometheus.MustNewConstMetric(f.desc, f.kind, f.of(&now))
	}
}
