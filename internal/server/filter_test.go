package server

import (
	"net/http"
	"testing"

	"github.com/callboard-dev/callboard/api"
)

// TestFilterEdge: a record that comes into a filter is told whole, one that leaves is told to be gone (D-3).
func TestFilterEdge(t *testing.T) {
	t.Parallel()
	h := open(t)
	query := "?call_states=connected&lines=Front%20desk"
	live, elsewhere := h.watch(h.user, query), h.watch(h.user, "?lines=Another&types=record.*")
	socket := h.socket(h.user, query)
	call, record := h.ring("2025550143", "Bob Caller")
	h.claim(h.user, record, "party.company", "Before")
	call.answer()
	added := live.until("record.added")
	if data := added.Payload.(*api.RecordData); added.Subject != record || data.Record.Call.State != "connected" || data.Record.Fields["party.company"].Value != "Before" {
		t.Errorf("added: %+v", data)
	}
	if n := socket.until("record.added"); n.ID != added.ID || n.Subject != record {
		t.Errorf("the socket was told %+v", n)
	}
	if got := listed(h, query); len(got) != 1 || got[0].ID != record {
		t.Errorf("the list has %+v", got)
	}
	if got := listed(h, "?call_states=ringing%2Cconnected&states=open,closed"); len(got) != 1 { // a browser escapes the comma
		t.Errorf("with two states the list has %+v", got)
	}
	call.hangUp()
	if n := live.until("record.removed"); n.Subject != record || n.Payload.(*api.RevData).Rev == 0 {
		t.Errorf("removed: %+v", n)
	}
	if got := listed(h, query); len(got) != 0 {
		t.Errorf("the list has %+v", got)
	}
	h.board.NewEpoch("another")
	h.server.delivery.Wake() // as the committer does
	if n := elsewhere.next(); n.Type != "reset" {
		t.Errorf("a reader of another line was told of %s %s", n.Type, n.Subject)
	}
}

func listed(h *house, query string) []api.Record {
	h.t.Helper()
	var list api.RecordList
	h.want(http.StatusOK, &list, "GET", "/v1/records"+query, h.user, nil)
	return list.Records
}

// TestFilterKinds: only the types and fields that were asked for, the others cut from what is told.
func TestFilterKinds(t *testing.T) {
	t.Parallel()
	h := open(t)
	names, notes := h.watch(h.user, "?types=record.changed&fields=party.name"), h.watch(h.user, "?types=item.*&fields=notes")
	record := h.lookup("2025550143")
	h.claim(h.user, record, "party.company", "Holm Marine")
	h.want(http.StatusOK, nil, "POST", "/v1/records/"+record+"/claims", h.user, api.ClaimRequest{Claims: []api.NewClaim{{Field: "party.email", Value: "b@example.com"}, {Field: "party.name", Value: "Bob"}}})
	h.want(http.StatusCreated, nil, "POST", "/v1/records/"+record+"/notes", h.user, api.NoteText{Text: "x"})
	data := names.next().Payload.(*api.ChangedData)
	if len(data.Fields) != 1 || data.Fields["party.name"].Value != "Bob" {
		t.Errorf("of the fields it was told %+v", data.Fields)
	}
	if n := notes.next(); n.Type != "item.added" {
		t.Errorf("of the notes it was told %s", n.Type)
	}
	for _, query := range []string{"?states=none", "?call_states=asleep"} {
		h.refused(http.StatusBadRequest, "invalid", "GET", "/v1/watch"+query, h.user, nil)
		h.refused(http.StatusBadRequest, "invalid", "GET", "/v1/records"+query, h.user, nil)
	}
}

// TestBookmarkLag: a stream that is resumed says how far it is behind (D-5).
func TestBookmarkLag(t *testing.T) {
	t.Parallel()
	h := open(t)
	began := h.list().Cursor
	h.claim(h.user, h.lookup("2025550143"), "party.name", "Bob")
	if data := h.socket(h.user, "?cursor="+began).first.Payload.(*api.BookmarkData); data.Cursor != began || data.Behind < 2 || data.BehindMs < 0 {
		t.Errorf("the first bookmark: %+v", data)
	}
}
