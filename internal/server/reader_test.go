package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/server/servertest"
)

// watcher reads server-sent events.
type watcher struct {
	t      testing.TB
	stream *servertest.Stream
	began  string // the cursor of the first bookmark
	close  func()
}

// watch opens a stream; query begins with ? or is empty.
func (h *house) watch(token, query string, more ...string) *watcher {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+h.addr+"/v1/watch"+query, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for _, line := range more {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	res, err := h.http.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	w := &watcher{t: h.t, stream: h.contract.NewStream(res.Body), close: func() { cancel(); res.Body.Close() }}
	h.t.Cleanup(w.close)
	if res.StatusCode != http.StatusOK {
		h.t.Fatalf("watch%s: %d", query, res.StatusCode)
	}
	first := w.next()
	data, ok := first.Payload.(*api.BookmarkData)
	if !ok || data.Cursor != first.ID {
		h.t.Fatalf("watch%s: the first frame is %+v, want a bookmark whose id is its cursor", query, first)
	}
	w.began = data.Cursor
	return w
}

// next is the next notification.
func (w *watcher) next() servertest.Notification {
	w.t.Helper()
	n, err := w.stream.Next()
	if err != nil {
		w.t.Fatalf("the stream: %v", err)
	}
	return n
}

// until reads up to the first notification of a type and returns it.
func (w *watcher) until(kind string) servertest.Notification {
	w.t.Helper()
	for {
		if n := w.next(); string(n.Type) == kind {
			return n
		}
	}
}

// work reads up to the next work.
func (w *watcher) work() *api.Work {
	w.t.Helper()
	return w.until("work").Payload.(*api.Work)
}

// socket is a WebSocket stream.
type socket struct {
	t        testing.TB
	conn     *websocket.Conn
	contract *servertest.Contract
	ctx      context.Context
	first    servertest.Notification
}

// socket opens a WebSocket stream and reads its first bookmark.
func (h *house) socket(token, query string) *socket {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	conn, _, err := websocket.Dial(ctx, "ws://"+h.addr+"/v1/watch/ws"+query, &websocket.DialOptions{
		HTTPClient: h.http, HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		h.t.Fatal(err)
	}
	conn.SetReadLimit(16 << 20)
	h.t.Cleanup(func() { cancel(); conn.CloseNow() })
	s := &socket{t: h.t, conn: conn, contract: h.contract, ctx: ctx}
	if s.first, _ = s.next(); s.first.Type != api.NotificationTypeBookmark {
		h.t.Fatalf("the first message is %s, want a bookmark", s.first.Type)
	}
	return s
}

// next is the next notification, or else what answers an answer.
func (s *socket) next() (servertest.Notification, any) {
	s.t.Helper()
	kind, message, err := s.conn.Read(s.ctx)
	if err != nil || kind != websocket.MessageText {
		s.t.Fatalf("the socket: %v, %v", kind, err)
	}
	n, reply, err := s.contract.Message(message)
	if err != nil {
		s.t.Fatalf("the socket: %v", err)
	}
	return n, reply
}

// until reads up to the first notification of a type.
func (s *socket) until(kind string) servertest.Notification {
	s.t.Helper()
	for {
		if n, _ := s.next(); string(n.Type) == kind {
			return n
		}
	}
}

// reply reads up to what answers an answer.
func (s *socket) reply() any {
	s.t.Helper()
	for {
		if _, reply := s.next(); reply != nil {
			return reply
		}
	}
}

// code is the code of the problem that an answer is answered with.
func (s *socket) code() string {
	s.t.Helper()
	if p, ok := s.reply().(*api.ProblemFrame); ok {
		return p.Problem.Code
	}
	return ""
}

func (s *socket) send(text string) {
	s.t.Helper()
	if err := s.conn.Write(s.ctx, websocket.MessageText, []byte(text)); err != nil {
		s.t.Fatalf("the socket: %v", err)
	}
}

// drain reads until the socket ends, and returns why.
func (s *socket) drain() error {
	for {
		if _, _, err := s.conn.Read(s.ctx); err != nil {
			return err
		}
	}
}

// lazy opens a stream over a connection of its own and reads its head and nothing more; read on from what is returned.
func (h *house) lazy(token, query string) (net.Conn, *bufio.Reader) {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).SetReadBuffer(narrowBuffer); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	h.mu.Lock()
	h.ended[conn.LocalAddr().String()] = make(chan time.Time, 1)
	h.mu.Unlock()
	if _, err := fmt.Fprintf(conn, "GET /v1/watch%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", query, h.addr, token); err != nil {
		h.t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		h.t.Fatal(err)
	}
	in := bufio.NewReaderSize(conn, 64)
	if status, err := in.ReadString('\n'); err != nil || !strings.Contains(status, "200") {
		h.t.Fatalf("%q, %v", status, err)
	}
	return conn, in
}

// body is what a lazy connection's server sends after the head.
func body(t testing.TB, in *bufio.Reader) io.Reader {
	t.Helper()
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "\r\n" {
			return in
		}
	}
}

// closed waits until the server has closed a lazy connection, and says when.
func (h *house) closed(conn net.Conn) time.Time {
	h.t.Helper()
	h.mu.Lock()
	ended := h.ended[conn.LocalAddr().String()]
	h.mu.Unlock()
	select {
	case at := <-ended:
		return at
	case <-time.After(patience):
		h.t.Fatal("the connection is not closed")
	}
	return time.Time{}
}

// noted is a connection of which is noted when it was closed.
type noted struct {
	*net.TCPConn
	house *house
}

func (n noted) Close() error {
	err := n.TCPConn.Close()
	n.house.mu.Lock()
	defer n.house.mu.Unlock()
	if ended := n.house.ended[n.RemoteAddr().String()]; ended != nil && err == nil {
		ended <- time.Now()
	}
	return err
}

// narrowBuffer is some packets on a loopback device; with less, TCP's own timers make a test last for minutes.
const narrowBuffer = 256 << 10

// narrowed is a listener whose connections take few bytes before a write must wait.
type narrowed struct {
	net.Listener
	house *house
}

func (n narrowed) Accept() (net.Conn, error) {
	conn, err := n.Listener.Accept()
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn, err
	}
	if n.house.narrow {
		err = errors.Join(err, tcp.SetWriteBuffer(narrowBuffer))
	}
	return noted{tcp, n.house}, err
}

// flood makes changes of 8 KiB each on a record, and waits until they are durable.
func (h *house) flood(record string, changes int) {
	h.t.Helper()
	var last uint64
	for i := range changes {
		text := fmt.Sprintf("%d %s", i, strings.Repeat("x", 8<<10-10))
		done, err := h.board.Claim(record, board.SourceUser, []board.NewClaim{{Field: "party.bio", Value: text}}, time.Now())
		if err != nil {
			h.t.Fatal(err)
		}
		last = done.Seq
	}
	if err := h.committer.Wait(h.t.Context(), last); err != nil {
		h.t.Fatal(err)
	}
}
