package server

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Permissions of an app.
const (
	mayDial    = string(api.PermissionDial)
	mayControl = string(api.PermissionControl)
	mayReopen  = string(api.PermissionReopen)
	mayMetrics = string(api.PermissionMetrics)
)

// How many numbers a token may dial or transfer to (SEC-24).
const (
	dialsAtMost = 10
	dialsWithin = time.Minute
)

// window counts what happened in the last minute.
type window struct {
	mu sync.Mutex
	at []time.Time
}

func (d *window) allow(now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = slices.DeleteFunc(d.at, func(t time.Time) bool { return now.Sub(t) >= dialsWithin })
	if len(d.at) >= dialsAtMost {
		return &telephony.Error{Code: codeTooMany, Message: "this token has dialled 10 numbers in the last minute", Remedy: "wait a minute"}
	}
	d.at = append(d.at, now)
	return nil
}

func permissions(asked []api.Permission) ([]string, error) {
	var may []string
	for _, p := range asked {
		if err := checkEnum("may", p); err != nil || p == "" {
			return nil, cmp.Or(err, error(&telephony.Error{Code: telephony.CodeInvalid, Message: "may: an empty permission", Remedy: "use dial, control or reopen"}))
		}
		if !slices.Contains(may, string(p)) {
			may = append(may, string(p))
		}
	}
	return may, nil
}

func wirePermissions(may []string) []api.Permission {
	var out []api.Permission
	for _, m := range may {
		out = append(out, api.Permission(m))
	}
	return out
}

func wireAbilities(all []telephony.Able) []api.Ability {
	out := make([]api.Ability, 0, len(all))
	for _, a := range all {
		out = append(out, api.Ability{Name: api.AbilityName(a.Name), Available: a.Available, Reason: a.Reason, Remedy: a.Remedy})
	}
	return out
}

// allowed refuses a token that may not give a command.
func allowed(r *http.Request, permission string) error {
	c := callerOf(r)
	if slices.Contains(c.may, permission) {
		return nil
	}
	what := permission + " calls"
	if permission == mayMetrics {
		what = "read the metrics"
	}
	return &telephony.Error{Code: telephony.CodeForbidden, Message: "the app " + c.source + " may not " + what,
		Remedy: "the person can let it: callboard app add --renew --may " + permission + " " + c.source}
}

// line finds one by name.
func (s *Server) line(name string) (ServedLine, bool) {
	i := slices.IndexFunc(s.options.Lines, func(l ServedLine) bool { return l.Name == name })
	if i < 0 {
		return ServedLine{}, false
	}
	return s.options.Lines[i], true
}

// actions implements actions.
func (s *Server) actions(line string, c *telephony.Call) []telephony.Action {
	if l, ok := s.line(line); ok {
		return l.Phone.Actions(c)
	}
	return nil
}

// Dial implements ServerInterface.
func (s *Server) Dial(w http.ResponseWriter, r *http.Request, params api.DialParams) {
	body, err := decode[api.Dial](w, r)
	err = cmp.Or(err, allowed(r, mayDial))
	if err == nil {
		err = cmp.Or(checkLength("the number", body.Number, maxNumber), checkLength("the extension", body.Extension, maxNumber))
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	line := s.options.Lines[0]
	caller := callerOf(r)
	s.once(w, r, order{key: params.IdempotencyKey, what: "dial", body: body, status: http.StatusCreated, durable: true}, func(ctx context.Context) (any, error) {
		if err := caller.dials.allow(time.Now()); err != nil {
			return nil, err
		}
		call, err := line.Phone.Dial(ctx, body.Extension, body.Number)
		record, seq := s.options.Board.OfCall(call)
		s.options.Logger.Info("command", "by", caller.source, "command", "dial", "record", record, "error", err)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, keepWithin)
		defer cancel()
		if err := s.options.Committer.Wait(ctx, seq); err != nil { // the phone rings all the same
			s.options.Logger.Warn("a call that was placed is not kept yet", "record", record, "error", err)
		}
		return api.Placed{Record: record}, nil
	})
}

// Command implements ServerInterface.
func (s *Server) Command(w http.ResponseWriter, r *http.Request, record api.RecordID, params api.CommandParams) {
	body, err := decode[api.Command](w, r)
	err = cmp.Or(err, allowed(r, mayControl))
	if err == nil && body.Command == "" {
		err = &telephony.Error{Code: telephony.CodeInvalid, Message: "there is no command", Remedy: "name one of the call's actions"}
	}
	if err == nil {
		err = cmp.Or(checkEnum("command", body.Command), checkLength("the number", body.To, maxNumber), checkLength("the digits", body.Digits, maxNumber))
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	caller := callerOf(r)
	reaches := body.Command == api.CommandNameTransfer || body.Command == api.CommandNameConsult // somebody else, so never twice
	s.once(w, r, order{key: params.IdempotencyKey, what: "command " + record, body: body, status: http.StatusOK, durable: reaches}, func(ctx context.Context) (any, error) {
		err := s.command(r.WithContext(ctx), record, body)
		s.options.Logger.Info("command", "by", caller.source, "command", string(body.Command), "record", record, "error", err)
		if err != nil {
			return nil, err
		}
		return api.Commanded{Record: record, Command: body.Command}, nil
	})
}

func (s *Server) command(r *http.Request, record string, body api.Command) error {
	found, err := s.live(r, record)
	if err != nil {
		return err
	}
	line, ok := s.line(found.Line)
	if !ok {
		return &telephony.Error{Code: telephony.CodeNotNow, Message: "the line " + found.Line + " is not served here any more", Remedy: "look at line in callboard.yaml"}
	}
	c := telephony.Command{Action: telephony.Action(body.Command), Extension: body.Extension, To: body.To, Digits: body.Digits}
	if body.Command == api.CommandNameJoin {
		with, err := s.live(r, body.Record)
		if err != nil {
			return err
		}
		c.With = with.Call.ID
	}
	if body.Command == api.CommandNameTransfer || body.Command == api.CommandNameConsult {
		if err := callerOf(r).dials.allow(time.Now()); err != nil {
			return err
		}
	}
	return line.Phone.Do(r.Context(), found.Call.ID, c)
}

// live is a record with a call.
func (s *Server) live(r *http.Request, record string) (*board.Record, error) {
	found, err := s.find(r.Context(), record)
	if err == nil && found.Call == nil {
		err = &telephony.Error{Code: telephony.CodeNotNow, Message: "this record has no call", Remedy: "dial its number first"}
	}
	return found, err
}
