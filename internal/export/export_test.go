package export

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-vcard"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// shelf is a source with records in the order of their ids.
type shelf []*board.Record

func (s shelf) RecordsAfter(_ context.Context, id string, limit int) ([]*board.Record, error) {
	var out []*board.Record
	for _, r := range s {
		if r.ID > id && len(out) < limit {
			out = append(out, r)
		}
	}
	return out, nil
}

func (s shelf) Log(_ context.Context, q board.LogQuery) (board.LogPage, error) {
	var page board.LogPage
	for i := int(q.Before); i < len(s) && len(page.Entries) < q.Limit; i++ {
		page.Entries = append(page.Entries, board.LogEntryOf(s[i]))
		page.Next = int64(i + 1)
	}
	if page.Next == int64(len(s)) {
		page.Next = 0
	}
	return page, nil
}

func (s shelf) NumbersAfter(_ context.Context, number string, limit int) ([]string, error) {
	var out []string
	for _, r := range s {
		if n := r.Value("party.number"); n > number && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out[:min(limit, len(out))], nil
}

func (s shelf) OfNumber(_ context.Context, number string, limit int) ([]*board.Record, error) {
	var out []*board.Record
	for _, r := range slices.Backward(s) {
		if r.Value("party.number") == number && len(out) < limit {
			out = append(out, r)
		}
	}
	return out, nil
}

func record(n int, fields map[string]string) *board.Record {
	r := &board.Record{ID: fmt.Sprintf("rec_%05d", n), Rev: 1, Line: "Alice", Origin: board.FromCall, State: board.Closed, OpenedAt: time.Date(2026, 11, 28, 8, 0, n, 0, time.UTC),
		Fields: map[string]*board.Field{}, Items: map[string][]board.Item{}}
	for name, value := range fields {
		r.Fields[name] = &board.Field{Claims: []board.Claim{{Source: "crm", Value: value, Quality: board.Matched}}}
	}
	return r
}

func written(t testing.TB, f Format, s shelf) string {
	t.Helper()
	var out bytes.Buffer
	if err := Write(t.Context(), &out, f, s); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// SEC-34: no cell begins as a formula does, however a spreadsheet parts them; all else is as it was said (RFC 4180).
func TestCSV(t *testing.T) {
	t.Parallel()
	names := []string{"=1+1", "+4512345678", "-1", "@SUM(A1)", "\tx", "\r=1", "=HYPERLINK(\"http://evil\",\"x\")", "a;=cmd|' /C calc'!A0", " =2", "＝3", "Holm, \"Mette\"", "two\nlines\n=4", "'quoted", "Søren", ""}
	var s shelf
	for i, name := range names {
		s = append(s, record(i, map[string]string{"party.number": "+4512345678", "party.name": name, "party.company": "x;y"}))
	}
	s[1].Call = &telephony.Call{Direction: telephony.Inbound, Result: telephony.Answered, State: telephony.Ended, StartedAt: s[1].OpenedAt, AnsweredAt: s[1].OpenedAt.Add(time.Second), EndedAt: s[1].OpenedAt.Add(62 * time.Second)}
	s[2].ErasedAt = s[2].OpenedAt
	for range 2 * atOnce { // more than a page
		s = append(s, record(len(s), map[string]string{"party.name": "Many"}))
	}
	text := written(t, CSV, s)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != len(s)+1 || !slices.Equal(rows[0], columns) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, name := range names {
		got := rows[i+1][7]
		if plain := strings.ReplaceAll(got, "'", ""); strings.NewReplacer("\r\n", "\n", "'", "").Replace(name) != plain && name != "\r=1" {
			t.Errorf("%q became %q", name, got)
		}
		for _, parted := range strings.FieldsFunc(got, func(r rune) bool { return strings.ContainsRune(";\t\r\n", r) }) {
			if strings.ContainsAny(string([]rune(strings.TrimLeft(parted, " ") + "x")[0]), "=+-@＝＋－＠") {
				t.Errorf("%q may be taken for a formula: %q", name, got)
			}
		}
	}
	if want := []string{"2026-11-28T08:00:01Z", "Alice", "received", "inbound", "answered", "'+4512345678"}; !slices.Equal(rows[2][:6], want) || rows[2][14] != "61" || rows[2][17] != "part" || rows[1][17] != "" || rows[3][18] != "2026-11-28T08:00:02Z" || rows[2][18] != "" {
		t.Errorf("%q", rows[2])
	}
	if strings.Count(text, "\r\n") < len(s) {
		t.Error("lines do not end in CRLF")
	}
}

// TestCards: a card per number of which somebody is known, from what was known last, that a reader of vCards takes as it was said.
func TestCards(t *testing.T) {
	t.Parallel()
	s := shelf{
		record(1, map[string]string{"party.number": "+4511111111", "party.name": "Old Name", "party.email": "a@example.com", "party.address": "Street 1; Town"}),
		record(2, map[string]string{"party.number": "+4511111111", "party.name": "Holm, Mette\nEND:VCARD", "party.company": "A; B \\ C", "party.job_title": "Chief"}),
		record(3, map[string]string{"party.number": "+4522222222"}),
		record(4, map[string]string{"party.number": "+4533333333", "party.company": "Only Ltd"}),
		record(5, map[string]string{"party.name": "No number"}),
	}
	in := vcard.NewDecoder(strings.NewReader(written(t, VCard, s)))
	var cards []vcard.Card
	for {
		card, err := in.Decode()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		cards = append(cards, card)
	}
	if len(cards) != 2 {
		t.Fatalf("%d cards: %v", len(cards), cards)
	}
	for field, want := range map[string]string{"VERSION": "4.0", "FN": "Holm, Mette END:VCARD", "TEL": "+4511111111", "EMAIL": "a@example.com", "ORG": `A, B \ C`, "TITLE": "Chief", "UID": "callboard:+4511111111"} {
		if got := cards[0].Value(field); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	if a := cards[0].Address(); a == nil || a.StreetAddress != "Street 1, Town" {
		t.Errorf("address %+v", a)
	}
	if cards[1].Value("FN") != "Only Ltd" || cards[1].Kind() != vcard.KindOrganization {
		t.Errorf("%v", cards[1])
	}
}

// TestRead: what was written is read, and what is wrong is named by its line with what to do.
func TestRead(t *testing.T) {
	t.Parallel()
	text := written(t, JSONL, shelf{record(1, map[string]string{"party.name": "Ann"}), record(2, nil)})
	lines := strings.SplitAfter(text, "\n")
	line := func(n int) string { return lines[n] }
	edit := func(old, by string) string {
		if !strings.Contains(line(1), old) {
			t.Fatalf("%s is not in %s", old, line(1))
		}
		return line(0) + strings.Replace(line(1), old, by, 1) + line(2) + line(3)
	}
	for what, c := range map[string]struct{ text, wants string }{
		"whole":           {text, ""},
		"empty":           {"", "line 1: the file ends before its end"},
		"cut":             {line(0) + line(1), "line 3: the file ends"},
		"cut in a line":   {text[:len(text)/2], "line 2"},
		"a line is gone":  {line(0) + line(1) + line(3), "line 3: the file had 2 records and has 1"},
		"no beginning":    {line(1) + line(2) + line(3), "line 1: it does not begin"},
		"newer":           {strings.Replace(text, `{"callboard_export":1}`, `{"callboard_export":9}`, 1), "version 9"},
		"twice":           {text + text, "line 5: here another export begins"},
		"no JSON":         {edit(`{"record"`, `record`), "line 2: it is not as Callboard writes it"},
		"an unknown key":  {edit(`"rev":1`, `"rev":1,"mood":"good"`), `line 2: it is not as Callboard writes it: json: unknown field "mood"`},
		"more behind":     {edit("\n", " {}\n"), "line 2"},
		"an empty line":   {line(0) + "\n" + line(1) + line(2) + line(3), "line 2"},
		"no record":       {line(0) + "{}\n" + line(3), "line 2: there is no record"},
		"an id":           {edit(`"rec_00001"`, `"../x"`), "its id is none"},
		"a state":         {edit(`"closed"`, `"ajar"`), "neither open nor closed"},
		"a time":          {edit(`"2026-11-28T08:00:01Z"`, `"0001-01-01T00:00:00Z"`), "says not when"},
		"a quality":       {edit(`"matched"`, `"sure"`), "no quality"},
		"a field":         {edit(`"party.name"`, `"Party Name"`), "is no field name"},
		"a bidi override": {edit(`"Ann"`, `"A\u202enn"`), "cannot be shown"},
		"too long":        {edit(`"Ann"`, `"`+strings.Repeat("x", 9<<10)+`"`), "too long"},
		"a list":          {edit(`"items":{}`, `"items":{"secrets":[]}`), "no list of a record"},
		"a link":          {edit(`"items":{}`, `"items":{"links":[{"id":"a","source":"crm","at":"2026-11-28T08:00:01Z","changed_at":"2026-11-28T08:00:01Z","url":"javascript:alert(1)"}]}`), "not to be shown"},
		"a direction":     {edit(`"fields":`, `"call":{"id":"c","state":"ended","direction":"sideways","started_at":"2026-11-28T08:00:01Z"},"fields":`), "direction"},
		"a flag":          {edit(`"fields":`, `"call":{"id":"c","state":"ended","direction":"inbound","recorded":"maybe","started_at":"2026-11-28T08:00:01Z"},"fields":`), "neither yes nor no"},
		"an endless rev":  {edit(`"rev":1`, `"rev":9223372036854775807`), "has no rev"},
		"an endless wave": {edit(`"wave":0`, `"wave":9007199254740993`), "has no rev"},
		"a line":          {edit(`"line":"`, `"line":"\u202e`), "is on no line"},
		"a source":        {edit(`"source":"`, `"source":"\u202e<b>`), "has no source"},
		"a title": {edit(`"items":{}`, `"items":{"notes":[{"id":"a","source":"crm","at":"2026-11-28T08:00:01Z","changed_at":"2026-11-28T08:00:01Z","text":"x","title":"`+
			strings.Repeat("x", 9<<10)+`"}]}`), "too long"},
		"a fact": {edit(`"items":{}`, `"items":{"history":[{"id":"a","source":"crm","at":"2026-11-28T08:00:01Z","changed_at":"2026-11-28T08:00:01Z","fields":{"history.who":"\u202ex"}}]}`),
			"cannot be shown"},
		"a fact's name": {edit(`"items":{}`, `"items":{"history":[{"id":"a","source":"crm","at":"2026-11-28T08:00:01Z","changed_at":"2026-11-28T08:00:01Z","fields":{"Who ":"x"}}]}`),
			"is no field name"},
		"a party": {edit(`"fields":`, `"call":{"id":"c","state":"ended","direction":"inbound","started_at":"2026-11-28T08:00:01Z","party":{"name":"\u202egpj.exe"}},"fields":`), "cannot be shown"},
		"a party of a view": {edit(`"fields":`, `"call":{"id":"c","state":"ended","direction":"inbound","started_at":"2026-11-28T08:00:01Z",`+
			`"views":[{"state":"ended","direction":"inbound","party":{"number":"1\n2\u0007"}}]},"fields":`), "cannot be shown"},
		"settled":   {edit(`"wave":`, `"settled":{"wave":1,"rounds":-1,"took_ms":1,"unanswered":[]},"wave":`), "settled"},
		"no fields": {edit(`"items":{}`, `"items":null`), "no fields or no items"},
	} {
		in, read := NewReader(strings.NewReader(c.text)), 0
		var err error
		for err == nil {
			if _, err = in.Next(); err == nil {
				read++
			}
		}
		if c.wants == "" {
			if !errors.Is(err, io.EOF) || read != 2 {
				t.Errorf("%s: %d, %v", what, read, err)
			}
			continue
		}
		if errors.Is(err, io.EOF) || !strings.Contains(err.Error(), c.wants) || !strings.HasPrefix(err.Error(), "line ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := NewReader(strings.NewReader(strings.Repeat("x", maxLine+1))).Next(); err == nil || !strings.Contains(err.Error(), "line 1: it is longer than 16 MiB") {
		t.Errorf("a long line: %v", err)
	}
}

// FuzzReader: whatever is read is refused, or taken and written again as it was taken.
func FuzzReader(f *testing.F) {
	f.Add([]byte(written(f, JSONL, shelf{record(1, map[string]string{"party.name": "Ann"})})))
	f.Fuzz(func(t *testing.T, text []byte) {
		var taken shelf
		in := NewReader(bytes.NewReader(text))
		for {
			r, err := in.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return
			}
			taken = append(taken, r)
		}
		slices.SortFunc(taken, func(a, b *board.Record) int { return strings.Compare(a.ID, b.ID) })
		taken = slices.CompactFunc(taken, func(a, b *board.Record) bool { return a.ID == b.ID })
		once := written(t, JSONL, taken)
		again, second := NewReader(strings.NewReader(once)), shelf{}
		for {
			r, err := again.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("what was taken is refused: %v", err)
			}
			second = append(second, r)
		}
		if twice := written(t, JSONL, second); twice != once {
			t.Errorf("%s became %s", once, twice)
		}
	})
}
