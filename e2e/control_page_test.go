package e2e

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

func button(name string) string {
	return `[data-testid="do-` + name + `"][aria-disabled="false"]`
}

func (p *page) press(selector string) {
	p.t.Helper()
	p.see(selector)
	p.do("press "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// fits looks at the page as wide as a desk's and as narrow as a telephone's: nothing sticks out.
func (p *page) fits(name string) {
	p.t.Helper()
	for _, width := range []int64{1280, 360} {
		p.do("resize", chromedp.EmulateViewport(width, 900))
		p.see(button("hangup"))
		if wide := get(p, "look for what sticks out", chromedp.Evaluate[int](`document.documentElement.scrollWidth`)); int64(wide) > width {
			p.t.Errorf("at %d pixels the page is %d wide", width, wide)
		}
		p.shoot(fmt.Sprint("controls-", name, "-", width))
	}
	p.do("resize", chromedp.EmulateViewport(1280, 900))
}

// TestCallFromThePage dials, sends digits by the keyboard, records, transfers and hangs up in a browser, with the account of
// an ordinary user: what it cannot do has no button and is explained.
func TestCallFromThePage(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	l := lab.StartT(t)
	outside, desk, two := l.OutsideT(t), l.PhoneT(t, "1001"), l.PhoneT(t, "1002")
	pbx := restricted(l)
	pbx.more = "  record_code: \"*3\"\n"
	cb := run(t, t.TempDir(), pbx)
	cb.waitConnected(t)
	screen := browse(t, cb.page)
	screen.see(`[data-testid="dial"]`)
	screen.do("type a number that is denied", chromedp.SendKeys(chromedp.CSS(`[data-testid="lookup-number"]`), "+45 33 12 34 56"))
	screen.press(`[data-testid="dial"]`)
	screen.see(`[data-testid="number-problem"]`)
	screen.shoot("dial-denied")
	get(screen, "mark what is in the box", chromedp.Evaluate[any](`document.querySelector('[data-testid="lookup-number"]').select()`))
	screen.do("type a number", chromedp.SendKeys(chromedp.CSS(`[data-testid="lookup-number"]`), "95550199"))
	screen.press(`[data-testid="dial"]`)
	own, err := desk.Incoming(ctx)
	must(t, err)
	must(t, own.Ring(ctx))
	screen.see(button("hangup"))
	screen.shoot("dialing")
	must(t, own.Answer(ctx))
	far, err := outside.Incoming(ctx)
	must(t, err)
	must(t, far.Ring(ctx))
	must(t, far.Answer(ctx))
	screen.see(callState("connected"))

	screen.press(button("keypad"))
	screen.see(`[data-testid="pad"]`)
	screen.do("type on the keypad", chromedp.SendKeys(chromedp.CSS(`[data-testid="pad"]`), "42#"))
	for _, digit := range []string{"4", "2", "#"} {
		eventually(t, "the other side hears "+digit, func() bool {
			return slices.ContainsFunc(outside.Log(), func(e phone.Entry) bool { return e.What == "heard" && e.Text == digit })
		})
	}
	screen.press(button("record")) // the dialplan does not allow its code for calls out
	screen.see(`[data-testid="command-problem"]`)
	for _, missing := range []string{"hold", "mute"} {
		screen.do("find why "+missing+" is missing", chromedp.WaitReady(chromedp.CSS(`[data-testid="missing-ability"][data-ability~="`+missing+`"]`)))
		if n := get(screen, "count the buttons", chromedp.Evaluate[int](`document.querySelectorAll('[data-testid="do-`+missing+`"]').length`)); n != 0 {
			t.Errorf("there is a button for %s, which this account cannot do", missing)
		}
	}
	screen.do("open what is missing", chromedp.Click(chromedp.CSS(`[data-testid="missing"] summary`)))
	screen.shoot("connected-controls")
	screen.press(button("transfer"))
	screen.do("type where to", chromedp.SendKeys(chromedp.CSS(`[data-testid="transfer-to"]`), "1002"))
	screen.shoot("transfer-box")
	screen.press(`[data-testid="transfer-now"]`)
	there, err := two.Incoming(ctx)
	must(t, err)
	must(t, there.Ring(ctx))
	must(t, there.Answer(ctx))
	ended(ctx, t, own)
	screen.see(callState("ended"))
	screen.see(button("dial"))
	screen.shoot("transferred")
	must(t, far.Hangup(ctx))
	ended(ctx, t, there)
}

// TestPhoneFromThePage answers, holds, mutes and rejects in a browser, with an account that may all; the page warns of it.
func TestPhoneFromThePage(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	l := lab.StartT(t)
	outside, desk := l.OutsideT(t), l.PhoneT(t, "1001")
	cb := run(t, t.TempDir(), pbxConfig{address: l.AMIAddr(), user: "admin", secret: "lab-admin"})
	cb.waitConnected(t)
	screen := browse(t, cb.page)
	screen.see(`[data-testid="link-warnings"]`)
	caller, call := ring(ctx, t, outside, desk, "5550101")
	ringAll(ctx, t, caller, call)
	screen.see(button("answer"))
	screen.shoot("ringing-controls")
	screen.press(button("answer"))
	must(t, caller.WaitAnswered(ctx))
	screen.press(button("hold"))
	screen.see(callState("held"))
	screen.press(button("resume"))
	screen.see(callState("connected"))
	screen.press(button("mute"))
	screen.see(button("unmute"))
	screen.press(button("record"))
	screen.see(button("pause_recording"))
	screen.fits("light")
	code, err := cb.client.CreateCode(ctx)
	must(t, err)
	dark := browse(t, code.URL, chromedp.Flag("blink-settings", "preferredColorScheme=0"))
	dark.see(button("stop_recording"))
	if isDark := get(dark, "ask for the colours", chromedp.Evaluate[bool](`matchMedia('(prefers-color-scheme: dark)').matches`)); !isDark {
		t.Error("the second browser is not dark")
	}
	dark.fits("dark")
	screen.press(button("hangup"))
	ended(ctx, t, caller, call)
	caller, call = ring(ctx, t, outside, desk, "5550101")
	ringAll(ctx, t, caller, call)
	screen.press(`[data-testid="record"][data-state="ringing"] ` + button("hangup"))
	ended(ctx, t, caller, call)
	screen.see(callState("ended"))
}
