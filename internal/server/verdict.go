package server

import (
	"net/http"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// PinField implements ServerInterface.
func (s *Server) PinField(w http.ResponseWriter, r *http.Request, record api.RecordID, field api.FieldName) {
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
	s.verdict(w, r, record, field, body.Source, s.options.Board.Pin)
}

// UnpinField implements ServerInterface.
func (s *Server) UnpinField(w http.ResponseWriter, r *http.Request, record api.RecordID, field api.FieldName) {
	s.verdict(w, r, record, field, "", s.options.Board.Pin)
}

// HideClaim implements ServerInterface.
func (s *Server) HideClaim(w http.ResponseWriter, r *http.Request, record api.RecordID, field api.FieldName, source api.SourceName) {
	s.verdict(w, r, record, field, source, s.options.Board.Hide)
}

// UnhideClaim implements ServerInterface.
func (s *Server) UnhideClaim(w http.ResponseWriter, r *http.Request, record api.RecordID, field api.FieldName, source api.SourceName) {
	s.verdict(w, r, record, field, source, s.options.Board.Unhide)
}

// verdict writes what the person decides about a claim (B-3).
func (s *Server) verdict(w http.ResponseWriter, r *http.Request, record, field, source string, decide func(id, field, source string, at time.Time) (board.Written, error)) {
	if !s.person(w, r) {
		return
	}
	err := checkLength("the source", source, maxSource)
	if err == nil {
		err = s.writable(r.Context(), record)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	written, err := decide(record, field, source, time.Now())
	s.written(w, r, written, err)
}
