package e2e

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	_ "modernc.org/sqlite"

	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

// TestRingToScreen is the whole way through: a SIP phone rings, the record opens, two unrelated apps improve it in rounds,
// a person sees it in a browser and types a note, the call ends up in the store and the note in the ticket desk's own
// database. It looks at the clock, so it has the machine to itself.
func TestRingToScreen(t *testing.T) {
	ctx := bounded(t)
	l := lab.StartT(t)
	outside, desk := l.OutsideT(t), l.PhoneT(t, "1001")
	cb := run(t, t.TempDir(), restricted(l))
	cb.waitConnected(t)
	for _, app := range []string{"addressbook", "crm", "tickets"} {
		cb.example(t, app)
	}
	screen := browse(t, cb.page)
	screen.see(`[data-testid="link-state"][data-state="connected"]`)

	caller, call := ring(ctx, t, outside, desk, "5550101")
	rang := time.Now()
	must(t, call.Ring(ctx))
	screen.see(`[data-testid="call-item"][data-state="ringing"]`)
	// 0.3 s on a quiet machine, where 1 s is the goal. A busy machine takes longer; past 5 s something waits that should not.
	took := time.Since(rang)
	t.Logf("on the page %v after the first ring", took.Round(time.Millisecond))
	if took > 5*time.Second {
		t.Errorf("the call was on the page %v after the first ring: something waits", took)
	}

	// Company and person in round 1, the CRM's facts in round 2, each with its source.
	screen.see(callState("ringing"))
	screen.see(field("party.number", "pbx", "0"))
	screen.see(field("party.company", "addressbook", "1"))
	screen.see(field("party.name", "addressbook", "1"))
	screen.see(field("x.crm.account_manager", "crm", "2"))
	screen.see(`[data-testid="settled"][data-rounds="2"]`)
	for selector, want := range map[string]string{
		field("party.number", "pbx", "0"):                 "+12025550143",
		field("party.company", "addressbook", "1"):        "Caller Logistics Inc",
		field("party.name", "addressbook", "1"):           "Robert Caller",
		`[data-testid="settled"]`:                         "2 rounds",
		`[data-testid="call-item"][data-state="ringing"]`: "Robert Caller",
	} {
		if got := screen.text(selector); !strings.Contains(got, want) {
			t.Errorf("%s reads %q, want %q in it", selector, got, want)
		}
	}
	// What the PBX said of the name is kept: another value, not lost.
	screen.do("disclose the other names", chromedp.Click(chromedp.CSS(field("party.name", "addressbook", "1")+` [data-testid="others"]`)))
	screen.see(`[data-testid="claim"][data-source="pbx"]`)
	if got := screen.text(`[data-testid="claim"][data-source="pbx"]`); !strings.Contains(got, "Bob Caller") {
		t.Errorf("the PBX's claim reads %q, want Bob Caller in it", got)
	}
	screen.shoot("ringing")

	must(t, call.Answer(ctx))
	must(t, caller.WaitAnswered(ctx))
	screen.see(callState("connected"))
	note := "Wants the order by Friday – “express”, 3 pallets"
	screen.do("type a note", chromedp.SendKeys(chromedp.CSS(`[data-testid="note-box"]`), note))
	screen.see(`[data-testid="note-status"][data-state="saved"]`)
	must(t, call.Hold(ctx))
	screen.see(callState("held"))
	must(t, call.Resume(ctx))
	screen.see(callState("connected"))
	screen.shoot("connected")
	must(t, caller.Hangup(ctx))
	screen.see(callState("ended"))
	for _, what := range []string{"ringing", "connected", "held", "resumed", "ended"} {
		screen.see(`[data-testid="timeline-entry"][data-what="` + what + `"]`)
	}
	typed := get(screen, "read the note box", chromedp.Value(chromedp.CSS(`[data-testid="note-box"]`)))
	if typed != note {
		t.Errorf("the note box reads %q after the call, want what was typed", typed)
	}
	screen.shoot("ended")
	wantNote(t, filepath.Join(cb.folder, "tickets", "tickets.db"), note, "Caller Logistics Inc")
}

// wantNote waits for a note in the ticket desk's own database.
func wantNote(t *testing.T, path, text, company string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	must(t, err)
	defer db.Close()
	var got string
	eventually(t, "the note is in the ticket desk's own database", func() bool {
		err := db.QueryRowContext(t.Context(), `SELECT company FROM notes WHERE text = ? AND removed_at IS NULL`, text).Scan(&got)
		return err == nil
	})
	if got != company {
		t.Errorf("the ticket desk keeps the note under company %q, want %q", got, company)
	}
	var tickets int
	eventually(t, "the call is a ticket", func() bool {
		err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM tickets WHERE result = 'answered'`).Scan(&tickets)
		return err == nil && tickets == 1
	})
}

// TestHostileCallerName lets a caller choose a name that tries to be markup, a message and a second line. It arrives as
// text, on one line, everywhere.
func TestHostileCallerName(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	l := lab.StartT(t)
	outside, desk := l.OutsideT(t), l.PhoneT(t, "1001")
	cb := run(t, t.TempDir(), restricted(l))
	cb.waitConnected(t)
	screen := browse(t, cb.page)
	name := `"Åse" O'Hara 🎷 <script>alert(1)</script>\r\nAction: x`
	caller, call := reach(ctx, t, outside, desk, "5550101", phone.CallOptions{From: "2025550177%0d%0aEvent:%20Hangup", Name: name})
	must(t, call.Ring(ctx))
	record := cb.record(t, "the call rings", ringing)
	screen.see(callState("ringing"))
	shown := record.Value("party.name")
	for _, want := range []string{"Åse", "🎷", "<script>"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the name is shown as %q, want %q in it", shown, want)
		}
	}
	if strings.ContainsAny(shown, "\r\n") || strings.ContainsAny(record.Value("party.number_raw"), "\r\n") {
		t.Errorf("a line break came through: %q, %q", shown, record.Value("party.number_raw"))
	}
	if title := screen.text(`[data-testid="record-title"]`); !strings.Contains(title, shown) {
		t.Errorf("the page reads %q, want %q as text", title, shown)
	}
	scripts := get(screen, "count scripts", chromedp.Evaluate[int](`document.querySelectorAll('script:not([src])').length`))
	if scripts != 0 {
		t.Errorf("%d scripts of the caller's are on the page", scripts)
	}
	screen.shoot("hostile")
	must(t, caller.Cancel(ctx))
	ended := cb.record(t, "the call ends rightly in spite of it", callEnded)
	if got := fmt.Sprint(ended.Call.Result); got != "cancelled" {
		t.Errorf("result %q, want cancelled", got)
	}
}
