package webhook

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Options configure an Outbox. What is written to targets and what their answers mean is the API's business: these
// functions are handed in, and may be called from any goroutine.
type Options struct {
	Board      *board.Board
	Store      Store
	NewID      func(kind string) string
	Logger     *slog.Logger
	Version    string
	Allow      []netip.Prefix    // where requests may go besides the internet, and without TLS
	QueueBytes int               // about how much may wait for one hook; 0: 16 MiB
	Resolver   *net.Resolver     // nil: the system's
	Transport  http.RoundTripper // for tests, in place of connections; nil: guarded ones

	// Body is a notification as a stream has it, with the newest state of its record. Notice is one of no record.
	Body   func(m Message) ([]byte, error)
	Notice func(kind, id string, at time.Time, data map[string]any) ([]byte, error)
	Work   func(app string, w *board.Work, claims bool) ([]byte, error)
	// Answer takes a JSON Answer to a work, Say one about a record outside any work. They wait until it is durable.
	Answer func(ctx context.Context, app, work string, answer []byte) error
	Say    func(ctx context.Context, app, record string, answer []byte) error
}

const (
	defaultQueue = 16 << 20
	maxHooks     = 64 // each may have requests under way
	maxOverlap   = 30 * 24 * time.Hour
)

// Outbox is all hooks and what waits for them. Its methods may be called from any goroutine while Run runs; what changes a
// hook waits until what was under way to it has been broken off, which is delivered again.
type Outbox struct {
	options Options
	sender  sender
	asks    chan func(ctx context.Context, couriers map[string]*running)
	serving sync.WaitGroup
	ended   chan struct{} // Run is over
}

// running is a courier at work.
type running struct {
	courier *courier
	stop    context.CancelFunc
	done    chan struct{}
}

// New returns an outbox that does nothing until Run.
func New(o Options) *Outbox {
	if o.QueueBytes == 0 {
		o.QueueBytes = defaultQueue
	}
	out := &Outbox{options: o, sender: newSender(o.Allow, o.Resolver, o.Version), asks: make(chan func(context.Context, map[string]*running)), ended: make(chan struct{})}
	if o.Transport != nil {
		out.sender.secure, out.sender.plain = o.Transport, o.Transport
	}
	return out
}

// Run delivers until ctx ends. It waits for what is under way.
func (o *Outbox) Run(ctx context.Context) {
	defer close(o.ended)
	defer o.sender.close()
	defer o.serving.Wait()
	couriers := map[string]*running{}
	for !o.startAll(ctx, couriers) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(localPause):
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case ask := <-o.asks:
			ask(ctx, couriers)
		}
	}
}

func (o *Outbox) startAll(ctx context.Context, couriers map[string]*running) bool {
	hooks, err := o.hooks(ctx)
	if err != nil {
		o.options.Logger.Error("the webhooks cannot be read", "error", err)
		return false
	}
	for _, h := range hooks {
		o.start(ctx, couriers, h)
	}
	return true
}

// start begins to serve a hook, if it is to be served.
func (o *Outbox) start(ctx context.Context, couriers map[string]*running, h Hook) {
	if !h.Active() {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &running{courier: newCourier(o, h), stop: cancel, done: make(chan struct{})}
	couriers[h.ID] = r
	o.serving.Go(func() {
		defer close(r.done)
		defer cancel()
		r.courier.run(ctx)
	})
}

// do runs an ask in Run's goroutine: hooks change one after the other.
func (o *Outbox) do(ctx context.Context, ask func(ctx context.Context, couriers map[string]*running) error) error {
	done := make(chan error, 1)
	select {
	case o.asks <- func(run context.Context, couriers map[string]*running) { done <- ask(run, couriers) }:
		return <-done
	case <-o.ended:
		return errors.New("webhooks are served no more: Callboard ends")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func stop(couriers map[string]*running, id string) {
	if r := couriers[id]; r != nil {
		r.stop()
		<-r.done
		delete(couriers, id)
	}
}

func (o *Outbox) hooks(ctx context.Context) ([]Hook, error) {
	stored, err := o.options.Store.Webhooks(ctx)
	if err != nil {
		return nil, err
	}
	hooks := make([]Hook, 0, len(stored))
	for _, s := range stored {
		h, err := read(s)
		if err != nil {
			return nil, err
		}
		hooks = append(hooks, h)
	}
	return hooks, nil
}

func notFound(id string) error {
	return &telephony.Error{Code: telephony.CodeNotFound, Message: "there is no webhook " + telephony.Display(id), Remedy: "`webhook list` shows those that there are"}
}

// List gives all hooks, by id.
func (o *Outbox) List(ctx context.Context) ([]Hook, error) { return o.hooks(ctx) }

// Get gives one hook.
func (o *Outbox) Get(ctx context.Context, id string) (Hook, error) {
	hooks, err := o.hooks(ctx)
	if err != nil {
		return Hook{}, err
	}
	for _, h := range hooks {
		if h.ID == id {
			return h, nil
		}
	}
	return Hook{}, notFound(id)
}

// Check says why a hook cannot be as it is wanted.
func (o *Outbox) Check(s Settings) error {
	if s.Notify == nil && s.Work == nil {
		return invalid("the webhook would never be called", "give notify, work or both")
	}
	return o.checkURL(s.URL)
}

// Create adds a hook for an app that was let in, and returns its secret, which nobody is shown again. It is told what comes
// from now on.
func (o *Outbox) Create(ctx context.Context, id string, s Settings) (secret string, err error) {
	if err := o.Check(s); err != nil {
		return "", err
	}
	cursor, err := o.now()
	if err != nil {
		return "", err
	}
	h := Hook{ID: id, Settings: s, CreatedAt: time.Now(), Secret: newSecret(), Cursor: cursor}
	return h.Secret, o.do(ctx, func(run context.Context, couriers map[string]*running) error {
		hooks, err := o.hooks(ctx)
		if err == nil && len(hooks) >= maxHooks {
			err = &telephony.Error{Code: telephony.CodeTooLarge, Message: "there are 64 webhooks", Remedy: "remove one that is not needed"}
		}
		if err != nil {
			return err
		}
		return o.save(ctx, run, couriers, h)
	})
}

// now is where the log ends.
func (o *Outbox) now() (board.Cursor, error) {
	watch, err := o.options.Board.Watch(board.Cursor{})
	if err != nil {
		return board.Cursor{}, err
	}
	defer watch.Close()
	return watch.Cursor(), nil
}

// save keeps a hook and lets a new courier serve it.
func (o *Outbox) save(ctx, run context.Context, couriers map[string]*running, h Hook) error {
	s, err := h.stored()
	if err == nil {
		err = o.options.Store.SaveWebhook(ctx, s)
	}
	if err == nil {
		o.start(run, couriers, h)
	}
	return err
}

// alter stops a hook, changes it and lets it go on.
func (o *Outbox) alter(ctx context.Context, id string, change func(h *Hook) error) (Hook, error) {
	var h Hook
	err := o.do(ctx, func(run context.Context, couriers map[string]*running) error {
		stop(couriers, id)
		var err error
		if h, err = o.Get(ctx, id); err != nil {
			return err
		}
		before := h
		if err := change(&h); err != nil {
			o.start(run, couriers, before)
			return err
		}
		return o.save(ctx, run, couriers, h)
	})
	return h, err
}

// Change changes what a hook is told, where, and whether. One that Callboard has disabled is enabled so. What waits is tried
// anew at once, for whoever changes a hook has mended something. One that was told nothing is told what comes from now on.
func (o *Outbox) Change(ctx context.Context, id string, change func(s *Settings)) (Hook, error) {
	return o.alter(ctx, id, func(h *Hook) error {
		h.anew = true
		s := h.Settings
		s.Enabled = h.Active()
		change(&s)
		if err := o.Check(s); err != nil {
			return err
		}
		if s.Enabled && !h.Active() {
			h.Health = Health{OKAt: h.Health.OKAt}
		}
		silent := h.Notify == nil && s.Notify != nil
		if h.Settings = s; !silent {
			return nil
		}
		var err error
		if h.Cursor, err = o.now(); err == nil {
			err = o.options.Store.SaveDeliveries(ctx, id, h.Cursor, nil, nil, nil)
		}
		return err
	})
}

// Rotate gives a hook a new secret and returns it. The former signs too for as long as is said; zero: no more.
func (o *Outbox) Rotate(ctx context.Context, id string, overlap time.Duration) (Hook, error) {
	return o.alter(ctx, id, func(h *Hook) error {
		h.Former, h.FormerUntil = h.Secret, time.Now().Add(min(overlap, maxOverlap))
		h.Secret = newSecret()
		return nil
	})
}

// Stop ends what is under way to an app that is taken away.
func (o *Outbox) Stop(ctx context.Context, id string) error {
	return o.do(ctx, func(_ context.Context, couriers map[string]*running) error {
		stop(couriers, id)
		return nil
	})
}

// Log gives the deliveries to a hook before one, the newest first, at most limit; before 0 begins with the newest.
func (o *Outbox) Log(ctx context.Context, id string, before int64, limit int) ([]*Delivery, error) {
	if _, err := o.Get(ctx, id); err != nil {
		return nil, err
	}
	stored, err := o.options.Store.Deliveries(ctx, id, before, limit)
	if err != nil {
		return nil, err
	}
	return readDeliveries(stored)
}

var errDisabled = &telephony.Error{Code: telephony.CodeConflict, Message: "the webhook is disabled", Remedy: "`webhook enable` lets it go on"}

// Resend puts a delivery that is done in the queue once more, under its own id and with the newest state of its record.
func (o *Outbox) Resend(ctx context.Context, id, delivery string) error {
	return o.do(ctx, func(_ context.Context, couriers map[string]*running) error {
		h, err := o.Get(ctx, id)
		if err != nil {
			return err
		}
		stored, err := o.options.Store.Delivery(ctx, id, delivery)
		if err != nil {
			return err
		}
		if stored == nil {
			return &telephony.Error{Code: telephony.CodeNotFound, Message: "there is no such delivery", Remedy: "`webhook log` shows those that are kept"}
		}
		r := couriers[id]
		switch {
		case slices.Contains([]string{kindWork, kindTest}, stored.Kind):
			return &telephony.Error{Code: telephony.CodeNotPossible, Message: "a " + stored.Kind + " cannot be sent again", Remedy: "a work is over when its time is; send another test"}
		case r == nil || !h.Active():
			return errDisabled
		}
		d, err := readDelivery(*stored)
		if err != nil {
			return err
		}
		asked := order{d, make(chan error, 1)}
		select {
		case r.courier.orders <- asked:
			return <-asked.done
		case <-r.done:
			return errDisabled
		}
	})
}

// Test makes one attempt now, whether the hook is enabled or not, and says what came of it. It is logged.
func (o *Outbox) Test(ctx context.Context, id string) (*Delivery, error) {
	h, err := o.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	d, err := o.test(ctx, &h)
	if err != nil {
		return nil, err
	}
	stored, err := d.stored()
	if err != nil {
		return nil, err
	}
	return d, o.options.Store.SaveDeliveries(ctx, id, board.Cursor{}, nil, []StoredDelivery{stored}, nil)
}

func (o *Outbox) test(ctx context.Context, h *Hook) (*Delivery, error) {
	now := time.Now()
	d := &Delivery{ID: o.options.NewID("msg"), Hook: h.ID, Kind: kindTest, At: now, State: Failed}
	body, err := o.options.Notice(kindTest, d.ID, now, map[string]any{"app": h.ID})
	if err != nil {
		return nil, err
	}
	r := o.sender.post(ctx, h, d.ID, body, answerTime)
	if r.taken {
		d.State = Sent
	}
	d.note(r.Attempt)
	return d, nil
}
