package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

var (
	firstNames = []string{"Søren", "Åse", "Jens", "Anna", "José", "Zoë", "Müller", "Þóra", "Łukasz", "李小龙", "Иван", "O'Brien", "Anne-Marie", "Strauß", "Ægir"}
	syllables  = []string{"han", "sen", "ber", "lund", "gard", "ole", "mik", "tra", "vik", "dal", "kro", "nor", "ves", "quist", "holm"}
	trades     = []string{"Bygg AS", "& Sønner", "GmbH", "Bank", "Énergie", "Holding", "Tømrer", "株式会社"}
	sentences  = []string{"call back tomorrow", "wants the invoice 4711 again", "très pressé", "asked for +45 87 65 43 21", "no answer", "\"quoted\" AND (NOT) NEAR*", "delivery on Friday"}
)

// caller is a random person; the same i, the same person.
type caller struct{ name, company, number, raw, email string }

func callerOf(i int) caller {
	r := rand.New(rand.NewPCG(uint64(i), 7))
	last := syllables[r.IntN(len(syllables))] + syllables[r.IntN(len(syllables))] + syllables[r.IntN(len(syllables))]
	digits := fmt.Sprintf("%08d", 10_000_000+(i*7919)%89_999_999)
	return caller{
		name: firstNames[r.IntN(len(firstNames))] + " " + strings.ToUpper(last[:1]) + last[1:], company: last + " " + trades[r.IntN(len(trades))], number: "+45" + digits,
		raw: digits[:2] + " " + digits[2:4] + " " + digits[4:6] + " " + digits[6:], email: last + fmt.Sprint(i%100) + "@" + syllables[r.IntN(len(syllables))] + ".dk",
	}
}

// generated is a record of a call, or now and then of a lookup, that began at a time.
func generated(r *rand.Rand, id string, at time.Time, callers int) *board.Record {
	rec := &board.Record{ID: id, Rev: 1, Line: []string{"Alice", "Bob", "Reception"}[r.IntN(3)], State: board.Closed, OpenedAt: at, Fields: map[string]*board.Field{}, Items: map[string][]board.Item{}}
	say := func(field, value string) {
		if value != "" {
			rec.Fields[field] = &board.Field{Claims: []board.Claim{{Source: "crm", Value: value, Quality: board.Matched}}}
		}
	}
	c := callerOf(r.IntN(callers))
	say("party.number", c.number)
	say("party.number_raw", c.raw)
	if r.IntN(10) > 1 {
		say("party.name", c.name)
		say("party.company", c.company)
		say("party.email", c.email)
	}
	if r.IntN(20) == 0 {
		say("party.tags", []string{"vip", "vip, debtor", "lead"}[r.IntN(3)])
	}
	if r.IntN(5) == 0 {
		rec.Items["notes"] = []board.Item{{ID: "n", Source: "user", Text: sentences[r.IntN(len(sentences))]}}
	}
	if r.IntN(50) == 0 {
		return rec // a lookup
	}
	call := &telephony.Call{ID: telephony.CallID(id), State: telephony.Ended, StartedAt: at, EndedAt: at.Add(time.Minute), Complete: at.Minute()%3 > 0, Unseen: at.Minute()%6 == 0}
	call.User.Extension = "1001"
	switch r.IntN(10) {
	case 0, 1:
		call.Direction, call.Result = telephony.Inbound, telephony.Missed
	case 2, 3, 4:
		call.Direction, call.Result, call.AnsweredAt = telephony.Inbound, telephony.Answered, at.Add(5*time.Second)
	case 5:
		call.Direction, call.Result = telephony.Inbound, []telephony.Result{telephony.Voicemail, telephony.Rejected, telephony.AnsweredElsewhere, telephony.UnknownResult}[r.IntN(4)]
	case 6:
		call.Direction = telephony.Internal
		call.Result, call.Views = telephony.Answered, []telephony.View{{Extension: "1001", Caller: r.IntN(2) == 0}}
	default:
		call.Direction, call.Result = telephony.Outbound, []telephony.Result{telephony.Answered, telephony.Busy, telephony.Cancelled}[r.IntN(3)]
	}
	rec.Call = call
	return rec
}

// keep writes what the log says of records.
func (s *Store) keep(t testing.TB, records []*board.Record) {
	t.Helper()
	err := s.within(t.Context(), func(tx transaction) error { return s.commit.calls.save(t.Context(), tx, records) })
	if err != nil {
		t.Fatal(err)
	}
}

func idsOf(entries []board.LogEntry) []string {
	var out []string
	for i := range entries {
		out = append(out, entries[i].Record)
	}
	return out
}

var everything = []board.LogWords{board.LogName, board.LogCompany, board.LogNumber, board.LogEmail, board.LogTags, board.LogNotes}

// scanned is a record as a scan of the log looks at it.
type scanned struct {
	board.LogEntry
	texts map[board.LogWords][]string
}

func scannedOf(all []*board.Record) []scanned {
	var out []scanned
	for _, r := range all {
		e := board.LogEntryOf(r)
		texts := map[board.LogWords][]string{board.LogNumber: strings.Fields(keptDigits(e.Number, e.NumberRaw))}
		for kind, text := range map[board.LogWords]string{board.LogName: e.Name, board.LogCompany: e.Company, board.LogEmail: e.Email, board.LogTags: e.Tags, board.LogNotes: r.NoteTexts()} {
			texts[kind] = strings.Fields(keptWords(text))
		}
		out = append(out, scanned{e, texts})
	}
	return out
}

// naive is the log without any index: every record is looked at.
func naive(all []scanned, q board.LogQuery) []string {
	var hits []scanned
	for _, e := range all {
		ok := (q.View == "" || q.View == board.LogAll || q.View == e.View) && (q.Line == "" || q.Line == e.Line) && (q.Result == "" || q.Result == e.Result) &&
			(q.From.IsZero() || !e.StartedAt.Before(q.From)) && (q.To.IsZero() || e.StartedAt.Before(q.To)) && (len(q.Numbers) == 0 || slices.Contains(q.Numbers, e.Number)) &&
			says(q.Text, e.texts, q.Within) && says(q.Person, e.texts, []board.LogWords{board.LogName}) && says(q.Company, e.texts, []board.LogWords{board.LogCompany}) &&
			says(q.Tag, e.texts, []board.LogWords{board.LogTags})
		if ok {
			hits = append(hits, e)
		}
	}
	slices.SortStableFunc(hits, func(a, b scanned) int { return b.StartedAt.Compare(a.StartedAt) })
	var out []string
	for _, e := range hits {
		out = append(out, e.Record)
	}
	return out
}

// says reports whether texts have all words that are asked for, the last one perhaps only begun, or the digits of a number.
func says(asked string, texts map[board.LogWords][]string, within []board.LogWords) bool {
	if strings.TrimSpace(asked) == "" {
		return true
	}
	has := func(word string, begins bool) bool {
		return slices.ContainsFunc(within, func(kind board.LogWords) bool {
			return slices.ContainsFunc(texts[kind], func(w string) bool { return w == word || begins && strings.HasPrefix(w, word) })
		})
	}
	parts, any := numberParts(asked), false
	for i, p := range parts {
		found := words(p.text)
		ok := true
		for j, w := range found {
			any = true
			ok = ok && has(w, i == len(parts)-1 && j == len(found)-1)
		}
		if !ok && !(p.number && has(digits(p.text), true)) {
			return false
		}
	}
	return any
}

// TestLogIsWhatAScanFinds: whatever is asked of random records, the index gives what looking at each of them gives, in
// pages, also after records have changed.
func TestLogIsWhatAScanFinds(t *testing.T) { both(t, testLogIsWhatAScanFinds) }

func testLogIsWhatAScanFinds(t *testing.T, at string) {
	r := rand.New(rand.NewPCG(1, 2))
	s := openStore(t, at)
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var all []*board.Record
	for i := range 600 {
		all = append(all, generated(r, fmt.Sprintf("rec_%04d", i), began.Add(time.Duration(i)*time.Minute), 200))
	}
	s.keep(t, all)
	for i := range 30 { // they change, and a lookup gets its call
		j := r.IntN(len(all) - 10)
		for k := j; k < j+10; k++ {
			all[k] = generated(r, all[k].ID, began.Add(time.Duration(k)*time.Minute+time.Duration(i%2)*time.Second), 200)
		}
		s.keep(t, all[j:j+10])
	}
	pick := func(options ...string) string { return options[r.IntN(len(options))] }
	found, looked := 0, scannedOf(all)
	for range 200 {
		c := callerOf(r.IntN(200))
		q := board.LogQuery{
			View: board.LogView(pick("", "", "all", "missed", "received", "dialed", "lookups")), Line: pick("", "", "Alice", "Bob", "nobody"),
			Result: telephony.Result(pick("", "", "", "answered", "missed", "voicemail", "busy")), Within: everything[:1+r.IntN(len(everything))], Limit: 5 + r.IntN(60),
		}
		name := strings.Fields(c.name)
		q.Text = pick("", "", c.name, string([]rune(name[1])[:1+r.IntN(4)]), c.company, c.raw, c.number, c.number[3:9], c.number[7:], c.email, "soren", "ase", "strauss", "小龙", "vip",
			"tomorrow call", "12345678", "87654321", "4711", "a b", "tres press", "🙂")
		q.Person = pick("", "", "", name[0], name[1])
		q.Company = pick("", "", "", "", "bank", c.company)
		q.Tag = pick("", "", "", "", "debtor", "vi")
		if r.IntN(4) == 0 {
			q.Numbers = []string{c.number, callerOf(3).number}
		}
		if r.IntN(4) == 0 {
			q.From, q.To = began.Add(time.Duration(r.IntN(500))*time.Minute), began.Add(time.Duration(500+r.IntN(1000))*time.Minute)
		}
		want := naive(looked, q)
		found += len(want)
		if got := s.walk(t, q, nil); !slices.Equal(got, want) {
			t.Fatalf("%+v:\ngot  %v\nwant %v", q, got, want)
		}
	}
	if found < 300 {
		t.Errorf("only %d found in all: the test asks for nothing", found)
	}
	if s.dialect != &sqlite { // there the database keeps the index
		return
	}
	if _, err := s.writer.Exec(`INSERT INTO call_index (call_index, rank) VALUES ('integrity-check', 1)`); err != nil {
		t.Errorf("the index is not what the words are: %v", err)
	}
}

// walk reads all pages; between is called between two.
func (s *Store) walk(t testing.TB, q board.LogQuery, between func()) []string {
	t.Helper()
	var out []string
	for {
		page, err := s.Log(t.Context(), q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if out = append(out, idsOf(page.Entries)...); page.Next == 0 {
			return out
		}
		if len(page.Entries) != q.Limit {
			t.Fatalf("a page of %d, not %d, and there are more", len(page.Entries), q.Limit)
		}
		q.Before = page.Next
		if between != nil {
			between()
		}
	}
}

// TestLogPagesWhileCallsComeIn: who pages through sees each call that was there once, and in order, while others begin, many of them in the same
// millisecond.
func TestLogPagesWhileCallsComeIn(t *testing.T) { both(t, testLogPagesWhileCallsComeIn) }

func testLogPagesWhileCallsComeIn(t *testing.T, at string) {
	for seed := range uint64(9) {
		r := rand.New(rand.NewPCG(seed, 3))
		s := openStore(t, another(t, at))
		at, n := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), 0
		more := func(count int) (all []*board.Record) {
			for range count {
				all = append(all, generated(r, fmt.Sprintf("rec_%04d", n), at, 20))
				n++
				at = at.Add(time.Duration(r.IntN(2)) * time.Millisecond * time.Duration(r.IntN(3)))
			}
			s.keep(t, all)
			return all
		}
		q := board.LogQuery{View: []board.LogView{"", board.LogMissed, board.LogDialed}[seed%3], Text: []string{"", "a", "45"}[seed/3%3], Within: everything, Limit: 1 + r.IntN(20)}
		there := more(80)
		want := naive(scannedOf(there), q)
		got := s.walk(t, q, func() { more(r.IntN(30)) })
		seen := map[string]int{}
		for _, id := range got {
			seen[id]++
		}
		for _, id := range want {
			if seen[id] != 1 {
				t.Errorf("seed %d: %s was seen %d times", seed, id, seen[id])
			}
		}
		if len(got) != len(want) {
			t.Errorf("seed %d: %d entries, want %d", seed, len(got), len(want))
		}
	}
}

// TestLogSearch: what people type for what is stored.
func TestLogSearch(t *testing.T) { both(t, testLogSearch) }

func testLogSearch(t *testing.T, at string) {
	s := openStore(t, at)
	w := newWriter(t, s)
	id := w.open("+4512345678")
	for field, value := range map[string]string{"party.number_raw": "12 34 56 78", "party.name": "Søren Ångström-Þórsson", "party.company": "Müller & Søn A/S", "party.email": "s.aa@müller.example",
		"party.tags": "VIP, slow payer"} {
		w.claim(id, field, value)
	}
	if _, _, err := w.board.PutItem(id, board.SourceUser, board.NewItem{List: "notes", Text: "Ring back: +49 (30) 901820, invoice № 4711"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	other := w.open("+4587654321")
	w.claim(other, "party.name", "Somebody Else")
	w.commit()
	find := func(q board.LogQuery) []string {
		t.Helper()
		q.Limit = 10
		page, err := s.Log(t.Context(), q)
		if err != nil {
			t.Fatalf("%q: %v", q.Text, err)
		}
		return idsOf(page.Entries)
	}
	for _, text := range []string{"12 34 56 78", "+4512345678", "12345678", "1234", "0045 12345678", "5678", "012345678", "soren", "SØREN", "sør", "angstrom", "thorsson", "thorsson soren", "muller son", "müller",
		"s.aa@muller.example", "vip", "slow", "ring ba", "4711", "invoice soren 1234", "30901820", "+49 30 901820", "søren 12 34 56"} {
		if got := find(board.LogQuery{Text: text, Within: everything}); !slices.Equal(got, []string{id}) {
			t.Errorf("%q: got %v", text, got)
		}
	}
	for _, hostile := range []string{"\"", "\"\"", "*", "AND", "soren AND", "NEAR(soren", "name:soren NOT", "^soren", "-", "+", "(", ")", "{name}", "soren* OR *", "\x00soren\x00\x00", "\xff\xfe", "'; DROP TABLE calls; --",
		"soren\" OR \"somebody", strings.Repeat("(", 300), strings.Repeat("a b ", 100), "🙂", "\u202esoren", "col:umn", "soren^2", "12 34 56 78 (((", "%", "_"} {
		for _, id := range find(board.LogQuery{Text: hostile, Within: everything}) {
			if id == other {
				t.Errorf("%q finds somebody else", hostile)
			}
		}
		find(board.LogQuery{Text: hostile, Person: hostile, Company: hostile, Tag: hostile, Line: hostile, Numbers: []string{hostile}})
	}
	for _, c := range []struct {
		what string
		q    board.LogQuery
		want bool
	}{
		{"a word outside what may be searched", board.LogQuery{Text: "soren", Within: []board.LogWords{board.LogCompany}}, false},
		{"digits outside what may be searched", board.LogQuery{Text: "12345678", Within: []board.LogWords{board.LogName, board.LogNotes}}, false},
		{"nothing may be searched", board.LogQuery{Text: "soren"}, false},
		{"a person", board.LogQuery{Person: "angstrom"}, true},
		{"a person's company", board.LogQuery{Person: "muller"}, false},
		{"a company", board.LogQuery{Company: "müller"}, true},
		{"a tag", board.LogQuery{Tag: "vip"}, true},
		{"a number", board.LogQuery{Numbers: []string{"+4512345678"}}, true},
		{"a number and a word", board.LogQuery{Numbers: []string{"+4512345678", "12345678"}, Text: "soren", Within: everything}, true},
		{"another number and a word", board.LogQuery{Numbers: []string{"+4587654321"}, Text: "soren", Within: everything}, false},
		{"lookups", board.LogQuery{View: board.LogLookups, Text: "soren", Within: everything}, true},
		{"missed", board.LogQuery{View: board.LogMissed}, false},
	} {
		if got := slices.Contains(find(c.q), id); got != c.want {
			t.Errorf("%s: found %v, want %v", c.what, got, c.want)
		}
	}
}

// TestLogIsFilled: records from before there was a log are in it once the store is opened, also if that was broken off.
func TestLogIsFilled(t *testing.T) {
	t.Parallel()
	path := file(t)
	s := openStore(t, path)
	w := newWriter(t, s)
	for i := range 600 {
		w.open(fmt.Sprintf("+4511%06d", i))
	}
	w.commit()
	if err := s.list(t.Context()); err != nil { // who reads waits for that only so long
		t.Fatal(err)
	}
	want := s.walk(t, board.LogQuery{Limit: 500}, nil)
	if len(want) != 600 {
		t.Fatalf("%d entries", len(want))
	}
	for _, q := range []string{`DELETE FROM meta WHERE key = 'calls'`, `DELETE FROM calls`, `DELETE FROM call_words`, `INSERT INTO call_index (call_index) VALUES ('delete-all')`} {
		if _, err := s.writer.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	some, _, err := someOf(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	s.keep(t, some) // it was broken off here
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, path)
	got := s.walk(t, board.LogQuery{Limit: 500}, nil)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d entries, want %d", len(got), len(want))
	}
	if n := len(s.walk(t, board.LogQuery{Text: "11000599", Within: everything, Limit: 10}, nil)); n != 1 {
		t.Errorf("found %d times", n)
	}
}

func someOf(ctx context.Context, s *Store) (some []*board.Record, last int64, err error) {
	err = s.within(ctx, func(tx transaction) error {
		some, last, err = someRecords(ctx, tx, -1, 200)
		return err
	})
	return some, last, err
}

// SEC-45: what was struck is not found any more, and the log keeps that there was a call.
func TestErasedFromTheLog(t *testing.T) { both(t, testErasedFromTheLog) }

func testErasedFromTheLog(t *testing.T, at string) {
	s := openStore(t, at)
	w := newWriter(t, s)
	own, _ := nest(t, w, 20)
	text := func(q string) int {
		return len(s.walk(t, board.LogQuery{Text: q, Within: everything, Limit: 5}, nil))
	}
	if text("canary") != 1 || text("87 65 43 21") != 1 || text("secret") != 1 {
		t.Fatal("the canary is not found before")
	}
	b, striker := w.erase(canary)
	if err := s.FinishErasure(t.Context(), b, striker, time.Now); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"canary", "87654321", "secret"} {
		if text(q) != 0 {
			t.Errorf("%q is still found", q)
		}
	}
	page, err := s.Log(t.Context(), board.LogQuery{Limit: 100})
	if err != nil || !slices.Contains(idsOf(page.Entries), own) {
		t.Errorf("the call is not in the log: %v, %v", idsOf(page.Entries), err)
	}
	for _, e := range page.Entries {
		if body, _ := json.Marshal(e); e.Record == own && (e.Number != "" || e.Name != "" || e.Notes != 0) {
			t.Errorf("left: %s", body)
		}
		if marked := !e.ErasedAt.IsZero(); marked != (e.Record == own) {
			t.Errorf("%s is erased at %v", e.Record, e.ErasedAt)
		}
	}
}
