package server

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

func (h *house) log(token string, query url.Values) api.CallLog {
	h.t.Helper()
	var page api.CallLog
	h.want(http.StatusOK, &page, "GET", "/v1/log?"+query.Encode(), token, nil)
	return page
}

func (h *house) finds(token string, query ...string) []string {
	h.t.Helper()
	values := url.Values{}
	for i := 0; i < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	found := []string{}
	for _, e := range h.log(token, values).Entries {
		found = append(found, e.Record)
	}
	return found
}

// TestLog: calls and lookups are in the log at once, in the list that they belong to, and are found by what is said of them.
func TestLog(t *testing.T) {
	t.Parallel()
	h := open(t)
	looked := h.lookup("+1 415 555 2671")
	call, missed := h.ring("4155552672", "Rose")
	if got := h.finds(h.user, "view", "missed"); len(got) > 0 {
		t.Errorf("missed while it rings: %v", got)
	}
	if got := h.log(h.user, url.Values{"number": {"(415) 555-2672"}}).Entries; len(got) != 1 || got[0].Record != missed || got[0].Result != "" || got[0].View != "" {
		t.Errorf("while it rings: %+v", got)
	}
	call.hangUp()
	h.eventually(func() bool { return len(h.finds(h.user, "view", "missed")) == 1 })
	taken, received := h.ring("4155552673", "")
	taken.answer()
	taken.hangUp()
	h.eventually(func() bool { return len(h.finds(h.user, "view", "received", "result", "answered")) == 1 })
	h.claim(h.user, received, "party.company", "Müller & Søn")
	h.claim(h.user, received, "party.tags", "vip, late payer")
	h.want(http.StatusCreated, nil, "POST", "/v1/records/"+received+"/notes", h.user, api.NoteText{Text: "Wants the blue one"})
	for _, c := range []struct {
		query []string
		want  []string
	}{
		{nil, []string{received, missed, looked}},
		{[]string{"view", "all"}, []string{received, missed, looked}},
		{[]string{"view", "missed"}, []string{missed}},
		{[]string{"view", "received"}, []string{received}},
		{[]string{"view", "dialed"}, []string{}},
		{[]string{"view", "lookups"}, []string{looked}},
		{[]string{"result", string(h.log(h.user, url.Values{"view": {"missed"}}).Entries[0].Result)}, []string{missed}},
		{[]string{"result", "busy"}, []string{}},
		{[]string{"line", h.line.Name()}, []string{received, missed, looked}},
		{[]string{"line", "nobody's"}, []string{}},
		{[]string{"number", "+14155552671"}, []string{looked}},
		{[]string{"number", "415-555-2671"}, []string{looked}},
		{[]string{"number", "1415555267"}, []string{received, missed, looked}},
		{[]string{"number", "4155552"}, []string{received, missed, looked}},
		{[]string{"q", "415 555 2673"}, []string{received}},
		{[]string{"q", "soen"}, []string{}},
		{[]string{"q", "son mul"}, []string{received}},
		{[]string{"q", "blue"}, []string{received}},
		{[]string{"q", "ros"}, []string{missed}},
		{[]string{"person", "rose"}, []string{missed}},
		{[]string{"company", "rose"}, []string{}},
		{[]string{"tag", "late"}, []string{received}},
		{[]string{"to", "2020-01-01T00:00:00Z"}, []string{}},
		{[]string{"from", "2020-01-01T00:00:00Z", "q", "\"AND NOT( rose"}, []string{}},
	} {
		if got := h.finds(h.user, c.query...); !slices.Equal(got, c.want) {
			t.Errorf("%q: got %v, want %v", c.query, got, c.want)
		}
	}
	first := h.log(h.user, url.Values{"limit": {"2"}})
	goesOn, torn := h.ring("4155552674", "")
	rest := h.log(h.user, url.Values{"limit": {"2"}, "cursor": {first.Next}})
	if len(first.Entries) != 2 || len(rest.Entries) != 1 || rest.Entries[0].Record != looked || rest.Next != "" {
		t.Errorf("pages: %+v, then %+v", first, rest)
	}
	goesOn.say(telephony.LinkLost{})
	h.eventually(func() bool {
		now := h.log(h.user, nil).Entries[0]
		return now.Record == torn && !now.Complete && !now.Unseen
	})
	e := first.Entries[0]
	if e.Record != received || !e.Complete || e.Unseen || e.DurationMs <= 0 || e.Notes != 1 || e.Number != "+14155552673" || e.Extension != "1001" || e.Company != "Müller & Søn" || e.EndedAt.Before(e.StartedAt) {
		t.Errorf("the entry: %+v", e)
	}
}

// TestLogRefusals: what cannot be asked is said, and hostile text finds nothing and breaks nothing.
func TestLogRefusals(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.lookup("+1 415 555 2671")
	for _, query := range []string{"view=lost", "result=great", "limit=-1", "limit=201", "limit=x", "cursor=*", "cursor=-5", "cursor=0", "from=yesterday", "number=alice"} {
		h.refused(http.StatusBadRequest, "invalid", "GET", "/v1/log?"+query, h.user, nil)
	}
	for _, name := range []string{"q", "person", "company", "tag", "number", "line"} {
		h.refused(http.StatusRequestEntityTooLarge, "too_large", "GET", "/v1/log?"+name+"="+strings.Repeat("1", 300), h.user, nil)
		for _, text := range hostile {
			if len([]rune(text)) <= 64 && name != "number" {
				h.finds(h.user, name, text)
			}
		}
	}
}

// SEC-22: an app sees of the log what it may read, and learns nothing by looking for the rest.
func TestLogIsNarrowed(t *testing.T) {
	t.Parallel()
	h := open(t)
	call, record := h.ring("4155552672", "Rose")
	call.answer()
	h.claim(h.user, record, "party.company", "Secret Garden")
	h.claim(h.user, record, "party.tags", "vip")
	h.claim(h.user, record, "party.website", "https://rose.example")
	h.claim(h.user, record, "party.ip", "192.0.2.7")
	h.want(http.StatusCreated, nil, "POST", "/v1/records/"+record+"/notes", h.user, api.NoteText{Text: "under the rose"})
	some := h.granted(api.NewApp{ID: "some", Read: new([]string{"party.company"})})
	none := h.granted(api.NewApp{ID: "none", Read: new([]string{"x.none.*"})})
	for _, token := range []string{some, none} {
		for _, query := range []string{"number=4155552672", "number=4155", "person=rose", "tag=vip"} {
			h.refused(http.StatusForbidden, "forbidden", "GET", "/v1/log?"+query, token, nil)
		}
	}
	h.refused(http.StatusForbidden, "forbidden", "GET", "/v1/log?q=rose", none, nil)
	h.refused(http.StatusForbidden, "forbidden", "GET", "/v1/log?company=secret", none, nil)
	for _, q := range []string{"rose", "4155552672", "415 555", "vip", "under"} {
		if got := h.finds(some, "q", q); len(got) > 0 {
			t.Errorf("%q is found by an app that may not read it", q)
		}
		if got := h.finds(h.user, "q", q); len(got) != 1 {
			t.Errorf("%q is not found by the person", q)
		}
	}
	if got := h.finds(some, "q", "garden"); len(got) != 1 {
		t.Errorf("what may be read is not found: %v", got)
	}
	for token, want := range map[string]string{some: "Secret Garden", none: ""} {
		e := h.log(token, nil).Entries[0]
		if e.Company != want || e.Number+e.NumberRaw+e.Name+e.Email+e.Website+e.IP+e.Tags+e.Extension != "" || e.Notes != 0 || e.Record != record || e.StartedAt.IsZero() {
			t.Errorf("seen: %+v", e)
		}
	}
	if e := h.log(h.user, nil).Entries[0]; e.Website != "https://rose.example" || e.IP != "192.0.2.7" {
		t.Errorf("the person sees %+v", e)
	}
	nameless := h.lookup("4155552672")
	names := h.granted(api.NewApp{ID: "names", Read: new([]string{"party.name", "party.company"})}) // of which number they are it may not learn
	both := h.granted(api.NewApp{ID: "both", Read: new([]string{"party.name", "party.number"})})
	for token, want := range map[string]string{h.user: "Rose of Secret Garden", both: "Rose of ", some: " of ", names: " of "} {
		if len(h.log(token, nil).Entries) != 2 {
			t.Fatal("the lookup is not in the log")
		}
		for _, e := range h.log(token, nil).Entries {
			if got := e.Later.Name + " of " + e.Later.Company; e.Record == nameless && got != want {
				t.Errorf("who it was found to be: %q, want %q", got, want)
			}
		}
	}
	if got := h.do("GET", "/v1/log", "", nil); got.status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", got.status)
	}
}

// eventually waits for what the line does by itself.
func (h *house) eventually(done func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatal(fmt.Errorf("it did not come to that"))
		}
	}
}

// slowLog is a store in which a search takes as long as the test wants, and says when one begins.
type slowLog struct {
	Store
	began chan string // what is looked for
	free  chan struct{}
}

func (s *slowLog) Log(ctx context.Context, q board.LogQuery) (board.LogPage, error) {
	s.began <- q.Text
	select {
	case <-s.free:
	case <-ctx.Done():
	}
	return s.Store.Log(ctx, q)
}

// SEC-23: an app that asks for one page of the log beside the other is given them one after the other; nobody else waits for it.
func TestLogOneAtATime(t *testing.T) {
	t.Parallel()
	slow := slowLog{began: make(chan string, 8), free: make(chan struct{})}
	h := open(t, func(p *plan) { slow.Store, p.server.Store = p.server.Store, &slow })
	greedy, other := h.app("greedy"), h.app("other")
	var all sync.WaitGroup
	ask := func(token, what string) {
		all.Go(func() {
			if got := h.do("GET", "/v1/log?q="+what, token, nil); got.status != http.StatusOK {
				t.Errorf("%s: %d %s", what, got.status, got.body)
			}
		})
	}
	for range 3 {
		ask(greedy, "greedy")
	}
	if what := <-slow.began; what != "greedy" {
		t.Fatal(what)
	}
	for _, c := range []struct{ token, what string }{{other, "other"}, {h.user, "user"}, {h.user, "user"}} {
		ask(c.token, c.what)
		if what := <-slow.began; what != c.what {
			t.Errorf("%s is looked for, want %s", what, c.what)
		}
	}
	close(slow.free)
	all.Wait()
}
