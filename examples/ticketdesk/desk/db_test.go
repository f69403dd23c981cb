package desk

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/client"
)

func open(t *testing.T) *DB {
	t.Helper()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "tickets.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

func note(id, text string, changed int) client.Item {
	return client.Item{ID: id, Source: "user", Text: text, At: at(0), ChangedAt: at(changed)}
}

func stored(t *testing.T, db *DB) (out []string) {
	t.Helper()
	notes, err := db.Notes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notes {
		text := n.Text
		if n.Removed {
			text = "removed " + text
		}
		out = append(out, fmt.Sprintf("%s/%s/%s %s: %s", n.Caller.Record, n.Author, n.ID, n.Caller, strings.TrimSpace(text)))
	}
	return out
}

// Whatever comes twice, late or in the wrong order, the newest state stands.
func TestNotesAreStoredOnce(t *testing.T) {
	db, ctx := open(t), t.Context()
	mette := Caller{Record: "r1", Number: "+4512345678", Name: "Mette Holm"}
	put := func(n client.Item) func() (bool, error) {
		return func() (bool, error) { return db.PutNote(ctx, mette, n) }
	}
	remove := func(n client.Item, when int) func() (bool, error) {
		return func() (bool, error) { return db.RemoveNote(ctx, "r1", n, at(when)) }
	}
	for i, step := range []struct {
		do      func() (bool, error)
		changed bool
		want    string
	}{
		{put(note("n1", "first", 1)), true, "first"},
		{put(note("n1", "first", 1)), false, "first"},
		{put(note("n1", "second", 2)), true, "second"},
		{put(note("n1", "first", 1)), false, "second"},
		{remove(note("n1", "", 1), 1), false, "second"},
		{remove(note("n1", "", 2), 3), true, "removed"},
		{remove(note("n1", "", 2), 3), false, "removed"},
		{put(note("n1", "second", 2)), false, "removed"},
		{put(note("n1", "third", 4)), true, "third"},
		{put(note("n1", "", 5)), true, ""},
	} {
		changed, err := step.do()
		if err != nil || changed != step.changed {
			t.Errorf("step %d: changed %v, %v", i, changed, err)
		}
		if got := stored(t, db); !slices.Equal(got, []string{"r1/user/n1 Mette Holm: " + step.want}) {
			t.Errorf("step %d: stored %q, want %q", i, got, step.want)
		}
	}
	// A removal that overtakes its note.
	if _, err := db.RemoveNote(ctx, "r2", note("n2", "", 1), at(2)); err != nil {
		t.Fatal(err)
	}
	if changed, err := db.PutNote(ctx, Caller{Record: "r2"}, note("n2", "late", 1)); changed || err != nil {
		t.Errorf("a note rises from its grave: %v", err)
	}
	// The same id of another author is another note.
	other := note("n1", "of the crm", 1)
	other.Source = "crm"
	if _, err := db.PutNote(ctx, mette, other); err != nil {
		t.Fatal(err)
	}
	if gone, err := db.KeepNotes(ctx, "r1", []client.Item{other}); gone != 1 || err != nil {
		t.Errorf("%d notes gone, %v", gone, err)
	}
	if gone, err := db.KeepNotes(ctx, "r1", nil); gone != 1 || err != nil {
		t.Errorf("%d notes gone, %v", gone, err)
	}
	if err := db.Rename(ctx, Caller{Record: "r1", Company: "Holm'; DROP TABLE notes; --"}); err != nil {
		t.Fatal(err)
	}
	want := []string{"r1/crm/n1 Holm'; DROP TABLE notes; --: removed", "r1/user/n1 Holm'; DROP TABLE notes; --: removed", "r2/user/n2 unknown: removed"}
	if got := stored(t, db); !slices.Equal(got, want) {
		t.Errorf("stored %q", got)
	}
}

func ticket(record string, began int, result string) Ticket {
	return Ticket{Caller: Caller{Record: record, Number: "+4512345678"}, Direction: "inbound", Result: result, Started: at(began), Ended: at(began + 1),
		Open: result == "missed", Spoken: result == "answered"}
}

func TestTickets(t *testing.T) {
	db, ctx := open(t), t.Context()
	for i, step := range []struct {
		ticket  Ticket
		changed bool
		open    int
		last    string
	}{
		{ticket("r1", 10, "missed"), true, 1, "2026-11-20 missed"},
		{ticket("r1", 10, "missed"), false, 1, "2026-11-20 missed"},
		{ticket("r3", 30, "missed"), true, 2, "2026-11-20 missed"},
		{ticket("r4", 40, "answered"), true, 0, "2026-11-20 answered"},
		{ticket("r4", 40, "answered"), false, 0, "2026-11-20 answered"},
		{ticket("r2", 20, "missed"), true, 0, "2026-11-20 answered"}, // caught up late
		{ticket("r5", 24*60, "missed"), true, 1, "2026-11-21 missed"},
		{ticket("r5", 24*60, "voicemail"), true, 0, "2026-11-21 voicemail"}, // the PBX knew better in the end
	} {
		changed, err := db.PutTicket(ctx, step.ticket)
		if err != nil || changed != step.changed {
			t.Errorf("step %d: changed %v, %v", i, changed, err)
		}
		h, err := db.History(ctx, "+4512345678", "r9")
		if err != nil || h.Open != step.open || h.Last != step.last {
			t.Errorf("step %d: %+v, %v", i, h, err)
		}
	}
	if _, err := db.PutNote(ctx, Caller{Record: "r5"}, note("n1", "\n  wants an offer\nfor six hulls", 1)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ number, except, want string }{
		{"+4512345678", "", "2026-11-21 voicemail: wants an offer"},
		{"+4512345678", "r5", "2026-11-20 answered"},
		{"+4599999999", "", ""},
		{"", "", ""},
	} {
		if h, err := db.History(ctx, test.number, test.except); err != nil || h.Last != test.want {
			t.Errorf("history of %q without %q is %+v, %v", test.number, test.except, h, err)
		}
	}
	tickets, err := db.Tickets(ctx)
	if err != nil || len(tickets) != 5 || tickets[0] != (Ticket{Caller: Caller{Record: "r1", Number: "+4512345678"}, Direction: "inbound", Result: "missed", Started: at(10), Ended: at(11)}) {
		t.Errorf("tickets %+v, %v", tickets, err)
	}
}

func TestTimesAndLines(t *testing.T) {
	if stamp(time.Time{}) != "" || !parse("").IsZero() || !parse(stamp(noon)).Equal(noon) {
		t.Error("times do not survive")
	}
	if a, b := stamp(noon), stamp(noon.Add(time.Nanosecond)); a >= b || len(a) != len(b) {
		t.Errorf("%s and %s do not compare as text", a, b)
	}
	if got := firstLine(strings.Repeat("ø", 81)); got != strings.Repeat("ø", 79)+"…" {
		t.Errorf("a long line is cut to %q", got)
	}
}
