package store

import (
	"context"
	"fmt"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// Webhook is an app that is reached at a URL. Settings and Health are JSON of whoever delivers.
type Webhook struct {
	ID          string
	Settings    []byte
	CreatedAt   time.Time
	Secret      string
	Former      string // it signs too until FormerUntil
	FormerUntil time.Time
	Cursor      board.Cursor // up to where the log was read for it
	Health      []byte
	Waiting     int // deliveries; only read
}

// WebhookDelivery is one that waits or is done: a reference into the log. Attempts are JSON.
type WebhookDelivery struct {
	N        int64 // grows from delivery to delivery; only read
	ID       string
	Hook     string
	Epoch    string
	Seq      uint64
	Kind     string
	Record   string
	At       time.Time
	State    string // waiting, or how it came out
	Note     string
	Folds    int
	Tries    int
	Due      time.Time
	Attempts []byte
}

// How much is kept of what was delivered, for each webhook.
const (
	keepDeliveries   = 1000
	keepDeliveredFor = 7 * 24 * time.Hour
	trimEvery        = 100 // deliveries
)

const waiting = "waiting"

// Webhooks reads them all, by id.
func (s *Store) Webhooks(ctx context.Context) ([]Webhook, error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT id, settings, created_at, secret, former, former_until, epoch, seq, health,
		(SELECT count(*) FROM webhook_deliveries d WHERE d.hook = w.id AND d.state = ?) FROM webhooks w ORDER BY id`, waiting)
	if err != nil {
		return nil, fmt.Errorf("read the webhooks: %w", err)
	}
	defer rows.Close()
	var hooks []Webhook
	for rows.Next() {
		var w Webhook
		var created, until, seq int64
		if err := rows.Scan(&w.ID, &w.Settings, &created, &w.Secret, &w.Former, &until, &w.Cursor.Epoch, &seq, &w.Health, &w.Waiting); err != nil {
			return nil, fmt.Errorf("read the webhooks: %w", err)
		}
		w.CreatedAt, w.FormerUntil, w.Cursor.Seq = time.UnixMilli(created), timeOf(until), uint64(seq)
		hooks = append(hooks, w)
	}
	return hooks, rows.Err()
}

// SaveWebhook keeps a webhook whose app is there already. Of one that is known all is kept anew but its cursor.
func (s *Store) SaveWebhook(ctx context.Context, w Webhook) error {
	_, err := s.writer.ExecContext(ctx, `INSERT INTO webhooks (id, settings, created_at, secret, former, former_until, epoch, seq, health) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET settings = excluded.settings, secret = excluded.secret, former = excluded.former, former_until = excluded.former_until, health = excluded.health`,
		w.ID, string(w.Settings), w.CreatedAt.UnixMilli(), w.Secret, w.Former, millis(w.FormerUntil), w.Cursor.Epoch, int64(w.Cursor.Seq), string(w.Health))
	if err != nil {
		return fmt.Errorf("keep webhook %s: %w", w.ID, err)
	}
	return nil
}

// SaveDeliveries keeps in one transaction what has happened with a webhook: deliveries that are new, those that have changed,
// up to where the log was read (a zero cursor: as before) and how it stands (nil: as before).
func (s *Store) SaveDeliveries(ctx context.Context, hook string, cursor board.Cursor, health []byte, fresh, changed []WebhookDelivery) error {
	many := int64(len(fresh) + len(changed))
	total := s.delivered.Add(many)
	return s.within(ctx, func(t transaction) error {
		if err := saveDeliveries(ctx, t, hook, fresh, changed); err != nil {
			return err
		}
		if cursor != (board.Cursor{}) {
			move, named := statement{text: `UPDATE webhooks SET epoch = ?, seq = ? WHERE id = ?`}, failing("keep the cursor of %s", hook)
			if err := t.do(ctx, move, named, cursor.Epoch, int64(cursor.Seq), hook); err != nil {
				return err
			}
		}
		if health != nil {
			note, named := statement{text: `UPDATE webhooks SET health = ? WHERE id = ?`}, failing("keep how %s stands", hook)
			if err := t.do(ctx, note, named, string(health), hook); err != nil {
				return err
			}
		}
		if total/trimEvery != (total-many)/trimEvery {
			return trimDeliveries(ctx, t, hook)
		}
		return nil
	})
}

func saveDeliveries(ctx context.Context, t transaction, hook string, fresh, changed []WebhookDelivery) error {
	named := failing("keep deliveries to %s", hook)
	for _, d := range fresh {
		err := t.do(ctx, statement{text: `INSERT INTO webhook_deliveries (id, hook, epoch, seq, kind, record, at, state, note, folds, tries, due_at, attempts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
			named, d.ID, d.Hook, d.Epoch, int64(d.Seq), d.Kind, d.Record, d.At.UnixMilli(), d.State, d.Note, d.Folds, d.Tries, millis(d.Due), string(d.Attempts))
		if err != nil {
			return err
		}
	}
	for _, d := range changed {
		err := t.do(ctx, statement{text: `UPDATE webhook_deliveries SET state = ?, note = ?, folds = ?, tries = ?, due_at = ?, attempts = ? WHERE id = ?`},
			named, d.State, d.Note, d.Folds, d.Tries, millis(d.Due), string(d.Attempts), d.ID)
		if err != nil {
			return err
		}
	}
	return nil
}

// trimDeliveries bounds what is kept of those that are done.
func trimDeliveries(ctx context.Context, t transaction, hook string) error {
	return t.do(ctx, statement{text: `DELETE FROM webhook_deliveries WHERE hook = ? AND state <> ? AND (at < ? OR n <=
		coalesce((SELECT n FROM webhook_deliveries WHERE hook = ? AND state <> ? ORDER BY n DESC LIMIT 1 OFFSET ?), 0))`},
		failing("trim the deliveries to %s", hook), hook, waiting, time.Now().Add(-keepDeliveredFor).UnixMilli(), hook, waiting, keepDeliveries)
}

const deliveryColumns = `SELECT n, id, hook, epoch, seq, kind, record, at, state, note, folds, tries, due_at, attempts FROM webhook_deliveries `

// WaitingDeliveries are those to a webhook that wait, in order.
func (s *Store) WaitingDeliveries(ctx context.Context, hook string) ([]WebhookDelivery, error) {
	return s.deliveries(ctx, deliveryColumns+`WHERE hook = ? AND state = ? ORDER BY seq, n`, hook, waiting)
}

// Deliveries are the newest ones to a webhook before one, the newest first; before 0 begins with the newest of all.
func (s *Store) Deliveries(ctx context.Context, hook string, before int64, limit int) ([]WebhookDelivery, error) {
	return s.deliveries(ctx, deliveryColumns+`WHERE hook = ? AND (n < ? OR CAST(? AS BIGINT) = 0) ORDER BY n DESC LIMIT ?`, hook, before, before, limit)
}

// Delivery is one delivery to a webhook; nil if there is none.
func (s *Store) Delivery(ctx context.Context, hook, id string) (*WebhookDelivery, error) {
	found, err := s.deliveries(ctx, deliveryColumns+`WHERE hook = ? AND id = ?`, hook, id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

func (s *Store) deliveries(ctx context.Context, query string, args ...any) ([]WebhookDelivery, error) {
	rows, err := s.readers.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read deliveries: %w", err)
	}
	defer rows.Close()
	var out []WebhookDelivery
	for rows.Next() {
		var d WebhookDelivery
		var seq, at, due int64
		if err := rows.Scan(&d.N, &d.ID, &d.Hook, &d.Epoch, &seq, &d.Kind, &d.Record, &at, &d.State, &d.Note, &d.Folds, &d.Tries, &due, &d.Attempts); err != nil {
			return nil, fmt.Errorf("read deliveries: %w", err)
		}
		d.Seq, d.At, d.Due = uint64(seq), time.UnixMilli(at), timeOf(due)
		out = append(out, d)
	}
	return out, rows.Err()
}
