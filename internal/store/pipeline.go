package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// mostTogether are the statements that go to a server together, so that they need not all be in memory at once.
const mostTogether = 500

// undoWithin is how long a transaction that has failed waits to be undone; the server undoes it by itself when its connection ends.
const undoWithin = time.Second

// pipeline is a transaction of PostgreSQL. What it is given goes there when somebody waits for it, the beginning with the first of it.
type pipeline struct {
	conn  *sql.Conn
	begun bool
	queue *pgx.Batch
	told  []func(pgx.BatchResults) error // of each in the queue
}

func beginPipeline(ctx context.Context, db *sql.DB) (transaction, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	p := &pipeline{conn: conn, queue: &pgx.Batch{}}
	p.add("begin", nil, func(r pgx.BatchResults) error {
		_, err := r.Exec()
		p.begun = err == nil
		return err
	})
	return p, nil
}

// driver is the connection below database/sql.
func (p *pipeline) driver(do func(c *pgx.Conn) error) error {
	return p.conn.Raw(func(c any) error { return do(c.(asking).Conn.Conn()) })
}

func (p *pipeline) add(text string, args []any, told func(pgx.BatchResults) error) {
	args = slices.Clone(args)
	for i, arg := range args {
		if text, ok := arg.(string); ok && utf8Text(text) != text {
			args[i] = utf8Text(text)
		}
	}
	p.queue.Queue(numbered(text), args...)
	p.told = append(p.told, told)
}

func (p *pipeline) full(ctx context.Context) error {
	if len(p.told) < mostTogether {
		return nil
	}
	return p.flush(ctx)
}

func (p *pipeline) do(ctx context.Context, s statement, told func(int64, error) error, args ...any) error {
	p.add(s.text, args, func(r pgx.BatchResults) error {
		tag, err := r.Exec()
		if told == nil {
			return err
		}
		return told(tag.RowsAffected(), err)
	})
	return p.full(ctx)
}

func (p *pipeline) ask(ctx context.Context, s statement, told func(rows) error, args ...any) error {
	p.add(s.text, args, func(r pgx.BatchResults) error {
		found, err := r.Query()
		if err != nil {
			return told(none{err})
		}
		defer found.Close()
		return told(found)
	})
	return p.full(ctx)
}

// flush sends what is queued and reads what came of it, up to the first that failed: what follows that the server has not done.
func (p *pipeline) flush(ctx context.Context) error {
	if len(p.told) == 0 {
		return nil
	}
	queue, told := p.queue, p.told
	p.queue, p.told = &pgx.Batch{}, nil
	var failed error
	err := p.driver(func(c *pgx.Conn) error {
		results := c.SendBatch(ctx, queue)
		for _, tell := range told {
			if failed = tell(results); failed != nil {
				break
			}
		}
		err := results.Close()
		if failed != nil && !p.begun && c.IsClosed() && ctx.Err() == nil {
			failed = notBegun{failed}
		}
		return err
	})
	return cmp.Or(failed, err) // the other is the same, or what came of it
}

func (p *pipeline) commit(ctx context.Context) error {
	if err := p.flush(ctx); err != nil {
		return err
	}
	return p.driver(func(c *pgx.Conn) error {
		tag, err := c.Exec(ctx, "commit")
		if err == nil && tag.String() != "COMMIT" {
			return errors.New("the server has undone it")
		}
		return err
	})
}

// rollback lets go of the connection. One that cannot be brought to rest is given up.
func (p *pipeline) rollback(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWithin)
	defer cancel()
	p.driver(func(c *pgx.Conn) error {
		if c.IsClosed() || c.PgConn().TxStatus() == 'I' {
			return nil
		}
		_, err := c.Exec(ctx, "rollback")
		return err
	})
	p.conn.Close()
}
