package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/store/pgtest"
)

// TestCopy: all that is in a file of SQLite is in PostgreSQL after, and goes on there; one that is broken off leaves nothing, and
// neither side may be in use or, at the target, have anything in it.
func TestCopy(t *testing.T) {
	t.Parallel()
	path, at := file(t), pgtest.Database(t)
	d := differential{t: t, r: rand.New(rand.NewPCG(5, 5)), now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	d.a, d.b = openStore(t, path), openStore(t, file(t))
	for range 4 {
		d.write()
	}
	if err := d.a.BeginErasure(t.Context(), board.Match{ID: "era_1", Numbers: []string{"+4599999999"}}, "", d.now); err != nil {
		t.Fatal(err)
	}
	if _, err := d.a.writer.Exec(`INSERT INTO picks VALUES ('desk', '+4512345678', 'ref', 1)`); err != nil {
		t.Fatal(err)
	}
	quiet := func(string, int64, int64) {}
	if _, err := Copy(t.Context(), path, at, quiet); err == nil || !strings.Contains(err.Error(), "in use by another Callboard") {
		t.Errorf("one that is in use: %v", err)
	}
	before, err := d.a.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), file(t), at, quiet); err == nil || !strings.Contains(err.Error(), "there is no database") {
		t.Errorf("one that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Copy(ctx, path, at, func(table string, _, _ int64) {
		if table == "calls" {
			cancel()
		}
	}); err == nil {
		t.Error("it was not broken off")
	}
	told := map[string]int64{}
	rows, err := Copy(t.Context(), path, at, func(table string, rows, of int64) {
		if told[table] = rows; rows > of {
			t.Errorf("%s: %d of %d rows", table, rows, of)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, n := range told {
		sum += n
	}
	if rows != sum || rows < 500 || len(told) != len(copied) || told["picks"] != 1 || told["erasures"] != 1 {
		t.Errorf("%d rows, told %v", rows, told)
	}
	if _, err := Copy(t.Context(), path, at, quiet); err == nil || !strings.Contains(err.Error(), "the target has apps in it already") {
		t.Errorf("into one that is not empty: %v", err)
	}
	// The copy answers as the file does, and goes on.
	d.a, d.b = openStore(t, path), openStore(t, at)
	after, err := d.b.Load(t.Context())
	if err != nil || after.Epoch != before.Epoch || after.Seq != before.Seq {
		t.Errorf("epoch %s, seq %d, %v; want %s, %d: cursors are to stay good", after.Epoch, after.Seq, err, before.Epoch, before.Seq)
	}
	d.ask()
	d.write()
	d.ask()
}

// TestCopyHasEveryTable: none is forgotten.
func TestCopyHasEveryTable(t *testing.T) {
	t.Parallel()
	s := openStore(t, file(t))
	rows, err := s.readers.Query(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'call_index%' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version' ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var want, got []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		want = append(want, name)
	}
	for _, c := range copied {
		got = append(got, c.table)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestCopyCompares: what came over otherwise than it was is found.
func TestCopyCompares(t *testing.T) {
	t.Parallel()
	rows := [][]any{{int64(1), "a", []byte("b")}, {int64(2), "", []byte{}}}
	of := func(rows ...[]any) *sum {
		s := newSum()
		for _, r := range rows {
			s.add(r)
		}
		return s
	}
	if !of(rows...).equal(of(rows...)) {
		t.Error("equal rows are not")
	}
	for _, other := range [][][]any{rows[:1], {rows[1], rows[0]}, {rows[0], {int64(2), "", []byte("x")}}, {rows[0], {"2", "", []byte{}}}, {{int64(1), "ab", []byte("")}, rows[1]}} {
		if of(rows...).equal(of(other...)) {
			t.Error(fmt.Sprint(other, " is taken for ", rows))
		}
	}
}
