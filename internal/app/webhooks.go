package app

import (
	"context"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/server"
	"github.com/callboard-dev/callboard/internal/store"
	"github.com/callboard-dev/callboard/internal/webhook"
)

// newOutbox makes the outbox of a. What is sent and what is answered is the server's business, which is there before the
// outbox runs.
func (a *App) newOutbox() *webhook.Outbox {
	c := a.options.Config.Webhooks
	return webhook.New(webhook.Options{
		Board: a.board, Store: outboxStore{a.store}, NewID: newID, Logger: a.options.Logger, Version: a.options.Version, Allow: c.Networks(), QueueBytes: c.QueueMiB << 20,
		Body: func(m webhook.Message) ([]byte, error) {
			return a.server.WebhookBody(m.App, m.Change, m.Epoch, m.Record, m.Folds, m.Claims)
		},
		Notice: func(kind, id string, at time.Time, data map[string]any) ([]byte, error) {
			return a.server.WebhookNotice(kind, id, at, data)
		},
		Work: func(app string, w *board.Work, claims bool) ([]byte, error) {
			return a.server.WebhookWork(app, w, claims)
		},
		Answer: func(ctx context.Context, app, work string, answer []byte) error {
			return a.server.AnswerFor(ctx, app, work, answer)
		},
		Say: func(ctx context.Context, app, record string, answer []byte) error {
			return a.server.SayFor(ctx, app, record, answer)
		},
	})
}

// outboxStore is the store as the outbox wants it: neither knows the other.
type outboxStore struct{ *store.Store }

func (s outboxStore) Webhooks(ctx context.Context) ([]webhook.Stored, error) {
	hooks, err := s.Store.Webhooks(ctx)
	out := make([]webhook.Stored, 0, len(hooks))
	for _, h := range hooks {
		out = append(out, webhook.Stored(h))
	}
	return out, err
}

func (s outboxStore) SaveWebhook(ctx context.Context, h webhook.Stored) error {
	return s.Store.SaveWebhook(ctx, store.Webhook(h))
}

func (s outboxStore) SaveDeliveries(ctx context.Context, hook string, cursor board.Cursor, health []byte, fresh, changed []webhook.StoredDelivery) error {
	return s.Store.SaveDeliveries(ctx, hook, cursor, health, toStore(fresh), toStore(changed))
}

func (s outboxStore) WaitingDeliveries(ctx context.Context, hook string) ([]webhook.StoredDelivery, error) {
	all, err := s.Store.WaitingDeliveries(ctx, hook)
	return fromStore(all), err
}

func (s outboxStore) Deliveries(ctx context.Context, hook string, before int64, limit int) ([]webhook.StoredDelivery, error) {
	all, err := s.Store.Deliveries(ctx, hook, before, limit)
	return fromStore(all), err
}

func (s outboxStore) Delivery(ctx context.Context, hook, id string) (*webhook.StoredDelivery, error) {
	d, err := s.Store.Delivery(ctx, hook, id)
	return (*webhook.StoredDelivery)(d), err
}

func toStore(all []webhook.StoredDelivery) []store.WebhookDelivery {
	out := make([]store.WebhookDelivery, 0, len(all))
	for _, d := range all {
		out = append(out, store.WebhookDelivery(d))
	}
	return out
}

func fromStore(all []store.WebhookDelivery) []webhook.StoredDelivery {
	out := make([]webhook.StoredDelivery, 0, len(all))
	for _, d := range all {
		out = append(out, webhook.StoredDelivery(d))
	}
	return out
}

// webhooks is the outbox as the server wants it.
type webhooks struct{ outbox *webhook.Outbox }

func (w webhooks) List(ctx context.Context) ([]server.KnownWebhook, error) {
	hooks, err := w.outbox.List(ctx)
	out := make([]server.KnownWebhook, 0, len(hooks))
	for _, h := range hooks {
		out = append(out, knownWebhook(h))
	}
	return out, err
}

func (w webhooks) Check(s server.WebhookSettings) error { return w.outbox.Check(webhook.Settings(s)) }

func (w webhooks) Create(ctx context.Context, id string, s server.WebhookSettings) (string, error) {
	return w.outbox.Create(ctx, id, webhook.Settings(s))
}

func (w webhooks) Change(ctx context.Context, id string, change func(*server.WebhookSettings)) (server.KnownWebhook, error) {
	h, err := w.outbox.Change(ctx, id, func(s *webhook.Settings) { change((*server.WebhookSettings)(s)) })
	return knownWebhook(h), err
}

func (w webhooks) Rotate(ctx context.Context, id string, overlap time.Duration) (string, time.Time, error) {
	h, err := w.outbox.Rotate(ctx, id, overlap)
	return h.Secret, h.FormerUntil, err
}

func (w webhooks) Log(ctx context.Context, id string, before int64, limit int) ([]server.KnownDelivery, error) {
	all, err := w.outbox.Log(ctx, id, before, limit)
	out := make([]server.KnownDelivery, 0, len(all))
	for _, d := range all {
		out = append(out, knownDelivery(d))
	}
	return out, err
}

func (w webhooks) Resend(ctx context.Context, id, delivery string) error {
	return w.outbox.Resend(ctx, id, delivery)
}

func (w webhooks) Test(ctx context.Context, id string) (server.KnownDelivery, error) {
	d, err := w.outbox.Test(ctx, id)
	if err != nil {
		return server.KnownDelivery{}, err
	}
	return knownDelivery(d), nil
}

func knownWebhook(h webhook.Hook) server.KnownWebhook {
	out := server.KnownWebhook{ID: h.ID, WebhookSettings: server.WebhookSettings(h.Settings), CreatedAt: h.CreatedAt, Waiting: h.Waiting, TakenAt: h.Health.OKAt,
		FailingSince: h.Health.FailingSince, Problem: h.Health.Problem, DisabledAt: h.Health.DisabledAt, Reason: h.Health.Reason, FormerUntil: h.FormerUntil}
	out.Enabled = h.Active()
	return out
}

func knownDelivery(d *webhook.Delivery) server.KnownDelivery {
	out := server.KnownDelivery{N: d.N, ID: d.ID, Kind: d.Kind, Record: d.Record, At: d.At, State: string(d.State), Note: d.Note, Folds: d.Folds}
	if d.Seq > 0 {
		out.Event = board.Cursor{Epoch: d.Epoch, Seq: d.Seq}.String()
	}
	if d.State == webhook.Waiting {
		out.Due = d.Due
	}
	for _, a := range d.Attempts {
		out.Attempts = append(out.Attempts, server.KnownAttempt(a))
	}
	return out
}
