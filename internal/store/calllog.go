package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// facet is a combination of line, view and result. There are few, whatever the number of calls: so each filter on these is a choice of
// facets, each of which has its calls in order, and a page is the newest of those lists.
type facet struct {
	id     int64
	line   string
	view   board.LogView
	result telephony.Result
}

func (f *facet) meets(q *board.LogQuery) bool {
	return (q.Line == "" || q.Line == f.line) && (q.View == "" || q.View == board.LogAll || q.View == f.view) && (q.Result == "" || q.Result == f.result)
}

// Log reads a page of the log, newest first. A call has one place there, by when it began: whoever goes on behind the last
// place that they have read sees each call once, while others come in before it.
func (s *Store) Log(ctx context.Context, q board.LogQuery) (board.LogPage, error) {
	var page board.LogPage
	s.listNow(ctx)
	err := s.reading(ctx, func(t transaction) error {
		r := logReader{t: t, lists: s.lists, syntax: s.dialect.syntax, q: &q, from: 0, before: math.MaxInt64}
		return r.read(ctx, &page)
	})
	if err != nil {
		return page, fmt.Errorf("read the log: %w", err)
	}
	return page, nil
}

// logReader answers one query. Places are from from on and before before.
type logReader struct {
	t            transaction
	lists        lists
	syntax       *syntax
	q            *board.LogQuery
	from, before int64
	facets       map[int64]facet
	chosen       []int64 // facets that meet the query, in order
}

func (r *logReader) read(ctx context.Context, page *board.LogPage) error {
	if !r.q.From.IsZero() {
		r.from = place(r.q.From)
	}
	if !r.q.To.IsZero() {
		r.before = place(r.q.To)
	}
	if r.q.Before > 0 {
		r.before = min(r.before, r.q.Before)
	}
	if err := r.choose(ctx); err != nil || len(r.chosen) == 0 {
		return err
	}
	places, err := r.places(ctx)
	if err != nil {
		return err
	}
	if len(places) > r.q.Limit {
		places = places[:r.q.Limit]
		page.Next = places[r.q.Limit-1]
	}
	if page.Entries, err = r.entries(ctx, places); err != nil {
		return err
	}
	return r.later(ctx, page.Entries)
}

func (r *logReader) choose(ctx context.Context) error {
	r.facets = map[int64]facet{}
	err := r.t.ask(ctx, statement{text: `SELECT id, line, view, result FROM call_facets ORDER BY id`}, func(found rows) error {
		for found.Next() {
			var f facet
			if err := found.Scan(&f.id, &f.line, &f.view, &f.result); err != nil {
				return err
			}
			r.facets[f.id] = f
			if f.meets(r.q) {
				r.chosen = append(r.chosen, f.id)
			}
		}
		return found.Err()
	})
	if err != nil {
		return err
	}
	return r.t.flush(ctx)
}

// places are those of the page and, if there is one, of the entry behind it.
func (r *logReader) places(ctx context.Context) ([]int64, error) {
	expression, any := r.expression()
	switch {
	case any && expression == "":
		return nil, nil // what is looked for has no word in it
	case any:
		return r.matches(ctx, expression)
	case len(r.q.Numbers) > 0:
		return r.newest(ctx, r.lists.ofNumber, r.q.Numbers)
	case len(r.chosen) < len(r.facets):
		return r.newest(ctx, r.lists.ofFacet, nil)
	}
	return r.column(ctx, `SELECT n FROM calls WHERE n >= ? AND n < ? ORDER BY n DESC LIMIT ?`, r.from, r.before, r.q.Limit+1)
}

// lists are the queries of lists of the log, in order.
type lists struct{ ofFacet, ofNumber statement }

func (s *Store) prepareLists(ctx context.Context) (l lists, err error) {
	const some = `facet = ? AND n >= ? AND n < ? ORDER BY n DESC LIMIT ?`
	if l.ofFacet, err = s.kept(ctx, s.readers, `SELECT n FROM calls WHERE `+some); err != nil {
		return l, err
	}
	l.ofNumber, err = s.kept(ctx, s.readers, `SELECT n FROM calls WHERE number = ? AND number <> '' AND `+some)
	return l, err
}

func (l lists) close() error { return errors.Join(l.ofFacet.close(), l.ofNumber.close()) }

// listsAtOnce are asked for together. What they have bounds what the next ones are asked for.
const listsAtOnce = 32

// newest are the newest of many lists: one per chosen facet and, if there are any, number.
func (r *logReader) newest(ctx context.Context, list statement, numbers []string) (all []int64, err error) {
	of := [][]any{nil}
	if numbers != nil {
		of = nil
		for _, number := range slices.Compact(slices.Sorted(slices.Values(numbers))) {
			of = append(of, []any{number})
		}
	}
	from, wanted, asked := r.from, r.q.Limit+1, 0
	merge := func(found []int64) {
		all = append(all, found...)
		slices.SortFunc(all, func(a, b int64) int { return cmp.Compare(b, a) })
		if len(all) >= wanted { // nothing older than these can be on the page
			all = all[:wanted]
			from = all[wanted-1]
		}
	}
	for _, one := range of {
		for _, facet := range r.chosen {
			if err := r.t.ask(ctx, list, ints(merge), append(slices.Clone(one), facet, from, r.before, wanted)...); err != nil {
				return nil, err
			}
			if asked++; asked%listsAtOnce > 0 {
				continue
			}
			if err := r.t.flush(ctx); err != nil {
				return nil, err
			}
		}
	}
	return all, r.t.flush(ctx)
}

// mostFacets is how many are looked for in the index. Where there are more, the rows are asked instead.
const mostFacets = 100

func (r *logReader) matches(ctx context.Context, expression string) ([]int64, error) {
	y := r.syntax
	query, args := `SELECT `+y.n+` FROM `+y.from, []any{}
	where := ` WHERE ` + y.match + ` AND ` + y.n + ` >= ? AND ` + y.n + ` < ?`
	narrow := len(r.chosen) < len(r.facets)
	if narrow && y.facets != nil && len(r.chosen) <= mostFacets {
		expression = y.facets(r.chosen) + y.and + expression
		narrow = false
	}
	args = append(args, expression, r.from, r.before)
	if len(r.q.Numbers) > 0 || narrow {
		query += ` ` + y.join + ` calls c ON c.n = ` + y.n
	}
	if narrow {
		where += ` AND c.facet IN (` + strings.Join(texts(r.chosen), ", ") + `)`
	}
	if len(r.q.Numbers) > 0 {
		where += ` AND c.number IN (?` + strings.Repeat(", ?", len(r.q.Numbers)-1) + `)`
		for _, number := range r.q.Numbers {
			args = append(args, number)
		}
	}
	return r.column(ctx, query+where+` ORDER BY `+y.n+` DESC LIMIT ?`, append(args, r.q.Limit+1)...)
}

// expression is what is looked for in the index, and whether anything is.
func (r *logReader) expression() (string, bool) {
	var within []string
	for _, w := range r.q.Within {
		within = append(within, columnOf[w])
	}
	var all []string
	any := false
	for _, asked := range []struct {
		text    string
		columns []string
	}{{r.q.Text, within}, {r.q.Person, []string{"name"}}, {r.q.Company, []string{"company"}}, {r.q.Tag, []string{"tags"}}, {r.q.Digits, []string{"number"}}} {
		if strings.TrimSpace(asked.text) == "" {
			continue
		}
		any = true
		found := ""
		if len(asked.columns) > 0 {
			found = r.syntax.lookedFor(asked.text, asked.columns)
		}
		if found == "" {
			return "", true
		}
		all = append(all, found)
	}
	if any && len(r.q.Numbers) > 0 { // so that few rows are left to be asked for theirs
		var numbers []string
		for _, number := range r.q.Numbers {
			if d := digits(number); d != "" {
				numbers = append(numbers, r.syntax.term(d, []string{"number"}, false))
			}
		}
		if len(numbers) == len(r.q.Numbers) {
			all = append(all, "("+strings.Join(numbers, r.syntax.or)+")")
		}
	}
	return strings.Join(all, r.syntax.and), any
}

// columnOf are the columns of the index.
var columnOf = map[board.LogWords]string{
	board.LogName: "name", board.LogCompany: "company", board.LogNumber: "number", board.LogEmail: "email", board.LogTags: "tags", board.LogNotes: "notes",
}

func (r *logReader) entries(ctx context.Context, places []int64) ([]board.LogEntry, error) {
	if len(places) == 0 {
		return nil, nil
	}
	var out []board.LogEntry
	var args []any
	for _, n := range places {
		args = append(args, n)
	}
	query := `SELECT record, ` + callColumns + ` FROM calls WHERE n IN (?` + strings.Repeat(", ?", len(places)-1) + `) ORDER BY n DESC`
	err := r.t.ask(ctx, statement{text: query}, func(found rows) error {
		for found.Next() {
			var record string
			var row callRow
			if err := found.Scan(append([]any{&record}, row.into()...)...); err != nil {
				return err
			}
			out = append(out, entryOf(record, r.facets[row.facet], &row))
		}
		return found.Err()
	}, args...)
	if err == nil {
		err = r.t.flush(ctx)
	}
	return out, err
}

func (r *logReader) column(ctx context.Context, query string, args ...any) (out []int64, err error) {
	err = r.t.ask(ctx, statement{text: query}, ints(func(found []int64) { out = found }), args...)
	if err == nil {
		err = r.t.flush(ctx)
	}
	return out, err
}

// ints reads the one column of a query.
func ints(then func([]int64)) func(rows) error {
	return func(found rows) error {
		var out []int64
		for found.Next() {
			var n int64
			if err := found.Scan(&n); err != nil {
				return err
			}
			out = append(out, n)
		}
		if err := found.Err(); err != nil {
			return err
		}
		then(out)
		return nil
	}
}

func texts(numbers []int64) []string {
	out := make([]string, len(numbers))
	for i, n := range numbers {
		out[i] = strconv.FormatInt(n, 10)
	}
	return out
}

func quoted(numbers []int64) []string {
	out := texts(numbers)
	for i := range out {
		out[i] = `"` + out[i] + `"`
	}
	return out
}
