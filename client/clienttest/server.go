// Package clienttest is a small Callboard made of memory, for the tests of apps: it has the API's list, watch (both
// transports), works, claims and notes, with a log and cursors as the contract has them, and it can be told to break.
//
//	s := clienttest.New(t)
//	s.Open(clienttest.Call("r1", "+4512345678"))
//	go app.Run(ctx, app.Options{URL: s.URL, Token: s.Token})
//	answer := s.Hand(t, "r1", api.Work{Changed: []string{"party.number"}})
//
// It has none of the board's rules: no resolver (the last claim is shown), no rounds, no limits, and it hands out no
// work by itself. An app that passes here still has to be tried against Callboard. All methods may be called from any
// goroutine. Those that take a testing.TB wait, and fail the test when nothing comes.
package clienttest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
)

// Server is one fake Callboard.
type Server struct {
	// URL and Token are what an app connects with.
	URL, Token string
	// Source is whom the token speaks for: what the app writes comes under this name. Set it before the app connects.
	Source string
	// HTTPClient reaches the server. One that was made with NewInMemory cannot be reached otherwise.
	HTTPClient *http.Client

	mu       sync.Mutex // guards what follows
	news     chan struct{}
	epoch    int
	log      []api.Notification
	first    int // the seq before log[0]
	records  map[string]api.Record
	streams  map[*watcher]bool
	offered  int      // streams ever opened
	newest   *watcher // the one opened last
	works    map[string]*work
	kept     []api.Notification // works for the next stream
	nextWork int
	faults   Faults
	requests []string
	commands []Command
}

// Command is one that was given: an api.Dial or an api.Command, and its key.
type Command struct {
	Key  string
	Body any
}

type work struct {
	record string
	answer chan api.Answer
}

// Faults are what goes wrong until it is set otherwise.
type Faults struct {
	// Status answers every request with this status and a problem document; 401 also ends the open streams.
	Status int
	// WatchStatus does so for the watch alone.
	WatchStatus int
	// HTML answers every request with a web page, as a proxy would.
	HTML bool
	// Behind starts streams this many notifications before the cursor, so that they come twice.
	Behind int
	// Mangle, when set, gives what is sent in place of a notification, on both transports.
	Mangle func(notification []byte) []byte
	// SSE, when set, writes the bytes of every frame of server-sent events instead of the server. An error ends the
	// stream without ceremony.
	SSE func(w http.ResponseWriter, frame []byte) error
	// AnswerStatus refuses answers with this status.
	AnswerStatus int
}

// New starts a server on loopback, which ends with the test.
func New(t testing.TB) *Server {
	s, stop := Listen()
	t.Cleanup(stop)
	return s
}

// Listen starts a server on loopback, for a program that is no test.
func Listen() (s *Server, stop func()) {
	s = newServer()
	h := httptest.NewServer(s.handler())
	s.URL, s.HTTPClient = h.URL, h.Client()
	return s, func() {
		s.Cut()
		h.Close()
	}
}

// NewInMemory starts a server that is reached through its HTTPClient alone, over net.Pipe, so that it can be used in a
// bubble of testing/synctest. It must be made inside the bubble.
func NewInMemory(t testing.TB) *Server {
	s := newServer()
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	h := &httptest.Server{Listener: l, Config: &http.Server{Handler: s.handler()}}
	h.Start()
	tr := &http.Transport{DialContext: l.dial}
	t.Cleanup(func() {
		s.Cut()
		tr.CloseIdleConnections()
		h.Close()
	})
	s.URL, s.HTTPClient = "http://callboard.test", &http.Client{Transport: tr}
	return s
}

func newServer() *Server {
	return &Server{Token: "cb_app_test", Source: "test", news: make(chan struct{}), epoch: 1, records: make(map[string]api.Record),
		streams: make(map[*watcher]bool), works: make(map[string]*work)}
}

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Call is a record of a ringing call from number, for Open.
func Call(id, number string) api.Record {
	now := time.Now().UTC()
	return api.Record{ID: id, Line: "alice", Origin: api.RecordOriginCall, State: api.RecordStateOpen, OpenedAt: now,
		Complete: true, Durable: true,
		Call: api.Call{ID: "call-" + id, Direction: api.DirectionInbound, State: api.CallStateRinging, StartedAt: now,
			Complete: true, Recorded: api.KnownUnknown, Monitored: api.KnownUnknown, Encrypted: api.KnownUnknown,
			SecureLine: api.KnownUnknown, Legs: []api.Leg{}, Views: []api.View{}, Timeline: []api.TimelineEntry{}},
		Fields: map[string]api.Field{"party.number": field("pbx", number, api.QualityVerified)},
		Items:  map[string][]api.Item{}}
}

func field(source, value string, q api.Quality) api.Field {
	return api.Field{Value: value, Source: source, Quality: q, At: time.Now().UTC()}
}

// Open puts a record on the board.
func (s *Server) Open(r api.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Rev = 0
	s.records[r.ID] = r
	s.commit(api.NotificationTypeRecordOpened, r.ID, func(r *api.Record) any { return api.RecordData{Rev: r.Rev, Record: *r} })
}

// Claim sets fields; an empty value removes one.
func (s *Server) Claim(id, source string, values map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claim(id, source, values)
}

func (s *Server) claim(id, source string, values map[string]string) int64 {
	return s.commit(api.NotificationTypeRecordChanged, id, func(r *api.Record) any {
		d := api.ChangedData{Rev: r.Rev, Source: source, Fields: map[string]*api.Field{}}
		r.Fields = maps.Clone(r.Fields)
		for name, v := range values {
			if v == "" {
				delete(r.Fields, name)
				d.Fields[name] = nil
				continue
			}
			f := field(source, v, api.QualityMatched)
			r.Fields[name], d.Fields[name] = f, &f
		}
		return d
	})
}

// Note adds a note, or with the id of one that is there changes it; an empty text removes it.
func (s *Server) Note(record, id, source, text string) {
	s.Item(record, "notes", api.Item{ID: id, Source: source, Text: text})
}

// Item adds, changes or, if it has neither text, title nor url, removes an item of a list.
func (s *Server) Item(record, list string, item api.Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.item(record, list, item)
}

func (s *Server) item(record, list string, item api.Item) (api.Item, int64) {
	now := time.Now().UTC()
	item.At, item.ChangedAt = now, now
	items := s.records[record].Items[list]
	at := slices.IndexFunc(items, func(i api.Item) bool { return i.ID == item.ID && i.Source == item.Source })
	kind := api.NotificationTypeItemAdded
	if at >= 0 {
		kind, item.At = api.NotificationTypeItemChanged, items[at].At
	}
	if item.Text == "" && item.Title == "" && item.URL == "" {
		kind = api.NotificationTypeItemRemoved
	}
	rev := s.commit(kind, record, func(r *api.Record) any {
		items := slices.Clone(r.Items[list])
		switch {
		case kind == api.NotificationTypeItemRemoved && at >= 0:
			items = slices.Delete(items, at, at+1)
		case at >= 0:
			items[at] = item
		default:
			items = append(items, item)
		}
		r.Items = maps.Clone(r.Items)
		r.Items[list] = items
		return api.ItemData{Rev: r.Rev, List: list, Item: item}
	})
	return item, rev
}

// EndCall ends the call of a record.
func (s *Server) EndCall(id string, result api.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commit(api.NotificationTypeCallEnded, id, func(r *api.Record) any {
		r.Call.State, r.Call.Result, r.Call.EndedAt = api.CallStateEnded, result, time.Now().UTC()
		return api.CallData{Rev: r.Rev, Call: r.Call}
	})
}

// Close closes a record. It leaves the list, but can still be asked for by its id.
func (s *Server) Close(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commit(api.NotificationTypeRecordClosed, id, func(r *api.Record) any {
		r.State, r.ClosedAt = api.RecordStateClosed, time.Now().UTC()
		return api.RevData{Rev: r.Rev}
	})
}

// Send commits any notification, also of a type that nobody knows. Without a record it is about none.
func (s *Server) Send(kind api.NotificationType, record string, data map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commit(kind, record, func(r *api.Record) any {
		d := maps.Clone(data)
		if r.ID != "" {
			d["rev"] = r.Rev
		}
		return d
	})
}

// commit changes a record and writes the notification. The lock is held.
func (s *Server) commit(kind api.NotificationType, id string, change func(*api.Record) any) int64 {
	r := s.records[id]
	if id != "" {
		if r.ID == "" {
			panic("clienttest: there is no record " + id)
		}
		r.Rev++
	}
	data, err := json.Marshal(change(&r))
	if err != nil {
		panic(err)
	}
	if id != "" {
		s.records[id] = r
	}
	s.log = append(s.log, api.Notification{Specversion: "1.0", ID: s.cursor(s.first + len(s.log) + 1), Source: "alice", Subject: id,
		Type: kind, Time: time.Now().UTC(), Data: data})
	s.wake()
	return r.Rev
}

func (s *Server) wake() {
	close(s.news)
	s.news = make(chan struct{})
}

func (s *Server) cursor(seq int) string { return fmt.Sprintf("e%d:%d", s.epoch, seq) }

// place reads a cursor; false when it leads nowhere. The lock is held.
func (s *Server) place(cursor string) (int, bool) {
	if cursor == "" {
		return s.first + len(s.log), true
	}
	seq, ok := strings.CutPrefix(cursor, fmt.Sprintf("e%d:", s.epoch))
	n, err := strconv.Atoi(seq)
	return n, ok && err == nil && n >= s.first && n <= s.first+len(s.log)
}

// SetFaults says what goes wrong from now on.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	s.faults = f
	refused := f.Status == http.StatusUnauthorized
	s.mu.Unlock()
	if refused {
		s.Cut()
	}
}

// Cut ends all open streams without a word.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.streams {
		w.stop()
	}
	clear(s.streams)
}

// Forget begins a new epoch with the records as they are: cursors of before lead nowhere. With inBand the open streams
// end with a reset, else they are cut.
func (s *Server) Forget(inBand bool) {
	s.mu.Lock()
	s.epoch++
	s.log, s.first = nil, 0
	if inBand {
		for w := range s.streams {
			w.reset = true
		}
		s.wake()
	}
	s.mu.Unlock()
	if !inBand {
		s.Cut()
	}
}

// Requests are the methods and addresses that were asked for until now.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Commands are the commands that were given until now.
func (s *Server) Commands() []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

func (s *Server) command(key string, body any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = append(s.commands, Command{key, body})
}

// Record gives a record as it is now.
func (s *Server) Record(id string) api.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[id]
}
