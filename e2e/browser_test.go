package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// page is one tab of a real Chromium.
type page struct {
	t   *testing.T
	ctx context.Context
}

// browse opens an address in a Chromium of its own.
func browse(t *testing.T, address string, more ...chromedp.ExecAllocatorOption) *page {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("Chromium is missing: run `make setup`")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(options, more...)...)
	t.Cleanup(cancel)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(cancelTab)
	p := &page{t: t, ctx: ctx}
	must(t, chromedp.Do(ctx)) // starts the browser, outside of any time limit of its own
	p.do("open "+address, chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS(`[data-testid="call-list"]`)))
	t.Cleanup(func() {
		if t.Failed() {
			p.shoot("failed-" + filepath.Base(t.Name()))
		}
	})
	return p
}

func (p *page) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v\nthe page reads:\n%s", what, err, p.reads())
	}
}

// see waits until something is on the page.
func (p *page) see(selector string) {
	p.t.Helper()
	p.do("see "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
}

// text is what something on the page reads.
func (p *page) text(selector string) string {
	p.t.Helper()
	return get(p, "read "+selector, chromedp.Text(chromedp.CSS(selector)))
}

// get is do for an action with a value.
func get[T any](p *page, what string, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		p.t.Fatalf("%s: %v\nthe page reads:\n%s", what, err, p.reads())
	}
	return value
}

// reads is all the text of the page.
func (p *page) reads() string {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
	if err != nil {
		return err.Error()
	}
	return text
}

// shoot keeps a picture where CALLBOARD_PICTURES says; without it, none.
func (p *page) shoot(name string) {
	folder := os.Getenv("CALLBOARD_PICTURES")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Log(err)
		return
	}
	must(p.t, os.WriteFile(filepath.Join(folder, name+".png"), png, 0o600))
}

// field selects a field of the record by name, source and round.
func field(name, source, round string) string {
	return `[data-testid="field"][data-field="` + name + `"][data-source="` + source + `"][data-round="` + round + `"]`
}

func callState(state string) string {
	return `[data-testid="call-state"][data-state="` + state + `"]`
}
