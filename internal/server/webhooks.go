package server

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Webhooks are the apps that are reached at a URL (D-9).
type Webhooks interface {
	List(ctx context.Context) ([]KnownWebhook, error)
	// Check says why a webhook cannot be as it is wanted.
	Check(s WebhookSettings) error
	Create(ctx context.Context, id string, s WebhookSettings) (secret string, err error)
	Change(ctx context.Context, id string, change func(s *WebhookSettings)) (KnownWebhook, error)
	Rotate(ctx context.Context, id string, overlap time.Duration) (secret string, formerUntil time.Time, err error)
	// Log gives the newest deliveries before one, at most limit; before 0 begins with the newest of all.
	Log(ctx context.Context, id string, before int64, limit int) ([]KnownDelivery, error)
	Resend(ctx context.Context, id, delivery string) error
	Test(ctx context.Context, id string) (KnownDelivery, error)
}

// WebhookSettings are what the person says of a webhook.
type WebhookSettings struct {
	URL     string
	Enabled bool
	Claims  bool
	Notify  *board.Filter
	Work    *board.Registration
}

// KnownWebhook is a webhook and how it stands.
type KnownWebhook struct {
	ID string
	WebhookSettings
	CreatedAt    time.Time
	Waiting      int
	TakenAt      time.Time
	FailingSince time.Time
	Problem      string
	DisabledAt   time.Time
	Reason       string
	FormerUntil  time.Time
}

// KnownDelivery is what was or is to be delivered.
type KnownDelivery struct {
	N        int64
	ID       string
	Kind     string
	Event    string
	Record   string
	At       time.Time
	State    string
	Note     string
	Folds    int
	Due      time.Time
	Attempts []KnownAttempt
}

// KnownAttempt is one request.
type KnownAttempt struct {
	At      time.Time
	Status  int
	TookMS  int64
	Problem string
}

// ListWebhooks implements ServerInterface.
func (s *Server) ListWebhooks(w http.ResponseWriter, r *http.Request) {
	if !s.person(w, r) {
		return
	}
	hooks, err := s.options.Webhooks.List(r.Context())
	if err != nil {
		s.fail(w, err)
		return
	}
	out := api.WebhookList{Webhooks: make([]api.Webhook, 0, len(hooks))}
	for _, h := range hooks {
		out.Webhooks = append(out.Webhooks, wireWebhook(h))
	}
	s.reply(w, http.StatusOK, out)
}

// CreateWebhook implements ServerInterface.
func (s *Server) CreateWebhook(w http.ResponseWriter, r *http.Request) {
	if !s.person(w, r) {
		return
	}
	body, err := decode[api.NewWebhook](w, r)
	if err == nil && (!appID.MatchString(body.ID) || slices.Contains(reserved, body.ID)) {
		err = errAppID
	}
	settings := WebhookSettings{URL: body.URL, Enabled: true, Claims: body.Include == api.NewWebhookIncludeClaims}
	if err == nil {
		err = cmp.Or(checkLength("the name", body.Name, maxAppName), checkEnum("include", body.Include), settings.set(body.Notify, body.Work))
	}
	if err == nil {
		err = s.options.Webhooks.Check(settings)
	}
	// It is an app like any other, whose token nobody has been given.
	app := KnownApp{ID: body.ID, Name: telephony.Display(body.Name), TokenHash: sha256.Sum256([]byte(NewToken())), CreatedAt: time.Now(),
		Grant: board.Grant{Claim: []string{"*"}, Read: []string{"*"}}}
	if err == nil {
		err = s.letIn(r.Context(), app, false)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	secret, err := s.options.Webhooks.Create(r.Context(), body.ID, settings)
	if err != nil {
		if undo := s.putOut(context.WithoutCancel(r.Context()), body.ID); undo != nil {
			s.options.Logger.Error("an app without its webhook is left", "app", body.ID, "error", undo)
		}
		s.fail(w, err)
		return
	}
	s.reply(w, http.StatusCreated, api.WebhookSecret{ID: body.ID, Secret: secret})
}

// set takes what a webhook is to be told and handed; what is nil stays.
func (s *WebhookSettings) set(notify *api.WebhookFilter, work *api.WebhookWork) error {
	if notify != nil {
		include := ""
		if s.Claims {
			include = "claims"
		}
		filter, err := asked{notify.Lines, notify.States, notify.CallStates, notify.Types, notify.Fields, include}.filter()
		if err != nil {
			return err
		}
		s.Notify = &filter
	}
	if work != nil {
		if err := cmp.Or(checkRegistration(work.Needs, work.Gives, work.On), checkDeadline(work.DeadlineMs)); err != nil {
			return err
		}
		if len(work.Needs)+len(work.On) == 0 {
			return &telephony.Error{Code: telephony.CodeInvalid, Message: "the webhook would be handed no work", Remedy: "say what it needs, or on which moments"}
		}
		s.Work = &board.Registration{Needs: work.Needs, Gives: work.Gives, Deadline: millis(work.DeadlineMs)}
		for _, m := range work.On {
			s.Work.On = append(s.Work.On, board.Moment(m))
		}
	}
	return nil
}

// ChangeWebhook implements ServerInterface.
func (s *Server) ChangeWebhook(w http.ResponseWriter, r *http.Request, app api.AppID) {
	if !s.person(w, r) {
		return
	}
	body, err := decode[api.WebhookChange](w, r)
	if err == nil {
		err = (&WebhookSettings{}).set(body.Notify, body.Work)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	changed, err := s.options.Webhooks.Change(r.Context(), app, func(settings *WebhookSettings) {
		settings.URL = cmp.Or(body.URL, settings.URL)
		if body.Enabled != nil {
			settings.Enabled = *body.Enabled
		}
		settings.set(body.Notify, body.Work) // as above, it can be
	})
	if err != nil {
		s.fail(w, err)
		return
	}
	s.reply(w, http.StatusOK, wireWebhook(changed))
}

// RemoveWebhook implements ServerInterface. A webhook goes with its app.
func (s *Server) RemoveWebhook(w http.ResponseWriter, r *http.Request, app api.AppID) {
	if !s.person(w, r) {
		return
	}
	hooks, err := s.options.Webhooks.List(r.Context())
	if err == nil && !slices.ContainsFunc(hooks, func(h KnownWebhook) bool { return h.ID == app }) {
		err = &telephony.Error{Code: telephony.CodeNotFound, Message: "there is no webhook " + telephony.Display(app), Remedy: "`webhook list` shows those that there are"}
	}
	if err == nil {
		err = s.putOut(r.Context(), app)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// defaultOverlap is how long a former secret signs too.
const defaultOverlap = 24 * time.Hour

// RotateWebhookSecret implements ServerInterface.
func (s *Server) RotateWebhookSecret(w http.ResponseWriter, r *http.Request, app api.AppID, params api.RotateWebhookSecretParams) {
	if !s.person(w, r) {
		return
	}
	overlap := defaultOverlap
	var err error
	if params.OverlapMs != nil {
		overlap, err = millis(*params.OverlapMs), checkLife("overlap_ms", *params.OverlapMs)
	}
	var secret string
	var until time.Time
	if err == nil {
		secret, until, err = s.options.Webhooks.Rotate(r.Context(), app, overlap)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	s.reply(w, http.StatusOK, api.WebhookSecret{ID: app, Secret: secret, FormerUntil: until.UTC()})
}

// TestWebhook implements ServerInterface.
func (s *Server) TestWebhook(w http.ResponseWriter, r *http.Request, app api.AppID) {
	if !s.person(w, r) {
		return
	}
	done, err := s.options.Webhooks.Test(r.Context(), app)
	if err != nil {
		s.fail(w, err)
		return
	}
	s.reply(w, http.StatusOK, wireDelivery(done))
}

// ListDeliveries implements ServerInterface.
func (s *Server) ListDeliveries(w http.ResponseWriter, r *http.Request, app api.AppID, params api.ListDeliveriesParams) {
	if !s.person(w, r) {
		return
	}
	const page, most = 50, 200
	limit := cmp.Or(params.Limit, page)
	var deliveries []KnownDelivery
	var err error
	if limit < 0 || limit > most || params.Before < 0 {
		err = &telephony.Error{Code: telephony.CodeInvalid, Message: "that is no page of the log", Remedy: "limit is 1 to 200, before is the next of the page before"}
	}
	if err == nil {
		deliveries, err = s.options.Webhooks.Log(r.Context(), app, params.Before, limit)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	out := api.DeliveryList{Deliveries: make([]api.Delivery, 0, len(deliveries))}
	for _, d := range deliveries {
		out.Deliveries = append(out.Deliveries, wireDelivery(d))
	}
	if len(deliveries) == limit {
		out.Next = deliveries[limit-1].N
	}
	s.reply(w, http.StatusOK, out)
}

// ResendDelivery implements ServerInterface.
func (s *Server) ResendDelivery(w http.ResponseWriter, r *http.Request, app api.AppID, delivery api.DeliveryID) {
	if !s.person(w, r) {
		return
	}
	if err := s.options.Webhooks.Resend(r.Context(), app, delivery); err != nil {
		s.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func wireWebhook(h KnownWebhook) api.Webhook {
	out := api.Webhook{ID: h.ID, URL: h.URL, Enabled: h.Enabled, CreatedAt: h.CreatedAt.UTC(), Waiting: h.Waiting, TakenAt: h.TakenAt.UTC(),
		FailingSince: h.FailingSince.UTC(), Problem: h.Problem, DisabledAt: h.DisabledAt.UTC(), DisabledReason: h.Reason}
	if h.FormerUntil.After(time.Now()) {
		out.FormerSecretUntil = h.FormerUntil.UTC()
	}
	if h.Claims {
		out.Include = api.WebhookIncludeClaims
	}
	if f := h.Notify; f != nil {
		out.Notify = &api.WebhookFilter{Lines: f.Lines, Types: f.Kinds, Fields: f.Fields}
		for _, state := range f.States {
			out.Notify.States = append(out.Notify.States, api.RecordState(state))
		}
		for _, state := range f.Calls {
			out.Notify.CallStates = append(out.Notify.CallStates, api.CallState(state))
		}
	}
	if r := h.Work; r != nil {
		out.Work = &api.WebhookWork{Needs: r.Needs, Gives: r.Gives, DeadlineMs: r.Deadline.Milliseconds()}
		for _, m := range r.On {
			out.Work.On = append(out.Work.On, api.Moment(m))
		}
	}
	return out
}

func wireDelivery(d KnownDelivery) api.Delivery {
	out := api.Delivery{ID: d.ID, Number: d.N, Type: d.Kind, Event: d.Event, Record: d.Record, At: d.At.UTC(), State: api.DeliveryState(d.State),
		Note: d.Note, Folded: d.Folds, DueAt: d.Due.UTC(), Attempts: []api.Attempt{}}
	for _, a := range d.Attempts {
		out.Attempts = append(out.Attempts, api.Attempt{At: a.At.UTC(), Status: a.Status, TookMs: a.TookMS, Problem: a.Problem})
	}
	return out
}

// WebhookBody is what a webhook is told of a change: the notification as a stream has it, and in its data the record as it is
// now. folds is how many more notifications it stands for.
func (s *Server) WebhookBody(app string, c *board.Change, epoch string, record *board.Record, folds int, claims bool) ([]byte, error) {
	caller, err := s.gate.of(app)
	if err != nil {
		return nil, err
	}
	v := view{claims: claims, reads: caller.reads}
	durable, told := s.options.Board.Durable(), *c
	if record != nil {
		told.Line = cmp.Or(c.Line, record.Line)
		told.Rev = cmp.Or(c.Rev, record.Rev)
	}
	var wired *api.Record
	if record != nil {
		wired = new(wireRecord(record, v, durable, s.actions))
	}
	var payload any = api.RevData{Rev: told.Rev} // what it may not see, it is told the time of
	if seen, _ := v.sight().change(&told); seen != nil {
		payload = webhookPayload(seen, v, durable, s.actions)
	}
	data, err := json.Marshal(payload)
	if err == nil {
		data, err = joined(data, struct {
			Record *api.Record `json:"record,omitempty"`
			Folded int         `json:"folded,omitempty"`
		}{wired, folds})
	}
	if err != nil {
		return nil, err
	}
	return wrap(api.Notification{Specversion: "1.0", ID: board.Cursor{Epoch: epoch, Seq: c.Seq}.String(), Source: lineSource(told.Line), Type: api.NotificationType(c.Kind),
		Time: c.At.UTC(), Subject: c.Record, Datacontenttype: "application/json"}, data), nil
}

// webhookPayload is a change's data as a stream has it, but for the record, which is the one of now. Of a change that the log
// no longer has, there is only that.
func webhookPayload(c *board.Change, v view, durable bool, can actions) any {
	bare := false
	switch c.Kind {
	case board.RecordOpened, board.RecordJoined, recordAdded, recordRemoved:
		bare = true
	case board.RecordSettled:
		bare = c.Settled == nil
	case board.ItemAdded, board.ItemChanged, board.ItemRemoved:
		bare = c.Item == nil
	case string(telephony.PBXConnected), string(telephony.PBXLost):
		bare = c.Link == nil
	case string(telephony.PBXGap):
		bare = c.Gap == nil
	}
	if bare {
		return api.RevData{Rev: c.Rev}
	}
	return payload(c, v, durable, can)
}

// joined is two JSON objects as one. Of a name that both have, the second counts.
func joined(first []byte, more any) ([]byte, error) {
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(first, &all); err != nil {
		return nil, err
	}
	second, err := json.Marshal(more)
	if err == nil {
		err = json.Unmarshal(second, &all)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// WebhookNotice is a notification that is of no record.
func (s *Server) WebhookNotice(kind, id string, at time.Time, data map[string]any) ([]byte, error) {
	encoded, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	return json.Marshal(api.Notification{Specversion: "1.0", ID: id, Source: lineSource(""), Type: api.NotificationType(kind), Time: at.UTC(),
		Datacontenttype: "application/json", Data: encoded})
}

// WebhookWork is a work as a stream hands it out.
func (s *Server) WebhookWork(app string, w *board.Work, claims bool) ([]byte, error) {
	caller, err := s.gate.of(app)
	if err != nil {
		return nil, err
	}
	frame, err := s.frames.Work(w, view{claims: claims, reads: caller.reads}, time.Now())
	return frame.JSON, err
}

// AnswerFor takes what an app that holds no stream answers to a work, by the same rules as an answer to the API.
func (s *Server) AnswerFor(ctx context.Context, app, work string, answer []byte) error {
	body, err := s.answerOf(ctx, app, answer)
	if err != nil {
		return err
	}
	written, err := s.options.Board.Answer(app, work, newAnswer(body), time.Now())
	return s.settled(ctx, nil, written, err)
}

// SayFor takes what an app that holds no stream says of a record it was told of: claims and items. What it follows from is
// the newest the app was told of (B-11).
func (s *Server) SayFor(ctx context.Context, app, record string, answer []byte) error {
	body, err := s.answerOf(ctx, app, answer)
	if err != nil || len(body.Claims)+len(body.Items) == 0 {
		return err
	}
	if err := s.writable(ctx, record); err != nil {
		return err
	}
	written, err := s.options.Board.Say(record, app, newAnswer(body), time.Now())
	return s.settled(ctx, nil, written, err)
}

// answerOf reads and checks an answer, and whether the app may write at all.
func (s *Server) answerOf(ctx context.Context, app string, answer []byte) (api.Answer, error) {
	var body api.Answer
	err := decodeOne(bytes.NewReader(answer), &body)
	if err == nil {
		err = checkAnswer(body)
	}
	var caller *caller
	if err == nil {
		caller, err = s.gate.of(app)
	}
	if err == nil {
		err = caller.mayWrite()
	}
	if err == nil {
		err = s.options.Committer.Wait(ctx, 0)
	}
	return body, err
}
