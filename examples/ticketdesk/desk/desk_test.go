package desk

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client/clienttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a desk on file; stop ends it and fails the test if it did not end well.
func start(t *testing.T, s *clienttest.Server, file string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, Options{URL: s.URL, Token: s.Token, DB: file}) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returns %v", err)
		}
	}
}

// openFile opens the desk's file beside the desk.
func openFile(t *testing.T, file string) *DB {
	t.Helper()
	db, err := Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// work hands out a record. A work is sent behind all notifications, so what was told before is stored when it is answered.
func work(t *testing.T, s *clienttest.Server, record string) api.Answer {
	t.Helper()
	return s.Hand(t, record, api.Work{Changed: []string{"party.number"}})
}

func TestDesk(t *testing.T) {
	s := clienttest.New(t)
	s.Source = "tickets"
	file := filepath.Join(t.TempDir(), "tickets.db")
	db := openFile(t, file)
	stop := start(t, s, file)
	if q := s.WaitStream(t, 1); q.Get("needs") != "party.number" || q.Get("gives") != "x.tickets.last,x.tickets.open" {
		t.Errorf("registered as %v", q)
	}
	s.Open(clienttest.Call("r1", "+4512345678"))
	if a := work(t, s, "r1"); !a.NothingFound {
		t.Errorf("an unknown number is answered with %+v", a)
	}
	s.Note("r1", "note-0001", "user", "calls back")
	s.Claim("r1", "addressbook", map[string]string{"party.name": "Mette Holm", "party.company": "Holm Marine ApS"})
	s.Note("r1", "note-0001", "user", "calls back on Monday")
	s.Note("r1", "note-0002", "crm", "two open deals")
	s.Note("r1", "note-0003", "user", "a slip")
	s.Note("r1", "note-0003", "user", "")
	s.Item("r1", "links", api.Item{ID: "l1", Source: "crm", URL: "https://crm.example"})
	s.EndCall("r1", api.ResultUnknown)
	known := s.Record("r1").Call
	known.Result = api.ResultMissed
	s.Send(api.NotificationTypeCallUpdated, "r1", map[string]any{"call": known})
	work(t, s, "r1")
	want := []string{"r1/user/note-0001 Mette Holm: calls back on Monday", "r1/crm/note-0002 Mette Holm: two open deals", "r1/user/note-0003 Mette Holm: removed"}
	if got := stored(t, db); !slices.Equal(got, want) {
		t.Errorf("stored %q, want %q", got, want)
	}
	tickets, err := db.Tickets(t.Context())
	if err != nil || len(tickets) != 1 || tickets[0].Caller != (Caller{"r1", "+4512345678", "Mette Holm", "Holm Marine ApS"}) || tickets[0].Result != "missed" || !tickets[0].Open || tickets[0].Ended.IsZero() {
		t.Errorf("tickets %+v, %v", tickets, err)
	}
	// The number calls again.
	s.Open(clienttest.Call("r2", "+4512345678"))
	a := work(t, s, "r2")
	last := tickets[0].Started.Format("2006-01-02") + " missed: two open deals"
	if len(a.Claims) != 2 || a.Claims[0].Field != "x.tickets.last" || a.Claims[0].Value != last || a.Claims[1].Field != "x.tickets.open" || a.Claims[1].Value != "1" {
		t.Errorf("answer %+v", a)
	}
	stop()

	// While the desk is away people go on.
	s.Note("r1", "note-0001", "user", "")
	s.Note("r1", "note-0002", "crm", "three open deals")
	s.Note("r2", "note-0004", "user", "talked about the refit")
	s.EndCall("r2", api.ResultAnswered)
	s.Close("r2")
	stop = start(t, s, file)
	s.WaitStream(t, 2)
	s.Open(clienttest.Call("r3", "+4512345678"))
	a = work(t, s, "r3")
	if len(a.Claims) != 2 || !strings.HasSuffix(a.Claims[0].Value, " answered: talked about the refit") || a.Claims[1].Value != "0" {
		t.Errorf("answer %+v", a)
	}
	want = []string{"r1/user/note-0001 Mette Holm: removed", "r1/crm/note-0002 Mette Holm: three open deals", "r1/user/note-0003 Mette Holm: removed",
		"r2/user/note-0004 +4512345678: talked about the refit"}
	if got := stored(t, db); !slices.Equal(got, want) {
		t.Errorf("stored %q, want %q", got, want)
	}
	// The board forgets its log; the list brings what was missed.
	s.Note("r1", "note-0005", "user", "paid")
	s.Forget(true)
	s.WaitStream(t, 3)
	s.Note("r1", "note-0006", "user", "thanked")
	work(t, s, "r3")
	if got := stored(t, db); len(got) != 6 || !strings.HasSuffix(got[4], "paid") || !strings.HasSuffix(got[5], "thanked") {
		t.Errorf("stored %q", got)
	}
	stop()
}

func TestDeskStopsWhenItCannotWrite(t *testing.T) {
	s := clienttest.New(t)
	s.Open(clienttest.Call("r1", "+4512345678"))
	file := filepath.Join(t.TempDir(), "tickets.db")
	db := openFile(t, file)
	done := make(chan error, 1)
	go func() { done <- Run(t.Context(), Options{URL: s.URL, Token: s.Token, DB: file}) }()
	s.WaitStream(t, 1)
	if _, err := db.sql.ExecContext(t.Context(), "DROP TABLE notes"); err != nil {
		t.Fatal(err)
	}
	s.Note("r1", "note-0001", "user", "lost?")
	if err := clienttest.Receive(t, done); err == nil || !strings.Contains(err.Error(), "so that no note is lost") || !strings.Contains(err.Error(), "no such table") {
		t.Errorf("Run returns %v", err)
	}
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	for file, want := range map[string]string{dir: "give another with -db", filepath.Join(dir, "t.db"): "is it running?"} {
		if err := Run(t.Context(), Options{URL: "http://127.0.0.1:1", Token: "x", DB: file}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", file, err, want)
		}
	}
}
