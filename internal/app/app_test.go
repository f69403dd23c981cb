package app

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/internal/demopbx"
	"github.com/callboard-dev/callboard/internal/server/servertest"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// TestCall: a call comes in at the PBX, and its record is there for a client, from the first ring to the end.
func TestCall(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	p := start(t, settings(pbx.Addr(), t.TempDir()))
	p.connected()
	told := make(chan string, 100)
	c := p.client
	c.On("call.*", func(_ context.Context, r *client.Record, n client.Notification) {
		told <- fmt.Sprint(n.Type, " ", r.Call.State)
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	play(t, pbx, scenario(t, `0.0 outside +4512345678 "Mette Holm" calls 5550101, rings 1001
0.2 1001 answers
0.4 1001 holds
0.6 1001 resumes
0.8 outside hangs up`))
	var got []string
	for len(got) == 0 || got[len(got)-1] != "call.ended ended" {
		select {
		case s := <-told:
			got = append(got, s)
		case <-time.After(patience):
			t.Fatalf("the client was told %v", got)
		}
	}
	for _, want := range []string{"call.ringing ringing", "call.answered connected", "call.held held", "call.resumed connected", "call.ended ended"} {
		if !slices.Contains(got, want) {
			t.Errorf("the client was told %v, not %q", got, want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("the client ended with %v", err)
	}
	records, err := c.Records(t.Context(), "")
	if err != nil || len(records) != 1 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	r := p.record(records[0].ID)
	if r.Line != "1001" || r.Origin != api.RecordOriginCall || r.Call.Result != api.ResultAnswered || r.Call.EndedBy != api.EndedByOther || r.Call.Direction != api.DirectionInbound {
		t.Errorf("the record: %+v", r)
	}
	for field, want := range map[string]string{"party.number": "+4512345678", "party.name": "Mette Holm", "user.extension": "1001"} {
		if f := r.Fields[field]; f.Value != want || f.Source != "pbx" || f.Round != 0 {
			t.Errorf("%s: got %+v, want %q from the PBX", field, f, want)
		}
	}
	status, err := c.Status(t.Context())
	if err != nil || len(status.Lines) != 1 || status.Lines[0].Pbx.State != api.LinkStateConnected || !strings.HasPrefix(status.Lines[0].Pbx.Peer, "Asterisk") || !status.Store.Durable {
		t.Errorf("status: %+v, %v", status, err)
	}
}

// TestScenarios plays every scenario there is through the whole program, at many times its pace: each call that 1001's user
// should see has a record with the right end, and each frame and answer is as the contract has it.
func TestScenarios(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 20)
	p := start(t, settings(pbx.Addr(), t.TempDir()))
	p.connected()
	files, err := filepath.Glob("../../testdata/scenarios/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := demopbx.ParseScenario(filepath.Base(name), f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(s.Expect, func(e demopbx.Expectation) bool { return e.Optional }) {
			continue // how many calls end is not to be known
		}
		var want, got []string
		for _, e := range s.Expect {
			if e.Extension == "1001" {
				want = append(want, e.Direction+" "+e.Result)
			}
		}
		if len(want) > 1 && !strings.HasPrefix(s.Name, "call-waiting") {
			continue // whether they are one call or several is the tracker's to say
		}
		play(t, pbx, s)
		hangUpAll(t, pbx) // what a scenario leaves up
		for range want {
			n := p.until(s.Name+" to end", kind("call.ended"))
			call := n.Payload.(*api.CallData).Call
			got = append(got, string(call.Direction)+" "+string(call.Result))
			if r := p.record(n.Subject); r.Call.ID != call.ID || r.Call.State != api.CallStateEnded {
				t.Errorf("%s: the record's call: %+v", s.Name, r.Call)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) && !slices.ContainsFunc(s.Expect, func(e demopbx.Expectation) bool {
			return e.Result == "" || e.Result == "voicemail" /* known only later */ || len(e.ResultAlso)+len(e.DirectionAlso) > 0
		}) {
			t.Errorf("%s: got %v, want %v", s.Name, got, want)
		}
	}
}

// TestRestart: on the same folder it is the same Callboard. The token stays, records and notes are there, and a call that
// went on meanwhile is the same call, with its true times, and ends rightly.
func TestRestart(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	folder := t.TempDir()
	p := start(t, settings(pbx.Addr(), folder))
	p.connected()
	play(t, pbx, scenario(t, `0.0 outside 2025550143 "Bob Caller" calls 5550101, rings 1001
0.1 1001 answers`))
	n := p.until("the answer", kind("call.answered"))
	before := p.record(n.Subject)
	app, err := p.client.CreateApp(t.Context(), "crm", "CRM")
	if err != nil {
		t.Fatal(err)
	}
	crm, err := client.Connect(t.Context(), client.Options{URL: p.app.URL(), Token: app.Token})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := crm.Claim(t.Context(), before.ID, client.NewClaim{Field: "party.company", Value: "Acme"}); err != nil {
		t.Fatal(err)
	}
	crm.Close()
	if _, err := p.client.Claim(t.Context(), before.ID, client.NewClaim{Field: "party.name", Value: "Robert Caller"}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.client.AddNote(t.Context(), before.ID, "calls back\ntomorrow"); err != nil {
		t.Fatal(err)
	}
	lookup, err := p.client.Lookup(t.Context(), "+45 12 34 56 78")
	if err != nil {
		t.Fatal(err)
	}
	before = p.record(before.ID)
	p.stop()

	again := resume(t, settings(pbx.Addr(), folder), p.last)
	if again.app.UserToken() != p.app.UserToken() {
		t.Error("the person's token is another")
	}
	again.until("the link", kind("pbx.connected"))
	again.until("the gap", kind("pbx.gap"))
	after := again.record(before.ID)
	if after.Call.ID != before.Call.ID || after.Call.State != api.CallStateConnected || !after.Call.StartedAt.Equal(before.Call.StartedAt) || !after.Call.AnsweredAt.Equal(before.Call.AnsweredAt) {
		t.Errorf("the call is %s %s, began %v, answered %v; it was %s %s, %v, %v", after.Call.ID, after.Call.State, after.Call.StartedAt, after.Call.AnsweredAt,
			before.Call.ID, before.Call.State, before.Call.StartedAt, before.Call.AnsweredAt)
	}
	if after.Complete {
		t.Error("nobody says that the PBX could not be seen for a time")
	}
	for name, f := range before.Fields {
		if got := after.Fields[name]; got.Value != f.Value || got.Source != f.Source || len(got.Claims) != len(f.Claims) {
			t.Errorf("%s: got %+v, want %+v", name, got, f)
		}
	}
	if notes := after.Notes(); len(notes) != 1 || notes[0].Text != "calls back\ntomorrow" {
		t.Errorf("notes: %+v", notes)
	}
	if found := again.record(lookup.ID); found.Value("party.number") != "+4512345678" || found.State != client.Open {
		t.Errorf("the lookup: %+v", found)
	}
	if _, err := client.Connect(t.Context(), client.Options{URL: again.app.URL(), Token: app.Token}); err != nil {
		t.Errorf("the app's token: %v", err)
	}
	hangUpAll(t, pbx)
	again.until("the end", func(n servertest.Notification) bool { return n.Type == "call.ended" && n.Subject == before.ID })
	if r := again.record(before.ID); r.Call.Result != api.ResultAnswered || r.Call.EndedAt.IsZero() {
		t.Errorf("it ended as %s at %v", r.Call.Result, r.Call.EndedAt)
	}
	records, err := again.client.Records(t.Context(), "")
	if err != nil || len(records) != 2 {
		t.Errorf("%d records, %v: want the call and the lookup", len(records), err)
	}
}

// TestStop: when Run has returned there is no note, no listener and no lock, and what was written last is durable.
func TestStop(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	folder := t.TempDir()
	p := start(t, settings(pbx.Addr(), folder))
	p.connected()
	url := p.app.URL()
	has := func() bool {
		for _, name := range notes(t) {
			if text, err := os.ReadFile(name); err == nil && strings.Contains(string(text), url) {
				if strings.Contains(string(text), p.app.UserToken()) {
					t.Error("the note has the token (SEC-12)")
				}
				if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("the note can be read by others: %v", err)
				}
				return true
			}
		}
		return false
	}
	if !has() {
		t.Error("there is no note of the running program")
	}
	r, err := p.client.Lookup(t.Context(), "2025550177")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	p.stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v to end", took)
	}
	if has() {
		t.Error("the note is left behind")
	}
	l, err := net.Listen("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatalf("the port is still taken: %v", err)
	}
	l.Close()
	again := start(t, settings(pbx.Addr(), folder))
	again.record(r.ID)
}

// TestSecond: a second one on the same port, or on the same folder, says so in one sentence, and the first does not notice.
func TestSecond(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	c := settings(pbx.Addr(), t.TempDir())
	p := start(t, c)
	p.connected()
	port := settings(pbx.Addr(), t.TempDir())
	port.Listen.Address = strings.TrimPrefix(p.app.URL(), "http://")
	_, err := New(t.Context(), Options{Config: port})
	sentence(t, err, port.Listen.Address, "in use", "stop that one", "listen.address")
	_, err = New(t.Context(), Options{Config: c})
	sentence(t, err, filepath.Join(c.Data, "callboard.db"), "in use by another Callboard: stop that one, or give this one a data folder of its own")
	nobody := settings(pbx.Addr(), t.TempDir())
	nobody.Listen.Address = "192.0.2.1:0" // TEST-NET-1: not an address of this computer
	_, err = New(t.Context(), Options{Config: nobody})
	sentence(t, err, "cannot listen on 192.0.2.1:0", "listen.address")
	if _, err := p.client.Lookup(t.Context(), "2025550177"); err != nil {
		t.Errorf("the first one has noticed: %v", err)
	}
}

// TestRefused: a wrong password is tried once, and the person is told what to change; a link that breaks is made again.
func TestRefused(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	c := settings(pbx.Addr(), t.TempDir())
	c.PBX.Secret = "wrong"
	p := start(t, c)
	l := p.link(telephony.LinkRefused)
	if !strings.Contains(l.Problem, `refused Login as user "u1001"`) || !strings.Contains(l.Remedy, "pbx.secret") {
		t.Errorf("the link says %+v", l)
	}
	status, err := p.client.Status(t.Context())
	if err != nil || status.Lines[0].Pbx.State != api.LinkStateRefused || status.Lines[0].Pbx.Problem != l.Problem || status.Lines[0].Pbx.Remedy != l.Remedy {
		t.Errorf("status: %+v, %v", status.Lines, err)
	}
	good := start(t, settings(pbx.Addr(), t.TempDir()))
	good.connected()
	pbx.DropConnections(true)
	good.link(telephony.LinkGone)
	good.connected()
	good.until("the gap", kind("pbx.gap"))
	p.stop()
	for len(p.links) > 0 {
		if l := <-p.links; l.State != telephony.LinkRefused {
			t.Errorf("after the refusal the link was %s", l.State)
		}
	}
}

// TestUserToken: the token is made once, only its user can read it, and a file that is none is replaced or complained about.
func TestUserToken(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "user.token")
	first, err := userToken(path)
	if err != nil || !strings.HasPrefix(first, "cb_") {
		t.Fatalf("%q, %v", first, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if again, err := userToken(path); again != first || err != nil {
		t.Errorf("got %q, %v, want the same", again, err)
	}
	if err := os.WriteFile(path, []byte("cut\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if other, err := userToken(path); err != nil || len(other) < 29 || other == first {
		t.Errorf("a cut file gives %q, %v", other, err)
	}
	folder := filepath.Join(t.TempDir(), "user.token")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = userToken(folder)
	sentence(t, err, folder, "is a directory", "right to read it")
	_, err = userToken(filepath.Join(t.TempDir(), "nowhere", "user.token"))
	sentence(t, err, "nowhere", "right to write there")
}

// TestTLSSettings: what is wrong with the certificate's file says so.
func TestTLSSettings(t *testing.T) {
	t.Parallel()
	junk := filepath.Join(t.TempDir(), "junk.pem")
	if err := os.WriteFile(junk, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, wants := range map[string][]string{
		filepath.Join(t.TempDir(), "none.pem"): {"pbx.tls_ca", "none.pem", "name the file"},
		junk:                                   {"pbx.tls_ca", junk, "BEGIN CERTIFICATE"},
	} {
		c := settings("127.0.0.1:5039", t.TempDir())
		c.PBX.TLS, c.PBX.TLSCA = true, name
		_, err := New(t.Context(), Options{Config: c})
		sentence(t, err, wants...)
	}
	c := settings("pbx.example:5039", t.TempDir())
	c.PBX.TLS = true
	got, err := tlsSettings(c.PBX)
	if err != nil || got.ServerName != "pbx.example" || got.InsecureSkipVerify || got.MinVersion == 0 {
		t.Errorf("%+v, %v", got, err)
	}
	c.PBX.TLSName = "asterisk.example"
	if got, err := tlsSettings(c.PBX); err != nil || got.ServerName != "asterisk.example" {
		t.Errorf("%+v, %v", got, err)
	}
}
