package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/erasure"
	"github.com/callboard-dev/callboard/internal/line"
	"github.com/callboard-dev/callboard/internal/server/servertest"
	"github.com/callboard-dev/callboard/internal/store"
	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/tracker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// contract is read once: it does not change.
var contract = sync.OnceValues(servertest.Load)

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// house is a server on a free port with a real store, and a line on which a test makes calls.
type house struct {
	t         testing.TB
	server    *Server
	board     *board.Board
	committer *line.Committer
	store     *store.Store
	line      *line.Line
	eraser    *erasure.Eraser
	contract  *servertest.Contract
	http      *http.Client
	addr      string // host:port
	folder    string // of the database
	user      string // the person's token
	narrow    bool
	calls     int
	close     func() // ends it; it may be called more than once

	mu    sync.Mutex // guards ended
	ended map[string]chan time.Time
}

// served is the store as the server wants it, as in internal/app.
type served struct{ *store.Store }

func (s served) Apps(ctx context.Context) ([]KnownApp, error) {
	apps, err := s.Store.Apps(ctx)
	var out []KnownApp
	for _, a := range apps {
		out = append(out, KnownApp(a))
	}
	return out, err
}

func (s served) AddApp(ctx context.Context, a KnownApp) error {
	return s.Store.AddApp(ctx, store.App(a))
}

func (s served) BeginCommand(ctx context.Context, c KnownCommand) (*KnownCommand, error) {
	before, err := s.Store.BeginCommand(ctx, store.Command(c))
	return (*KnownCommand)(before), err
}

func (s served) Command(ctx context.Context, source, key string, now time.Time) (*KnownCommand, error) {
	before, err := s.Store.Command(ctx, source, key, now)
	return (*KnownCommand)(before), err
}

// commits is the store with what a test puts before it.
type commits struct {
	db     *store.Store
	before func(ctx context.Context, epoch string, batch []*board.Change) error
}

func (c commits) Commit(ctx context.Context, epoch string, batch []*board.Change) error {
	if c.before != nil {
		if err := c.before(ctx, epoch, batch); err != nil {
			return err
		}
	}
	return c.db.Commit(ctx, epoch, batch)
}

var page = fstest.MapFS{
	"index.html":     {Data: []byte("<!doctype html><title>Callboard</title><script type=module src=/assets/page.js></script>")},
	"assets/page.js": {Data: []byte("export const page = true;\n")},
	"icon.svg":       {Data: []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)},
}

type plan struct {
	board  board.Options
	server Options
	commit func(ctx context.Context, epoch string, batch []*board.Change) error // before the store's; an error is in its place
	pbx    any                                                                  // what can be done at the PBX; nil: nothing
	narrow bool                                                                 // sockets with hardly any buffers, so that a reader that does not read is felt at once
}

func narrow(p *plan) { p.narrow = true }

// open starts a house; change may say what is special about it.
func open(t testing.TB, change ...func(*plan)) *house {
	t.Helper()
	folder := t.TempDir()
	return openIn(t, folder, change...)
}

// openIn starts a house on what is in a folder.
func openIn(t testing.TB, folder string, change ...func(*plan)) *house {
	t.Helper()
	ctx := t.Context()
	db, err := store.OpenSQLite(ctx, filepath.Join(folder, "callboard.db"))
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := db.Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var ids sync.Mutex
	n := int(loaded.Seq) * 10 // ids of an earlier house are not made again
	newID := func(kind string) string {
		ids.Lock()
		defer ids.Unlock()
		n++
		return fmt.Sprintf("%s_%04d", kind, n)
	}
	p := plan{board: board.Options{Epoch: loaded.Epoch, NewID: newID, Normal: line.Normal("US")}}
	p.server = Options{Store: served{db}, Webhooks: &fakeWebhooks{}, UserToken: NewToken(), Page: page, SDK: []byte("export const sdk = true;\n"),
		Version: "test", Logger: slog.New(slog.DiscardHandler), Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
			fmt.Fprintln(w, "callboard_pbx_connected 1")
		})}
	for _, c := range change {
		c(&p)
	}
	h := &house{t: t, store: db, board: board.New(p.board), user: p.server.UserToken, folder: folder, narrow: p.narrow, ended: map[string]chan time.Time{}}
	h.board.Restore(loaded.Records, loaded.Tail, loaded.Seq, loaded.Oldest)
	h.committer = line.NewCommitter(h.board, commits{db, p.commit}, loaded.Seq, func() string { return newID("epoch") }, p.server.Logger)
	h.line = line.New(line.Options{Name: "Front desk", Region: "US", Extensions: []tracker.Extension{{Number: "1001", Device: "PJSIP/1001"}}, NewID: newID, PBX: p.pbx, Policy: line.Policy{Region: "US"}}, h.board, nil, time.Time{})
	p.server.Board = h.board
	if p.server.Committer == nil {
		p.server.Committer = h.committer
	}
	h.eraser = h.newEraser(newID, p.server.Logger)
	p.server.Eraser = h.eraser
	p.server.Lines = []ServedLine{{Name: h.line.Name(), Extensions: h.line.Extensions(), Link: h.line.Link, Phone: h.line,
		Lookup: func(in board.Sought) (board.Found, error) { return line.Lookup(in, "US") }}}
	if h.server, err = New(ctx, p.server); err != nil {
		t.Fatal(err)
	}
	if h.contract, err = contract(); err != nil {
		t.Fatal(err)
	}
	h.serve()
	return h
}

// serve runs the house until the test ends, and waits for all of it.
func (h *house) serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	h.addr = listener.Addr().String()
	web := h.server.http()
	base := &http.Transport{DisableCompression: true}
	h.http = &http.Client{
		Transport:     &servertest.Transport{Base: base, Contract: h.contract, Report: func(err error) { h.t.Errorf("not as the contract has it: %v", err) }},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	serving, endServing := context.WithCancel(context.Background())
	committing, endCommitting := context.WithCancel(context.Background())
	var servers, committers sync.WaitGroup
	servers.Go(func() {
		if err := h.server.serve(serving, web, narrowed{listener, h}); err != nil {
			h.t.Errorf("serve: %v", err)
		}
	})
	committers.Go(func() { h.committer.Run(committing) })
	servers.Go(func() { h.eraser.Run(serving) })
	h.close = sync.OnceFunc(func() {
		base.CloseIdleConnections()
		endServing()
		servers.Wait()
		endCommitting()
		committers.Wait()
		if err := h.store.Close(); err != nil {
			h.t.Errorf("close the store: %v", err)
		}
	})
	h.t.Cleanup(h.close)
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) problem(t testing.TB) api.Problem {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatalf("%d is no problem document: %s", a.status, a.body)
	}
	return p
}

// do sends a request; body is nil, a string that is sent as it is, or a value that is sent as JSON. more are header lines.
func (h *house) do(method, path, token string, body any, more ...string) answer {
	h.t.Helper()
	var reader io.Reader
	if text, ok := body.(string); ok {
		reader = strings.NewReader(text)
	} else if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			h.t.Fatal(err)
		}
		reader = bytes.NewReader(encoded)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+h.addr+path, reader)
	if err != nil {
		h.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if path == "/v1/calls" || strings.HasSuffix(path, "/commands") { // every one is an intention of its own unless a test says otherwise
		req.Header.Set("Idempotency-Key", rand.Text())
	}
	for _, line := range more {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
		if name == "Host" {
			req.Host = value
		}
	}
	res, err := h.http.Do(req)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	if res.Header.Get("Content-Type") == "text/event-stream" {
		return answer{res.StatusCode, res.Header, nil}
	}
	got, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{res.StatusCode, res.Header, got}
}

// want sends a request that must be answered with a status, and reads the answer into a value unless that is nil.
func (h *house) want(status int, into any, method, path, token string, body any, more ...string) answer {
	h.t.Helper()
	got := h.do(method, path, token, body, more...)
	if got.status != status {
		h.t.Fatalf("%s %s: got %d, want %d: %s", method, path, got.status, status, got.body)
	}
	if into != nil {
		if err := json.Unmarshal(got.body, into); err != nil {
			h.t.Fatalf("%s %s: %v: %s", method, path, err, got.body)
		}
	}
	return got
}

// refused sends a request that must be refused with a status and a code.
func (h *house) refused(status int, code, method, path, token string, body any, more ...string) {
	h.t.Helper()
	got := h.do(method, path, token, body, more...)
	if got.status != status || got.problem(h.t).Code != code {
		h.t.Errorf("%s %s: got %d %s, want %d %s", method, path, got.status, got.body, status, code)
	}
}

// app lets an app in and returns its token.
func (h *house) app(id string) string {
	h.t.Helper()
	var made api.AppToken
	h.want(http.StatusCreated, &made, "POST", "/v1/apps", h.user, api.NewApp{ID: id, Name: "App " + id, Renew: true})
	return made.Token
}

// lookup opens a record without a call and returns its id.
func (h *house) lookup(number string) string {
	h.t.Helper()
	var made api.Record
	h.want(http.StatusCreated, &made, "POST", "/v1/records", h.user, api.Lookup{Number: number})
	return made.ID
}

// claim makes a claim as whoever a token is.
func (h *house) claim(token, record, field, value string) api.Written {
	h.t.Helper()
	var done api.Written
	h.want(http.StatusOK, &done, "POST", "/v1/records/"+record+"/claims", token, api.ClaimRequest{Claims: []api.NewClaim{{Field: field, Value: value}}})
	return done
}

// record reads a record with all its claims.
func (h *house) record(id string) api.Record {
	h.t.Helper()
	var r api.Record
	h.want(http.StatusOK, &r, "GET", "/v1/records/"+id+"?include=claims", h.user, nil)
	return r
}

// phoneCall is one call that comes in at 1001, told as a PBX tells it.
type phoneCall struct {
	h             *house
	trunk, phone  telephony.LegID
	number, name  string
	at            time.Time
	bridge, group string
}

// ring makes a call come in and waits for its record.
func (h *house) ring(number, name string) (*phoneCall, string) {
	h.t.Helper()
	h.calls++
	c := &phoneCall{h: h, number: number, name: name, at: time.Now(), group: fmt.Sprint("group-", h.calls), bridge: fmt.Sprint("bridge-", h.calls),
		trunk: telephony.LegID(fmt.Sprintf("trunk-%d", h.calls)), phone: telephony.LegID(fmt.Sprintf("phone-%d", h.calls))}
	watch := h.watch(h.user, "")
	defer watch.close()
	caller := telephony.LegFacts{Leg: c.trunk, Device: "PJSIP/trunk", State: telephony.LegCalling, Number: number, Name: name, Dialed: "5550101", Group: c.group}
	c.say(telephony.LegAdded{Leg: c.trunk}, caller)
	c.say(telephony.DialBegan{From: c.trunk, To: c.phone}, caller,
		telephony.LegFacts{Leg: c.phone, Device: "PJSIP/1001", State: telephony.LegRinging, PeerNumber: number, PeerName: name, Group: c.group})
	for {
		if data, ok := watch.next().Payload.(*api.RecordData); ok && data.Record.Call.ID != "" {
			return c, data.Record.ID
		}
	}
}

func (c *phoneCall) say(fact telephony.Fact, legs ...telephony.LegFacts) {
	c.at = c.at.Add(time.Second)
	c.h.line.Observe(telephony.Observation{ObservedAt: c.at, Legs: legs, Fact: fact})
}

func (c *phoneCall) answer() {
	c.say(telephony.DialEnded{From: c.trunk, To: c.phone, Outcome: telephony.DialAnswered},
		telephony.LegFacts{Leg: c.trunk, State: telephony.LegUp}, telephony.LegFacts{Leg: c.phone, State: telephony.LegUp})
	c.say(telephony.BridgeEntered{Bridge: c.bridge, Leg: c.phone})
	c.say(telephony.BridgeEntered{Bridge: c.bridge, Leg: c.trunk})
}

func (c *phoneCall) hold()   { c.say(telephony.LegHeld{Leg: c.phone}) }
func (c *phoneCall) resume() { c.say(telephony.LegResumed{Leg: c.phone}) }

func (c *phoneCall) hangUp() {
	c.say(telephony.HangupAsked{Leg: c.trunk})
	c.say(telephony.BridgeLeft{Bridge: c.bridge, Leg: c.trunk})
	c.say(telephony.LegGone{Leg: c.trunk})
	c.say(telephony.LegGone{Leg: c.phone})
}

// list is the board.
func (h *house) list() api.RecordList {
	h.t.Helper()
	var list api.RecordList
	h.want(http.StatusOK, &list, "GET", "/v1/records", h.user, nil)
	return list
}

func mustAddrPort(t testing.TB, s string) netip.AddrPort {
	t.Helper()
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
