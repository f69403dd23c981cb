package accounts

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client/clienttest"
	"github.com/callboard-dev/callboard/examples"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFind(t *testing.T) {
	all, err := Load(examples.CRMAccounts)
	if err != nil {
		t.Fatal(err)
	}
	for company, want := range map[string]string{
		"Holm Marine ApS": "A-1001", "  holm   MARINE\taps\n": "A-1001", "SHAH & PARTNERS LTD": "A-1003", "Weber Druck GmbH": "A-1004",
		"Holm": "", "": "", "Holm Marine ApS Ltd": "",
	} {
		a, ok := all.Find(company)
		if a.ID != want || ok != (want != "") {
			t.Errorf("%q is account %q, want %q", company, a.ID, want)
		}
	}
	if _, err := Load([]byte("{")); err == nil || !strings.Contains(err.Error(), "accounts.json") {
		t.Errorf("a broken file gives %v", err)
	}
}

// serve is what both versions of the CRM must do.
func serve(t *testing.T, s *clienttest.Server) {
	t.Helper()
	q := s.WaitStream(t, 1)
	for s.WaitStream(t, 1).Get("needs") == "" { // one version registers in a second stream
		q = s.WaitStream(t, 2)
	}
	if q.Get("needs") != "party.company" || !strings.Contains(q.Get("gives"), "x.crm.account_manager") {
		t.Errorf("registered as %v", q)
	}
	work := api.Work{Changed: []string{"party.company"}, Round: 1}
	if a := s.Hand(t, "r1", work); !a.NothingFound || len(a.Claims)+len(a.Items) != 0 {
		t.Errorf("a record without a company is answered with %+v", a)
	}
	s.Claim("r1", "addressbook", map[string]string{"party.company": "holm  marine aps"})
	a := s.Hand(t, "r1", work)
	if a.NothingFound || a.Error != "" || len(a.Claims) != 5 || a.Claims[0].Quality != "" && a.Claims[0].Quality != api.QualityMatched {
		t.Errorf("answer %+v", a)
	}
	r := s.Record("r1")
	for field, want := range map[string]string{
		"x.crm.account_manager": "Freja Lund", "x.crm.open_deals": "2: Winter refit of six hulls; Engine service contract", "x.crm.segment": "Boatyards",
		"party.website": "https://holm-marine.example", "party.company_location": "Svendborg, Denmark",
	} {
		if r.Fields[field].Value != want {
			t.Errorf("%s is %q, want %q", field, r.Fields[field].Value, want)
		}
	}
	s.Claim("r1", "user", map[string]string{"party.company": "Shah & Partners Ltd"})
	s.Hand(t, "r1", work)
	r = s.Record("r1")
	if l := r.Items["links"]; len(l) != 1 || l[0].URL != "https://crm.example/accounts/A-1003" || l[0].Title != "Shah & Partners Ltd in the CRM" {
		t.Errorf("links are %+v", l)
	}
	if got := r.Fields["x.crm.open_deals"].Value; got != "none" {
		t.Errorf("open deals are %q", got)
	}
}

func board(t *testing.T) *clienttest.Server {
	s := clienttest.New(t)
	s.Source = "crm"
	s.Open(clienttest.Call("r1", "+4512345678"))
	return s
}

func TestRun(t *testing.T) {
	s := board(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, Options{URL: s.URL, Token: s.Token}) }()
	serve(t, s)
	stop()
	if err := <-done; err != nil {
		t.Errorf("Run returns %v", err)
	}
}

func TestRunWithoutCallboard(t *testing.T) {
	if err := Run(t.Context(), Options{URL: "http://127.0.0.1:1", Token: "x"}); err == nil || !strings.Contains(err.Error(), "is it running?") {
		t.Errorf("error %v", err)
	}
}

// node starts crm.mjs from files laid out as the demo does it.
func node(t *testing.T, args ...string) *exec.Cmd {
	program, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("Node.js is missing: install Node.js 20 or later (see `make setup`)")
	}
	_, here, _, _ := runtime.Caller(0)
	sdk, err := os.ReadFile(filepath.Join(filepath.Dir(here), "../../../sdk/js/dist/callboard.js"))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for name, content := range map[string][]byte{"examples/crm/crm.mjs": examples.CRMScript, "examples/crm/accounts.json": examples.CRMAccounts,
		"sdk/js/dist/callboard.js": sdk, "package.json": []byte(`{"type":"module"}`)} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return exec.Command(program, append([]string{filepath.Join(root, "examples/crm/crm.mjs")}, args...)...)
}

func TestScript(t *testing.T) {
	s := board(t)
	cmd := node(t, "--url", s.URL)
	cmd.Env = append(os.Environ(), "CALLBOARD_TOKEN="+s.Token)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	defer func() {
		if !ended {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		if t.Failed() {
			t.Log(log.String())
		}
	}()
	serve(t, s)
	if runtime.GOOS == "windows" { // where a process cannot be sent an interrupt
		return
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	ended = true
	if err != nil {
		t.Errorf("crm.mjs ends with %v", err)
	}
	if !strings.Contains(log.String(), "Freja Lund") {
		t.Error("crm.mjs does not say what it did")
	}
}

func TestScriptWithoutToken(t *testing.T) {
	cmd := node(t)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err == nil || strings.TrimSpace(string(out)) != "crm: CALLBOARD_URL and CALLBOARD_TOKEN must be set: `callboard app add crm` prints both" {
		t.Errorf("crm.mjs says %s (%v)", out, err)
	}
}
