package server

import (
	"net/http"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
)

// TestPinAndHide decides between two apps that disagree (B-3, B-4).
func TestPinAndHide(t *testing.T) {
	t.Parallel()
	h := open(t)
	crm, erp := h.app("crm"), h.app("erp")
	record := h.lookup("+45 12 34 56 78")
	h.want(http.StatusOK, nil, "POST", "/v1/records/"+record+"/claims", crm, api.ClaimRequest{Claims: []api.NewClaim{{Field: "party.name", Value: "Ann", Quality: api.QualityVerified}}})
	h.claim(erp, record, "party.name", "Bo")
	field := "/v1/records/" + record + "/fields/party.name"
	shown := func(want, pin string) api.Field {
		t.Helper()
		got := h.record(record).Fields["party.name"]
		if got.Value != want || got.Pin != pin {
			t.Fatalf("shown is %q with the pin %q, want %q with %q", got.Value, got.Pin, want, pin)
		}
		return got
	}
	plain, all := h.watch(h.user, ""), h.watch(h.user, "?include=claims")

	h.want(http.StatusOK, nil, "PUT", field+"/pin", h.user, api.Pin{Source: "erp"})
	if got := shown("Bo", "erp"); len(got.Claims) != 2 || got.Others != 1 {
		t.Errorf("pinned: %+v", got)
	}
	h.want(http.StatusOK, nil, "DELETE", field+"/pin", h.user, nil)
	shown("Ann", "")
	h.want(http.StatusOK, nil, "PUT", field+"/hidden/crm", h.user, nil)
	if got := shown("Bo", ""); got.Others != 0 || len(got.Hidden) != 1 || got.Hidden[0] != "crm" || len(got.Claims) != 2 {
		t.Errorf("hidden: %+v", got)
	}
	h.want(http.StatusOK, nil, "PUT", field+"/hidden/erp", h.user, nil)
	blank := h.record(record)
	if _, there := blank.Fields["party.name"]; there || len(blank.Blank["party.name"].Claims) != 2 || len(blank.Blank["party.name"].Hidden) != 2 {
		t.Errorf("with both hidden: %+v, blank %+v", blank.Fields, blank.Blank)
	}
	for _, w := range []*watcher{plain, all} {
		for range 3 {
			w.until("record.changed")
		}
		data := w.until("record.changed").Payload.(*api.ChangedData)
		if f, told := data.Fields["party.name"]; !told || f != nil || (len(data.Blank) > 0) != (w == all) {
			t.Errorf("a blank field was told as %+v, blank %+v", data.Fields, data.Blank)
		}
	}
	h.want(http.StatusOK, nil, "DELETE", field+"/hidden/erp", h.user, nil)
	shown("Bo", "")

	h.refused(http.StatusForbidden, "forbidden", "PUT", field+"/pin", crm, api.Pin{Source: "crm"})
	h.refused(http.StatusForbidden, "forbidden", "DELETE", field+"/pin", crm, nil)
	h.refused(http.StatusForbidden, "forbidden", "PUT", field+"/hidden/erp", crm, nil)
	h.refused(http.StatusForbidden, "forbidden", "DELETE", field+"/hidden/erp", crm, nil)
	h.refused(http.StatusBadRequest, "invalid", "PUT", field+"/pin", h.user, api.Pin{})
	h.refused(http.StatusBadRequest, "invalid", "PUT", field+"/hidden/user", h.user, nil)
	h.refused(http.StatusBadRequest, "invalid", "PUT", "/v1/records/"+record+"/fields/Nonsense/pin", h.user, api.Pin{Source: "crm"})
	h.refused(http.StatusNotFound, "not_found", "PUT", "/v1/records/none/fields/party.name/pin", h.user, api.Pin{Source: "crm"})
	_, call := h.ring("2025550143", "Bob Caller")
	h.refused(http.StatusForbidden, "field_authoritative", "PUT", "/v1/records/"+call+"/fields/party.number/hidden/pbx", h.user, nil)
}

// TestNothingAndProgress: an app asks for time, and then says of which fields it knows nothing (B-6, B-14).
func TestNothingAndProgress(t *testing.T) {
	t.Parallel()
	h := open(t)
	crm := h.app("crm")
	works := h.watch(crm, "?needs=party.number&gives=party.company,party.name&deadline_ms=20000")
	user := h.watch(h.user, "")
	record := h.lookup("+45 12 34 56 78")
	work := works.work()
	if work.DeadlineMs <= 5000 || work.DeadlineMs > 20_000 {
		t.Errorf("the work has %d ms, want about 20,000", work.DeadlineMs)
	}
	var left api.Progressed
	h.want(http.StatusOK, &left, "POST", "/v1/works/"+work.Work+"/progress", crm, nil)
	if left.Work != work.Work || left.DeadlineMs < 19_000 || left.DeadlineMs > 20_000 {
		t.Errorf("progress: %+v", left)
	}
	h.refused(http.StatusNotFound, "work_unknown", "POST", "/v1/works/"+work.Work+"/progress", h.app("erp"), nil)
	socket := h.socket(crm, "")
	socket.send(`{"type":"progress","work":"` + work.Work + `"}`)
	if got, ok := socket.reply().(*api.ProgressedFrame); !ok || got.Work != work.Work || got.DeadlineMs <= 0 {
		t.Errorf("progress on the socket: %+v", got)
	}
	answer := "/v1/works/" + work.Work + "/answer"
	h.refused(http.StatusBadRequest, "invalid", "POST", answer, crm, api.Answer{NothingFields: []string{"No field"}})
	h.refused(http.StatusBadRequest, "invalid", "POST", answer, crm, api.Answer{NothingFound: true, NothingForMs: -1})
	socket.send(`{"type":"answer","work":"` + work.Work + `","nothing_found":true,"nothing_fields":["party.company"],"nothing_for_ms":60000}`)
	if got, ok := socket.reply().(*api.AnsweredFrame); !ok || got.Written.Changed != 1 {
		t.Errorf("answered: %+v", got)
	}
	told := user.until("record.changed").Payload.(*api.ChangedData).Nothing
	kept := h.record(record).Nothing
	if told == nil || len(kept) != 1 || told.Source != "crm" || kept[0].Fields[0] != "party.company" || kept[0].Until.Sub(kept[0].At) != time.Minute {
		t.Fatalf("nothing: told %+v, kept %+v", told, kept)
	}
	socket.send(`{"type":"progress","work":"` + work.Work + `"}`)
	if code := socket.code(); code != "work_unknown" {
		t.Errorf("progress after the answer: %q", code)
	}
	h.claim(crm, record, "party.company", "Holm Marine")
	for over := (*api.Nothing)(nil); over == nil; {
		over = user.until("record.changed").Payload.(*api.ChangedData).Nothing
		if over != nil && !over.Until.IsZero() {
			t.Errorf("the word is told not to be over: %+v", over)
		}
	}
	if left := h.record(record).Nothing; len(left) != 0 {
		t.Errorf("it claims the company, and still knows nothing of it: %+v", left)
	}
	h.refused(http.StatusBadRequest, "invalid", "GET", "/v1/watch?deadline_ms=60001", crm, nil)
}

// TestClaimForAWhile: a claim with a time to live says when it goes.
func TestClaimForAWhile(t *testing.T) {
	t.Parallel()
	h := open(t)
	crm, record := h.app("crm"), h.lookup("+45 12 34 56 78")
	path := "/v1/records/" + record + "/claims"
	h.want(http.StatusOK, nil, "POST", path, crm, api.ClaimRequest{Claims: []api.NewClaim{{Field: "party.location", Value: "Oslo", TTLMs: 60_000}}})
	c := h.record(record).Fields["party.location"].Claims[0]
	if c.ExpiresAt.Sub(c.At) != time.Minute {
		t.Errorf("it expires %s after %s", c.ExpiresAt, c.At)
	}
	for _, ttl := range []int64{-1, 1, 999, 30*24*3600*1000 + 1, 1 << 62} {
		h.refused(http.StatusBadRequest, "invalid", "POST", path, crm, api.ClaimRequest{Claims: []api.NewClaim{{Field: "party.location", Value: "Oslo", TTLMs: ttl}}})
	}
}

// TestOneOwner: a field with one owner is claimed with the rev that was read (B-2).
func TestOneOwner(t *testing.T) {
	t.Parallel()
	h := open(t)
	crm, record := h.app("crm"), h.lookup("+45 12 34 56 78")
	path := "/v1/records/" + record + "/claims"
	sold := api.ClaimRequest{Claims: []api.NewClaim{{Field: "call.disposition", Value: "sold"}}}
	refusal := h.do("POST", path, crm, sold)
	if p := refusal.problem(t); refusal.status != http.StatusPreconditionFailed || p.Code != "rev_mismatch" || p.Current == nil || p.Current.ID != record {
		t.Fatalf("without If-Match: %d %s", refusal.status, refusal.body)
	}
	tag := h.want(http.StatusOK, nil, "GET", "/v1/records/"+record, crm, nil).header.Get("ETag")
	done := h.want(http.StatusOK, nil, "POST", path, crm, sold, "If-Match: "+tag)
	if now := done.header.Get("ETag"); now == tag || now == "" {
		t.Errorf("the tag is %q after %q", now, tag)
	}
	lost := h.do("POST", path, h.app("erp"), api.ClaimRequest{Claims: []api.NewClaim{{Field: "call.disposition", Value: "lost"}}}, "If-Match: "+tag)
	if p := lost.problem(t); lost.status != http.StatusPreconditionFailed || p.Current.Fields["call.disposition"].Value != "sold" {
		t.Errorf("with the rev of before: %d %s", lost.status, lost.body)
	}
	for _, bad := range []string{"*", "W/", `"x"`, "-1", "0"} {
		h.refused(http.StatusBadRequest, "invalid", "POST", path, crm, sold, "If-Match: "+bad)
	}
}

// TestCycleWarning: who lets an app in is told of the ring that it closes (B-15).
func TestCycleWarning(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.watch(h.app("crm"), "?needs=party.email&gives=party.company")
	var made api.AppToken
	h.want(http.StatusCreated, &made, "POST", "/v1/apps", h.user, api.NewApp{ID: "mail", Needs: []string{"party.*"}, Gives: []string{"party.email"}})
	if len(made.Cycles) != 1 || len(made.Cycles[0].Apps) != 2 || len(made.Cycles[0].Fields) != 2 {
		t.Errorf("cycles: %+v", made.Cycles)
	}
	h.want(http.StatusCreated, &made, "POST", "/v1/apps", h.user, api.NewApp{ID: "web", Needs: []string{"party.website"}, Gives: []string{"x.web.rank"}})
	var apps api.AppList
	if h.want(http.StatusOK, &apps, "GET", "/v1/apps", h.user, nil); len(apps.Cycles) != 0 {
		t.Errorf("nobody who is connected is in a ring: %+v", apps.Cycles)
	}
	h.watch(made.Token, "?needs=party.company&gives=party.email")
	if h.want(http.StatusOK, &apps, "GET", "/v1/apps", h.user, nil); len(apps.Cycles) != 1 {
		t.Errorf("cycles of those connected: %+v", apps.Cycles)
	}
}
