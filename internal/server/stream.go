package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

const (
	bookmarkEvery    = 15 * time.Second // D-5
	bookmarkFiltered = 1000             // changes in which there was nothing for this reader
	stuckAfter       = 60 * time.Second // a reader that takes no byte for so long is cut (D-7)
	changesAtOnce    = 256              // and heldAtMost bytes are all that is held for a reader
	heldAtMost       = 1 << 20
	worksAtOnce      = 16
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
	enricher *board.Enricher // nil: only watches
	sink     sink
	filtered int           // changes since the last bookmark that were not for this reader
	behind   chan struct{} // size one: there may be more in the store
}

// begin opens the watch before anything is sent, so that an impossible cursor is an ordinary error.
func (s *Server) begin(r *http.Request, cursor string, ask asked) (*stream, error) {
	filter, err := ask.filter()
	if err != nil {
		return nil, err
	}
	var from board.Cursor
	if cursor != "" {
		from, err = board.ParseCursor(cursor)
		if err = cmp.Or(err, callerOf(r).follows(from)); err != nil {
			return nil, err
		}
	}
	watch, err := s.options.Board.WatchOnly(from, filter)
	if err != nil {
		return nil, err
	}
	st := &stream{server: s, caller: callerOf(r), view: viewOf(ask.include, callerOf(r)), watch: watch, behind: make(chan struct{}, 1)}
	if err := st.reachable(r.Context()); err != nil {
		st.end()
		return nil, err
	}
	return st, nil
}

// reachable asks the store, where memory does not reach back to the cursor, whether it does: it may have been trimmed.
func (st *stream) reachable(ctx context.Context) error {
	if _, err := st.watch.Next(0); !errors.Is(err, board.ErrBehind) {
		return nil // what else is wrong, the stream itself says
	}
	next, err := st.server.options.Store.Changes(ctx, st.watch.Cursor().Seq, 1)
	if err == nil && len(next) > 0 && next[0].Seq != st.watch.Cursor().Seq+1 {
		err = &telephony.Error{Code: telephony.CodeCursorGone, Message: errTrimmed.Error(), Remedy: "list the records again and watch from that list's cursor"}
	}
	return err
}

// register makes the stream an enricher's, if it asks for anything.
func (st *stream) register(r board.Registration) {
	if len(r.Needs)+len(r.Gives)+len(r.On) > 0 {
		st.enricher = st.server.options.Board.Register(st.caller.source, r, time.Now())
	}
}

func (st *stream) end() {
	st.watch.Close()
	if st.enricher != nil {
		st.server.options.Board.Unregister(st.enricher, time.Now())
	}
}

// Why a stream ends that its reader did not end.
var (
	errTokenGone = errors.New("the token was taken away")
	errReplaced  = errors.New("a newer stream of this app took over")
	errClosing   = errors.New("Callboard ends")
	errTrimmed   = errors.New("the log does not reach back to this cursor any more")
)

// over waits for what ends a stream besides its reader.
func (st *stream) over(ctx context.Context) error {
	var replaced <-chan struct{}
	if st.enricher != nil {
		replaced = st.enricher.Replaced()
	}
	select {
	case <-st.caller.gone:
		return errTokenGone
	case <-replaced:
		return errReplaced
	case <-st.server.ended:
		return errClosing
	case <-ctx.Done():
		return nil
	}
}

// run sends frames until ctx ends, the token is taken away, the reader does not read, or the server ends. It always
// returns an error that says which.
func (st *stream) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	watching.Go(func() { cancel(st.over(ctx)) }) // also while a write waits for the reader
	bookmarks := time.NewTicker(bookmarkEvery)
	defer bookmarks.Stop()
	var works <-chan struct{}
	if st.enricher != nil {
		works = st.enricher.Woken()
	}
	st.bookmark()
	err := st.sink.flush(ctx)
	for err == nil {
		select {
		case <-st.watch.Woken():
			err = st.changes(ctx)
		case <-st.behind:
			err = st.changes(ctx)
		case <-works:
			err = st.changes(ctx) // first what the work is about
			if err == nil {
				err = st.works()
			}
		case <-bookmarks.C:
			st.bookmark()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		err = cmp.Or(st.sink.flush(ctx), err)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// changes sends the next changes, and a bookmark where many of them were not for this reader.
func (st *stream) changes(ctx context.Context) error {
	changes, err := st.next(ctx)
	switch {
	case errors.Is(err, board.ErrReset):
		st.control("reset", api.ResetData{Reason: "the store could not take changes: history before this may have been lost"})
	case errors.Is(err, errTrimmed):
		st.control("reset", api.ResetData{Reason: errTrimmed.Error()})
	}
	if err != nil {
		return err
	}
	epoch, held := st.watch.Cursor().Epoch, 0
	told := st.watch.Tell(changes)
	st.filtered += len(changes) - len(told)
	for _, t := range told {
		json, err := st.server.told(t, st.view, epoch)
		if err != nil {
			return err
		}
		if json == nil {
			st.filtered++
			continue
		}
		c := t.Change
		st.sink.add(kindOf(t), board.Cursor{Epoch: epoch, Seq: c.Seq}.String(), json)
		if held += len(json); held > heldAtMost {
			if err := st.sink.flush(ctx); err != nil {
				return err
			}
			held = 0
		}
	}
	if st.filtered >= bookmarkFiltered {
		st.bookmark()
	}
	return nil
}

// next are the changes after the cursor: from memory, or from the store where memory does not reach back so far (D-7).
// None from the store means that it does not have them yet.
func (st *stream) next(ctx context.Context) ([]*board.Change, error) {
	changes, err := st.watch.Next(changesAtOnce)
	if !errors.Is(err, board.ErrBehind) {
		return changes, err
	}
	seq := st.watch.Cursor().Seq
	changes, err = st.server.options.Store.Changes(ctx, seq, changesAtOnce)
	for _, c := range changes {
		if seq++; c.Seq != seq {
			return nil, errTrimmed
		}
	}
	if len(changes) > 0 {
		st.watch.Seek(seq)
		select {
		case st.behind <- struct{}{}:
		default:
		}
	}
	return changes, err
}

func (st *stream) works() error {
	now := time.Now()
	for _, w := range st.server.options.Board.TakeWork(st.enricher, worksAtOnce, now) {
		out := api.Work{Work: w.ID, Record: wireRecord(w.Record, st.view, st.server.options.Board.Durable(), st.server.actions), Changed: append([]string{}, st.view.sight().names(w.Changed)...),
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
	st.filtered = 0
	mark := st.watch.Bookmark(time.Now())
	st.control("bookmark", api.BookmarkData{Cursor: mark.Cursor.String(), Behind: int64(mark.Changes), BehindMs: mark.Behind.Milliseconds()})
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
	err := cmp.Or(checkEnum("include", p.Include), checkRegistration(p.Needs, p.Gives, p.On), checkDeadline(p.DeadlineMs))
	var st *stream
	if err == nil {
		st, err = s.begin(r, cmp.Or(p.LastEventID, p.Cursor), asked{p.Lines, p.States, p.CallStates, p.Types, p.Fields, string(p.Include)})
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	defer st.end()
	st.register(registration(p.Needs, p.Gives, p.On, p.DeadlineMs))
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	st.sink = &eventSink{w: w, control: http.NewResponseController(w)}
	s.closed(st.run(r.Context()), st)
}

func (s *Server) closed(err error, st *stream) {
	s.options.Logger.Debug("stream ended", "source", st.caller.source, "reason", err)
}

func registration(needs, gives []string, on []api.Moment, deadline int64) board.Registration {
	r := board.Registration{Needs: needs, Gives: gives, Deadline: millis(deadline)}
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

// flush writes what was added. It waits for the reader, but not beyond ctx.
func (e *eventSink) flush(ctx context.Context) error {
	if len(e.buffer) == 0 {
		return nil
	}
	if err := e.control.SetWriteDeadline(time.Now().Add(stuckAfter)); err != nil {
		return err
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		e.control.SetWriteDeadline(time.Now())
	})
	_, err := e.w.Write(e.buffer)
	if err == nil {
		err = e.control.Flush()
	}
	if !stop() {
		<-interrupted
	}
	e.buffer = e.buffer[:0]
	if err != nil {
		return err
	}
	return e.control.SetWriteDeadline(time.Now().Add(stuckAfter)) // what ends the answer is still written
}
