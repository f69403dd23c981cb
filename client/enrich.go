package client

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/api"
)

// maxWaiting bounds the works that wait for a free slot. Beyond it a work is left to its deadline.
const maxWaiting = 1024

// Enrichment says when an app is handed a record, and what it may answer.
type Enrichment struct {
	// Needs are the fields that the app works from; a change of a shown value hands it the record. A trailing * stands
	// for any rest.
	Needs []string
	// Gives are the fields that it may claim in its answers.
	Gives []string
	// On are moments at which it is handed the record whatever its inputs are.
	On []Moment
	// Deadline is how long the app takes for a work, at most a minute; zero is 5 s. Of several enrichments the longest counts.
	Deadline time.Duration
}

// Work is a record handed out to be improved.
type Work struct {
	ID string
	// Changed are the inputs whose shown value moved, Moments what happened.
	Changed []string
	Moments []Moment
	// Round is how many works deep this one is; Wave counts what started them.
	Round int
	Wave  int64
	// Deadline is when the server stops waiting, by the clock here. The context of the function ends then.
	Deadline time.Time

	progress func(context.Context) (time.Time, error)
}

// Progress says that the app is still at the work: it has as much time again, up to a minute in all. It returns the new
// deadline; the context of the function ends then.
func (w Work) Progress(ctx context.Context) (time.Time, error) { return w.progress(ctx) }

// Claims are values by field name. An empty value withdraws what this app said of the field before.
type Claims map[string]string

// With makes claims of one quality, in the order of the field names; "" is matched.
func (m Claims) With(q Quality) []NewClaim {
	if q == "" {
		q = api.QualityMatched
	}
	var out []NewClaim
	for _, field := range slices.Sorted(maps.Keys(m)) {
		out = append(out, NewClaim{Field: field, Value: m[field], Quality: q})
	}
	return out
}

// Answer is what an app found. One without any value and item says "looked, and has nothing".
type Answer struct {
	// Claims are values by field name, all of the same Quality, which is matched unless said otherwise.
	Claims  Claims
	Quality Quality
	// More are claims that have a quality of their own.
	More []NewClaim
	// Items are entries for the lists of the record. An ID of the app's own making makes saying it again replace it.
	Items []NewItem
	// NothingFound says that the app looked and has nothing: of the fields in Nothing, or if there are none of all that it
	// gives. For so long as NothingFor it is not asked the same again; zero is 10 minutes, the most is a day.
	NothingFound bool
	Nothing      []string
	NothingFor   time.Duration
	// Match is the Rev that the record must have, for fields with one owner such as call.disposition.
	Match int64
	// Error says why it could not look.
	Error string
}

func (a Answer) wire() api.Answer {
	out := api.Answer{Claims: append(a.Claims.With(a.Quality), a.More...), Items: a.Items, NothingFound: a.NothingFound || len(a.Nothing) > 0,
		NothingFields: a.Nothing, NothingForMs: a.NothingFor.Milliseconds(), Match: a.Match, Error: clip(a.Error)}
	found := len(a.Items) > 0 || slices.ContainsFunc(out.Claims, func(c NewClaim) bool { return c.Value != "" })
	if !found && a.Error == "" {
		out.NothingFound = true
	}
	return out
}

type enrichment struct {
	Enrichment
	f func(context.Context, *Record, Work) (Answer, error)
}

// Enrich has f called with every record that e asks for, and sends what it answers. Several enrichments of one client
// are one registration at the server: a work goes to those whose needs or moments it names, and their answers are sent
// as one; where two claim the same field, the one registered first is heard. The returned function ends it.
//
// f runs in a goroutine of its own. Its context ends at the deadline of the work; what it answers later is still sent.
// An error tells the server that the app could not look, so that nobody waits for it.
func (c *Client) Enrich(e Enrichment, f func(ctx context.Context, r *Record, w Work) (Answer, error)) (off func()) {
	x := &enrichment{e, f}
	c.mu.Lock()
	c.enrichments = append(c.enrichments, x)
	c.mu.Unlock()
	c.reregister()
	return func() {
		c.mu.Lock()
		c.enrichments = slices.DeleteFunc(slices.Clone(c.enrichments), func(y *enrichment) bool { return x == y })
		c.mu.Unlock()
		c.reregister()
	}
}

// reregister has Run open its stream anew, for the registration is part of the address.
func (c *Client) reregister() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// begin starts a work. It never waits.
func (c *Client) begin(ctx context.Context, s stream, n Notification) error {
	var d api.Work
	if err := n.Decode(&d); err != nil {
		return &badFrame{err}
	}
	took := time.Duration(min(max(d.DeadlineMs, 1), 600_000)) * time.Millisecond
	w := Work{ID: d.Work, Changed: d.Changed, Moments: d.Moments, Round: d.Round, Wave: d.Wave, Deadline: time.Now().Add(took)}
	todo := c.matching(d)
	if c.waiting.Add(1) > maxWaiting {
		c.waiting.Add(-1)
		c.log.Warn("too many works are waiting; this one is left to its deadline", "work", w.ID, "waiting", maxWaiting,
			"remedy", "answer faster, or raise Options.Parallel")
		return nil
	}
	c.works.Go(func() {
		defer c.waiting.Add(-1)
		limit, cancel := newWorkContext(ctx, w.Deadline)
		defer cancel()
		w.progress = func(ctx context.Context) (time.Time, error) {
			left, err := c.Progress(ctx, w.ID)
			if err != nil {
				return time.Time{}, err
			}
			until := time.Now().Add(left)
			limit.move(until)
			return until, nil
		}
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		case <-limit.Done():
		}
		if limit.Err() != nil || !time.Now().Before(w.Deadline) {
			c.send(ctx, s, w, api.Answer{Error: "too busy: the works before this one took all its time"})
			return
		}
		c.send(ctx, s, w, c.ask(limit, todo, &Record{d.Record}, w))
	})
	return nil
}

// matching gives the enrichments that a work is for. When it names nothing that any of them asked for, all are asked:
// the server had a reason, and an unanswered work would keep the record from settling.
func (c *Client) matching(d api.Work) []*enrichment {
	c.mu.Lock()
	all := c.enrichments
	c.mu.Unlock()
	var out []*enrichment
	for _, e := range all {
		wanted := slices.ContainsFunc(d.Moments, func(m Moment) bool { return slices.Contains(e.On, m) }) ||
			slices.ContainsFunc(d.Changed, func(field string) bool {
				return slices.ContainsFunc(e.Needs, func(p string) bool { return covers(p, field) })
			})
		if wanted {
			out = append(out, e)
		}
	}
	if out == nil {
		return all
	}
	return out
}

// ask calls the functions side by side and makes one answer of theirs.
func (c *Client) ask(ctx context.Context, todo []*enrichment, r *Record, w Work) api.Answer {
	answers := make([]api.Answer, len(todo))
	var wg sync.WaitGroup
	for i, e := range todo {
		wg.Go(func() {
			a, err := e.f(ctx, r, w)
			if err != nil {
				a = Answer{Error: err.Error()}
				if ctx.Err() == nil {
					c.log.Warn("an enrichment failed", "record", r.ID, "work", w.ID, "reason", err)
				}
			}
			answers[i] = a.wire()
		})
	}
	wg.Wait()
	return combine(answers)
}

// combine makes one answer of several. An error is only passed on when nothing was found: nothing_found would not be
// true then, and an error beside findings would hide them.
func combine(answers []api.Answer) api.Answer {
	var out api.Answer
	said := make(map[string]bool)
	found := false
	for _, a := range answers {
		for _, cl := range a.Claims {
			if !said[cl.Field] {
				said[cl.Field] = true
				found = found || cl.Value != ""
				out.Claims = append(out.Claims, cl)
			}
		}
		out.Items = append(out.Items, a.Items...)
		out.NothingFields = append(out.NothingFields, a.NothingFields...)
		if a.NothingForMs > 0 && (out.NothingForMs == 0 || a.NothingForMs < out.NothingForMs) {
			out.NothingForMs = a.NothingForMs
		}
		out.Match = max(out.Match, a.Match)
		if out.Error == "" {
			out.Error = a.Error
		}
	}
	found = found || len(out.Items) > 0
	if found {
		out.Error = ""
	}
	slices.Sort(out.NothingFields)
	out.NothingFields = slices.Compact(out.NothingFields)
	out.NothingFound = out.Error == "" && (!found || len(out.NothingFields) > 0)
	if !out.NothingFound {
		out.NothingFields, out.NothingForMs = nil, 0
	}
	return out
}

// send delivers an answer, trying again while the server cannot be reached. When the server refuses what is in it, it
// is told that there is none, so that the record can settle.
func (c *Client) send(ctx context.Context, s stream, w Work, a api.Answer) {
	var err error
	for try := range 3 {
		if ctx.Err() != nil || try > 0 && wait(ctx, backoff(try-1)) != nil {
			return // Run ends; the server hears of that from the stream
		}
		if _, err = s.answer(ctx, w.ID, a); err == nil || ctx.Err() != nil {
			return
		}
		p, ok := errors.AsType[*Problem](err)
		if !ok || !p.final() {
			continue
		}
		if p.Status == http.StatusNotFound || p.Status == http.StatusUnauthorized || p.Status == http.StatusForbidden || a.Error != "" {
			break
		}
		c.log.Warn("an answer was refused", "work", w.ID, "reason", err)
		a = api.Answer{Error: clip("the answer was refused: " + p.Error())}
	}
	c.log.Warn("an answer could not be delivered", "work", w.ID, "reason", err)
}

// clip keeps an error text within the 512 characters of the contract.
func clip(s string) string {
	if r := []rune(s); len(r) > 512 {
		return string(r[:511]) + "…"
	}
	return s
}
