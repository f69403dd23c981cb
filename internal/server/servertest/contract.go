package servertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/callboard-dev/callboard/api"
)

// Contract is api/openapi.yaml, ready to be compared with.
type Contract struct {
	doc    *openapi3.T
	router routers.Router

	mu   sync.Mutex // guards seen
	seen map[string]bool
}

// Load reads the contract.
func Load() (*Contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		return nil, fmt.Errorf("api/openapi.yaml: %w", err)
	}
	doc.Servers = nil // any address
	for _, kind := range []string{"application/x-ndjson", "text/csv", "text/vcard"} {
		openapi3filter.RegisterBodyDecoder(kind, openapi3filter.FileBodyDecoder)
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("api/openapi.yaml: %w", err)
	}
	return &Contract{doc: doc, router: router, seen: map[string]bool{}}, nil
}

// Operation is one method of one path of the contract.
type Operation struct {
	ID, Method, Path string
	Free             bool // needs no token
	Body             bool // wants a body
}

// Operations are all that the contract has, in the order of their ids.
func (c *Contract) Operations() []Operation {
	var all []Operation
	for path, item := range c.doc.Paths.Map() {
		for method, op := range item.Operations() {
			all = append(all, Operation{ID: op.OperationID, Method: method, Path: path, Free: op.Security != nil && len(*op.Security) == 0, Body: op.RequestBody != nil})
		}
	}
	slices.SortFunc(all, func(a, b Operation) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// Succeeded reports whether an operation was answered with a 2xx, or a switch of protocols, that Response has seen.
func (c *Contract) Succeeded(operation string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[operation]
}

// bodies are the types of the successful answers, by operation.
var bodies = map[string]func() any{
	"hello":         func() any { return new(api.Hello) },
	"createSession": func() any { return new(api.Session) },
	"createCode":    func() any { return new(api.Code) },
	"getStatus":     func() any { return new(api.Status) },
	"listApps":      func() any { return new(api.AppList) },
	"createApp":     func() any { return new(api.AppToken) },
	"listRecords":   func() any { return new(api.RecordList) },
	"openLookup":    func() any { return new(api.Record) },
	"reopenRecord":  func() any { return new(api.Record) },
	"closeRecord":   func() any { return new(api.Record) },
	"getRecord":     func() any { return new(api.Record) },
	"claim":         func() any { return new(api.Written) },
	"addNote":       func() any { return new(api.Item) },
	"putNote":       func() any { return new(api.Item) },
	"answerWork":    func() any { return new(api.Written) },
	"progressWork":  func() any { return new(api.Progressed) },
	"pinField":      func() any { return new(api.Written) },
	"unpinField":    func() any { return new(api.Written) },
	"hideClaim":     func() any { return new(api.Written) },
	"unhideClaim":   func() any { return new(api.Written) },
}

// Response says what of an answer is not as the contract has it. body is all of it; of a stream it is not looked at.
func (c *Contract) Response(req *http.Request, res *http.Response, body []byte) error {
	if req.Method == http.MethodHead {
		return nil
	}
	if res.StatusCode >= 400 {
		if err := c.problem(res, body); err != nil {
			return err
		}
	}
	route, params, err := c.router.FindRoute(req)
	if err != nil {
		if res.StatusCode < 400 && strings.HasPrefix(req.URL.Path, "/v1/") && req.URL.Path != "/v1/openapi.yaml" {
			return fmt.Errorf("the contract has no %s %s, yet it was answered with %d", req.Method, req.URL.Path, res.StatusCode)
		}
		return nil
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 res.StatusCode, Header: res.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, ExcludeResponseBody: streams(res)},
	}
	if err := openapi3filter.ValidateResponse(context.Background(), input); err != nil {
		return fmt.Errorf("%s %s, %d: %w", req.Method, req.URL.Path, res.StatusCode, err)
	}
	if res.StatusCode >= 400 {
		return nil
	}
	if declared := route.Operation.Responses.Status(res.StatusCode); declared == nil {
		return fmt.Errorf("%s %s: the contract has no answer %d", req.Method, req.URL.Path, res.StatusCode)
	}
	c.mu.Lock()
	c.seen[route.Operation.OperationID] = true
	c.mu.Unlock()
	if made := bodies[route.Operation.OperationID]; made != nil {
		return strict(body, made())
	}
	return nil
}

func streams(res *http.Response) bool {
	return res.Header.Get("Content-Type") == "text/event-stream" || res.StatusCode == http.StatusSwitchingProtocols
}

// problem checks an answer that is an error: RFC 9457 with a code and a remedy.
func (c *Contract) problem(res *http.Response, body []byte) error {
	if kind := res.Header.Get("Content-Type"); kind != "application/problem+json" {
		return fmt.Errorf("an error %d is %q: %.200s", res.StatusCode, kind, body)
	}
	var p api.Problem
	if err := strict(body, &p); err != nil {
		return err
	}
	switch {
	case p.Status != res.StatusCode:
		return fmt.Errorf("a problem says %d where the answer is %d", p.Status, res.StatusCode)
	case p.Code == "" || p.Detail == "" || p.Remedy == "" || p.Title == "" || p.Type != "urn:callboard:problem:"+p.Code:
		return fmt.Errorf("a problem lacks something: %s", body)
	}
	return nil
}

// payloads are the schemas and types of a notification's data, by its type; a family stands with its dot.
var payloads = map[string]struct {
	schema string
	made   func() any
}{
	"record.opened":  {"RecordData", func() any { return new(api.RecordData) }},
	"record.joined":  {"RecordData", func() any { return new(api.RecordData) }},
	"record.changed": {"ChangedData", func() any { return new(api.ChangedData) }},
	"record.settled": {"SettledData", func() any { return new(api.SettledData) }},
	"record.added":   {"RecordData", func() any { return new(api.RecordData) }},
	"record.newest":  {"RecordData", func() any { return new(api.RecordData) }},
	"record.removed": {"RevData", func() any { return new(api.RevData) }},
	"record.closed":  {"RevData", func() any { return new(api.RevData) }},
	"record.erased":  {"ErasedData", func() any { return new(api.ErasedData) }},
	"field.":         {"ContendedData", func() any { return new(api.ContendedData) }},
	"call.":          {"CallData", func() any { return new(api.CallData) }},
	"item.":          {"ItemData", func() any { return new(api.ItemData) }},
	"app.":           {"AppData", func() any { return new(api.AppData) }},
	"webhook.":       {"AppData", func() any { return new(api.AppData) }},
	"pbx.connected":  {"LinkData", func() any { return new(api.LinkData) }},
	"pbx.lost":       {"LinkData", func() any { return new(api.LinkData) }},
	"pbx.gap":        {"GapData", func() any { return new(api.GapData) }},
	"work":           {"Work", func() any { return new(api.Work) }},
	"bookmark":       {"BookmarkData", func() any { return new(api.BookmarkData) }},
	"reset":          {"ResetData", func() any { return new(api.ResetData) }},
}

// Notification reads one and returns it with its data, a pointer to the api type of its kind.
func (c *Contract) Notification(raw []byte) (api.Notification, any, error) {
	var n api.Notification
	if err := c.valid("Notification", raw); err != nil {
		return n, nil, err
	}
	if err := strict(raw, &n); err != nil {
		return n, nil, err
	}
	family, _, dotted := strings.Cut(string(n.Type), ".")
	payload, known := payloads[string(n.Type)]
	if !known && dotted {
		payload, known = payloads[family+"."]
	}
	if !known {
		return n, nil, fmt.Errorf("a notification of type %q, which the contract does not explain", n.Type)
	}
	data := payload.made()
	return n, data, errors.Join(c.valid(payload.schema, n.Data), strict(n.Data, data))
}

// Frame checks one of the frames that are sent on a WebSocket and are no notification.
func (c *Contract) Frame(schema string, raw []byte, into any) error {
	return errors.Join(c.valid(schema, raw), strict(raw, into))
}

func (c *Contract) valid(schema string, raw []byte) error {
	found := c.doc.Components.Schemas[schema]
	if found == nil {
		return fmt.Errorf("the contract has no schema %s", schema)
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return fmt.Errorf("%s: %w: %.300s", schema, err, raw)
	}
	if err := found.Value.VisitJSON(value, openapi3.VisitAsResponse()); err != nil {
		return fmt.Errorf("%s: %w: %.300s", schema, err, raw)
	}
	return nil
}

// strict reads JSON into a type of the contract that must know every field.
func strict(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%T: %w: %.300s", into, err, raw)
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("%T: there is more than one value: %.300s", into, raw)
	}
	return nil
}

// Transport hands every answer that is no stream to the contract; Report is told what is not as it should be.
type Transport struct {
	Base     http.RoundTripper
	Contract *Contract
	Report   func(error)
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.Base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	var body []byte
	if !streams(res) {
		if body, err = io.ReadAll(res.Body); err != nil {
			return nil, err
		}
		res.Body.Close()
		res.Body = io.NopCloser(bytes.NewReader(body))
	}
	if err := t.Contract.Response(req, res, body); err != nil {
		t.Report(err)
	}
	return res, nil
}
