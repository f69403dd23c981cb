package server

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/callboard-dev/callboard/api"
)

// pathOf fills the parameters of a path of the contract.
func pathOf(path string) string {
	return strings.NewReplacer("{record}", "rec_0000", "{item}", "note-1", "{work}", "work_0000", "{app}", "crm", "{field}", "party.name", "{source}", "crm", "{delivery}", "msg_0000").Replace(path)
}

// TestToken walks every operation of the contract: all but the free ones want a token (SEC-10).
func TestToken(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	wanted, ended := 0, h.app("ended")
	h.want(http.StatusNoContent, nil, "DELETE", "/v1/apps/ended", h.user, nil)
	for _, op := range h.contract.Operations() {
		var body any
		if op.Method != "GET" && op.Method != "DELETE" {
			body = map[string]any{}
		}
		if op.Free {
			if got := h.do(op.Method, pathOf(op.Path), "", body); got.status == http.StatusUnauthorized && op.ID != "createSession" {
				t.Errorf("%s wants a token: %s", op.ID, got.body)
			}
			continue
		}
		wanted++
		for name, header := range map[string]string{
			"none": "", "wrong": "Authorization: Bearer " + NewToken(), "empty": "Authorization: Bearer ", "another scheme": "Authorization: Basic " + app,
			"bare": "Authorization: " + app, "a part": "Authorization: Bearer " + app[:len(app)-1], "more": "Authorization: Bearer " + app + "x",
			"upper case": "Authorization: Bearer " + strings.ToUpper(app), "taken away": "Authorization: Bearer " + ended,
			"its hash": fmt.Sprintf("Authorization: Bearer %x", sha256.Sum256([]byte(app))),
		} {
			var more []string
			if header != "" {
				more = append(more, header)
			}
			got := h.do(op.Method, pathOf(op.Path), "", body, more...)
			if got.status != http.StatusUnauthorized || got.problem(t).Code != "unauthorized" || got.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with token %q: got %d %s", op.ID, name, got.status, got.body)
			}
		}
		// A token in the address is no token (SEC-06).
		if got := h.do(op.Method, pathOf(op.Path)+"?token="+app+"&access_token="+app, "", body); got.status != http.StatusUnauthorized {
			t.Errorf("%s takes a token from the address: %d", op.ID, got.status)
		}
	}
	if wanted < 14 {
		t.Errorf("only %d operations want a token", wanted)
	}
	for _, path := range []string{"/v1/", "/v1/nothing", "/v1/hello/", "/v1/records/"} {
		h.refused(http.StatusUnauthorized, "unauthorized", "GET", path, "", nil)
		h.refused(http.StatusNotFound, "not_found", "GET", path, app, nil)
	}
	if got := h.do("GET", "/v1/openapi.yaml", "", nil); got.status != http.StatusOK || string(got.body) != string(api.Spec) {
		t.Errorf("openapi.yaml: got %d", got.status)
	}
	h.want(http.StatusOK, nil, "GET", "/v1/status", "", nil, "Authorization: bearer "+app)
}

// TestPersonOnly: an app cannot let others in, put others out or make itself the person.
func TestPersonOnly(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	h.refused(http.StatusForbidden, "forbidden", "GET", "/v1/apps", app, nil)
	h.refused(http.StatusForbidden, "forbidden", "POST", "/v1/apps", app, api.NewApp{ID: "friend"})
	h.refused(http.StatusForbidden, "forbidden", "DELETE", "/v1/apps/crm", app, nil)
	h.refused(http.StatusForbidden, "forbidden", "POST", "/v1/codes", app, nil)
	var apps api.AppList
	h.want(http.StatusOK, &apps, "GET", "/v1/apps", h.user, nil)
	if len(apps.Apps) != 1 || apps.Apps[0].ID != "crm" || apps.Apps[0].Name != "App crm" || apps.Apps[0].Connected {
		t.Errorf("apps: %+v", apps)
	}
	for _, id := range []string{"pbx", "user", "history", "a", "", "-x", "1x", "A1", "a_b", "a.b", strings.Repeat("a", 41), "über", "a b"} {
		h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/apps", h.user, api.NewApp{ID: id})
	}
	for _, id := range []string{"pbx", "user", "history"} {
		h.refused(http.StatusNotFound, "not_found", "DELETE", "/v1/apps/"+id, h.user, nil)
	}
	h.app(strings.Repeat("a", 40))
	h.app("ab")
	var status api.Status
	h.want(http.StatusOK, &status, "GET", "/v1/status", app, nil)
	if status.Source != "crm" || len(status.Lines) != 1 || status.Lines[0].Name != "Front desk" || !status.Store.Durable {
		t.Errorf("status: %+v", status)
	}
}

// TestNewTokenReplaces: letting an app in again is refused unless it is said; then it gives another token and ends the
// earlier one, also with many at once.
func TestNewTokenReplaces(t *testing.T) {
	t.Parallel()
	h := open(t)
	first := h.app("crm")
	h.refused(http.StatusConflict, "conflict", "POST", "/v1/apps", h.user, api.NewApp{ID: "crm"})
	h.want(http.StatusOK, nil, "GET", "/v1/status", first, nil)
	h.refused(http.StatusNotFound, "not_found", "DELETE", "/v1/apps/none", h.user, nil)
	tokens := make([]string, 20)
	var makers sync.WaitGroup
	for i := range tokens {
		makers.Go(func() {
			var made api.AppToken
			if got := h.do("POST", "/v1/apps", h.user, api.NewApp{ID: "crm", Renew: true}); json.Unmarshal(got.body, &made) == nil {
				tokens[i] = made.Token
			}
		})
	}
	makers.Wait()
	good := ""
	for _, token := range append(tokens, first) {
		if got := h.do("GET", "/v1/status", token, nil); got.status == http.StatusOK {
			if good != "" {
				t.Error("two tokens of one app are good")
			}
			good = token
		}
	}
	kept, err := h.store.Apps(t.Context())
	if err != nil || len(kept) != 1 || kept[0].TokenHash != sha256.Sum256([]byte(good)) {
		t.Errorf("the store has %v, %v: not the token that is good", kept, err)
	}
}

// TestNoTokenByMistake: an app that is there keeps its token unless it is renewed, and one that is not there cannot be
// removed.
func TestNoTokenByMistake(t *testing.T) {
	t.Parallel()
	h := open(t)
	token := h.app("crm")
	h.refused(http.StatusConflict, "conflict", "POST", "/v1/apps", h.user, api.NewApp{ID: "crm"})
	h.want(http.StatusOK, nil, "GET", "/v1/status", token, nil)
	h.refused(http.StatusNotFound, "not_found", "DELETE", "/v1/apps/nobody", h.user, nil)
}

// TestWritesTooFast: an app that writes in a loop is slowed down; the person and the other apps are not.
func TestWritesTooFast(t *testing.T) {
	t.Parallel()
	h := open(t)
	busy, calm := h.app("busy"), h.app("calm")
	refused := false
	for range 2 * 2 * writesPerSecond {
		if got := h.do("POST", "/v1/records", busy, nil); got.status == http.StatusTooManyRequests {
			refused = true
			break
		}
	}
	if !refused {
		t.Error("an app may write without limit")
	}
	for _, token := range []string{calm, h.user} {
		if got := h.do("POST", "/v1/records", token, nil); got.status == http.StatusTooManyRequests {
			t.Errorf("got %s for another's haste", got.body)
		}
	}
}

// TestTokenIsNotStored looks for the tokens in all that is on disk (SEC-21).
func TestTokenIsNotStored(t *testing.T) {
	t.Parallel()
	h := open(t)
	token := h.app("crm")
	files, err := filepath.Glob(filepath.Join(h.folder, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), token) || strings.Contains(string(content), h.user) {
			t.Errorf("%s holds a token", name)
		}
	}
}

// TestRemoveEndsStreams: an app that is put out is cut off within a second (SEC-21), on each kind of stream, also where
// it does not read.
func TestRemoveEndsStreams(t *testing.T) {
	t.Parallel()
	h := open(t, narrow)
	token, other := h.app("crm"), h.app("tickets")
	record := h.lookup("+45 12 34 56 78")
	lazy, _ := h.lazy(token, "")
	h.flood(record, 300) // more than the buffers take: the lazy one stands still
	stream := h.watch(token, "?needs=party.email")
	stays := h.watch(other, "")
	socket := h.socket(token, "")
	ended := make(chan time.Time, 2)
	go func() {
		_, err := drain(stream)
		if err != io.EOF {
			t.Errorf("the stream did not end cleanly: %v", err)
		}
		ended <- time.Now()
	}()
	go func() {
		err := socket.drain()
		if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Errorf("the socket ended with %v", err)
		}
		ended <- time.Now()
	}()
	removed := time.Now()
	h.want(http.StatusNoContent, nil, "DELETE", "/v1/apps/crm", h.user, nil)
	for range 2 {
		if took := (<-ended).Sub(removed); took > time.Second {
			t.Errorf("a stream ended after %v", took)
		}
	}
	if took := h.closed(lazy).Sub(removed); took > time.Second {
		t.Errorf("the stream that does not read ended after %v", took)
	}
	h.refused(http.StatusUnauthorized, "unauthorized", "GET", "/v1/watch", token, nil)
	h.claim(h.user, record, "party.name", "After")
	for n := stays.next(); n.Type != "record.changed" || n.Payload.(*api.ChangedData).Fields["party.name"] == nil; n = stays.next() {
	}
}

func drain(w *watcher) (n int, err error) {
	for ; err == nil; n++ {
		_, err = w.stream.Next()
	}
	return n, err
}

// TestCode: a one-time code is good once, among a hundred who try at the same time, and a thousand later (SEC-04).
func TestCode(t *testing.T) {
	t.Parallel()
	h := open(t)
	var made api.Code
	h.want(http.StatusCreated, &made, "POST", "/v1/codes", h.user, nil)
	if want := "http://" + h.addr + "/#code=" + made.Code; made.URL != want || !made.ExpiresAt.After(time.Now()) {
		t.Errorf("got %+v, want %s", made, want)
	}
	var good, bad atomic.Int32
	var tries sync.WaitGroup
	begin := make(chan struct{})
	for range 100 {
		tries.Go(func() {
			<-begin
			switch got := h.do("POST", "/v1/session", "", api.SessionRequest{Code: made.Code}); got.status {
			case http.StatusOK:
				good.Add(1)
				if !strings.Contains(string(got.body), h.user) {
					t.Errorf("a code gave %s", got.body)
				}
			case http.StatusUnauthorized:
				bad.Add(1)
			}
		})
	}
	close(begin)
	tries.Wait()
	if good.Load() != 1 || bad.Load() != 99 {
		t.Errorf("of 100 exchanges %d were good and %d refused, want 1 and 99", good.Load(), bad.Load())
	}
	for _, code := range []string{made.Code, "", "nonsense", strings.ToUpper(h.server.Code())} {
		h.refused(http.StatusUnauthorized, "unauthorized", "POST", "/v1/session", "", api.SessionRequest{Code: code})
	}
}

// TestCodeOnce is the same at the gate itself, a thousand times.
func TestCodeOnce(t *testing.T) {
	t.Parallel()
	g := newGate(NewToken(), Limits{})
	now := time.Now()
	for range 1000 {
		code, _ := g.newCode(now)
		var good atomic.Int32
		var tries sync.WaitGroup
		for range 4 {
			tries.Go(func() {
				if _, ok := g.exchange(code, now); ok {
					good.Add(1)
				}
			})
		}
		tries.Wait()
		if good.Load() != 1 {
			t.Fatalf("a code was good %d times", good.Load())
		}
	}
	code, expires := g.newCode(now)
	if _, ok := g.exchange(code, expires); ok {
		t.Error("a code is good after its time")
	}
	old, _ := g.newCode(now)
	g.newCode(now.Add(2 * codeLife))
	if _, held := g.codes[old]; held {
		t.Error("codes that nobody used are kept for ever")
	}
}

// TestWriteRate: a token may write in bursts and not without end, on both ways; another token does not feel it (SEC-23).
func TestWriteRate(t *testing.T) {
	t.Parallel()
	h := open(t)
	fast, other := h.app("crm"), h.app("tickets")
	socket := h.socket(fast, "")
	record := h.lookup("+45 12 34 56 78")
	for _, c := range h.server.gate.tokens {
		if c.source == "crm" { // time gives it no more, so that a slow machine sees the same
			c.writes.SetLimit(0)
			c.writes.SetBurst(2)
		}
	}
	h.claim(fast, record, "party.name", "one")
	if socket.send(`{"type":"answer","work":"work_9999"}`); socket.code() != "work_unknown" {
		t.Error("the second write is refused")
	}
	got := h.want(http.StatusTooManyRequests, nil, "POST", "/v1/records/"+record+"/notes", fast, api.NoteText{Text: "three"})
	if got.header.Get("Retry-After") == "" || got.problem(t).Code != "too_many_requests" {
		t.Errorf("got %v %s", got.header, got.body)
	}
	if socket.send(`{"type":"answer","work":"work_9999"}`); socket.code() != "too_many_requests" {
		t.Error("the socket is a way around it")
	}
	h.claim(other, record, "party.name", "another")
	for range 2 * 2 * writesPerSecond { // nor does the person, who has no bound
		h.do("POST", "/v1/session/none", h.user, nil)
	}
	h.claim(h.user, record, "party.name", "the person's")
	h.want(http.StatusOK, nil, "GET", "/v1/records", fast, nil)
	limit := newApp(KnownApp{ID: "crm"}, Limits{})
	for n := range 2 * writesPerSecond {
		if err := limit.mayWrite(); err != nil {
			t.Fatalf("write %d of a burst: %v", n+1, err)
		}
	}
	if limit.mayWrite() == nil && limit.mayWrite() == nil && limit.mayWrite() == nil {
		t.Errorf("a burst of more than %d is let through", 2*writesPerSecond)
	}
}

// TestTokens: what the server makes is long, prefixed and never the same.
func TestTokens(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		token := NewToken()
		if seen[token] || !strings.HasPrefix(token, "cb_") || len(token) < 29 {
			t.Fatalf("token %q", token)
		}
		seen[token] = true
	}
}

// TestMetrics: the person reads them, and an app that may and then needs to read nothing else.
func TestMetrics(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.want(http.StatusOK, nil, "GET", "/v1/metrics", h.user, nil)
	h.want(http.StatusOK, nil, "GET", "/v1/metrics", h.appThatMay("prometheus", "metrics"), nil)
	h.refused(http.StatusForbidden, "forbidden", "GET", "/v1/metrics", h.appThatMay("dialer", "dial", "control"), nil)
	h.refused(http.StatusUnauthorized, "unauthorized", "GET", "/v1/metrics", "", nil)
}
