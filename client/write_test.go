package client_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/client/clienttest"
)

// cutter lets requests through and cuts the connection before the answer, the first time that a path is asked for.
type cutter struct {
	to   string
	mu   sync.Mutex
	keys map[string][]string // by method and path
}

func (c *cutter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, c.to+r.URL.String(), r.Body)
	if err != nil {
		panic(err)
	}
	req.Header = r.Header
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer res.Body.Close()
	c.mu.Lock()
	what := r.Method + " " + r.URL.Path
	c.keys[what] = append(c.keys[what], r.Header.Get("Idempotency-Key"))
	first := len(c.keys[what]) == 1
	c.mu.Unlock()
	if first && r.Method == http.MethodPost {
		panic(http.ErrAbortHandler)
	}
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(res.StatusCode)
	io.Copy(w, res.Body)
}

// D-10: a write of which no answer came is sent once more, under the same key.
func TestWritesAreSentAgainWithTheirKey(t *testing.T) {
	s := clienttest.New(t)
	s.Open(clienttest.Call("r1", "+4512345678"))
	cut := &cutter{to: s.URL, keys: map[string][]string{}}
	proxy := httptest.NewServer(cut)
	defer proxy.Close()
	c := connect(t, client.Options{URL: proxy.URL, Token: s.Token})
	ctx := t.Context()
	if _, err := c.Claim(ctx, "r1", client.NewClaim{Field: "party.name", Value: "Mette"}); err != nil {
		t.Error(err)
	}
	if _, err := c.AddNote(ctx, "r1", "once"); err != nil {
		t.Error(err)
	}
	if _, err := c.Lookup(ctx, "12 34 56 78"); err != nil {
		t.Error(err)
	}
	for _, what := range []string{"POST /v1/records/r1/claims", "POST /v1/records/r1/notes", "POST /v1/records"} {
		if keys := cut.keys[what]; len(keys) != 2 || len(keys[0]) < 8 || keys[0] != keys[1] {
			t.Errorf("%s was sent with the keys %q", what, keys)
		}
	}
}

// SEC-45: of a record that is erased the copy keeps nothing but what is said to be left.
func TestErasedRecordIsDropped(t *testing.T) {
	s := clienttest.New(t)
	s.Open(clienttest.Call("r1", "+4587654321"))
	c := connect(t, client.Options{URL: s.URL, Token: s.Token})
	before := c.Board()[0]
	before.ErasedAt = time.Date(2026, 11, 28, 14, 30, 0, 0, time.UTC) // of an erasure before
	for data, want := range map[string]string{`{"rev":9}`: "", `{"rev":9,"record":{"id":"r1","rev":9,"fields":{"party.name":{"value":"Kim"}}}}`: "Kim"} {
		next, err := client.With(before, client.Notification{Notification: api.Notification{Type: "record.erased", Subject: "r1", Data: []byte(data)}})
		if err != nil || next.Value("party.number") != "" || next.Value("party.name") != want || next.ID != "r1" || want == "" && !next.ErasedAt.Equal(before.ErasedAt) {
			t.Errorf("%s: %+v, %v", data, next, err)
		}
	}
}
