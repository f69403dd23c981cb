package server

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/export"
)

// TestExport: the person takes everything along, in each form; nobody else does.
func TestExport(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.lookup("+4512345678")
	h.claim(h.user, id, "party.name", "=Mette")
	for i := range 250 {
		h.lookup(fmt.Sprintf("+458765%04d", i))
	}
	got := h.want(http.StatusOK, nil, "GET", "/v1/export?format=jsonl", h.user, nil)
	if disposition := got.header.Get("Content-Disposition"); !strings.HasPrefix(disposition, `attachment; filename="callboard-2`) || !strings.HasSuffix(disposition, `.jsonl"`) {
		t.Errorf("Content-Disposition: %s", disposition)
	}
	in, records := export.NewReader(strings.NewReader(string(got.body))), 0
	for {
		r, err := in.Next()
		if err != nil {
			if err.Error() != "EOF" {
				t.Error(err)
			}
			break
		}
		if r.ID == id && r.Value("party.name") != "=Mette" {
			t.Errorf("%+v", r)
		}
		records++
	}
	if records != 251 {
		t.Errorf("%d records", records)
	}
	got = h.want(http.StatusOK, nil, "GET", "/v1/export?format=csv", h.user, nil)
	if rows, err := csv.NewReader(strings.NewReader(string(got.body))).ReadAll(); err != nil || len(rows) != 252 || rows[251][7] != "'=Mette" {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	got = h.want(http.StatusOK, nil, "GET", "/v1/export?format=vcard", h.user, nil)
	if text := string(got.body); strings.Count(text, "BEGIN:VCARD\r\nVERSION:4.0\r\n") != 1 || !strings.Contains(text, "TEL:+4512345678\r\n") {
		t.Errorf("cards: %s", text)
	}
	h.refused(http.StatusForbidden, "forbidden", "GET", "/v1/export?format=jsonl", h.app("crm"), nil)
	h.refused(http.StatusUnauthorized, "unauthorized", "GET", "/v1/export?format=jsonl", "", nil)
	h.refused(http.StatusBadRequest, "invalid", "GET", "/v1/export?format=xml", h.user, nil)
	h.refused(http.StatusBadRequest, "invalid", "GET", "/v1/export", h.user, nil)
}

// SEC-45: who has the code and names the same can show that the proof is of them, and that nothing is left.
func TestVerifyErasure(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.lookup("+4512345678")
	var proof, again api.Erasure
	h.want(http.StatusOK, &proof, "POST", "/v1/erasures", h.user, api.NewErasure{Numbers: []string{"+4512345678"}})
	if len(proof.Code) < 20 || proof.Searched == nil || proof.Searched.Records != 1 {
		t.Fatalf("%+v", proof)
	}
	if h.want(http.StatusOK, &again, "GET", "/v1/erasures/"+proof.ID, h.user, nil); again.Code != "" {
		t.Error("the code is kept")
	}
	path := "/v1/erasures/" + proof.ID + "/verification"
	for _, c := range []struct {
		number, code string
		ofThem       bool
	}{{"+45 12 34 56 78", proof.Code, true}, {"+4512345678", "", false}, {"+4512345678", "guessed", false}, {"+4512345679", proof.Code, false}} {
		var v api.Verification
		h.want(http.StatusOK, &v, "POST", path, h.user, api.NewVerification{Numbers: []string{c.number}, Code: c.code})
		if v.OfThisPerson != c.ofThem || len(v.Left.Records) > 0 || v.InFile || v.Erasure.ID != proof.ID || !v.Left.DryRun {
			t.Errorf("%+v: %+v", c, v)
		}
	}
	var v api.Verification
	h.lookup("+4512345678")
	h.want(http.StatusOK, &v, "POST", path, h.user, api.NewVerification{Numbers: []string{"+4512345678"}, Code: proof.Code})
	if len(v.Left.Records) != 1 || !v.InFile {
		t.Errorf("said anew: %+v", v)
	}
	h.refused(http.StatusNotFound, "not_found", "POST", "/v1/erasures/era_none/verification", h.user, api.NewVerification{Numbers: []string{"+4512345678"}})
	h.refused(http.StatusForbidden, "forbidden", "POST", path, h.app("crm"), api.NewVerification{})
	h.refused(http.StatusBadRequest, "invalid", "POST", path, h.user, api.NewVerification{})
}
