package client_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/client/clienttest"
)

func TestRequests(t *testing.T) {
	s := clienttest.New(t)
	s.Open(clienttest.Call("r1", "+4512345678"))
	s.Open(clienttest.Call("r2", "+4522222222"))
	s.Close("r2")
	c := connect(t, client.Options{URL: s.URL + "/", Token: s.Token, IncludeClaims: true})
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	all, err := c.Records(ctx, "")
	must(err)
	open, err := c.Records(ctx, client.Open)
	must(err)
	if len(all) != 2 || len(open) != 1 || open[0].ID != "r1" {
		t.Errorf("%d records, %d open", len(all), len(open))
	}
	w, err := c.Claim(ctx, "r1", client.Claims{"party.name": "Mette Holm"}.With(api.QualityVerified)...)
	must(err)
	note, err := c.AddNote(ctx, "r1", "calls back")
	must(err)
	_, err = c.PutNote(ctx, "r1", note.ID, "calls back on Monday")
	must(err)
	_, err = c.PutNote(ctx, "r1", "note-of-my-own", "paid")
	must(err)
	must(c.RemoveNote(ctx, "r1", note.ID))
	r, err := c.Record(ctx, "r1", true)
	must(err)
	if w.Rev != 2 || r.Value("party.name") != "Mette Holm" || len(r.Notes()) != 1 || r.Notes()[0].Text != "paid" || len(r.List("links")) != 0 || r.Rev != 6 {
		t.Errorf("record %+v", r)
	}
	l, err := c.Lookup(ctx, "12 34 56 78")
	must(err)
	if l.HasCall() || l.Origin != api.RecordOriginLookup {
		t.Errorf("lookup %+v", l)
	}
	st, err := c.Status(ctx)
	must(err)
	apps, err := c.Apps(ctx)
	must(err)
	app, err := c.CreateApp(ctx, "crm", "The CRM")
	must(err)
	must(c.RemoveApp(ctx, "crm"))
	if st.Source != "test" || len(apps) != 1 || app.Token != "cb_app_crm" {
		t.Errorf("status %+v, apps %+v, new app %+v", st, apps, app)
	}
	id, answers := s.Start("r1", api.Work{})
	_, err = c.Answer(ctx, id, client.Answer{Claims: client.Claims{"party.bio": "sails"}})
	must(err)
	if a := clienttest.Receive(t, answers); len(a.Claims) != 1 {
		t.Errorf("answer %+v", a)
	}
	for _, want := range []string{"GET /v1/records?include=claims", "GET /v1/records/r1?include=claims", "GET /v1/records?state=open"} {
		if !slices.Contains(s.Requests(), want) {
			t.Errorf("%s was not asked for, but %v", want, s.Requests())
		}
	}
}

func TestRequestsThatCannotBe(t *testing.T) {
	s := clienttest.New(t)
	c := connect(t, client.Options{URL: s.URL, Token: s.Token})
	ctx := t.Context()
	before := len(s.Requests())
	_, e1 := c.Record(ctx, "", false)
	_, e2 := c.Record(ctx, "..", false)
	_, e3 := c.Claim(ctx, "r1")
	_, e4 := c.PutNote(ctx, "r1", strings.Repeat("x", 65), "text")
	e5 := c.RemoveApp(ctx, ".")
	_, e6 := c.Answer(ctx, "", client.Answer{})
	for i, err := range []error{e1, e2, e3, e4, e5, e6} {
		if err == nil {
			t.Errorf("request %d was made", i+1)
		}
	}
	if len(s.Requests()) != before {
		t.Errorf("the server was asked: %v", s.Requests())
	}
	_, err := c.Record(ctx, "a/../b?c#d", false)
	if p, ok := errors.AsType[*client.Problem](err); !ok || p.Code != "record_unknown" || p.Remedy == "" {
		t.Errorf("an unknown record gives %v", err)
	}
	if r := s.Requests(); r[len(r)-1] != "GET /v1/records/a%2F..%2Fb%3Fc%23d" {
		t.Errorf("asked for %s", r[len(r)-1])
	}
}
