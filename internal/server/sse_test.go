package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/server/servertest"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// busy makes a bit of everything happen on a house, and returns the records of a call that is over and of a lookup.
func busy(h *house, app string) (call, lookup string) {
	h.t.Helper()
	lookup = h.lookup("+45 12 34 56 78")
	phone, call := h.ring("2025550143", "Bob Caller")
	h.claim(app, call, "party.company", "Acme")
	h.claim(h.user, call, "party.name", "Robert")
	h.claim(app, call, "party.name", "Bob") // loses against the person's word
	var note api.Item
	h.want(http.StatusCreated, &note, "POST", "/v1/records/"+call+"/notes", h.user, api.NoteText{Text: "calls back"})
	h.want(http.StatusOK, nil, "PUT", "/v1/records/"+call+"/notes/"+note.ID, h.user, api.NoteText{Text: "calls back tomorrow"})
	h.want(http.StatusOK, nil, "PUT", "/v1/records/"+call+"/notes/own-id", h.user, api.NoteText{Text: "one more"})
	h.want(http.StatusNoContent, nil, "DELETE", "/v1/records/"+call+"/notes/own-id", h.user, nil)
	phone.answer()
	phone.hold()
	phone.resume()
	phone.hangUp()
	h.claim(app, lookup, "x.crm.owner", "me")
	h.claim(app, lookup, "x.crm.owner", "")
	return call, lookup
}

// readTo reads the notifications up to a cursor's place.
func (w *watcher) readTo(cursor string) []servertest.Notification {
	w.t.Helper()
	to, err := board.ParseCursor(cursor)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []servertest.Notification
	for {
		n := w.next()
		at, err := board.ParseCursor(n.EventID)
		switch {
		case n.Type == "work" || n.Type == "bookmark":
			continue
		case err != nil || at.Epoch != to.Epoch:
			w.t.Fatalf("%q is no place in the log of %s", n.EventID, cursor)
		}
		all = append(all, n)
		if at.Seq >= to.Seq {
			return all
		}
	}
}

// readToValue reads the notifications up to the one that gives a field a value.
func (w *watcher) readToValue(field, value string) (all []servertest.Notification) {
	for {
		n, err := w.stream.Next()
		if err != nil {
			w.t.Errorf("the stream: %v", err)
			return nil
		}
		if n.Type == "work" || n.Type == "bookmark" {
			continue
		}
		all = append(all, n)
		if data, ok := n.Payload.(*api.ChangedData); ok && data.Fields[field] != nil && data.Fields[field].Value == value {
			return all
		}
	}
}

// TestOrder: the ids of a stream grow by one; with include=claims none is left out (D-1, D-3).
func TestOrder(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	watch, shown := h.watch(h.user, "?include=claims"), h.watch(app, "")
	busy(h, app)
	end := h.list().Cursor
	all := watch.readTo(end)
	revs := map[string]int64{}
	for i, n := range all {
		want := fmt.Sprintf("%s:%d", strings.Split(watch.began, ":")[0], i+1)
		if n.ID != want {
			t.Errorf("notification %d has the id %s, want %s", i, n.ID, want)
		}
		if rev := reflect.ValueOf(n.Payload).Elem().FieldByName("Rev"); rev.IsValid() {
			if rev.Int() != revs[n.Subject]+1 {
				t.Errorf("%s %s: rev %d after %d", n.Type, n.Subject, rev.Int(), revs[n.Subject])
			}
			revs[n.Subject] = rev.Int()
		}
	}
	losing := 0
	for _, n := range shown.readTo(end) {
		if data, ok := n.Payload.(*api.ChangedData); ok {
			for name, f := range data.Fields {
				if f != nil && f.Claims != nil {
					t.Errorf("%s comes with claims that nobody asked for", name)
				}
				if f != nil && data.Source == "crm" && name == "party.name" {
					losing++
				}
			}
		}
	}
	// The losing claim made one more other value, and people see that there is disagreement (B-4): once, not again.
	if losing > 1 {
		t.Errorf("a losing claim was told %d times", losing)
	}
}

// TestLosingClaim: a claim by which people see nothing else is told only to those who look at claims (B-12).
func TestLosingClaim(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	record := h.lookup("+45 12 34 56 78")
	h.claim(h.user, record, "party.name", "Robert")
	h.claim(app, record, "party.name", "Bob")
	shown, claims := h.watch(h.user, ""), h.watch(h.user, "?include=claims")
	done := h.claim(app, record, "party.name", "Bobby") // still one other value
	h.claim(h.user, record, "party.email", "r@example.com")
	if data := claims.next().Payload.(*api.ChangedData); data.Rev != done.Rev || len(data.Fields["party.name"].Claims) != 2 {
		t.Errorf("with claims: got %+v, want the losing claim", data)
	}
	if data := shown.next().Payload.(*api.ChangedData); data.Fields["party.email"] == nil {
		t.Errorf("without: got %+v, want the e-mail", data)
	}
}

// TestResume goes on after every place of a log, by cursor and by Last-Event-ID: no hole and no double (D-3, D-4).
func TestResume(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	start := h.list().Cursor
	busy(h, app)
	end := h.list().Cursor
	all := h.watch(h.user, "?include=claims&cursor="+start).readTo(end)
	if len(all) < 15 {
		t.Fatalf("only %d notifications", len(all))
	}
	ids := func(list []servertest.Notification) (out []string) {
		for _, n := range list {
			out = append(out, n.ID)
		}
		return out
	}
	for i, n := range all[:len(all)-1] {
		byCursor := h.watch(h.user, "?include=claims&cursor="+n.ID)
		byHeader := h.watch(h.user, "?include=claims&cursor="+start, "Last-Event-ID: "+n.ID)
		if byCursor.began != n.ID || byHeader.began != n.ID {
			t.Errorf("asked for %s, begins at %s and %s", n.ID, byCursor.began, byHeader.began)
		}
		for _, w := range []*watcher{byCursor, byHeader} {
			got := w.readTo(end)
			if want := all[i+1:]; !reflect.DeepEqual(got, want) {
				t.Errorf("after %s: got %v, want %v", n.ID, ids(got), ids(want))
			}
			w.close()
		}
	}
	// From the end there is nothing but what comes next.
	after := h.watch(h.user, "?cursor="+end)
	record := h.lookup("+45 98 76 54 32")
	if n := after.until("record.opened"); n.Subject != record {
		t.Errorf("got %+v", n)
	}
}

// TestGone: a cursor that leads nowhere is refused before the stream begins (D-6).
func TestGone(t *testing.T) {
	t.Parallel()
	h := open(t, func(p *plan) { p.board.Window = 2; p.board.Grace = time.Hour })
	record := h.lookup("+45 12 34 56 78")
	h.flood(record, 20)
	epoch, _, _ := strings.Cut(h.list().Cursor, ":")
	for cursor, want := range map[string]int{
		"other:1": 410, epoch + "x:1": 410, epoch + ":999": 410, epoch + ":18446744073709551615": 410,
		"nonsense": 400, ":1": 400, epoch + ":": 400, epoch + ":-1": 400, epoch + ":1x": 400, epoch + ":18446744073709551616": 400, "a%0Ab:1": 410,
		epoch + ":0": 200, epoch + ":1": 200,
	} {
		code := map[int]string{410: "cursor_gone", 400: "invalid"}[want]
		for _, path := range []string{"/v1/watch?cursor=" + cursor, "/v1/watch/ws?cursor=" + cursor} {
			got := h.do("GET", path, h.user, nil)
			if want == 200 && strings.Contains(path, "/ws") {
				want := http.StatusUpgradeRequired
				if got.status != want {
					t.Errorf("%s: got %d, want %d", path, got.status, want)
				}
				continue
			}
			if got.status != want || code != "" && got.problem(t).Code != code {
				t.Errorf("%s: got %d %s, want %d", path, got.status, got.body, want)
			}
		}
	}
	h.refused(http.StatusGone, "cursor_gone", "GET", "/v1/watch?cursor="+epoch+":1", h.user, nil, "Last-Event-ID: other:1")
}

// trimmed is a store whose log begins late, as after a long time.
type trimmed struct {
	served
	after *atomic.Uint64
	asked *atomic.Int64
}

func (s trimmed) Changes(ctx context.Context, after uint64, limit int) ([]*board.Change, error) {
	s.asked.Add(1)
	return s.served.Changes(ctx, max(after, s.after.Load()), limit)
}

// TestTrimmedLog: where the store does not reach back to a cursor any more, nobody is told a log with a hole in it.
func TestTrimmedLog(t *testing.T) {
	t.Parallel()
	var after atomic.Uint64
	var asked atomic.Int64
	h := open(t, narrow, func(p *plan) {
		p.board.Window = 2
		p.server.Store = trimmed{p.server.Store.(served), &after, &asked}
	})
	record := h.lookup("+45 12 34 56 78")
	began := h.list().Cursor
	conn, in := h.lazy(h.user, "")
	h.flood(record, 400)
	after.Store(390)
	h.refused(http.StatusGone, "cursor_gone", "GET", "/v1/watch?cursor="+began, h.user, nil)
	h.refused(http.StatusGone, "cursor_gone", "GET", "/v1/watch/ws?cursor="+began, h.user, nil)
	// The one that stood still meanwhile reads on, and is told to list again.
	stream := h.contract.NewStream(body(t, in))
	var last servertest.Notification
	for last.Type != "reset" {
		n, err := stream.Next()
		if err != nil {
			t.Fatalf("after %s: %v", last.ID, err)
		}
		if n.Type != "reset" && last.ID != "" && seq(t, n.ID) != seq(t, last.ID)+1 {
			t.Errorf("%s comes after %s", n.ID, last.ID)
		}
		last = n
	}
	conn.Close()
}

func seq(t testing.TB, cursor string) uint64 {
	t.Helper()
	c, err := board.ParseCursor(cursor)
	if err != nil {
		t.Fatal(err)
	}
	return c.Seq
}

// TestSlowReader: a reader that does not read slows no other and holds nothing; when it reads on it gets every change, the
// same as the others got, though memory does not reach back so far (D-7).
func TestSlowReader(t *testing.T) {
	t.Parallel()
	var after atomic.Uint64
	var asked atomic.Int64
	h := open(t, narrow, func(p *plan) {
		p.board.Window = 16
		p.server.Store = trimmed{p.server.Store.(served), &after, &asked}
	})
	app := h.app("crm")
	fast := h.watch(h.user, "?include=claims")
	conn, in := h.lazy(h.user, "?include=claims")
	record, _ := busy(h, app)
	read := make(chan []servertest.Notification)
	go func() {
		defer close(read)
		read <- fast.readToValue("party.website", "the last")
	}()
	began := time.Now()
	h.flood(record, 400)
	h.claim(h.user, record, "party.website", "the last")
	want := <-read
	t.Logf("the other reader had %d changes after %v, the store was asked %d times", len(want), time.Since(began), asked.Load())
	stood := asked.Load()
	slow := &watcher{t: t, stream: h.contract.NewStream(body(t, in))}
	got := slow.readToValue("party.website", "the last")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the slow reader got %d changes, the other %d, or others", len(got), len(want))
		for i := range min(len(got), len(want)) {
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Fatalf("%d: got %+v, want %+v", i, got[i], want[i])
			}
		}
	}
	if asked.Load() == stood {
		t.Error("the store was not asked: the reader was held in memory")
	}
	// It is at the head again, and hears what happens now.
	h.claim(app, record, "party.company", "Acme Ltd")
	for n := slow.next(); n.Type != "record.changed" || n.Payload.(*api.ChangedData).Source != "crm"; n = slow.next() {
	}
	conn.Close()
}

// TestCoalesced: a reader that asked for it and fell behind is told the newest state of the record, marked as no place to go on
// from, and then a bookmark that is one (D-7).
func TestCoalesced(t *testing.T) {
	t.Parallel()
	h := open(t, narrow)
	record := h.lookup("+45 12 34 56 78")
	conn, in := h.lazy(h.user, "?coalesce=record")
	h.flood(record, 400)
	stream := h.contract.NewStream(body(t, in))
	coalesced, told := false, 0
	for ; ; told++ {
		n, err := stream.Next()
		if err != nil {
			t.Fatal(err)
		}
		if n.Type == "bookmark" && coalesced && seq(t, n.Payload.(*api.BookmarkData).Cursor) == seq(t, h.list().Cursor) {
			break
		}
		if n.Type != "record.newest" {
			continue
		}
		coalesced = true
		if got := n.Payload.(*api.RecordData); !n.Coalesced || n.Subject != record || got.Record.ID != record || got.Record.Rev != got.Rev {
			t.Errorf("the newest state: %+v", n)
		}
	}
	if told > 300 {
		t.Errorf("%d notifications for what 400 changes have made of one record", told)
	}
	h.refused(http.StatusBadRequest, "invalid", "GET", "/v1/watch?coalesce=all", h.user, nil)
	conn.Close()
}

// TestEveryNotification lets everything happen and holds each kind of notification to the contract.
func TestEveryNotification(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	h := open(t, func(p *plan) {
		p.board.Grace = time.Nanosecond
		p.commit = func(context.Context, string, []*board.Change) error {
			if broken.Load() {
				return errors.New("disk full")
			}
			return nil
		}
	})
	app := h.app("crm")
	watch := h.watch(h.user, "")
	seen := map[string]bool{}
	read := func(kind string) {
		t.Helper()
		for n := watch.next(); ; n = watch.next() {
			seen[string(n.Type)] = true
			if string(n.Type) == kind {
				return
			}
		}
	}
	now := time.Now()
	h.line.SetLink(telephony.Link{State: telephony.LinkConnected, Since: now, Peer: "Asterisk 22.10.1"})
	read("pbx.connected")
	worker := h.watch(app, "?needs=party.number&gives=party.name&on=opened,answered,ended,changed")
	read("app.registered")
	phone, _ := h.ring("2025550199", "Other")
	h.want(http.StatusOK, nil, "POST", "/v1/works/"+worker.work().Work+"/answer", app, api.Answer{NothingFound: true})
	busy(h, app)
	phone.say(telephony.LinkLost{})
	h.line.SetLink(telephony.Link{State: telephony.LinkGone, Since: now, Problem: "gone", Remedy: "wait"})
	read("pbx.lost")
	phone.say(telephony.LinkUp{Peer: "Asterisk", BootedAt: now.Add(-time.Hour)})
	phone.say(telephony.Snapshot{})
	read("pbx.gap")
	seen["work"] = true
	read("call.ended")
	worker.close()
	read("app.gone")
	read("record.closed")
	waiting := h.lookup("2025550177")
	caller, record := h.ring("2025550177", "")
	if record != waiting {
		t.Errorf("the call did not join the lookup of its number")
	}
	read("record.joined")
	caller.hangUp()
	broken.Store(true)
	h.board.Notice("Front desk", telephony.Change{Kind: telephony.PBXLost, At: now, Link: &telephony.Link{State: telephony.LinkGone, Since: now}})
	read("reset")
	for _, kind := range []string{"call.created", "call.ringing", "call.answered", "call.held", "call.resumed", "call.ended", "record.opened", "record.joined",
		"record.changed", "record.settled", "record.closed", "item.added", "item.changed", "item.removed", "app.registered", "app.gone", "pbx.connected",
		"pbx.lost", "pbx.gap", "work", "reset"} {
		if !seen[kind] {
			t.Errorf("%s was not seen", kind)
		}
	}
	broken.Store(false)
}
