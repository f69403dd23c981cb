package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// WatchWebSocket implements ServerInterface. Answers come back on the same socket.
func (s *Server) WatchWebSocket(w http.ResponseWriter, r *http.Request, p api.WatchWebSocketParams) {
	err := cmp.Or(checkEnum("include", p.Include), checkRegistration(p.Needs, p.Gives, p.On), checkDeadline(p.DeadlineMs))
	var st *stream
	if err == nil {
		st, err = s.begin(r, p.Cursor, asked{p.Lines, p.States, p.CallStates, p.Types, p.Fields, string(p.Include)})
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	defer st.end()
	conn, err := accept(w, r)
	if err != nil {
		s.fail(w, err)
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(maxBody)
	st.register(registration(p.Needs, p.Gives, p.On, p.DeadlineMs))
	ctx, cancel := context.WithCancel(r.Context())
	st.sink = &socketSink{conn: conn}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer cancel()
		st.answers(ctx, conn)
	})
	err = st.run(ctx)
	if ctx.Err() == nil { // it is we who end it: say why
		late := time.AfterFunc(closeTime, cancel)
		conn.Close(closeCode(err), err.Error()[:min(len(err.Error()), 100)])
		late.Stop()
	}
	cancel()
	reading.Wait()
	s.closed(err, st)
}

// closeTime is how long a peer has to answer the closing handshake.
const closeTime = time.Second

// accept makes a WebSocket of a request. What the library refuses is told as every other error is.
func accept(w http.ResponseWriter, r *http.Request) (*websocket.Conn, error) {
	conn, err := websocket.Accept(&handshake{ResponseWriter: w}, r, nil)
	if err != nil {
		return nil, &telephony.Error{Code: codeUpgrade, Message: telephony.Display(err.Error()), Remedy: "open this address as a WebSocket (RFC 6455), or use /v1/watch"}
	}
	return conn, nil
}

// handshake lets only the switch of protocols through.
type handshake struct {
	http.ResponseWriter
	refused bool
}

func (h *handshake) WriteHeader(status int) {
	if h.refused = status != http.StatusSwitchingProtocols; !h.refused {
		h.ResponseWriter.WriteHeader(status)
	}
}

func (h *handshake) Write(b []byte) (int, error) {
	if h.refused {
		return len(b), nil
	}
	return h.ResponseWriter.Write(b)
}

// Unwrap lets the library take the connection over.
func (h *handshake) Unwrap() http.ResponseWriter { return h.ResponseWriter }

func closeCode(err error) websocket.StatusCode {
	if errors.Is(err, errTokenGone) || errors.Is(err, errReplaced) {
		return websocket.StatusPolicyViolation
	}
	return websocket.StatusGoingAway
}

// answers reads frames of an app until the socket ends. Each gets one frame back.
func (st *stream) answers(ctx context.Context, conn *websocket.Conn) {
	for {
		_, message, err := conn.Read(ctx)
		if err != nil {
			return
		}
		reply, err := json.Marshal(st.answer(ctx, message))
		if err != nil || write(ctx, conn, reply) != nil {
			return
		}
	}
}

func (st *stream) answer(ctx context.Context, message []byte) any {
	s := st.server
	var frame api.AnswerFrame
	err := json.Unmarshal(message, &frame)
	if err == nil && frame.Type == api.AnswerFrameType(api.ProgressFrameTypeProgress) {
		return st.progress(frame.Work)
	}
	if err != nil || frame.Type != api.AnswerFrameTypeAnswer {
		err = &telephony.Error{Code: telephony.CodeInvalid, Message: "the frame is neither an answer nor progress", Remedy: "see AnswerFrame and ProgressFrame in /v1/openapi.yaml"}
	}
	body := api.Answer{Claims: frame.Claims, Items: frame.Items, NothingFound: frame.NothingFound, NothingFields: frame.NothingFields,
		NothingForMs: frame.NothingForMs, Match: frame.Match, Error: frame.Error}
	if err == nil {
		err = checkAnswer(body)
	}
	if err == nil {
		err = st.caller.mayWrite()
	}
	if err == nil {
		err = s.options.Committer.Wait(ctx, 0)
	}
	var written board.Written
	if err == nil {
		written, err = s.options.Board.Answer(st.caller.source, frame.Work, newAnswer(body), time.Now())
	}
	if err = s.settled(ctx, st.caller, written, err); err != nil {
		return st.refusal(frame.Work, err)
	}
	return api.AnsweredFrame{Type: api.AnsweredFrameTypeAnswered, Work: frame.Work, Written: wireWritten(written)}
}

func (st *stream) progress(work string) any {
	err := st.caller.mayWrite()
	var left int64
	if err == nil {
		left, err = st.server.progress(st.caller, work)
	}
	if err != nil {
		return st.refusal(work, err)
	}
	return api.ProgressedFrame{Type: api.ProgressedFrameTypeProgressed, Work: work, DeadlineMs: left}
}

func (st *stream) refusal(work string, err error) any {
	return api.ProblemFrame{Type: api.ProblemFrameTypeProblem, Work: work, Problem: st.server.problem(err)}
}

// socketSink writes one text frame per notification.
type socketSink struct {
	conn   *websocket.Conn
	frames [][]byte
}

func (k *socketSink) add(_, _ string, json []byte) { k.frames = append(k.frames, json) }

func (k *socketSink) flush(ctx context.Context) error {
	defer func() { k.frames = k.frames[:0] }()
	for _, frame := range k.frames {
		if err := write(ctx, k.conn, frame); err != nil {
			return err
		}
	}
	return nil
}

func write(ctx context.Context, conn *websocket.Conn, frame []byte) error {
	ctx, cancel := context.WithTimeout(ctx, stuckAfter)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, frame)
}
