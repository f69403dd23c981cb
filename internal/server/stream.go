package server

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/delivery"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// following is what both kinds of stream ask for.
type following struct {
	cursor   string
	asked    asked
	coalesce string
	needs    []string
	gives    []string
	on       []api.Moment
	deadline int64
}

// open makes a stream before anything is sent, so that an impossible cursor is an ordinary error.
func (s *Server) open(r *http.Request, f following, form delivery.Form) (*delivery.Reader, error) {
	err := cmp.Or(checkEnum("include", api.Include(f.asked.include)), checkEnum("coalesce", api.Coalesce(f.coalesce)), checkRegistration(f.needs, f.gives, f.on), checkDeadline(f.deadline))
	filter, filterErr := f.asked.filter()
	if err = cmp.Or(err, filterErr); err != nil {
		return nil, err
	}
	var from board.Cursor
	if f.cursor != "" {
		if from, err = board.ParseCursor(f.cursor); err == nil {
			err = callerOf(r).follows(from)
		}
		if err != nil {
			return nil, err
		}
	}
	reader, err := s.delivery.Open(r.Context(), delivery.Asked{Source: callerOf(r).source, From: from, Filter: filter, View: viewOf(f.asked.include, callerOf(r)),
		Coalesce: f.coalesce == string(api.CoalesceRecord), Form: form})
	if errors.Is(err, delivery.ErrTrimmed) {
		err = &telephony.Error{Code: telephony.CodeCursorGone, Message: err.Error(), Remedy: "list the records again and watch from that list's cursor"}
	}
	return reader, err
}

func (f *following) registration() board.Registration {
	r := board.Registration{Needs: f.needs, Gives: f.gives, Deadline: millis(f.deadline)}
	for _, m := range f.on {
		r.On = append(r.On, board.Moment(m))
	}
	return r
}

// Watch implements ServerInterface: server-sent events.
func (s *Server) Watch(w http.ResponseWriter, r *http.Request, p api.WatchParams) {
	f := following{cursor: cmp.Or(p.LastEventID, p.Cursor), asked: asked{p.Lines, p.States, p.CallStates, p.Types, p.Fields, string(p.Include)},
		coalesce: string(p.Coalesce), needs: p.Needs, gives: p.Gives, on: p.On, deadline: p.DeadlineMs}
	reader, err := s.open(r, f, delivery.EventStream)
	if err != nil {
		s.fail(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	h.Set("Connection", "close")
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		reader.Cancel()
		s.fail(w, &telephony.Error{Code: codeUpgrade, Message: "a stream needs a connection of its own", Remedy: "use HTTP/1.1"})
		return
	}
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	s.begin(r, f, reader, hijacked{conn, buffered.Reader}, head("HTTP/1.1 200 OK", h), nil)
}

// head is the beginning of an answer: its first line, its header and the line that ends it.
func head(first string, h http.Header) []byte {
	b := bytes.NewBufferString(first + "\r\n")
	h.Write(b)
	b.WriteString("\r\n")
	return b.Bytes()
}

// hijacked is a connection that was the HTTP server's, and what that has read from it already.
type hijacked struct {
	net.Conn
	buffered *bufio.Reader
}

// begin hands a connection over. The time limits of requests are not a stream's.
func (s *Server) begin(r *http.Request, f following, reader *delivery.Reader, h hijacked, head []byte, receiver delivery.Receiver) {
	early, _ := h.buffered.Peek(h.buffered.Buffered())
	if err := h.SetDeadline(time.Time{}); err != nil {
		s.options.Logger.Debug("stream not begun", "error", err)
	}
	if len(f.needs)+len(f.gives)+len(f.on) > 0 {
		reader.Enrich(f.registration(), time.Now())
	}
	reader.Begin(h.Conn, head, slices.Clone(early), receiver)
	if callerOf(r).still() != nil { // it was taken away meanwhile
		s.cut(reader.Source)
	}
}
