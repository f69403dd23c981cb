package history

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/callboard-dev/callboard/api"
)

// Watcher follows a view over every break, from its list on.
type Watcher struct {
	Client
	View   View
	Socket bool // by WebSocket; else server-sent events
	Works  bool // takes work, and answers each with a claim and a note (by WebSocket)

	mu     sync.Mutex // guards what follows
	cursor string
	moved  chan struct{} // closed and replaced when the cursor moves
}

// Run follows until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if w.Cursor() == "" {
			w.move(w.List(ctx, w.View))
		}
		if w.Cursor() != "" {
			w.once(ctx)
		}
		pause(ctx, 2*time.Millisecond)
	}
}

// Cursor is how far it has come.
func (w *Watcher) Cursor() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cursor
}

func (w *Watcher) move(cursor string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if cursor == "" || cursor == w.cursor {
		return
	}
	w.cursor = cursor
	if w.moved != nil {
		close(w.moved)
	}
	w.moved = make(chan struct{})
}

// Reaches waits until it has been told all up to a cursor.
func (w *Watcher) Reaches(ctx context.Context, cursor string) error {
	for {
		w.mu.Lock()
		at, moved := w.cursor, w.moved
		w.mu.Unlock()
		if reached(at, cursor) {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return errors.New(w.Name + " is at " + at + " and does not come to " + cursor)
		}
	}
}

// reached compares two cursors of one epoch.
func reached(at, cursor string) bool {
	_, a, _ := strings.Cut(at, ":")
	_, b, _ := strings.Cut(cursor, ":")
	return len(a) > len(b) || len(a) == len(b) && a >= b
}

// once is one connection.
func (w *Watcher) once(ctx context.Context) {
	address, token := w.Where()
	if address == "" {
		return
	}
	s := &Stream{Life: w.Kept.Life(), Client: w.Name, View: w.View, From: w.Cursor()}
	query := "?cursor=" + s.From + "&" + w.View.query()
	var opened bool
	if w.Socket {
		opened = w.socket(ctx, s, address+"/v1/watch/ws"+query, token)
	} else {
		opened = w.events(ctx, s, address+"/v1/watch"+query, token)
	}
	if opened {
		w.Kept.Stream(s)
	}
	if n := len(s.Frames); s.Status == http.StatusGone || n > 0 && s.Frames[n-1].Type == string(api.NotificationTypeReset) { // list again (D-6)
		w.mu.Lock()
		w.cursor = ""
		w.mu.Unlock()
	}
}

func (w *Watcher) take(s *Stream, text []byte) (api.Notification, error) {
	var n api.Notification
	if err := json.Unmarshal(text, &n); err != nil {
		return n, err
	}
	var d struct{ Rev int64 }
	if err := json.Unmarshal(n.Data, &d); err != nil {
		return n, err
	}
	s.Frames = append(s.Frames, Frame{ID: n.ID, Type: string(n.Type), Subject: n.Subject, Rev: d.Rev, Data: n.Data})
	if n.Type != api.NotificationTypeWork && n.Type != api.NotificationTypeReset {
		w.move(n.ID)
	}
	return n, nil
}

func (w *Watcher) events(ctx context.Context, s *Stream, address, token string) bool {
	req, err := http.NewRequestWithContext(ctx, "GET", address, nil)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := w.HTTP.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		s.Status, s.End = res.StatusCode, string(text)
		return res.StatusCode != http.StatusTooManyRequests
	}
	in := bufio.NewReaderSize(res.Body, 64<<10)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil { // what is cut was not told
			s.End = err.Error()
			return true
		}
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			if _, err := w.take(s, data); err != nil {
				s.End = err.Error()
				return true
			}
		}
	}
}

// socket reads a WebSocket; works are answered on it.
func (w *Watcher) socket(ctx context.Context, s *Stream, address, token string) bool {
	if w.Works {
		address += "&needs=party.number&gives=party.company&on=opened,answered,ended"
	}
	conn, res, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: w.HTTP, HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		if res != nil && res.StatusCode != http.StatusTooManyRequests {
			s.Status, s.End = res.StatusCode, err.Error()
			return true
		}
		return false
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	under := map[string]*Request{} // works that are answered, and of which it is not known how that came out
	defer func() {
		for _, q := range under {
			q.Done, q.Outcome = w.Kept.Now(), Unknown
			w.Kept.Request(*q)
		}
	}()
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			s.End = err.Error()
			return true
		}
		if w.answered(under, text) {
			continue
		}
		n, err := w.take(s, text)
		if err == nil && n.Type == api.NotificationTypeWork {
			err = w.work(ctx, conn, s, under, n)
		}
		if err != nil {
			s.End = err.Error()
			return true
		}
	}
}

// work answers a work with a claim and a note: both are written, or neither.
func (w *Watcher) work(ctx context.Context, conn *websocket.Conn, s *Stream, under map[string]*Request, n api.Notification) error {
	var work api.Work
	if err := json.Unmarshal(n.Data, &work); err != nil {
		return err
	}
	q := &Request{Life: s.Life, Client: w.Name, Op: "answer", Record: work.Record.ID, Sent: w.Kept.Now(), Effects: []Effect{{"party.company", Value()}, {"", Value()}}}
	under[work.Work] = q
	answer, err := json.Marshal(api.AnswerFrame{Type: api.AnswerFrameTypeAnswer, Work: work.Work,
		Claims: []api.NewClaim{{Field: q.Effects[0].Field, Value: q.Effects[0].Value}}, Items: []api.NewItem{{List: "notes", Text: q.Effects[1].Value}}})
	if err != nil {
		return err
	}
	return conn.Write(ctx, websocket.MessageText, answer)
}

// answered takes a frame that says how an answer came out.
func (w *Watcher) answered(under map[string]*Request, text []byte) bool {
	var f struct {
		Type, Work string
		Written    api.Written
		Problem    api.Problem
	}
	if json.Unmarshal(text, &f) != nil || f.Type != string(api.AnsweredFrameTypeAnswered) && f.Type != string(api.ProblemFrameTypeProblem) {
		return false
	}
	q := under[f.Work]
	if q == nil {
		return true
	}
	delete(under, f.Work)
	q.Done, q.Rev, q.Outcome = w.Kept.Now(), f.Written.Rev, Acked
	if f.Type == string(api.ProblemFrameTypeProblem) {
		if q.Outcome, q.Status = Refused, f.Problem.Status; f.Problem.Status == http.StatusInternalServerError || f.Problem.Status == http.StatusInsufficientStorage {
			q.Outcome = Unknown
		}
	}
	w.Kept.Request(*q)
	return true
}
