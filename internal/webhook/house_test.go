package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// memory is a store that can be cut off, as a program is that is killed.
type memory struct {
	mu         sync.Mutex // guards all below
	hooks      map[string]Stored
	deliveries []StoredDelivery
	log        []*board.Change
	cut        bool
}

var errCut = errors.New("the store is cut off")

func newMemory() *memory { return &memory{hooks: map[string]Stored{}} }

func (m *memory) Webhooks(context.Context) ([]Stored, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Stored
	for _, h := range m.hooks {
		h.Waiting = 0
		for _, d := range m.deliveries {
			if d.Hook == h.ID && d.State == string(Waiting) {
				h.Waiting++
			}
		}
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b Stored) int { return bytes.Compare([]byte(a.ID), []byte(b.ID)) })
	return out, nil
}

func (m *memory) SaveWebhook(_ context.Context, h Stored) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.hooks[h.ID]; ok {
		h.Cursor = old.Cursor
	}
	m.hooks[h.ID] = h
	return nil
}

func (m *memory) SaveDeliveries(_ context.Context, hook string, cursor board.Cursor, health []byte, fresh, changed []StoredDelivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cut {
		return errCut
	}
	for _, d := range fresh {
		d.N = int64(len(m.deliveries) + 1)
		m.deliveries = append(m.deliveries, d)
	}
	for _, d := range changed {
		i := slices.IndexFunc(m.deliveries, func(o StoredDelivery) bool { return o.ID == d.ID })
		if i < 0 {
			return fmt.Errorf("%s is not known", d.ID)
		}
		d.N = m.deliveries[i].N
		m.deliveries[i] = d
	}
	h := m.hooks[hook]
	if cursor != (board.Cursor{}) {
		h.Cursor = cursor
	}
	if health != nil {
		h.Health = health
	}
	m.hooks[hook] = h
	return nil
}

func (m *memory) WaitingDeliveries(_ context.Context, hook string) ([]StoredDelivery, error) {
	return m.some(func(d StoredDelivery) bool { return d.Hook == hook && d.State == string(Waiting) }), nil
}

func (m *memory) Deliveries(_ context.Context, hook string, before int64, limit int) ([]StoredDelivery, error) {
	all := m.some(func(d StoredDelivery) bool { return d.Hook == hook && (before == 0 || d.N < before) })
	slices.Reverse(all)
	return all[:min(limit, len(all))], nil
}

func (m *memory) Delivery(_ context.Context, hook, id string) (*StoredDelivery, error) {
	for _, d := range m.some(func(d StoredDelivery) bool { return d.Hook == hook && d.ID == id }) {
		return &d, nil
	}
	return nil, nil
}

func (m *memory) some(want func(StoredDelivery) bool) []StoredDelivery {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []StoredDelivery
	for _, d := range m.deliveries {
		if want(d) {
			out = append(out, d)
		}
	}
	return out
}

func (m *memory) Changes(_ context.Context, after uint64, limit int) ([]*board.Change, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, _ := slices.BinarySearchFunc(m.log, after+1, func(c *board.Change, seq uint64) int { return int(c.Seq) - int(seq) })
	return slices.Clone(m.log[from:min(from+limit, len(m.log))]), nil
}

func (m *memory) Record(context.Context, string) (*board.Record, error) { return nil, nil }

// told is one request that came to a target.
type told struct {
	At     time.Time
	ID     string
	Kind   string
	Record string
	Seq    uint64
	Name   string // the record's party.name, as it is
	Folds  int
	Reason string
	Work   string
	taken  bool
}

// house is a board whose changes are committed at once, and an outbox that reaches targets without a network. Time is that of
// a bubble.
type house struct {
	t      *testing.T
	board  *board.Board
	store  *memory
	outbox *Outbox
	stop   func()
	ids    atomic.Int64

	mu      sync.Mutex                                                  // guards the rest
	answer  func(host string, n told) (status int, header, body string) // header is a Retry-After
	got     map[string][]told
	said    []string
	running bool
	bytes   int
}

func newHouse(t *testing.T, bytes int) *house {
	h := &house{t: t, store: newMemory(), got: map[string][]told{}, bytes: bytes, answer: func(string, told) (int, string, string) { return 200, "", "" }}
	h.board = board.New(board.Options{Epoch: "e1", NewID: h.newID})
	h.begin()
	t.Cleanup(func() { h.stop() })
	return h
}

func (h *house) newID(kind string) string { return fmt.Sprintf("%s_%04d", kind, h.ids.Add(1)) }

// begin starts an outbox on what the store has, and lets time pass on the board.
func (h *house) begin() {
	h.outbox = New(Options{Board: h.board, Store: h.store, NewID: h.newID, Logger: slog.New(slog.DiscardHandler), Transport: h, QueueBytes: h.bytes,
		Body: func(m Message) ([]byte, error) {
			n := told{Kind: m.Change.Kind, Record: m.Change.Record, Seq: m.Change.Seq, Folds: m.Folds}
			if m.Record != nil {
				n.Name = m.Record.Value("party.name")
			}
			return json.Marshal(n)
		},
		Notice: func(kind, _ string, _ time.Time, data map[string]any) ([]byte, error) {
			return json.Marshal(told{Kind: kind, Reason: fmt.Sprint(data["reason"])})
		},
		Work: func(_ string, w *board.Work, _ bool) ([]byte, error) {
			return json.Marshal(told{Kind: "work", Work: w.ID, Record: w.Record.ID})
		},
		Answer: func(_ context.Context, app, work string, answer []byte) error {
			var a struct{ Name, Error string }
			if err := json.Unmarshal(answer, &a); err != nil {
				return &telephony.Error{Code: telephony.CodeInvalid, Message: "the body is not the JSON that is wanted"}
			}
			h.heard(app + " " + string(answer))
			out := board.Answer{Error: a.Error}
			if a.Name != "" {
				out.Claims = []board.NewClaim{{Field: "party.name", Value: a.Name}}
			}
			_, err := h.board.Answer(app, work, out, time.Now())
			return err
		},
		Say: func(_ context.Context, app, record string, answer []byte) error {
			var a struct{ Name string }
			if err := json.Unmarshal(answer, &a); err != nil {
				return &telephony.Error{Code: telephony.CodeInvalid, Message: "the body is not the JSON that is wanted"}
			}
			_, err := h.board.Claim(record, app, []board.NewClaim{{Field: "party.name", Value: a.Name}}, time.Now())
			return err
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { h.outbox.Run(ctx) })
	all.Go(func() { h.commit(ctx) })
	h.stop = func() {
		cancel()
		all.Wait()
	}
}

// commit shows what is pending, and lets time pass on the board.
func (h *house) commit(ctx context.Context) {
	tick := time.NewTicker(30 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.board.Patient():
			h.board.Signal()
		case <-h.board.Dirty():
			batch := h.board.Take()
			h.store.mu.Lock()
			h.store.log = append(h.store.log, batch...)
			h.store.mu.Unlock()
			h.board.Show(batch, true, time.Now())
		case now := <-tick.C:
			h.board.Tick(now)
		}
	}
}

// calm waits until all is done that need not wait for a next attempt.
func (h *house) calm() {
	time.Sleep(time.Second)
	synctest.Wait()
}

func (h *house) heard(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, what)
}

// RoundTrip is all targets.
func (h *house) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	n := told{}
	if err := json.Unmarshal(body, &n); err != nil {
		h.t.Errorf("%v: %s", err, body)
	}
	n.ID, n.At = req.Header.Get("webhook-id"), time.Now()
	h.mu.Lock()
	answer := h.answer
	h.mu.Unlock()
	status, header, text := answer(req.URL.Host, n)
	n.taken = status >= 200 && status < 300
	h.mu.Lock()
	h.got[req.URL.Host] = append(h.got[req.URL.Host], n)
	h.mu.Unlock()
	if status == 0 {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	res := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader([]byte(text)))}
	res.Header.Set("Retry-After", header)
	return res, nil
}

func (h *house) set(answer func(host string, n told) (int, string, string)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = answer
}

// all is what came to a target.
func (h *house) all(host string) []told {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got[host])
}

// forget lets a test look only at what comes from now on.
func (h *house) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got = map[string][]told{}
}

func kinds(all []told) []string {
	out := []string{}
	for _, n := range all {
		out = append(out, n.Kind)
	}
	return out
}

// add makes a hook at a host of its own name.
func (h *house) add(id string, s Settings) {
	h.t.Helper()
	s.URL, s.Enabled = "https://"+id+"/", true
	if _, err := h.outbox.Create(context.Background(), id, s); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) notified(id string, kinds ...string) {
	h.t.Helper()
	h.add(id, Settings{Notify: &board.Filter{Kinds: kinds}})
}

func (h *house) open(number string) string {
	id, _ := h.board.OpenLookup("Alice", board.SourceUser, []board.NewClaim{{Field: "party.number", Value: number}}, time.Now())
	return id
}

func (h *house) name(record, value string) {
	h.t.Helper()
	if _, err := h.board.Claim(record, board.SourceUser, []board.NewClaim{{Field: "party.name", Value: value}}, time.Now()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) note(record, text string) {
	h.t.Helper()
	if _, _, err := h.board.PutItem(record, board.SourceUser, board.NewItem{List: "notes", Text: text}, time.Now()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) hook(id string) Hook {
	h.t.Helper()
	hook, err := h.outbox.Get(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return hook
}

func (h *house) log(id string) []*Delivery {
	h.t.Helper()
	all, err := h.outbox.Log(context.Background(), id, 0, 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}
