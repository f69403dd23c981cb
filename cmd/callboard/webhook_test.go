package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/internal/demopbx"
)

// runAllowing starts `callboard run` with webhooks on this computer allowed.
func runAllowing(t *testing.T) (home string, p *process) {
	t.Helper()
	pbx := startPBX(t, demopbx.Options{})
	home = t.TempDir()
	configure(t, home, pbx.Addr(), "right", "")
	path := filepath.Join(home, "callboard.yaml")
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, append(text, "webhooks: {allow: [127.0.0.0/8]}\n"...), 0o600))
	p = launch(t, home, "run")
	p.says(`^Connected to Asterisk`)
	return home, p
}

// TestWebhookGuide does what the guide for apps says: its script is run word for word, is called, and names the caller.
func TestWebhookGuide(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("there is no Node")
		}
		t.Skip("there is no Node")
	}
	guide, err := os.ReadFile("../../docs/guides/apps.md")
	must(t, err)
	_, section, _ := strings.Cut(string(guide), "## As one HTTP endpoint")
	script := regexp.MustCompile("(?s)```js\n(.*?)\n```").FindStringSubmatch(section)
	if script == nil {
		t.Fatal("the guide has no script")
	}
	home, p := runAllowing(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := free.Addr().String()
	_, port, err := net.SplitHostPort(address)
	must(t, err)
	free.Close()
	add := regexp.MustCompile(`(?m)^callboard (webhook add .*)$`).FindStringSubmatch(section)
	args := strings.Fields(strings.Replace(add[1], "127.0.0.1:8080", address, 1))
	out, complaint, code := command(t, home, args...)
	name, secret, _ := strings.Cut(strings.TrimPrefix(out, "export "), "=")
	if code != 0 || name != "CALLBOARD_WEBHOOK_SECRET" || !strings.Contains(complaint, "not shown again") {
		t.Fatalf("exit %d, %q, %q", code, out, complaint)
	}
	runHook(t, node, filepath.Join(home, "hello-hook.mjs"), script[1], address, name+"="+secret, "PORT="+port)
	c := p.person(home)
	told := follow(t, c)
	_, err = c.Lookup(t.Context(), "+12025550177")
	must(t, err)
	r := wait(t, told, "the name", func(r *client.Record) bool { return r.Value("party.name") == "Carla Castillo" })
	if f := r.Fields["party.name"]; f.Source != "hello-hook" || f.Round != 1 {
		t.Errorf("%+v", f)
	}
	webhookCommands(t, home, address)
}

// runHook runs an app until the test ends, and waits until it listens.
func runHook(t *testing.T, node, file, text, address string, env ...string) {
	t.Helper()
	must(t, os.WriteFile(file, []byte(text), 0o600))
	app := exec.Command(node, file)
	app.Env = append(os.Environ(), env...)
	app.Stderr = os.Stderr
	must(t, app.Start())
	t.Cleanup(func() {
		app.Process.Kill()
		app.Wait()
	})
	for began := time.Now(); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			break
		}
		if time.Since(began) > patience {
			t.Fatal("the app does not listen")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// webhookCommands tries what the command line has of webhooks.
func webhookCommands(t *testing.T, home, address string) {
	t.Helper()
	says := func(want string, args ...string) string {
		t.Helper()
		out, complaint, code := command(t, home, append([]string{"webhook"}, args...)...)
		if all := out + "\n" + complaint; !regexp.MustCompile(want).MatchString(all) || code > 1 || strings.Contains(out, "whsec_") && args[0] != "rotate" {
			t.Errorf("webhook %v: exit %d, %q, %q, want %s", args, code, out, complaint, want)
		}
		return out
	}
	says(`^hello-hook answered 200 in \d+ ms`, "test", "hello-hook")
	says(`(?s)^hello-hook +http://`+regexp.QuoteMeta(address)+`/  \(party.number → party.name; call.ended\)\n +(works|never)`, "list")
	log := says(`(?s)webhook.test .* sent +200 in \d+ ms\n.*work `, "log", "hello-hook", "--limit", "9")
	id := regexp.MustCompile(`msg_\w+`).FindString(log)
	says(`a webhook.test cannot be sent again`, "resend", "hello-hook", id)
	says(`(?s)CALLBOARD_WEBHOOK_SECRET=whsec_.*former secret signs too until`, "rotate", "hello-hook", "--overlap", "1h")
	says(`hello-hook answered 200`, "test", "hello-hook") // by the former secret
	says(`the former secret signs until`)
	says(``, "enable", "hello-hook")
	says(`there is no webhook nobody`, "remove", "nobody")
	says(`192.168.7.7 is an address of this computer.*webhooks.allow`, "add", "lan", "http://192.168.7.7/", "--types", "call.*")
	says(`"call.over" is no type of notification: say one, such as`, "add", "lan", "https://hook.example/", "--types", "call.over")
	says(`^\n?$`, "remove", "hello-hook")
	says(`There are no webhooks.*webhook add ID URL`)
}

// TestWebhookKill kills `callboard run` while a target is down: all that happened before is told after, in order (D-9).
func TestWebhookKill(t *testing.T) {
	t.Parallel()
	home, p := runAllowing(t)
	var mu sync.Mutex // guards status and texts
	status, notes := http.StatusServiceUnavailable, []string{}
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var n struct{ Data api.ItemData }
		mu.Lock()
		defer mu.Unlock()
		if err == nil && json.Unmarshal(body, &n) == nil && status == http.StatusOK && !slices.Contains(notes, n.Data.Item.Text) {
			notes = append(notes, n.Data.Item.Text)
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(target.Close)
	if _, complaint, code := command(t, home, "webhook", "add", "erp", target.URL, "--types", "item.*"); code != 0 {
		t.Fatal(complaint)
	}
	c := p.person(home)
	record, err := c.Lookup(t.Context(), "+12025550177")
	must(t, err)
	var want []string
	for i := range 20 {
		text := string(rune('a' + i))
		want = append(want, text)
		_, err := c.AddNote(t.Context(), record.ID, text) // durable when it returns
		must(t, err)
	}
	p.end(syscall.SIGKILL)
	mu.Lock()
	status = http.StatusOK
	mu.Unlock()
	launch(t, home, "run").says(`Callboard is at`)
	if _, complaint, code := command(t, home, "webhook", "enable", "erp"); code != 0 {
		t.Fatal(complaint)
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		mu.Lock()
		got := slices.Clone(notes)
		mu.Unlock()
		if slices.Equal(got, want) {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("it was told %v, want %v", got, want)
		}
	}
}

// TestWebhookStanding: how a webhook stands reads as a sentence.
func TestWebhookStanding(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for want, h := range map[string]api.Webhook{
		"never called":                          {Enabled: true},
		"works, last called 7 s ago; 2 waiting": {Enabled: true, TakenAt: now.Add(-7 * time.Second), Waiting: 2},
		"FAILING since 3 h ago: it answered 503 Service Unavailable": {Enabled: true, FailingSince: now.Add(-3 * time.Hour), Problem: "it answered 503 Service Unavailable", TakenAt: now.Add(-4 * time.Hour)},
		"last called 5 min ago: its answer was not taken: no such":   {Enabled: true, TakenAt: now.Add(-5 * time.Minute), Problem: "its answer was not taken: no such"},
		"off": {},
	} {
		if got := standing(h, now); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := standing(api.Webhook{ID: "erp", DisabledAt: now.Add(-72 * time.Hour), DisabledReason: "its target answered 410 Gone"}, now); !strings.HasPrefix(got, "DISABLED 3 days ago: its target answered 410 Gone (`") || !strings.HasSuffix(got, "webhook enable erp`)") {
		t.Errorf("got %q", got)
	}
}

// TestWebhookTold: what a webhook is called for reads in one line.
func TestWebhookTold(t *testing.T) {
	t.Parallel()
	for want, h := range map[string]api.Webhook{
		"(party.number → party.name, party.email)": {Work: &api.WebhookWork{Needs: []string{"party.number"}, Gives: []string{"party.name", "party.email"}}},
		"(party.number; on ended; call.ended)":     {Work: &api.WebhookWork{Needs: []string{"party.number"}, On: []api.Moment{"ended"}}, Notify: &api.WebhookFilter{Types: []string{"call.ended"}}},
		"(on ended)":                               {Work: &api.WebhookWork{On: []api.Moment{"ended"}}},
		"(all notifications)":                      {Notify: &api.WebhookFilter{}},
	} {
		if got := told(h); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
