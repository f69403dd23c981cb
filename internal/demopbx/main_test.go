package demopbx

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const scenarioDir = "../../testdata/scenarios"

// startPBX starts a PBX with an account "admin" that may do everything, and "user" that only hears and manages calls.
func startPBX(t testing.TB, change func(*Options)) *PBX {
	t.Helper()
	o := Options{
		Accounts: map[string]Account{
			"admin": {Secret: "lab-admin", Read: "all", Write: "all"},
			"user":  {Secret: "lab-user", Read: "call", Write: "call"},
			"deaf":  {Secret: "lab-deaf"},
		},
		Speed: 50, LoginDelay: 10 * time.Millisecond,
		WriteTimeout: 5 * time.Second, // a busy test machine is no slow reader
	}
	if change != nil {
		change(&o)
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// ami is one received message: its lines in order, and its bytes.
type ami struct {
	keys, values []string
	raw          string
}

func (m ami) get(key string) string {
	for i, k := range m.keys {
		if k == key {
			return m.values[i]
		}
	}
	return ""
}

func (m ami) has(suffix string) bool {
	return slices.ContainsFunc(m.keys, func(k string) bool { return strings.HasSuffix(k, suffix) })
}

// parseAMI is strict: every line is "Key: Value" CRLF.
func parseAMI(t testing.TB, raw string) ami {
	t.Helper()
	m := ami{raw: raw}
	for line := range strings.SplitSeq(strings.TrimSuffix(raw, "\r\n\r\n"), "\r\n") {
		key, value, ok := strings.Cut(line, ": ")
		if !ok || key == "" || strings.ContainsAny(line, "\r\n") {
			t.Errorf("malformed line %q in message %q", line, raw)
		}
		m.keys, m.values = append(m.keys, key), append(m.values, value)
	}
	return m
}

// client is a plain AMI client.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func connect(t testing.TB, p *PBX) *client {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := newClient(t, conn)
	return c
}

func newClient(t testing.TB, conn net.Conn) *client {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	c := &client{t: t, conn: conn, r: bufio.NewReader(conn)}
	greeting, err := c.r.ReadString('\n')
	if err != nil || greeting != "Asterisk Call Manager/11.0.0\r\n" {
		t.Fatalf("greeting %q, %v", greeting, err)
	}
	return c
}

// login logs in as admin and reads up to the answer.
func login(t testing.TB, p *PBX, user string, more ...string) *client {
	t.Helper()
	c := connect(t, p)
	c.send(append([]string{"Action: Login", "Username: " + user, "Secret: lab-" + user, "ActionID: login"}, more...)...)
	if m := c.answer("login"); m.get("Message") != "Authentication accepted" {
		t.Fatalf("login: %q", m.raw)
	}
	return c
}

func (c *client) send(lines ...string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) read() (ami, error) {
	var b strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			return ami{raw: b.String()}, err
		}
		if line == "\r\n" {
			return parseAMI(c.t, b.String()), nil
		}
	}
}

// next reads one message.
func (c *client) next() ami {
	c.t.Helper()
	m, err := c.read()
	if err != nil {
		c.t.Fatalf("read: %v after %q", err, m.raw)
	}
	return m
}

// answer reads up to the Response of an action.
func (c *client) answer(id string) ami {
	c.t.Helper()
	for {
		if m := c.next(); m.keys[0] == "Response" && m.get("ActionID") == id {
			return m
		}
	}
}

// list sends an action and reads its list: the response, the items, the Complete event.
func (c *client) list(lines ...string) []ami {
	c.t.Helper()
	c.send(append(lines, "ActionID: list")...)
	all := []ami{c.answer("list")}
	for all[0].get("Response") == "Success" {
		m := c.next()
		if m.get("ActionID") != "list" {
			continue
		}
		all = append(all, m)
		if m.get("EventList") == "Complete" {
			break
		}
	}
	return all
}

// drain returns everything that was queued before it was called. It pings twice: the first answer may overtake events that
// wait, the second comes in a later write than they do.
func (c *client) drain() []ami {
	c.t.Helper()
	var events []ami
	for _, id := range []string{"drain-1", "drain-2"} {
		c.send("Action: Ping", "ActionID: "+id)
		for m := c.next(); m.get("ActionID") != id; m = c.next() {
			events = append(events, m)
		}
	}
	return events
}

func loadScenario(t testing.TB, name string) *Scenario {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(scenarioDir, name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseScenario(name+".txt", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t testing.TB, text string) *Scenario {
	t.Helper()
	s, err := ParseScenario("test", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// record plays scenarios one after the other and returns every event that admin heard.
func record(t testing.TB, p *PBX, scenarios ...*Scenario) []ami {
	t.Helper()
	c := login(t, p, "admin")
	for _, s := range scenarios {
		if err := p.Play(context.Background(), s); err != nil {
			t.Fatal(err)
		}
	}
	var events []ami
	for _, m := range c.drain() {
		if m.keys[0] == "Event" && m.get("Event") != "SuccessfulAuth" && m.get("Event") != "FullyBooted" {
			events = append(events, m)
		}
	}
	return events
}
