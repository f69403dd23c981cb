package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Codes that arise at the border itself.
const (
	codeUnauthorized telephony.Code = "unauthorized"
	codeHost         telephony.Code = "host_not_allowed"
	codeOrigin       telephony.Code = "origin_not_allowed"
	codeMediaType    telephony.Code = "unsupported_media_type"
	codeTooMany      telephony.Code = "too_many_requests"
	codeUpgrade      telephony.Code = "upgrade_required"
	codeErased       telephony.Code = "erased"
	codeInternal     telephony.Code = "internal"
)

// statuses is the one table from codes to HTTP.
var statuses = map[telephony.Code]int{
	telephony.CodeInvalid:       http.StatusBadRequest,
	telephony.CodeNotFound:      http.StatusNotFound,
	telephony.CodeWorkUnknown:   http.StatusNotFound,
	telephony.CodeForbidden:     http.StatusForbidden,
	telephony.CodeAuthoritative: http.StatusForbidden,
	telephony.CodeConflict:      http.StatusConflict,
	telephony.CodeClosed:        http.StatusConflict,
	telephony.CodeTooLarge:      http.StatusRequestEntityTooLarge,
	telephony.CodeCursorGone:    http.StatusGone,
	telephony.CodeStore:         http.StatusInsufficientStorage,
	telephony.CodeNotPossible:   http.StatusConflict,
	telephony.CodeNotNow:        http.StatusConflict,
	telephony.CodeNumberDenied:  http.StatusForbidden,
	telephony.CodePBXRefused:    http.StatusBadGateway,
	telephony.CodePBXAway:       http.StatusServiceUnavailable,
	telephony.CodePhoneSilent:   http.StatusGatewayTimeout,
	telephony.CodeKeyReused:     http.StatusUnprocessableEntity,
	telephony.CodeUnderWay:      http.StatusConflict,
	telephony.CodeOutcome:       http.StatusConflict,
	board.CodeSuspended:         http.StatusTooManyRequests,
	board.CodeQuarantined:       http.StatusForbidden,
	board.CodeRevMoved:          http.StatusPreconditionFailed,
	codeUnauthorized:            http.StatusUnauthorized,
	codeHost:                    http.StatusMisdirectedRequest,
	codeOrigin:                  http.StatusForbidden,
	codeMediaType:               http.StatusUnsupportedMediaType,
	codeTooMany:                 http.StatusTooManyRequests,
	codeUpgrade:                 http.StatusUpgradeRequired,
	codeErased:                  http.StatusGone,
	codeInternal:                http.StatusInternalServerError,
}

// seeSpec is the remedy of what is plainly against the contract.
const seeSpec = "see /v1/openapi.yaml"

// problem turns an error into what a caller may see. What is not ours to tell becomes "internal" and is logged once; a
// caller who went away is no failure.
func problem(err error, logger *slog.Logger) api.Problem {
	known, ok := errors.AsType[*telephony.Error](err)
	if !ok {
		log := logger.Error
		if errors.Is(err, context.Canceled) {
			log = logger.Debug
		}
		log("request failed", "error", err)
		known = &telephony.Error{Code: codeInternal, Message: "Callboard could not do that", Remedy: "try again; if it goes on, look at Callboard's log"}
	}
	status := statuses[known.Code]
	return api.Problem{
		Type: "urn:callboard:problem:" + string(known.Code), Title: http.StatusText(status), Status: status,
		Code: string(known.Code), Detail: known.Message, Remedy: cmp.Or(known.Remedy, seeSpec),
	}
}

// stale is the error of a write where another has written meanwhile, with what its writer may see of the record as it is.
type stale struct {
	*board.RevMoved
	view view
}

// problem is an error with what belongs to it: where another has written meanwhile, the record as it is (B-2).
func (s *Server) problem(err error) api.Problem {
	p := problem(err, s.options.Logger)
	if old, ok := errors.AsType[*stale](err); ok {
		now := wireRecord(old.Current, old.view, s.options.Board.Durable(), s.actions)
		p.Current = &now
	}
	return p
}

func (s *Server) fail(w http.ResponseWriter, err error) {
	p := s.problem(err)
	w.Header().Set("Content-Type", "application/problem+json")
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="callboard"`)
	}
	w.WriteHeader(p.Status)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		s.options.Logger.Debug("answer not sent", "error", err)
	}
}

func (s *Server) reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.options.Logger.Debug("answer not sent", "error", err)
	}
}

// maxBody bounds a request's body (SEC-23).
const maxBody = 64 << 10

var errMediaType = &telephony.Error{Code: codeMediaType, Message: "the body is not application/json", Remedy: "send Content-Type: application/json"}

func isJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// decode reads a JSON body. Only application/json is taken: a form that a foreign page can post is not (SEC-05).
func decode[T any](w http.ResponseWriter, r *http.Request) (T, error) {
	var body T
	if !isJSON(r) {
		return body, errMediaType
	}
	err := decodeOne(http.MaxBytesReader(w, r.Body, maxBody), &body)
	if c := callerOf(r); err == nil && c != nil {
		err = c.still()
	}
	return body, err
}

// decodeOne reads one JSON value and nothing behind it.
func decodeOne(from io.Reader, into any) error {
	dec := json.NewDecoder(from)
	err := dec.Decode(into)
	if err == nil && dec.Decode(&struct{}{}) != io.EOF {
		err = errors.New("there is more after the first JSON value")
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return &telephony.Error{Code: telephony.CodeTooLarge, Message: "the body is larger than 64 KiB", Remedy: "send less at once"}
	}
	if err != nil {
		return &telephony.Error{Code: telephony.CodeInvalid, Message: fmt.Sprintf("the body is not the JSON that is wanted: %v", err), Remedy: seeSpec}
	}
	return nil
}
