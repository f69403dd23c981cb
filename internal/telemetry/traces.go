package telemetry

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/callboard-dev/callboard/internal/board"
)

const (
	quietAfter = 2 * time.Minute // a wave of which nothing more is heard is over: no work takes longer than a minute
	sweepEvery = 30 * time.Second
	wavesMost  = 1000 // that are followed at once; those beyond it are not traced
	namesMost  = 64   // fields that are named of one change
)

// traces makes spans of waves: a span from the stimulus until the record settled, and in it one for each work that brought
// something. All times are those of the log. It is used by one goroutine; a nil one traces nothing.
//
// The log does not tell when a work was handed out, so its span begins with the change that it followed from. A work that
// brought nothing is not seen, but for its app's name among the unanswered.
type traces struct {
	board    *board.Board
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	records  map[string][]*wave // by record: those that have not ended
	open     int
}

// wave is one that goes on.
type wave struct {
	number int64
	ctx    context.Context // it bears the span, for those of its works
	span   trace.Span
	last   time.Time // of its newest change
	rounds int
}

func newTraces(b *board.Board, p *sdk.TracerProvider, version string) *traces {
	return &traces{board: b, provider: p, tracer: p.Tracer("callboard", trace.WithInstrumentationVersion(version)), records: map[string][]*wave{}}
}

// follow takes the next change of the log.
func (t *traces) follow(ctx context.Context, c *board.Change) {
	switch {
	case t == nil || c.Record == "":
	case c.Kind == board.RecordSettled:
		t.settled(ctx, c)
	case c.Kind == board.RecordClosed:
		t.endAll(c.Record)
	case c.Wave > 0:
		if w := t.waveOf(ctx, c, c.Wave, c.At); w != nil {
			t.add(w, c)
		}
	}
}

// waveOf is the wave of a change. One that was over is begun again: an answer came late.
func (t *traces) waveOf(ctx context.Context, c *board.Change, number int64, began time.Time) *wave {
	waves := t.records[c.Record]
	if i := slices.IndexFunc(waves, func(w *wave) bool { return w.number == number }); i >= 0 {
		return waves[i]
	}
	if t.open >= wavesMost {
		return nil
	}
	attributes := []attribute.KeyValue{attribute.String("callboard.line", c.Line), attribute.String("callboard.record", c.Record),
		attribute.Int64("callboard.wave", number), attribute.String("callboard.begun_by", c.Source)}
	if r := t.board.Get(c.Record); r != nil {
		attributes = append(attributes, attribute.String("callboard.origin", string(r.Origin)))
	}
	w := &wave{number: number, last: began}
	w.ctx, w.span = t.tracer.Start(ctx, "wave", trace.WithNewRoot(), trace.WithTimestamp(began), trace.WithAttributes(attributes...))
	t.records[c.Record] = append(waves, w)
	t.open++
	return w
}

// add puts a change into its wave: a span if it is known what work brought it and since when, else an event.
func (t *traces) add(w *wave, c *board.Change) {
	w.rounds = max(w.rounds, c.Round)
	if c.At.After(w.last) {
		w.last = c.At
	}
	attributes := []attribute.KeyValue{attribute.String("callboard.source", c.Source), attribute.Int("callboard.round", c.Round)}
	if names := namesIn(c); len(names) > 0 {
		attributes = append(attributes, attribute.StringSlice("callboard.fields", names))
	}
	if work, from := workOf(c), t.board.Change(c.Cause); work != "" && from != nil {
		_, span := t.tracer.Start(w.ctx, "work", trace.WithTimestamp(from.At), trace.WithAttributes(append(attributes, attribute.String("callboard.work", work))...))
		span.End(trace.WithTimestamp(c.At))
		return
	}
	w.span.AddEvent(c.Kind, trace.WithTimestamp(c.At), trace.WithAttributes(attributes...))
}

// workOf is the work that brought a claim of a change; empty: none, or it is not known.
func workOf(c *board.Change) string {
	for _, f := range c.Fields {
		if claim := f.Of(c.Source); claim != nil && claim.Seq == c.Seq && claim.Work != "" {
			return claim.Work
		}
	}
	return ""
}

// namesIn are the fields and lists that a change is about, without what they say.
func namesIn(c *board.Change) []string {
	var names []string
	for name := range c.Fields {
		names = append(names, name)
	}
	if c.Kind == board.RecordOpened {
		for name := range c.Opened.Fields {
			names = append(names, name)
		}
	}
	for _, name := range []string{c.List, c.Field} {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names[:min(len(names), namesMost)]
}

// settled ends the wave that is named, and with it those that it overtook.
func (t *traces) settled(ctx context.Context, c *board.Change) {
	began := c.At.Add(-time.Duration(c.Settled.TookMS) * time.Millisecond)
	if w := t.waveOf(ctx, c, c.Settled.Wave, began); w != nil {
		w.last, w.rounds = c.At, max(w.rounds, c.Settled.Rounds)
		w.span.SetAttributes(attribute.Bool("callboard.settled", true), attribute.Int("callboard.unanswered", len(c.Settled.Unanswered)))
		if len(c.Settled.Unanswered) > 0 {
			w.span.AddEvent(c.Kind, trace.WithTimestamp(c.At), trace.WithAttributes(attribute.StringSlice("callboard.unanswered_apps", c.Settled.Unanswered)))
		}
	}
	t.endAll(c.Record)
}

func (t *traces) endAll(record string) {
	for _, w := range t.records[record] {
		t.end(w)
	}
	delete(t.records, record)
}

func (t *traces) end(w *wave) {
	w.span.SetAttributes(attribute.Int("callboard.rounds", w.rounds))
	w.span.End(trace.WithTimestamp(w.last))
	t.open--
}

// sweep ends the waves that are over without a word: nobody was asked in them.
func (t *traces) sweep(now time.Time) {
	if t == nil {
		return
	}
	for record, waves := range t.records {
		left := slices.DeleteFunc(waves, func(w *wave) bool {
			over := now.Sub(w.last) > quietAfter
			if over {
				t.end(w)
			}
			return over
		})
		if t.records[record] = left; len(left) == 0 {
			delete(t.records, record)
		}
	}
}

// close ends what goes on, and waits a moment until it has been sent.
func (t *traces) close(ctx context.Context) {
	if t == nil {
		return
	}
	for record := range t.records {
		t.endAll(record)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	t.provider.Shutdown(ctx) // why it cannot be sent, the exporter says
}
