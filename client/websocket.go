package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/coder/websocket"

	"github.com/callboard-dev/callboard/api"
)

// socketStream is a watch over WebSocket. Answers and what the server says to them travel on the same socket.
type socketStream struct {
	c    *Client
	conn *websocket.Conn
	done chan struct{} // closed when reading ended

	mu      sync.Mutex // guards pending
	pending map[string]chan reply
}

type reply struct {
	written api.Written
	err     error
}

func (c *Client) openSocket(ctx context.Context, query string) (stream, error) {
	dial, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	conn, res, err := websocket.Dial(dial, c.url+"/v1/watch/ws?"+query, &websocket.DialOptions{
		HTTPClient: c.http,
		HTTPHeader: http.Header{"Authorization": {"Bearer " + c.opt.Token}},
	})
	if err != nil {
		if res != nil && res.StatusCode != http.StatusSwitchingProtocols {
			var body []byte
			if res.Body != nil {
				body, _ = io.ReadAll(io.LimitReader(res.Body, maxProblem))
			}
			return nil, problemFrom(res, body)
		}
		return nil, c.unreachable(err)
	}
	conn.SetReadLimit(maxFrame)
	return &socketStream{c: c, conn: conn, done: make(chan struct{}), pending: make(map[string]chan reply)}, nil
}

func (s *socketStream) next(ctx context.Context) ([]byte, error) {
	for {
		read, cancel := context.WithTimeoutCause(ctx, silence, errSilent)
		kind, b, err := s.conn.Read(read)
		if err != nil {
			err = cause(read, err)
		}
		cancel()
		switch {
		case websocket.CloseStatus(err) != -1:
			// The server's reason is in the error; a plain end needs none.
			if websocket.CloseStatus(err) == websocket.StatusNormalClosure || websocket.CloseStatus(err) == websocket.StatusGoingAway {
				return nil, errEnded
			}
			return nil, err
		case errors.Is(err, websocket.ErrMessageTooBig):
			return nil, &badFrame{err}
		case err != nil:
			return nil, err
		case kind != websocket.MessageText:
			return nil, &badFrame{errors.New("a binary WebSocket message, which the contract does not have")}
		}
		if !s.isReply(b) {
			return b, nil
		}
	}
}

// isReply hands a frame that answers an answer to whoever waits for it.
func (s *socketStream) isReply(b []byte) bool {
	var f struct {
		Type    string      `json:"type"`
		Work    string      `json:"work"`
		Written api.Written `json:"written"`
		Problem *Problem    `json:"problem"`
	}
	// A frame that is no JSON is for the reader of notifications to complain about.
	if json.Unmarshal(b, &f) != nil || (f.Type != string(api.AnsweredFrameTypeAnswered) && f.Type != string(api.ProblemFrameTypeProblem)) {
		return false
	}
	r := reply{written: f.Written}
	if f.Type == string(api.ProblemFrameTypeProblem) {
		if f.Problem == nil {
			f.Problem = &Problem{Title: "a problem without a description", Code: "unknown"}
		}
		r.err = f.Problem
	}
	s.mu.Lock()
	waiting := s.pending[f.Work]
	delete(s.pending, f.Work)
	s.mu.Unlock()
	if waiting != nil {
		waiting <- r
	} else if r.err != nil {
		s.c.log.Warn("callboard reports a problem", "work", f.Work, "problem", r.err)
	}
	return true
}

// answer writes an answer and waits for what the server says to it. If the socket breaks meanwhile, the answer goes by
// HTTP: taken twice it changes nothing more (B-5).
func (s *socketStream) answer(ctx context.Context, work string, a api.Answer) (api.Written, error) {
	b, err := json.Marshal(api.AnswerFrame{Type: api.AnswerFrameTypeAnswer, Work: work,
		Claims: a.Claims, Items: a.Items, NothingFound: a.NothingFound,
		NothingFields: a.NothingFields, NothingForMs: a.NothingForMs, Match: a.Match, Error: a.Error})
	if err != nil {
		return api.Written{}, err
	}
	wait := make(chan reply, 1)
	s.mu.Lock()
	s.pending[work] = wait
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.pending, work)
		s.mu.Unlock()
	}()
	write, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	if s.conn.Write(write, websocket.MessageText, b) == nil {
		select {
		case r := <-wait:
			return r.written, r.err
		case <-s.done:
		case <-write.Done():
		}
	}
	if ctx.Err() != nil {
		return api.Written{}, ctx.Err()
	}
	return s.c.postAnswer(ctx, work, "answer-"+work, a)
}

func (s *socketStream) close() {
	close(s.done)
	// A close handshake would wait for the server. On a clean end there is nothing left to say.
	_ = s.conn.CloseNow()
}
