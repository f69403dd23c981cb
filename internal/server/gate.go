package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// codeLife is how long a one-time code may be exchanged.
const codeLife = 10 * time.Minute

// NewToken makes a token: 130 random bits behind a prefix that tools can find in a leak.
func NewToken() string { return "cb_" + strings.ToLower(rand.Text()) }

// caller is who a token speaks for. gone is closed when the token is taken away.
type caller struct {
	source string
	gone   chan struct{}
	writes *rate.Limiter // how fast an app may write (SEC-23); nil for the person
	opens  *rate.Limiter // how fast an app may open streams (FLT-09); nil for the person, whose pages share the token
	puts   *rate.Limiter // how fast an app may put records on the board (SEC-23); nil for the person
	looks  chan struct{} // of size one: an app looks in the log once at a time; nil for the person
	may    []string      // commands that an app may give; the person may all
	dials  *window
	grant  board.Grant  // of an app
	reads  string       // see view
	since  board.Cursor // where it was let read that; zero: from the first
}

// writesPerSecond is how fast one app may write, unless it was set otherwise; twice as many at once.
const writesPerSecond = 50

// Limits are what one app may do.
type Limits struct {
	Writes  int // a second, twice as many at once; zero: 50
	Streams int // to open at once, a third as many a minute; zero: 30
}

// How often one app may open a stream (FLT-09). The SDKs, whose back-off ends at 15 s, open some ten in the first minute in
// which there is nobody to serve them, and then four a minute.
const (
	opensAtOnce = 30
	opensEvery  = 6 * time.Second // with that many at once; more often where more are let
)

// recordsShare: an app may put as many records on the board at once as it may write, and then one where it could write so often. At 50 writes
// a second that is one in six seconds. That slows an app down and does not bound what is open: a lookup stays so for a week.
const recordsShare = 300

func newApp(a KnownApp, l Limits) *caller {
	writes, opens := cmp.Or(l.Writes, writesPerSecond), cmp.Or(l.Streams, opensAtOnce)
	return &caller{source: a.ID, gone: make(chan struct{}), writes: rate.NewLimiter(rate.Limit(writes), 2*writes),
		opens: rate.NewLimiter(rate.Every(opensEvery*opensAtOnce/time.Duration(opens)), opens), may: a.May, dials: &window{},
		puts: rate.NewLimiter(rate.Limit(writes)/recordsShare, 2*writes), looks: make(chan struct{}, 1), grant: a.Grant, reads: strings.Join(a.Grant.Reads(a.ID), ",")}
}

// follows reports an error when a cursor is of a time when the caller read something else.
func (c *caller) follows(from board.Cursor) error {
	if from.Epoch == c.since.Epoch && from.Seq < c.since.Seq {
		return &telephony.Error{Code: telephony.CodeCursorGone, Message: "what this app may read has changed since", Remedy: "list the records again and watch from that list's cursor"}
	}
	return nil
}

// still reports an error when the token was taken away meanwhile.
func (c *caller) still() error {
	select {
	case <-c.gone:
		return errUnknown
	default:
		return nil
	}
}

// mayWrite reports an error when a token writes faster than it may.
func (c *caller) mayWrite() error {
	if c.writes != nil && !c.writes.Allow() {
		return &telephony.Error{Code: codeTooMany, Message: "this token writes too fast", Remedy: fmt.Sprintf("write at most %.0f times a second, several claims at once; try again in a second", float64(c.writes.Limit()))}
	}
	return nil
}

// of is an app that holds no stream; an error if it was taken away.
func (g *gate) of(app string) (*caller, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.tokens {
		if c.source == app {
			return c, nil
		}
	}
	return nil, errUnknown
}

// mayFollow reports an error when a token opens streams faster than it may, and after how many seconds it may again.
func (c *caller) mayFollow(now time.Time) (int, error) {
	return limited(c.opens, now, "this app opens one stream after another", "keep a stream open, wait longer after each that breaks, and at least as long as Retry-After says")
}

// mayOpen is the same for putting records on the board.
func (c *caller) mayOpen(now time.Time) (int, error) {
	return limited(c.puts, now, "this app opens one record after another", "look up whom a person asks for; go on after as long as Retry-After says")
}

// limited takes a place of a limiter, if there is one. Where there is no place now, it says so, and after how many seconds there is.
func limited(l *rate.Limiter, now time.Time, message, remedy string) (after int, err error) {
	if l == nil {
		return 0, nil
	}
	place := l.ReserveN(now, 1)
	wait := place.DelayFrom(now)
	if wait == 0 {
		return 0, nil
	}
	place.CancelAt(now)
	return int(wait/time.Second) + 1, &telephony.Error{Code: codeTooMany, Message: message, Remedy: remedy}
}

// patienceToLook is how long an app waits for its turn to look in the log.
const patienceToLook = 10 * time.Second

// look waits for an app's turn to look in the log: many searches beside one another take all readers of the store and all cores, and
// the person would wait for their own. done ends the turn.
func (c *caller) look(ctx context.Context) (done func(), err error) {
	if c.looks == nil {
		return func() {}, nil
	}
	late := time.NewTimer(patienceToLook)
	defer late.Stop()
	select {
	case c.looks <- struct{}{}:
		return func() { <-c.looks }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-late.C:
		return nil, &telephony.Error{Code: codeTooMany, Message: "this app looks in the log many times at once", Remedy: "ask for one page after the other; try again in a second"}
	}
}

// gate knows the tokens, by their SHA-256, and the one-time codes.
type gate struct {
	mu     sync.Mutex // guards all below
	tokens map[[32]byte]*caller
	user   string // the person's token, given out for a code
	codes  map[string]time.Time
	limits Limits
}

func newGate(userToken string, l Limits) *gate {
	g := &gate{tokens: map[[32]byte]*caller{}, user: userToken, limits: l, codes: map[string]time.Time{}}
	g.tokens[sha256.Sum256([]byte(userToken))] = &caller{source: board.SourceUser, gone: make(chan struct{}), may: []string{mayDial, mayControl, mayReopen, mayMetrics}, dials: &window{}}
	return g
}

// admit lets an app in by its token's hash, in place of an earlier token.
func (g *gate) admit(a KnownApp) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(a.ID)
	g.tokens[a.TokenHash] = newApp(a, g.limits)
}

// regrant lets an app do something else under the token that it has. Where it reads something else from now on its streams
// end; it begins them anew after what it lists then. It reports whether that is so.
func (g *gate) regrant(a KnownApp, now board.Cursor) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	held := g.tokens[a.TokenHash]
	if held == nil {
		return false
	}
	next := newApp(a, g.limits)
	next.writes, next.opens, next.puts, next.looks, next.dials = held.writes, held.opens, held.puts, held.looks, held.dials
	other := next.reads != held.reads
	if other {
		next.since = now
		close(held.gone)
	} else {
		next.gone, next.since = held.gone, held.since
	}
	g.tokens[a.TokenHash] = next
	return other
}

// remove takes an app's token away and ends its streams.
func (g *gate) remove(app string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(app)
}

func (g *gate) drop(app string) {
	for hash, c := range g.tokens {
		if c.source == app {
			close(c.gone)
			delete(g.tokens, hash)
		}
	}
}

// newCode makes a code for the person's browser.
func (g *gate) newCode(now time.Time) (string, time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for code, expiry := range g.codes {
		if now.After(expiry) {
			delete(g.codes, code)
		}
	}
	code := strings.ToLower(rand.Text())
	g.codes[code] = now.Add(codeLife)
	return code, g.codes[code]
}

// exchange gives the person's token for a code, once.
func (g *gate) exchange(code string, now time.Time) (string, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	expiry, known := g.codes[code]
	delete(g.codes, code)
	return g.user, known && now.Before(expiry)
}

// identify finds who speaks. The token is looked up by its hash: timing tells nothing about it.
func (g *gate) identify(r *http.Request) (*caller, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		g.mu.Lock()
		defer g.mu.Unlock()
		if c := g.tokens[sha256.Sum256([]byte(strings.TrimSpace(token)))]; c != nil {
			return c, nil
		}
	}
	return nil, errUnknown
}

var errUnknown = &telephony.Error{Code: codeUnauthorized, Message: "the token is missing or not known here",
	Remedy: "send Authorization: Bearer TOKEN; an app gets its token from `callboard app add`, the page from `callboard open`"}

// hosts is the outermost handler (SEC-02): a page that a name server has pointed at loopback bears a foreign Host.
func hosts(names []string, next http.Handler, refuse func(http.ResponseWriter, error)) http.Handler {
	allowed := map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true}
	named := map[string]bool{}
	for _, name := range names {
		if name = strings.ToLower(strings.TrimSuffix(name, ".")); name != "" {
			named[name] = true
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, port := splitHost(r.Host)
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		here, err := netip.ParseAddrPort(addrString(local))
		ok := named[host]
		if !ok && err == nil && here.Addr().Unmap().IsLoopback() {
			ok = (allowed[host] || host == here.Addr().Unmap().String()) && port == strconv.Itoa(int(here.Port()))
		}
		if !ok || r.URL.IsAbs() {
			refuse(w, &telephony.Error{Code: codeHost, Message: "this address is not one of Callboard's", Remedy: "use http://127.0.0.1 with Callboard's port, or add the name to listen.hosts in callboard.yaml"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func addrString(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// splitHost takes a Host apart, in lower case and without a trailing dot. What is no host gives an empty one.
func splitHost(hostport string) (host, port string) {
	brackets := strings.HasPrefix(hostport, "[") // IPv6 has them and nothing else does (RFC 3986, 3.2.2)
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]"), "80"
	}
	if brackets != strings.Contains(host, ":") {
		return "", ""
	}
	return strings.ToLower(strings.TrimSuffix(host, ".")), port
}

var errOrigin = &telephony.Error{Code: codeOrigin, Message: "a page of another site may not speak with Callboard", Remedy: "open Callboard's own page, or use the SDK from a program"}

// origins refuses a request that a browser sent from another site's page (SEC-03). No Origin: no browser, or the same site. A link
// may lead to the page from anywhere.
func origins(next http.Handler, refuse func(http.ResponseWriter, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
		foreign, link := site != "" && !ours(site), r.URL.Path == "/" || r.URL.Path == lookupPath
		if origin != "" && !strings.EqualFold(origin, "http://"+r.Host) && !strings.EqualFold(origin, "https://"+r.Host) || origin == "" && foreign && !link {
			refuse(w, errOrigin)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ours reports whether a Sec-Fetch-Site says that the person or the page itself has sent the request.
func ours(site string) bool { return site == "same-origin" || site == "none" }

type callerKey struct{}

// require lets only known callers through, but for the few routes that need none.
func (g *gate) require(next http.Handler, free map[string]bool, refuse func(http.ResponseWriter, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if free[r.Method+" "+r.URL.Path] {
			next.ServeHTTP(w, r)
			return
		}
		c, err := g.identify(r)
		if err != nil {
			refuse(w, err)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/v1/watch") {
			if after, err := c.mayFollow(time.Now()); err != nil {
				w.Header().Set("Retry-After", strconv.Itoa(after))
				refuse(w, err)
				return
			}
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if err := c.mayWrite(); err != nil {
				w.Header().Set("Retry-After", "1")
				refuse(w, err)
				return
			}
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	})
}

// onlyJSON refuses unsafe methods with anything but JSON, before anything is done: what a form on a foreign page can send
// is never JSON (SEC-05). A request without a body need not name a type; whether a body is needed, its handler knows.
func onlyJSON(next http.Handler, refuse func(http.ResponseWriter, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead
		if empty := r.ContentLength == 0 && r.Header.Get("Content-Type") == ""; !safe && !empty && !isJSON(r) {
			refuse(w, errMediaType)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func callerOf(r *http.Request) *caller {
	c, _ := r.Context().Value(callerKey{}).(*caller)
	return c
}
