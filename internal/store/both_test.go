package store

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/callboard-dev/callboard/internal/store/pgtest"
)

// both runs a test once in SQLite and once in PostgreSQL: what holds of the store holds of each. at is an empty place; openStore opens it.
func both(t *testing.T, test func(t *testing.T, at string)) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, file(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, pgtest.Database(t))
	})
}

func inPostgres(at string) bool { return strings.HasPrefix(at, "postgres:") }

// another is an empty place of the same kind.
func another(t testing.TB, at string) string {
	t.Helper()
	if inPostgres(at) {
		return pgtest.Database(t)
	}
	return file(t)
}

// undamaged has SQLite look at its file. PostgreSQL's tools do that at the server.
func undamaged(t *testing.T, s *Store) {
	t.Helper()
	verdict := "ok"
	var err error
	if s.dialect == &sqlite {
		err = s.writer.QueryRow("PRAGMA integrity_check").Scan(&verdict)
	}
	if err != nil || verdict != "ok" {
		t.Fatalf("%s, %v", verdict, err)
	}
}

// execute does something to a database past the store.
func execute(t *testing.T, s *Store, text string) {
	t.Helper()
	if _, err := s.writer.Exec(text); err != nil {
		t.Fatal(err)
	}
}

// full fills the disk of a store until free is called, and tells what is said of it. PostgreSQL says so itself, for one table.
func full(t *testing.T, s *Store) (says string, free func()) {
	t.Helper()
	run := func(text string) { t.Helper(); execute(t, s, text) }
	if s.dialect == &sqlite {
		var pages int
		if err := s.writer.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
			t.Fatal(err)
		}
		run(fmt.Sprintf("PRAGMA max_page_count = %d", pages)) // it may not grow by a page
		return "full", func() { run("PRAGMA max_page_count = 1000000") }
	}
	run(`CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$`)
	run(`CREATE TRIGGER is_full BEFORE INSERT ON changes EXECUTE FUNCTION is_full()`)
	return "No space left on device): free space on the disk of the database server; Callboard goes on by itself", func() { run("DROP TRIGGER is_full ON changes") }
}

// refusing has the database refuse rows that are written to a table, until it is told not to.
func refusing(t *testing.T, s *Store, table, which string) (stop func()) {
	t.Helper()
	run := func(text string) { t.Helper(); execute(t, s, text) }
	if s.dialect == &sqlite {
		run(`CREATE TRIGGER refusing BEFORE INSERT ON ` + table + ` WHEN ` + which + ` BEGIN SELECT RAISE(ABORT, 'it is refused'); END`)
		return func() { run(`DROP TRIGGER refusing`) }
	}
	run(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'it is refused'; END $$`)
	run(`CREATE TRIGGER refusing BEFORE INSERT ON ` + table + ` FOR EACH ROW WHEN (` + which + `) EXECUTE FUNCTION refuse()`)
	return func() { run(`DROP TRIGGER refusing ON ` + table) }
}

// tableFiles are those that the server has of a database's tables and indexes, with all that is in its memory written to them.
func tableFiles(t testing.TB, at string) (names []string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "CHECKPOINT"); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), `WITH own AS (SELECT oid, reltoastrelid FROM pg_class WHERE relnamespace = current_schema()::regnamespace),
		every AS (SELECT oid FROM own UNION SELECT reltoastrelid FROM own UNION SELECT indexrelid FROM pg_index JOIN own ON indrelid = reltoastrelid)
		SELECT current_setting('data_directory') || '/' || pg_relation_filepath(oid) FROM every WHERE pg_relation_filepath(oid) IS NOT NULL`)
	if err != nil {
		t.Fatal(err)
	}
	if names, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(names) < 20 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	return names
}
