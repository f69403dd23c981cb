package ami

import (
	"bytes"
	"context"
	"crypto/md5" // #nosec: the manager's challenge login is defined so
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Login says how the secret is proven.
type Login string

const (
	LoginAuto  Login = ""      // plain inside TLS, else MD5
	LoginPlain Login = "plain" // the secret goes over the wire
	LoginMD5   Login = "md5"   // a digest of a challenge goes over the wire; the events still do in clear
)

// Config says which PBX and as whom.
type Config struct {
	Address  string // host:port
	Username string
	Secret   string
	Login    Login
	TLS      *tls.Config // nil: plain TCP
	Logger   *slog.Logger

	Context    string // of the dialplan, in which numbers are dialled; empty: the device's own
	RecordCode string // the digits that start and stop a recording during a call, where the dialplan has such; may be empty
}

// How long things may take. A PBX that says nothing is found dead within silence. One that talks but does not answer is
// found dead within unanswered + pingEvery, for it is looked at with every ping.
const (
	dialTimeout  = 5 * time.Second
	replyTimeout = 10 * time.Second
	pingEvery    = 5 * time.Second
	unanswered   = 9 * time.Second // longer than a ping and its answer, shorter than two
	silence      = 10 * time.Second
	loginTimeout = 15 * time.Second // for the login as a whole, whatever comes in drops meanwhile
	listTimeout  = 30 * time.Second // for the snapshot as a whole, from the login on
	writeTimeout = 5 * time.Second
)

// Bounds of what is kept until the snapshot is complete.
const (
	mostLegs  = 50_000
	mostLater = 200_000
	mostBytes = 64 << 20 // of both
)

// Connector is one manager account at one Asterisk.
type Connector struct {
	config  Config
	connect func(ctx context.Context, network, address string) (net.Conn, error)
	linked  atomic.Pointer[session] // nil while there is no link
	asking  *rate.Limiter           // of Getvar: each may lock a channel or wait for its SIP thread
	most    bounds
}

// bounds are how much is kept until a snapshot is complete; zero: any.
type bounds struct{ legs, later, bytes int }

// New returns a connector; nothing is dialled before Run.
func New(c Config) *Connector {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: pingEvery, Interval: pingEvery, Count: 2}}
	return &Connector{config: c, connect: dialer.DialContext, asking: rate.NewLimiter(asksPerSecond, 1), most: bounds{mostLegs, mostLater, mostBytes}}
}

// Run logs in, takes a snapshot of the live legs and then reports every observation in wire order, until ctx ends or the
// link is gone. It holds exactly one TCP connection and has closed it when it returns. The error is a *connector.Failure
// wherever a person can do something about it. report is called from this goroutine only.
func (c *Connector) Run(ctx context.Context, report func(telephony.Observation)) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	held, end := context.WithCancelCause(ctx)
	var beside sync.WaitGroup
	defer func() {
		end(nil)
		beside.Wait()
	}()
	beside.Go(func() {
		<-held.Done()
		conn.Close()
	})
	s := newSession(c.config, conn, report)
	s.most, s.up = c.most, func() { c.linked.Store(s) }
	defer func() {
		c.linked.CompareAndSwap(s, nil)
		close(s.replies.gone)
	}()
	late := time.AfterFunc(loginTimeout, func() {
		end(fmt.Errorf("ami: the login is not done after %v: %w", loginTimeout, os.ErrDeadlineExceeded))
	})
	err = s.login()
	if !late.Stop() || err != nil {
		if cause := context.Cause(held); cause != nil {
			err = cause
		}
		return c.explain(ctx, err)
	}
	beside.Go(func() { s.ping(held, end) })
	err = s.read()
	if cause := context.Cause(held); cause != nil { // the reader only found its connection closed
		err = cause
	}
	err = c.explain(ctx, err)
	if f, ok := errors.AsType[*connector.Failure](err); ok {
		f.HeardAt = s.heardAt
	}
	return err
}

func (c *Connector) dial(ctx context.Context) (net.Conn, error) {
	conn, err := c.connect(ctx, "tcp", c.config.Address)
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	if c.config.TLS == nil {
		return conn, nil
	}
	secure := tls.Client(conn, c.config.TLS)
	limited, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	if err := secure.HandshakeContext(limited); err != nil {
		conn.Close()
		return nil, c.explain(ctx, err)
	}
	return secure, nil
}

// session is one connection from the greeting to the end.
type session struct {
	config   Config
	conn     net.Conn
	reader   *Reader
	report   func(telephony.Observation)
	banner   string
	peer     string
	bootedAt time.Time
	heardAt  time.Time
	answered atomic.Int64 // when the PBX last answered one of our actions, in Unix nanoseconds
	actions  atomic.Int64
	writing  sync.Mutex
	snapshot *snapshot // nil once it is complete
	forgery  forgery
	replies  *replies
	rightsID string // of the ListCommands
	rights   Rights // as long as there is no snapshot only the reading goroutine's, then not changed
	up       func() // called when the snapshot is complete; may be nil
	most     bounds
	placed   placed
	contexts contexts
}

// snapshot collects the Status list. What happens meanwhile waits in later.
type snapshot struct {
	id    string
	until time.Time
	torn  bool // a caller has torn the list: it may lack items
	legs  []telephony.SnapshotLeg
	later []telephony.Observation
	bytes int // that legs and later take up
}

func newSession(c Config, conn net.Conn, report func(telephony.Observation)) *session {
	s := &session{config: c, conn: conn, report: report, replies: newReplies()}
	s.reader = NewReader(patient{conn, &s.heardAt})
	return s
}

// patient gives every read its own deadline: a PBX that says nothing for so long, not even to a ping, is gone.
// It notes when it was last heard.
type patient struct {
	net.Conn
	heardAt *time.Time
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	n, err := p.Conn.Read(b)
	if n > 0 {
		*p.heardAt = time.Now()
	}
	return n, err
}

func (s *session) login() error {
	banner, err := s.reader.Banner()
	if err != nil {
		return err
	}
	s.banner = banner
	fields := []Pair{{"Username", s.config.Username}}
	method := s.config.Login
	if method == LoginAuto && s.config.TLS == nil {
		method = LoginMD5
	}
	if method == LoginMD5 {
		reply, err := s.ask(Action{Name: "Challenge", Fields: []Pair{{"AuthType", "MD5"}}})
		if err != nil {
			return err
		}
		sum := md5.Sum([]byte(reply.Text("Challenge") + s.config.Secret))
		fields = append(fields, Pair{"AuthType", "MD5"}, Pair{"Key", hex.EncodeToString(sum[:])})
	} else {
		fields = append(fields, Pair{"Secret", s.config.Secret})
	}
	_, err = s.ask(Action{Name: "Login", Fields: append(fields, Pair{"Events", "call,system,agent"})})
	return err
}

// ask sends one action during login, when nothing else is under way, and waits for its response.
func (s *session) ask(a Action) (*Message, error) {
	id, err := s.send(a)
	if err != nil {
		return nil, err
	}
	for {
		m, err := s.reader.Next()
		if err != nil {
			return nil, err
		}
		if m.Response() == nil || m.Text("ActionID") != id { // nothing about calls is ours to hear yet
			s.booted(m, time.Now())
			continue
		}
		if string(m.Response()) != "Success" {
			return nil, &refusal{action: a.Name, message: m.Text("Message")}
		}
		return m, nil
	}
}

// refusal is a Response: Error.
type refusal struct{ action, message string }

func (r *refusal) Error() string { return r.action + ": " + r.message }

// send writes one action under the next id.
func (s *session) send(a Action) (string, error) {
	a.ID = s.nextID()
	return a.ID, s.write(a)
}

// nextID makes an action's id. Ids have a fixed width, so that the same work is the same bytes.
func (s *session) nextID() string { return fmt.Sprintf("cb-%08d", s.actions.Add(1)) }

func (s *session) write(a Action) error {
	wire, err := a.Encode()
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err = s.conn.Write(wire)
	return err
}

// ping keeps the PBX answering. Where it cannot be sent, or what we asked stays unanswered, the link is given up: bytes
// that merely come in are no sign of life of the session that would carry out our actions.
func (s *session) ping(ctx context.Context, giveUp context.CancelCauseFunc) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	s.answered.Store(time.Now().UnixNano())
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if mute := now.Sub(time.Unix(0, s.answered.Load())); mute > unanswered {
				giveUp(fmt.Errorf("ami: no answer for %v: %w", mute.Round(time.Second), os.ErrDeadlineExceeded))
				return
			}
			if _, err := s.send(Action{Name: "Ping"}); err != nil {
				giveUp(err)
				return
			}
		}
	}
}

// read asks for the snapshot and then follows the stream. The account has subscribed at login, so nothing is missed:
// what comes before the snapshot is complete waits and is applied after it.
func (s *session) read() error {
	if _, err := s.send(Action{Name: "CoreSettings"}); err != nil {
		return err
	}
	var err error
	if s.rightsID, err = s.send(Action{Name: "ListCommands"}); err != nil {
		return err
	}
	id, err := s.send(Action{Name: "Status"})
	if err != nil {
		return err
	}
	s.snapshot = &snapshot{id: id, until: time.Now().Add(listTimeout)}
	for {
		m, err := s.reader.Next()
		if err != nil {
			return err
		}
		now := time.Now()
		if s.snapshot != nil && now.After(s.snapshot.until) {
			return fmt.Errorf("ami: the list of channels did not come within %v: %w", listTimeout, os.ErrDeadlineExceeded)
		}
		if (s.snapshot != nil || m.Response() != nil) && bytes.HasPrefix(m.Get("ActionID"), ownID) {
			s.answered.Store(now.UnixNano())
		}
		switch {
		case s.forgery.found(m):
			s.config.Logger.Warn("message left out: a caller's text has torn or forged it", "event", string(m.Event()))
			if s.snapshot != nil {
				s.snapshot.torn = true
			}
		case m.Event() != nil:
			err = s.event(m, now)
		case m.Response() != nil:
			err = s.response(m)
		}
		if err != nil {
			return err
		}
	}
}

var ownID = []byte("cb-")

func (s *session) response(m *Message) error {
	s.replies.take(m)
	if s.snapshot == nil && len(m.Get("Ping")) > 0 { // so that the tracker knows that time passes and nothing happens
		s.report(telephony.Observation{ObservedAt: s.heardAt})
	}
	if s.snapshot != nil && m.Text("ActionID") == s.rightsID {
		s.rights = parseRights(m)
	}
	if version := m.Text("AsteriskVersion"); version != "" {
		s.peer = "Asterisk " + telephony.Display(version)
	}
	if s.snapshot != nil && m.Text("ActionID") == s.snapshot.id && string(m.Response()) != "Success" {
		return &refusal{action: "Status", message: m.Text("Message")}
	}
	return nil
}

func (s *session) event(m *Message, now time.Time) error {
	if m.Suspect {
		s.config.Logger.Warn("message with raw line breaks or hidden headers, taken apart with care", "event", string(m.Event()))
	}
	switch string(m.Event()) {
	case "FullyBooted":
		s.booted(m, now)
		return nil
	case "Shutdown":
		return &connector.Failure{Problem: "The PBX is shutting down", Remedy: "Callboard connects again by itself when it is back"}
	case "Status":
		if s.snapshot == nil || m.Text("ActionID") != s.snapshot.id {
			return nil
		}
		return s.listed(m)
	case "StatusComplete":
		return s.complete(m, now)
	}
	o, useful := s.placed.observe(m, now)
	if !useful {
		o, useful = observe(m, now)
	}
	switch {
	case !useful:
	case s.snapshot == nil:
		s.report(o)
	default:
		s.snapshot.later = append(s.snapshot.later, o)
		return s.bounded(len(s.snapshot.later), s.most.later, reflect.ValueOf(o), "events before its list was complete")
	}
	return nil
}

// listed keeps one item of the list.
func (s *session) listed(m *Message) error {
	leg := snapshotLeg(m)
	if overlong(leg.LegFacts) || len(leg.Bridge) > longestID {
		s.config.Logger.Warn("channel left out: its ids are too long", "event", string(m.Event()))
		s.snapshot.torn = true
		return nil
	}
	s.snapshot.legs = append(s.snapshot.legs, leg)
	return s.bounded(len(s.snapshot.legs), s.most.legs, reflect.ValueOf(leg), "channels in its list")
}

// bounded counts what was kept last, and fails beyond the bounds.
func (s *session) bounded(count, most int, kept reflect.Value, what string) error {
	s.snapshot.bytes += int(kept.Type().Size()) + sizeOf(kept)
	switch {
	case most > 0 && count > most:
		return s.tooMuch(fmt.Sprintf("%d %s", most, what))
	case s.most.bytes > 0 && s.snapshot.bytes > s.most.bytes:
		return s.tooMuch(fmt.Sprintf("%d kB of %s", s.most.bytes>>10, what))
	}
	return nil
}

// sizeOf is the memory that a value points to: its texts, lists and facts.
func sizeOf(v reflect.Value) (size int) {
	switch v.Kind() {
	case reflect.String:
		return v.Len()
	case reflect.Struct:
		for i := range v.NumField() {
			size += sizeOf(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			size += int(v.Type().Elem().Size()) + sizeOf(v.Index(i))
		}
	case reflect.Interface:
		if !v.IsNil() {
			size = int(v.Elem().Type().Size()) + sizeOf(v.Elem())
		}
	}
	return size
}

func (s *session) tooMuch(what string) error {
	return &connector.Failure{Problem: "The PBX sent more than " + what,
		Remedy: "this is more than one Callboard can follow: let the PBX's administrator look at its load and at `core show channels`"}
}

// booted learns from FullyBooted when the PBX was started.
func (s *session) booted(m *Message, now time.Time) {
	if uptime := m.Int("Uptime", -1); uptime >= 0 && string(m.Event()) == "FullyBooted" {
		s.bootedAt = now.Add(-time.Duration(uptime) * time.Second)
	}
}

// complete reports the snapshot once its list is whole, then what waited.
func (s *session) complete(m *Message, now time.Time) error {
	if s.snapshot == nil || m.Text("ActionID") != s.snapshot.id {
		return nil
	}
	if items := m.Int("ListItems", len(s.snapshot.legs)); items != len(s.snapshot.legs) && !s.snapshot.torn {
		return fmt.Errorf("ami: the list of channels has %d items where %d were promised", len(s.snapshot.legs), items)
	}
	peer := s.peer
	if peer == "" {
		peer = "Asterisk (manager " + telephony.Display(s.banner) + ")"
	}
	done := s.snapshot
	s.snapshot = nil
	if s.up != nil {
		s.up()
	}
	s.report(telephony.Observation{ObservedAt: now, Fact: telephony.LinkUp{Peer: peer, BootedAt: s.bootedAt, Warnings: s.warnings()}})
	s.report(telephony.Observation{ObservedAt: now, Fact: telephony.Snapshot{Legs: done.legs}})
	for _, o := range done.later {
		s.report(o)
	}
	return nil
}
