package app

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/internal/config"
	"github.com/callboard-dev/callboard/internal/demopbx"
	"github.com/callboard-dev/callboard/internal/server/servertest"
	"github.com/callboard-dev/callboard/internal/telephony"
)

func TestMain(m *testing.M) {
	cache, err := os.MkdirTemp("", "callboard-app-")
	if err == nil {
		err = os.Setenv("XDG_CACHE_HOME", cache) // notes of these programs are not for the person who runs the tests
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(cache)
		os.Exit(code)
	}))
}

// patience bounds every wait; nothing waits so long when all is well.
const patience = 60 * time.Second

const account, secret = "u1001", "s3cret"

// startPBX starts a demo PBX; Callboard's account is restricted as it should be.
func startPBX(t *testing.T, speed float64) *demopbx.PBX {
	t.Helper()
	pbx, err := demopbx.New(demopbx.Options{Speed: speed, LoginDelay: time.Millisecond, WriteTimeout: 5 * time.Second, Accounts: map[string]demopbx.Account{
		account: {Secret: secret, Read: "call", Write: "call"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pbx.Close(); err != nil {
			t.Errorf("close the PBX: %v", err)
		}
	})
	return pbx
}

func settings(pbx, folder string) config.Config {
	c := config.Defaults()
	c.PBX.Address, c.PBX.Username, c.PBX.Secret = pbx, account, secret
	c.Line.Extensions = []config.Extension{{Number: "1001", Device: "PJSIP/1001"}}
	c.Listen.Address = "127.0.0.1:0"
	c.Data = folder
	return c
}

// program is a running App, the person's client of it, and a stream that holds every frame to the contract.
type program struct {
	t      *testing.T
	app    *App
	stop   func() // ends it and waits
	links  chan telephony.Link
	client *client.Client
	seen   chan servertest.Notification
	last   string // the id of the newest one; read it after stop
}

// start runs Callboard on a free port until the test ends or stop is called. Its stream begins now.
func start(t *testing.T, c config.Config) *program {
	t.Helper()
	return resume(t, c, "")
}

// resume is start with a stream that goes on after a cursor.
func resume(t *testing.T, c config.Config, cursor string) *program {
	t.Helper()
	p := &program{t: t, last: cursor, links: make(chan telephony.Link, 1000), seen: make(chan servertest.Notification, 10_000)}
	a, err := New(t.Context(), Options{Config: c, Version: "test", OnLink: func(l telephony.Link) { p.links <- l }})
	if err != nil {
		t.Fatal(err)
	}
	p.app = a
	contract, err := servertest.Load()
	if err != nil {
		t.Fatal(err)
	}
	base := &http.Transport{}
	web := &http.Client{Transport: &servertest.Transport{Base: base, Contract: contract, Report: func(err error) { t.Errorf("not as the contract has it: %v", err) }}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	read := make(chan struct{})
	stopped := false
	p.stop = func() {
		t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("run: %v", err)
			}
		case <-time.After(patience):
			t.Error("it does not end")
		}
		<-read
		p.client.Close()
		base.CloseIdleConnections()
	}
	p.client, err = client.Connect(t.Context(), client.Options{URL: a.URL(), Token: a.UserToken(), HTTPClient: web})
	if err != nil {
		close(read)
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	req, err := http.NewRequestWithContext(context.Background(), "GET", a.URL()+"/v1/watch?include=claims&cursor="+cursor, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.UserToken())
	res, err := web.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(read)
		defer res.Body.Close()
		p.read(contract.NewStream(res.Body))
	}()
	return p
}

func (p *program) read(stream *servertest.Stream) {
	defer close(p.seen)
	for {
		n, err := stream.Next()
		if err != nil {
			if err.Error() != "EOF" {
				p.t.Errorf("the stream: %v", err)
			}
			return
		}
		if p.last != "" && n.Type != "bookmark" && place(p.last) != 0 && place(n.ID) != place(p.last)+1 {
			p.t.Errorf("%s comes after %s", n.ID, p.last)
		}
		p.last = n.ID
		p.seen <- n
	}
}

// place is the seq of a cursor.
func place(cursor string) (seq uint64) {
	fmt.Sscanf(cursor[strings.LastIndex(cursor, ":")+1:], "%d", &seq)
	return seq
}

// until waits for a notification that is as wanted.
func (p *program) until(what string, want func(servertest.Notification) bool) servertest.Notification {
	p.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case n, more := <-p.seen:
			if !more {
				p.t.Fatalf("the stream ended before %s", what)
			}
			if want(n) {
				return n
			}
		case <-limit:
			p.t.Fatalf("%s did not come", what)
		}
	}
}

func kind(name string) func(servertest.Notification) bool {
	return func(n servertest.Notification) bool { return string(n.Type) == name }
}

// connected waits until the link to the PBX is up.
func (p *program) connected() {
	p.t.Helper()
	p.link(telephony.LinkConnected)
}

// link waits until the link is in a state and returns how it stands then.
func (p *program) link(state telephony.LinkState) telephony.Link {
	p.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case l := <-p.links:
			if l.State == state {
				return l
			}
		case <-limit:
			p.t.Fatalf("the link did not become %s", state)
		}
	}
}

func (p *program) record(id string) *client.Record {
	p.t.Helper()
	r, err := p.client.Record(p.t.Context(), id, true)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func scenario(t *testing.T, text string) *demopbx.Scenario {
	t.Helper()
	s, err := demopbx.ParseScenario("test", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func play(t *testing.T, pbx *demopbx.PBX, s *demopbx.Scenario) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := pbx.Play(ctx, s); err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
}

// hangUpAll ends every call at a PBX, as its operator would.
func hangUpAll(t *testing.T, pbx *demopbx.PBX) {
	t.Helper()
	conn, err := net.Dial("tcp", pbx.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "Action: Login\r\nUsername: %s\r\nSecret: %s\r\nEvents: off\r\n\r\nAction: Hangup\r\nChannel: /PJSIP.trunk/\r\nCause: 16\r\n\r\n", account, secret); err != nil {
		t.Fatal(err)
	}
	for in := bufio.NewReader(conn); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("hang up: %v", err)
		}
		if strings.Contains(line, "ChannelsHungupListComplete") {
			return
		}
	}
}

// notes are the notes of running programs.
func notes(t *testing.T) []string {
	t.Helper()
	folder, err := runningFolder()
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// sentence checks that an error is one sentence for a person, and nothing of ours.
func sentence(t *testing.T, err error, wants ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	for _, never := range []string{"\n", "goroutine", ".go:"} {
		if strings.Contains(err.Error(), never) {
			t.Errorf("%q says %q", err, never)
		}
	}
}
