package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/internal/app"
	"github.com/callboard-dev/callboard/internal/demopbx"
)

// TestUsage: what is typed wrongly is named, with what would be right.
func TestUsage(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for _, c := range []struct{ args, want string }{
		{"run --nope", `callboard: error: unknown flag --nope`},
		{"rnu", `callboard: error: unexpected argument rnu, did you mean "run"\?`},
		{"app add", `callboard: error: expected "<id>"`},
		{"app add x --name", `callboard: error: --name: expected string value`},
		{"app revoke x", `callboard: error: .*"?revoke`},
		{"open now", `callboard: error: unexpected argument now`},
		{"demo --listen", `callboard: error: --listen: expected string value`},
	} {
		_, complaint, code := command(t, home, strings.Fields(c.args)...)
		if code == 0 || !regexp.MustCompile(c.want).MatchString(complaint) || strings.Count(complaint, "\n") > 2 || strings.Contains(complaint, ".go:") {
			t.Errorf("callboard %s: exit %d, %q, want %s", c.args, code, complaint, c.want)
		}
	}
	for _, args := range []string{"", "--help", "run --help", "demo --help", "app --help", "app add --help", "config describe", "--version"} {
		if out, complaint, code := command(t, home, strings.Fields(args)...); code != 0 || out == "" || complaint != "" {
			t.Errorf("callboard %s: exit %d, %q, %q", args, code, out, complaint)
		}
	}
	for _, args := range []string{"open --no-open", "app list", "app", "app add acme-crm", "app remove acme-crm"} {
		if _, complaint, code := command(t, home, strings.Fields(args)...); code != 1 || !strings.Contains(complaint, "no Callboard of yours is running: start one with") {
			t.Errorf("callboard %s with none running: exit %d, %q", args, code, complaint)
		}
	}
	if _, complaint, code := command(t, home, "example", "crm", "--folder", filepath.Join(home, "crm")); code != 1 || !strings.Contains(complaint, "CALLBOARD_URL and CALLBOARD_TOKEN must be set") {
		t.Errorf("an example app without an address: exit %d, %q", code, complaint)
	}
}

// selfSigned is a certificate that nobody has signed.
func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pbx.example"}, DNSNames: []string{"pbx.example"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// answers is a server that treats each connection in the same way and counts them.
func answers(t *testing.T, each func(net.Conn)) (addr string, came chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	came = make(chan struct{}, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			each(conn)
			conn.Close()
			came <- struct{}{}
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String(), came
}

// TestLinkSentences: why the PBX cannot be reached is said in one sentence with a remedy, and once, however often it is
// tried; where trying again cannot help it is tried once.
func TestLinkSentences(t *testing.T) {
	t.Parallel()
	plain, secure := startPBX(t, demopbx.Options{}), startPBX(t, demopbx.Options{TLS: selfSigned(t)})
	web, webCame := answers(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
	mute, muteCame := answers(t, func(net.Conn) {})
	for name, c := range map[string]struct {
		addr, secret, more, want string
		came                     chan struct{} // tells of tries; nil: it is tried once
	}{
		"wrong password":        {plain.Addr(), "wrong", "", `refused Login as user "u": Authentication failed: correct pbx\.username and pbx\.secret`, nil},
		"untrusted certificate": {secure.Addr(), "right", ", tls: true", `certificate of the PBX at \S+ is not trusted: .*: name the file .* pbx\.tls_ca`, nil},
		"TLS to a plain port":   {plain.Addr(), "right", ", tls: true", `does not speak TLS on this port.*: use the TLS port`, nil},
		"another service":       {web, "right", "", `What answers at \S+ is not an Asterisk manager: check the port`, webCame},
		"it hangs up":           {mute, "right", "", `closed the connection.*: .*(again|Asterisk's log|TLS)`, muteCame},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			configure(t, home, c.addr, c.secret, c.more)
			p := launch(t, home, "run")
			p.says(c.want)
			for range 4 {
				if c.came != nil {
					<-c.came
				}
			}
			if took, code := p.end(os.Interrupt); took > 5*time.Second || code != 0 {
				t.Errorf("Ctrl-C: %v, exit %d", took, code)
			}
			if n := strings.Count(p.text(), "callboard: "); n != 1 {
				t.Errorf("%d sentences, want 1", n)
			}
		})
	}
	t.Run("nobody there, then somebody", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		addr := l.Addr().String()
		must(t, l.Close())
		home := t.TempDir()
		configure(t, home, addr, "right", "")
		p := launch(t, home, "run")
		p.says(`Nothing answers at ` + regexp.QuoteMeta(addr) + `: connection refused: check the port in pbx\.address`)
		startPBX(t, demopbx.Options{Listen: addr})
		p.says(`^Connected to Asterisk`)
		if n := strings.Count(p.text(), "callboard: "); n != 1 {
			t.Errorf("%d sentences, want 1", n)
		}
	})
}

// TestKill kills `callboard run` in mid-call, as power loss would. Started again it has the record with all claims and the
// note, the call is live with its true times, and ends rightly.
func TestKill(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, demopbx.Options{})
	home := t.TempDir()
	configure(t, home, pbx.Addr(), "right", "")
	p := launch(t, home, "run")
	p.says(`^Connected to Asterisk`)
	c := p.person(home)
	told := follow(t, c)
	scenario, err := demopbx.ParseScenario("kill", strings.NewReader("0.0 outside +4512345678 \"Mette\" calls 5550101, rings 1001\n0.1 1001 answers\n60.0 outside hangs up\n"))
	must(t, err)
	playing, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	played := make(chan error, 1)
	go func() { played <- pbx.Play(playing, scenario) }()
	r := wait(t, told, "a call is answered", func(r *client.Record) bool { return r.Call.State == api.CallStateConnected })
	made, err := c.CreateApp(t.Context(), "acme-crm", "")
	must(t, err)
	crm := person(t, "http://"+hostOf(p), made.Token)
	_, err = crm.Claim(t.Context(), r.ID, client.NewClaim{Field: "party.name", Value: "Mette Holm"}, client.NewClaim{Field: "party.company", Value: "Holm Marine"})
	must(t, err)
	_, err = c.Claim(t.Context(), r.ID, client.NewClaim{Field: "party.name", Value: "Mette B. Holm"})
	must(t, err)
	_, err = c.AddNote(t.Context(), r.ID, "asks for the invoice")
	must(t, err)
	before, err := c.Record(t.Context(), r.ID, true)
	must(t, err)
	p.end(syscall.SIGKILL)

	again := launch(t, home, "run")
	again.says(`^Connected to Asterisk`)
	c = again.person(home)
	after, err := c.Record(t.Context(), r.ID, true)
	must(t, err)
	if after.Rev < before.Rev || after.Call.ID != before.Call.ID || after.Call.State != api.CallStateConnected ||
		!after.Call.StartedAt.Equal(before.Call.StartedAt) || !after.Call.AnsweredAt.Equal(before.Call.AnsweredAt) {
		t.Errorf("the call is %+v, it was %+v", after.Call, before.Call)
	}
	for name, f := range before.Fields {
		if fmt.Sprint(after.Fields[name]) != fmt.Sprint(f) {
			t.Errorf("%s: got %+v, want %+v", name, after.Fields[name], f)
		}
	}
	if notes := after.Notes(); len(notes) != 1 || notes[0].Text != "asks for the invoice" {
		t.Errorf("notes: %+v", notes)
	}
	if n := len(after.Fields["party.name"].Claims); n != 3 {
		t.Errorf("%d claims of the name, want the PBX's, the CRM's and the person's", n)
	}
	told = follow(t, c)
	hangUp()
	if err := <-played; !errors.Is(err, context.Canceled) {
		t.Errorf("the call ended before: %v", err)
	}
	r = wait(t, told, "the call is over", func(r *client.Record) bool { return r.ID == before.ID && r.Call.State == api.CallStateEnded })
	if r.Call.Result != api.ResultAnswered || r.Call.EndedBy != api.EndedByOther || r.Call.EndedAt.IsZero() {
		t.Errorf("it ended as %s by %s at %v", r.Call.Result, r.Call.EndedBy, r.Call.EndedAt)
	}
	if took, code := again.end(syscall.SIGTERM); took > 5*time.Second || code != 0 {
		t.Errorf("SIGTERM: %v, exit %d", took, code)
	}
}

// TestHangup: what was ended is said, and that there is nothing to end.
func TestHangup(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, demopbx.Options{})
	home := t.TempDir()
	configure(t, home, pbx.Addr(), "right", "")
	p := launch(t, home, "run")
	p.says(`^Connected to Asterisk`)
	told := follow(t, p.person(home))
	if _, complaint, code := command(t, home, "hangup"); code != 1 || !strings.Contains(complaint, "there is no call just now") {
		t.Errorf("exit %d, %q", code, complaint)
	}
	scenario, err := demopbx.ParseScenario("ring", strings.NewReader("0.0 outside +4512345678 \"Mette\" calls 5550101, rings 1001\n60.0 outside gives up\n"))
	must(t, err)
	playing, stop := context.WithCancel(t.Context())
	played := make(chan error, 1)
	go func() { played <- pbx.Play(playing, scenario) }()
	defer func() { stop(); <-played }()
	r := wait(t, told, "it rings", func(r *client.Record) bool { return r.Call.State == api.CallStateRinging })
	out, complaint, code := command(t, home, "hangup")
	if want := "Rejected: Mette +4512345678 (" + r.ID + ")"; code != 0 || out != want || complaint != "" {
		t.Errorf("exit %d, %q, %q, want %q", code, out, complaint, want)
	}
	wait(t, told, "the call is over", func(r *client.Record) bool { return r.Call.State == api.CallStateEnded })
}

// TestDemoEnds: Ctrl-C ends the demo at any moment, also while its apps begin, with nothing left behind.
func TestDemoEnds(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	p := launch(t, home, "demo", "--no-open", "--listen", "127.0.0.1:0", "--json")
	var said struct{ URL, Token, Page string }
	must(t, json.Unmarshal([]byte(<-p.out), &said))
	if !strings.HasPrefix(said.Page, said.URL+"/#code=") {
		t.Errorf("it said %+v", said)
	}
	board := person(t, said.URL, said.Token)
	if _, err := board.CreateWebhook(t.Context(), api.NewWebhook{ID: "here", URL: "http://127.0.0.1:9/", Notify: &api.WebhookFilter{Types: []string{"webhook.test"}}}); err != nil {
		t.Error("a webhook on this computer:", err)
	}
	_, err := board.Dial(t.Context(), "+4512345678")
	if refused, ok := errors.AsType[*client.Problem](err); ok && refused.Code == "number_denied" {
		t.Error("one of the demo's people cannot be called:", err)
	}
	if took, code := p.end(os.Interrupt); took > 5*time.Second || code != 0 {
		t.Errorf("Ctrl-C: %v, exit %d", took, code)
	}
	if line, more := <-p.out; more {
		t.Errorf("a second line: %q", line)
	}
	if left, err := os.ReadDir(filepath.Join(home, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if text := p.text(); text != "" {
		t.Errorf("it complained: %s", text)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	_, complaint, code := command(t, home, "demo", "--no-open", "--listen", taken.Addr().String())
	if code != 1 || !strings.Contains(complaint, "is in use") || !strings.Contains(complaint, "--listen") || strings.Contains(complaint, "\n") {
		t.Errorf("a port that is taken: exit %d, %q", code, complaint)
	}
}

// TestFindsTheOneThatAnswers: a note of a Callboard that died, whose process number is somebody else's now, hides no other.
func TestFindsTheOneThatAnswers(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	configure(t, home, "127.0.0.1:1", "right", "")
	p := launch(t, home, "run")
	p.person(home) // it answers, so its note is there
	url := "http://" + hostOf(p)
	dead, err := json.Marshal(app.Running{PID: os.Getpid(), URL: "http://127.0.0.1:1", TokenFile: filepath.Join(home, "data", "user.token"), StartedAt: time.Now().Add(time.Hour)})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(home, "cache", "callboard", "running", "dead.json"), dead, 0o600))
	out, complaint, code := command(t, home, "open", "--no-open")
	if code != 0 || !strings.HasPrefix(out, url+"/#code=") {
		t.Errorf("open: exit %d, %q, %q", code, out, complaint)
	}
	if strings.Contains(complaint, "Also running") {
		t.Errorf("it tells of one that died: %s", complaint)
	}
	out, _, code = command(t, home, "app", "add", "acme-crm")
	if code != 0 || !strings.Contains(out, "CALLBOARD_URL="+url+"\n") {
		t.Errorf("app add: exit %d, %q", code, out)
	}
	_, quiet, _ := command(t, home, "app", "add", "alone", "--needs", "party.number", "--gives", "party.name")
	if strings.Contains(quiet, "set each other off") {
		t.Errorf("an app without a ring is warned of: %q", quiet)
	}
	for _, c := range []struct{ args, want string }{ // what an app may is said, changed and listed
		{"app set alone --read party.*,notes --claim none --max-quality derived --after-call --may dial --name Alone", "alone                away     Alone (may dial)\n" +
			"    reads only party.*, notes\n    writes nothing\n    counts as derived at most\n    writes also when the record is closed"},
		{"app set alone --no-after-call --may none --claim all", "alone                away     Alone\n    reads only party.*, notes\n    counts as derived at most"},
		{"app add narrow --read none --claim party.email", "export CALLBOARD_URL="},
		{"app list", "narrow               away     \n    reads nothing\n    writes only party.email"},
	} {
		if out, complaint, code := command(t, home, strings.Fields(c.args)...); code != 0 || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit %d, %q, %q, want %q", c.args, code, out, complaint, c.want)
		}
	}
	for args, want := range map[string]string{
		"app add user": "use 2 to 40", "app add Acme": "use 2 to 40", "app set none-such --may dial": "callboard: there is no app none-such: `app list` shows", "app set alone": "not said what is to change: see --help",
		"app set alone --read Party": "no field, list or pattern", "app set alone --max-quality confirmed": "a person's word", "app release alone party.bio": "not barred from party.bio",
	} {
		if _, complaint, code := command(t, home, strings.Fields(args)...); code != 1 || !strings.Contains(complaint, want) || strings.Contains(complaint, "\n") {
			t.Errorf("%s: exit %d, %q, want %q", args, code, complaint, want)
		}
	}
}
