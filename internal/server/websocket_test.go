package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/server/servertest"
)

// TestSameOnBoth: what comes on a WebSocket is what comes as server-sent events.
func TestSameOnBoth(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	for _, query := range []string{"", "?include=claims"} {
		events, both := h.watch(h.user, query), h.socket(h.user, query)
		began := h.list().Cursor
		record, _ := busy(h, app)
		h.claim(h.user, record, "party.website", "the last"+query)
		want := events.readToValue("party.website", "the last"+query)
		read := func(s *socket) (got []servertest.Notification) {
			for range want {
				n, _ := s.next()
				n.EventID = n.ID
				got = append(got, n)
			}
			return got
		}
		if got := read(both); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: the socket had %d notifications, or others than the %d events", query, len(got), len(want))
		}
		resumed := h.socket(h.user, strings.Replace("?cursor="+began+"&"+strings.TrimPrefix(query, "?"), "&&", "&", 1))
		if got := read(resumed); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: resumed, the socket had others", query)
		}
	}
}

// rounds lets two enrichers work on a call, one after the other: the second knows nothing before the first has said the
// company. It returns what settled.
func rounds(h *house, answerBook, answerCRM func()) *api.SettledData {
	h.t.Helper()
	watch := h.watch(h.user, "?include=claims")
	_, record := h.ring("+45 12 34 56 78", "Mette")
	answerBook()
	answerCRM()
	for {
		n := watch.until("record.settled")
		if n.Subject == record {
			got := h.record(record)
			company, owner := got.Fields["party.company"], got.Fields["x.crm.owner"]
			if company.Source != "book" || company.Round != 1 || company.Claims[0].Work == "" {
				h.t.Errorf("the company: %+v, want it from the book in round 1", company)
			}
			if owner.Source != "crm" || owner.Round != 2 || owner.Value != "Anna" || owner.Claims[0].Work == "" {
				h.t.Errorf("the owner: %+v, want it from the CRM in round 2", owner)
			}
			if links := got.Items["links"]; len(links) != 1 || links[0].Round != 2 || links[0].Source != "crm" {
				h.t.Errorf("the links: %+v", links)
			}
			if got.Settled.Wave != n.Payload.(*api.SettledData).Wave {
				h.t.Errorf("the record says settled %+v, the notification %+v", got.Settled, n.Payload)
			}
			return n.Payload.(*api.SettledData)
		}
	}
}

var (
	bookAnswer = api.Answer{Claims: []api.NewClaim{{Field: "party.company", Value: "Holm Marine", Quality: api.QualityVerified}}}
	crmAnswer  = api.Answer{Claims: []api.NewClaim{{Field: "x.crm.owner", Value: "Anna"}},
		Items: []api.NewItem{{List: api.NewItemListLinks, ID: "account", Title: "Holm Marine", URL: "https://crm.example/1"}}}
)

func checkWork(t *testing.T, w *api.Work, round int, changed string) {
	t.Helper()
	if w.Round != round || len(w.Changed) != 1 || w.Changed[0] != changed || w.DeadlineMs <= 0 || w.DeadlineMs > 5000 || w.Record.ID == "" {
		t.Errorf("got work %s round %d changed %v deadline %d ms, want round %d changed [%s]", w.Work, w.Round, w.Changed, w.DeadlineMs, round, changed)
	}
}

// TestWorkByPost hands works out as events and takes the answers as requests: two rounds, then settled.
func TestWorkByPost(t *testing.T) {
	t.Parallel()
	h := open(t)
	book, crm := h.app("book"), h.app("crm")
	bookWorks := h.watch(book, "?needs=party.number&gives=party.company")
	crmWorks := h.watch(crm, "?needs=party.company&gives=x.crm.owner")
	var apps api.AppList
	h.want(http.StatusOK, &apps, "GET", "/v1/apps", h.user, nil)
	if len(apps.Apps) != 2 || !apps.Apps[0].Connected || apps.Apps[0].Needs[0] != "party.number" || apps.Apps[0].Gives[0] != "party.company" {
		t.Errorf("apps: %+v", apps)
	}
	settled := rounds(h, func() {
		work := bookWorks.work()
		checkWork(t, work, 0, "party.number")
		var done api.Written
		h.want(http.StatusOK, &done, "POST", "/v1/works/"+work.Work+"/answer", book, bookAnswer)
		if done.Record != work.Record.ID || done.Changed != 1 || done.Rev <= work.Record.Rev {
			t.Errorf("written: %+v", done)
		}
		h.want(http.StatusOK, &done, "POST", "/v1/works/"+work.Work+"/answer", book, bookAnswer)
		if done.Changed != 0 {
			t.Errorf("the same answer again changed %d", done.Changed)
		}
	}, func() {
		work := crmWorks.work()
		checkWork(t, work, 1, "party.company")
		if got := work.Record.Fields["party.company"].Value; got != "Holm Marine" {
			t.Errorf("the work has the company %q", got)
		}
		h.want(http.StatusOK, nil, "POST", "/v1/works/"+work.Work+"/answer", crm, crmAnswer)
	})
	if settled.Rounds != 2 || len(settled.Unanswered) != 0 {
		t.Errorf("settled: %+v", settled)
	}
	// A stream of one app that begins anew takes the works over, and the earlier one ends.
	again := h.watch(crm, "?needs=party.company&gives=x.crm.owner")
	if n, err := drain(crmWorks); err == nil || n == 0 {
		t.Error("the earlier stream goes on")
	}
	again.close()
	for n := 0; ; n++ {
		h.want(http.StatusOK, &apps, "GET", "/v1/apps", h.user, nil)
		if !apps.Apps[1].Connected {
			break
		}
	}
}

// TestWorkBySocket is the same on WebSockets: works, answers and what answers them travel on one.
func TestWorkBySocket(t *testing.T) {
	t.Parallel()
	h := open(t)
	book, crm := h.app("book"), h.app("crm")
	bookWorks := h.socket(book, "?needs=party.number&gives=party.company")
	crmWorks := h.socket(crm, "?needs=party.company&gives=x.crm.owner")
	answer := func(s *socket, a api.Answer, round int, changed string) {
		work := s.until("work").Payload.(*api.Work)
		checkWork(t, work, round, changed)
		s.send(encode(t, api.AnswerFrame{Type: api.AnswerFrameTypeAnswer, Work: work.Work, Claims: a.Claims, Items: a.Items}))
		reply, ok := s.reply().(*api.AnsweredFrame)
		if !ok || reply.Work != work.Work || reply.Written.Changed != len(a.Claims)+len(a.Items) || reply.Written.Record != work.Record.ID {
			t.Errorf("answered: %+v", reply)
		}
	}
	settled := rounds(h, func() { answer(bookWorks, bookAnswer, 0, "party.number") },
		func() { answer(crmWorks, crmAnswer, 1, "party.company") })
	if settled.Rounds != 2 || len(settled.Unanswered) != 0 {
		t.Errorf("settled: %+v", settled)
	}
}

func encode(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestClaimsBySocket: many claims may be under way on one socket; the replies come in their order, each when it is durable, and
// bear the id that was sent.
func TestClaimsBySocket(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	record := h.lookup("+45 12 34 56 78")
	socket := h.socket(app, "?types=record.settled")
	frame := func(id, record, value string, match int64) string {
		return encode(t, api.ClaimFrame{Type: api.ClaimFrameTypeClaim, ID: id, Record: record, Match: match, Claims: []api.NewClaim{{Field: "x.crm.stage", Value: value}}})
	}
	socket.send(frame("one", record, "first", 0))
	socket.send(frame("two", record, "first", 0))
	socket.send(frame("three", "rec_none", "first", 0))
	socket.send(frame("four", record, "second", 1))
	socket.send(encode(t, api.ClaimFrame{Type: api.ClaimFrameTypeClaim, ID: "five", Record: record}))
	for i, want := range []string{"one 1", "two 0", "three not_found", "four rev_mismatch", "five invalid"} {
		var got string
		switch reply := socket.reply().(type) {
		case *api.ClaimedFrame:
			got = fmt.Sprint(reply.ID, " ", reply.Written.Changed)
		case *api.ProblemFrame:
			got = reply.ID + " " + reply.Problem.Code
		}
		if got != want {
			t.Errorf("reply %d: got %s, want %s", i, got, want)
		}
	}
	if got := h.record(record).Fields["x.crm.stage"].Value; got != "first" {
		t.Errorf("the record has %q", got)
	}
}

// TestSocketProblems: what cannot be taken is answered with a problem that names the work, and the socket goes on.
func TestSocketProblems(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	socket := h.socket(app, "?needs=party.number")
	h.lookup("+45 12 34 56 78")
	work := socket.until("work").Payload.(*api.Work).Work
	for _, c := range []struct{ frame, work, code string }{
		{"", "", "invalid"},
		{"garbage", "", "invalid"},
		{"{", "", "invalid"},
		{"[]", "", "invalid"},
		{"null", "", "invalid"},
		{`{"type":"answer"}`, "", "work_unknown"},
		{`{"type":"work","work":"` + work + `"}`, work, "invalid"},
		{`{"type":"answer","work":"work_9999"}`, "work_9999", "work_unknown"},
		{`{"type":"answer","work":"` + work + `","claims":"x"}`, work, "invalid"},
		{`{"type":"answer","work":"` + work + `","claims":[{"field":"party.number","value":"1"}]}`, work, "field_authoritative"},
		{`{"type":"answer","work":"` + work + `","claims":[{"field":"x.erp.a","value":"1"}]}`, work, "forbidden"},
		{`{"type":"answer","work":"` + work + `","claims":[{"field":"party.bio","value":"` + strings.Repeat("v", 8193) + `"}]}`, work, "too_large"},
		{`{"type":"answer","work":"` + work + `","error":"` + strings.Repeat("e", 513) + `"}`, work, "too_large"},
	} {
		socket.send(c.frame)
		reply, ok := socket.reply().(*api.ProblemFrame)
		if !ok || reply.Problem.Code != c.code || reply.Work != c.work || reply.Problem.Remedy == "" || reply.Problem.Status < 400 {
			t.Errorf("%.60s: got %+v, want %s for %q", c.frame, reply, c.code, c.work)
		}
	}
	if err := socket.conn.Write(socket.ctx, websocket.MessageBinary, []byte{0xff, 0x00}); err != nil {
		t.Fatal(err)
	}
	if reply, ok := socket.reply().(*api.ProblemFrame); !ok || reply.Problem.Code != "invalid" {
		t.Errorf("bytes: got %+v", reply)
	}
	socket.send(`{"type":"answer","work":"` + work + `","nothing_found":true}`)
	if reply, ok := socket.reply().(*api.AnsweredFrame); !ok || reply.Work != work {
		t.Errorf("after all that: %+v", reply)
	}
	socket.send(`{"type":"answer","padding":"` + strings.Repeat("p", 64<<10) + `"}`)
	if err := socket.drain(); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("a frame above the bound ended the socket with %v", err)
	}
}

// TestSocketRefused: no socket without a token, and none for a foreign page (SEC-03).
func TestSocketRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, c := range []struct {
		name, origin, token string
		want                int
	}{
		{"foreign", "https://evil.example", h.user, 403},
		{"foreign with the port", "http://evil.example" + h.addr[strings.LastIndex(h.addr, ":"):], h.user, 403},
		{"null", "null", h.user, 403},
		{"localhost", "http://localhost" + h.addr[strings.LastIndex(h.addr, ":"):], h.user, 403},
		{"no token", "http://" + h.addr, "", 401},
		{"a wrong token", "", NewToken(), 401},
		{"the page", "http://" + h.addr, h.user, 101},
		{"a program", "", h.user, 101},
	} {
		header := http.Header{}
		if c.token != "" {
			header.Set("Authorization", "Bearer "+c.token)
		}
		if c.origin != "" {
			header.Set("Origin", c.origin)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		conn, res, err := websocket.Dial(ctx, "ws://"+h.addr+"/v1/watch/ws", &websocket.DialOptions{HTTPClient: h.http, HTTPHeader: header})
		if res == nil || res.StatusCode != c.want {
			t.Errorf("%s: got %+v %v, want %d", c.name, res, err, c.want)
		}
		if conn != nil {
			checkHeaders(t, c.name, res.Header)
			conn.CloseNow()
		}
		cancel()
	}
}

// TestStoreGone: while the store takes nothing, writes are refused with 507, calls still pop, and who watches is told; when
// it takes changes again all goes on, with nothing lost and no hole (D-2, FLT-07).
func TestStoreGone(t *testing.T) {
	t.Parallel()
	fail := make(chan error, 1) // holds what the next commits end with
	h := open(t, func(p *plan) {
		p.commit = func(context.Context, string, []*board.Change) error {
			select {
			case err := <-fail:
				fail <- err
				return err
			default:
				return nil
			}
		}
	})
	app := h.app("crm")
	record := h.lookup("+45 12 34 56 78")
	before := h.list().Cursor
	watch, socket := h.watch(h.user, ""), h.socket(h.user, "")
	fail <- errors.New("disk full")
	h.refused(http.StatusInsufficientStorage, "store_unavailable", "POST", "/v1/records/"+record+"/notes", h.user, api.NoteText{Text: "is not taken"})
	reset := watch.until("reset").Payload.(*api.ResetData)
	socket.until("reset")
	if reset.Reason == "" {
		t.Error("a reset without a reason")
	}
	if _, err := drain(watch); err == nil {
		t.Error("the stream goes on after a reset")
	}
	h.refused(http.StatusGone, "cursor_gone", "GET", "/v1/watch?cursor="+before, h.user, nil)
	call, popped := h.ring("2025550143", "Bob Caller")
	if got := h.record(popped); got.Durable || got.Call.State != "ringing" {
		t.Errorf("a call while the store is gone: durable %v, %s", got.Durable, got.Call.State)
	}
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/v1/records", api.Lookup{Number: "2025550177"}},
		{"POST", "/v1/records/" + popped + "/claims", api.ClaimRequest{Claims: []api.NewClaim{{Field: "party.name", Value: "B"}}}},
		{"PUT", "/v1/records/" + popped + "/notes/one", api.NoteText{Text: "x"}},
		{"DELETE", "/v1/records/" + popped + "/notes/one", nil},
		{"POST", "/v1/works/work_1/answer", api.Answer{NothingFound: true}},
		{"POST", "/v1/records/" + popped + "/claims", api.ClaimRequest{Claims: []api.NewClaim{{Field: "party.name", Value: "B", TTLMs: 5000}}}},
	} {
		h.refused(http.StatusInsufficientStorage, "store_unavailable", c.method, c.path, app, c.body)
	}
	var status api.Status
	h.want(http.StatusOK, &status, "GET", "/v1/status", h.user, nil)
	if status.Store.Durable || !strings.Contains(status.Store.Problem, "disk full") {
		t.Errorf("status: %+v", status.Store)
	}
	<-fail
	call.answer()
	tick := time.NewTicker(50 * time.Millisecond) // the committer asks the store again once a second, and tells nobody
	defer tick.Stop()
	for status := 0; status != http.StatusCreated; <-tick.C {
		got := h.do("POST", "/v1/records/"+popped+"/notes", h.user, api.NoteText{Text: "is taken"})
		if status = got.status; status != http.StatusCreated && status != http.StatusInsufficientStorage {
			t.Fatalf("got %d %s", got.status, got.body)
		}
	}
	if got := h.record(popped); !got.Durable || len(got.Items["notes"]) != 1 || got.Items["notes"][0].Text != "is taken" {
		t.Errorf("after: %+v", got)
	}
	kept, err := h.store.Changes(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range kept {
		if c.Seq != uint64(i+1) {
			t.Fatalf("the log has %d at place %d", c.Seq, i+1)
		}
	}
	if stored, err := h.store.Record(t.Context(), popped); err != nil || stored == nil || stored.Value("party.name") != "Bob Caller" {
		t.Errorf("the call that popped meanwhile is not stored: %+v, %v", stored, err)
	}
	loaded, err := h.store.Load(t.Context())
	if err != nil || fmt.Sprint(loaded.Epoch) != h.board.Epoch() {
		t.Errorf("the store has the epoch %s, the board %s, %v", loaded.Epoch, h.board.Epoch(), err)
	}
}

// TestEveryOperation answers each operation of the contract once with success, so that each answer was held to its schema.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	own, err := servertest.Load()
	if err != nil {
		t.Fatal(err)
	}
	h := open(t, phoned(&desk{}))
	h.contract = own
	h.http.Transport.(*servertest.Transport).Contract = own
	app := h.app("crm")
	watch := h.watch(app, "?needs=party.number")
	h.socket(h.user, "")
	busy(h, app)
	work := watch.work().Work
	h.want(http.StatusOK, nil, "POST", "/v1/works/"+work+"/progress", app, nil)
	h.want(http.StatusOK, nil, "POST", "/v1/works/"+work+"/answer", app, api.Answer{NothingFound: true})
	var made api.Code
	h.want(http.StatusCreated, &made, "POST", "/v1/codes", h.user, nil)
	h.want(http.StatusOK, nil, "POST", "/v1/session", "", api.SessionRequest{Code: made.Code})
	for _, path := range []string{"/v1/hello", "/v1/status", "/v1/metrics", "/v1/apps", "/v1/records?state=open&include=claims"} {
		h.want(http.StatusOK, nil, "GET", path, h.user, nil)
	}
	looked := h.lookup("2025550177")
	h.record(looked)
	pin, hidden := "/v1/records/"+looked+"/fields/party.name/pin", "/v1/records/"+looked+"/fields/party.name/hidden/crm"
	h.want(http.StatusOK, nil, "PUT", pin, h.user, api.Pin{Source: "crm"})
	h.want(http.StatusOK, nil, "DELETE", pin, h.user, nil)
	h.want(http.StatusOK, nil, "PUT", hidden, h.user, nil)
	h.want(http.StatusOK, nil, "DELETE", hidden, h.user, nil)
	var placed api.Placed
	h.want(http.StatusCreated, &placed, "POST", "/v1/calls", h.user, api.Dial{Number: "1002"})
	h.want(http.StatusOK, nil, "POST", "/v1/records/"+placed.Record+"/commands", h.user, api.Command{Command: "hangup"})
	h.want(http.StatusOK, nil, "PATCH", "/v1/apps/crm", h.user, api.AppChange{AfterCall: new(true)})
	h.loops("crm", looked, "party.bio")
	h.want(http.StatusNoContent, nil, "DELETE", "/v1/apps/crm/quarantine/party.bio", h.user, nil)
	h.want(http.StatusNoContent, nil, "DELETE", "/v1/apps/crm", h.user, nil)
	everyWebhookOperation(h)
	h.want(http.StatusOK, nil, "POST", "/v1/records/"+looked+"/close", h.user, nil)
	h.want(http.StatusOK, nil, "POST", "/v1/records/"+looked+"/reopen", h.user, nil)
	h.want(http.StatusOK, nil, "GET", "/v1/log?view=all", h.user, nil)
	var proof api.Erasure
	h.want(http.StatusOK, &proof, "POST", "/v1/erasures", h.user, api.NewErasure{Records: []string{looked}})
	h.want(http.StatusOK, nil, "GET", "/v1/erasures/"+proof.ID, h.user, nil)
	h.want(http.StatusOK, nil, "GET", "/v1/erasures", h.user, nil)
	h.want(http.StatusOK, nil, "POST", "/v1/erasures/"+proof.ID+"/verification", h.user, api.NewVerification{Records: []string{looked}})
	h.want(http.StatusOK, nil, "GET", "/v1/export?format=csv", h.user, nil)
	for _, op := range own.Operations() {
		if !own.Succeeded(op.ID) {
			t.Errorf("%s %s was not answered", op.Method, op.Path)
		}
	}
}

// TestSocketGarbage: bytes that are no WebSocket frames end that socket and nothing else (RFC 6455, 7.1.7).
func TestSocketGarbage(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	stays := h.watch(app, "")
	for _, garbage := range []string{
		"\x81\x05hello",                                // not masked
		"\x83\x85\x01\x02\x03\x04hello",                // an opcode that there is not
		"\xf1\x85\x01\x02\x03\x04hello",                // reserved bits
		"\x89\xff\x7f\xff\xff\xff\xff\xff\xff\xffmask", // a ping without end
		"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xffmask", // a negative length
		"GET / HTTP/1.1\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(conn, "GET /v1/watch/ws HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n%s", h.addr, app, garbage)
		if _, err := io.ReadAll(conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after %q the socket is open: %v", garbage, err)
		}
		conn.Close()
	}
	record := h.lookup("+45 12 34 56 78")
	if n := stays.until("record.opened"); n.Subject != record {
		t.Errorf("got %+v", n)
	}
}
