package e2e

import (
	"strings"
	"testing"

	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/lab"
)

// TestMissedCallReopened is the first claim of the product, as a person goes through it: a call is missed while no app is there; it is
// picked from the missed calls in the log, read from the store and put on the board; an app in Go and then one in Node.js supplement
// it, the second from what the first has found; it is shown, and after kill -9 all of it is there (B-23).
func TestMissedCallReopened(t *testing.T) {
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
	missed := cb.record(t, "missed", callEnded)
	_, err := cb.client.CloseRecord(ctx, missed.ID)
	must(t, err)
	cb.kill()

	cb = cb.again(t) // the record is in the store only
	for _, app := range []string{"addressbook", "crm"} {
		cb.example(t, app)
	}
	screen := browse(t, cb.page)
	screen.press(`[data-testid="tab-log"]`)
	screen.press(`[data-testid="log-missed"]`)
	screen.press(logEntry(missed.ID, `[data-missed]`))
	screen.see(`[data-testid="record"][data-fixed][data-record="` + missed.ID + `"]`)
	screen.press(`[data-testid="reopen"]`)
	screen.see(`[data-testid="record"]:not([data-fixed])[data-record="` + missed.ID + `"]`)
	supplemented := func(screen *page) {
		t.Helper()
		for selector, want := range map[string]string{
			field("party.number", "pbx", "0"):                   "+12025550143",
			field("party.company", "addressbook", "1"):          "Caller Logistics Inc",
			field("party.name", "addressbook", "1"):             "Robert Caller",
			field("x.crm.account_manager", "crm", "2"):          "",
			`[data-testid="timeline-entry"][data-what="ended"]`: "",
		} {
			screen.see(selector)
			if got := screen.text(selector); !strings.Contains(got, want) {
				t.Errorf("%s reads %q, want %q in it", selector, got, want)
			}
		}
	}
	supplemented(screen)
	screen.see(`[data-testid="settled"][data-rounds="2"]`)
	screen.see(`[data-testid="new-count"]`) // what has come since the call is marked
	screen.shoot("reopened")
	_, err = cb.client.CloseRecord(ctx, missed.ID)
	must(t, err)
	cb.kill()

	cb = cb.again(t)
	screen = browse(t, cb.page)
	screen.press(`[data-testid="tab-log"]`)
	screen.press(logEntry(missed.ID, `[data-missed]`))
	supplemented(screen)
	kept, err := cb.client.Record(ctx, missed.ID, true)
	must(t, err)
	if kept.Call.ID != missed.Call.ID || !kept.Call.StartedAt.Equal(missed.Call.StartedAt) || kept.State != client.Closed {
		t.Errorf("kept is %+v, was %+v", kept.Record, missed.Record)
	}
}
