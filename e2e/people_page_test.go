package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
)

// answers lets an app answer every work until the test ends.
func answers(t *testing.T, app *client.Client, e client.Enrichment, f func(r *client.Record) client.Answer) {
	t.Helper()
	app.Enrich(e, func(_ context.Context, r *client.Record, _ client.Work) (client.Answer, error) { return f(r), nil })
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	t.Cleanup(func() { stop(); must(t, <-ended) })
}

func person(id, name, company string) client.NewItem {
	return client.NewItem{List: api.NewItemListPartyCandidates, ID: id, Fields: api.CandidateFields{"party.name": name, "party.company": company}}
}

// inWidths looks at the page as wide as a desk's and as narrow as a telephone's: nothing sticks out.
func (p *page) inWidths(name, selector string) {
	p.t.Helper()
	for _, width := range []int64{1280, 390} {
		p.do("resize", chromedp.EmulateViewport(width, 900))
		p.see(selector)
		if wide := get(p, "look for what sticks out", chromedp.Evaluate[int](`document.documentElement.scrollWidth`)); int64(wide) > width {
			p.t.Errorf("%s: at %d pixels the page is %d wide", name, width, wide)
		}
		p.shoot(fmt.Sprint(name, "-", width))
	}
	p.do("resize", chromedp.EmulateViewport(1280, 900))
}

// TestPickOnThePage picks one of two people by the keyboard, takes it back, picks again, and finds the pick on the next record
// of that number (B-24).
func TestPickOnThePage(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	cb := run(t, t.TempDir(), pbxConfig{address: "127.0.0.1:1", user: "u", secret: "s"})
	answers(t, cb.app(t, "crm"), client.Enrichment{Needs: []string{"party.number"}, Gives: []string{"party.candidates"}}, func(*client.Record) client.Answer {
		return client.Answer{Items: []client.NewItem{person("17", "Ann Holm", "Holm Marine"), person("18", "Bo Lund", "Holm Marine")}}
	})
	record, err := cb.client.Lookup(ctx, "+1 202 555 0143")
	must(t, err)
	screen := browse(t, cb.page)
	screen.press(`[data-testid="call-list"] [data-record="` + record.ID + `"]`)
	screen.see(`[data-testid="candidates"] [data-ref="crm/18"]`)
	screen.inWidths("candidates", `[data-testid="candidates"]`)
	if text := screen.text(`[data-testid="candidates"]`); !strings.Contains(text, "Several people have this number") || !strings.Contains(text, "Holm Marine") {
		t.Errorf("it reads %q", text)
	}
	pick := func(ref string) {
		screen.do("choose by the space bar", chromedp.SendKeys(chromedp.CSS(`[data-ref="`+ref+`"] input`), " "))
		screen.enter(`[data-testid="pick"]:not(:disabled)`)
		screen.see(`[data-testid="candidates"][data-picked="` + ref + `"]`)
	}
	pick("crm/18")
	screen.see(`[data-testid="field"][data-field="party.name"][data-source="crm"]`)
	screen.shoot("picked")
	screen.enter(`[data-testid="unpick"]`)
	screen.see(`[data-testid="field-missing"][data-field="party.name"]`)
	pick("crm/17")
	got, err := cb.client.Record(ctx, record.ID, true)
	must(t, err)
	if got.Value("party.name") != "Ann Holm" || got.Fields["party.candidate"].Source != "user" {
		t.Errorf("picked: %+v", got.Fields)
	}
	if text := screen.text(`[data-testid="record-title"]`); text != "Ann Holm" {
		t.Errorf("the title reads %q", text)
	}
}

// TestAppsOnThePage: two apps in a ring run in circles until one is barred; the page says which field is frozen, lists the
// apps, and releases it (B-15).
func TestAppsOnThePage(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	cb := run(t, t.TempDir(), pbxConfig{address: "127.0.0.1:1", user: "u", secret: "s"})
	made, err := cb.client.LetIn(ctx, api.NewApp{ID: "crm", Read: new([]string{"party.*"}), Claim: new([]string{"party.*"}), MaxQuality: api.QualityDerived})
	must(t, err)
	crm, err := client.Connect(ctx, client.Options{URL: cb.url, Token: made.Token})
	must(t, err)
	t.Cleanup(crm.Close)
	record, err := cb.client.Lookup(ctx, "+1 202 555 0143")
	must(t, err)
	for i := range 3 { // in one wave each: there and back
		_, err = cb.client.Claim(ctx, record.ID, client.NewClaim{Field: "party.location", Value: fmt.Sprint("place ", i)})
		must(t, err)
		for _, value := range []string{"a", "b", "a"} {
			_, err = crm.Claim(ctx, record.ID, client.NewClaim{Field: "party.bio", Value: fmt.Sprint(value, i)})
			must(t, err)
		}
	}
	screen := browse(t, cb.page)
	screen.press(`[data-testid="call-list"] [data-record="` + record.ID + `"]`)
	if text := screen.text(`[data-testid="contended"][data-field="party.bio"]`); !strings.Contains(text, "crm") || !strings.Contains(text, "About") || !strings.Contains(text, "stays as it is") {
		t.Errorf("of the frozen field it reads %q", text)
	}
	screen.see(`[data-testid="apps-button"][data-barred="1"]`)
	screen.enter(`[data-testid="apps-button"]`)
	screen.inWidths("apps", `[data-testid="quarantined"][data-field="party.bio"]`)
	for selector, want := range map[string]string{`[data-testid="may-read"]`: "party.*", `[data-testid="may-write"]`: "party.*", `[data-app="crm"]`: "derived"} {
		if text := screen.text(`[data-app="crm"] ` + strings.TrimPrefix(selector, `[data-app="crm"]`)); !strings.Contains(text, want) {
			t.Errorf("%s reads %q, want %q", selector, text, want)
		}
	}
	screen.enter(`[data-testid="release"]`)
	screen.see(`[data-testid="apps-button"]:not([data-barred])`)
	_, err = cb.client.Claim(ctx, record.ID, client.NewClaim{Field: "party.location", Value: "elsewhere"})
	must(t, err)
	_, err = crm.Claim(ctx, record.ID, client.NewClaim{Field: "party.bio", Value: "new"})
	must(t, err)
	screen.see(`[data-testid="record"]:not(:has([data-testid="contended"]))`)
}

// TestHostileTextOnThePage: what a caller or an app writes is text on the page, whatever it is, and nothing but that (SEC-33).
func TestHostileTextOnThePage(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	cb := run(t, t.TempDir(), pbxConfig{address: "127.0.0.1:1", user: "u", secret: "s"})
	crm := cb.app(t, "crm")
	record, err := cb.client.Lookup(ctx, "+1 202 555 0143")
	must(t, err)
	screen := browse(t, cb.page)
	screen.press(`[data-testid="call-list"] [data-record="` + record.ID + `"]`)
	get(screen, "watch for scripts", chromedp.Evaluate[any](`void (window.alert = () => { window.ran = true })`))
	for i, text := range []string{
		"<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "javascript:alert(1)", "{{7*7}}${7*7}", "a\r\nb\x00c", "\u202Egnp.exe", "\u2066x\u2069",
		"Z\u200Be\u2060ro\ufeff", "p\u0430ypal", "\xc0\xaf\xed\xa0\x80", "=cmd|' /C calc'!A0", "' OR 1=1--", strings.Repeat("\u0301", 3000), strings.Repeat("w", 8000),
	} {
		word := fmt.Sprint(text, " ", i)
		_, err = crm.Claim(ctx, record.ID, client.NewClaim{Field: "party.name", Value: word}, client.NewClaim{Field: "party.website", Value: word}, client.NewClaim{Field: "x.crm.word", Value: word})
		must(t, err)
		_, err = cb.client.Claim(ctx, record.ID, client.NewClaim{Field: "party.bio", Value: word}) // news, or the app runs out of fuel
		must(t, err)
		got, err := cb.client.Record(ctx, record.ID, false)
		must(t, err)
		screen.see(fmt.Sprintf(`[data-testid="field"][data-field="x.crm.word"]`))
		shown := ""
		for shown != got.Value("party.name") { // bounded by the test's own time
			shown = get(screen, "read the name", chromedp.Evaluate[string](`document.querySelector('[data-field="party.name"] [data-testid="field-value"]')?.textContent ?? ''`))
			if ctx.Err() != nil {
				t.Fatalf("the page shows %.200q, the record has %.200q", shown, got.Value("party.name"))
			}
		}
		if strings.ContainsAny(shown, "\r\x00\u202E\u2066\u2069\u200B\u2060\ufeff") {
			t.Errorf("shown is %q", shown)
		}
	}
	bad := get(screen, "look for what is no text", chromedp.Evaluate[string](`[window.ran && 'a script ran', document.querySelector('#page script, #page iframe, #page img:not([src="/icon.svg"])') && 'an element came',
		[...document.querySelectorAll('#page a')].some((a) => !/^(https?|mailto):/.test(a.href)) && 'a link leads elsewhere', document.documentElement.scrollWidth > innerWidth && 'something sticks out'].filter(Boolean).join()`))
	if bad != "" {
		t.Error(bad)
	}
	screen.inWidths("hostile", `[data-testid="record"]`)
}
