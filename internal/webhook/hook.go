package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// Hook is an app that is reached at a URL.
type Hook struct {
	ID string
	Settings
	CreatedAt   time.Time
	Secret      string
	Former      string // it signs too until FormerUntil
	FormerUntil time.Time
	Cursor      board.Cursor // up to where the log was read
	Health      Health
	Waiting     int // deliveries

	anew bool // what waits is tried as if it had not been
}

// Settings are what the person says of a hook. It is told notifications, or handed work, or both.
type Settings struct {
	URL     string              `json:"url"`
	Enabled bool                `json:"enabled"`
	Claims  bool                `json:"claims,omitempty"` // with every field all its claims
	Notify  *board.Filter       `json:"notify,omitempty"`
	Work    *board.Registration `json:"work,omitempty"`
}

// Health is how a hook stands.
type Health struct {
	FailingSince time.Time `json:"failing_since,omitzero"` // nothing was taken since
	OKAt         time.Time `json:"ok_at,omitzero"`         // when something was last taken
	Problem      string    `json:"problem,omitempty"`      // of the newest attempt
	DisabledAt   time.Time `json:"disabled_at,omitzero"`   // Callboard has disabled it
	Reason       string    `json:"reason,omitempty"`       // why
}

// Active reports whether a hook is called.
func (h *Hook) Active() bool { return h.Enabled && h.Health.DisabledAt.IsZero() }

// secrets are those that sign now.
func (h *Hook) secrets(now time.Time) []string {
	if h.Former != "" && now.Before(h.FormerUntil) {
		return []string{h.Secret, h.Former}
	}
	return []string{h.Secret}
}

// State of a delivery.
type State string

const (
	Waiting    State = "waiting"
	Sent       State = "sent"
	Failed     State = "failed"     // given up after the last attempt
	Superseded State = "superseded" // a newer one of its kind is sent in its place
	Dropped    State = "dropped"    // its webhook was reset, or what it was about is erased
)

// Delivery is one notification to one hook, as a reference into the log, and what became of it.
type Delivery struct {
	N        int64 // grows from delivery to delivery
	ID       string
	Hook     string
	Epoch    string
	Seq      uint64
	Kind     string
	Record   string
	At       time.Time
	State    State
	Note     string // why it is or was dropped
	Folds    int    // how many of its kind it stands for besides itself
	Tries    int    // that failed, since it was last put in the queue
	Due      time.Time
	Attempts []Attempt // the newest ones
}

// Attempt is one request.
type Attempt struct {
	At      time.Time `json:"at"`
	Status  int       `json:"status,omitempty"` // 0: there was no answer
	TookMS  int64     `json:"took_ms"`
	Problem string    `json:"problem,omitempty"` // why it failed, or what was wrong with the answer
}

const keepAttempts = 20 // of one delivery

func (d *Delivery) note(a Attempt) {
	d.Attempts = append(d.Attempts[max(0, len(d.Attempts)-keepAttempts+1):], a)
}

// foldable are the kinds that only say to look at the record again.
var foldable = map[string]bool{board.RecordChanged: true, board.RecordSettled: true, "call.updated": true}

// Kinds of delivery besides those of changes.
const (
	kindAdded   = "record.added"
	kindRemoved = "record.removed"
	kindReset   = "reset"
	kindWork    = "work"
	kindTest    = "webhook.test"
)

// Stored is a hook as a store keeps it.
type Stored struct {
	ID          string
	Settings    []byte
	CreatedAt   time.Time
	Secret      string
	Former      string
	FormerUntil time.Time
	Cursor      board.Cursor
	Health      []byte
	Waiting     int
}

// StoredDelivery is a delivery as a store keeps it.
type StoredDelivery struct {
	N        int64
	ID       string
	Hook     string
	Epoch    string
	Seq      uint64
	Kind     string
	Record   string
	At       time.Time
	State    string
	Note     string
	Folds    int
	Tries    int
	Due      time.Time
	Attempts []byte
}

// Store keeps hooks and deliveries, and has the log. Its methods may block on the disk.
type Store interface {
	Webhooks(ctx context.Context) ([]Stored, error)
	SaveWebhook(ctx context.Context, h Stored) error
	// SaveDeliveries is one transaction. A zero cursor and nil health stay as they are.
	SaveDeliveries(ctx context.Context, hook string, cursor board.Cursor, health []byte, fresh, changed []StoredDelivery) error
	WaitingDeliveries(ctx context.Context, hook string) ([]StoredDelivery, error)
	Deliveries(ctx context.Context, hook string, before int64, limit int) ([]StoredDelivery, error)
	Delivery(ctx context.Context, hook, id string) (*StoredDelivery, error)
	Changes(ctx context.Context, after uint64, limit int) ([]*board.Change, error)
	Record(ctx context.Context, id string) (*board.Record, error)
}

func (h *Hook) stored() (Stored, error) {
	settings, err := json.Marshal(h.Settings)
	if err != nil {
		return Stored{}, fmt.Errorf("webhook %s: %w", h.ID, err)
	}
	health, err := json.Marshal(h.Health)
	return Stored{ID: h.ID, Settings: settings, CreatedAt: h.CreatedAt, Secret: h.Secret, Former: h.Former, FormerUntil: h.FormerUntil, Cursor: h.Cursor, Health: health}, err
}

func read(s Stored) (Hook, error) {
	h := Hook{ID: s.ID, CreatedAt: s.CreatedAt, Secret: s.Secret, Former: s.Former, FormerUntil: s.FormerUntil, Cursor: s.Cursor, Waiting: s.Waiting}
	if err := json.Unmarshal(s.Settings, &h.Settings); err != nil {
		return h, fmt.Errorf("webhook %s: %w", s.ID, err)
	}
	if err := json.Unmarshal(s.Health, &h.Health); err != nil {
		return h, fmt.Errorf("webhook %s: %w", s.ID, err)
	}
	return h, nil
}

func (d *Delivery) stored() (StoredDelivery, error) {
	attempts, err := json.Marshal(d.Attempts)
	return StoredDelivery{d.N, d.ID, d.Hook, d.Epoch, d.Seq, d.Kind, d.Record, d.At, string(d.State), d.Note, d.Folds, d.Tries, d.Due, attempts}, err
}

func readDelivery(s StoredDelivery) (*Delivery, error) {
	d := &Delivery{s.N, s.ID, s.Hook, s.Epoch, s.Seq, s.Kind, s.Record, s.At, State(s.State), s.Note, s.Folds, s.Tries, s.Due, nil}
	if err := json.Unmarshal(s.Attempts, &d.Attempts); err != nil {
		return nil, fmt.Errorf("delivery %s: %w", s.ID, err)
	}
	return d, nil
}

func readDeliveries(all []StoredDelivery) ([]*Delivery, error) {
	out := make([]*Delivery, 0, len(all))
	for _, s := range all {
		d, err := readDelivery(s)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}
