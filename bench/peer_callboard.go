//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

var (
	callboardPeer = peer{name: ourName, start: func(folder string) (server, error) { return startCallboard(folder, false) }}
	callboardOff  = peer{name: offName, start: func(folder string) (server, error) { return startCallboard(folder, false, withoutCommits...) }}
	callboardSSE  = peer{name: sseName, start: func(folder string) (server, error) { return startCallboard(folder, true) }}
)

// withoutCommits is how Callboard is told to keep nothing.
var withoutCommits = []string{"--forget"}

// settings name a PBX that is not there: calls do not matter here.
const settings = `pbx: {address: "127.0.0.1:1", username: bench, secret: bench}
line: {region: DK, extensions: [{number: "1001", device: PJSIP/1001}]}
listen: {address: "127.0.0.1:0"}
limits: {writes_per_second: 1000000, streams_at_once: 100000}
data: %q
`

// collector is how the garbage collector of Callboard is set. Tight, memory in use is about what is held.
var collector = usualCollector

const usualCollector, tightCollector = "GOGC=100", "GOGC=10"

// program is the Callboard that is measured; build makes it.
var program string

func build() error {
	program = filepath.Join(scratch, "callboard")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "github.com/callboard-dev/callboard/cmd/callboard")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

type callboard struct {
	*process
	addr    string // host:port
	user    string // the person's token
	sse     bool
	records []string
	apps    []string // tokens
	told    int      // followers so far
}

func startCallboard(folder string, sse bool, args ...string) (*callboard, error) {
	file := filepath.Join(folder, "callboard.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, settings, filepath.Join(folder, "data")), 0o600); err != nil {
		return nil, err
	}
	// env becomes the program: the process is the same.
	p, err := startProcess(folder, "env", append([]string{collector, program, "run", "--config", file}, args...)...)
	if err != nil {
		return nil, err
	}
	c := &callboard{process: p, sse: sse}
	if c.addr, err = p.address("Callboard is at http://"); err == nil {
		var token []byte
		token, err = os.ReadFile(filepath.Join(folder, "data", "user.token"))
		c.user = strings.TrimSpace(string(token))
	}
	if err != nil {
		p.stop()
		return nil, err
	}
	go io.Copy(io.Discard, p.output)
	return c, nil
}

// ask is a request of the API.
func (c *callboard) ask(path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequest(http.MethodPost, "http://"+c.addr+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.user)
	r.Header.Set("Content-Type", "application/json")
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	said, err := io.ReadAll(got.Body)
	if err != nil {
		return err
	}
	if got.StatusCode >= 300 {
		return fmt.Errorf("POST %s: %s: %s", path, got.Status, said)
	}
	return json.Unmarshal(said, answer)
}

// open makes lookups until there are so many records.
func (c *callboard) open(records int) error {
	for len(c.records) < records {
		var made struct{ ID string }
		if err := c.ask("/v1/records", map[string]string{"number": fmt.Sprintf("+45%08d", 20000000+len(c.records))}, &made); err != nil {
			return err
		}
		c.records = append(c.records, made.ID)
	}
	return nil
}

// app lets one in and returns its token.
func (c *callboard) app(id string) (string, error) {
	var made struct{ Token string }
	err := c.ask("/v1/apps", map[string]string{"id": id, "name": id}, &made)
	return made.Token, err
}

// follow spreads followers over ten apps.
func (c *callboard) follow() (*sock, error) { return c.followWith(0) }

func (c *callboard) followWith(receive int) (*sock, error) {
	const apps = 10
	if len(c.apps) < apps {
		token, err := c.app(fmt.Sprint("app", len(c.apps)))
		if err != nil {
			return nil, err
		}
		c.apps = append(c.apps, token)
	}
	c.told++
	token := c.apps[c.told%len(c.apps)]
	if !c.sse {
		return webSocket(c.addr, "/v1/watch/ws", token, receive)
	}
	s, err := dial(c.addr, receive)
	if err != nil {
		return nil, err
	}
	answer, err := s.say("GET /v1/watch HTTP/1.1\r\nHost: "+c.addr+"\r\nAuthorization: Bearer "+token+"\r\n\r\n", "\r\n\r\n")
	if err == nil && !strings.Contains(answer, " 200 ") {
		err = errors.New(answer)
	}
	return s, err
}

// quiet is a filter that lets nothing through: a writer is told of its own writes only.
const quiet = "types=app.gone"

func (c *callboard) writer() (*sock, error) {
	if err := c.open(1); err != nil {
		return nil, err
	}
	return c.claims()
}

func (c *callboard) claims() (*sock, error) {
	return webSocket(c.addr, "/v1/watch/ws?"+quiet, c.user, 0)
}

func (c *callboard) change(to []byte, n int) []byte {
	return clientFrame(to, fmt.Appendf(nil, `{"type":"claim","id":"c","record":"%s","claims":[{"field":"party.bio","value":"@@%08d"}]}`, c.records[0], n))
}

func (c *callboard) claim(to []byte, r, n int) []byte {
	return clientFrame(to, fmt.Appendf(nil, `{"type":"claim","id":"@@%08d","record":"%s","claims":[{"field":"party.bio","value":"%s"}]}`,
		n, c.records[r%len(c.records)], claimValue(n)))
}

// What is written is a field that nobody needs: with a name, the built-in history would take part as one more app.

// hop: the person writes something of the party, the first app knows the place for it, the second the job title for that.
func (c *callboard) hop(i int) (hop, error) {
	fields := []string{"party.bio", "party.location", "party.job_title"}
	if i == 0 {
		if err := c.open(1); err != nil {
			return hop{}, err
		}
		s, err := webSocket(c.addr, "/v1/watch/ws?fields="+fields[2]+"&types=record.changed", c.user, 0)
		return hop{in: s, out: s, framed: true, answer: func(to, _ []byte, n int) []byte { return c.change(to, n) }}, err
	}
	token, err := c.app(fmt.Sprint("hop", i))
	if err != nil {
		return hop{}, err
	}
	s, err := webSocket(c.addr, fmt.Sprintf("/v1/watch/ws?needs=%s&gives=%s&%s", fields[i-1], fields[i], quiet), token, 0)
	return hop{in: s, out: s, framed: true, answer: func(to, message []byte, n int) []byte {
		work := text(message, `"work":"`)
		if work == nil {
			return to
		}
		return clientFrame(to, fmt.Appendf(nil, `{"type":"answer","id":"a","work":"%s","claims":[{"field":"%s","value":"@@%08d"}]}`, work, fields[i], n))
	}}, err
}

// ready is how long the program takes from its start to the first subscription.
func ready(folder string) (time.Duration, error) {
	began := time.Now()
	c, err := startCallboard(folder, false)
	if err != nil {
		return 0, err
	}
	defer c.stop()
	s, err := webSocket(c.addr, "/v1/watch/ws", c.user, 0)
	if err != nil {
		return 0, err
	}
	defer s.close()
	return time.Since(began), nil
}
