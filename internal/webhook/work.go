package webhook

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

const (
	workTries = 500 * time.Millisecond // before a work is tried again, doubling, until its deadline
	failsWork = 3                      // works in a row, after which a hook is asked nothing
	restFirst = 30 * time.Second       // for so long, doubling
	restMost  = 5 * time.Minute
)

// work makes the hook an enricher until ctx ends. One that fails is none for a while. While a stream of the same app is the
// enricher, the hook leaves it to that.
func (c *courier) work(ctx context.Context) {
	b := c.outbox.options.Board
	rest := restFirst
	for {
		_, streaming := b.Enrichers()[c.hook.ID]
		if !streaming {
			en := b.Register(c.hook.ID, *c.hook.Work, time.Now())
			took, failing := c.takeWork(ctx, en)
			b.Unregister(en, time.Now())
			if took > failsWork {
				rest = restFirst
			}
			streaming = !failing
		}
		pause := restFirst
		if !streaming {
			pause, rest = rest, min(2*rest, restMost)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// takeWork hands works on until ctx ends, a stream of the app takes over, or the target fails. It says how many there were.
func (c *courier) takeWork(ctx context.Context, en *board.Enricher) (took int, failing bool) {
	var works sync.WaitGroup
	defer works.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan bool, atOnce)
	flying, failed := 0, 0
	for {
		select {
		case <-ctx.Done():
			return took, false
		case <-en.Replaced():
			return took, false
		case ok := <-done:
			flying--
			if failed++; ok {
				failed = 0
			}
			if failed == failsWork {
				return took, true
			}
		case <-en.Woken():
		}
		if flying == atOnce {
			continue
		}
		for _, w := range c.outbox.options.Board.TakeWork(en, atOnce-flying, time.Now()) {
			flying, took = flying+1, took+1
			works.Go(func() { done <- c.do(ctx, w) })
		}
	}
}

// do hands on one work and writes the answer. A work that cannot be done is answered so: nobody waits for it.
func (c *courier) do(ctx context.Context, w *board.Work) bool {
	o := &c.outbox.options
	d := &Delivery{ID: w.ID, Hook: c.hook.ID, Kind: kindWork, Record: w.Record.ID, At: time.Now(), State: Failed}
	r, err := c.hand(ctx, w, d)
	if ctx.Err() != nil && !r.taken {
		return false // the board takes back what it asked
	}
	answer := r.body
	switch {
	case err != nil:
		r.Problem = "it could not be sent: " + plain(err)
		answer = failure(r.Problem)
	case !r.taken:
		answer = failure(r.Problem)
	case len(answer) == 0:
		answer = []byte("{}")
	}
	if err := o.Answer(lasting(ctx), c.hook.ID, w.ID, answer); err != nil && r.taken {
		r.Problem = "its answer was not taken: " + plain(err)
		if err := o.Answer(lasting(ctx), c.hook.ID, w.ID, failure(r.Problem)); err != nil {
			o.Logger.Debug("a work stays unanswered", "webhook", c.hook.ID, "error", err)
		}
	}
	if r.taken {
		d.State = Sent
	}
	d.note(r.Attempt)
	c.results <- result{delivery: d, reply: r, work: true}
	return r.taken
}

// hand sends a work, again and again until its deadline.
func (c *courier) hand(ctx context.Context, w *board.Work, d *Delivery) (reply, error) {
	body, err := c.outbox.options.Work(c.hook.ID, w, c.hook.Claims)
	if err != nil {
		return reply{Attempt: Attempt{At: time.Now()}}, err
	}
	for pause := workTries; ; pause *= 2 {
		r := c.outbox.sender.post(ctx, &c.hook, w.ID, body, max(answerTime, time.Until(w.Deadline)))
		hopeless := r.Status >= 300 && r.Status < 500 && r.Status != http.StatusTooManyRequests
		if r.taken || hopeless || time.Until(w.Deadline) <= pause {
			return r, nil
		}
		d.note(r.Attempt)
		select {
		case <-ctx.Done():
			return r, nil
		case <-time.After(pause):
		}
	}
}

// failure is the answer to a work that could not be done.
func failure(why string) []byte {
	const most = 512
	text, err := json.Marshal(map[string]string{"error": string([]rune(why)[:min(most, len([]rune(why)))])})
	if err != nil {
		panic(err) // a text always encodes
	}
	return text
}
