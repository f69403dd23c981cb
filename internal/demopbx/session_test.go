package demopbx

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	p := startPBX(t, nil)
	c := connect(t, p)
	c.send("Action: Login", "Username: admin", "Secret: lab-admin", "ActionID: 7")
	if got, want := c.next().raw, "Response: Success\r\nActionID: 7\r\nMessage: Authentication accepted\r\n\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	want := "Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 0\r\nLastReload: 0\r\nStatus: Fully Booted\r\n\r\n"
	got := c.next()
	if got.get("Uptime") != "0" { // a slow machine: seconds pass quickly at this PBX
		want = strings.ReplaceAll(want, ": 0\r\n", ": "+got.get("Uptime")+"\r\n")
	}
	if got.raw != want {
		t.Errorf("got %q, want %q", got.raw, want)
	}
	if m := c.next(); m.get("Event") != "SuccessfulAuth" || m.get("AccountID") != "admin" || m.get("Privilege") != "security,all" {
		t.Errorf("got %q, want SuccessfulAuth", m.raw)
	}
	c.send("Action: Login", "Username: admin", "Secret: wrong")
	if m := c.next(); m.get("Message") != "Already authenticated" {
		t.Errorf("second login: %q", m.raw)
	}
	c.send("Action: Logoff")
	if m := c.next(); m.get("Response") != "Goodbye" || m.get("Message") != "Thanks for all the fish." {
		t.Errorf("logoff: %q", m.raw)
	}
	if _, err := c.read(); !errors.Is(err, io.EOF) {
		t.Errorf("after logoff: %v", err)
	}
}

func TestLoginRefused(t *testing.T) {
	t.Parallel()
	p := startPBX(t, nil)
	tests := []struct {
		name   string
		lines  []string
		refuse bool
	}{
		{"wrong password", []string{"Username: admin", "Secret: guess"}, false},
		{"no password", []string{"Username: admin"}, false},
		{"unknown user", []string{"Username: nobody", "Secret: lab-admin"}, false},
		{"no user", []string{"Secret: lab-admin"}, false},
		{"MD5 without a challenge", []string{"Username: admin", "AuthType: MD5", "Key: " + hexMD5("lab-admin")}, false},
		{"fault", []string{"Username: admin", "Secret: lab-admin"}, true},
	}
	for _, test := range tests {
		p.RefuseLogin(test.refuse)
		c := connect(t, p)
		c.send(append([]string{"Action: Login", "ActionID: x"}, test.lines...)...)
		if got := c.next().raw; got != "Response: Error\r\nActionID: x\r\nMessage: Authentication failed\r\n\r\n" {
			t.Errorf("%s: %q", test.name, got)
		}
		if _, err := c.read(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: connection still open: %v", test.name, err)
		}
	}
}

func TestRefusalTakesASecond(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.LoginDelay = 0 })
	c := connect(t, p)
	begun := time.Now()
	c.send("Action: Login", "Username: admin", "Secret: guess")
	c.next()
	if took := time.Since(begun); took < time.Second {
		t.Errorf("refused after %v, Asterisk sleeps one second", took)
	}
}

func hexMD5(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestMD5(t *testing.T) {
	t.Parallel()
	c := connect(t, startPBX(t, nil))
	c.send("Action: Challenge", "AuthType: plain")
	if m := c.next(); m.get("Message") != "Must specify AuthType" {
		t.Errorf("got %q", m.raw)
	}
	c.send("Action: challenge", "authtype: md5", "ActionID: 1")
	m := c.next()
	challenge := m.get("Challenge")
	if m.raw != "Response: Success\r\nActionID: 1\r\nChallenge: "+challenge+"\r\n\r\n" || challenge == "" {
		t.Fatalf("got %q", m.raw)
	}
	c.send("Action: Login", "AuthType: MD5", "Username: admin", "Key: "+hexMD5(challenge+"lab-admin"))
	if m := c.next(); m.get("Message") != "Authentication accepted" {
		t.Errorf("got %q", m.raw)
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	p := startPBX(t, nil)
	stranger := connect(t, p)
	stranger.send("Action: Ping", "ActionID: 1")
	if got := stranger.next().raw; got != "Response: Error\r\nActionID: 1\r\nMessage: Permission denied\r\n\r\n" {
		t.Errorf("before login: %q", got)
	}
	c := login(t, p, "user")
	tests := []struct{ name, request, want string }{
		{"unknown", "Action: Frobnicate\r\n", "Invalid/unknown command: Frobnicate. Use Action: ListCommands to show available commands."},
		{"no action", "Foo: bar\r\n", "Missing action in request"},
		{"empty action", "Action: \r\n", "Missing action in request"},
		{"nothing", "", "Missing action in request"},
		{"long line", "Action: Ping\r\nX: " + strings.Repeat("x", 5000) + "\r\n", "Failed to parse message: line too long"},
		{"many lines", "Action: Ping\r\n" + strings.Repeat("X: y\r\n", 200), "Too many lines in message or allocation failure"},
		{"not permitted", "Action: CoreShowChannels\r\n", "Permission denied"},
		{"not permitted", "Action: CoreStatus\r\n", "Permission denied"},
		{"no channel", "Action: Hangup\r\n", "No channel specified"},
		{"no such channel", "Action: Hangup\r\nChannel: PJSIP/1001-00000000\r\n", "No such channel"},
		{"bad regex", "Action: Hangup\r\nChannel: /(/\r\n", "Regex compile failed on: /(/"},
		{"half regex", "Action: Hangup\r\nChannel: /x\r\n", "Regex format invalid, Channel param should be /regex/"},
		{"no variable", "Action: Getvar\r\n", "No variable specified"},
		{"no channel", "Action: Getvar\r\nVariable: X\r\nChannel: y\r\n", "No such channel"},
		{"no channel", "Action: Status\r\nChannel: y\r\n", "No such channel"},
		{"no bridge", "Action: BridgeInfo\r\n", "BridgeUniqueid must be provided"},
		{"no such bridge", "Action: BridgeInfo\r\nBridgeUniqueid: y\r\n", "Specified BridgeUniqueid not found"},
		{"no mask", "Action: Events\r\n", "Invalid event mask"},
	}
	for _, test := range tests {
		if _, err := io.WriteString(c.conn, test.request+"\r\n"); err != nil {
			t.Fatal(err)
		}
		if m := c.next(); m.get("Response") != "Error" || m.get("Message") != test.want {
			t.Errorf("%s: %q", test.name, m.raw)
		}
	}
	if _, err := io.WriteString(c.conn, "action:ping\nactionid:   spaced id\n\n"); err != nil { // LF alone, no blanks
		t.Fatal(err)
	}
	m := c.next()
	if m.get("Ping") != "Pong" || m.get("ActionID") != "spaced id" || m.get("Timestamp") == "" {
		t.Errorf("ping: %q", m.raw)
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	p := startPBX(t, nil)
	clients := []struct {
		name string
		*client
		classes string
	}{
		{"all", login(t, p, "admin"), "call,all dialplan,all"},
		{"masked", login(t, p, "admin", "Events: system, call"), "call,all"},
		{"numeric mask", login(t, p, "admin", "Events: 2048"), "dialplan,all"},
		{"off", login(t, p, "admin", "Events: off"), ""},
		{"only call", login(t, p, "user", "Events: on"), "call,all"},
		{"nothing", login(t, p, "deaf"), ""},
	}
	if err := p.Play(context.Background(), loadScenario(t, "inbound-busy")); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		got := map[string]bool{}
		for _, m := range c.drain() {
			if m.get("Event") != "FullyBooted" && m.get("Event") != "SuccessfulAuth" {
				got[m.get("Privilege")] = true
			}
		}
		for _, class := range strings.Fields(c.classes) {
			if !got[class] {
				t.Errorf("%s: no events of %s", c.name, class)
			}
			delete(got, class)
		}
		if len(got) > 0 {
			t.Errorf("%s: also got %v", c.name, got)
		}
	}
	c := clients[3]
	for mask, want := range map[string]string{"call": "On", "off": "Off", "nonsense": "Off", "all": "On"} {
		c.send("Action: Events", "EventMask: "+mask, "ActionID: "+mask)
		if m := c.answer(mask); m.get("Events") != want {
			t.Errorf("mask %s: %q", mask, m.raw)
		}
	}
}

func TestUnknownClass(t *testing.T) {
	t.Parallel()
	_, err := New(Options{Accounts: map[string]Account{"x": {Read: "system,cal"}}})
	if err == nil || !strings.Contains(err.Error(), `"cal"`) {
		t.Errorf("got %v", err)
	}
}

func TestSlowReaderIsCut(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.WriteTimeout = 400 * time.Millisecond })
	slow, good := login(t, p, "admin"), login(t, p, "admin")
	if err := slow.conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, good.r)
	}()
	chunk := []byte(strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 100) + "\r\n")
	for changed := p.changed.wait(); p.Sessions() == 2; changed = p.changed.wait() {
		p.Inject(chunk)
		select {
		case <-changed:
		case <-time.After(time.Millisecond): // what the kernel buffers is not known: go on until it is full
		}
	}
	if got := p.Counters().Cut; got != 1 || p.Sessions() != 1 {
		t.Errorf("%d sessions cut, %d left; want the slow one cut and the good one left", got, p.Sessions())
	}
	_ = good.conn.Close()
	<-read
}

func TestStall(t *testing.T) {
	t.Parallel()
	p := startPBX(t, nil)
	c := login(t, p, "admin")
	c.drain()
	p.Stall(true)
	c.send("Action: Ping", "ActionID: 1")
	if err := p.Play(context.Background(), loadScenario(t, "inbound-busy")); err != nil { // the model does not wait
		t.Fatal(err)
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if m, err := c.read(); err == nil || m.raw != "" {
		t.Errorf("a stalled PBX sent %q, %v", m.raw, err)
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	p.Stall(false)
	kinds := map[string]int{}
	for kinds["Hangup"] < 2 || kinds[""] == 0 {
		kinds[c.next().get("Event")]++
	}
	p.Stall(true)
	p.Inject(make([]byte, queueLimit+1))
	if got := p.Counters().Cut; got != 1 {
		t.Errorf("%d sessions cut by a full queue, want 1", got)
	}
}

func TestWriteChunk(t *testing.T) {
	t.Parallel()
	want := record(t, startPBX(t, nil), loadScenario(t, "inbound-busy"))
	p := startPBX(t, nil)
	p.WriteChunk(3)
	got := record(t, p, loadScenario(t, "inbound-busy"))
	if len(got) != len(want) {
		t.Errorf("%d events in packets of 3 bytes, %d at once", len(got), len(want))
	}
	if shapeOf(got) != shapeOf(want) {
		t.Error("the events differ")
	}
}

func TestDropConnections(t *testing.T) {
	t.Parallel()
	p := startPBX(t, nil)
	for _, reset := range []bool{false, true} {
		c := login(t, p, "deaf")
		p.DropConnections(reset)
		_, err := c.read()
		if want := map[bool]error{false: io.EOF, true: syscall.ECONNRESET}[reset]; !errors.Is(err, want) {
			t.Errorf("reset %v: %v, want %v", reset, err, want)
		}
		if n := p.Sessions(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	}
	login(t, p, "deaf")
	if err := p.WaitSessions(context.Background(), 1); err != nil {
		t.Error(err)
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.Speed = 1000; o.SystemName = "pbx1" })
	up := parse(t, "0.0 outside 2025550143 calls 5550101, rings 1001\n1.0 1001 answers\n")
	c := login(t, p, "admin")
	for range 2 {
		if err := p.Play(context.Background(), up); err != nil {
			t.Fatal(err)
		}
	}
	before := c.list("Action: CoreShowChannels")
	p.Restart()
	for err := error(nil); err == nil; { // the connection ends without a word
		var m ami
		if m, err = c.read(); m.get("Event") == "Hangup" {
			t.Errorf("got %q", m.raw)
		}
	}
	c = login(t, p, "admin")
	if m := c.next(); m.get("Event") != "FullyBooted" || len(m.get("Uptime")) > 2 {
		t.Errorf("after the restart: %q", m.raw)
	}
	if got := c.list("Action: CoreShowChannels"); len(got) != 2 {
		t.Errorf("%d channels after the restart", len(got)-2)
	}
	if err := p.Play(context.Background(), up); err != nil {
		t.Fatal(err)
	}
	after := c.list("Action: CoreShowChannels")
	if a, b := after[1].get("Channel"), before[1].get("Channel"); a != b || len(after) != 4 || len(before) != 6 {
		t.Errorf("first channel %q after the restart, %q before; names must begin again", a, b)
	}
	a, b := after[1].get("Uniqueid"), before[1].get("Uniqueid")
	if a == b || !strings.HasPrefix(a, "pbx1-") || !strings.HasSuffix(a, ".0") {
		t.Errorf("Uniqueid %q after the restart, %q before", a, b)
	}
}

func TestInject(t *testing.T) {
	t.Parallel()
	p := startPBX(t, nil)
	c, stranger := login(t, p, "deaf"), connect(t, p)
	p.Inject([]byte("garbage without a colon\r\n\xff\x00: x\r\n\r\n"))
	got := make([]byte, 10)
	if _, err := io.ReadFull(c.r, got); err != nil || string(got) != "garbage wi" {
		t.Errorf("got %q, %v", got, err)
	}
	stranger.send("Action: Ping")
	if m := stranger.next(); m.get("Message") != "Permission denied" {
		t.Errorf("one that is not logged in got %q", m.raw)
	}
}

func TestLoginTimeout(t *testing.T) {
	t.Parallel()
	c := connect(t, startPBX(t, func(o *Options) { o.LoginTimeout = 20 * time.Millisecond }))
	if _, err := c.read(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the connection closed", err)
	}
}

func TestTooManyStrangers(t *testing.T) {
	t.Parallel()
	p := startPBX(t, nil)
	for range authLimit {
		connect(t, p)
	}
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if b, err := io.ReadAll(conn); err != nil || len(b) > 0 {
		t.Errorf("got %q, %v; want the connection closed without a greeting", b, err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"pbx.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	p := startPBX(t, func(o *Options) {
		o.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	})
	conn, err := tls.Dial("tcp", p.Addr(), &tls.Config{RootCAs: roots, ServerName: "pbx.test"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := newClient(t, conn)
	c.send("Action: Login", "Username: admin", "Secret: lab-admin")
	if m := c.next(); m.get("Message") != "Authentication accepted" {
		t.Errorf("got %q", m.raw)
	}
	m := c.next()
	for ; m.get("Event") != "SuccessfulAuth"; m = c.next() {
	}
	if !strings.HasPrefix(m.get("LocalAddress"), "IPV4/TLS/127.0.0.1/") {
		t.Errorf("got %q", m.raw)
	}
	c.send("Action: Logoff")
	if m := c.answer(""); m.get("Response") != "Goodbye" {
		t.Errorf("got %q", m.raw)
	}
	if _, err := c.read(); !errors.Is(err, io.EOF) {
		t.Errorf("after logoff: %v", err)
	}
}

func TestCounters(t *testing.T) {
	t.Parallel()
	p := startPBX(t, nil)
	c := login(t, p, "deaf")
	c.send("Action: Ping", "ActionID: 1")
	answer := c.answer("1")
	got := p.Counters()
	if got.MessagesIn != 2 || got.MessagesOut != 3 || got.BytesIn < 80 || got.Cut != 0 {
		t.Errorf("%+v", got)
	}
	if want := int64(len("Asterisk Call Manager/11.0.0\r\n") + len("Response: Success\r\nActionID: login\r\nMessage: Authentication accepted\r\n\r\n") +
		len(answer.raw)); got.BytesOut != want && got.BytesOut != want-int64(len(answer.raw)) { // counted just after the write
		t.Errorf("%d bytes out, want %d", got.BytesOut, want)
	}
}
