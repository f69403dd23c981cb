package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/internal/config"
	"github.com/callboard-dev/callboard/internal/server/servertest"
)

// master is a Master.csv, as the PBX writes it.
type master struct {
	t    *testing.T
	path string
}

// row is a call to 1001 that was over after some seconds, of which so many were talk.
func (m master) row(at time.Time, number, name, id string, seconds, talk int) {
	m.t.Helper()
	f, err := os.OpenFile(m.path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	how := "NO ANSWER"
	if talk > 0 {
		how = "ANSWERED"
	}
	_, err = fmt.Fprintf(f, `"",%q,"5550101","from-trunk","""%s"" <%s>","PJSIP/trunk-00000001","PJSIP/1001-00000002","Dial","PJSIP/1001,25",%q,,,%d,%d,%q,"DOCUMENTATION",%q,"","",%q,1`+"\n",
		number, name, number, at.UTC().Format(time.DateTime), seconds, talk, how, id, id)
	if err := errors.Join(err, f.Close()); err != nil {
		m.t.Fatal(err)
	}
}

func (m master) missed(at time.Time, number, name string) {
	m.row(at, number, name, fmt.Sprintf("%d.7", at.Unix()), 9, 0)
}

// keeps makes the PBX of a configuration one that keeps records.
func keeps(t *testing.T, c *config.Config) master {
	m := master{t, filepath.Join(t.TempDir(), "Master.csv")}
	c.PBX.CDR.Source, c.PBX.CDR.Zone = m.path, "UTC"
	if err := os.WriteFile(m.path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

// log is the call log, the newest first, once it has so many entries.
func (p *program) log(n int) []api.LogEntry {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	for {
		page, err := p.client.Log(ctx, client.LogQuery{})
		if err != nil {
			p.t.Fatal(err)
		}
		if len(page.Entries) == n {
			return page.Entries
		}
		p.until("another record", func(n servertest.Notification) bool { return string(n.Type) == "record.opened" })
	}
}

// TestMissedWhileOff is the first claim of the product with a call that only the PBX knows: it was made while Callboard was off, is in the
// log after the start, is put back on the board; two apps supplement it in rounds, and after another restart all is there (B-23).
func TestMissedWhileOff(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	c := settings(pbx.Addr(), t.TempDir())
	records := keeps(t, &c)
	p := start(t, c)
	p.connected()
	p.stop()
	called := time.Now().Add(-time.Minute).Truncate(time.Second)
	records.missed(called, caller, "Unknown")

	p = start(t, c)
	p.connected()
	p.bookAndCRM(t, true)
	entry := p.log(1)[0]
	missed := p.record(entry.Record)
	if string(entry.View) != "missed" || !entry.Unseen || entry.Complete || entry.Number != caller || !entry.StartedAt.Equal(called) || !missed.Call.Unseen || missed.Complete || missed.State != client.Closed || missed.Call.Timeline[0].Detail == "" {
		t.Errorf("the log says %+v, the record %+v", entry, missed.Record)
	}
	if missed.Value("party.company") != "" {
		t.Error("an app was asked about a call that is over")
	}
	if _, err := p.client.Reopen(t.Context(), missed.ID); err != nil {
		t.Fatal(err)
	}
	n := p.until("it to settle", func(n servertest.Notification) bool {
		return string(n.Type) == "record.settled" && n.Subject == missed.ID && p.record(missed.ID).Value("x.crm.owner") != ""
	})
	r := p.record(n.Subject)
	if r.Fields["party.company"].Round != 1 || r.Fields["x.crm.owner"].Round != 2 || r.Value("x.crm.owner") != "Acme's Olga" || r.Fields["party.name"].Value != "Unknown" {
		t.Errorf("the rounds: %+v", r.Fields)
	}
	p.stop()

	p = start(t, c) // reads the same records again
	p.connected()
	again := called.Add(20 * time.Second)
	records.missed(again, "+4587654321", "Late")
	kept := p.record(missed.ID)
	if kept.Value("x.crm.owner") != "Acme's Olga" || kept.Value("party.company") != "Acme" || kept.Origin != "reopened" || !kept.Call.Unseen || kept.Call.ID != missed.Call.ID {
		t.Errorf("after a restart: %+v", kept.Record)
	}
	p.stop()

	p = start(t, c)
	p.connected()
	log := p.log(2)
	if log[0].Number != "+4587654321" || log[1].Record != missed.ID {
		t.Errorf("the log: %+v", log)
	}
}

// TestSeenAndNoted: a call that was seen live is not there twice when the PBX's records of it are read; one that ended while
// Callboard was off gets its end from there.
func TestSeenAndNoted(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	c := settings(pbx.Addr(), t.TempDir())
	records := keeps(t, &c)
	p := start(t, c)
	p.connected()
	play(t, pbx, scenario(t, `0.0 outside +4512345678 "Ann" calls 5550101, rings 1001
0.2 outside gives up`))
	seen := p.record(p.until("the end", kind("call.ended")).Subject)
	play(t, pbx, scenario(t, `0.0 outside +4587654321 "Bob" calls 5550101, rings 1001
0.2 1001 answers`))
	cut := p.record(p.until("the answer", kind("call.answered")).Subject)
	p.stop()
	hangUpAll(t, pbx)
	id := func(r *client.Record) string {
		return r.Call.Legs[slices.IndexFunc(r.Call.Legs, func(l api.Leg) bool { return l.Caller })].ID
	}
	records.row(seen.Call.StartedAt, "2025550143", "Another than was seen", id(seen), 3, 0)
	records.row(cut.Call.StartedAt, caller, "", id(cut), 2, 1)

	p = resume(t, c, p.last)
	p.connected()
	p.until("its end", func(n servertest.Notification) bool {
		return string(n.Type) == "call.updated" && n.Subject == cut.ID && !n.Payload.(*api.CallData).Call.EndedAt.IsZero()
	})
	now := p.record(cut.ID)
	if string(now.Call.Result) != "answered" || now.Call.EndedAt.IsZero() || !now.Call.AnsweredAt.Equal(cut.Call.AnsweredAt) || now.Call.EndedBefore.IsZero() || now.Complete || now.Call.Unseen {
		t.Errorf("the call that was cut off: %+v", now.Call)
	}
	for _, e := range p.log(2) {
		if e.Unseen || e.Complete != (e.Record == seen.ID) {
			t.Errorf("the log: %+v", e)
		}
	}
	if same := p.record(seen.ID); same.Rev < seen.Rev || same.Call.Unseen || !same.Complete || !same.Call.EndedAt.Equal(seen.Call.EndedAt) {
		t.Errorf("the call that was seen: %+v", same.Call)
	}
}

// TestFridayMeetsUnseenMonday: a number is looked up on Friday, and two apps say what they know. On Monday it calls while Callboard is off: the
// call that is read back has Friday's record, and every app works on it again. A call from before Friday and a second one on Monday have records of
// their own; after another restart all is so still (B-20, B-23).
func TestFridayMeetsUnseenMonday(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	c := settings(pbx.Addr(), t.TempDir())
	records := keeps(t, &c)
	p := start(t, c)
	p.connected()
	apps := func() {
		t.Helper()
		p.enricher(t, "book", "party.number", "party.company", func(r *client.Record) string {
			if r.HasCall() {
				return "Acme Bakery"
			}
			return "Acme"
		})
		p.enricher(t, "crm", "party.company", "x.crm.owner", func(r *client.Record) string { return r.Value("party.company") + "'s Olga" })
	}
	settled := func(id, owner string) *client.Record {
		t.Helper()
		p.until(owner+" to be told of", func(n servertest.Notification) bool {
			return string(n.Type) == "record.settled" && n.Subject == id && p.record(id).Value("x.crm.owner") == owner
		})
		return p.record(id)
	}
	apps()
	friday, err := p.client.LookupAny(t.Context(), client.Sought{Number: caller, Vcard: "BEGIN:VCARD\nVERSION:4.0\nFN:Ann Smith\nTEL:+4587654321\nEMAIL:ann@example.com\nEND:VCARD"})
	if err != nil {
		t.Fatal(err)
	}
	friday = settled(friday.ID, "Acme's Olga")
	p.stop()
	monday := friday.OpenedAt.Add(2 * time.Second).Truncate(time.Second)
	records.missed(monday.Add(-time.Minute), caller, "Bo")
	records.missed(monday, caller, "Unknown")
	records.missed(monday.Add(20*time.Second), caller, "Bo")

	p = start(t, c)
	apps()
	r := settled(friday.ID, "Acme Bakery's Olga")
	if !r.HasCall() || !r.Call.Unseen || !r.Call.StartedAt.Equal(monday) || r.State != client.Open || r.Wave == friday.Wave {
		t.Errorf("Monday's call has %+v", r.Record)
	}
	for _, field := range []string{"party.name", "party.email"} {
		if f := r.Fields[field]; f.Value != friday.Fields[field].Value || !f.At.Equal(friday.Fields[field].At) {
			t.Errorf("%s is %+v, on Friday it was %+v", field, f, friday.Fields[field])
		}
	}
	p.stop()

	p = start(t, c) // reads the same records again
	p.connected()
	log := p.log(3)
	if log[1].Record != friday.ID || !log[1].Unseen || log[1].Name != "Ann Smith" || !log[1].StartedAt.Equal(monday) {
		t.Errorf("Monday's call in the log: %+v", log[1])
	}
	for _, e := range []api.LogEntry{log[0], log[2]} {
		if own := p.record(e.Record); e.Name != "Bo" || own.State != client.Closed || own.Value("party.email")+own.Value("party.company") != "" {
			t.Errorf("another call in the log: %+v, %+v", e, own.Record)
		}
	}
	if kept := p.record(friday.ID); kept.Call.ID != r.Call.ID || kept.Value("x.crm.owner") != "Acme Bakery's Olga" || kept.Value("party.email") != "ann@example.com" {
		t.Errorf("after a restart: %+v", kept.Record)
	}
}

// TestUnseenCallMixesNobody: two people are known at a number that was looked up, and nobody was picked. A call that is read back joins, and still
// it is for the person to say who that was (B-24).
func TestUnseenCallMixesNobody(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	c := settings(pbx.Addr(), t.TempDir())
	records := keeps(t, &c)
	p := start(t, c)
	p.connected()
	p.people(t)
	looked := p.looksUp(t, caller)
	p.stop()
	records.missed(looked.OpenedAt.Add(2*time.Second).Truncate(time.Second), caller, "Unknown")

	p = resume(t, c, p.last) // it may have joined before anybody listens
	p.people(t)
	p.until("the call to join", kind("record.joined"))
	p.until("it to settle", kind("record.settled"))
	r := p.record(looked.ID)
	if !r.HasCall() || len(r.List("party.candidates")) != 2 || r.Value("party.candidate") != "" || r.Value("party.name") != "Unknown" {
		t.Errorf("joined: %+v", r.Record)
	}
	if _, err := p.client.Claim(t.Context(), r.ID, client.NewClaim{Field: "party.candidate", Value: "crm/18"}); err != nil {
		t.Fatal(err)
	}
	if got := p.record(r.ID).Value("party.name"); got != "Bo" {
		t.Errorf("picked: %q", got)
	}
}
