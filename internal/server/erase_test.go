package server

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/erasure"
	"github.com/callboard-dev/callboard/internal/line"
	"github.com/callboard-dev/callboard/internal/store"
)

// struck is the store as the eraser wants it, as in internal/app.
type struck struct{ *store.Store }

func (s struck) Begun(ctx context.Context) ([]erasure.Begun, error) {
	begun, err := s.Store.BegunErasures(ctx)
	var out []erasure.Begun
	for _, b := range begun {
		out = append(out, erasure.Begun(b))
	}
	return out, err
}

func (s struck) Finish(ctx context.Context, b erasure.Begun, striker *board.Striker) error {
	return s.Store.FinishErasure(ctx, store.Begun(b), striker, time.Now)
}

func (h *house) newEraser(newID func(string) string, logger *slog.Logger) *erasure.Eraser {
	return erasure.New(erasure.Options{Board: h.board, Wait: h.committer.Wait, Store: struck{h.store}, NewID: newID, Logger: logger,
		Forms: func(n string) ([]string, error) { return line.NumberForms(n, "US") }, Forget: func() { h.server.Forget() }})
}

// SEC-45: only the person erases; nobody can be erased by what would mean everybody; what was answered goes, and its key stays used.
func TestErase(t *testing.T) {
	t.Parallel()
	h := open(t)
	app := h.app("crm")
	for _, refused := range []struct{ method, path string }{{"POST", "/v1/erasures"}, {"GET", "/v1/erasures"}, {"GET", "/v1/erasures/era_1"}} {
		h.refused(http.StatusForbidden, "forbidden", refused.method, refused.path, app, api.NewErasure{Numbers: []string{"+4512345678"}})
	}
	for _, body := range []api.NewErasure{{}, {DryRun: true}, {Numbers: []string{"1234"}}, {Numbers: []string{"alice"}}, {Words: []string{"ab"}}, {Words: []string{"   "}}} {
		h.refused(http.StatusBadRequest, "invalid", "POST", "/v1/erasures", h.user, body)
	}
	h.refused(http.StatusRequestEntityTooLarge, "too_large", "POST", "/v1/erasures", h.user, api.NewErasure{Numbers: make([]string, 17)})
	h.refused(http.StatusNotFound, "not_found", "GET", "/v1/erasures/era_none", h.user, nil)
	record, other := h.lookup("+4512345678"), h.lookup("+4612345678")
	path := "/v1/records/" + record + "/notes"
	h.want(http.StatusCreated, nil, "POST", path, h.user, api.NoteText{Text: "wants a cage"}, sameKey)
	h.want(http.StatusCreated, nil, "POST", "/v1/records/"+other+"/notes", h.user, api.NoteText{Text: "knows 12 34 56 78"})
	h.want(http.StatusCreated, nil, "POST", "/v1/records/"+other+"/notes", h.user, api.NoteText{Text: "stays"})
	watch := h.watch(h.user, "")
	var would, proof api.Erasure
	h.want(http.StatusOK, &would, "POST", "/v1/erasures", h.user, api.NewErasure{Numbers: []string{"+45 12 34 56 78"}, DryRun: true})
	if !would.DryRun || would.ID != "" || len(would.Records) != 1 || would.Records[0] != record || len(would.Mentioned) != 1 || would.Items != 2 || would.Answers != 1 {
		t.Errorf("it would: %+v", would)
	}
	if got := h.record(record).Items["notes"]; len(got) != 1 {
		t.Fatalf("a dry run erased: %+v", got)
	}
	h.want(http.StatusOK, &proof, "POST", "/v1/erasures", h.user, api.NewErasure{Numbers: []string{"+45 12 34 56 78"}})
	if proof.DoneAt.IsZero() || proof.DryRun || len(proof.Records) != 1 || len(proof.Mentioned) != 1 || proof.Claims != would.Claims || proof.Items != 2 || proof.Answers != 1 || proof.Changes < 3 {
		t.Errorf("the proof: %+v; it would: %+v", proof, would)
	}
	for told := map[string]bool{}; !told[record] || !told[other]; {
		if n := watch.next(); n.Type == board.RecordErased {
			told[n.Subject] = true
		}
	}
	if got := h.record(record); len(got.Items["notes"])+len(got.Fields) != 0 {
		t.Errorf("left: %+v", got)
	}
	if got := h.record(other); len(got.Items["notes"]) != 1 || got.Fields["party.number"].Value != "+4612345678" {
		t.Errorf("another's: %+v", got)
	}
	h.refused(http.StatusGone, "erased", "POST", path, h.user, api.NoteText{Text: "wants a cage"}, sameKey)
	var kept api.Erasure
	h.want(http.StatusOK, &kept, "GET", "/v1/erasures/"+proof.ID, h.user, nil)
	if kept.Items != proof.Items || !kept.DoneAt.Equal(proof.DoneAt) {
		t.Errorf("kept: %+v, told: %+v", kept, proof)
	}
	for _, held := range h.server.frames.rings.Range {
		for i := range held.(*ring) {
			if f := held.(*ring)[i].Load(); f != nil && f.change.Seq <= uint64(proof.Changes) && f.change.Kind != board.RecordErased {
				t.Errorf("an encoded change is kept: %s", f.bytes)
			}
		}
	}
}
