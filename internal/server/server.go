package server

import (
	"context"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/store"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Committer tells when a write is durable. *line.Committer is one.
type Committer interface {
	Wait(ctx context.Context, seq uint64) error
	Problem() error
}

// ServedLine is what the API tells of a line and asks of it.
type ServedLine struct {
	Name       string
	Extensions []string
	Link       func() telephony.Link
	Lookup     func(number string) ([]board.NewClaim, error) // what a number alone says
}

// Options configure a Server.
type Options struct {
	Board     *board.Board
	Committer Committer
	Store     store.Store
	Lines     []ServedLine
	UserToken string
	Hosts     []string // names besides localhost by which the server may be called
	Page      fs.FS
	SDK       []byte // the JavaScript SDK as one module
	Version   string
	Logger    *slog.Logger
}

// Server answers HTTP. It implements the generated ServerInterface.
type Server struct {
	options Options
	gate    *gate
	frames  *frames
	ended   chan struct{} // closed by Close: streams end
}

// New returns a server that knows the apps that the store knows.
func New(ctx context.Context, o Options) (*Server, error) {
	s := &Server{options: o, gate: newGate(o.UserToken), frames: newFrames(o.Board), ended: make(chan struct{})}
	apps, err := o.Store.Apps(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range apps {
		s.gate.admit(a.ID, a.TokenHash)
	}
	return s, nil
}

// Code makes a one-time code for the page.
func (s *Server) Code() string {
	code, _ := s.gate.newCode(time.Now())
	return code
}

// Close ends all streams, so that http.Server.Shutdown does not wait for them. Call it once.
func (s *Server) Close() { close(s.ended) }

// free are the API's routes that need no token: they tell nothing about calls.
var free = map[string]bool{"GET /v1/hello": true, "POST /v1/session": true, "GET /v1/openapi.yaml": true}

// Handler is everything, the Host allow-list outermost.
func (s *Server) Handler() http.Handler {
	routes := http.NewServeMux()
	HandlerWithOptions(s, StdHTTPServerOptions{BaseRouter: routes, ErrorHandlerFunc: func(w http.ResponseWriter, _ *http.Request, err error) {
		s.fail(w, &telephony.Error{Code: telephony.CodeInvalid, Message: err.Error(), Remedy: "see /v1/openapi.yaml"})
	}})
	routes.HandleFunc("GET /v1/openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		w.Write(api.Spec)
	})
	routes.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, &telephony.Error{Code: telephony.CodeNotFound, Message: "there is no " + r.Method + " " + telephony.Display(r.URL.Path), Remedy: "see /v1/openapi.yaml"})
	})
	all := http.NewServeMux()
	all.Handle("/v1/", s.gate.require(routes, free, s.fail))
	all.HandleFunc("/sdk/callboard.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Write(s.options.SDK)
	})
	all.Handle("/", http.FileServerFS(s.options.Page))
	return hosts(s.options.Hosts, headers(origins(all, s.fail)), s.fail)
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

// Serve answers on a listener until ctx ends; then it lets requests finish for a few seconds, and ends the streams.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(s.options.Logger.Handler(), slog.LevelDebug),
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		s.Close()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if h.Shutdown(last) != nil {
			h.Close()
		}
	})
	err := h.Serve(l)
	if !stop() {
		<-stopped
		return nil
	}
	return err
}
