package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// withToken is the page's address for one more window: the address that was printed works once.
func (c *callboard) withToken(t *testing.T) string {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(c.folder, "data", "user.token"))
	must(t, err)
	return c.url + "/#token=" + strings.TrimSpace(string(token))
}

// window opens one more window of the same browser.
func (p *page) window(address, selector string) *page {
	p.t.Helper()
	ctx, cancel := chromedp.NewContext(p.ctx)
	p.t.Cleanup(cancel)
	must(p.t, chromedp.Do(ctx)) // opens it, outside of any time limit of its own
	w := &page{t: p.t, ctx: ctx}
	w.do("open "+address, chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS(selector)))
	return w
}

func (p *page) note(text string) {
	p.t.Helper()
	p.do("type a note", chromedp.SendKeys(chromedp.CSS(`[data-testid="note-box"]`), text))
}

func noteStatus(state string) string {
	return `[data-testid="note-status"][data-state="` + state + `"]`
}

func (c *callboard) noteTexts(t *testing.T, record string) []string {
	t.Helper()
	r, err := c.client.Record(t.Context(), record, false)
	must(t, err)
	var texts []string
	for _, n := range r.Notes() {
		texts = append(texts, n.Text)
	}
	slices.Sort(texts)
	return texts
}

// TestNotesOutliveTheServer types in two windows while Callboard is killed: what the person has typed is kept, said to be so, and
// there once when Callboard is back; of two who have changed one note, none has overwritten the other (B-1, D-10).
func TestNotesOutliveTheServer(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	cb := run(t, t.TempDir(), pbxConfig{address: "127.0.0.1:1", user: "u", secret: "s"})
	record, err := cb.client.Lookup(ctx, "+1 202 555 0143")
	must(t, err)
	_, err = cb.client.AddNote(ctx, record.ID, "shared")
	must(t, err)
	open := `[data-testid="call-list"] [data-record="` + record.ID + `"]`
	edit := `[data-testid="note"] button`
	one := browse(t, cb.page)
	two := one.window(cb.withToken(t), open)
	for _, w := range []*page{one, two} {
		w.press(open)
		w.press(edit)
		w.see(noteStatus("saved"))
	}
	one.note(" and")
	one.see(noteStatus("saved"))
	two.see(`[data-testid="note-box"]`)

	cb.kill()
	one.note(" one")
	two.note(" two")
	for _, w := range []*page{one, two} {
		w.see(noteStatus("kept"))
		if text := w.text(noteStatus("kept")); text != "Kept here, not yet saved" {
			t.Errorf("it reads %q", text)
		}
	}
	one.press(`[data-testid="new-note"]`)
	one.note("while it was away")
	one.see(`[data-testid="note-pending"] ` + `[data-state="kept"]`)
	one.see(noteStatus("kept"))
	one.shoot("notes-kept")

	cb = cb.again(t)
	for _, w := range []*page{one, two} {
		w.see(noteStatus("saved"))
		w.see(`[data-testid="record"]:not(:has([data-testid="note-pending"]))`)
	}
	eventually(t, "all notes are saved", func() bool { return len(cb.noteTexts(t, record.ID)) == 3 })
	got := cb.noteTexts(t, record.ID)
	if want := []string{"shared and one", "shared two", "while it was away"}; !slices.Equal(got, want) && !slices.Equal(got, []string{"shared and one", "shared and two", "while it was away"}) {
		t.Errorf("the notes are %q, want %q", got, want)
	}
}

// TestNotesOutliveTheBrowser kills both Callboard and the browser in mid-note: a browser that is started again sends it, once.
func TestNotesOutliveTheBrowser(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	cb := run(t, t.TempDir(), pbxConfig{address: "127.0.0.1:1", user: "u", secret: "s"})
	record, err := cb.client.Lookup(ctx, "+1 202 555 0143")
	must(t, err)
	open := `[data-testid="call-list"] [data-record="` + record.ID + `"]`
	profile := chromedp.UserDataDir(t.TempDir())
	screen := browse(t, cb.page, profile)
	screen.press(open)
	screen.note("saved before")
	screen.see(noteStatus("saved"))
	cb.kill()
	screen.press(`[data-testid="new-note"]`)
	screen.note("typed before the crash")
	screen.see(noteStatus("kept"))
	must(t, chromedp.FromContext(screen.ctx).Browser.Process().Kill())

	cb = cb.again(t)
	after := browse(t, cb.withToken(t), profile)
	after.press(open)
	after.see(noteStatus("saved"))
	if text := get(after, "read the box", chromedp.Value(chromedp.CSS(`[data-testid="note-box"]`))); text != "typed before the crash" {
		t.Errorf("the box reads %q", text)
	}
	after.do("load the page anew", chromedp.Reload())
	after.press(open)
	after.see(`[data-testid="note"]`)
	if got, want := cb.noteTexts(t, record.ID), []string{"saved before", "typed before the crash"}; !slices.Equal(got, want) {
		t.Errorf("the notes are %q, want %q", got, want)
	}
	if kept := get(after, "look at what is kept", chromedp.Evaluate[int](`new Promise((done) => {
		const asked = indexedDB.open('callboard');
		asked.onsuccess = () => { asked.result.transaction('drafts').objectStore('drafts').count().onsuccess = (e) => done(e.target.result); };
	})`, chromedp.EvalAwaitPromise)); kept != 0 {
		t.Errorf("%d notes are kept in the browser, though all are saved", kept)
	}
}
