package app

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/internal/server/servertest"
	"github.com/callboard-dev/callboard/internal/store"
)

// enricher is an app that answers works with what a function makes of the record.
func (p *program) enricher(t *testing.T, id string, needs, gives string, know func(*client.Record) string) {
	t.Helper()
	made, err := p.client.RenewApp(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	app, err := client.Connect(t.Context(), client.Options{URL: p.app.URL(), Token: made.Token})
	if err != nil {
		t.Fatal(err)
	}
	app.Enrich(client.Enrichment{Needs: []string{needs}, Gives: []string{gives}}, func(_ context.Context, r *client.Record, _ client.Work) (client.Answer, error) {
		value := know(r)
		if value == "" {
			return client.Answer{NothingFound: true}, nil
		}
		return client.Answer{Claims: client.Claims{gives: value}}, nil
	})
	p.runs(t, app)
}

// runs lets an app work until the program stops.
func (p *program) runs(t *testing.T, app *client.Client) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		app.Run(ctx)
	}()
	stop := p.stop
	p.stop = func() { // before the program, or it would wait to come back
		cancel()
		<-done
		app.Close()
		stop()
	}
	t.Cleanup(p.stop)
}

// book and crm: the second works from what the first has found.
func (p *program) bookAndCRM(t *testing.T, known bool) {
	t.Helper()
	p.enricher(t, "book", "party.number", "party.company", func(r *client.Record) string {
		if !known {
			return ""
		}
		return "Acme"
	})
	p.enricher(t, "crm", "party.company", "x.crm.owner", func(r *client.Record) string {
		return r.Value("party.company") + "'s Olga"
	})
}

const caller = "+4512345678"

// TestFridayMeetsMonday: a number is looked up on Friday, and two apps say what they know; a newer Callboard is started, which brings the
// schema up to date, and on Monday that number rings: one record has both halves, every fact with its date (B-20, B-22).
func TestFridayMeetsMonday(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	folder := t.TempDir()
	c := settings(pbx.Addr(), folder)
	p := start(t, c)
	p.connected()
	p.bookAndCRM(t, true)
	friday, err := p.client.LookupAny(t.Context(), client.Sought{Number: caller, Vcard: "BEGIN:VCARD\nVERSION:4.0\nFN:Ann Smith\nTEL:+4587654321\nEMAIL:ann@example.com\nEND:VCARD"})
	if err != nil {
		t.Fatal(err)
	}
	friday = p.settled(friday.ID)
	p.stop()
	database := filepath.Join(folder, "callboard.db")
	toSchema8(t, database)
	seconds := time.Now()

	p = start(t, c)
	p.connected()
	if _, err := os.Stat(database + store.FormerEnd + "8"); err != nil {
		t.Errorf("the schema was not brought up to date: %v", err)
	}
	play(t, pbx, scenario(t, `0.0 outside +4512345678 "Unknown" calls 5550101, rings 1001
0.1 1001 answers`))
	n := p.until("the call to join", kind("record.joined"))
	monday := p.record(n.Subject)
	hangUpAll(t, pbx)
	if monday.ID != friday.ID || !monday.HasCall() {
		t.Fatalf("the call has record %s, the lookup %s", monday.ID, friday.ID)
	}
	for field, want := range map[string]string{"party.name": "Ann Smith", "party.email": "ann@example.com", "party.company": "Acme", "x.crm.owner": "Acme's Olga", "party.number": caller} {
		f := monday.Fields[field]
		if f.Value != want {
			t.Errorf("%s is %q, want %q", field, f.Value, want)
		}
		if field != "party.number" && (!f.At.Equal(friday.Fields[field].At) || !f.At.Before(seconds)) {
			t.Errorf("%s is of %s, on Friday of %s", field, f.At, friday.Fields[field].At)
		}
	}
}

// toSchema8 makes of a store what a program had left that knew schema 8.
func toSchema8(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec(`ALTER TABLE calls DROP COLUMN unseen; ALTER TABLE calls DROP COLUMN erased_at; ALTER TABLE calls DROP COLUMN website; ALTER TABLE calls DROP COLUMN ip;
		DROP TABLE call_index;
		CREATE VIRTUAL TABLE call_index USING fts5 (facet, name, company, number, email, tags, notes,
			content = 'call_words', content_rowid = 'n', detail = 'column', columnsize = 0, prefix = '1 2 3 4', tokenize = 'ascii');
		INSERT INTO call_index (call_index) VALUES ('rebuild');
		DELETE FROM goose_db_version WHERE version_id > 8`)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path + ".commits"); err != nil {
		t.Fatal(err)
	}
}

// TestMissedCallReopened is the first claim of the product: a missed call that is closed is put back on the board after a restart;
// two apps supplement it in rounds, the second using what the first found; after another restart all of it is there (B-23).
func TestMissedCallReopened(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	c := settings(pbx.Addr(), t.TempDir())
	p := start(t, c)
	p.connected()
	play(t, pbx, scenario(t, `0.0 outside +4512345678 "Unknown" calls 5550101, rings 1001
0.2 outside gives up`))
	missed := p.record(p.until("the end", kind("call.ended")).Subject)
	if _, err := p.client.CloseRecord(t.Context(), missed.ID); err != nil {
		t.Fatal(err)
	}
	p.stop()

	p = start(t, c)
	p.connected()
	p.bookAndCRM(t, true)
	opened, err := p.client.Reopen(t.Context(), missed.ID)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := p.client.Reopen(t.Context(), missed.ID); err != nil || again.ID != missed.ID || again.Origin != "reopened" || opened.FirstOrigin != "call" {
		t.Errorf("reopened twice: %+v, %v", again, err)
	}
	n := p.until("it to settle", func(n servertest.Notification) bool {
		return string(n.Type) == "record.settled" && n.Subject == missed.ID && p.record(missed.ID).Value("x.crm.owner") != ""
	})
	r := p.record(n.Subject)
	if r.Fields["party.company"].Round != 1 || r.Fields["x.crm.owner"].Round != 2 || r.Value("x.crm.owner") != "Acme's Olga" {
		t.Errorf("the rounds: %+v, %+v", r.Fields["party.company"], r.Fields["x.crm.owner"])
	}
	if r.Call.ID != missed.Call.ID || !r.Call.StartedAt.Equal(missed.Call.StartedAt) || r.Fields["party.name"].Value != "Unknown" || !r.Fields["party.name"].At.Equal(missed.Fields["party.name"].At) {
		t.Errorf("the old facts: %+v", r.Call)
	}
	p.stop()

	p = start(t, c)
	kept := p.record(missed.ID)
	if kept.Value("x.crm.owner") != "Acme's Olga" || kept.Value("party.company") != "Acme" || kept.State != client.Open || kept.Origin != "reopened" || kept.Call.Result != missed.Call.Result {
		t.Errorf("after a restart: %+v", kept.Record)
	}
}

// TestLastTimeIsRemembered: the next record of a number says what was known the last time, since when, and how that call came out; what
// is erased is not remembered (B-21, SEC-45).
func TestLastTimeIsRemembered(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	p := start(t, settings(pbx.Addr(), t.TempDir()))
	p.connected()
	play(t, pbx, scenario(t, `0.0 outside +4512345678 "Unknown" calls 5550101, rings 1001
0.2 outside gives up`))
	before := p.record(p.until("the end", kind("call.ended")).Subject)
	if _, err := p.client.Claim(t.Context(), before.ID, client.NewClaim{Field: "party.email", Value: "ann@example.com"}); err != nil {
		t.Fatal(err)
	}
	looked, err := p.client.Lookup(t.Context(), caller)
	if err != nil {
		t.Fatal(err)
	}
	now := p.settled(looked.ID)
	f := now.Fields["party.email"]
	if f.Value != "ann@example.com" || f.Source != "history" || f.Quality != "derived" || !f.Since.Equal(p.record(before.ID).Fields["party.email"].At) {
		t.Errorf("remembered: %+v", f)
	}
	list := now.List("history")
	if len(list) != 1 || list[0].Fields["history.view"] != "user-party" || list[0].Fields["history.record"] != before.ID || list[0].Fields["history.direction"] != "inbound" {
		t.Errorf("history: %+v", list)
	}
}
