package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/config"
	"github.com/callboard-dev/callboard/internal/server/servertest"
)

// receiver is an app that is one HTTP endpoint. It checks each signature with the published library.
type receiver struct {
	t   *testing.T
	url string

	mu      sync.Mutex // guards the rest
	secrets []string   // any of which must fit; none: not yet known
	answer  func(n api.Notification) (int, string)
	got     []request
	news    chan struct{} // closed and replaced when something came
}

type request struct {
	id   string
	note api.Notification
	data struct {
		api.Work
		Record api.Record `json:"record"`
		Folded int        `json:"folded"`
		Reason string     `json:"reason"`
	}
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, news: make(chan struct{}), answer: func(api.Notification) (int, string) { return 200, "" }}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.url = s.URL + "/hook?key=in-the-url"
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // it was broken off
	}
	got := request{id: req.Header.Get("webhook-id")}
	if err := json.Unmarshal(body, &got.note); err != nil {
		r.t.Errorf("the body: %v: %s", err, body)
	}
	if err := json.Unmarshal(got.note.Data, &got.data); err != nil {
		r.t.Errorf("the data: %v: %s", err, body)
	}
	if got.note.Specversion != "1.0" || req.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(req.UserAgent(), "Callboard/") {
		r.t.Errorf("%v: %s", req.Header, body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fits := len(r.secrets) == 0
	for _, secret := range r.secrets {
		hook, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			r.t.Error(err)
			continue
		}
		fits = fits || hook.Verify(body, req.Header) == nil
	}
	if !fits {
		r.t.Errorf("no signature fits: %v", req.Header)
	}
	r.got = append(r.got, got)
	close(r.news)
	r.news = make(chan struct{})
	status, text := r.answer(got.note)
	if strings.HasPrefix(text, "{") {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// set says how it answers from now on.
func (r *receiver) set(answer func(n api.Notification) (int, string), secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if answer != nil {
		r.answer = answer
	}
	if len(secrets) > 0 {
		r.secrets = secrets
	}
}

// until waits until what came is as wanted, and returns all of it.
func (r *receiver) until(what string, want func(all []request) bool) []request {
	r.t.Helper()
	limit := time.After(patience)
	for {
		r.mu.Lock()
		all, news := slices.Clone(r.got), r.news
		r.mu.Unlock()
		if want(all) {
			return all
		}
		select {
		case <-news:
		case <-limit:
			var kinds []string
			for _, g := range all {
				kinds = append(kinds, string(g.note.Type))
			}
			r.t.Fatalf("%s did not come: %v", what, kinds)
		}
	}
}

func came(kind api.NotificationType) func(all []request) bool {
	return func(all []request) bool {
		return slices.ContainsFunc(all, func(g request) bool { return g.note.Type == kind })
	}
}

func hooked(c config.Config) config.Config {
	c.Webhooks.Allow = []string{"127.0.0.0/8"}
	return c
}

// TestWebhook: the simplest app is one HTTP endpoint. It is handed a record and answers with facts, is told of what happens,
// and what it answers to that is written too (D-9). Its secrets are told once, and in no log.
func TestWebhook(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	p := start(t, hooked(settings(pbx.Addr(), t.TempDir())))
	p.connected()
	ctx := t.Context()
	crm, log := newReceiver(t), newReceiver(t)
	crm.set(func(n api.Notification) (int, string) {
		if n.Type != api.NotificationTypeWork {
			t.Errorf("it asked for work only, and was told %s", n.Type)
		}
		return 200, `{"claims":[{"field":"party.name","value":"Carla Castillo","quality":"verified"}],"items":[{"list":"links","id":"c1","title":"Carla","url":"https://crm.example.com/1"}]}`
	})
	log.set(func(n api.Notification) (int, string) {
		if n.Type == api.NotificationTypeCallEnded {
			return 200, `{"items":[{"list":"notes","id":"n1","text":"logged"}],"claims":[{"field":"x.log.id","value":"17"}]}`
		}
		return 200, "ok"
	})
	made, err := p.client.CreateWebhook(ctx, api.NewWebhook{ID: "crm", Name: "CRM", URL: crm.url, Work: &api.WebhookWork{Needs: []string{"party.number"}, Gives: []string{"party.name"}}})
	if err != nil || !strings.HasPrefix(made.Secret, "whsec_") {
		t.Fatalf("%+v, %v", made, err)
	}
	crm.set(nil, made.Secret)
	if made, err = p.client.CreateWebhook(ctx, api.NewWebhook{ID: "log", URL: log.url, Notify: &api.WebhookFilter{Types: []string{"call.*", "record.changed"}}}); err != nil {
		t.Fatal(err)
	}
	log.set(nil, made.Secret)
	play(t, pbx, scenario(t, `0.0 outside +4512345678 "Mette Holm" calls 5550101, rings 1001
0.2 1001 answers
0.4 outside hangs up`))
	all := log.until("the end", came(api.NotificationTypeCallEnded))
	order := map[api.NotificationType]int{}
	for i, g := range all {
		order[g.note.Type] = i
		if g.data.Record.ID != g.note.Subject || g.data.Record.Fields["party.number"].Value != "+4512345678" {
			t.Errorf("%s is without its record: %+v", g.note.Type, g.data.Record)
		}
	}
	if !(order["call.ringing"] < order["call.answered"] && order["call.answered"] < order["call.ended"]) {
		t.Errorf("the order is %v", order)
	}
	id := all[0].note.Subject
	p.until("the note", func(n servertest.Notification) bool {
		return n.Type == api.NotificationTypeItemAdded && strings.Contains(string(n.Data), "logged")
	})
	r := p.record(id)
	if f := r.Fields["party.name"]; f.Value != "Carla Castillo" || f.Source != "crm" || f.Round != 1 {
		t.Errorf("the name: %+v", f)
	}
	if links := r.Items["links"]; len(links) != 1 || links[0].Source != "crm" {
		t.Errorf("the links: %+v", links)
	}
	if f := r.Fields["x.log.id"]; f.Value != "17" || f.Source != "log" {
		t.Errorf("x.log.id: %+v", f)
	}
	checkWebhookLog(t, p, crm, log)
}

func checkWebhookLog(t *testing.T, p *program, crm, log *receiver) {
	t.Helper()
	ctx := t.Context()
	done, err := p.client.TestWebhook(ctx, "log")
	if err != nil || done.State != api.DeliveryStateSent || len(done.Attempts) != 1 || done.Attempts[0].Status != 200 {
		t.Errorf("the test: %+v, %v", done, err)
	}
	page, err := p.client.Deliveries(ctx, "log", 0, 2)
	if err != nil || len(page.Deliveries) != 2 || page.Next == 0 || page.Deliveries[0].Type != "webhook.test" {
		t.Fatalf("the log: %+v, %v", page, err)
	}
	older, err := p.client.Deliveries(ctx, "log", page.Next, 200)
	if err != nil || len(older.Deliveries) == 0 || older.Deliveries[0].Number >= page.Deliveries[1].Number || older.Next != 0 {
		t.Fatalf("the next page: %+v, %v", older, err)
	}
	again := older.Deliveries[0]
	if err := p.client.ResendDelivery(ctx, "log", again.ID); err != nil {
		t.Fatal(err)
	}
	log.until("it once more", func(all []request) bool {
		return len(slices.DeleteFunc(all, func(g request) bool { return g.id != again.ID })) == 2
	})
	if err := p.client.ResendDelivery(ctx, "log", "msg_none"); err == nil {
		t.Error("a delivery that there is not was sent again")
	}
	if err := p.client.ResendDelivery(ctx, "log", done.ID); err == nil {
		t.Error("a test was sent again")
	}
	hooks, err := p.client.Webhooks(ctx)
	if err != nil || len(hooks) != 2 || hooks[0].ID != "crm" || !hooks[0].Enabled || hooks[0].TakenAt.IsZero() || hooks[0].Work == nil || hooks[0].Notify != nil {
		t.Errorf("%+v, %v", hooks, err)
	}
	if err := p.client.RemoveWebhook(ctx, "crm"); err != nil {
		t.Error(err)
	}
	apps, err := p.client.Apps(ctx)
	if err != nil || len(apps) != 1 || apps[0].ID != "log" {
		t.Errorf("%+v, %v", apps, err)
	}
	if err := p.client.RemoveApp(ctx, "log"); err != nil { // its webhook goes with it
		t.Error(err)
	}
	if hooks, err := p.client.Webhooks(ctx); err != nil || len(hooks) != 0 {
		t.Errorf("%+v, %v", hooks, err)
	}
}

// TestWebhookRestart: a target that is down while Callboard is ended and started anew is told all the same, in order, under
// the same ids; what was told of a record meanwhile is its newest state (D-9, FLT-17).
func TestWebhookRestart(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	folder := t.TempDir()
	p := start(t, hooked(settings(pbx.Addr(), folder)))
	p.connected()
	r := newReceiver(t)
	r.set(func(api.Notification) (int, string) { return 503, "" })
	made, err := p.client.CreateWebhook(t.Context(), api.NewWebhook{ID: "erp", URL: r.url, Notify: &api.WebhookFilter{Types: []string{"call.*", "item.*"}}})
	if err != nil {
		t.Fatal(err)
	}
	r.set(nil, made.Secret)
	play(t, pbx, scenario(t, `0.0 outside +4512345678 "Mette Holm" calls 5550101, rings 1001
0.2 1001 answers`))
	failed := r.until("the first attempt", func(all []request) bool { return len(all) > 0 })[0]
	p.until("the answer", kind("call.answered"))
	p.stop()
	again := start(t, hooked(settings(pbx.Addr(), folder)))
	again.connected()
	if _, err := again.client.AddNote(t.Context(), failed.note.Subject, "written after it"); err != nil {
		t.Fatal(err)
	}
	r.set(func(api.Notification) (int, string) { return 200, "" })
	if _, err := again.client.ChangeWebhook(t.Context(), "erp", api.WebhookChange{Enabled: new(true)}); err != nil {
		t.Fatal(err)
	}
	all := r.until("the note", came(api.NotificationTypeItemAdded))
	all = slices.DeleteFunc(all, func(g request) bool { return g.note.Subject != failed.note.Subject })
	var told []string
	var taken request // the last attempt at what failed first
	attempts := 0
	for _, g := range all {
		told = append(told, fmt.Sprint(g.note.Type))
		if g.id == failed.id {
			taken = g
			attempts++
		}
	}
	if all[0].id != failed.id || attempts < 2 {
		t.Errorf("%d attempts under the id %s, the first was under %s", attempts, failed.id, all[0].id)
	}
	if notes := taken.data.Record.Items["notes"]; len(notes) != 1 {
		t.Errorf("the retry does not have the newest state: %+v", notes)
	}
	for _, want := range []string{"call.ringing", "call.answered", "item.added"} {
		if !slices.Contains(told, want) {
			t.Errorf("%s was not told: %v", want, told)
		}
	}
	again.stop()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if text, err := os.ReadFile(name); err == nil && bytes.Contains(text, []byte("written after it")) && !strings.Contains(name, "callboard.db") {
			t.Errorf("%s has what a record says", name)
		}
	}
}

// TestWebhookRotation: both secrets sign for a while, then the new one alone; a secret is never told again.
func TestWebhookRotation(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	p := start(t, hooked(settings(pbx.Addr(), t.TempDir())))
	ctx := t.Context()
	r := newReceiver(t)
	first, err := p.client.CreateWebhook(ctx, api.NewWebhook{ID: "erp", URL: r.url, Notify: &api.WebhookFilter{}})
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.client.RotateWebhookSecret(ctx, "erp", time.Hour)
	if err != nil || second.Secret == first.Secret || second.FormerUntil.Before(time.Now()) {
		t.Fatalf("%+v, %v", second, err)
	}
	for _, secret := range []string{first.Secret, second.Secret} {
		r.set(nil, secret)
		if d, err := p.client.TestWebhook(ctx, "erp"); err != nil || d.State != api.DeliveryStateSent {
			t.Errorf("%+v, %v", d, err)
		}
	}
	third, err := p.client.RotateWebhookSecret(ctx, "erp", 0)
	if err != nil {
		t.Fatal(err)
	}
	r.set(nil, third.Secret)
	if d, err := p.client.TestWebhook(ctx, "erp"); err != nil || d.State != api.DeliveryStateSent {
		t.Errorf("%+v, %v", d, err)
	}
	hooks, err := p.client.Webhooks(ctx)
	text, jsonErr := json.Marshal(hooks)
	if err != nil || jsonErr != nil || strings.Contains(string(text), "whsec_") || strings.Contains(string(text), strings.TrimPrefix(third.Secret, "whsec_")) {
		t.Errorf("%s, %v", text, err)
	}
	for name, hook := range map[string]api.NewWebhook{
		"this computer": {ID: "one", URL: "http://[::1]:80/", Notify: &api.WebhookFilter{}},
		"no host":       {ID: "one", URL: "https:///x", Notify: &api.WebhookFilter{}},
		"no scheme":     {ID: "one", URL: "crm.example.com", Notify: &api.WebhookFilter{}},
		"a password":    {ID: "one", URL: "https://a:b@crm.example.com/", Notify: &api.WebhookFilter{}},
		"nothing":       {ID: "one", URL: "https://crm.example.com/"},
		"no needs":      {ID: "one", URL: "https://crm.example.com/", Work: &api.WebhookWork{Gives: []string{"party.name"}}},
		"taken":         {ID: "erp", URL: "https://crm.example.com/", Notify: &api.WebhookFilter{}},
		"a source":      {ID: "pbx", URL: "https://crm.example.com/", Notify: &api.WebhookFilter{}},
	} {
		if _, err := p.client.CreateWebhook(ctx, hook); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if apps, err := p.client.Apps(ctx); err != nil || len(apps) != 1 {
		t.Errorf("what was refused has left an app: %+v, %v", apps, err)
	}
}

// TestWebhookDisabled: 410 disables a webhook, and everybody is told.
func TestWebhookDisabled(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	p := start(t, hooked(settings(pbx.Addr(), t.TempDir())))
	ctx := t.Context()
	r := newReceiver(t)
	r.set(func(api.Notification) (int, string) { return 410, "" })
	if _, err := p.client.CreateWebhook(ctx, api.NewWebhook{ID: "erp", URL: r.url, Notify: &api.WebhookFilter{Types: []string{"record.opened"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.client.Lookup(ctx, "2025550177"); err != nil {
		t.Fatal(err)
	}
	n := p.until("the notice", kind("webhook.disabled"))
	if !strings.Contains(string(n.Data), "erp") || !strings.Contains(string(n.Data), "410") {
		t.Errorf("the notice says %s", n.Data)
	}
	var hooks []api.Webhook
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); { // it is kept right after it is told
		var err error
		if hooks, err = p.client.Webhooks(ctx); err != nil || len(hooks) != 1 {
			t.Fatal(err)
		}
		if !hooks[0].Enabled {
			break
		}
	}
	if h := hooks[0]; h.Enabled || h.DisabledAt.IsZero() || !strings.Contains(h.DisabledReason, "410") || h.Waiting != 1 {
		t.Errorf("%+v", h)
	}
	r.set(func(api.Notification) (int, string) { return 200, "" })
	if _, err := p.client.ChangeWebhook(ctx, "erp", api.WebhookChange{Enabled: new(true)}); err != nil {
		t.Fatal(err)
	}
	r.until("it once more", func(all []request) bool { return len(all) == 2 })
}
