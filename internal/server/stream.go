package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

const (
	bookmarkEvery = 15 * time.Second // D-5
	stuckAfter    = 60 * time.Second // a reader that takes no byte for so long is cut (D-7)
	changesAtOnce = 256
	worksAtOnce   = 16
)

// sink is where a stream's frames go. A turn's frames are written together by flush.
type sink interface {
	add(kind, id string, json []byte)
	flush(ctx context.Context) error
}

// stream is one reader: a cursor, and perhaps an app that takes work.
type stream struct {
	server   *Server
	caller   *caller
	view     view
	watch    *board.Watch
	enricher *board.Enricher
	sink     sink
}

// begin opens the watch before anything is sent, so that an impossible cursor is an ordinary error.
func (s *Server) begin(c *caller, cursor string, include string, r board.Registration) (*stream, error) {
	var from board.Cursor
	if cursor != "" {
		var err error
		if from, err = board.ParseCursor(cursor); err != nil {
			return nil, err
		}
	}
	watch, err := s.options.Board.Watch(from)
	if err != nil {
		return nil, err
	}
	st := &stream{server: s, caller: c, view: viewOf(include), watch: watch}
	if len(r.Needs)+len(r.Gives)+len(r.On) > 0 {
		st.enricher = s.options.Board.Register(c.source, r, time.Now())
	}
	return st, nil
}

func (st *stream) end() {
	st.watch.Close()
	if st.enricher != nil {
		st.server.options.Board.Unregister(st.enricher, time.Now())
	}
}

var (
	errTokenGone = errors.New("the token was taken away")
	errReplaced  = errors.New("a newer stream of this app took over")
)

// run sends frames until ctx ends, the token is taken away, the reader does not read, or the server ends.
func (st *stream) run(ctx context.Context) error {
	bookmarks := time.NewTicker(bookmarkEvery)
	defer bookmarks.Stop()
	var works, replaced <-chan struct{}
	if st.enricher != nil {
		works, replaced = st.enricher.Woken(), st.enricher.Replaced()
	}
	st.bookmark()
	for {
		if err := st.sink.flush(ctx); err != nil {
			return err
		}
		var err error
		select {
		case <-st.watch.Woken():
			err = st.changes(ctx)
		case <-works:
			err = st.changes(ctx) // first what the work is about
			if err == nil {
				err = st.works()
			}
		case <-bookmarks.C:
			st.bookmark()
		case <-st.caller.gone:
			return errTokenGone
		case <-replaced:
			return errReplaced
		case <-st.server.ended:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
		if err != nil {
			return errors.Join(err, st.sink.flush(ctx))
		}
	}
}

func (st *stream) changes(ctx context.Context) error {
	changes, err := st.watch.Next(changesAtOnce)
	if errors.Is(err, board.ErrBehind) {
		changes, err = st.server.options.Store.Changes(ctx, st.watch.Cursor().Seq, changesAtOnce)
		if len(changes) > 0 {
			st.watch.Seek(changes[len(changes)-1].Seq)
		}
	}
	if errors.Is(err, board.ErrReset) {
		st.control("reset", api.ResetData{Reason: "the store could not take changes: history before this may have been lost"})
		return err
	}
	if err != nil {
		return err
	}
	epoch := st.watch.Cursor().Epoch
	for _, c := range changes {
		json, err := st.server.frames.of(c, st.view, epoch)
		if err != nil {
			return err
		}
		if json != nil {
			st.sink.add(c.Kind, board.Cursor{Epoch: epoch, Seq: c.Seq}.String(), json)
		}
	}
	return nil
}

func (st *stream) works() error {
	now := time.Now()
	for _, w := range st.server.options.Board.TakeWork(st.enricher, worksAtOnce, now) {
		out := api.Work{Work: w.ID, Record: wireRecord(w.Record, st.view, st.server.options.Board.Durable()), Changed: append([]string{}, w.Changed...),
			Round: w.Round, Wave: w.Wave, DeadlineMs: w.Deadline.Sub(now).Milliseconds()}
		for _, m := range w.Moments {
			out.Moments = append(out.Moments, api.Moment(m))
		}
		if err := st.envelope("work", w.ID, w.Record.Line, w.Record.ID, out); err != nil {
			return err
		}
	}
	return nil
}

func (st *stream) bookmark() {
	st.control("bookmark", api.BookmarkData{Cursor: st.watch.Cursor().String()})
}

// control sends a frame of the stream's own. Its data always encodes.
func (st *stream) control(kind string, data any) {
	if err := st.envelope(kind, st.watch.Cursor().String(), "", "", data); err != nil {
		panic(err)
	}
}

func (st *stream) envelope(kind, id, line, record string, data any) error {
	body, err := json.Marshal(data)
	if err != nil {
		return err
	}
	all, err := json.Marshal(api.Notification{Specversion: "1.0", ID: id, Source: lineSource(line), Type: api.NotificationType(kind), Time: time.Now().UTC(),
		Subject: record, Datacontenttype: "application/json", Data: body})
	if err != nil {
		return err
	}
	if kind == "work" {
		id = "" // a work has no place in the log
	}
	st.sink.add(kind, id, all)
	return nil
}

// Watch implements ServerInterface: server-sent events.
func (s *Server) Watch(w http.ResponseWriter, r *http.Request, p api.WatchParams) {
	cursor := p.Cursor
	if p.LastEventID != "" {
		cursor = p.LastEventID
	}
	st, err := s.begin(callerOf(r), cursor, string(p.Include), registration(p.Needs, p.Gives, p.On))
	if err != nil {
		s.fail(w, err)
		return
	}
	defer st.end()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	st.sink = &eventSink{w: w, control: http.NewResponseController(w)}
	s.closed(st.run(r.Context()), st)
}

func (s *Server) closed(err error, st *stream) {
	if err != nil {
		s.options.Logger.Debug("stream ended", "source", st.caller.source, "reason", err)
	}
}

func registration(needs, gives []string, on []api.Moment) board.Registration {
	r := board.Registration{Needs: needs, Gives: gives}
	for _, m := range on {
		r.On = append(r.On, board.Moment(m))
	}
	return r
}

// eventSink writes server-sent events (WHATWG HTML, 9.2). Ids and kinds are ours; data is JSON on one line: no input can
// forge a frame (SEC-34).
type eventSink struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buffer  []byte
}

func (e *eventSink) add(kind, id string, json []byte) {
	if id != "" {
		e.buffer = fmt.Appendf(e.buffer, "id: %s\n", id)
	}
	e.buffer = fmt.Appendf(e.buffer, "event: %s\ndata: ", kind)
	e.buffer = append(append(e.buffer, json...), "\n\n"...)
}

func (e *eventSink) flush(context.Context) error {
	if len(e.buffer) == 0 {
		return nil
	}
	if err := e.control.SetWriteDeadline(time.Now().Add(stuckAfter)); err != nil {
		return err
	}
	_, err := e.w.Write(e.buffer)
	e.buffer = e.buffer[:0]
	if err != nil {
		return err
	}
	return e.control.Flush()
}

// WatchWebSocket implements ServerInterface. Answers come back on the same socket.
func (s *Server) WatchWebSocket(w http.ResponseWriter, r *http.Request, p api.WatchWebSocketParams) {
	st, err := s.begin(callerOf(r), p.Cursor, string(p.Include), registration(p.Needs, p.Gives, p.On))
	if err != nil {
		s.fail(w, err)
		return
	}
	defer st.end()
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(maxBody)
	ctx, cancel := context.WithCancel(r.Context())
	sockets := &socketSink{conn: conn}
	st.sink = sockets
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		st.answers(ctx, conn)
	}()
	err = st.run(ctx)
	reason := ""
	if err != nil {
		reason = err.Error()
	}
	conn.Close(closeCode(err), reason[:min(len(reason), 100)])
	cancel()
	<-done
	s.closed(err, st)
}

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
	if err != nil || frame.Type != api.AnswerFrameTypeAnswer {
		err = &telephony.Error{Code: telephony.CodeInvalid, Message: "the frame is not an answer", Remedy: "see AnswerFrame in /v1/openapi.yaml"}
	}
	if err == nil {
		err = s.options.Committer.Wait(ctx, 0)
	}
	var written board.Written
	if err == nil {
		body := api.Answer{Claims: frame.Claims, Items: frame.Items, NothingFound: frame.NothingFound, Error: frame.Error}
		written, err = s.options.Board.Answer(st.caller.source, frame.Work, newAnswer(body), time.Now())
	}
	if err == nil {
		err = s.options.Committer.Wait(ctx, written.Seq)
	}
	if err != nil {
		return api.ProblemFrame{Type: api.ProblemFrameTypeProblem, Work: frame.Work, Problem: problem(err, s.options.Logger)}
	}
	return api.AnsweredFrame{Type: api.AnsweredFrameTypeAnswered, Work: frame.Work, Written: wireWritten(written)}
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
