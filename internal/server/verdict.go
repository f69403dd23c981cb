package server

import (
	"net/http"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// PinField implements ServerInterface.
func (s *Server) PinField(w http.ResponseWriter, r *http.Request, record api.RecordID, field api.FieldName, params api.PinFieldParams) {
	if !s.person(w, r) {
		return
	}
	body, err := decode[api.Pin](w, r)
	if err == nil && body.Source == "" {
		err = &telephony.Error{Code: telephony.CodeInvalid, Message: "it is not said whose word is to be shown", Remedy: "name the source; DELETE takes a pin back"}
	}
	if err == nil {
		err = checkLength("the source", body.Source, maxSource)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	s.verdict(w, r, record, field, body.Source, params.IdempotencyKey, s.options.Board.Pin)
}

// UnpinField implements ServerInterface.
func (s *Server) UnpinField(w http.ResponseWriter, r *http.Request, record api.RecordID, field api.FieldName, params api.UnpinFieldParams) {
	s.verdict(w, r, record, field, "", params.IdempotencyKey, s.options.Board.Pin)
}

// HideClaim implements ServerInterface.
func (s *Server) HideClaim(w http.ResponseWriter, r *http.Request, record api.RecordID, field api.FieldName, source api.SourceName, params api.HideClaimParams) {
	s.verdict(w, r, record, field, source, params.IdempotencyKey, s.options.Board.Hide)
}

// UnhideClaim implements ServerInterface.
func (s *Server) UnhideClaim(w http.ResponseWriter, r *http.Request, record api.RecordID, field api.FieldName, source api.SourceName, params api.UnhideClaimParams) {
	s.verdict(w, r, record, field, source, params.IdempotencyKey, s.options.Board.Unhide)
}

// verdict writes what the person decides about a claim (B-3).
func (s *Server) verdict(w http.ResponseWriter, r *http.Request, record, field, source, key string,
	decide func(id, field, source string, at time.Time, receipts ...*board.Receipt) (board.Written, error)) {
	if !s.person(w, r) {
		return
	}
	if err := checkLength("the source", source, maxSource); err != nil {
		s.fail(w, err)
		return
	}
	s.write(w, r, wanted{key: key, body: source, status: http.StatusOK, answer: writtenAnswer, do: s.on(record, func(receipt *board.Receipt) (board.Written, error) {
		return decide(record, field, source, time.Now(), receipt)
	})})
}
