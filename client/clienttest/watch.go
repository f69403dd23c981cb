package clienttest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/callboard-dev/callboard/api"
)

// patience is how long a method waits before it fails the test. In a bubble of testing/synctest it takes no time.
const patience = 20 * time.Second

// watcher is one open stream.
type watcher struct {
	stop  context.CancelFunc
	query url.Values
	seq   int
	reset bool
	works []api.Notification // to be sent
}

// frame is what one stream sends next: a notification, as JSON.
func (s *Server) frame(ctx context.Context, w *watcher) (n api.Notification, ok bool) {
	for {
		s.mu.Lock()
		news := s.news
		switch {
		case ctx.Err() != nil:
		case w.reset:
			w.reset = false
			w.seq = 1 << 40 // nothing follows
			n, ok = envelope(api.NotificationTypeReset, "", api.ResetData{Reason: "a new epoch has begun"}), true
		case w.seq < s.first+len(s.log):
			n, ok = s.log[w.seq-s.first], true
			w.seq++
		case len(w.works) > 0:
			n, ok = w.works[0], true
			w.works = w.works[1:]
		}
		s.mu.Unlock()
		if ok {
			return n, true
		}
		if ctx.Err() != nil || w.seq >= 1<<40 {
			return n, false
		}
		heartbeat := time.NewTimer(15 * time.Second)
		select {
		case <-news:
		case <-ctx.Done():
		case <-heartbeat.C:
			return s.bookmark(w), true
		}
		heartbeat.Stop()
	}
}

func (s *Server) bookmark(w *watcher) api.Notification {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.cursor(w.seq)
	return envelope(api.NotificationTypeBookmark, c, api.BookmarkData{Cursor: c})
}

func envelope(kind api.NotificationType, id string, data any) api.Notification {
	b, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return api.Notification{Specversion: "1.0", ID: id, Source: "alice", Type: kind, Time: time.Now().UTC(), Data: b}
}

// begin registers a stream, or says 410.
func (s *Server) begin(r *http.Request) (context.Context, *watcher, bool) {
	ctx, cancel := context.WithCancel(r.Context())
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &watcher{stop: cancel, query: r.URL.Query(), works: s.kept}
	seq, ok := s.place(w.query.Get("cursor"))
	if !ok {
		cancel()
		return nil, nil, false
	}
	w.seq = max(s.first, seq-s.faults.Behind)
	s.kept = nil
	s.streams[w] = true
	s.offered++
	s.newest = w
	s.wake()
	return ctx, w, true
}

func (s *Server) end(w *watcher) {
	w.stop()
	s.mu.Lock()
	delete(s.streams, w)
	s.mu.Unlock()
}

func (s *Server) watchSSE(rw http.ResponseWriter, r *http.Request) {
	ctx, w, ok := s.begin(r)
	if !ok {
		problem(rw, http.StatusGone, "cursor_gone")
		return
	}
	defer s.end(w)
	rw.Header().Set("Content-Type", "text/event-stream")
	n := s.bookmark(w)
	for {
		b := s.encode(n)
		frame := fmt.Sprintf("event: %s\nid: %s\ndata: %s\n\n", n.Type, n.ID, b)
		if n.Type == api.NotificationTypeWork {
			frame = fmt.Sprintf("event: work\ndata: %s\n\n", b)
		}
		s.mu.Lock()
		write := s.faults.SSE
		s.mu.Unlock()
		if write == nil {
			write = writeAll
		}
		if write(rw, []byte(frame)) != nil {
			panic(http.ErrAbortHandler)
		}
		if n, ok = s.frame(ctx, w); !ok {
			if r.Context().Err() == nil && ctx.Err() != nil {
				panic(http.ErrAbortHandler)
			}
			return
		}
	}
}

func (s *Server) encode(n api.Notification) []byte {
	b, err := json.Marshal(n)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	mangle := s.faults.Mangle
	s.mu.Unlock()
	if mangle != nil {
		return mangle(b)
	}
	return b
}

func writeAll(rw http.ResponseWriter, frame []byte) error {
	if _, err := rw.Write(frame); err != nil {
		return err
	}
	return http.NewResponseController(rw).Flush()
}

func (s *Server) watchSocket(rw http.ResponseWriter, r *http.Request) {
	ctx, w, ok := s.begin(r)
	if !ok {
		problem(rw, http.StatusGone, "cursor_gone")
		return
	}
	defer s.end(w)
	conn, err := websocket.Accept(rw, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer w.stop()
		s.readAnswers(ctx, conn)
	}()
	for n := s.bookmark(w); ok; n, ok = s.frame(ctx, w) {
		if conn.Write(ctx, websocket.MessageText, s.encode(n)) != nil {
			break
		}
	}
	conn.CloseNow()
	<-read
}

func (s *Server) readAnswers(ctx context.Context, conn *websocket.Conn) {
	for {
		_, b, err := conn.Read(ctx)
		if err != nil {
			return
		}
		var f api.AnswerFrame
		if json.Unmarshal(b, &f) != nil || f.Type != api.AnswerFrameTypeAnswer {
			return
		}
		var reply any
		written, status, code := s.answer(f.Work, api.Answer{Claims: f.Claims, Items: f.Items, NothingFound: f.NothingFound, NothingFields: f.NothingFields, NothingForMs: f.NothingForMs, Match: f.Match, Error: f.Error})
		if status == http.StatusOK {
			reply = api.AnsweredFrame{Type: api.AnsweredFrameTypeAnswered, Work: f.Work, Written: written}
		} else {
			reply = api.ProblemFrame{Type: api.ProblemFrameTypeProblem, Work: f.Work, Problem: problemOf(status, code)}
		}
		out, err := json.Marshal(reply)
		if err != nil {
			panic(err)
		}
		if conn.Write(ctx, websocket.MessageText, out) != nil {
			return
		}
	}
}

// WaitStream waits until n streams were opened since the server began and the newest is open, and gives its query.
func (s *Server) WaitStream(t testing.TB, n int) url.Values {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		s.mu.Lock()
		news, w := s.news, s.newest
		open := s.offered >= n && s.streams[w]
		s.mu.Unlock()
		if open {
			return w.query
		}
		select {
		case <-news:
		case <-late.C:
			t.Fatalf("no app opened stream %d", n)
		}
	}
}

// Start hands out a work for a record, filling in what w leaves empty, to the streams that are open now or, if there
// is none, to the next one. The channel gives the answers.
func (s *Server) Start(record string, w api.Work) (id string, answers <-chan api.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextWork++
	w.Work = fmt.Sprintf("w%d", s.nextWork)
	w.Record = s.records[record]
	if w.DeadlineMs == 0 {
		w.DeadlineMs = 5000
	}
	if w.Changed == nil {
		w.Changed = []string{}
	}
	a := make(chan api.Answer, 16)
	s.works[w.Work] = &work{record: record, answer: a}
	n := envelope(api.NotificationTypeWork, w.Work, w)
	n.Subject = record
	for st := range s.streams {
		st.works = append(st.works, n)
	}
	if len(s.streams) == 0 {
		s.kept = append(s.kept, n)
	}
	s.wake()
	return w.Work, a
}

// Hand waits for a stream, hands out a work and waits for its answer, which is by then written to the record.
func (s *Server) Hand(t testing.TB, record string, w api.Work) api.Answer {
	t.Helper()
	s.WaitStream(t, 1)
	_, answers := s.Start(record, w)
	return Receive(t, answers)
}

// Receive waits for a value and fails the test when none comes.
func Receive[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case v := <-c:
		return v
	case <-late.C:
		t.Fatal("nothing came")
		panic("unreachable")
	}
}
