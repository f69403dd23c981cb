package server

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/callboard-dev/callboard/internal/crash"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// order is a command as it was asked for.
type order struct {
	key     string
	what    string // the method and path
	body    any
	status  int  // of a good answer
	durable bool // it is refused where it cannot be kept
}

// once carries a command out and answers it, once per source and key (D-10): what was answered is kept before it is told,
// and a command whose outcome is not known is never given again. What the store does not take is remembered for as long as this
// Callboard runs.
func (s *Server) once(w http.ResponseWriter, r *http.Request, o order, do func(ctx context.Context) (any, error)) {
	source := callerOf(r).source
	if err := checkKey(o.key); err != nil {
		s.fail(w, err)
		return
	}
	id := source + " " + o.key
	if !s.given.begin(id) {
		s.fail(w, &telephony.Error{Code: telephony.CodeUnderWay, Message: "this very request is being carried out", Remedy: "wait for its answer"})
		return
	}
	defer s.given.end(id)
	ctx := context.WithoutCancel(r.Context()) // what is begun is ended and kept, even if nobody listens any more
	body, err := json.Marshal([]any{o.what, o.body})
	if err != nil {
		s.fail(w, err)
		return
	}
	asked := KnownCommand{Source: source, Key: o.key, Request: sha256.Sum256(body), At: s.now()}
	if done, _, _ := s.given.outcome(id); done != nil {
		s.again(w, done, asked)
		return
	}
	before, err := s.keepBegun(ctx, id, asked)
	switch {
	case err != nil && o.durable:
		s.options.Logger.Error("a command was not kept", "error", err)
		s.fail(w, &telephony.Error{Code: telephony.CodeStore, Message: "the database does not take the command, so it was not given", Remedy: "free space or mend the disk, then try again"})
		return
	case err != nil: // to hang up must be possible on a full disk, too
		s.options.Logger.Error("a command is not kept", "error", err)
	case before != nil:
		s.again(w, before, asked)
		return
	}
	crash.Here("before command")
	status, answer := s.answered(o.status, do, ctx)
	crash.Here("after command")
	switch {
	case status != 0:
		asked.Status, asked.Answer = status, answer
		s.keepEnded(ctx, id, asked, err == nil)
	case err == nil:
		s.keepDropped(ctx, id, asked)
	}
	if status == 0 {
		status = statusOf(answer)
	}
	s.send(w, status, answer)
}

// now is the time by the clock of the machine as it was at the start: a clock that is set meanwhile makes no command old.
func (s *Server) now() time.Time { return s.began.Add(time.Since(s.began)) }

func checkKey(key string) error {
	if len(key) < 8 || len(key) > 128 {
		return &telephony.Error{Code: telephony.CodeInvalid, Message: "the Idempotency-Key has not 8 to 128 characters", Remedy: "send one made anew for every intention, such as a UUID"}
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] >= 0x7f {
			return &telephony.Error{Code: telephony.CodeInvalid, Message: "the Idempotency-Key has other characters than visible ASCII", Remedy: "send one such as a UUID"}
		}
	}
	return nil
}

// answered carries out, and encodes the answer. Status 0: refused before anything was done; the answer is then the problem.
func (s *Server) answered(good int, do func(ctx context.Context) (any, error), ctx context.Context) (int, []byte) {
	result, err := do(ctx)
	status := good
	if err != nil {
		p := problem(err, s.options.Logger)
		result, status = p, p.Status
		if !reached(err) {
			status = 0
		}
	}
	answer, err := json.Marshal(result)
	if err != nil {
		s.options.Logger.Error("an answer could not be encoded", "error", err)
	}
	return status, answer
}

// reached reports whether a command that failed may have done something at the PBX.
func reached(err error) bool {
	known, ok := errors.AsType[*telephony.Error](err)
	return !ok || known.Code == telephony.CodePBXRefused || known.Code == telephony.CodePBXAway || known.Code == telephony.CodePhoneSilent
}

// statusOf reads the status of a problem.
func statusOf(answer []byte) int {
	var p struct{ Status int }
	if err := json.Unmarshal(answer, &p); err != nil || p.Status == 0 {
		return http.StatusInternalServerError
	}
	return p.Status
}

// again answers a command that was given before.
func (s *Server) again(w http.ResponseWriter, before *KnownCommand, asked KnownCommand) {
	switch {
	case before.Status == statusErased:
		s.fail(w, &telephony.Error{Code: codeErased, Message: "what was answered to this Idempotency-Key is erased", Remedy: "nothing is done twice; make a new key for every intention"})
	case before.Request != asked.Request:
		s.fail(w, &telephony.Error{Code: telephony.CodeKeyReused, Message: "this Idempotency-Key was sent with another request", Remedy: "make a new key for every intention"})
	case before.Status == 0:
		s.fail(w, &telephony.Error{Code: telephony.CodeOutcome, Message: "Callboard was ended while this was carried out, so nobody knows how it came out",
			Remedy: "look at the phone, and send it with a new key if it is still wanted"})
	default:
		s.send(w, before.Status, before.Answer)
	}
}

// statusErased is that of a command or write whose answer is erased (SEC-45).
const statusErased = -1

func (s *Server) send(w http.ResponseWriter, status int, answer []byte) {
	kind := "application/json"
	if status >= 400 {
		kind = "application/problem+json"
	}
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	if _, err := w.Write(append(answer, '\n')); err != nil {
		s.options.Logger.Debug("answer not sent", "error", err)
	}
}
