package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/store/pgtest"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// TestSameAnswers gives the same random writes to SQLite and to PostgreSQL and asks both the same: they answer alike, to the byte.
func TestSameAnswers(t *testing.T) {
	t.Parallel()
	d := differential{t: t, r: rand.New(rand.NewPCG(4, 2)), a: openStore(t, file(t)), b: openStore(t, pgtest.Database(t))}
	d.now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for round := range 12 {
		d.write()
		d.ask()
		if round%4 == 3 {
			d.letGo()
			d.ask()
		}
	}
	if d.found < 2000 {
		t.Errorf("only %d entries were found in all: the test asks for nothing", d.found)
	}
}

type differential struct {
	t     *testing.T
	r     *rand.Rand
	a, b  *Store
	now   time.Time
	seq   uint64
	all   []*board.Record
	found int
}

// strange are texts that databases do not take alike.
var strange = []string{"a\x00b", "\xff\xfe", "'; DROP TABLE records; --", "?", "$1", `\u0000`, `\\u0000`, "Å\u030a ß ﷺ 李小龙", "\"quoted\"", "% _", "a\tb\nc", "İstanbul ıSPARTA", "🙂 e\u0301"}

func (d *differential) pick(options ...string) string { return options[d.r.IntN(len(options))] }

func (d *differential) both(what string, do func(s *Store) error) {
	d.t.Helper()
	if errA, errB := do(d.a), do(d.b); errA != nil || errB != nil {
		d.t.Fatalf("%s: SQLite %v, PostgreSQL %v", what, errA, errB)
	}
}

// write commits some records that are new and some that have changed, and much else.
func (d *differential) write() {
	d.t.Helper()
	ctx := d.t.Context()
	var batch []*board.Change
	for range 40 {
		d.now = d.now.Add(time.Duration(1+d.r.IntN(3)) * time.Minute)
		var r *board.Record
		if len(d.all) > 20 && d.r.IntN(3) == 0 {
			old := d.all[d.r.IntN(len(d.all))]
			r = generated(d.r, old.ID, old.OpenedAt.Add(time.Duration(d.r.IntN(2))*time.Second), 60)
			r.Rev = old.Rev + 1
			*old = *r
		} else {
			r = generated(d.r, fmt.Sprintf("rec_%06d", d.seq), d.now, 60)
			d.all = append(d.all, r)
		}
		if d.r.IntN(4) == 0 {
			r.Fields["party.bio"] = &board.Field{Claims: []board.Claim{{Source: "crm", Value: d.pick(strange...)}}}
			r.Items["notes"] = append(r.Items["notes"], board.Item{ID: "s", Source: "user", Text: d.pick(strange...)})
		}
		if r.Call == nil {
			r.Origin = board.FromLookup
		}
		if d.r.IntN(10) == 0 {
			r.State = board.Open
		}
		d.seq++
		kept := *r // the list of records goes on changing
		batch = append(batch, &board.Change{Seq: d.seq, Kind: d.pick(board.RecordOpened, board.RecordChanged, "app.quarantined"), At: d.now, Record: r.ID, Rev: r.Rev, After: &kept})
	}
	d.both("commit", func(s *Store) error { return s.Commit(ctx, "e", batch) })
	if d.r.IntN(2) == 0 {
		d.both("commit again", func(s *Store) error { return s.Commit(ctx, "e", batch) })
	}
	id := fmt.Sprint("app_", d.r.IntN(4))
	clean := strange[2:] // the first two are in JSON only, or looked for
	app := App{ID: id, Name: d.pick(clean...), TokenHash: [32]byte{byte(d.seq), byte(d.seq >> 8)}, CreatedAt: d.now, May: []string{"dial"}, Grant: board.Grant{AfterCall: d.r.IntN(2) == 0, Claim: []string{d.pick(clean...)}}}
	hook := Webhook{ID: id, Settings: []byte(`{"url":"x"}`), CreatedAt: d.now, Secret: "s", Health: []byte(`{}`), Cursor: board.Cursor{Epoch: "e", Seq: d.seq}}
	var deliveries []WebhookDelivery
	for i := range 3 {
		deliveries = append(deliveries, WebhookDelivery{ID: fmt.Sprint("del_", d.seq, "_", i), Hook: id, Epoch: "e", Seq: d.seq, Kind: board.RecordChanged, Record: d.all[0].ID, At: d.now, State: d.pick(waiting, "delivered"), Attempts: []byte("[]")})
	}
	command := Command{Source: "user", Key: fmt.Sprint("key ", d.r.IntN(20)), Request: [32]byte{7}, At: d.now}
	d.both("the rest", func(s *Store) error {
		begun, err := s.BeginCommand(ctx, command)
		if err == nil && begun == nil {
			err = s.EndCommand(ctx, command.Source, command.Key, 200, []byte(`{"record":"x"}`))
		}
		return errors.Join(err, s.AddApp(ctx, app), s.SaveWebhook(ctx, hook), s.SaveDeliveries(ctx, id, hook.Cursor, nil, deliveries, nil))
	})
}

// letGo forgets some of the oldest, as what is kept for a time does.
func (d *differential) letGo() {
	d.t.Helper()
	ctx := d.t.Context()
	old := alike(d, "closed", func(s *Store) ([]*board.Record, error) { return s.ClosedBefore(ctx, d.now, d.all[0], 6) })
	var ids []string
	for _, r := range old {
		ids = append(ids, r.ID)
		d.all = slices.DeleteFunc(d.all, func(one *board.Record) bool { return one.ID == r.ID })
	}
	d.both("let go", func(s *Store) error {
		return errors.Join(s.BeginLetGo(ctx, ids, d.seq), s.StrikeOwed(ctx), s.Drop(ctx, old), s.ForgetPicks(ctx, d.now.Add(-time.Hour)))
	})
	alike(d, "trimmed", func(s *Store) (uint64, error) { return s.TrimLog(ctx, d.now.Add(-3*time.Hour)) })
	d.both("clean", func(s *Store) error { return s.Clean(ctx) })
	alike(d, "unclean", func(s *Store) (bool, error) { return s.Unclean(ctx) })
	alike(d, "whether it says", func(s *Store) (bool, error) {
		return s.InFile(ctx, board.Match{Words: []string{"nobody is called this"}})
	})
}

// alike asks both, and returns what they say.
func alike[T any](d *differential, what string, ask func(s *Store) (T, error)) T {
	d.t.Helper()
	a, errA := ask(d.a)
	b, errB := ask(d.b)
	if errA != nil || errB != nil {
		d.t.Fatalf("%s: SQLite %v, PostgreSQL %v", what, errA, errB)
	}
	textA, errA := json.Marshal(a)
	textB, errB := json.Marshal(b)
	// PostgreSQL's functions know no character 0; the board lets none in (B-7).
	plain := strings.NewReplacer(`\u0000`, "\ufffd")
	if errA != nil || errB != nil || plain.Replace(string(textA)) != plain.Replace(string(textB)) {
		d.t.Fatalf("%s:\nSQLite     %s, %v\nPostgreSQL %s, %v", what, textA, errA, textB, errB)
	}
	return a
}

func (d *differential) ask() {
	d.t.Helper()
	ctx := d.t.Context()
	alike(d, "load", func(s *Store) (Loaded, error) {
		loaded, err := s.Load(ctx)
		slices.SortFunc(loaded.Records, func(a, b *board.Record) int { return strings.Compare(a.ID, b.ID) }) // their order says nothing
		return loaded, err
	})
	alike(d, "lookups", func(s *Store) ([]*board.Record, error) { return s.Lookups(ctx, d.now.Add(-time.Hour)) })
	alike(d, "apps", func(s *Store) ([]App, error) { return s.Apps(ctx) })
	alike(d, "webhooks", func(s *Store) ([]Webhook, error) { return s.Webhooks(ctx) })
	alike(d, "numbers", func(s *Store) ([]string, error) { return s.NumbersAfter(ctx, "+4510", 30) })
	alike(d, "records", func(s *Store) ([]*board.Record, error) { return s.RecordsAfter(ctx, "rec_000005", 30) })
	for range 15 {
		r := d.all[d.r.IntN(len(d.all))]
		alike(d, "a record", func(s *Store) (*board.Record, error) { return s.Record(ctx, r.ID) })
		alike(d, "earlier", func(s *Store) ([]board.Earlier, error) { return s.Earlier(ctx, r.Value("party.number"), r.ID) })
		after := d.r.Uint64N(d.seq)
		alike(d, "changes", func(s *Store) ([]*board.Change, error) { return s.Changes(ctx, after, 7) })
		hook, before := fmt.Sprint("app_", d.r.IntN(4)), d.r.Int64N(50)
		alike(d, "deliveries", func(s *Store) ([]WebhookDelivery, error) { return s.Deliveries(ctx, hook, before, 5) })
		alike(d, "waiting", func(s *Store) ([]WebhookDelivery, error) { return s.WaitingDeliveries(ctx, hook) })
	}
	for range 40 {
		q := d.query()
		for {
			page := alike(d, fmt.Sprintf("%+v", q), func(s *Store) (board.LogPage, error) { return s.Log(ctx, q) })
			d.found += len(page.Entries)
			if q.Before = page.Next; page.Next == 0 {
				break
			}
		}
	}
}

func (d *differential) query() board.LogQuery {
	c := callerOf(d.r.IntN(60))
	name := strings.Fields(c.name)
	q := board.LogQuery{
		View: board.LogView(d.pick("", "", "all", "missed", "received", "dialed", "lookups")), Line: d.pick("", "", "", "Alice", "Bob", "nobody"),
		Result: telephony.Result(d.pick("", "", "", "answered", "missed", "busy")), Within: everything[:1+d.r.IntN(len(everything))], Limit: 5 + d.r.IntN(60),
		Text: d.pick("", "", c.name, name[1][:1], c.company, c.raw, c.number, c.number[7:], c.email, "soren", "小龙", "vip", "tomorrow call", "4711", "a b", "istanbul", d.pick(strange...), d.pick(strange...)),
	}
	if d.r.IntN(2) == 0 {
		q.Text = d.pick("", name[1][:1], c.number[:4], "a")
	}
	if d.r.IntN(2) == 0 {
		return q
	}
	q.Person, q.Company, q.Tag = d.pick("", "", "", name[0], d.pick(strange...)), d.pick("", "", "", "bank", c.company), d.pick("", "", "", "debtor", "vi")
	if d.r.IntN(4) == 0 {
		q.Numbers = []string{c.number, d.pick(append([]string{callerOf(3).number}, strange...)...)}
	}
	if d.r.IntN(6) == 0 {
		q.Digits = c.number[4:8]
	}
	if d.r.IntN(4) == 0 {
		q.From = d.now.Add(-time.Duration(d.r.IntN(500)) * time.Minute)
	}
	return q
}
