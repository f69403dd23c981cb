package server

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/server/servertest"
)

// secrets are what is on the records of a test: the names of fields and lists, and words that are said of each nowhere else.
var secrets = map[string][]string{
	"party.number":        {"2025550143", "PJSIP/trunk"},
	"party.number_raw":    {"2025550143"},
	"party.name":          {"Nadia-Caller", "Nadia-App", "Candidate-Name"},
	"party.company":       {"Company-Word"},
	"party.email":         {"candidate@example.com"},
	"user.number":         {`"1001"`},
	"user.extension":      {`"1001"`, "PJSIP/1001"},
	"user.name":           nil,
	"notes":               {"Note-Word"},
	"links":               {"Link-Word"},
	"party.candidates":    nil,
	"party.candidate":     {"crm/17"},
	"party.bio":           nil,
	"party.job_title":     nil,
	"party.location":      {"Location-Word"},
	"x.crm.owner":         {"Owner-Word"},
	"x.crm.shared.rating": {"Rating-Word"},
	"x.scope.own":         {"Own-Word"},
}

// mayRead is the rule, said again: docs/decisions/0015.
func mayRead(patterns []string, name string) bool {
	for _, p := range patterns {
		head, open := strings.CutSuffix(p, "*")
		if p != name && !(open && strings.HasPrefix(name, head)) {
			continue
		}
		if !strings.HasPrefix(name, "x.") || strings.HasPrefix(p, "x.") || strings.HasPrefix(name, "x.crm.shared.") {
			return true
		}
	}
	return strings.HasPrefix(name, "x.scope.")
}

// saidAll is a house in which something was said of each of the secrets.
func saidAll(t *testing.T) *house {
	h := open(t)
	crm := h.app("crm")
	works := h.watch(crm, "?needs=party.number&gives=party.bio")
	phone, call := h.ring("2025550143", "Nadia-Caller")
	h.want(http.StatusOK, nil, "POST", "/v1/works/"+works.work().Work+"/answer", crm, api.Answer{
		Claims: []api.NewClaim{{Field: "party.name", Value: "Nadia-App"}, {Field: "party.company", Value: "Company-Word"}, {Field: "x.crm.owner", Value: "Owner-Word"}, {Field: "x.crm.shared.rating", Value: "Rating-Word"}},
		Items: []api.NewItem{{List: "links", Title: "Link-Word"},
			{List: "party.candidates", ID: "17", Fields: api.CandidateFields{"party.name": "Candidate-Name", "party.email": "candidate@example.com"}}},
		NothingFields: []string{"party.job_title", "x.crm.owner"}})
	h.want(http.StatusCreated, nil, "POST", "/v1/records/"+call+"/notes", h.user, api.NoteText{Text: "Note-Word"})
	h.claim(h.user, call, "party.location", "Location-Word")
	h.claim(h.user, call, "party.candidate", "crm/17")
	h.claim(h.granted(api.NewApp{ID: "scope"}), call, "x.scope.own", "Own-Word")
	h.loops("crm", call, "party.bio")
	phone.answer()
	return h
}

// leaks are the names and words in an answer that its reader may not see. A word that is also said of something else is
// none of a reader who may see that.
func leaks(scope []string, answer string) []string {
	var open, found []string
	for name, words := range secrets {
		if mayRead(scope, name) {
			open = append(open, words...)
		}
	}
	for name, words := range secrets {
		if mayRead(scope, name) {
			continue
		}
		for _, word := range append([]string{`"` + name + `"`}, words...) {
			if strings.Contains(answer, word) && !slices.Contains(open, word) {
				found = append(found, word)
			}
		}
	}
	return found
}

// parts are what of a record or a change is hidden by name, without that which may not be read.
func parts(t rapid.TB, scope []string, value any) map[string]any {
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(encoded, &all); err != nil {
		t.Fatal(err)
	}
	left := map[string]any{}
	for _, part := range []string{"fields", "blank", "contended", "items"} {
		named, _ := all[part].(map[string]any)
		maps.DeleteFunc(named, func(name string, _ any) bool { return !mayRead(scope, name) })
		if people, ok := named["party.candidates"].([]any); ok {
			for _, one := range people {
				without(scope, one)
			}
		}
		if len(named) > 0 {
			left[part] = named
		}
	}
	if !slices.ContainsFunc(ends, func(name string) bool { return !mayRead(scope, name) }) {
		left["call"] = all["call"]
	}
	return left
}

// without leaves of a candidate what may be read.
func without(scope []string, candidate any) {
	item, _ := candidate.(map[string]any)
	fields, _ := item["fields"].(map[string]any)
	maps.DeleteFunc(fields, func(name string, _ any) bool { return !mayRead(scope, name) })
	if len(fields) == 0 {
		delete(item, "fields")
	}
}

// TestScopes: whatever an app may read, nothing else comes to it, by no way; and what it may comes as it does to the person
// (SEC-22).
func TestScopes(t *testing.T) {
	t.Parallel()
	h := saidAll(t)
	names := slices.Sorted(maps.Keys(secrets))
	patterns := append([]string{"*", "party.*", "party.c*", "user.*", "x.*", "x.crm.*", "x*", "x.crm.shared.*", "call.*"}, names...)
	rapid.Check(t, func(t *rapid.T) {
		scope := rapid.SliceOfNDistinct(rapid.SampledFrom(patterns), 0, 8, rapid.ID[string]).Draw(t, "scope")
		include := rapid.SampledFrom([]string{"", "&include=claims"}).Draw(t, "include")
		token := h.granted(api.NewApp{ID: "scope", Renew: true, Read: &scope})
		clean := func(what, answer string) {
			if found := leaks(scope, answer); len(found) > 0 {
				t.Fatalf("%s leaks %q: %s", what, found, answer)
			}
		}
		same := func(what string, seen, all any) {
			if got, want := parts(t, []string{"*", "x.*"}, seen), parts(t, scope, all); !reflect.DeepEqual(got["fields"], want["fields"]) || !reflect.DeepEqual(got["items"], want["items"]) ||
				!reflect.DeepEqual(got["blank"], want["blank"]) || !reflect.DeepEqual(got["contended"], want["contended"]) || want["call"] != nil && !reflect.DeepEqual(got["call"], want["call"]) {
				t.Fatalf("%s: got %v, want %v", what, got, want)
			}
		}
		var seen, all api.RecordList
		var one api.Record
		for again := true; again; again = seen.Cursor != all.Cursor || one.Rev != all.Records[0].Rev { // what is compared must be of one moment
			seen, all, one = api.RecordList{}, api.RecordList{}, api.Record{}
			clean("the list", string(h.want(http.StatusOK, &seen, "GET", "/v1/records?"+include, token, nil).body))
			h.want(http.StatusOK, &all, "GET", "/v1/records?"+include, h.user, nil)
			clean("the record", string(h.want(http.StatusOK, &one, "GET", "/v1/records/"+all.Records[0].ID+"?"+include, token, nil).body))
		}
		same("the list", seen.Records[0], all.Records[0])
		same("the record", one, all.Records[0])

		from := "cursor=" + h.board.Epoch() + ":0" + include
		watch, socket := h.watch(token, "?needs=*&on=opened&"+from), h.socket(token, "?"+from)
		defer watch.close()
		defer socket.conn.CloseNow()
		told, last := map[string]servertest.Notification{}, ""
		for worked := false; last == "" || !worked; {
			n := watch.next()
			clean("the watch", string(encoded(t, n.Notification)))
			if data, ok := n.Payload.(*api.AppData); ok && data.App == "scope" && n.Type == "app.registered" {
				last = n.ID // its own coming is the newest there is
			}
			if work, ok := n.Payload.(*api.Work); ok {
				worked = true
				if now := h.board1(t, include); now.Rev == work.Record.Rev {
					same("the work", work.Record, now)
				}
			} else if n.Type != "bookmark" {
				told[n.ID] = n
			}
		}
		for n, _ := socket.next(); n.ID != last; n, _ = socket.next() {
			if clean("the socket", string(encoded(t, n.Notification))); n.Type != "bookmark" && string(n.Data) != string(told[n.ID].Data) {
				t.Fatalf("the socket says %s, the watch %s", n.Data, told[n.ID].Data)
			}
		}
		person := h.watch(h.user, "?"+from)
		defer person.close()
		for _, n := range person.readTo(last) {
			h.compare(t, scope, n, told[n.ID], same)
		}
	})
}

func encoded(t rapid.TB, v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// board1 is the one record as the person sees it.
func (h *house) board1(t rapid.TB, include string) api.Record {
	var all api.RecordList
	h.want(http.StatusOK, &all, "GET", "/v1/records?"+include, h.user, nil)
	return all.Records[0]
}

// compare holds what an app was told against what the person was.
func (h *house) compare(t *rapid.T, scope []string, all, seen servertest.Notification, same func(what string, seen, all any)) {
	switch data := all.Payload.(type) {
	case *api.RecordData:
		same(string(all.Type), seen.Payload.(*api.RecordData).Record, data.Record)
	case *api.ChangedData:
		left := parts(t, scope, data)
		if seen.Payload == nil {
			if left["fields"] != nil || data.Nothing != nil && slices.ContainsFunc(data.Nothing.Fields, func(name string) bool { return mayRead(scope, name) }) {
				t.Fatalf("%v was not told of %s", scope, all.Data)
			}
			return
		}
		same(string(all.Type), seen.Payload, data)
	case *api.ItemData:
		if (seen.Payload != nil) != mayRead(scope, data.List) {
			t.Fatalf("%v: %s was told as %s", scope, all.Data, seen.Data)
		}
	case *api.ContendedData:
		if (seen.Payload != nil) != mayRead(scope, data.Field) {
			t.Fatalf("%v: %s was told as %s", scope, all.Data, seen.Data)
		}
	default:
		if named, ok := all.Payload.(*api.AppData); ok && named.Field != "" {
			return
		}
		if seen.Payload == nil {
			t.Fatalf("%v was not told of %s", scope, all.Type)
		}
	}
}

// BenchmarkViews tells a change of a field to readers of 40 views: what all of them may see, and what half of them may not.
func BenchmarkViews(b *testing.B) {
	board := board.New(board.Options{Epoch: "e", NewID: func(kind string) string { return kind }})
	for _, field := range []string{"party.company", "x.crm.owner"} {
		b.Run(field, func(b *testing.B) {
			frames := newFrames(board, nil)
			views := make([]view, 40)
			for i := range views {
				views[i].reads = "*,x.app" + strconv.Itoa(i) + ".*"
				if i%2 == 0 {
					views[i].reads += ",x.crm.*"
				}
			}
			c := changeOf(field)
			for seq := uint64(0); b.Loop(); seq++ {
				c := *c
				c.Seq = seq
				for _, v := range views {
					if _, err := frames.of(&c, v, "e"); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func changeOf(field string) *board.Change {
	claims := []board.Claim{{Source: "crm", Value: "Holm Marine", Quality: board.Matched}}
	return &board.Change{Kind: board.RecordChanged, Record: "rec_1", Rev: 2, Source: "crm", Shown: []string{field}, Fields: map[string]*board.Field{field: {Claims: claims}}}
}
