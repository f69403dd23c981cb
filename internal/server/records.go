package server

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// OpenLookup implements ServerInterface.
func (s *Server) OpenLookup(w http.ResponseWriter, r *http.Request, params api.OpenLookupParams) {
	on := s.options.Lines[0]
	body, err := decode[api.Lookup](w, r)
	if err == nil {
		err = checkSought(&body)
	}
	var found board.Found
	if err == nil {
		found, err = on.Lookup(board.Sought{Number: body.Number, Name: body.Name, Email: body.Email, Website: body.Website, IP: body.IP, Company: body.Company,
			JobTitle: body.JobTitle, Address: body.Address, VCard: body.Vcard})
	}
	for _, c := range found.Claims {
		err = cmp.Or(err, s.options.Board.MayClaim(callerOf(r).source, c.Field))
	}
	err = cmp.Or(err, mayLookUp(found.Claims, viewOf("", callerOf(r)).sight()))
	for _, i := range found.Items {
		err = cmp.Or(err, s.options.Board.MayClaim(callerOf(r).source, i.List))
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	if !s.opens(w, r) {
		return
	}
	s.write(w, r, wanted{key: params.IdempotencyKey, body: body, status: http.StatusCreated, answer: s.recordAnswer(r),
		do: func(ctx context.Context, receipt *board.Receipt) (board.Written, error) {
			if err := s.options.Committer.Wait(ctx, 0); err != nil {
				return board.Written{}, err
			}
			s.options.Board.OpenCard(on.Name, receipt.Source, found.Claims, found.Items, time.Now(), receipt)
			return receipt.Written, nil
		}})
}

// opens refuses an app that puts one record after another on the board.
func (s *Server) opens(w http.ResponseWriter, r *http.Request) bool {
	after, err := callerOf(r).mayOpen(time.Now())
	if err == nil {
		return true
	}
	w.Header().Set("Retry-After", strconv.Itoa(after))
	s.fail(w, err)
	return false
}

// mayLookUp sees to it that nobody learns by a lookup what they may not read (SEC-22): what is open for the same number or e-mail address is
// given back.
func mayLookUp(claims []board.NewClaim, sees sight) error {
	for _, field := range []string{"party.number", "party.email"} {
		if !slices.ContainsFunc(claims, func(c board.NewClaim) bool { return c.Field == field }) {
			continue
		}
		if !sees.sees(field) {
			return &telephony.Error{Code: telephony.CodeForbidden, Message: "this app may not read " + field + ", so it cannot look anybody up by it",
				Remedy: "let it read that: `callboard app set --read`; or leave it out"}
		}
		return nil
	}
	return nil
}

// recordAnswer is the record as a write left it.
func (s *Server) recordAnswer(r *http.Request) func(*board.Receipt) any {
	return func(receipt *board.Receipt) any {
		return wireRecord(receipt.After, viewOf("", callerOf(r)), true, s.actions)
	}
}

func checkSought(in *api.Lookup) error {
	return cmp.Or(checkLength("the number", in.Number, maxNumber), checkLength("the name", in.Name, maxTitle), checkLength("the e-mail address", in.Email, maxEmail),
		checkLength("the web address", in.Website, maxURL), checkLength("the IP address", in.IP, maxNumber), checkLength("the company", in.Company, maxTitle),
		checkLength("the job title", in.JobTitle, maxTitle), checkLength("the address", in.Address, maxAddress))
}

// ReopenRecord implements ServerInterface.
func (s *Server) ReopenRecord(w http.ResponseWriter, r *http.Request, record api.RecordID, params api.ReopenRecordParams) {
	if err := allowed(r, mayReopen); err != nil {
		s.fail(w, err)
		return
	}
	if !s.opens(w, r) {
		return
	}
	s.write(w, r, wanted{key: params.IdempotencyKey, status: http.StatusOK, answer: s.recordAnswer(r), do: s.on(record, func(receipt *board.Receipt) (board.Written, error) {
		return s.options.Board.Reopen(record, receipt.Source, time.Now(), receipt)
	})})
}

// CloseRecord implements ServerInterface.
func (s *Server) CloseRecord(w http.ResponseWriter, r *http.Request, record api.RecordID, params api.CloseRecordParams) {
	if callerOf(r).source != board.SourceUser {
		s.fail(w, &telephony.Error{Code: telephony.CodeForbidden, Message: "to close a record is for the person only", Remedy: "it closes by itself"})
		return
	}
	s.write(w, r, wanted{key: params.IdempotencyKey, status: http.StatusOK, answer: s.recordAnswer(r), do: s.on(record, func(receipt *board.Receipt) (board.Written, error) {
		return s.options.Board.Close(record, receipt.Source, time.Now(), receipt)
	})})
}
