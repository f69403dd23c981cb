package server

import (
	"cmp"
	"context"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/delivery"
	"github.com/callboard-dev/callboard/internal/export"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Committer tells when a write is durable. *line.Committer is one.
type Committer interface {
	Wait(ctx context.Context, seq uint64) error
	Problem() error
	// Reached is the seq up to which all is durable, and why no more is.
	Reached() (seq uint64, problem error)
	// OnShown adds what is called whenever that is another; here: by a Flush, whose caller looks by itself.
	OnShown(func(here bool))
	// Flush ends a Hold of the board: what is pending is committed, if nobody is at it. It may wait for the disk.
	Flush()
}

// Store is what the API needs of a database. Any method may block on the disk.
type Store interface {
	// Record reads one record; nil if there is none.
	Record(ctx context.Context, id string) (*board.Record, error)
	// Changes reads at most limit changes after a seq, in order.
	Changes(ctx context.Context, after uint64, limit int) ([]*board.Change, error)
	export.Source
	Apps(ctx context.Context) ([]KnownApp, error)
	AddApp(ctx context.Context, a KnownApp) error
	RemoveApp(ctx context.Context, id string) error
	// BeginCommand keeps that a command is begun. If one of that source and key was begun before, it gives that one back.
	BeginCommand(ctx context.Context, c KnownCommand) (*KnownCommand, error)
	EndCommand(ctx context.Context, source, key string, status int, answer []byte) error
	DropCommand(ctx context.Context, source, key string) error
	// Command reads what was begun under a key in the last 24 hours; nil if nothing was. Writes come there with their effect.
	Command(ctx context.Context, source, key string, now time.Time) (*KnownCommand, error)
	// KeepReceipt is for a write that changed nothing, so that no commit carries its receipt.
	KeepReceipt(ctx context.Context, r *board.Receipt) error
}

// Eraser erases people. *erasure.Eraser is one.
type Eraser interface {
	// Survey tells what would go, and erases nothing.
	Survey(ctx context.Context, m board.Match) (board.Proof, error)
	// Erase journals that somebody is to be erased, and waits a while until that holds.
	Erase(ctx context.Context, m board.Match) (board.Proof, error)
	// Verify looks what is left of somebody, and whether a proof is of them; nil if there is no such proof.
	Verify(ctx context.Context, id, code string, m board.Match) (*board.Verification, error)
	// Proofs are the newest; Proof is one, or nil.
	Proofs(ctx context.Context) ([]*board.Proof, error)
	Proof(ctx context.Context, id string) (*board.Proof, error)
}

// KnownApp is an app that was let in. Only the SHA-256 of its token is kept.
type KnownApp struct {
	ID        string
	Name      string
	TokenHash [32]byte
	CreatedAt time.Time
	May       []string    // commands that it may give
	Grant     board.Grant // its patterns are never nil
}

// KnownCommand is one that was given under an Idempotency-Key, or a write. Status is 0 until it is known how it came out, and -1
// when what was answered is erased.
type KnownCommand struct {
	Source  string
	Key     string
	Request [32]byte
	At      time.Time
	Status  int
	Answer  []byte
}

// ServedLine is what the API tells of a line and asks of it.
type ServedLine struct {
	Name       string
	Extensions []string
	Link       func() telephony.Link
	Lookup     func(board.Sought) (board.Found, error) // what is typed, or on a business card
	Phone      Phone
}

// Phone does what a person does with a telephone. *line.Line is one. Its methods may be called from any goroutine; Dial and
// Do wait for the PBX.
type Phone interface {
	Abilities() []telephony.Able
	Actions(c *telephony.Call) []telephony.Action
	Dial(ctx context.Context, extension, number string) (telephony.CallID, error)
	Do(ctx context.Context, call telephony.CallID, c telephony.Command) error
}

// Options configure a Server.
type Options struct {
	Board     *board.Board
	Committer Committer
	Store     Store
	Eraser    Eraser
	Lines     []ServedLine
	Webhooks  Webhooks
	UserToken string
	Hosts     []string // names besides localhost by which the server may be called
	Page      fs.FS
	SDK       []byte // the JavaScript SDK as one module
	Version   string
	Metrics   http.Handler // answers a scrape
	// Delivered is told what was written to the streams, and when; see delivery.Options. May be nil.
	Delivered func(changes []*board.Change, at time.Time)

	Limits Limits
	Logger *slog.Logger
}

// Server answers HTTP. It implements the generated ServerInterface.
type Server struct {
	options  Options
	gate     *gate
	frames   *frames
	delivery *delivery.Loop
	apps     sync.Mutex // held while an app comes or goes: store and gate change together
	given    given      // commands of this run
	began    time.Time
}

// New returns a server that knows the apps that the store knows.
func New(ctx context.Context, o Options) (*Server, error) {
	s := &Server{options: o, gate: newGate(o.UserToken, o.Limits), given: newGiven(), began: time.Now()}
	s.frames = newFrames(o.Board, s.actions)
	s.delivery = delivery.New(delivery.Options{Board: o.Board, Log: o.Store, Encoder: s.frames, Reached: o.Committer.Reached, Delivered: o.Delivered})
	o.Committer.OnShown(func(here bool) {
		if !here {
			s.delivery.Wake()
		}
	})
	apps, err := o.Store.Apps(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range apps {
		s.gate.admit(a)
		o.Board.Approve(a.ID, a.Grant)
	}
	return s, nil
}

// Streams is how many there are, how many of them are parked, and how many changes the slowest of those is behind.
func (s *Server) Streams() (open, parked int, lag uint64) {
	open, parked = s.delivery.Streams()
	return open, parked, s.delivery.Lag()
}

// Code makes a one-time code for the page.
func (s *Server) Code() string {
	code, _ := s.gate.newCode(time.Now())
	return code
}

// free are the API's routes that need no token: they tell nothing about calls.
var free = map[string]bool{"GET /v1/hello": true, "POST /v1/session": true, "GET /v1/openapi.yaml": true}

// Handler is everything. The Host allow-list comes before all that decides anything; its refusals bear the headers too.
func (s *Server) Handler() http.Handler {
	return headers(hosts(s.options.Hosts, s.inside(), s.fail))
}

// inside is all behind the Host allow-list.
func (s *Server) inside() http.Handler {
	routes := http.NewServeMux()
	HandlerWithOptions(s, StdHTTPServerOptions{BaseRouter: routes, ErrorHandlerFunc: func(w http.ResponseWriter, _ *http.Request, err error) {
		s.fail(w, &telephony.Error{Code: telephony.CodeInvalid, Message: err.Error(), Remedy: seeSpec})
	}})
	routes.HandleFunc("GET /v1/openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		w.Write(api.Spec)
	})
	routes.HandleFunc("/v1/", s.nowhere)
	all := http.NewServeMux()
	all.Handle("/v1/", s.gate.require(onlyJSON(routes, s.fail), free, s.fail))
	all.HandleFunc("/", s.page(http.FileServerFS(s.options.Page)))
	all.HandleFunc("GET "+lookupPath, s.lookupPage)
	unsafe := http.NewCrossOriginProtection() // once more, by Go's own rule, where something can be changed
	unsafe.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { s.fail(w, errOrigin) }))
	return origins(unsafe.Handler(all), s.fail)
}

// kinds are what the page is made of. The system's own table is not asked: on Windows any program may have changed it, and a
// script of another kind is not run (nosniff).
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
}

// page answers with the page's files and the SDK. Folders are not listed.
func (s *Server) page(files http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		info, err := fs.Stat(s.options.Page, name)
		kind := kinds[path.Ext(cmp.Or(name, "index.html"))]
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			s.nowhere(w, r)
		case name == "sdk/callboard.js":
			w.Header().Set("Content-Type", kind)
			w.Write(s.options.SDK)
		case name == "" || err == nil && !info.IsDir():
			if kind != "" {
				w.Header().Set("Content-Type", kind)
			}
			files.ServeHTTP(w, r)
		default:
			s.nowhere(w, r)
		}
	}
}

// lookupPath is where a link leads that looks somebody up: /lookup?q=+4512345678.
const lookupPath = "/lookup"

// lookupPage is the page, which looks up what the link says. A link on another site only fills the box in: what is looked up goes to
// every app, and a page of anybody could send the person there (SEC-03).
func (s *Server) lookupPage(w http.ResponseWriter, r *http.Request) {
	if !ours(r.Header.Get("Sec-Fetch-Site")) {
		http.Redirect(w, r, "/#lookup="+url.QueryEscape(r.URL.Query().Get("q")), http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", kinds[".html"])
	http.ServeFileFS(w, r, s.options.Page, "index.html")
}

func (s *Server) nowhere(w http.ResponseWriter, r *http.Request) {
	s.fail(w, &telephony.Error{Code: telephony.CodeNotFound, Message: "there is no " + telephony.Display(r.Method+" "+r.URL.Path), Remedy: seeSpec})
}

// policy lets the page load from and speak with Callboard only, and nothing inline (SEC-35).
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// How long a request may take to come in and an answer to be taken (SEC-23). A stream has its own bounds instead.
const (
	headerTime = 10 * time.Second
	readTime   = 30 * time.Second
	writeTime  = 60 * time.Second
	idleTime   = 2 * time.Minute
)

// Serve answers on a listener until ctx ends; then it lets requests finish for a few seconds, and ends the streams. All
// that it started has ended when it returns.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return s.serve(ctx, s.http(), l)
}

func (s *Server) http() *http.Server {
	return &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(s.options.Logger.Handler(), slog.LevelDebug),
	}
}

func (s *Server) serve(ctx context.Context, h *http.Server, l net.Listener) error {
	streaming, endStreams := context.WithCancel(context.WithoutCancel(ctx))
	defer endStreams()
	broken := make(chan error, 1)
	var running sync.WaitGroup
	running.Go(func() { broken <- h.Serve(l) })
	running.Go(func() { s.delivery.Run(streaming) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-broken:
	}
	endStreams()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if h.Shutdown(last) != nil {
		h.Close()
	}
	running.Wait()
	return err
}
