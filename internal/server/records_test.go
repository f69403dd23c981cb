package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
)

// TestLookupAnything: whatever is known of somebody opens a record; what cannot be read leaves nothing (B-22).
func TestLookupAnything(t *testing.T) {
	t.Parallel()
	h := open(t)
	var first, again, card api.Record
	h.want(http.StatusCreated, &first, "POST", "/v1/records", h.user, api.Lookup{Email: "Ann@Example.com", Name: "Ann"})
	h.want(http.StatusCreated, &again, "POST", "/v1/records", h.user, api.Lookup{Email: "ann@example.com"})
	if first.ID != again.ID || first.Fields["party.name"].Quality != "confirmed" || first.Fields["party.email"].Source != "user" {
		t.Errorf("%+v, again %s", first, again.ID)
	}
	h.want(http.StatusCreated, &card, "POST", "/v1/records", h.user, api.Lookup{Vcard: "BEGIN:VCARD\nVERSION:4.0\nFN:Bo\nTEL:+1 201 555 0123\nTEL:+1 201 555 0124\nEND:VCARD"})
	if card.Fields["party.number"].Value != "+12015550123" || len(card.Items["cards"]) != 1 || !strings.Contains(card.Items["cards"][0].Text, "0124") {
		t.Errorf("%+v", card)
	}
	before := h.board.Footprint().Records
	for _, bad := range []api.Lookup{{}, {Number: "none"}, {Name: "\u0301"}, {Number: "+12015550123", Email: "no address"}, {Vcard: "BEGIN:VCARD"}} {
		h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/records", h.user, bad)
	}
	h.refused(http.StatusRequestEntityTooLarge, "too_large", "POST", "/v1/records", h.user, api.Lookup{Vcard: strings.Repeat("x", 2<<20)})
	h.refused(http.StatusRequestEntityTooLarge, "too_large", "POST", "/v1/records", h.user, api.Lookup{Vcard: strings.Repeat("BEGIN:VCARD\nEND:VCARD\n", 1000)})
	h.refused(http.StatusRequestEntityTooLarge, "too_large", "POST", "/v1/records", h.user, api.Lookup{Vcard: strings.Repeat("BEGIN:VCARD\nVERSION:4.0\nFN:Ann\nEND:VCARD\n", 100_000)})
	if n := h.board.Footprint().Records; n != before {
		t.Errorf("%d records, %d before", n, before)
	}
}

// SEC-22: who may not read numbers learns by no lookup whether there is a record of one, and which.
func TestLookupIsNarrowed(t *testing.T) {
	t.Parallel()
	h := open(t)
	known := h.lookup("+1 201 555 0123")
	h.claim(h.user, known, "party.company", "Secret Garden")
	blind := h.granted(api.NewApp{ID: "blind", Read: new([]string{"party.company"})})
	mail := h.granted(api.NewApp{ID: "mail", Read: new([]string{"party.email"})})
	for _, number := range []string{"+1 201 555 0123", "+1 201 555 0124"} {
		h.refused(http.StatusForbidden, "forbidden", "POST", "/v1/records", blind, api.Lookup{Number: number})
		h.refused(http.StatusForbidden, "forbidden", "POST", "/v1/records", mail, api.Lookup{Number: number, Email: "ann@example.com"})
	}
	h.refused(http.StatusForbidden, "forbidden", "POST", "/v1/records", blind, api.Lookup{Email: "ann@example.com"})
	h.want(http.StatusCreated, nil, "POST", "/v1/records", mail, api.Lookup{Email: "ann@example.com"})
	h.want(http.StatusCreated, nil, "POST", "/v1/records", blind, api.Lookup{Company: "Acme"})
}

// SEC-23: an app that puts one record after another on the board is slowed down; the person and other apps are not.
func TestOpenedAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	old := h.lookup("+1 201 555 0123")
	greedy, other := h.granted(api.NewApp{ID: "greedy", May: []api.Permission{api.PermissionReopen}}), h.app("other")
	c, err := h.server.gate.of("greedy")
	if err != nil {
		t.Fatal(err)
	}
	now, let := time.Now(), 0
	for second := range 600 {
		for range 50 {
			if _, err := c.mayOpen(now.Add(time.Duration(second) * time.Second)); err == nil {
				let++
			}
		}
	}
	if let < 150 || let > 250 {
		t.Errorf("%d records in ten minutes", let)
	}
	for path, body := range map[string]any{"/v1/records": api.Lookup{Number: "+1 201 555 0124"}, "/v1/records/" + old + "/reopen": nil} {
		got := h.do("POST", path, greedy, body)
		if got.status != http.StatusTooManyRequests || got.problem(t).Code != "too_many_requests" || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s, again after %q", path, got.status, got.body, got.header.Get("Retry-After"))
		}
	}
	h.want(http.StatusCreated, nil, "POST", "/v1/records", other, api.Lookup{Number: "+1 201 555 0125"})
	for n := range 120 {
		h.lookup(fmt.Sprintf("+1 201 555 %04d", 1000+n))
	}
}

// TestReopenAndClose: the person closes a record and opens it again; an app may only reopen, and only if it was let (B-23).
func TestReopenAndClose(t *testing.T) {
	t.Parallel()
	h := open(t)
	crm := h.app("crm")
	id := h.lookup("+45 12 34 56 78")
	path := "/v1/records/" + id
	h.refused(http.StatusForbidden, "forbidden", "POST", path+"/close", crm, nil)
	var r api.Record
	h.want(http.StatusOK, &r, "POST", path+"/close", h.user, nil)
	if r.State != api.RecordStateClosed {
		t.Errorf("%+v", r)
	}
	h.refused(http.StatusForbidden, "forbidden", "POST", path+"/reopen", crm, nil)
	w := h.watch(h.user, "?states=open")
	for range 2 {
		h.want(http.StatusOK, &r, "POST", path+"/reopen", h.user, nil)
		if r.ID != id || r.State != api.RecordStateOpen || r.Origin != "reopened" || r.FirstOrigin != "lookup" || r.ReopenedAt.IsZero() {
			t.Errorf("%+v", r)
		}
	}
	w.until("record.added") // it comes into a filter of open ones (D-3)
	h.refused(http.StatusNotFound, "not_found", "POST", "/v1/records/rec_none/reopen", h.user, nil)
}
