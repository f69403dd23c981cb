package clienttest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/callboard-dev/callboard/api"
)

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, api.Status{Version: "test", Source: s.Source, Epoch: "e1", Lines: []api.Line{}, Store: api.StoreStatus{Durable: true}})
	})
	mux.HandleFunc("GET /v1/log", func(w http.ResponseWriter, r *http.Request) { // a page of one, whose next is what was asked
		write(w, http.StatusOK, api.CallLog{Entries: []api.LogEntry{{Record: "r1", Line: "Alice"}}, Next: r.URL.Query().Encode()})
	})
	mux.HandleFunc("GET /v1/records", s.list)
	mux.HandleFunc("POST /v1/records", s.lookup)
	mux.HandleFunc("GET /v1/records/{record}", s.get)
	mux.HandleFunc("POST /v1/records/{record}/claims", s.postClaims)
	mux.HandleFunc("POST /v1/records/{record}/notes", s.putNote)
	mux.HandleFunc("PUT /v1/records/{record}/notes/{item}", s.putNote)
	mux.HandleFunc("DELETE /v1/records/{record}/notes/{item}", s.deleteNote)
	mux.HandleFunc("POST /v1/works/{work}/answer", s.postAnswer)
	mux.HandleFunc("POST /v1/works/{work}/progress", func(w http.ResponseWriter, r *http.Request) {
		write(w, http.StatusOK, api.Progressed{Work: r.PathValue("work"), DeadlineMs: 60_000})
	})
	for _, pattern := range []string{"PUT /v1/records/{record}/fields/{field}/pin", "DELETE /v1/records/{record}/fields/{field}/pin",
		"PUT /v1/records/{record}/fields/{field}/hidden/{source}", "DELETE /v1/records/{record}/fields/{field}/hidden/{source}"} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if id, ok := s.known(w, r); ok {
				write(w, http.StatusOK, api.Written{Record: id, Rev: s.Record(id).Rev})
			}
		})
	}
	mux.HandleFunc("POST /v1/calls", func(w http.ResponseWriter, r *http.Request) {
		if in, ok := decode[api.Dial](w, r); ok {
			s.command(r.Header.Get("Idempotency-Key"), in)
			write(w, http.StatusCreated, api.Placed{Record: "rec_placed"})
		}
	})
	mux.HandleFunc("POST /v1/records/{record}/commands", func(w http.ResponseWriter, r *http.Request) {
		if in, ok := decode[api.Command](w, r); ok {
			s.command(r.Header.Get("Idempotency-Key"), in)
			write(w, http.StatusOK, api.Commanded{Record: r.PathValue("record"), Command: in.Command})
		}
	})
	mux.HandleFunc("GET /v1/apps", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, api.AppList{Apps: []api.App{{ID: "test", Name: "Test"}}})
	})
	mux.HandleFunc("POST /v1/apps", func(w http.ResponseWriter, r *http.Request) {
		in, ok := decode[api.NewApp](w, r)
		if ok {
			write(w, http.StatusCreated, api.AppToken{ID: in.ID, Token: "cb_app_" + in.ID})
		}
	})
	mux.HandleFunc("PATCH /v1/apps/{app}", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := decode[api.AppChange](w, r); ok {
			write(w, http.StatusOK, api.App{ID: r.PathValue("app")})
		}
	})
	mux.HandleFunc("DELETE /v1/apps/{app}/quarantine/{field}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("DELETE /v1/apps/{app}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /v1/watch", s.watchSSE)
	mux.HandleFunc("GET /v1/watch/ws", s.watchSocket)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI())
		f := s.faults
		s.mu.Unlock()
		watch := r.URL.Path == "/v1/watch" || r.URL.Path == "/v1/watch/ws"
		switch {
		case f.HTML:
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<h1>Welcome to the router</h1>")
		case f.Status != 0:
			problem(w, f.Status, fmt.Sprintf("fault_%d", f.Status))
		case watch && f.WatchStatus != 0:
			problem(w, f.WatchStatus, fmt.Sprintf("fault_%d", f.WatchStatus))
		case r.Header.Get("Authorization") != "Bearer "+s.Token:
			problem(w, http.StatusUnauthorized, "unauthorized")
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func problemOf(status int, code string) api.Problem {
	return api.Problem{Type: "urn:callboard:problem:" + code, Title: http.StatusText(status), Status: status, Code: code,
		Remedy: "this is a test"}
}

func problem(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problemOf(status, code))
}

func decode[T any](w http.ResponseWriter, r *http.Request) (v T, ok bool) {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&v); err != nil {
		problem(w, http.StatusBadRequest, "bad_request")
		return v, false
	}
	return v, true
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	state := api.RecordState(r.URL.Query().Get("state"))
	s.mu.Lock()
	out := api.RecordList{Cursor: s.cursor(s.first + len(s.log)), Records: []api.Record{}}
	for _, rec := range s.records {
		if state == "" || rec.State == state {
			out.Records = append(out.Records, rec)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(out.Records, func(a, b api.Record) int { return b.OpenedAt.Compare(a.OpenedAt) })
	write(w, http.StatusOK, out)
}

func (s *Server) lookup(w http.ResponseWriter, r *http.Request) {
	in, ok := decode[api.Lookup](w, r)
	if !ok {
		return
	}
	rec := Call("lookup-1", in.Number)
	rec.Origin, rec.Call = api.RecordOriginLookup, api.Call{}
	s.Open(rec)
	write(w, http.StatusCreated, s.Record(rec.ID))
}

// known finds the record of a request or answers 404.
func (s *Server) known(w http.ResponseWriter, r *http.Request) (string, bool) {
	id := r.PathValue("record")
	s.mu.Lock()
	_, ok := s.records[id]
	s.mu.Unlock()
	if !ok {
		problem(w, http.StatusNotFound, "record_unknown")
	}
	return id, ok
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	if id, ok := s.known(w, r); ok {
		write(w, http.StatusOK, s.Record(id))
	}
}

func (s *Server) postClaims(w http.ResponseWriter, r *http.Request) {
	id, ok := s.known(w, r)
	if !ok {
		return
	}
	in, ok := decode[api.ClaimRequest](w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	if match := r.Header.Get("If-Match"); match != "" && match != strconv.Quote(strconv.FormatInt(s.records[id].Rev, 10)) {
		s.mu.Unlock()
		problem(w, http.StatusPreconditionFailed, "rev_mismatch")
		return
	}
	rev := s.claim(id, s.Source, values(in.Claims))
	s.mu.Unlock()
	write(w, http.StatusOK, api.Written{Record: id, Rev: rev, Changed: len(in.Claims)})
}

func values(claims []api.NewClaim) map[string]string {
	out := make(map[string]string)
	for _, c := range claims {
		out[c.Field] = c.Value
	}
	return out
}

func (s *Server) putNote(w http.ResponseWriter, r *http.Request) {
	id, ok := s.known(w, r)
	if !ok {
		return
	}
	in, ok := decode[api.NoteText](w, r)
	if !ok {
		return
	}
	note, status := r.PathValue("item"), http.StatusOK
	s.mu.Lock()
	if note == "" {
		note, status = fmt.Sprintf("note-%d", len(s.log)+1), http.StatusCreated
	}
	item, _ := s.item(id, "notes", api.Item{ID: note, Source: s.Source, Text: in.Text})
	s.mu.Unlock()
	write(w, status, item)
}

func (s *Server) deleteNote(w http.ResponseWriter, r *http.Request) {
	if id, ok := s.known(w, r); ok {
		s.Note(id, r.PathValue("item"), s.Source, "")
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Server) postAnswer(w http.ResponseWriter, r *http.Request) {
	a, ok := decode[api.Answer](w, r)
	if !ok {
		return
	}
	written, status, code := s.answer(r.PathValue("work"), a)
	if status != http.StatusOK {
		problem(w, status, code)
		return
	}
	write(w, http.StatusOK, written)
}

// answer takes an answer: claims and items are written under Source.
func (s *Server) answer(id string, a api.Answer) (api.Written, int, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.faults.AnswerStatus; f != 0 && a.Error == "" {
		return api.Written{}, f, fmt.Sprintf("fault_%d", f)
	}
	wk := s.works[id]
	if wk == nil {
		return api.Written{}, http.StatusNotFound, "work_unknown"
	}
	out := api.Written{Record: wk.record, Rev: s.records[wk.record].Rev, Changed: len(a.Claims) + len(a.Items)}
	if len(a.Claims) > 0 {
		out.Rev = s.claim(wk.record, s.Source, values(a.Claims))
	}
	for _, i := range a.Items {
		_, out.Rev = s.item(wk.record, string(i.List), api.Item{ID: i.ID, Source: s.Source, Text: i.Text, Title: i.Title, URL: i.URL})
	}
	select {
	case wk.answer <- a:
	default:
		panic("clienttest: a work was answered more than 16 times")
	}
	return out, http.StatusOK, ""
}
