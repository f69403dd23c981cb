package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/lab"
)

// TestReadBack: a call to a real phone at a real Asterisk, missed while Callboard was off, is in the log after its start; it is put back on the
// board, two apps supplement it in rounds, and after another restart all is there. A call that was seen is there once (B-23).
func TestReadBack(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t, lab.Options{Append: map[string]string{"modules.conf": "load = cdr_csv.so", "cdr.conf": "[csv]\nusegmtime=yes\nloguniqueid=yes\nloguserfield=yes\nnewcdrcolumns=yes\naccountlogs=no"}})
	file := filepath.Join(l.Dir(), "log/cdr-csv/Master.csv")
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	must(t, os.WriteFile(file, nil, 0o644))
	out, desk := l.OutsideT(t), l.PhoneT(t, "1001")
	missed := func() {
		ctx := bounded(t)
		before, err := os.Stat(file)
		must(t, err)
		caller, call := ring(ctx, t, out, desk, "5550101")
		ringAll(ctx, t, caller, call)
		must(t, caller.Hangup(ctx))
		ended(ctx, t, call)
		for limit := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) { // the PBX writes it a moment later
			if now, err := os.Stat(file); err == nil && now.Size() > before.Size() {
				return
			}
			if time.Now().After(limit) {
				t.Fatal("the PBX does not write its records")
			}
		}
	}
	folder, pbx := t.TempDir(), restricted(l)
	pbx.more = fmt.Sprintf("  cdr: {source: %q, zone: UTC}\n", file)
	run := func() *callboard {
		cb := runWith(t, folder, pbx, `[{number: "1001", device: PJSIP/1001}]`)
		cb.waitConnected(t)
		return cb
	}
	entries := func(cb *callboard, n int) []api.LogEntry {
		t.Helper()
		for limit := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			page, err := cb.client.Log(t.Context(), client.LogQuery{})
			must(t, err)
			if len(page.Entries) == n {
				return page.Entries
			}
			if time.Now().After(limit) {
				t.Fatalf("the log has %d entries, not %d: %+v", len(page.Entries), n, page.Entries)
			}
		}
	}

	cb := run()
	missed()
	seen := cb.record(t, "the call that is seen", callEnded)
	cb.stop()
	missed()
	cb = run()
	log := entries(cb, 2)
	if log[1].Record != seen.ID || log[1].Unseen || !log[1].Complete || !log[0].Unseen || log[0].Complete || string(log[0].View) != "missed" || log[0].NumberRaw != bobsNumber || log[0].Name != bob {
		t.Errorf("the log: %+v", log)
	}
	unseen, err := cb.client.Record(t.Context(), log[0].Record, true)
	must(t, err)
	if !unseen.Call.Unseen || unseen.Complete || unseen.State != client.Closed {
		t.Errorf("the call that nobody saw: %+v", unseen.Record)
	}
	screen := browse(t, cb.page)
	screen.press(`[data-testid="tab-log"]`)
	screen.see(logEntry(unseen.ID, ` [data-testid="unseen"]`))
	screen.see(logEntry(seen.ID, `:not(:has([data-testid="unseen"]))`))
	if mark := screen.text(logEntry(unseen.ID, ` [data-testid="unseen"]`)); !strings.HasPrefix(mark, "Not seen live") || !strings.Contains(mark, "Nobody saw this call") {
		t.Errorf("the mark reads %q", mark)
	}
	screen.inWidths("log-unseen", logEntry(unseen.ID, ` [data-testid="unseen"]`))
	for id, app := range map[string]struct{ needs, gives string }{"book": {"party.number", "party.company"}, "crm": {"party.company", "x.crm.owner"}} {
		made, err := cb.client.RenewApp(t.Context(), id, "")
		must(t, err)
		c, err := client.Connect(t.Context(), client.Options{URL: cb.url, Token: made.Token})
		must(t, err)
		t.Cleanup(c.Close)
		c.Enrich(client.Enrichment{Needs: []string{app.needs}, Gives: []string{app.gives}}, func(_ context.Context, r *client.Record, _ client.Work) (client.Answer, error) {
			return client.Answer{Claims: client.Claims{app.gives: "of " + r.Value(app.needs)}}, nil
		})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); c.Run(ctx) }()
		t.Cleanup(func() { cancel(); <-done })
	}
	_, err = cb.client.Reopen(t.Context(), unseen.ID)
	must(t, err)
	full := cb.record(t, "both apps have answered", func(r *client.Record) bool { return r.ID == unseen.ID && r.Value("x.crm.owner") != "" })
	cb.stop()
	cb = run()
	kept, err := cb.client.Record(t.Context(), unseen.ID, true)
	must(t, err)
	if kept.Value("x.crm.owner") != full.Value("x.crm.owner") || kept.Fields["x.crm.owner"].Round != 2 || !kept.Call.Unseen {
		t.Errorf("after a restart: %+v", kept.Record)
	}
	if log := entries(cb, 2); log[0].Record != unseen.ID {
		t.Errorf("the log: %+v", log)
	}
}
