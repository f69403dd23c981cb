package e2e

import (
	"strings"
	"testing"

	"github.com/callboard-dev/callboard/client"
)

// TestEraseOnThePage erases a person by the keyboard: what would go is said first, nothing goes before the person has said that they know it cannot
// be undone, and then it is gone, in another person's record too (SEC-45).
func TestEraseOnThePage(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	cb := run(t, t.TempDir(), pbxConfig{address: "127.0.0.1:1", user: "u", secret: "s"})
	person, err := cb.client.LookupAny(ctx, client.Sought{Number: "+1 202 555 0143", Name: "Ann Holm"})
	must(t, err)
	other, err := cb.client.LookupAny(ctx, client.Sought{Number: "+1 202 555 0177", Name: "Bo Lund"})
	must(t, err)
	_, err = cb.client.AddNote(ctx, other.ID, "is at +1 202 555 0143 on Fridays")
	must(t, err)
	screen := browse(t, cb.page)
	screen.press(`[data-testid="call-list"] [data-record="` + person.ID + `"]`)
	screen.note("prefers the blue one")
	screen.see(noteStatus("saved"))
	screen.enter(`[data-testid="erase"]`)
	screen.see(`[data-testid="erase-survey"][data-records="1"]`)
	if text := screen.text(`[data-testid="erase-survey"]`); !strings.Contains(text, "1 other record") {
		t.Errorf("what would go reads %q", text)
	}
	screen.inWidths("erase", `[data-testid="erase-now"]:disabled`)
	screen.press(`[data-testid="erase-known"]`)
	screen.press(`[data-testid="erase-mark"][data-kind="words"]`) // something else than was agreed to
	screen.see(`[data-testid="erase-now"]:disabled`)
	screen.see(`[data-testid="erase-survey"][data-records]`)
	screen.press(`[data-testid="erase-known"]:not(:disabled)`)
	if got, err := cb.client.Record(ctx, person.ID, false); err != nil || got.Value("party.name") != "Ann Holm" {
		t.Errorf("before it was confirmed: %v %v", got, err)
	}
	screen.enter(`[data-testid="erase-now"]:not(:disabled)`)
	screen.see(`[data-testid="erase-proof"][data-done]`)
	screen.see(`[data-testid="erase-code"]`)
	for _, id := range []string{person.ID, other.ID} {
		got, err := cb.client.Record(ctx, id, true)
		must(t, err)
		if id == person.ID && len(got.Fields) != 0 || len(got.Notes()) != 0 {
			t.Errorf("of %s is left: %+v, notes %+v", id, got.Fields, got.Notes())
		}
	}
	screen.see(`[data-testid="record"]:not(:has([data-testid="field"]))`)
	if text := screen.reads(); strings.Contains(text, "Ann Holm") || strings.Contains(text, "0143") {
		t.Errorf("the page reads %q", text)
	}
	screen.enter(`[data-testid="erasure"] .primary`)
	screen.see(`[data-testid="erased"]`)
	if title := screen.text(`[data-testid="record-title"]`); title != "Erased" {
		t.Errorf("the record is called %q", title)
	}
	screen.inWidths("erased", `[data-testid="erased"]`)
	screen.press(`[data-testid="tab-log"]`)
	screen.see(logEntry(person.ID, ""))
	if text := screen.text(logEntry(person.ID, " .call-who")); !strings.HasPrefix(text, "Erased\non ") {
		t.Errorf("in the log it reads %q", text)
	}
}
