package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/callboard-dev/callboard/api"
)

// Transport is how notifications and work reach the client. Both carry the same.
type Transport string

const (
	// SSE is server-sent events over a plain HTTP response; answers are HTTP requests. The default.
	SSE Transport = "sse"
	// WebSocket carries notifications and answers on one socket.
	WebSocket Transport = "websocket"
)

// Options say where Callboard is and who speaks. URL and Token are needed.
type Options struct {
	// URL is the address that Callboard printed, such as http://127.0.0.1:8747. A path before /v1 is kept.
	URL string
	// Token says who speaks: the person, or the app that it was made for (callboard app add).
	Token string
	// HTTPClient is used for every request, without its Timeout, which would cut the stream. Default: one of our own,
	// which follows no redirects, so that the token goes nowhere else.
	HTTPClient *http.Client
	// Logger is told of breaks and refused answers. Default: nobody is.
	Logger *slog.Logger
	// Transport is SSE unless said otherwise.
	Transport Transport
	// IncludeClaims asks for every claim of every field, also those not shown, in the list and in the stream.
	IncludeClaims bool
	// Coalesce asks, where this client has fallen far behind, for the newest state of each record (record.newest) in place of all
	// its changes. Handlers are then not told of each of those.
	Coalesce bool
	// Only says which records are followed; the zero value follows all. Works are not filtered.
	Only Filter
	// Parallel is how many works are done at a time, 8 by default.
	Parallel int
}

// Filter says which records are followed. Within a word any one suffices; an empty word asks nothing. A record that comes to
// be one of them is told whole as record.added, one that no longer is as record.removed.
type Filter struct {
	Lines  []string
	States []State         // of the record
	Calls  []api.CallState // of its call
}

// Client is a connection to one Callboard. Make it with [Connect].
type Client struct {
	opt  Options
	url  string // without a trailing slash
	http *http.Client
	own  bool // the http client is ours to close
	log  *slog.Logger

	running atomic.Bool
	changed chan struct{} // the registration changed while a stream was open; capacity 1
	slots   chan struct{} // one per work being done
	works   sync.WaitGroup
	waiting atomic.Int64 // works that were handed to us and are not answered

	// Run's goroutine alone uses these; Connect before it.
	cursor string
	listed []*Record // what was listed and not yet told

	mu          sync.Mutex // guards what follows; never held while a handler runs
	handlers    []*handler
	onStatus    []*hook[Status]
	onListed    []*hook[[]*Record]
	enrichments []*enrichment
	held        map[string]held
	status      Status
}

// Connect lists the board once, so that a wrong address or token shows here and not later. The error is a [*Problem] if
// the server refused, else it says what could not be reached. It starts nothing: call [Client.Run] to follow the board.
func Connect(ctx context.Context, o Options) (*Client, error) {
	c, err := newClient(o)
	if err != nil {
		return nil, err
	}
	if err := c.list(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func newClient(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	switch {
	case o.URL == "":
		return nil, errors.New("no address of Callboard was given: set Options.URL, for example http://127.0.0.1:8747")
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return nil, fmt.Errorf("the address of Callboard %q is not an http or https URL: write it as http://127.0.0.1:8747", o.URL)
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		// The address that Callboard prints for the browser carries a one-time code behind the #.
		return nil, fmt.Errorf("the address of Callboard must end after the host and port: write it as %s://%s", u.Scheme, u.Host)
	case o.Token == "":
		return nil, errors.New("no token was given: set Options.Token; `callboard app add` makes one")
	case strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return nil, errors.New("the token holds a space, a line break or another character that no token has: copy it anew")
	}
	switch o.Transport {
	case "":
		o.Transport = SSE
	case SSE, WebSocket:
	default:
		return nil, fmt.Errorf("the transport %q is not known: use client.SSE or client.WebSocket", o.Transport)
	}
	if o.Parallel <= 0 {
		o.Parallel = 8
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Client{
		opt: o, url: strings.TrimRight(o.URL, "/"), log: o.Logger,
		changed: make(chan struct{}, 1), slots: make(chan struct{}, o.Parallel),
		held: make(map[string]held),
	}
	if o.HTTPClient != nil {
		h := *o.HTTPClient
		h.Timeout = 0
		c.http = &h
	} else {
		c.own = true
		c.http = &http.Client{
			Transport:     ownTransport(),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return c, nil
}

func ownTransport() *http.Transport {
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		return t.Clone()
	}
	return &http.Transport{Proxy: http.ProxyFromEnvironment}
}

// Close gives back idle connections. End a [Client.Run] by its context, before Close.
func (c *Client) Close() {
	if c.own {
		c.http.CloseIdleConnections()
	}
}
