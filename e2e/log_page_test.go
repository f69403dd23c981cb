package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

func logEntry(record, more string) string {
	return `[data-testid="log-entry"][data-record="` + record + `"]` + more
}

// rows is how many entries of the log are on the page.
func (p *page) rows() int {
	p.t.Helper()
	return get(p, "count the rows", chromedp.Evaluate[int](`document.querySelectorAll('[data-testid="log-entry"]').length`))
}

// TestLogOnThePage: a call is missed and counted; it is found in the log, opened as it is stored, reopened, and what came after the call is
// marked. Its number offers to be looked up.
func TestLogOnThePage(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	l := lab.StartT(t)
	outside, desk := l.OutsideT(t), l.PhoneT(t, "1001")
	cb := run(t, t.TempDir(), restricted(l))
	cb.waitConnected(t)
	screen := browse(t, cb.page)
	screen.see(`[data-testid="empty"]`)
	eventually(t, "the page has counted what was missed before it was there", func() bool {
		return get(screen, "look what it remembers", chromedp.Evaluate[bool](`localStorage.getItem('callboard.log.looked') !== null`))
	})
	caller, _ := talk(t, outside, desk)
	must(t, caller.Hangup(ctx))
	answered := cb.record(t, "ended", callEnded)
	missing, in := reach(ctx, t, outside, desk, "5550101", phone.CallOptions{From: "2025550199", Name: "Ann Other"})
	must(t, in.Ring(ctx))
	cb.record(t, "rings", ringing)
	must(t, missing.Hangup(ctx))
	missed := cb.record(t, "missed", func(r *client.Record) bool { return callEnded(r) && r.ID != answered.ID })
	screen.see(`[data-testid="missed-count"]`)
	if text := screen.text(`[data-testid="missed-count"]`); !strings.HasPrefix(text, "1") {
		t.Errorf("missed calls: %q, want 1", text)
	}
	for _, id := range []string{answered.ID, missed.ID} {
		_, err := cb.client.CloseRecord(ctx, id)
		must(t, err)
	}

	screen.press(`[data-testid="tab-log"]`)
	screen.see(logEntry(missed.ID, `[data-missed]`))
	screen.see(logEntry(answered.ID, `:not([data-missed])`))
	screen.see(`[data-testid="tab-log"]:not(:has([data-testid="missed-count"]))`)
	screen.press(`[data-testid="log-missed"]`)
	screen.see(`[data-testid="log-found"]:not(:has([data-record="` + answered.ID + `"]))`)
	screen.press(`[data-testid="log-all"]`)
	screen.see(logEntry(answered.ID, ""))
	screen.do("search", chromedp.SendKeys(chromedp.CSS(`[data-testid="log-search"]`), "nobody of that name"))
	screen.see(`[data-testid="log-empty"]`)
	get(screen, "mark what is in the box", chromedp.Evaluate[any](`document.querySelector('[data-testid="log-search"]').select()`))
	screen.do("search", chromedp.SendKeys(chromedp.CSS(`[data-testid="log-search"]`), "2025550143"))
	screen.see(logEntry(answered.ID, ""))
	screen.do("go down to what was found", chromedp.SendKeys(chromedp.CSS(`[data-testid="log-search"]`), kb.ArrowDown))
	screen.enter(logEntry(answered.ID, ":focus"))
	screen.see(`[data-testid="record"][data-fixed][data-record="` + answered.ID + `"]`)
	screen.see(`[data-testid="timeline-entry"][data-what="connected"]`)
	screen.see(`[data-testid="record"]:not(:has([data-testid="edit"]))`)
	screen.enter(`[data-field="party.name"] [data-testid="others"]`)
	screen.see(claimed("pbx", ""))
	screen.inWidths("log-record", `[data-testid="reopen"]`)
	screen.press(`[data-testid="look-up"]`)
	screen.enter(`[data-list="history"] [data-testid="open-earlier"]`)
	screen.see(`[data-testid="record"][data-fixed][data-record="` + answered.ID + `"]`)

	screen.press(`[data-testid="reopen"]`)
	screen.see(`[data-testid="record"]:not([data-fixed])[data-record="` + answered.ID + `"]`)
	screen.see(`[data-testid="new-count"]`)
	_, err := cb.client.Claim(ctx, answered.ID, client.NewClaim{Field: "party.company", Value: "Holm Marine"})
	must(t, err)
	_, err = cb.client.AddNote(ctx, answered.ID, "call +1 202 555 0177 instead")
	must(t, err)
	screen.see(`[data-testid="field"][data-field="party.company"] [data-testid="fresh"]`)
	screen.see(`[data-testid="note"] [data-testid="fresh"]`)
	screen.see(`[data-testid="new-count"][data-count="2"]`)
	if said := screen.text(`[data-testid="new-names"]`); said != "Company, Notes" {
		t.Errorf("new are said to be %q", said)
	}
	for _, where := range []string{`[data-field="party.company"]`, `[data-testid="note"]`} {
		screen.enter(`[data-testid="new-count"]`)
		screen.see(where + ` [data-testid="fresh"]:focus`)
	}

	screen.press(`[data-testid="note"] [data-testid="tel"][data-number="+1 202 555 0177"]`)
	screen.see(`[data-testid="tel-menu"] [data-testid="tel-dial"]`)
	screen.shoot("tel-menu")
	screen.enter(`[data-testid="tel-lookup"]`)
	screen.see(`[data-testid="record"]:not([data-record="` + answered.ID + `"]) [data-field="party.number"]`)
	cb.record(t, "looked up", func(r *client.Record) bool { return r.Call.ID == "" && r.Value("party.number") == "+12025550177" })
	screen.do("leave the record", chromedp.EmulateViewport(360, 900), chromedp.Click(chromedp.CSS(`.back`)))
	screen.inWidths("log", `[data-testid="log-entry"]`)
}

// TestNotesMarkOnThePage: in a narrow list a long name of a company does not hide that there are notes, nor what it was that was looked up.
func TestNotesMarkOnThePage(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	cb := run(t, t.TempDir(), pbxConfig{address: "127.0.0.1:1", user: "u", secret: "s"})
	long, err := cb.client.LookupAny(ctx, client.Sought{Name: "Ann Holm", Company: "Holm Marine and Offshore Engineering International Ltd"})
	must(t, err)
	for _, text := range []string{"one", "two"} {
		_, err = cb.client.AddNote(ctx, long.ID, text)
		must(t, err)
	}
	site, err := cb.client.LookupAny(ctx, client.Sought{Website: "https://acme.example"})
	must(t, err)
	screen := browse(t, cb.page)
	screen.press(`[data-testid="tab-log"]`)
	screen.do("make it narrow", chromedp.EmulateViewport(352, 900))
	screen.see(logEntry(long.ID, ` [data-testid="log-notes"]`))
	inside := `(() => {
		const [mark, list] = ['[data-testid="log-notes"]', '.list-pane'].map((s) => document.querySelector(s).getBoundingClientRect());
		const [who, at] = ['.call-who', '.call-at'].map((s) => document.querySelector('[data-record="` + long.ID + `"] ' + s).getBoundingClientRect());
		return mark.width > 0 && mark.left >= who.left && mark.right <= who.right && who.right <= at.left && at.right <= list.right;
	})()`
	if !get(screen, "see whether the mark is in sight", chromedp.Evaluate[bool](inside)) {
		t.Error("the mark is cut off")
	}
	if text := screen.text(logEntry(long.ID, ` [data-testid="log-notes"]`)); !strings.Contains(text, "2 notes") {
		t.Errorf("the mark reads %q", text)
	}
	if text := screen.text(logEntry(site.ID, " .call-name")); text != "https://acme.example" {
		t.Errorf("the lookup of a web address is called %q", text)
	}
	screen.inWidths("log-notes", `[data-testid="log-notes"]`)
}

// TestLogPagesOnThePage scrolls to the end of the log while lookups come in: each is there once, new ones stand first, and what one looks at
// stays where it is.
func TestLogPagesOnThePage(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	cb := run(t, t.TempDir(), pbxConfig{address: "127.0.0.1:1", user: "u", secret: "s"})
	look := func(from, to int) (last string) {
		for i := from; i <= to; i++ {
			r, err := cb.client.LookupAny(ctx, client.Sought{Name: fmt.Sprint("Person ", i)})
			must(t, err)
			last = r.ID
		}
		return last
	}
	look(1, 110)
	screen := browse(t, cb.page)
	screen.press(`[data-testid="tab-log"]`)
	screen.see(`[data-testid="log-entry"]`)
	scroll := func(to string) {
		get(screen, "scroll", chromedp.Evaluate[any](`void document.querySelector('[data-testid="call-list"]').scrollTo(0, `+to+`)`))
	}
	eventually(t, "the second page is there", func() bool { scroll("1e6"); return screen.rows() > 50 })
	scroll("1500")
	place := `(() => { const pane = document.querySelector('[data-testid="call-list"]').getBoundingClientRect(); const row = [...document.querySelectorAll('[data-entry]')].find((r) => r.getBoundingClientRect().top >= pane.top); return row.dataset.entry + ' ' + Math.round(row.getBoundingClientRect().top); })()`
	before := get(screen, "see what is in sight", chromedp.Evaluate[string](place))
	newest := look(111, 114)
	eventually(t, "the new ones stand first", func() bool {
		return get(screen, "read the first", chromedp.Evaluate[string](`document.querySelector('[data-testid="log-entry"]').dataset.record`)) == newest
	})
	if after := get(screen, "see what is in sight", chromedp.Evaluate[string](place)); after != before {
		t.Errorf("in sight is %s, was %s", after, before)
	}
	eventually(t, "all are there", func() bool { scroll("1e6"); return screen.rows() == 114 })
	if double := get(screen, "look for doubles", chromedp.Evaluate[int](`(() => { const ids = [...document.querySelectorAll('[data-testid="log-entry"]')].map((e) => e.dataset.record); return ids.length - new Set(ids).size; })()`)); double != 0 {
		t.Errorf("%d entries are there twice", double)
	}
	screen.see(`[data-testid="log-found"]:not(:has([data-testid="log-more"]))`)
}

// TestCardsOnThePage drops cards: one with a photograph of 2 MB is looked up; 100,000 of them, a broken one and none at all are refused in
// words, and nothing is opened (B-22).
func TestCardsOnThePage(t *testing.T) {
	t.Parallel()
	cb := run(t, t.TempDir(), pbxConfig{address: "127.0.0.1:1", user: "u", secret: "s"})
	screen := browse(t, cb.page)
	screen.see(`[data-testid="empty"]`)
	drop := func(on, text string) {
		get(screen, "drop", chromedp.Evaluate[any](`void (() => {
			const data = new DataTransfer();
			data.items.add(new File([`+text+`], 'card.vcf', { type: 'text/vcard' }));
			document.querySelector('`+on+`').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
		})()`))
	}
	refused := func(what, want string) {
		t.Helper()
		screen.see(`[data-testid="number-problem"]`)
		eventually(t, what, func() bool { return strings.Contains(screen.text(`[data-testid="number-problem"]`), want) })
		records, err := cb.client.Records(t.Context(), "")
		must(t, err)
		if len(records) != 0 {
			t.Errorf("%s: %d records were opened", what, len(records))
		}
	}
	drop(`[data-testid="number-box"]`, `'BEGIN:VCARD\nVERSION:4.0\nFN:A\nEND:VCARD\n'.repeat(100000)`)
	refused("100,000 cards", "one is taken at once")
	drop(`[data-testid="number-box"]`, `'BEGIN:VCARD\nVERSION:4.0\nFN:Ann'`)
	refused("half a card", "END:VCARD")
	drop(`[data-testid="number-box"]`, `'BEGIN:VCARD\nVERSION:4.0\nFN:\u0301\u0301\nEND:VCARD\n'`)
	refused("a name of marks", "is no name")
	drop(`body`, `'%PDF-1.7'`)
	refused("no card", "no business card")
	drop(`[data-testid="number-box"]`, `'x'.repeat(20 << 20)`)
	refused("a large file", "20 MB")
	drop(`[data-testid="empty"]`, `'BEGIN:VCARD\nVERSION:3.0\nFN:Ann Holm\nTEL:+1 202 555 0143\nPHOTO;ENCODING=b:' + 'A'.repeat(2 << 20) + '\nEND:VCARD\n'`)
	screen.see(`[data-testid="field"][data-field="party.name"]`)
	got := cb.record(t, "looked up", func(*client.Record) bool { return true })
	if got.Value("party.name") != "Ann Holm" || got.Value("party.number") != "+12025550143" {
		t.Errorf("the record has %+v", got.Fields)
	}
}

// TestLookupLink opens links as a mail program does: the window that is signed in looks it up, also for one that is not.
func TestLookupLink(t *testing.T) {
	t.Parallel()
	cb := run(t, t.TempDir(), pbxConfig{address: "127.0.0.1:1", user: "u", secret: "s"})
	screen := browse(t, cb.page)
	link := func(q string) string { return cb.url + "/lookup?q=" + url.QueryEscape(q) }
	screen.do("open a link", chromedp.Navigate(link("+1 202 555 0143")))
	screen.see(`[data-testid="field"][data-field="party.number"]`)
	if at := get(screen, "read the address", chromedp.Evaluate[string](`location.href`)); at != cb.url+"/" {
		t.Errorf("the address is %s", at)
	}
	other := screen.window(link("ann@example.com"), `[data-testid="elsewhere"]`)
	screen.see(`[data-testid="field"][data-field="party.email"]`)
	if text := other.reads(); !strings.Contains(text, "You can close this one") {
		t.Errorf("it reads %q", text)
	}
}

// TestWayBackToTheLog: what was opened from the log stays in the list when a call takes its place, and opens from there until it is put away.
func TestWayBackToTheLog(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	l := lab.StartT(t)
	outside, desk := l.OutsideT(t), l.PhoneT(t, "1001")
	cb := run(t, t.TempDir(), restricted(l))
	cb.waitConnected(t)
	caller, in := ring(ctx, t, outside, desk, "5550101")
	must(t, in.Ring(ctx))
	cb.record(t, "rings", ringing)
	must(t, caller.Hangup(ctx))
	read := cb.record(t, "ended", callEnded)
	for r, newer := read, 0; newer <= 100; newer++ { // a hundred closed ones come to the board at a start
		_, err := cb.client.CloseRecord(ctx, r.ID)
		must(t, err)
		r, err = cb.client.LookupAny(ctx, client.Sought{Name: fmt.Sprint("Person ", newer)})
		must(t, err)
	}
	cb.kill()
	cb = cb.again(t)
	cb.waitConnected(t)

	screen := browse(t, cb.page)
	screen.press(`[data-testid="tab-log"]`)
	screen.do("search", chromedp.SendKeys(chromedp.CSS(`[data-testid="log-search"]`), "2025550143"))
	screen.press(logEntry(read.ID, ""))
	screen.see(`[data-testid="record"][data-fixed][data-record="` + read.ID + `"]`)
	screen.press(`[data-testid="tab-calls"]`)
	item := `[data-testid="kept"] [data-testid="call-item"][data-record="` + read.ID + `"]`
	screen.see(item + `[aria-current]`)
	caller, in = ring(ctx, t, outside, desk, "5550101")
	must(t, in.Ring(ctx))
	call := cb.record(t, "rings again", ringing)
	screen.see(`[data-testid="record"][data-record="` + call.ID + `"]`)
	screen.see(item + `:not([aria-current])`)
	screen.press(item)
	screen.see(`[data-testid="record"][data-fixed][data-record="` + read.ID + `"]`)
	screen.inWidths("kept", `[data-testid="record"]`)
	screen.enter(`[data-testid="put-away"]`)
	screen.see(`[data-testid="call-list"]:not(:has([data-testid="kept"]))`)
	screen.see(`[data-testid="record"][data-record="` + call.ID + `"]`)
	must(t, caller.Hangup(ctx))
}
