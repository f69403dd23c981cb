// Package desk is an app for Callboard that remembers: it stores every note that is written on a call, and makes a
// ticket of each call that ends, in a SQLite file of its own. When a number calls again it says what it has about it.
//
// Notes arrive at least once and are stored once: what was written while the desk was away is caught up from the list
// when it comes back. A note that leaves the board stays here as a tombstone, without its text. Run blocks until its
// context ends, or until the file cannot be written: then it returns rather than miss a note, and catches up when it is
// started again.
package desk

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
)

// Options of Run. URL and Token are needed.
type Options struct {
	URL, Token string
	// DB is the SQLite file, tickets.db by default. It is made when it is not there.
	DB string
	// Logger is where the app says what it does. Default: nowhere.
	Logger *slog.Logger
}

// desk is one run. Its handlers are called one after the other.
type desk struct {
	db   *DB
	log  *slog.Logger
	app  string
	fail context.CancelCauseFunc
}

// Run serves the board until ctx ends, and then returns nil.
func Run(ctx context.Context, o Options) error {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.DB == "" {
		o.DB = "tickets.db"
	}
	db, err := Open(ctx, o.DB)
	if err != nil {
		return err
	}
	defer db.Close()
	c, err := client.Connect(ctx, client.Options{URL: o.URL, Token: o.Token, Logger: o.Logger})
	if err != nil {
		return err
	}
	defer c.Close()
	me, err := c.Status(ctx)
	if err != nil {
		return err
	}
	run, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	d := &desk{db: db, log: o.Logger, app: me.Source, fail: fail}
	o.Logger.Info("ticket desk is open", "db", o.DB, "callboard", o.URL)
	c.OnStatus(func(s client.Status) { o.Logger.Info("link to Callboard", "state", s.Link) })
	c.OnListed(d.catchUp)
	c.On("item.*", d.item)
	c.On("record.changed", d.record)
	c.On("record.joined", d.record)
	c.On("call.ended", d.ended)
	c.On("call.updated", d.ended) // the PBX may know the result better a moment after the end
	c.Enrich(client.Enrichment{
		Needs: []string{"party.number"},
		Gives: []string{d.own("open"), d.own("last")},
	}, d.answer)
	err = c.Run(run)
	if ctx.Err() == nil && run.Err() != nil {
		return context.Cause(run)
	}
	return err
}

// own names a field of this app: they begin with x. and its id.
func (d *desk) own(name string) string { return "x." + d.app + "." + name }

// stored ends the run when the file cannot be written.
func (d *desk) stored(err error) bool {
	if err != nil {
		d.fail(fmt.Errorf("the ticket desk stops, so that no note is lost; start it again when the file can be written: %w", err))
	}
	return err == nil
}

// catchUp stores what was written while the desk was not there.
func (d *desk) catchUp(ctx context.Context, records []*client.Record) {
	written := 0
	for _, r := range records {
		for _, n := range r.Notes() {
			changed, err := d.db.PutNote(ctx, callerOf(r), n)
			if !d.stored(err) {
				return
			}
			if changed {
				written++
			}
		}
		gone, err := d.db.KeepNotes(ctx, r.ID, r.Notes())
		if !d.stored(err) {
			return
		}
		written += gone
		if !d.stored(d.db.Rename(ctx, callerOf(r))) || !d.ticket(ctx, r) {
			return
		}
	}
	d.log.Info("caught up", "records", len(records), "notes", written)
}

func (d *desk) item(ctx context.Context, r *client.Record, n client.Notification) {
	var data api.ItemData
	if err := n.Decode(&data); err != nil {
		d.log.Warn("a notification cannot be read", "reason", err)
		return
	}
	if data.List != "notes" {
		return
	}
	if n.Type == api.NotificationTypeItemRemoved {
		changed, err := d.db.RemoveNote(ctx, r.ID, data.Item, n.Time)
		if d.stored(err) && changed {
			d.log.Info("note removed", "record", r.ID, "note", data.Item.ID)
		}
		return
	}
	changed, err := d.db.PutNote(ctx, callerOf(r), data.Item)
	if d.stored(err) && changed {
		d.log.Info("note stored", "record", r.ID, "note", data.Item.ID, "author", data.Item.Source, "caller", callerOf(r).String())
	}
}

// record keeps the caller of what is stored up to date: the name often comes after the first note.
func (d *desk) record(ctx context.Context, r *client.Record, _ client.Notification) {
	d.stored(d.db.Rename(ctx, callerOf(r)))
}

func (d *desk) ended(ctx context.Context, r *client.Record, _ client.Notification) { d.ticket(ctx, r) }

func (d *desk) ticket(ctx context.Context, r *client.Record) bool {
	if !r.HasCall() || r.Call.State != api.CallStateEnded {
		return true
	}
	t := ticketOf(r)
	changed, err := d.db.PutTicket(ctx, t)
	if !d.stored(err) {
		return false
	}
	if changed {
		d.log.Info("ticket", "record", r.ID, "caller", t.Caller.String(), "result", t.Result, "open", t.Open)
	}
	return true
}

// answer says what is known of the number's earlier calls.
func (d *desk) answer(ctx context.Context, r *client.Record, _ client.Work) (client.Answer, error) {
	number := r.Value("party.number")
	h, err := d.db.History(ctx, number, r.ID)
	if err != nil {
		return client.Answer{}, fmt.Errorf("the ticket file cannot be read: %w", err)
	}
	if h.Last == "" {
		d.log.Info("no earlier tickets", "record", r.ID, "number", number)
		return client.Answer{NothingFound: true}, nil
	}
	d.log.Info("earlier tickets", "record", r.ID, "number", number, "open", h.Open, "last", h.Last)
	return client.Answer{Claims: client.Claims{d.own("open"): fmt.Sprint(h.Open), d.own("last"): h.Last}}, nil
}

// Caller is who a record is about, as far as it is known.
type Caller struct {
	Record, Number, Name, Company string
}

func (c Caller) String() string {
	for _, s := range []string{c.Name, c.Company, c.Number} {
		if s != "" {
			return s
		}
	}
	return "unknown"
}

func callerOf(r *client.Record) Caller {
	return Caller{Record: r.ID, Number: r.Value("party.number"), Name: r.Value("party.name"), Company: r.Value("party.company")}
}

// ticketOf makes a ticket of an ended call. It is open when somebody called and was not spoken to.
func ticketOf(r *client.Record) Ticket {
	t := Ticket{Caller: callerOf(r), Direction: string(r.Call.Direction), Result: string(r.Call.Result), Started: r.Call.StartedAt, Ended: r.Call.EndedAt}
	switch r.Call.Result {
	case api.ResultMissed, api.ResultBusy, api.ResultRejected, api.ResultCancelled, api.ResultFailed, api.ResultVoicemail, api.ResultUnknown:
		t.Open = r.Call.Direction != api.DirectionOutbound
	case api.ResultAnswered:
		t.Spoken = true
	}
	return t
}
