package e2e

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
)

// app lets an app in and connects as it.
func (c *callboard) app(t *testing.T, id string) *client.Client {
	t.Helper()
	made, err := c.client.CreateApp(t.Context(), id, "")
	must(t, err)
	connected, err := client.Connect(t.Context(), client.Options{URL: c.url, Token: made.Token})
	must(t, err)
	t.Cleanup(connected.Close)
	return connected
}

func claimed(source, more string) string {
	return `[data-field="party.name"] [data-testid="claim"][data-source="` + source + `"]` + more
}

// enter presses a button by the keyboard alone.
func (p *page) enter(selector string) {
	p.t.Helper()
	p.see(selector)
	p.do("press Enter on "+selector, chromedp.SendKeys(chromedp.CSS(selector), "\r"))
}

// TestDecideOnThePage pins and hides by the keyboard what two apps say of a name, and reads what a third has not found.
func TestDecideOnThePage(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	cb := run(t, t.TempDir(), pbxConfig{address: "127.0.0.1:1", user: "u", secret: "s"})
	crm, erp, book := cb.app(t, "crm"), cb.app(t, "erp"), cb.app(t, "book")
	record, err := cb.client.Lookup(ctx, "+1 202 555 0143")
	must(t, err)
	_, err = crm.Claim(ctx, record.ID, client.Claims{"party.name": "Ann Holm"}.With(api.QualityVerified)...)
	must(t, err)
	_, err = erp.Claim(ctx, record.ID, client.Claims{"party.name": "A. Holme"}.With("")...)
	must(t, err)
	book.Enrich(client.Enrichment{Needs: []string{"party.number"}, Gives: []string{"party.company"}}, func(context.Context, *client.Record, client.Work) (client.Answer, error) {
		return client.Answer{NothingFound: true}, nil
	})
	following, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- book.Run(following) }()
	t.Cleanup(func() { stop(); must(t, <-ended) })

	screen := browse(t, cb.page)
	screen.press(`[data-testid="call-list"] [data-record="` + record.ID + `"]`)
	screen.see(`[data-testid="nothing"]`)
	if got := screen.text(`[data-testid="field-missing"][data-field="party.company"]`); got == "" {
		t.Error("the company has no row")
	}
	screen.see(`[data-testid="field"][data-field="party.name"][data-source="crm"]`)
	screen.enter(`[data-field="party.name"] [data-testid="others"]`)
	screen.enter(claimed("erp", ` [data-testid="pin"]`))
	screen.see(`[data-testid="field"][data-field="party.name"][data-source="erp"]`)
	screen.see(claimed("erp", `[data-pinned]`))
	screen.shoot("claims-pinned")
	screen.enter(claimed("erp", ` [data-testid="pin"]`))
	screen.see(`[data-testid="field"][data-field="party.name"][data-source="crm"]`)
	screen.enter(claimed("crm", ` [data-testid="hide"]`))
	screen.see(`[data-testid="field"][data-field="party.name"][data-source="erp"]`)
	screen.see(claimed("crm", `[data-hidden]`))
	screen.enter(claimed("erp", ` [data-testid="hide"]`))
	screen.see(`[data-testid="field-missing"][data-field="party.name"]`)
	screen.see(claimed("erp", `[data-hidden]`))
	screen.shoot("claims-hidden")
	got, err := cb.client.Record(ctx, record.ID, true)
	must(t, err)
	if _, shown := got.Fields["party.name"]; shown || len(got.Blank["party.name"].Hidden) != 2 || len(got.Nothing) != 1 {
		t.Errorf("the record has %+v, blank %+v, nothing %+v", got.Fields["party.name"], got.Blank, got.Nothing)
	}
	screen.do("load the page anew", chromedp.Reload())
	screen.press(`[data-testid="call-list"] [data-record="` + record.ID + `"]`)
	screen.enter(`[data-testid="show-hidden"]`)
	screen.enter(`[data-field="party.name"] [data-testid="others"]`)
	screen.enter(claimed("crm", ` [data-testid="hide"]`))
	screen.see(`[data-testid="field"][data-field="party.name"][data-source="crm"]`)
}
