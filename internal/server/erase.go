package server

import (
	"cmp"
	"fmt"
	"net/http"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Bounds of what is erased at once; the contract has them too.
const (
	maxEraseNames   = 16
	maxEraseRecords = 64
	maxEraseWord    = 256
)

// Erase implements ServerInterface (SEC-45).
func (s *Server) Erase(w http.ResponseWriter, r *http.Request) {
	if !s.person(w, r) {
		return
	}
	body, err := decode[api.NewErasure](w, r)
	if err == nil {
		err = checkErasure(body)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	m := board.Match{Numbers: body.Numbers, Words: body.Words, Records: body.Records}
	erase := s.options.Eraser.Erase
	if body.DryRun {
		erase = s.options.Eraser.Survey
	}
	proof, err := erase(r.Context(), m)
	if err != nil {
		s.fail(w, err)
		return
	}
	s.reply(w, http.StatusOK, wireProof(&proof))
}

func checkErasure(e api.NewErasure) error {
	err := cmp.Or(checkCount("numbers", len(e.Numbers), maxEraseNames), checkCount("words", len(e.Words), maxEraseNames), checkCount("records", len(e.Records), maxEraseRecords))
	for _, n := range e.Numbers {
		err = cmp.Or(err, checkLength("a number", n, maxNumber))
	}
	for _, word := range e.Words {
		err = cmp.Or(err, checkLength("a word", word, maxEraseWord))
	}
	for _, id := range e.Records {
		err = cmp.Or(err, checkLength("a record's id", id, maxSource))
	}
	return err
}

// Forget drops what is kept in memory of changes that are struck.
func (s *Server) Forget() { s.frames.forget() }

// ListErasures implements ServerInterface.
func (s *Server) ListErasures(w http.ResponseWriter, r *http.Request) {
	if !s.person(w, r) {
		return
	}
	proofs, err := s.options.Eraser.Proofs(r.Context())
	if err != nil {
		s.fail(w, err)
		return
	}
	out := api.ErasureList{Erasures: []api.Erasure{}}
	for _, p := range proofs {
		out.Erasures = append(out.Erasures, wireProof(p))
	}
	s.reply(w, http.StatusOK, out)
}

// GetErasure implements ServerInterface.
func (s *Server) GetErasure(w http.ResponseWriter, r *http.Request, erasure string) {
	if !s.person(w, r) {
		return
	}
	proof, err := s.options.Eraser.Proof(r.Context(), erasure)
	if err == nil && proof == nil {
		err = noErasure(erasure)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	s.reply(w, http.StatusOK, wireProof(proof))
}

// VerifyErasure implements ServerInterface.
func (s *Server) VerifyErasure(w http.ResponseWriter, r *http.Request, erasure string) {
	if !s.person(w, r) {
		return
	}
	body, err := decode[api.NewVerification](w, r)
	if err == nil {
		err = cmp.Or(checkErasure(api.NewErasure{Numbers: body.Numbers, Words: body.Words, Records: body.Records}), checkLength("the code", body.Code, maxSource))
	}
	var found *board.Verification
	if err == nil {
		found, err = s.options.Eraser.Verify(r.Context(), erasure, body.Code, board.Match{Numbers: body.Numbers, Words: body.Words, Records: body.Records})
	}
	if err == nil && found == nil {
		err = noErasure(erasure)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	s.reply(w, http.StatusOK, api.Verification{Erasure: wireProof(&found.Proof), OfThisPerson: found.OfThisPerson, Left: wireProof(&found.Left), InFile: found.InFile})
}

func noErasure(id string) error {
	return &telephony.Error{Code: telephony.CodeNotFound, Message: fmt.Sprintf("there is no erasure %q", telephony.Display(id)), Remedy: "list them: GET /v1/erasures"}
}

func wireProof(p *board.Proof) api.Erasure {
	var searched *api.Searched
	if s := p.Searched; s != nil {
		searched = &api.Searched{Records: s.Records, Changes: s.Changes, Answers: s.Answers, Deliveries: s.Deliveries, Picks: s.Picks}
	}
	return api.Erasure{Searched: searched, Deliveries: p.Deliveries, Picks: p.Picks, Code: p.Code, ID: p.ID, DryRun: p.ID == "", AskedAt: p.AskedAt, DoneAt: p.DoneAt, Records: append([]string{}, p.Records...),
		Mentioned: append([]string{}, p.Mentioned...), Claims: p.Claims, Items: p.Items, Changes: p.Changes, Answers: p.Answers}
}
