package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/internal/board"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// spelled is an encoder whose frames name the kind, the seq and the record.
type spelled struct{ padding string }

type line struct {
	Kind    string `json:"kind"`
	Seq     uint64 `json:"seq,omitempty"`
	Record  string `json:"record,omitempty"`
	Rev     int64  `json:"rev,omitempty"`
	Padding string `json:"padding,omitempty"`
}

func (s spelled) frame(l line) Frame {
	l.Padding = s.padding
	text, err := json.Marshal(l)
	if err != nil {
		panic(err)
	}
	return Frame{Kind: l.Kind, ID: fmt.Sprint(l.Seq), JSON: text}
}

func (s spelled) Told(t board.Told, _ View, _ string) (Frame, error) {
	l := line{Kind: t.Change.Kind, Seq: t.Change.Seq, Record: t.Change.Record, Rev: t.Change.Rev}
	if t.Change.Kind == board.RecordChanged && len(t.Change.Shown) == 0 {
		return Frame{}, nil
	}
	if t.Coalesced {
		l.Kind, l.Rev = "newest", t.Record.Rev
	}
	return s.frame(l), nil
}

func (s spelled) Bookmark(m board.Bookmark) Frame {
	return spelled{}.frame(line{Kind: "bookmark", Seq: m.Cursor.Seq})
}

func (s spelled) Reset(c board.Cursor, _ error) Frame {
	return spelled{}.frame(line{Kind: "reset", Seq: c.Seq})
}

func (s spelled) Work(w *board.Work, _ View, _ time.Time) (Frame, error) {
	return s.frame(line{Kind: "work", Record: w.Record.ID}), nil
}

// kept is a log that has every change.
type kept struct {
	mu      sync.Mutex
	changes []*board.Change
	asked   int
}

func (k *kept) Changes(_ context.Context, after uint64, limit int) ([]*board.Change, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	from := min(after, uint64(len(k.changes)))
	return k.changes[from:min(from+uint64(limit), uint64(len(k.changes)))], nil
}

// house is a board whose changes are durable at once, unless it is held, and a loop.
type house struct {
	t     testing.TB
	board *board.Board
	log   kept
	loop  *Loop

	mu        sync.Mutex
	held      bool
	reached   uint64
	problem   error
	delivered []uint64
}

func open(t testing.TB, window int, encoder Encoder) *house {
	t.Helper()
	ids := 0
	h := &house{t: t}
	h.board = board.New(board.Options{Epoch: "e", Window: window, NewID: func(kind string) string { ids++; return fmt.Sprint(kind, "_", ids) }})
	h.loop = New(Options{Board: h.board, Log: &h.log, Encoder: encoder, Reached: func() (uint64, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.reached, h.problem
	}, Delivered: h.told})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.loop.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return h
}

// told keeps what was delivered.
func (h *house) told(changes []*board.Change, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range changes {
		if h.delivered = append(h.delivered, c.Seq); at.Before(c.At) {
			h.t.Errorf("%d is delivered before it was made", c.Seq)
		}
	}
}

// show is what a committer does.
func (h *house) show() {
	batch := h.board.Take()
	h.log.mu.Lock()
	h.log.changes = append(h.log.changes, batch...)
	h.log.mu.Unlock()
	h.board.Show(batch, true, time.Now())
	h.mu.Lock()
	if len(batch) > 0 && !h.held {
		h.reached = batch[len(batch)-1].Seq
	}
	h.mu.Unlock()
	h.loop.Wake()
}

func (h *house) lookup(number int) string {
	id, _ := h.board.OpenLookup("l", board.SourceUser, []board.NewClaim{{Field: "party.number", Value: fmt.Sprint("+45", number)}}, time.Now())
	h.show()
	return id
}

func (h *house) claim(record, source, value string) uint64 {
	h.t.Helper()
	done, err := h.board.Claim(record, source, []board.NewClaim{{Field: "party.name", Value: value}}, time.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	h.show()
	return done.Seq
}

// begin opens an event stream over a connection.
func (h *house) begin(a Asked, conn net.Conn, received receives) *Reader {
	h.t.Helper()
	r, err := h.loop.Open(h.t.Context(), a)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Begin(conn, nil, nil, received)
	return r
}

// receives takes messages one by one.
type receives func([]byte) Reply

func (receives) Begin()                    {}
func (receives) End()                      {}
func (f receives) Received(m []byte) Reply { return f(m) }

// lines reads the frames of an event stream.
type lines struct {
	from io.Reader
	rest []byte
}

func (l *lines) next() (line, error) {
	buffer := make([]byte, 4096)
	for {
		if event, rest, whole := bytes.Cut(l.rest, []byte("\n\n")); whole {
			l.rest = rest
			var got line
			_, data, _ := bytes.Cut(event, []byte("data: "))
			err := json.Unmarshal(data, &got)
			return got, err
		}
		n, err := l.from.Read(buffer)
		if l.rest = append(l.rest, buffer[:n]...); err != nil {
			return line{}, err
		}
	}
}

// pair is a TCP connection with small buffers.
func pair(t testing.TB) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	const narrow = 64 << 10
	if server.(*net.TCPConn).SetWriteBuffer(narrow) != nil || client.(*net.TCPConn).SetReadBuffer(narrow) != nil {
		t.Fatal("the buffers stay as they are")
	}
	t.Cleanup(func() { client.Close() })
	client.SetDeadline(time.Now().Add(time.Minute))
	return server, client
}

// newest is the seq of the newest change that is shown.
func (h *house) newest() uint64 {
	_, cursor := h.board.List(board.Filter{})
	return cursor.Seq
}
