package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// TestLimits tries every bound one below, at and one above (SEC-23).
func TestLimits(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	record := h.lookup("+45 12 34 56 78")
	claims, notes := "/v1/records/"+record+"/claims", "/v1/records/"+record+"/notes"
	many := func(n int) []api.NewClaim {
		all := make([]api.NewClaim, n)
		for i := range all {
			all[i] = api.NewClaim{Field: fmt.Sprintf("x.crm.f%d", i), Value: "v"}
		}
		return all
	}
	names := func(n int) string { return strings.TrimSuffix(strings.Repeat("party.name,", n), ",") }
	for _, c := range []struct {
		name         string
		limit        int
		method, path string
		body         func(n int) any
		ok, too      int
	}{
		{"body", 64 << 10, "POST", notes, func(n int) any {
			frame := `{"text":"hello","more":""}` // readers ignore what they do not know
			return strings.Replace(frame, `"more":"`, `"more":"`+strings.Repeat("y", n-len(frame)), 1)
		}, 201, 413},
		{"value", 8 << 10, "POST", claims, func(n int) any {
			return api.ClaimRequest{Claims: []api.NewClaim{{Field: "party.bio", Value: strings.Repeat("v", n)}}}
		}, 200, 413},
		{"note", 32 << 10, "POST", notes, func(n int) any { return api.NoteText{Text: strings.Repeat("n", n)} }, 201, 413},
		{"note that is put", 32 << 10, "PUT", notes + "/mine", func(n int) any { return api.NoteText{Text: strings.Repeat("n", n)} }, 200, 413},
		{"claims", 64, "POST", claims, func(n int) any { return api.ClaimRequest{Claims: many(n)} }, 200, 413},
		{"field name", 128, "POST", claims, func(n int) any {
			return api.ClaimRequest{Claims: []api.NewClaim{{Field: "x.crm." + strings.Repeat("f", n-6), Value: "v"}}}
		}, 200, 400},
		{"number", 64, "POST", "/v1/records", func(n int) any {
			return api.Lookup{Number: "+4512345678" + strings.Repeat(" ", n-11)}
		}, 201, 413},
		{"code", 64, "POST", "/v1/session", func(n int) any { return api.SessionRequest{Code: strings.Repeat("c", n)} }, 401, 401},
	} {
		for _, n := range []int{c.limit - 1, c.limit, c.limit + 1} {
			want := c.ok
			if n > c.limit {
				want = c.too
			}
			if got := h.do(c.method, c.path, app, c.body(n)); got.status != want {
				t.Errorf("%s of %d: got %d %.200s, want %d", c.name, n, got.status, got.body, want)
			}
		}
	}
	for _, n := range []int{79, 80, 81} {
		want := http.StatusCreated
		if n > 80 {
			want = http.StatusRequestEntityTooLarge
		}
		h.want(want, nil, "POST", "/v1/apps", h.user, api.NewApp{ID: "named", Name: strings.Repeat("å", n), Renew: true})
	}
	for query, want := range map[string]int{
		"?needs=" + names(64): 200, "?needs=" + names(65): 413, "?gives=" + names(65): 413,
		"?needs=" + strings.Repeat("a", 128): 200, "?needs=" + strings.Repeat("a", 129): 413, "?gives=" + strings.Repeat("a", 129): 413,
		"?on=opened": 200, "?on=opened,ended": 200, "?on=never": 400, "?on=opened,never": 400, "?include=all": 400, "?include=claims": 200,
	} {
		if got := h.do("GET", "/v1/watch"+query, app, nil); got.status != want {
			t.Errorf("watch%.40s…: got %d, want %d: %s", query, got.status, want, got.body)
		}
		if want != 200 {
			if got := h.do("GET", "/v1/watch/ws"+query, app, nil); got.status != want {
				t.Errorf("watch/ws%.40s…: got %d, want %d: %s", query, got.status, want, got.body)
			}
		}
	}
	for path, want := range map[string]int{
		"/v1/records?state=open": 200, "/v1/records?state=closed": 200, "/v1/records?state=ajar": 400, "/v1/records?include=all": 400,
		"/v1/records/" + record + "?include=all": 400, "/v1/records/" + record + "?include=claims": 200,
		"/v1/records/" + strings.Repeat("a", 65): 404, "/v1/records/%00": 404, "/v1/records/%ff": 404, "/v1/records/..%2f..": 404,
	} {
		if got := h.do("GET", path, app, nil); got.status != want {
			t.Errorf("%s: got %d, want %d: %s", path, got.status, want, got.body)
		}
	}
}

// TestAnswerLimits tries the bounds of an answer's items on a work.
func TestAnswerLimits(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	watch := h.watch(app, "?needs=party.number")
	h.lookup("+45 12 34 56 78")
	path := "/v1/works/" + watch.work().Work + "/answer"
	item := func(change func(*api.NewItem)) api.Answer {
		i := api.NewItem{List: api.NewItemListLinks, ID: "one"}
		change(&i)
		return api.Answer{Items: []api.NewItem{i}}
	}
	link := func(n int) string { return "https://" + strings.Repeat("u", n-8) }
	many := func(n int) api.Answer {
		var a api.Answer
		for range n {
			a.Items = append(a.Items, api.NewItem{List: api.NewItemListLinks, ID: "same", Title: "t"})
		}
		return a
	}
	for name, c := range map[string]struct {
		answer api.Answer
		want   int
	}{
		"title":             {item(func(i *api.NewItem) { i.Title = strings.Repeat("t", 512) }), 200},
		"title too long":    {item(func(i *api.NewItem) { i.Title = strings.Repeat("t", 513) }), 413},
		"link":              {item(func(i *api.NewItem) { i.URL = link(2048) }), 200},
		"link too long":     {item(func(i *api.NewItem) { i.URL = link(2049) }), 413},
		"text":              {item(func(i *api.NewItem) { i.Text = strings.Repeat("t", 32<<10) }), 200},
		"text too long":     {item(func(i *api.NewItem) { i.Text = strings.Repeat("t", 32<<10+1) }), 413},
		"id":                {item(func(i *api.NewItem) { i.ID = strings.Repeat("i", 64) }), 200},
		"id too long":       {item(func(i *api.NewItem) { i.ID = strings.Repeat("i", 65) }), 400},
		"id with a slash":   {item(func(i *api.NewItem) { i.ID = "a/b" }), 400},
		"another list":      {item(func(i *api.NewItem) { i.List = "pranks" }), 400},
		"a link to scripts": {item(func(i *api.NewItem) { i.URL = "javascript:alert(1)" }), 400},
		"plain http":        {item(func(i *api.NewItem) { i.URL = "http://crm.example/" }), 400},
		"64 items":          {many(64), 200},
		"65 items":          {many(65), 413},
		"error":             {api.Answer{Error: strings.Repeat("e", 512)}, 200},
		"error too long":    {api.Answer{Error: strings.Repeat("e", 513)}, 413},
		"nothing":           {api.Answer{}, 200},
		"confirmed":         {api.Answer{Claims: []api.NewClaim{{Field: "party.name", Value: "X", Quality: api.QualityConfirmed}}}, 400},
		"no such quality":   {api.Answer{Claims: []api.NewClaim{{Field: "party.name", Value: "X", Quality: "sworn"}}}, 400},
		"the PBX's word":    {api.Answer{Claims: []api.NewClaim{{Field: "party.number", Value: "+4500000000"}}}, 403},
		"another app's":     {api.Answer{Claims: []api.NewClaim{{Field: "x.erp.owner", Value: "me"}}}, 403},
		"no field":          {api.Answer{Claims: []api.NewClaim{{Field: "Party Name", Value: "X"}}}, 400},
	} {
		if got := h.do("POST", path, app, c.answer); got.status != c.want {
			t.Errorf("%s: got %d %.300s, want %d", name, got.status, got.body, c.want)
		}
	}
	other := h.app("erp")
	h.refused(http.StatusNotFound, "work_unknown", "POST", path, other, api.Answer{NothingFound: true})
	h.refused(http.StatusNotFound, "work_unknown", "POST", "/v1/works/work_9999/answer", app, api.Answer{NothingFound: true})
}

// TestBodies: only JSON is taken, and only one value of the right shape (SEC-05).
func TestBodies(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	record := h.lookup("+45 12 34 56 78")
	for _, op := range h.contract.Operations() {
		if op.Method == "GET" {
			continue
		}
		path := strings.ReplaceAll(pathOf(op.Path), "rec_0000", record)
		for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "text/plain;application/json", "application/jsonp", "nonsense/", ";"} {
			h.refused(http.StatusUnsupportedMediaType, "unsupported_media_type", op.Method, path, h.user, "{}", "Content-Type: "+kind)
		}
		if !op.Body {
			continue
		}
		h.refused(http.StatusUnsupportedMediaType, "unsupported_media_type", op.Method, path, h.user, nil)
		for _, body := range []string{"", "{", `{"a":1}{"b":2}`, "[]", `"text"`, "\x00", `{"text":1,"claims":1,"code":1,"id":1,"number":1,"error":1,"url":1}`} {
			h.refused(http.StatusBadRequest, "invalid", op.Method, path, h.user, body)
		}
	}
	path := "/v1/records/" + record + "/notes"
	h.want(http.StatusCreated, nil, "POST", path, app, `{"text":"with a character set"}`, "Content-Type: Application/JSON; charset=utf-8")
	h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/records/"+record+"/claims", app, `{"claims":[]}`)
	h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/records/"+record+"/claims", app, `{}`)
	h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/records", app, `{}`)
	h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/records", app, `{"number":"not a number"}`)
	h.refused(http.StatusBadRequest, "invalid", "POST", path, app, strings.Repeat("[", 20_000))
	h.refused(http.StatusNotFound, "not_found", "POST", "/v1/records/rec_9999/notes", app, `{"text":"x"}`)
	h.refused(http.StatusNotFound, "not_found", "DELETE", "/v1/records/"+record+"/notes/none", app, nil)
	// GET changes nothing, whatever it carries.
	before := h.list()
	for _, op := range h.contract.Operations() {
		if op.Method != "GET" {
			h.do("GET", strings.ReplaceAll(pathOf(op.Path), "rec_0000", record), app, `{"text":"x","number":"+4511111111","id":"x"}`)
		}
	}
	after := h.list()
	if before.Cursor != after.Cursor {
		t.Errorf("a GET changed something: %s, %s", before.Cursor, after.Cursor)
	}
}

// TestSlowRequests: a request that does not come in, and an answer that is not taken, end by themselves; a stream lives on.
func TestSlowRequests(t *testing.T) {
	t.Parallel()
	h := open(t)
	web := h.server.http()
	if web.ReadHeaderTimeout == 0 || web.ReadTimeout == 0 || web.WriteTimeout == 0 || web.IdleTimeout == 0 || web.MaxHeaderBytes != 16<<10 {
		t.Errorf("a request may take for ever: %+v", web)
	}
	const short = 300 * time.Millisecond
	web.ReadTimeout, web.WriteTimeout = short, short
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- web.Serve(listener) }()
	defer func() { web.Close(); <-done }()
	slow, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	slow.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(slow, "POST /v1/session HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", listener.Addr())
	if _, err := io.ReadAll(slow); err != nil {
		t.Errorf("the slow request is still served: %v", err)
	}
	stream, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	stream.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(stream, "GET /v1/watch HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", listener.Addr(), h.user)
	res, err := http.ReadResponse(bufio.NewReader(stream), nil)
	if err != nil {
		t.Fatal(err)
	}
	frames := h.contract.NewStream(res.Body)
	began := time.Now()
	record := h.lookup("+45 12 34 56 78")
	for i := 0; time.Since(began) < 3*short; i++ {
		h.claim(h.user, record, "party.name", fmt.Sprint("Name ", i))
		for n, err := frames.Next(); ; n, err = frames.Next() {
			if err != nil {
				t.Fatalf("the stream ended after %v: %v", time.Since(began), err)
			}
			if n.Type == "record.changed" {
				break
			}
		}
	}
}

// TestEveryCodeHasAStatus reads the codes from the source: one without a status would end a request with a panic.
func TestEveryCodeHasAStatus(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, name := range []string{"../telephony/error.go", "../telephony/control.go", "../board/fuel.go", "problem.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			value, ok := n.(*ast.ValueSpec)
			if !ok || len(value.Values) != 1 || !strings.HasPrefix(strings.ToLower(value.Names[0].Name), "code") {
				return true
			}
			literal, ok := value.Values[0].(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			seen++
			code := telephony.Code(strings.Trim(literal.Value, `"`))
			if statuses[code] < 400 || http.StatusText(statuses[code]) == "" {
				t.Errorf("the code %q has the status %d", code, statuses[code])
			}
			return true
		})
	}
	if seen != len(statuses) {
		t.Errorf("found %d codes, the table has %d", seen, len(statuses))
	}
	for code := range statuses {
		p := problem(&telephony.Error{Code: code, Message: "why"}, nil)
		if text, err := json.Marshal(p); err != nil || p.Remedy == "" || p.Title == "" {
			t.Errorf("%s, %v", text, err)
		}
	}
}
