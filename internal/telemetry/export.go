package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

const sendTime = 3 * time.Second // for one request, and for what is left when the program ends

// Exporter sends spans.
type Exporter = sdk.SpanExporter

// OTLP sends to a collector over HTTP; it asks for nothing yet. endpoint is the collector's address without a path of its
// own, such as http://127.0.0.1:4318. Proxies of the environment are not used.
func OTLP(ctx context.Context, endpoint string) (Exporter, error) {
	transport := &http.Transport{IdleConnTimeout: time.Minute, MaxIdleConns: 1}
	e, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimRight(endpoint, "/")+"/v1/traces"),
		otlptracehttp.WithHTTPClient(&http.Client{Transport: transport, Timeout: sendTime}),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false})) // a collector that is away must not make spans pile up
	return &overHTTP{e, transport}, err
}

type overHTTP struct {
	Exporter
	transport *http.Transport
}

// Shutdown ends it, and leaves no connection behind.
func (o *overHTTP) Shutdown(ctx context.Context) error {
	defer o.transport.CloseIdleConnections()
	return o.Exporter.Shutdown(ctx)
}

// openTraces begins to trace; nil if nobody wants that.
func (t *Telemetry) openTraces() *traces {
	if t.options.Exporter == nil {
		return nil
	}
	about := resource.NewSchemaless(attribute.String("service.name", "callboard"), attribute.String("service.version", t.options.Version))
	p := sdk.NewTracerProvider(sdk.WithBatcher(&spoken{Exporter: t.options.Exporter, logger: t.options.Logger}), sdk.WithResource(about), sdk.WithSampler(sdk.AlwaysSample()))
	return newTraces(t.options.Board, p, t.options.Version)
}

// spoken says once that a collector is away, and once that it is back. The library would print each failure.
type spoken struct {
	Exporter
	logger *slog.Logger
	away   bool // the library asks for one export at a time
}

func (s *spoken) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := s.Exporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && !s.away:
		s.logger.Warn("traces cannot be sent and are dropped meanwhile; see whether the collector runs, or take traces.endpoint out of callboard.yaml", "error", err)
	case err == nil && s.away:
		s.logger.Info("traces are sent again")
	}
	s.away = err != nil
	return nil
}
