package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Hello implements ServerInterface.
func (s *Server) Hello(w http.ResponseWriter, _ *http.Request) {
	s.reply(w, http.StatusOK, api.Hello{Name: "callboard", Version: s.options.Version, API: "v1"})
}

// CreateSession implements ServerInterface.
func (s *Server) CreateSession(w http.ResponseWriter, r *http.Request) {
	body, err := decode[api.SessionRequest](w, r)
	if err != nil {
		s.fail(w, err)
		return
	}
	token, ok := s.gate.exchange(body.Code, time.Now())
	if !ok {
		s.fail(w, &telephony.Error{Code: codeUnauthorized, Message: "this address has been used or is too old", Remedy: "run `callboard open` for a fresh one"})
		return
	}
	s.reply(w, http.StatusOK, api.Session{Token: token, Source: board.SourceUser})
}

// CreateCode implements ServerInterface.
func (s *Server) CreateCode(w http.ResponseWriter, r *http.Request) {
	if !s.person(w, r) {
		return
	}
	code, expires := s.gate.newCode(time.Now())
	s.reply(w, http.StatusCreated, api.Code{Code: code, URL: "http://" + r.Host + "/#code=" + code, ExpiresAt: expires.UTC()})
}

// person refuses apps.
func (s *Server) person(w http.ResponseWriter, r *http.Request) bool {
	if callerOf(r).source == board.SourceUser {
		return true
	}
	s.fail(w, &telephony.Error{Code: telephony.CodeForbidden, Message: "this is for the person only", Remedy: "an app cannot do this"})
	return false
}

// GetStatus implements ServerInterface.
func (s *Server) GetStatus(w http.ResponseWriter, r *http.Request) {
	out := api.Status{Version: s.options.Version, Source: callerOf(r).source, Epoch: s.options.Board.Epoch(), Lines: []api.Line{}}
	for _, l := range s.options.Lines {
		link := l.Link()
		out.Lines = append(out.Lines, api.Line{Name: l.Name, Extensions: l.Extensions, Pbx: wireLink(&link), Abilities: wireAbilities(l.Phone.Abilities())})
	}
	c := callerOf(r)
	out.May, out.Claim, out.Read = wirePermissions(c.may), c.grant.Claim, c.grant.Read
	out.Store.Durable = s.options.Board.Durable()
	if err := s.options.Committer.Problem(); err != nil {
		out.Store.Problem = err.Error()
	}
	s.reply(w, http.StatusOK, out)
}

// GetMetrics implements ServerInterface.
func (s *Server) GetMetrics(w http.ResponseWriter, r *http.Request) {
	if err := allowed(r, mayMetrics); err != nil {
		s.fail(w, err)
		return
	}
	s.options.Metrics.ServeHTTP(w, r)
}

// ListRecords implements ServerInterface.
func (s *Server) ListRecords(w http.ResponseWriter, r *http.Request, params api.ListRecordsParams) {
	ask := asked{lines: params.Lines, states: params.States, callStates: params.CallStates, include: string(params.Include)}
	filter, err := ask.filter()
	if err = cmp.Or(checkEnum("state", params.State), checkEnum("include", params.Include), err); err != nil {
		s.fail(w, err)
		return
	}
	if params.State != "" {
		filter.States = []board.State{board.State(params.State)}
	}
	records, cursor := s.options.Board.List(filter)
	out := api.RecordList{Cursor: cursor.String(), Records: make([]api.Record, 0, len(records))}
	durable := s.options.Board.Durable()
	for _, rec := range records {
		out.Records = append(out.Records, wireRecord(rec, viewOf(string(params.Include), callerOf(r)), durable, s.actions))
	}
	s.reply(w, http.StatusOK, out)
}

// GetRecord implements ServerInterface.
func (s *Server) GetRecord(w http.ResponseWriter, r *http.Request, record api.RecordID, params api.GetRecordParams) {
	err := checkEnum("include", params.Include)
	var found *board.Record
	if err == nil {
		found, err = s.find(r.Context(), record)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("ETag", etag(found.Rev))
	s.reply(w, http.StatusOK, wireRecord(found, viewOf(string(params.Include), callerOf(r)), s.options.Board.Durable(), s.actions))
}

// find looks on the board, then in the store.
func (s *Server) find(ctx context.Context, id string) (*board.Record, error) {
	if found := s.options.Board.Get(id); found != nil {
		return found, nil
	}
	found, err := s.options.Store.Record(ctx, id)
	if err == nil && found == nil {
		err = &telephony.Error{Code: telephony.CodeNotFound, Message: fmt.Sprintf("there is no record %q", telephony.Display(id)), Remedy: "look it up in the log"}
	}
	return found, err
}

// writable makes sure that a record can be written to: the store takes changes, and a stored record is on the board.
func (s *Server) writable(ctx context.Context, id string) error {
	if err := s.options.Committer.Wait(ctx, 0); err != nil {
		return err
	}
	found, err := s.find(ctx, id)
	if err == nil {
		s.options.Board.Admit(found)
	}
	return err
}

// Claim implements ServerInterface.
func (s *Server) Claim(w http.ResponseWriter, r *http.Request, record api.RecordID, params api.ClaimParams) {
	body, err := decode[api.ClaimRequest](w, r)
	if err == nil {
		err = checkClaims(body.Claims)
	}
	var rev int64
	if err == nil {
		rev, err = revOf(params.IfMatch)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	s.write(w, r, wanted{key: params.IdempotencyKey, match: params.IfMatch, body: body, status: http.StatusOK, answer: writtenAnswer,
		do: s.on(record, func(receipt *board.Receipt) (board.Written, error) {
			return s.options.Board.ClaimMatch(record, receipt.Source, newClaims(body.Claims), rev, time.Now(), receipt)
		})})
}

// on is a write on a record, which is brought to the board for it.
func (s *Server) on(record string, do func(r *board.Receipt) (board.Written, error)) func(context.Context, *board.Receipt) (board.Written, error) {
	return func(ctx context.Context, r *board.Receipt) (board.Written, error) {
		if err := s.writable(ctx, record); err != nil {
			return board.Written{}, err
		}
		return do(r)
	}
}

// settled waits until what a write did is durable, and also what its refusal tells: nobody reads what may yet be lost (D-2). That
// may bear the record, as the caller sees it; nil: nobody reads it.
func (s *Server) settled(ctx context.Context, c *caller, done board.Written, err error) error {
	if moved, ok := errors.AsType[*board.RevMoved](err); ok && c != nil {
		return cmp.Or[error](s.options.Committer.Wait(ctx, moved.Seq), &stale{moved, viewOf("", c)})
	}
	if err != nil {
		return err
	}
	return s.options.Committer.Wait(ctx, done.Seq)
}

func etag(rev int64) string { return strconv.Quote(strconv.FormatInt(rev, 10)) }

// revOf reads an If-Match; empty: any rev will do.
func revOf(match string) (int64, error) {
	if match == "" {
		return 0, nil
	}
	rev, err := strconv.ParseInt(strings.Trim(match, `"`), 10, 64)
	if err != nil || rev <= 0 || len(match) > maxMatch {
		return 0, &telephony.Error{Code: telephony.CodeInvalid, Message: "If-Match is no rev of a record", Remedy: `send the rev in quotes, such as "12"`}
	}
	return rev, nil
}

func wireWritten(done board.Written) api.Written {
	return api.Written{Record: done.Record, Rev: done.Rev, Changed: done.Changed}
}

func newClaims(in []api.NewClaim) []board.NewClaim {
	out := make([]board.NewClaim, 0, len(in))
	for _, c := range in {
		out = append(out, board.NewClaim{Field: c.Field, Value: c.Value, Quality: board.Quality(c.Quality), TTL: millis(c.TTLMs)})
	}
	return out
}

func millis(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

func newAnswer(a api.Answer) board.Answer {
	out := board.Answer{Claims: newClaims(a.Claims), NothingFound: a.NothingFound || len(a.NothingFields) > 0, Nothing: a.NothingFields,
		NothingFor: millis(a.NothingForMs), Match: a.Match, Error: telephony.Display(a.Error)}
	for _, i := range a.Items {
		out.Items = append(out.Items, board.NewItem{List: string(i.List), ID: i.ID, Text: i.Text, Title: i.Title, URL: i.URL, Fields: i.Fields})
	}
	return out
}

// AddNote implements ServerInterface.
func (s *Server) AddNote(w http.ResponseWriter, r *http.Request, record api.RecordID, params api.AddNoteParams) {
	s.note(w, r, record, board.NewItem{}, wanted{key: params.IdempotencyKey, status: http.StatusCreated})
}

// PutNote implements ServerInterface.
func (s *Server) PutNote(w http.ResponseWriter, r *http.Request, record api.RecordID, item api.ItemID, params api.PutNoteParams) {
	seen, err := seenOf(params.IfMatch)
	if err != nil {
		s.fail(w, err)
		return
	}
	s.note(w, r, record, board.NewItem{ID: item, Seen: seen}, wanted{key: params.IdempotencyKey, match: params.IfMatch, status: http.StatusOK})
}

// seenOf reads the If-Match of a note: the time of its last change; empty: any will do.
func seenOf(match string) (time.Time, error) {
	if match == "" {
		return time.Time{}, nil
	}
	seen, err := time.Parse(time.RFC3339Nano, strings.Trim(match, `"`))
	if err != nil || seen.IsZero() || len(match) > maxMatch {
		return time.Time{}, &telephony.Error{Code: telephony.CodeInvalid, Message: "If-Match is not when a note was changed", Remedy: "send the note's changed_at in quotes, as it came"}
	}
	return seen, nil
}

func (s *Server) note(w http.ResponseWriter, r *http.Request, record string, note board.NewItem, asked wanted) {
	body, err := decode[api.NoteText](w, r)
	if err != nil {
		s.fail(w, err)
		return
	}
	note.List, note.Text = "notes", body.Text
	asked.body, asked.answer = body, func(r *board.Receipt) any { return wireItem(r.Written.Item) }
	asked.do = s.on(record, func(receipt *board.Receipt) (board.Written, error) {
		_, written, err := s.options.Board.PutItem(record, receipt.Source, note, time.Now(), receipt)
		return written, err
	})
	s.write(w, r, asked)
}

// RemoveNote implements ServerInterface.
func (s *Server) RemoveNote(w http.ResponseWriter, r *http.Request, record api.RecordID, item api.ItemID, params api.RemoveNoteParams) {
	seen, err := seenOf(params.IfMatch)
	if err != nil {
		s.fail(w, err)
		return
	}
	s.write(w, r, wanted{key: params.IdempotencyKey, match: params.IfMatch, status: http.StatusNoContent, do: s.on(record, func(receipt *board.Receipt) (board.Written, error) {
		return s.options.Board.RemoveItem(record, receipt.Source, board.NewItem{List: "notes", ID: item, Seen: seen}, time.Now(), receipt)
	})})
}

// AnswerWork implements ServerInterface.
func (s *Server) AnswerWork(w http.ResponseWriter, r *http.Request, work api.WorkID, params api.AnswerWorkParams) {
	body, err := decode[api.Answer](w, r)
	if err == nil {
		err = checkAnswer(body)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	s.write(w, r, wanted{key: params.IdempotencyKey, body: body, status: http.StatusOK, answer: writtenAnswer,
		do: func(ctx context.Context, receipt *board.Receipt) (board.Written, error) {
			if err := s.options.Committer.Wait(ctx, 0); err != nil {
				return board.Written{}, err
			}
			return s.options.Board.Answer(receipt.Source, work, newAnswer(body), time.Now(), receipt)
		}})
}

// ProgressWork implements ServerInterface.
func (s *Server) ProgressWork(w http.ResponseWriter, r *http.Request, work api.WorkID) {
	left, err := s.progress(callerOf(r), work)
	if err != nil {
		s.fail(w, err)
		return
	}
	s.reply(w, http.StatusOK, api.Progressed{Work: work, DeadlineMs: left})
}

// progress gives an app more time for a work (B-14), and says how many milliseconds it has.
func (s *Server) progress(c *caller, work string) (int64, error) {
	now := time.Now()
	until, err := s.options.Board.Progress(c.source, work, now)
	return until.Sub(now).Milliseconds(), err
}
