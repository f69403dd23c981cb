package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
)

const sameKey = "Idempotency-Key: 3f0c2a1e-same-key"

// D-10: each write of the API can be sent twice with one key: the second gets the answer of the first and does nothing.
func TestEveryWriteOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	watch := h.watch(app, "?needs=party.email")
	record := h.lookup("+4512345678")
	h.claim(h.user, record, "party.email", "kim@example.com")
	work := watch.work().Work
	path := "/v1/records/" + record
	note := "/v1/records/" + record + "/notes"
	h.want(http.StatusOK, nil, "PUT", note+"/gone-1", app, api.NoteText{Text: "goes"})
	for i, w := range []struct {
		method, path, token string
		body                any
	}{
		{"POST", "/v1/records", app, api.Lookup{Number: "+4587654321"}},
		{"POST", path + "/claims", app, api.ClaimRequest{Claims: []api.NewClaim{{Field: "party.company", Value: "Acme"}}}},
		{"POST", path + "/claims", app, api.ClaimRequest{Claims: []api.NewClaim{{Field: "party.company", Value: "Acme"}}}}, // nothing changes
		{"POST", note, app, api.NoteText{Text: "hello"}},
		{"PUT", note + "/mine-1", app, api.NoteText{Text: "hello"}},
		{"DELETE", note + "/gone-1", app, nil},
		{"PUT", path + "/fields/party.company/pin", h.user, api.Pin{Source: "crm"}},
		{"DELETE", path + "/fields/party.company/pin", h.user, nil},
		{"PUT", path + "/fields/party.company/hidden/crm", h.user, nil},
		{"DELETE", path + "/fields/party.company/hidden/crm", h.user, nil},
		{"POST", "/v1/works/" + work + "/answer", app, api.Answer{Items: []api.NewItem{{List: "notes", Text: "found"}}}},
	} {
		key := fmt.Sprintf("Idempotency-Key: every-write-%d", i)
		first := h.do(w.method, w.path, w.token, w.body, key)
		if first.status > 299 {
			t.Fatalf("%s %s: %d %s", w.method, w.path, first.status, first.body)
		}
		rev := h.record(record).Rev
		again := h.do(w.method, w.path, w.token, w.body, key)
		if again.status != first.status || string(again.body) != string(first.body) || again.header.Get("ETag") != first.header.Get("ETag") {
			t.Errorf("%s %s: %d %s %q, then %d %s %q", w.method, w.path, first.status, first.body, first.header.Get("ETag"), again.status, again.body, again.header.Get("ETag"))
		}
		if now := h.record(record).Rev; now != rev && !strings.HasPrefix(w.path, "/v1/works") {
			t.Errorf("%s %s: the record went from rev %d to %d", w.method, w.path, rev, now)
		}
		h.refused(http.StatusUnprocessableEntity, "idempotency_key_reused", "POST", note, w.token, api.NoteText{Text: "another"}, key)
	}
	if notes := h.record(record).Items["notes"]; len(notes) != 3 {
		t.Errorf("the notes: %+v", notes)
	}
	h.refused(http.StatusBadRequest, "invalid", "POST", note, app, api.NoteText{Text: "x"}, "Idempotency-Key: short")
	h.refused(http.StatusNotFound, "not_found", "POST", "/v1/records/rec_none/notes", app, api.NoteText{Text: "x"}, sameKey)
	h.want(http.StatusCreated, nil, "POST", note, app, api.NoteText{Text: "a refusal uses no key up"}, sameKey)
	h.want(http.StatusCreated, nil, "POST", note, h.user, api.NoteText{Text: "another's key"}, sameKey)
	// A write that changed nothing is known too: what came between is not undone.
	one, two := api.ClaimRequest{Claims: []api.NewClaim{{Field: "party.company", Value: "Acme"}}}, api.ClaimRequest{Claims: []api.NewClaim{{Field: "party.company", Value: "Other"}}}
	h.want(http.StatusOK, nil, "POST", path+"/claims", app, two, "Idempotency-Key: two-two-two")
	h.want(http.StatusOK, nil, "POST", path+"/claims", app, one, "Idempotency-Key: every-write-2")
	if got := h.record(record).Fields["party.company"].Value; got != "Other" {
		t.Errorf("the company is %q", got)
	}
}

// D-10: a hundred at once with one key are one write, and all get its answer.
func TestOneOfAHundred(t *testing.T) {
	t.Parallel()
	h := open(t)
	record := h.lookup("+4512345678")
	var all sync.WaitGroup
	answers := make([]answer, 100)
	for i := range answers {
		all.Go(func() {
			answers[i] = h.do("POST", "/v1/records/"+record+"/notes", h.user, api.NoteText{Text: "once"}, sameKey)
		})
	}
	all.Wait()
	for _, a := range answers {
		if a.status != http.StatusCreated || string(a.body) != string(answers[0].body) {
			t.Errorf("%d %s, another got %s", a.status, a.body, answers[0].body)
		}
	}
	if notes := h.record(record).Items["notes"]; len(notes) != 1 {
		t.Errorf("%d notes", len(notes))
	}
}

// mute is a committer that never tells the server that a write is durable: the program dies between commit and answer.
type mute struct {
	Committer
	from uint64
}

func (m *mute) Wait(ctx context.Context, seq uint64) error {
	if m.from == 0 || seq < m.from {
		return m.Committer.Wait(ctx, seq)
	}
	if err := m.Committer.Wait(ctx, seq); err != nil {
		return err
	}
	panic(http.ErrAbortHandler)
}

// D-10: a program that ends after the commit and before the answer has written once, also for who asks its successor.
func TestDiesBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	folder, record := t.TempDir(), ""
	note := func() string { return "/v1/records/" + record + "/notes" }
	h := openIn(t, folder)
	token := h.user
	record = h.lookup("+4512345678")
	_, cursor := h.board.Snapshot("")
	h.server.options.Committer = &mute{Committer: h.committer, from: cursor.Seq + 1}
	req, err := http.NewRequest("POST", "http://"+h.addr+note(), strings.NewReader(`{"text":"once"}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + token, "Idempotency-Key": "3f0c2a1e-same-key"} {
		req.Header.Set(name, value)
	}
	if res, err := http.DefaultTransport.RoundTrip(req); err == nil {
		t.Fatalf("it was answered: %d", res.StatusCode)
	}
	h.close()
	h = openIn(t, folder, func(p *plan) { p.server.UserToken = token })
	for range 2 {
		var item api.Item
		h.want(http.StatusCreated, &item, "POST", note(), token, api.NoteText{Text: "once"}, sameKey)
		if notes := h.record(record).Items["notes"]; len(notes) != 1 || notes[0].ID != item.ID {
			t.Errorf("the notes: %+v, the answer %+v", notes, item)
		}
	}
}

// D-10, D-2: a write that was not kept yet because the disk is full is not made again when it was kept after all.
func TestKeptLater(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	full := false
	h := open(t, func(p *plan) {
		p.commit = func(context.Context, string, []*board.Change) error {
			mu.Lock()
			defer mu.Unlock()
			if full {
				return fmt.Errorf("disk full")
			}
			return nil
		}
	})
	set := func(on bool) { mu.Lock(); full = on; mu.Unlock() }
	record := h.lookup("+4512345678")
	path := "/v1/records/" + record + "/notes"
	set(true)
	for range 2 {
		h.refused(http.StatusInsufficientStorage, "store_unavailable", "POST", path, h.user, api.NoteText{Text: "once"}, sameKey)
	}
	set(false)
	for deadline := time.Now().Add(patience); ; {
		if got := h.do("POST", path, h.user, api.NoteText{Text: "once"}, sameKey); got.status == http.StatusCreated {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	if notes := h.record(record).Items["notes"]; len(notes) != 1 {
		t.Errorf("the notes: %+v", notes)
	}
}

// TestNoteSeen: a note that was changed since it was read is not overwritten; sent again with its key it is answered as before (D-10).
func TestNoteSeen(t *testing.T) {
	t.Parallel()
	h := open(t)
	path := "/v1/records/" + h.lookup("+4512345678") + "/notes/n-1"
	var note, mine api.Item
	h.want(http.StatusOK, &note, "PUT", path, h.user, api.NoteText{Text: "call back"})
	seen := `If-Match: "` + note.ChangedAt.Format(time.RFC3339Nano) + `"`
	key := "Idempotency-Key: note-seen-1"
	h.want(http.StatusOK, &mine, "PUT", path, h.user, api.NoteText{Text: "call back at 4"}, seen, key)
	for _, second := range []answer{h.do("PUT", path, h.user, api.NoteText{Text: "never mind"}, seen), h.do("DELETE", path, h.user, nil, seen)} {
		var p api.Problem
		if err := json.Unmarshal(second.body, &p); err != nil || second.status != http.StatusPreconditionFailed || p.Code != "rev_mismatch" || p.Current == nil || p.Current.Items["notes"][0].Text != "call back at 4" {
			t.Errorf("%d %s", second.status, second.body)
		}
	}
	h.want(http.StatusOK, nil, "PUT", path, h.user, api.NoteText{Text: "call back at 4"}, seen, key)
	h.refused(http.StatusUnprocessableEntity, "idempotency_key_reused", "PUT", path, h.user, api.NoteText{Text: "call back at 4"}, key)
	for _, bad := range []string{`"3"`, "x", `"` + strings.Repeat("1", 40) + `"`} {
		h.refused(http.StatusBadRequest, "invalid", "PUT", path, h.user, api.NoteText{Text: "x"}, "If-Match: "+bad)
		h.refused(http.StatusBadRequest, "invalid", "DELETE", path, h.user, nil, "If-Match: "+bad)
	}
	h.want(http.StatusNoContent, nil, "DELETE", path, h.user, nil, `If-Match: "`+mine.ChangedAt.Format(time.RFC3339Nano)+`"`)
}
