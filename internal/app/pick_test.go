package app

import (
	"context"
	"testing"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/internal/server/servertest"
)

// people is an app that knows two people at every number.
func (p *program) people(t *testing.T) {
	t.Helper()
	made, err := p.client.RenewApp(t.Context(), "crm", "")
	if err != nil {
		t.Fatal(err)
	}
	crm, err := client.Connect(t.Context(), client.Options{URL: p.app.URL(), Token: made.Token})
	if err != nil {
		t.Fatal(err)
	}
	crm.Enrich(client.Enrichment{Needs: []string{"party.number"}, Gives: []string{"party.candidates"}}, func(context.Context, *client.Record, client.Work) (client.Answer, error) {
		return client.Answer{Items: []client.NewItem{
			{List: api.NewItemListPartyCandidates, ID: "17", Fields: api.CandidateFields{"party.name": "Ann"}},
			{List: api.NewItemListPartyCandidates, ID: "18", Fields: api.CandidateFields{"party.name": "Bo"}}}}, nil
	})
	p.runs(t, crm)
}

// looksUp opens a record and waits until nobody works on it.
func (p *program) looksUp(t *testing.T, number string) *client.Record {
	t.Helper()
	r, err := p.client.Lookup(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	return p.settled(r.ID)
}

// settled is a record, once an app has worked on it and nobody does any more; an empty id: the next one.
func (p *program) settled(id string) *client.Record {
	n := p.until("the record to settle", func(n servertest.Notification) bool {
		data, ok := n.Payload.(*api.SettledData)
		return ok && (id == "" || n.Subject == id) && data.Rounds > 0
	})
	return p.record(n.Subject)
}

// TestPickIsRemembered: the person picks one of two people at a number; after a restart the next record of that number has
// them, by history, and settles with them (B-24).
func TestPickIsRemembered(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	c := settings(pbx.Addr(), t.TempDir())
	p := start(t, c)
	p.connected()
	p.people(t)
	play(t, pbx, scenario(t, `0.0 outside +4512345678 "Unknown" calls 5550101, rings 1001
0.1 1001 answers`))
	r := p.settled("")
	if len(r.List("party.candidates")) != 2 || r.Value("party.name") != "Unknown" {
		t.Fatalf("before anybody was picked: %+v", r)
	}
	if _, err := p.client.Claim(t.Context(), r.ID, client.NewClaim{Field: "party.candidate", Value: "crm/18"}); err != nil {
		t.Fatal(err)
	}
	p.stop()

	p = start(t, c)
	p.connected()
	p.people(t)
	hangUpAll(t, pbx)
	next := p.looksUp(t, "+4512345678")
	if f := next.Fields["party.candidate"]; f.Value != "crm/18" || f.Source != "history" || f.Quality != api.QualityDerived || next.Value("party.name") != "Bo" {
		t.Errorf("the next record: picked is %+v, the name %q", f, next.Value("party.name"))
	}
	other := p.looksUp(t, "+4587654321")
	if _, picked := other.Fields["party.candidate"]; picked {
		t.Errorf("at another number: %+v", other.Fields)
	}
}
