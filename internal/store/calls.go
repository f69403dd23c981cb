package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"time"

	"github.com/go-json-experiment/json/v1"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// The call log is three tables that follow from the records (listing.go): calls is what is shown and filtered, call_words what is searched,
// call_index the full text of that. One row of each per record, at the same n.

// placesPerMs are how many calls can begin in one millisecond before the next ones stand in the following. Small, so that the lists
// of an index, which hold the differences, stay short.
const placesPerMs = 64

// place is the first n of a time.
func place(at time.Time) int64 {
	const last = 1 << 53 // the year 287396
	return min(max(at.UnixMilli(), 0), last) * placesPerMs
}

// callRow is what is kept of one record.
type callRow struct {
	summed
	unseen   int   // of the call: 0 nothing, 1 a part, 2 all
	erasedAt int64 // 0: it was not

	website, ip string
}

// summed is what is in the sum as it stands; the rest is added to that where it says something. So a row of before, of which that
// says nothing, stays as it is. sum is of all that a record says and is found by: while that is the same, nothing is written.
type summed struct {
	sum                            int64
	facet                          int64
	direction                      string
	startedAt, answeredAt, endedAt int64
	extension, number, numberRaw   string
	name, company, email, tags     string
	notes                          int
}

// callWords are what it is found by.
type callWords struct {
	facet                                     int64
	name, company, number, email, tags, notes string
}

func rowOf(e *board.LogEntry, notes string) callRow {
	row := summed{
		direction: string(e.Direction), startedAt: e.StartedAt.UnixMilli(), answeredAt: millis(e.AnsweredAt), endedAt: millis(e.EndedAt),
		extension: e.Extension, number: e.Number, numberRaw: e.NumberRaw, name: e.Name, company: e.Company, email: e.Email, tags: e.Tags, notes: e.Notes,
	}
	const form = 1 // of the words: another one where they are taken apart in another way
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %+v %q %q %q ", form, row, e.Line, e.View, e.Result)
	io.WriteString(h, notes)
	more := callRow{unseen: unseenOf(e), erasedAt: millis(e.ErasedAt), website: e.Website, ip: e.IP}
	if more.unseen > 0 {
		fmt.Fprint(h, " unseen ", more.unseen)
	}
	if more.erasedAt > 0 {
		fmt.Fprint(h, " erased ", more.erasedAt)
	}
	if more.website+more.ip != "" {
		fmt.Fprintf(h, " at %q %q", more.website, more.ip)
	}
	row.sum = int64(h.Sum64())
	more.summed = row
	return more
}

func unseenOf(e *board.LogEntry) int {
	switch {
	case e.Unseen:
		return 2
	case !e.Complete:
		return 1
	}
	return 0
}

func wordsOf(e *board.LogEntry, notes string, facet int64) callWords {
	return callWords{
		facet: facet, name: keptWords(e.Name), company: keptWords(e.Company), number: keptDigits(e.Number, e.NumberRaw), email: keptWords(e.Email), tags: keptWords(e.Tags), notes: keptWords(notes),
	}
}

// millis is a time as it is kept; 0: not seen.
func millis(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func (r *callRow) columns() []any {
	return []any{r.sum, r.facet, r.direction, r.startedAt, r.answeredAt, r.endedAt, r.extension, r.number, r.numberRaw, r.name, r.company, r.email, r.tags, r.notes, r.unseen, r.erasedAt, r.website, r.ip}
}

func (r *callRow) into() []any {
	return []any{&r.sum, &r.facet, &r.direction, &r.startedAt, &r.answeredAt, &r.endedAt, &r.extension, &r.number, &r.numberRaw, &r.name, &r.company, &r.email, &r.tags, &r.notes, &r.unseen, &r.erasedAt, &r.website, &r.ip}
}

func (w *callWords) columns() []any {
	return []any{w.facet, w.name, w.company, w.number, w.email, w.tags, w.notes}
}

func (w *callWords) into() []any {
	return []any{&w.facet, &w.name, &w.company, &w.number, &w.email, &w.tags, &w.notes}
}

// callColumns are those of calls besides n and record.
const callColumns = `sum, facet, direction, started_at, answered_at, ended_at, extension, number, number_raw, name, company, email, tags, notes, unseen, erased_at, website, ip`

// wordColumns are those of call_words besides n.
const wordColumns = `facet, name, company, number, email, tags, notes`

// callStatements write the log's rows.
type callStatements struct {
	same, find, facet, addFacet, last statement
	add, change, drop                 statement
	addWords, changeWords, dropWords  statement
	index, reindex, unindex           statement // without a text where the database keeps the index by itself
}

func (c *callStatements) all() map[*statement]string {
	return map[*statement]string{
		&c.same:        `SELECT 1 FROM calls WHERE record = ? AND sum = ?`,
		&c.find:        `SELECT calls.n, started_at, w.facet, w.name, w.company, w.number, w.email, w.tags, w.notes FROM calls JOIN call_words w ON w.n = calls.n WHERE record = ?`,
		&c.facet:       `SELECT id FROM call_facets WHERE line = ? AND view = ? AND result = ?`,
		&c.addFacet:    `INSERT INTO call_facets (line, view, result) VALUES (?, ?, ?) RETURNING id`,
		&c.last:        `SELECT max(n) FROM calls WHERE n >= ? AND n < ?`,
		&c.add:         `INSERT INTO calls (n, record, ` + callColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		&c.change:      `UPDATE calls SET (` + callColumns + `) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE n = ?`,
		&c.drop:        `DELETE FROM calls WHERE n = ?`,
		&c.addWords:    `INSERT INTO call_words (n, ` + wordColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		&c.changeWords: `UPDATE call_words SET (` + wordColumns + `) = (?, ?, ?, ?, ?, ?, ?) WHERE n = ?`,
		&c.dropWords:   `DELETE FROM call_words WHERE n = ?`,
	}
}

// indexing are those of the index. The last two read what is there from call_words, which is changed after them.
func (c *callStatements) indexing(text [3]string) map[*statement]string {
	return map[*statement]string{&c.index: text[0], &c.reindex: text[1], &c.unindex: text[2]}
}

func (s *Store) prepareCalls(ctx context.Context) (c callStatements, err error) {
	all := c.all()
	maps.Copy(all, c.indexing(s.dialect.indexing))
	for kept, text := range all {
		if text == "" {
			continue
		}
		if *kept, err = s.kept(ctx, s.writer, text); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c callStatements) close() error {
	all := c.all()
	maps.Copy(all, c.indexing([3]string{}))
	var errs []error
	for kept := range all {
		errs = append(errs, kept.close())
	}
	return errors.Join(errs...)
}

// fillCalls lists all records: what was stored before there was a log, or before it said all that it says today. What is right already is left as
// it is, so that it can be gone on with.
func (s *Store) fillCalls(ctx context.Context) error {
	statements, err := s.prepareCalls(ctx)
	if err != nil {
		return err
	}
	defer statements.close()
	const atOnce = 500
	for last, more := int64(-1), true; more; {
		err := s.within(ctx, func(t transaction) error {
			var some []*board.Record
			if some, last, err = someRecords(ctx, t, last, atOnce); err != nil {
				return err
			}
			more = len(some) == atOnce
			return statements.save(ctx, t, some)
		})
		if err != nil {
			return fmt.Errorf("fill the call log: %w", err)
		}
	}
	return nil
}

// someRecords reads records in the order in which they are stored, and tells behind which to go on.
func someRecords(ctx context.Context, t transaction, after int64, limit int) (some []*board.Record, last int64, err error) {
	last = after
	err = t.ask(ctx, statement{text: `SELECT rowid, body FROM records WHERE rowid > ? ORDER BY rowid LIMIT ?`}, func(found rows) error {
		for found.Next() {
			var body []byte
			r := new(board.Record)
			if err := found.Scan(&last, &body); err != nil {
				return err
			}
			if err := json.Unmarshal(body, r); err != nil {
				return fmt.Errorf("read a record: %w", err)
			}
			some = append(some, r)
		}
		return found.Err()
	}, after, limit)
	if err == nil {
		err = t.flush(ctx)
	}
	return some, last, err
}

func entryOf(record string, f facet, r *callRow) board.LogEntry {
	return board.LogEntry{
		Record: record, Line: f.line, View: f.view, Lookup: f.view == board.LogLookups, Direction: telephony.Direction(r.direction), Result: f.result,
		StartedAt: time.UnixMilli(r.startedAt).UTC(), AnsweredAt: timeOf(r.answeredAt), EndedAt: timeOf(r.endedAt), Extension: r.extension,
		Number: r.number, NumberRaw: r.numberRaw, Name: r.name, Company: r.company, Email: r.email, Website: r.website, IP: r.ip, Tags: r.tags, Notes: r.notes,
		Complete: r.unseen == 0, Unseen: r.unseen == 2, ErasedAt: timeOf(r.erasedAt),
	}
}
