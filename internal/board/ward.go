package board

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Three suspensions in an hour bar an app from a field (B-15).
const (
	suspensionsToBar = 3
	suspensionLife   = time.Hour
	maxSuspensions   = 1000 // slots that are remembered; beyond it the old ones are given up
)

// ward knows which apps run in circles.
type ward struct {
	suspended map[slot][]time.Time // in the last hour
	barredAt  map[slot]time.Time
}

// Quarantine says that an app may not write a field until the person lets it again.
type Quarantine struct {
	App, Field string
	Since      time.Time
}

// suspend notes a suspension and reports whether it is the one that bars the app from the field.
func (w *ward) suspend(s slot, at time.Time) bool {
	old := func(t time.Time) bool { return at.Sub(t) > suspensionLife }
	if len(w.suspended) >= maxSuspensions {
		for other, times := range w.suspended {
			if old(times[len(times)-1]) {
				delete(w.suspended, other)
			}
		}
		if len(w.suspended) >= maxSuspensions {
			clear(w.suspended)
		}
	}
	times := append(slices.DeleteFunc(w.suspended[s], old), at)
	if len(times) < suspensionsToBar {
		w.suspended[s] = times
		return false
	}
	_, already := w.barredAt[s]
	w.barredAt[s] = at
	return !already
}

// barred says why an app may not write one of the fields of an act.
func (w *ward) barred(a *act) error {
	if len(w.barredAt) == 0 {
		return nil
	}
	for i := range a.drafts {
		d := &a.drafts[i]
		if _, barred := w.barredAt[slot{a.source, d.field}]; barred && d.claim.Value != "" {
			return quarantined(a.source, d.field)
		}
	}
	return nil
}

func (w *ward) barredList(source, list string) error {
	if _, barred := w.barredAt[slot{source, list}]; barred && isApp(source) {
		return quarantined(source, list)
	}
	return nil
}

func quarantined(app, field string) error {
	return &telephony.Error{Code: CodeQuarantined, Message: fmt.Sprintf("%s may not write %s: it ran in circles there with other apps", app, field),
		Remedy: "the user can let it write again; withdrawing is always possible"}
}

// Quarantined lists the apps that may not write some field.
func (b *Board) Quarantined() []Quarantine {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Quarantine, 0, len(b.ward.barredAt))
	for s, since := range b.ward.barredAt {
		out = append(out, Quarantine{App: s.source, Field: s.field, Since: since})
	}
	slices.SortFunc(out, func(a, b Quarantine) int { return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Field, b.Field)) })
	return out
}

// LiftQuarantine lets an app write a field again; it reports whether it could not before. It may be told to others once the
// log has been shown up to seq.
func (b *Board) LiftQuarantine(app, field string, at time.Time) (seq uint64, lifted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := slot{app, field}
	if _, barred := b.ward.barredAt[s]; !barred {
		return 0, false
	}
	delete(b.ward.barredAt, s)
	delete(b.ward.suspended, s)
	return b.journal.push(&Change{Kind: AppReleased, At: at, Source: SourceUser, App: app, Field: field}), true
}

// recall brings back what the log says of quarantines.
func (w *ward) recall(tail []*Change) {
	for _, c := range tail {
		switch c.Kind {
		case AppQuarantined:
			w.barredAt[slot{c.App, c.Field}] = c.At
		case AppReleased:
			delete(w.barredAt, slot{c.App, c.Field})
		}
	}
}
