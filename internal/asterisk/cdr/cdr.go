// Package cdr reads back from Asterisk's own call detail records (CDR) the calls that nobody saw live: out of a Master.csv, or
// a table in PostgreSQL, MySQL or MariaDB. It only ever reads, and of what is kept there for the whole PBX it gives the calls of the line's extensions.
//
// A record is one attempt of one party to reach another; calls.go makes a line's calls of them. They say less than the live
// stream: times are whole seconds, who hung up and why nobody answered are not in them, and holds, transfers and parkings are
// not told as such. What they do not say stays unknown.
//
// What is read is written by callers in part, and by PBXs that were killed: every row is bounded, and one that makes no sense
// is left out and counted, never an error.
package cdr

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // Windows has no zones of its own

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Options say where the records are and whose calls are wanted.
type Options struct {
	Source     string // path of Master.csv, or postgres://user@host/database, or mysql://user@host/database
	Secret     string // the password for a database
	Table      string // empty: cdr
	Zone       string // in which times are written, e.g. Europe/Copenhagen or UTC; empty: this computer's
	Extensions []telephony.Extension
	Trunks     []string
	Logger     *slog.Logger // nil: nothing is logged
}

// longestCall bounds how long before the time that is asked for a call may have begun, and what is believed of a duration.
const longestCall = 24 * time.Hour

// Records are those of one PBX. It may be used by one goroutine at a time.
type Records struct {
	options Options
	source  source
	zone    *time.Location
}

// source gives rows of which the call began at since or later, in no order; and how many made no sense. It may block on a
// disk or a network until ctx ends.
type source interface {
	rows(ctx context.Context, since time.Time) ([]row, int, error)
	name() string // for people, without a secret
}

// Open checks the options. It reads nothing yet.
func Open(o Options) (*Records, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Table = cmp.Or(o.Table, "cdr")
	r := &Records{options: o, zone: time.Local}
	if o.Zone != "" {
		zone, err := time.LoadLocation(o.Zone)
		if err != nil {
			return nil, fmt.Errorf("the zone %q is not known: write one like Europe/Copenhagen, or UTC", o.Zone)
		}
		r.zone = zone
	}
	u, err := url.Parse(o.Source)
	switch {
	case err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql"):
		r.source, err = openPostgres(u, &r.options, r.zone)
	case err == nil && (u.Scheme == "mysql" || u.Scheme == "mariadb"):
		r.source, err = openMySQL(u, &r.options, r.zone)
	default:
		r.source, err = &csvFile{path: o.Source, zone: r.zone}, nil
	}
	return r, err
}

// Name is where the records are, without a secret.
func (r *Records) Name() string { return r.source.name() }

// Calls are the line's calls that ended since a time, the oldest first, and of more than most the newest. It may block until
// ctx ends.
func (r *Records) Calls(ctx context.Context, since time.Time, most int) ([]telephony.PastCall, error) {
	rows, bad, err := r.source.rows(ctx, since.Add(-longestCall))
	if err != nil {
		return nil, err
	}
	if bad > 0 {
		r.options.Logger.Warn("some of the PBX's own records of calls make no sense and are left out", "records", r.Name(), "left_out", bad)
	}
	calls := slices.DeleteFunc(r.calls(rows), func(c telephony.PastCall) bool { return c.Call.EndedAt.Before(since) })
	if len(calls) > most {
		r.options.Logger.Warn("more calls were made while Callboard was off than are read back; the newest are taken", "calls", len(calls), "taken", most)
		calls = calls[len(calls)-most:]
	}
	return calls, nil
}

// own is the extension of the line that a device belongs to.
func (r *Records) own(device string) (telephony.Extension, bool) {
	i := slices.IndexFunc(r.options.Extensions, func(e telephony.Extension) bool { return e.Has(device) })
	if i < 0 {
		return telephony.Extension{}, false
	}
	return r.options.Extensions[i], true
}

func (r *Records) outside(device string) bool { return telephony.Outside(r.options.Trunks, device) }

// unreadable is what a person is told.
func unreadable(name string, err error, remedy string) error {
	return &telephony.Error{Code: telephony.CodeNotFound, Remedy: remedy,
		Message: fmt.Sprintf("the PBX's own records of calls cannot be read from %s: %s", name, strings.Join(strings.Fields(err.Error()), " "))}
}
