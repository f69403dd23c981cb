package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// transaction is one of either database. What it is given is done at once in a file, and at a server, which may be far, together with what
// follows: so nobody waits for an answer but where what follows depends on it, and the rest costs one round trip. When flush returns without an
// error all is done, in the order in which it was given, and was told in that order. What is told of something uses the transaction no further;
// args may be used again.
type transaction interface {
	// do carries out a statement. told hears how many rows it has touched, or why it failed, to which it may give a name; nil: nobody
	// needs to know.
	do(ctx context.Context, s statement, told func(rows int64, err error) error, args ...any) error
	// ask carries out a query. told reads the rows, which tell of a failure, too.
	ask(ctx context.Context, s statement, told func(r rows) error, args ...any) error
	flush(ctx context.Context) error
	commit(ctx context.Context) error
	rollback(ctx context.Context) // after commit it does nothing
}

// statement is the text of one, prepared where that saves something.
type statement struct {
	text     string
	prepared *sql.Stmt
}

func (s statement) close() error {
	if s.prepared == nil {
		return nil
	}
	return s.prepared.Close()
}

// rows are those of *sql.Rows, or of the driver.
type rows interface {
	Next() bool
	Scan(into ...any) error
	Err() error
}

// first reads the first of some rows, or says that there is none.
func first(r rows, into ...any) error {
	if r.Next() {
		return r.Scan(into...)
	}
	if err := r.Err(); err != nil {
		return err
	}
	return sql.ErrNoRows
}

// doOne carries out a statement, and waits for it.
func doOne(ctx context.Context, t transaction, s statement, args ...any) (rows int64, err error) {
	err = t.do(ctx, s, func(n int64, err error) error {
		rows = n
		return err
	}, args...)
	if err == nil {
		err = t.flush(ctx)
	}
	return rows, err
}

// askOne asks for one row, and waits for it.
func askOne(ctx context.Context, t transaction, s statement, args, into []any) error {
	var found error
	err := t.ask(ctx, s, func(r rows) error {
		if found = first(r, into...); errors.Is(found, sql.ErrNoRows) {
			return nil // nothing has failed
		}
		return found
	}, args...)
	if err == nil {
		err = t.flush(ctx)
	}
	if err != nil {
		return err
	}
	return found
}

// notBegun is a failure before anything was done, because a connection had ended since it was last used. There may be another.
type notBegun struct{ error }

func (e notBegun) Unwrap() error { return e.error }

// failure is one with the name of what has failed, such as a change.
type failure struct {
	what string
	error
}

func (f failure) Error() string { return f.what + ": " + f.error.Error() }
func (f failure) Unwrap() error { return f.error }

// failing gives a failure a name.
func failing(what string, args ...any) func(int64, error) error {
	return func(_ int64, err error) error {
		if err != nil {
			return failure{fmt.Sprintf(what, args...), err}
		}
		return nil
	}
}

// within does something in a transaction of the writer: all of it or nothing. do is called again where the way to a server had ended
// before anything was done: before its first flush it takes nothing that it cannot take twice.
func (s *Store) within(ctx context.Context, do func(t transaction) error) error {
	return s.transact(ctx, s.writer, do)
}

// reading asks several queries of one state of the database.
func (s *Store) reading(ctx context.Context, do func(t transaction) error) error {
	return s.transact(ctx, s.readers, do)
}

func (s *Store) transact(ctx context.Context, db *sql.DB, do func(t transaction) error) error {
	for again := readersAtOnce; ; again-- {
		err := s.transactOnce(ctx, db, do)
		if _, ok := errors.AsType[notBegun](err); !ok || again == 0 {
			return err
		}
	}
}

func (s *Store) transactOnce(ctx context.Context, db *sql.DB, do func(t transaction) error) error {
	t, err := s.dialect.begin(ctx, db)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer t.rollback(ctx)
	if err := do(t); err != nil {
		return err
	}
	return t.commit(ctx)
}

// direct is a transaction of a file: each statement is done when it is given.
type direct struct {
	tx          *sql.Tx
	last, bound *sql.Stmt // the last that was prepared, and that taken into it: often the next is the same
}

func beginDirect(ctx context.Context, db *sql.DB) (transaction, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	return &direct{tx: tx}, nil
}

func (d *direct) take(ctx context.Context, s *sql.Stmt) *sql.Stmt {
	if s != d.last {
		d.last, d.bound = s, d.tx.StmtContext(ctx, s)
	}
	return d.bound
}

func (d *direct) do(ctx context.Context, s statement, told func(int64, error) error, args ...any) error {
	var done sql.Result
	var err error
	if s.prepared != nil {
		done, err = d.take(ctx, s.prepared).ExecContext(ctx, args...)
	} else {
		done, err = d.tx.ExecContext(ctx, s.text, args...)
	}
	if told == nil {
		return err
	}
	var n int64
	if err == nil {
		n, err = done.RowsAffected()
	}
	return told(n, err)
}

func (d *direct) ask(ctx context.Context, s statement, told func(rows) error, args ...any) error {
	var found *sql.Rows
	var err error
	if s.prepared != nil {
		found, err = d.take(ctx, s.prepared).QueryContext(ctx, args...)
	} else {
		found, err = d.tx.QueryContext(ctx, s.text, args...)
	}
	if err != nil {
		return told(none{err})
	}
	defer found.Close()
	return told(found)
}

func (d *direct) flush(context.Context) error { return nil }

func (d *direct) commit(context.Context) error { return d.tx.Commit() }

func (d *direct) rollback(context.Context) { d.tx.Rollback() }

// none are the rows of a query that has failed.
type none struct{ err error }

func (none) Next() bool          { return false }
func (n none) Scan(...any) error { return n.err }
func (n none) Err() error        { return n.err }
