package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// entry is what the log is to say of a record, and what it says.
type entry struct {
	says      board.LogEntry
	noteTexts string
	row       callRow
	words     callWords
	n         int64 // its place

	there     bool // the log has something of the record already,
	same      bool // or just this
	was       int64
	startedAt int64
	before    callWords
}

// named gives what is done to an entry its name.
func (e *entry) named(err error) error {
	return failing("the log entry of record %s", e.says.Record)(0, err)
}

func (e *entry) facet() facet {
	return facet{line: e.says.Line, view: e.says.View, result: e.says.Result}
}

// moves reports whether the entry gets a place, its first or another.
func (e *entry) moves() bool { return !e.there || e.row.startedAt != e.startedAt }

// filing writes entries of the log. Each step is done for all of them before the next: so the steps are few, however many entries.
type filing struct {
	*callStatements
	t   transaction
	all []*entry
}

// save writes what the log says of some records, each of which is there once. Where that is what it said before, it writes nothing.
func (c *callStatements) save(ctx context.Context, t transaction, records []*board.Record) error {
	f := filing{callStatements: c, t: t}
	for _, r := range records {
		e := &entry{says: board.LogEntryOf(r), noteTexts: r.NoteTexts()}
		e.row = rowOf(&e.says, e.noteTexts)
		f.all = append(f.all, e)
	}
	for _, step := range []func(context.Context) error{f.leaveSame, f.findFacets, f.findBefore, f.findPlaces, f.write} {
		if len(f.all) == 0 {
			return nil
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// leaveSame goes on with those that are not there as they are to be.
func (f *filing) leaveSame(ctx context.Context) error {
	for _, e := range f.all {
		err := f.t.ask(ctx, f.same, func(r rows) error {
			e.same = r.Next()
			return e.named(r.Err())
		}, e.says.Record, e.row.sum)
		if err != nil {
			return err
		}
	}
	err := f.t.flush(ctx)
	f.all = slices.DeleteFunc(f.all, func(e *entry) bool { return e.same })
	return err
}

// findFacets finds the facet of each, or adds it.
func (f *filing) findFacets(ctx context.Context) error {
	ids := map[facet]int64{}
	for _, statement := range []statement{f.facet, f.addFacet} {
		for _, e := range f.all {
			is := e.facet()
			if _, ok := ids[is]; ok {
				continue
			}
			ids[is] = 0 // it is asked for
			err := f.t.ask(ctx, statement, func(r rows) error {
				var id int64
				err := first(r, &id)
				if ids[is] = id; errors.Is(err, sql.ErrNoRows) {
					err = nil
				}
				return e.named(err)
			}, is.line, string(is.view), string(is.result))
			if err != nil {
				return err
			}
		}
		if err := f.t.flush(ctx); err != nil {
			return err
		}
		for is, id := range ids {
			if id == 0 {
				delete(ids, is)
			}
		}
	}
	for _, e := range f.all {
		e.row.facet = ids[e.facet()]
		e.words = wordsOf(&e.says, e.noteTexts, e.row.facet)
	}
	return nil
}

// findBefore finds what the log has of each.
func (f *filing) findBefore(ctx context.Context) error {
	for _, e := range f.all {
		if err := f.t.ask(ctx, f.find, e.read, e.says.Record); err != nil {
			return err
		}
	}
	return f.t.flush(ctx)
}

// read reads what the log has.
func (e *entry) read(r rows) error {
	err := first(r, append([]any{&e.was, &e.startedAt}, e.before.into()...)...)
	if e.there = err == nil; errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return e.named(err)
}

// findPlaces gives each that needs one the first place that nobody has, from the first of its time on.
func (f *filing) findPlaces(ctx context.Context) error {
	var without []*entry
	for _, e := range f.all {
		if e.moves() {
			e.n = place(time.UnixMilli(e.row.startedAt))
			without = append(without, e)
		}
	}
	last := map[int64]int64{} // the first place of a millisecond -> the last one there that is taken
	for len(without) > 0 {
		for _, e := range without {
			if err := f.lastPlace(ctx, e, last); err != nil {
				return err
			}
		}
		if err := f.t.flush(ctx); err != nil {
			return err
		}
		without = slices.DeleteFunc(without, func(e *entry) bool {
			if last[e.n]+1 == e.n+placesPerMs {
				e.n += placesPerMs
				return false
			}
			last[e.n]++
			e.n = last[e.n]
			return true
		})
	}
	return nil
}

func (f *filing) lastPlace(ctx context.Context, e *entry, last map[int64]int64) error {
	from := e.n
	if _, asked := last[from]; asked {
		return nil
	}
	last[from] = from - 1
	return f.t.ask(ctx, f.last, func(r rows) error {
		var taken sql.NullInt64
		err := first(r, &taken)
		if taken.Valid {
			last[from] = taken.Int64
		}
		return e.named(err)
	}, from, from+placesPerMs)
}

func (f *filing) write(ctx context.Context) error {
	for _, e := range f.all {
		var err error
		if e.there && e.moves() {
			err = f.takeOut(ctx, e)
		}
		switch {
		case err != nil:
		case e.moves():
			err = f.insert(ctx, e)
		default:
			err = f.update(ctx, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// put carries out a statement, where the database needs it.
func (f *filing) put(ctx context.Context, s statement, e *entry, args ...any) error {
	if s.text == "" {
		return nil
	}
	return f.t.do(ctx, s, func(_ int64, err error) error { return e.named(err) }, args...)
}

func (f *filing) insert(ctx context.Context, e *entry) error {
	words := append([]any{e.n}, e.words.columns()...)
	err := f.put(ctx, f.add, e, append([]any{e.n, e.says.Record}, e.row.columns()...)...)
	return errors.Join(err, f.put(ctx, f.addWords, e, words...), f.put(ctx, f.index, e, words...))
}

func (f *filing) update(ctx context.Context, e *entry) error {
	if err := f.put(ctx, f.change, e, append(e.row.columns(), e.was)...); err != nil || e.words == e.before {
		return err
	}
	words := append(e.words.columns(), e.was)
	return errors.Join(f.put(ctx, f.reindex, e, words...), f.put(ctx, f.changeWords, e, words...))
}

func (f *filing) takeOut(ctx context.Context, e *entry) error {
	return errors.Join(f.put(ctx, f.unindex, e, e.was), f.put(ctx, f.dropWords, e, e.was), f.put(ctx, f.drop, e, e.was))
}

// remove takes records out of the call log.
func (c *callStatements) remove(ctx context.Context, t transaction, records []string) error {
	f := filing{callStatements: c, t: t}
	for _, id := range records {
		f.all = append(f.all, &entry{says: board.LogEntry{Record: id}})
	}
	if err := f.findBefore(ctx); err != nil {
		return err
	}
	for _, e := range f.all {
		if !e.there {
			continue
		}
		if err := f.takeOut(ctx, e); err != nil {
			return err
		}
	}
	return nil
}
