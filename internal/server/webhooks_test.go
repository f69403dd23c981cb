package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// fakeWebhooks are webhooks that call nobody.
type fakeWebhooks struct{ known []KnownWebhook }

var noWebhook = &telephony.Error{Code: telephony.CodeNotFound, Message: "there is no such webhook", Remedy: "list them"}

func (f *fakeWebhooks) of(id string) (*KnownWebhook, error) {
	for i := range f.known {
		if f.known[i].ID == id {
			return &f.known[i], nil
		}
	}
	return nil, noWebhook
}

func (f *fakeWebhooks) List(context.Context) ([]KnownWebhook, error) { return f.known, nil }

func (f *fakeWebhooks) Check(s WebhookSettings) error {
	if !strings.HasPrefix(s.URL, "https://") {
		return &telephony.Error{Code: telephony.CodeInvalid, Message: "that is no URL for a webhook", Remedy: "give another"}
	}
	return nil
}

func (f *fakeWebhooks) Create(_ context.Context, id string, s WebhookSettings) (string, error) {
	if s.URL == "https://full.example.com/" {
		return "", &telephony.Error{Code: telephony.CodeTooLarge, Message: "there are too many", Remedy: "remove one"}
	}
	f.known = append(f.known, KnownWebhook{ID: id, WebhookSettings: s, CreatedAt: time.Now()})
	return "whsec_c2VjcmV0", nil
}

func (f *fakeWebhooks) Change(_ context.Context, id string, change func(*WebhookSettings)) (KnownWebhook, error) {
	h, err := f.of(id)
	if err != nil {
		return KnownWebhook{}, err
	}
	change(&h.WebhookSettings)
	return *h, nil
}

func (f *fakeWebhooks) Rotate(_ context.Context, id string, overlap time.Duration) (string, time.Time, error) {
	_, err := f.of(id)
	return "whsec_b3RoZXI=", time.Now().Add(overlap), err
}

func (f *fakeWebhooks) Log(_ context.Context, id string, before int64, limit int) ([]KnownDelivery, error) {
	_, err := f.of(id)
	var all []KnownDelivery
	for n := int64(3); n > 0 && len(all) < limit; n-- {
		if before == 0 || n < before {
			all = append(all, KnownDelivery{N: n, ID: "msg_1", Kind: "call.ended", State: "sent", At: time.Now(), Attempts: []KnownAttempt{{At: time.Now(), Status: 200, TookMS: 3}}})
		}
	}
	return all, err
}

func (f *fakeWebhooks) Resend(_ context.Context, id, _ string) error {
	_, err := f.of(id)
	return err
}

func (f *fakeWebhooks) Test(_ context.Context, id string) (KnownDelivery, error) {
	_, err := f.of(id)
	return KnownDelivery{N: 4, ID: "msg_2", Kind: "webhook.test", State: "failed", At: time.Now(), Attempts: []KnownAttempt{{At: time.Now(), Problem: "no answer"}}}, err
}

// everyWebhookOperation asks for all that the contract has of webhooks.
func everyWebhookOperation(h *house) {
	h.t.Helper()
	filter := &api.WebhookFilter{Types: []string{"call.*"}, States: []api.RecordState{"open"}, CallStates: []api.CallState{"ringing"}, Lines: []string{"Front desk"}, Fields: []string{"party.*"}}
	h.want(http.StatusCreated, nil, "POST", "/v1/webhooks", h.user, api.NewWebhook{ID: "hooked", URL: "https://crm.example.com/", Include: "claims", Notify: filter,
		Work: &api.WebhookWork{Needs: []string{"party.number"}, On: []api.Moment{"ended"}, DeadlineMs: 1000}})
	h.want(http.StatusOK, nil, "GET", "/v1/webhooks", h.user, nil)
	var changed api.Webhook
	h.want(http.StatusOK, &changed, "PATCH", "/v1/webhooks/hooked", h.user, api.WebhookChange{Enabled: new(false)})
	if changed.Enabled || changed.URL != "https://crm.example.com/" || len(changed.Notify.States) != 1 || changed.Work.DeadlineMs != 1000 || changed.Include != "claims" {
		h.t.Errorf("what was left out has changed: %+v", changed)
	}
	h.want(http.StatusOK, nil, "POST", "/v1/webhooks/hooked/secret?overlap_ms=0", h.user, nil)
	h.want(http.StatusOK, nil, "POST", "/v1/webhooks/hooked/test", h.user, nil)
	var page api.DeliveryList
	h.want(http.StatusOK, &page, "GET", "/v1/webhooks/hooked/deliveries?limit=2", h.user, nil)
	if len(page.Deliveries) != 2 || page.Next != 2 {
		h.t.Errorf("the first page: %+v", page)
	}
	h.want(http.StatusOK, &page, "GET", "/v1/webhooks/hooked/deliveries?limit=2&before=2", h.user, nil)
	h.want(http.StatusNoContent, nil, "POST", "/v1/webhooks/hooked/deliveries/msg_1/resend", h.user, nil)
	h.want(http.StatusNoContent, nil, "DELETE", "/v1/webhooks/hooked", h.user, nil)
}

// TestWebhooks: they are the person's business; what cannot be is refused and leaves no app behind (D-9).
func TestWebhooks(t *testing.T) {
	t.Parallel()
	h := open(t)
	everyWebhookOperation(h)
	app := h.app("crm")
	for _, op := range h.contract.Operations() {
		if strings.HasPrefix(op.Path, "/v1/webhooks") {
			var body any
			if op.Body {
				body = map[string]any{}
			}
			h.refused(http.StatusForbidden, "forbidden", op.Method, pathOf(op.Path), app, body)
		}
	}
	h.refused(http.StatusConflict, "conflict", "POST", "/v1/webhooks", h.user, api.NewWebhook{ID: "crm", URL: "https://crm.example.com/", Notify: &api.WebhookFilter{}})
	h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/webhooks", h.user, api.NewWebhook{ID: "one", URL: "ftp://crm.example.com/", Notify: &api.WebhookFilter{}})
	h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/webhooks", h.user, api.NewWebhook{ID: "user", URL: "https://crm.example.com/"})
	h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/webhooks", h.user, api.NewWebhook{ID: "one", URL: "https://crm.example.com/", Notify: &api.WebhookFilter{States: []api.RecordState{"ajar"}}})
	h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/webhooks", h.user, api.NewWebhook{ID: "one", URL: "https://crm.example.com/", Work: &api.WebhookWork{Needs: []string{"party.number"}, DeadlineMs: 60_001}})
	h.refused(http.StatusRequestEntityTooLarge, "too_large", "POST", "/v1/webhooks", h.user, api.NewWebhook{ID: "one", URL: "https://full.example.com/", Notify: &api.WebhookFilter{}})
	h.refused(http.StatusNotFound, "not_found", "DELETE", "/v1/webhooks/crm", h.user, nil) // an app, but no webhook
	h.refused(http.StatusNotFound, "not_found", "PATCH", "/v1/webhooks/none", h.user, api.WebhookChange{})
	h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/webhooks/crm/secret?overlap_ms=2592000001", h.user, nil)
	h.refused(http.StatusBadRequest, "invalid", "GET", "/v1/webhooks/crm/deliveries?limit=201", h.user, nil)
	h.refused(http.StatusBadRequest, "invalid", "GET", "/v1/webhooks/crm/deliveries?before=-1", h.user, nil)
	var apps api.AppList
	h.want(http.StatusOK, &apps, "GET", "/v1/apps", h.user, nil)
	if len(apps.Apps) != 1 || apps.Apps[0].ID != "crm" {
		t.Errorf("apps are left: %+v", apps.Apps)
	}
}

// TestWebhookAnswers: what a webhook answers is held to the API's own bounds (B-11, SEC-23).
func TestWebhookAnswers(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.app("crm")
	record := h.lookup("+45 12 34 56 78")
	ctx := t.Context()
	if err := h.server.SayFor(ctx, "crm", record, []byte(`{"claims":[{"field":"party.name","value":"Ann"}],"items":[{"list":"links","id":"1","title":"Ann","url":"https://crm.example.com/1"}],"more":1}`)); err != nil {
		t.Fatal(err)
	}
	r := h.record(record)
	if f := r.Fields["party.name"]; f.Value != "Ann" || f.Source != "crm" || len(r.Items["links"]) != 1 {
		t.Errorf("%+v", r)
	}
	for body, code := range map[string]telephony.Code{
		`[]`: telephony.CodeInvalid, `"ok"`: telephony.CodeInvalid, `{`: telephony.CodeInvalid, `{}{}`: telephony.CodeInvalid, `{"claims":[{"field":1}]}`: telephony.CodeInvalid,
		`{"claims":[{"field":"party.number","value":"1"}]}`:                       telephony.CodeAuthoritative,
		`{"claims":[{"field":"x.erp.id","value":"1"}]}`:                           telephony.CodeForbidden,
		`{"claims":[{"field":"party.name","value":"A","ttl_ms":-1}]}`:             telephony.CodeInvalid,
		`{"items":[{"list":"links","title":"` + strings.Repeat("x", 513) + `"}]}`: telephony.CodeTooLarge,
	} {
		err := h.server.SayFor(ctx, "crm", record, []byte(body))
		if got := problem(err, h.server.options.Logger); err == nil || got.Code != string(code) {
			t.Errorf("%.80s: got %v, want %s", body, err, code)
		}
	}
	h.app("erp")
	if err := h.server.SayFor(ctx, "erp", record, []byte(`{"claims":[{"field":"party.company","value":"ACME"}],"items":[{"list":"links","id":"1","url":"https://erp.example.com/1"}]}`)); err == nil {
		t.Error("another app's item was written")
	}
	if f, said := h.record(record).Fields["party.company"]; said {
		t.Errorf("of an answer that is refused the claims are there: %+v", f)
	}
	if err := h.server.SayFor(ctx, "nobody", record, []byte(`{"claims":[{"field":"party.name","value":"Eve"}]}`)); err == nil {
		t.Error("an app that was never let in has written")
	}
	if err := h.server.SayFor(ctx, "crm", "rec_9999", []byte(`{"claims":[{"field":"party.name","value":"Ann"}]}`)); err == nil {
		t.Error("a record that there is not was written to")
	}
	if err := h.server.AnswerFor(ctx, "crm", "work_9999", []byte(`{}`)); err == nil {
		t.Error("a work that there is not was answered")
	}
}

// TestWebhookBodies: a body is the notification that a stream has, with the record of now; also where the log has forgotten
// what it was about.
func TestWebhookBodies(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	watch := h.watch(h.user, "")
	_, id := h.ring("2025550143", "Carla")
	h.want(http.StatusCreated, nil, "POST", "/v1/records/"+id+"/notes", app, api.NoteText{Text: "hello"})
	watch.until("item.added")
	changes, err := h.store.Changes(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	record := h.board.Get(id)
	for _, c := range changes {
		for _, forgotten := range []bool{false, true} {
			if forgotten {
				c = &board.Change{Seq: c.Seq, Kind: c.Kind, Record: c.Record, At: c.At}
			}
			about := record
			if c.Record == "" {
				about = nil
			}
			body, err := h.server.WebhookBody("crm", c, "e1", about, 2, forgotten)
			if err != nil {
				t.Fatalf("%s: %v", c.Kind, err)
			}
			var n api.Notification
			var data struct {
				Rev    int64
				Record *api.Record
				Folded int
			}
			if err := json.Unmarshal(body, &n); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(n.Data, &data); err != nil || data.Folded != 2 || (data.Record == nil) != (c.Record == "") || c.Record != "" && (data.Rev == 0 || data.Record.Rev != record.Rev || n.Source != "/lines/Front%20desk") {
				t.Errorf("%s: %v: %s", c.Kind, err, body)
			}
		}
	}
	for _, kind := range []string{"pbx.lost", "pbx.gap", "pbx.connected", "record.settled", "item.removed", "app.gone", "field.contended", "record.added", "record.removed", "record.erased"} {
		if _, err := h.server.WebhookBody("crm", &board.Change{Seq: 1, Kind: kind}, "e1", nil, 0, false); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	notice, err := h.server.WebhookNotice("webhook.test", "msg_1", time.Now(), map[string]any{"app": "crm"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.contract.Notification(notice); err != nil {
		t.Error(err)
	}
}
