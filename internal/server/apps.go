package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/delivery"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// ListApps implements ServerInterface.
func (s *Server) ListApps(w http.ResponseWriter, r *http.Request) {
	if !s.person(w, r) {
		return
	}
	apps, err := s.options.Store.Apps(r.Context())
	if err != nil {
		s.fail(w, err)
		return
	}
	out := api.AppList{Apps: []api.App{}, Cycles: cycles(s.options.Board.Enrichers(), "")}
	for _, a := range apps {
		out.Apps = append(out.Apps, s.wireApp(a))
	}
	s.reply(w, http.StatusOK, out)
}

// wireApp is an app with what it does just now.
func (s *Server) wireApp(a KnownApp) api.App {
	out := api.App{ID: a.ID, Name: a.Name, May: wirePermissions(a.May), MaxQuality: api.Quality(cmp.Or(a.Grant.MaxQuality, board.Verified)),
		AfterCall: a.Grant.AfterCall, Claim: a.Grant.Claim, Read: a.Grant.Read}
	if reg, ok := s.options.Board.Enrichers()[a.ID]; ok {
		out.Connected, out.Needs, out.Gives = true, reg.Needs, reg.Gives
		for _, m := range reg.On {
			out.On = append(out.On, api.Moment(m))
		}
	}
	for _, q := range s.options.Board.Quarantined() {
		if q.App == a.ID {
			out.Quarantined = append(out.Quarantined, api.Quarantined{Field: q.Field, Since: q.Since.UTC()})
		}
	}
	return out
}

var (
	appID    = regexp.MustCompile(`^[a-z][a-z0-9-]{1,39}$`)
	reserved = []string{board.SourcePBX, board.SourceUser, board.SourceHistory}
	pattern  = regexp.MustCompile(`^(\*|[a-z][a-z0-9_.-]*\*?)$`)
)

var errAppID = &telephony.Error{Code: telephony.CodeInvalid, Message: "that is no id for an app", Remedy: "use 2 to 40 of a-z 0-9 -, a letter first, and not pbx, user or history"}

// patterns reads what an app may read or write.
func patterns(what string, asked []string) ([]string, error) {
	out := []string{}
	err := checkCount(what, len(asked), maxPatterns)
	for _, p := range asked {
		if err = cmp.Or(err, checkLength(what, p, maxFieldName)); err == nil && !pattern.MatchString(p) {
			err = &telephony.Error{Code: telephony.CodeInvalid, Message: what + ": \"" + telephony.Display(p) + "\" is no field, list or pattern of them",
				Remedy: "name a field (party.email), a list (notes), or all that begin so (party.*)"}
		}
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out, err
}

// mostSure reads what an app's claims count as at most.
func mostSure(asked api.Quality) (board.Quality, error) {
	if asked == api.QualityConfirmed {
		return "", &telephony.Error{Code: telephony.CodeInvalid, Message: "max_quality: confirmed is a person's word", Remedy: "an app may reach verified"}
	}
	return board.Quality(asked), checkEnum("max_quality", asked)
}

// CreateApp implements ServerInterface.
func (s *Server) CreateApp(w http.ResponseWriter, r *http.Request) {
	if !s.person(w, r) {
		return
	}
	body, err := decode[api.NewApp](w, r)
	if err == nil && (!appID.MatchString(body.ID) || slices.Contains(reserved, body.ID)) {
		err = errAppID
	}
	if err == nil {
		err = checkRegistration(body.Needs, body.Gives, nil)
	}
	token := NewToken()
	app := KnownApp{ID: body.ID, TokenHash: sha256.Sum256([]byte(token)), CreatedAt: time.Now()}
	if err == nil {
		app, err = changed(app, api.AppChange{Name: &body.Name, May: &body.May, MaxQuality: &body.MaxQuality, AfterCall: &body.AfterCall,
			Claim: cmp.Or(body.Claim, &api.Grant{"*"}), Read: cmp.Or(body.Read, &api.Grant{"*"})})
	}
	if err == nil {
		err = s.letIn(r.Context(), app, body.Renew)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	s.reply(w, http.StatusCreated, api.AppToken{ID: app.ID, Token: token, Cycles: s.cyclesOf(body)})
}

// changed is an app with what is said of it; what is absent stays.
func changed(a KnownApp, c api.AppChange) (KnownApp, error) {
	var err error
	if c.Name != nil {
		err = checkLength("the name", *c.Name, maxAppName)
		a.Name = telephony.Display(*c.Name)
	}
	if c.May != nil && err == nil {
		a.May, err = permissions(*c.May)
	}
	if c.MaxQuality != nil && err == nil {
		a.Grant.MaxQuality, err = mostSure(*c.MaxQuality)
	}
	if c.AfterCall != nil {
		a.Grant.AfterCall = *c.AfterCall
	}
	if c.Claim != nil && err == nil {
		a.Grant.Claim, err = patterns("claim", *c.Claim)
	}
	if c.Read != nil && err == nil {
		a.Grant.Read, err = patterns("read", *c.Read)
	}
	return a, err
}

// letIn gives an app its token. One that is there keeps its own unless it is to be renewed: a second program under the same
// name must not cut off the first by mistake.
func (s *Server) letIn(ctx context.Context, a KnownApp, renew bool) error {
	s.apps.Lock()
	defer s.apps.Unlock()
	known, err := s.known(ctx, a.ID)
	if err == nil && known != nil && !renew {
		err = &telephony.Error{Code: telephony.CodeConflict, Message: "there is an app " + a.ID + " already", Remedy: "choose another id, or renew its token (`app add --renew`), which ends the old one"}
	}
	if err == nil {
		err = s.options.Store.AddApp(ctx, a)
	}
	if err == nil {
		s.options.Board.Approve(a.ID, a.Grant)
		s.gate.admit(a)
		s.cut(a.ID)
		s.frames.forget()
	}
	return err
}

// ChangeApp implements ServerInterface.
func (s *Server) ChangeApp(w http.ResponseWriter, r *http.Request, app api.AppID) {
	if !s.person(w, r) {
		return
	}
	body, err := decode[api.AppChange](w, r)
	if err == nil && body == (api.AppChange{}) {
		err = &telephony.Error{Code: telephony.CodeInvalid, Message: "it is not said what is to change", Remedy: seeSpec}
	}
	var now KnownApp
	if err == nil {
		now, err = s.change(r.Context(), app, body)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	s.reply(w, http.StatusOK, s.wireApp(now))
}

func (s *Server) change(ctx context.Context, id string, c api.AppChange) (KnownApp, error) {
	s.apps.Lock()
	defer s.apps.Unlock()
	known, err := s.known(ctx, id)
	if err != nil {
		return KnownApp{}, err
	}
	if known == nil {
		return KnownApp{}, noApp(id)
	}
	now, err := changed(*known, c)
	if err == nil {
		err = s.options.Store.AddApp(ctx, now)
	}
	if err != nil {
		return now, err
	}
	s.options.Board.Approve(id, now.Grant)
	if s.gate.regrant(now, s.options.Board.Newest()) {
		s.cut(id)
		s.frames.forget()
	}
	return now, nil
}

// cut ends the streams of a token that was taken away, or reads something else now.
func (s *Server) cut(app string) {
	s.delivery.End(func(r *delivery.Reader) bool { return r.Source == app }, delivery.ErrTokenGone)
}

func noApp(id string) error {
	return &telephony.Error{Code: telephony.CodeNotFound, Message: "there is no app " + telephony.Display(id), Remedy: "`app list` shows those that there are"}
}

func (s *Server) putOut(ctx context.Context, id string) error {
	s.apps.Lock()
	defer s.apps.Unlock()
	known, err := s.known(ctx, id)
	if err == nil && known == nil {
		err = noApp(id)
	}
	if err == nil { // first here: whatever the disk says, the token works no more
		s.gate.remove(id)
		s.cut(id)
		err = s.options.Store.RemoveApp(ctx, id)
	}
	return err
}

// known is an app that was let in; nil: there is none.
func (s *Server) known(ctx context.Context, id string) (*KnownApp, error) {
	apps, err := s.options.Store.Apps(ctx)
	if i := slices.IndexFunc(apps, func(a KnownApp) bool { return a.ID == id }); i >= 0 {
		return &apps[i], err
	}
	return nil, err
}

// RemoveApp implements ServerInterface.
func (s *Server) RemoveApp(w http.ResponseWriter, r *http.Request, app api.AppID) {
	if !s.person(w, r) {
		return
	}
	if err := s.putOut(r.Context(), app); err != nil {
		s.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// ReleaseApp implements ServerInterface.
func (s *Server) ReleaseApp(w http.ResponseWriter, r *http.Request, app api.AppID, field api.FieldName) {
	if !s.person(w, r) {
		return
	}
	err := s.options.Committer.Wait(r.Context(), 0)
	if err == nil {
		seq, lifted := s.options.Board.LiftQuarantine(app, field, time.Now())
		if err = s.options.Committer.Wait(r.Context(), seq); !lifted {
			err = &telephony.Error{Code: telephony.CodeNotFound, Message: telephony.Display(app) + " is not barred from " + telephony.Display(field), Remedy: "`app list` shows what apps are barred from"}
		}
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// cycles are the rings among apps that may set each other off; with a name only those that it is in. What Callboard itself
// remembers is no app.
func cycles(apps map[string]board.Registration, with string) []api.Cycle {
	delete(apps, board.SourceHistory)
	var found []api.Cycle
	for _, c := range board.Cycles(apps) {
		if with == "" || slices.Contains(c.Apps, with) {
			found = append(found, api.Cycle{Apps: c.Apps, Fields: c.Fields})
		}
	}
	return found
}

// cyclesOf are the rings that an app would close which is let in now. What it says of itself counts; if it says nothing,
// what it is registered for.
func (s *Server) cyclesOf(app api.NewApp) []api.Cycle {
	apps := maps.Clone(s.options.Board.Enrichers())
	if len(app.Needs)+len(app.Gives) > 0 {
		r := board.Registration{Needs: app.Needs, Gives: app.Gives, On: apps[app.ID].On}
		apps[app.ID] = r
	}
	return cycles(apps, app.ID)
}
