package server

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// wanted is a write that was asked for, with or without an Idempotency-Key.
type wanted struct {
	key    string
	match  string // an If-Match
	body   any
	status int                        // of a good answer
	answer func(r *board.Receipt) any // its body; nil: none
	do     func(ctx context.Context, r *board.Receipt) (board.Written, error)
}

// write carries a write out and answers once it is durable. With a key that is done once per source and key: what is answered
// is committed together with what the write did, and told again from there (D-10).
func (s *Server) write(w http.ResponseWriter, r *http.Request, asked wanted) {
	receipt := &board.Receipt{Source: callerOf(r).source, Key: asked.key, At: s.now(), Answer: asked.encoded}
	if asked.key == "" {
		done, err := asked.do(r.Context(), receipt)
		s.wrote(w, receipt, s.settled(r.Context(), callerOf(r), done, err))
		return
	}
	id := receipt.Source + " " + receipt.Key
	err := checkKey(asked.key)
	if err == nil {
		err = s.given.wait(r.Context(), id)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	defer s.given.end(id)
	body, err := json.Marshal([]any{r.Method + " " + r.URL.Path, asked.match, asked.body})
	if err != nil {
		s.fail(w, err)
		return
	}
	receipt.Request = sha256.Sum256(body)
	ctx := context.WithoutCancel(r.Context()) // what is begun is ended and kept, even if nobody listens any more
	before, err := s.before(ctx, receipt)
	switch {
	case err != nil:
		s.fail(w, err)
	case before != nil:
		if before.Request == receipt.Request {
			tag(w, before.Answer)
		}
		s.again(w, before, KnownCommand{Request: receipt.Request})
	default:
		s.wrote(w, receipt, s.keep(ctx, callerOf(r), receipt, asked))
	}
}

// before is what was done under the key. While the store does not take changes nobody knows: then nothing is written.
func (s *Server) before(ctx context.Context, r *board.Receipt) (*KnownCommand, error) {
	if err := s.options.Committer.Wait(ctx, 0); err != nil {
		return nil, err
	}
	return s.options.Store.Command(ctx, r.Source, r.Key, r.At)
}

// keep writes, and returns once what the write did and its receipt are durable.
func (s *Server) keep(ctx context.Context, c *caller, r *board.Receipt, asked wanted) error {
	done, err := asked.do(ctx, r)
	if err = s.settled(ctx, c, done, err); err != nil || r.Carried {
		return err
	}
	if err := within(ctx, func(ctx context.Context) error { return s.options.Store.KeepReceipt(ctx, r) }); err != nil {
		s.options.Logger.Error("a key was not kept", "error", err)
		return &telephony.Error{Code: telephony.CodeStore, Message: "the database does not take the key", Remedy: "free space or mend the disk, then send it again with the same key"}
	}
	return nil
}

func (s *Server) wrote(w http.ResponseWriter, r *board.Receipt, err error) {
	if err != nil {
		s.fail(w, err)
		return
	}
	status, answer := r.Answer(r)
	tag(w, answer)
	s.send(w, status, answer)
}

// tag sets the ETag of an answer that says what rev the record has.
func tag(w http.ResponseWriter, answer []byte) {
	var says struct {
		Rev     int64
		Changed *int
	}
	if json.Unmarshal(answer, &says) == nil && says.Rev > 0 && says.Changed != nil {
		w.Header().Set("ETag", etag(says.Rev))
	}
}

// encoded is what is answered, as a receipt keeps it.
func (a *wanted) encoded(r *board.Receipt) (int, []byte) {
	if a.answer == nil {
		return a.status, nil
	}
	body, err := json.Marshal(a.answer(r))
	if err != nil {
		panic(err) // our own types always encode
	}
	return a.status, body
}

// writtenAnswer tells what a write did.
func writtenAnswer(r *board.Receipt) any { return wireWritten(r.Written) }
