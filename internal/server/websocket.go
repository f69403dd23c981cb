package server

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/v1"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/delivery"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// WatchWebSocket implements ServerInterface. Claims and answers come on the same socket.
func (s *Server) WatchWebSocket(w http.ResponseWriter, r *http.Request, p api.WatchWebSocketParams) {
	f := following{cursor: p.Cursor, asked: asked{p.Lines, p.States, p.CallStates, p.Types, p.Fields, string(p.Include)},
		coalesce: string(p.Coalesce), needs: p.Needs, gives: p.Gives, on: p.On, deadline: p.DeadlineMs}
	reader, err := s.open(r, f, delivery.WebSocket)
	if err != nil {
		s.fail(w, err)
		return
	}
	var conn net.Conn
	var buffered *bufio.ReadWriter
	err = errNoSocket
	if isHandshake(r) {
		conn, buffered, err = http.NewResponseController(w).Hijack()
	}
	if err != nil {
		reader.Cancel()
		s.fail(w, errNoSocket)
		return
	}
	h := w.Header()
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", "websocket")
	h.Set("Sec-WebSocket-Accept", acceptance(r.Header.Get("Sec-WebSocket-Key")))
	peer := &peer{server: s, caller: callerOf(r)}
	s.begin(r, f, reader, hijacked{conn, buffered.Reader}, head("HTTP/1.1 101 Switching Protocols", h), peer)
}

var errNoSocket error = &telephony.Error{Code: codeUpgrade, Message: "this is no handshake of a WebSocket", Remedy: "open this address as a WebSocket (RFC 6455), or use /v1/watch"}

// isHandshake reports whether a request asks for a WebSocket (RFC 6455, 4.2.1).
func isHandshake(r *http.Request) bool {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	return r.Method == http.MethodGet && r.ProtoAtLeast(1, 1) && names(r.Header, "Connection", "upgrade") && names(r.Header, "Upgrade", "websocket") &&
		r.Header.Get("Sec-WebSocket-Version") == "13" && err == nil && len(key) == 16
}

// names reports whether a header that lists tokens has one.
func names(h http.Header, header, token string) bool {
	for part := range strings.SplitSeq(strings.Join(h.Values(header), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(part), token) {
			return true
		}
	}
	return false
}

// acceptance proves that the handshake was understood (RFC 6455, 4.2.2).
func acceptance(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// peer is who speaks on a WebSocket.
type peer struct {
	server *Server
	caller *caller
}

// said is what a peer sends: an answer, progress or a claim.
type said struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Work string `json:"work"`
	api.Answer
	Record string `json:"record"`
}

// Begin implements delivery.Receiver: what the messages that were read together change is committed together.
func (p *peer) Begin() { p.server.options.Board.Hold() }

// End implements delivery.Receiver.
func (p *peer) End() { p.server.options.Committer.Flush() }

// Received acts on a message. Its reply leaves when what it tells is durable; meanwhile the next message is read.
func (p *peer) Received(message []byte) delivery.Reply {
	var f said
	err := json.Unmarshal(message, &f)
	refused := cmp.Or(p.caller.still(), p.caller.mayWrite())
	reply := func(answer any, seq uint64, err error) delivery.Reply {
		refuse := func(err error) []byte { return p.refusal(&f, err) }
		if err != nil {
			return delivery.Reply{JSON: refuse(err), Seq: seq, Refuse: refuse}
		}
		return delivery.Reply{JSON: mustEncode(answer), Seq: seq, Refuse: refuse}
	}
	switch {
	case refused != nil:
		return reply(nil, 0, refused)
	case err == nil && f.Type == string(api.ProgressFrameTypeProgress):
		left, err := p.server.progress(p.caller, f.Work)
		return reply(api.ProgressedFrame{Type: api.ProgressedFrameTypeProgressed, ID: f.ID, Work: f.Work, DeadlineMs: left}, 0, err)
	case err == nil && f.Type == string(api.AnswerFrameTypeAnswer):
		done, err := p.answer(&f)
		return reply(api.AnsweredFrame{Type: api.AnsweredFrameTypeAnswered, ID: f.ID, Work: f.Work, Written: wireWritten(done)}, done.Seq, err)
	case err == nil && f.Type == string(api.ClaimFrameTypeClaim):
		done, err := p.claim(&f)
		return reply(api.ClaimedFrame{Type: api.ClaimedFrameTypeClaimed, ID: f.ID, Written: wireWritten(done)}, done.Seq, err)
	}
	return reply(nil, 0, &telephony.Error{Code: telephony.CodeInvalid, Message: "the frame is none of claim, answer and progress",
		Remedy: "see ClaimFrame, AnswerFrame and ProgressFrame in /v1/openapi.yaml"})
}

func (p *peer) answer(f *said) (board.Written, error) {
	err := checkAnswer(f.Answer)
	if err == nil {
		_, err = p.server.options.Committer.Reached()
	}
	if err != nil {
		return board.Written{}, err
	}
	return p.refused(p.server.options.Board.Answer(p.caller.source, f.Work, newAnswer(f.Answer), time.Now()))
}

func (p *peer) claim(f *said) (board.Written, error) {
	err := checkClaims(f.Claims)
	if err == nil {
		err = p.server.writable(context.Background(), f.Record)
	}
	if err != nil {
		return board.Written{}, err
	}
	return p.refused(p.server.options.Board.ClaimMatch(f.Record, p.caller.source, newClaims(f.Claims), f.Match, time.Now()))
}

// refused says also of a refusal up to where the log must be durable before it is told: it may bear the record as it is (D-2).
func (p *peer) refused(done board.Written, err error) (board.Written, error) {
	if moved, ok := errors.AsType[*board.RevMoved](err); ok {
		done.Seq, err = moved.Seq, &stale{moved, viewOf("", p.caller)}
	}
	return done, err
}

func (p *peer) refusal(f *said, err error) []byte {
	return mustEncode(api.ProblemFrame{Type: api.ProblemFrameTypeProblem, ID: f.ID, Work: f.Work, Problem: p.server.problem(err)})
}
