package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
)

// loops lets an app change a field to and fro in three waves, which bars it from that (B-15).
func (h *house) loops(app, record, field string) {
	h.t.Helper()
	for i := range 3 {
		h.claim(h.user, record, "party.location", fmt.Sprint("place ", i))
		for _, value := range []string{"a", "b", "a"} {
			written, err := h.board.Claim(record, app, []board.NewClaim{{Field: field, Value: fmt.Sprint(value, i)}}, time.Now())
			if err == nil {
				err = h.committer.Wait(h.t.Context(), written.Seq)
			}
			if err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

// granted lets an app in with what it may.
func (h *house) granted(app api.NewApp) string {
	h.t.Helper()
	var made api.AppToken
	h.want(http.StatusCreated, &made, "POST", "/v1/apps", h.user, app)
	return made.Token
}

func (h *house) apps() map[string]api.App {
	h.t.Helper()
	var list api.AppList
	h.want(http.StatusOK, &list, "GET", "/v1/apps", h.user, nil)
	apps := map[string]api.App{}
	for _, a := range list.Apps {
		apps[a.ID] = a
	}
	return apps
}

// TestGrants: what an app may is said when it is let in, can be changed without another token, and holds (B-2, B-3, B-19).
func TestGrants(t *testing.T) {
	t.Parallel()
	h := open(t, func(p *plan) { p.board.Grace = time.Millisecond })
	all := h.apps
	crm := h.granted(api.NewApp{ID: "crm", MaxQuality: api.QualityDerived, Claim: new([]string{"party.email", "x.crm.*"})})
	h.app("erp")
	if got := all()["erp"]; got.MaxQuality != api.QualityVerified || got.AfterCall || !slices.Equal(got.Claim, []string{"*"}) || !slices.Equal(got.Read, []string{"*"}) {
		t.Errorf("unless said: %+v", got)
	}
	record := h.lookup("+45 12 34 56 78")
	claims := "/v1/records/" + record + "/claims"
	sure := func(field string) api.ClaimRequest {
		return api.ClaimRequest{Claims: []api.NewClaim{{Field: field, Value: "ann@example.com", Quality: api.QualityVerified}}}
	}
	h.want(http.StatusOK, nil, "POST", claims, crm, sure("party.email"))
	if got := h.record(record).Fields["party.email"].Quality; got != api.QualityDerived {
		t.Errorf("it reached %s", got)
	}
	refusal := h.do("POST", claims, crm, sure("party.name"))
	if p := refusal.problem(t); refusal.status != http.StatusForbidden || p.Code != "forbidden" || !strings.Contains(p.Detail, "party.name") || !strings.Contains(p.Remedy, "app set crm --claim 'party.email,x.crm.*,party.name") {
		t.Errorf("outside the grant: %d %s", refusal.status, refusal.body)
	}
	h.refused(http.StatusForbidden, "forbidden", "POST", "/v1/records/"+record+"/notes", crm, api.NoteText{Text: "x"})
	h.refused(http.StatusForbidden, "forbidden", "POST", "/v1/records", crm, api.Lookup{Number: "+4511111111"})

	var now api.App
	h.want(http.StatusOK, &now, "PATCH", "/v1/apps/crm", h.user, api.AppChange{Claim: new([]string{"*"}), MaxQuality: new(api.QualityVerified), AfterCall: new(true)})
	if !now.AfterCall || now.MaxQuality != api.QualityVerified || !slices.Equal(now.Claim, []string{"*"}) || !slices.Equal(now.Read, []string{"*"}) {
		t.Errorf("changed: %+v", now)
	}
	h.want(http.StatusOK, nil, "POST", claims, crm, sure("party.name"))
	phone, call := h.ring("2025550143", "Bob Caller")
	phone.answer()
	phone.hangUp()
	closing := h.watch(h.user, "?cursor="+h.board.Epoch()+":0")
	for closing.until("record.closed").Subject != call {
	}
	h.claim(crm, call, "party.company", "Acme")
	h.refused(http.StatusConflict, "record_closed", "POST", "/v1/records/"+call+"/claims", h.app("late"), sure("party.name"))

	for name, bad := range map[string]any{
		"a pattern": api.AppChange{Read: new([]string{"Party Name"})}, "two stars": api.AppChange{Read: new([]string{"party.**"})}, "a comma": api.AppChange{Claim: new([]string{"a.b,c.d"})},
		"confirmed": api.AppChange{MaxQuality: new(api.QualityConfirmed)}, "no quality": api.AppChange{MaxQuality: new(api.Quality("sworn"))}, "nothing": api.AppChange{},
	} {
		if got := h.do("PATCH", "/v1/apps/crm", h.user, bad); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	h.refused(http.StatusNotFound, "not_found", "PATCH", "/v1/apps/none", h.user, api.AppChange{Name: new("None")})
	h.refused(http.StatusForbidden, "forbidden", "PATCH", "/v1/apps/crm", crm, api.AppChange{Read: new([]string{"*"})})
}

// TestReadChanges: where what an app may read changes, its streams end, and it lists anew what it then holds (SEC-22).
func TestReadChanges(t *testing.T) {
	t.Parallel()
	h := open(t)
	crm, erp := h.app("crm"), h.app("erp")
	record := h.lookup("+45 12 34 56 78")
	h.claim(h.user, record, "party.name", "Ann")
	h.claim(erp, record, "x.erp.debt", "12")
	h.claim(erp, record, "x.erp.shared.rating", "B")
	reads := func(token string) api.Record {
		var list api.RecordList
		h.want(http.StatusOK, &list, "GET", "/v1/records", token, nil)
		return list.Records[0]
	}
	if got := reads(crm).Fields; got["party.name"].Value != "Ann" || got["x.erp.debt"].Value != "" || got["x.erp.shared.rating"].Value != "B" {
		t.Errorf("unless said it reads %+v", got)
	}
	if got := reads(erp).Fields; got["x.erp.debt"].Value != "12" {
		t.Errorf("its own: %+v", got)
	}
	before := h.watch(crm, "")
	h.want(http.StatusOK, nil, "PATCH", "/v1/apps/crm", h.user, api.AppChange{Read: new([]string{"party.number", "x.erp.debt"})})
	if _, err := before.stream.Next(); err == nil {
		t.Error("its stream goes on")
	}
	h.refused(http.StatusGone, "cursor_gone", "GET", "/v1/watch?cursor="+h.board.Epoch()+":1", crm, nil)
	got := reads(crm)
	if _, name := got.Fields["party.name"]; name || got.Fields["party.number"].Value != "+4512345678" || got.Fields["x.erp.debt"].Value != "12" {
		t.Errorf("it reads %+v", got.Fields)
	}
	var status api.Status
	h.want(http.StatusOK, &status, "GET", "/v1/status", crm, nil)
	if !slices.Equal(status.Read, []string{"party.number", "x.erp.debt"}) || !slices.Equal(status.Claim, []string{"*"}) {
		t.Errorf("its status: %+v", status)
	}
	after := h.watch(crm, "")
	h.claim(h.user, record, "party.name", "Anne")
	h.claim(erp, record, "x.erp.debt", "13")
	if data := after.until("record.changed").Payload.(*api.ChangedData); data.Fields["x.erp.debt"] == nil || len(data.Fields) != 1 {
		t.Errorf("it is told %+v", data)
	}
	h.want(http.StatusOK, nil, "PATCH", "/v1/apps/crm", h.user, api.AppChange{Claim: new([]string{})}) // does not concern its stream
	h.claim(erp, record, "x.erp.debt", "14")
	after.until("record.changed")

	h.want(http.StatusOK, nil, "PATCH", "/v1/apps/crm", h.user, api.AppChange{Claim: new([]string{"*"})})
	refusal := h.do("POST", "/v1/records/"+record+"/claims", crm, api.ClaimRequest{Claims: []api.NewClaim{{Field: "call.disposition", Value: "sold"}}})
	if p := refusal.problem(t); refusal.status != http.StatusPreconditionFailed || p.Current == nil || p.Current.Fields["party.number"].Value == "" || strings.Contains(string(refusal.body), "Anne") {
		t.Errorf("412: %s", refusal.body)
	}
}

// TestQuarantineIsTold: an app that ran in circles is listed as barred, everybody is told, and the person lets it again (B-15).
func TestQuarantineIsTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	crm, record := h.app("crm"), h.lookup("+45 12 34 56 78")
	watch := h.watch(h.user, "")
	h.loops("crm", record, "party.bio")
	if data := watch.until("field.contended").Payload.(*api.ContendedData); data.Field != "party.bio" || !slices.Equal(data.Sources, []string{"crm"}) || data.Wave == 0 {
		t.Errorf("contended: %+v", data)
	}
	if data := watch.until("app.quarantined").Payload.(*api.AppData); data.App != "crm" || data.Field != "party.bio" {
		t.Errorf("quarantined: %+v", data)
	}
	if got := h.record(record); !slices.Equal(got.Contended["party.bio"].Sources, []string{"crm"}) || got.Contended["party.bio"].Wave != got.Wave {
		t.Errorf("the record says %+v in wave %d", got.Contended, got.Wave)
	}
	if got := h.apps()["crm"].Quarantined; len(got) != 1 || got[0].Field != "party.bio" || got[0].Since.IsZero() {
		t.Errorf("listed: %+v", got)
	}
	path := "/v1/records/" + record + "/claims"
	again := api.ClaimRequest{Claims: []api.NewClaim{{Field: "party.bio", Value: "new"}}}
	h.claim(h.user, record, "party.location", "elsewhere")
	h.refused(http.StatusForbidden, "app_quarantined", "POST", path, crm, again)
	release := "/v1/apps/crm/quarantine/party.bio"
	h.refused(http.StatusForbidden, "forbidden", "DELETE", release, crm, nil)
	h.want(http.StatusNoContent, nil, "DELETE", release, h.user, nil)
	if data := watch.until("app.released").Payload.(*api.AppData); data.App != "crm" || data.Field != "party.bio" {
		t.Errorf("released: %+v", data)
	}
	h.want(http.StatusOK, nil, "POST", path, crm, again)
	h.refused(http.StatusNotFound, "not_found", "DELETE", release, h.user, nil)
	if got := h.record(record); len(got.Contended) != 0 {
		t.Errorf("in the next wave it is contended still: %+v", got.Contended)
	}
}

// TestCandidatesOnTheWire: an app says who may be there, and the person picks (B-24).
func TestCandidatesOnTheWire(t *testing.T) {
	t.Parallel()
	h := open(t)
	crm := h.app("crm")
	works := h.watch(crm, "?needs=party.number&gives=party.candidates")
	record := h.lookup("+45 12 34 56 78")
	path := "/v1/works/" + works.work().Work + "/answer"
	h.refused(http.StatusBadRequest, "invalid", "POST", path, crm, api.Answer{Items: []api.NewItem{{List: "party.candidates", ID: "17"}}})
	h.refused(http.StatusBadRequest, "invalid", "POST", path, crm, api.Answer{Items: []api.NewItem{{List: "links", ID: "17", Fields: api.CandidateFields{"party.name": "Ann"}}}})
	h.want(http.StatusOK, nil, "POST", path, crm, api.Answer{Items: []api.NewItem{
		{List: "party.candidates", ID: "17", Fields: api.CandidateFields{"party.name": "Ann", "party.company": "Acme"}},
		{List: "party.candidates", ID: "18", Fields: api.CandidateFields{"party.name": "Bo"}}}})
	got := h.record(record)
	if list := got.Items["party.candidates"]; len(list) != 2 || list[0].Fields["party.company"] != "Acme" || list[1].Source != "crm" {
		t.Fatalf("the list is %+v", list)
	}
	if _, named := got.Fields["party.name"]; named {
		t.Error("a name is shown before anybody was picked")
	}
	h.refused(http.StatusForbidden, "forbidden", "POST", "/v1/records/"+record+"/claims", crm, api.ClaimRequest{Claims: []api.NewClaim{{Field: "party.candidate", Value: "crm/18"}}})
	h.claim(h.user, record, "party.candidate", "crm/17")
	if got := h.record(record).Fields["party.name"]; got.Value != "Ann" || got.Source != "crm" {
		t.Errorf("picked: %+v", got)
	}
	h.claim(h.user, record, "party.candidate", "")
	if got := h.record(record).Fields; got["party.name"].Value != "" {
		t.Errorf("taken back: %+v", got)
	}
}
