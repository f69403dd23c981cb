//go:build linux

package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// likeOurs is how Callboard opens its database.
const likeOurs = "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate"

// schema is what a claim touches of Callboard's.
const schema = `
CREATE TABLE records (id TEXT PRIMARY KEY, rev INTEGER NOT NULL, line TEXT NOT NULL, origin TEXT NOT NULL, state TEXT NOT NULL,
	opened_at INTEGER NOT NULL, number TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX records_by_state ON records (state, opened_at);
CREATE INDEX records_by_number ON records (number, opened_at);
CREATE TABLE changes (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, record TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL) STRICT;`

// What a claim writes, in bytes.
const (
	changeBody = 470
	recordBody = 800
)

// bareSQLite writes what claims would make Callboard write, with nothing else around it.
type bareSQLite struct {
	db                     *sql.DB
	addChange, keepRecord  *sql.Stmt
	change, record, folder string
	seq                    int
}

const sqliteRecords = 512

func openBare() (*bareSQLite, error) {
	folder, err := os.MkdirTemp(scratch, "")
	if err != nil {
		return nil, err
	}
	b := &bareSQLite{folder: folder, change: fillerText(changeBody), record: fillerText(recordBody)}
	if b.db, err = sql.Open("sqlite", "file:"+filepath.Join(folder, "bare.db")+likeOurs); err != nil {
		return nil, err
	}
	b.db.SetMaxOpenConns(1)
	if _, err := b.db.Exec(schema); err != nil {
		return nil, err
	}
	tx, err := b.db.Begin()
	if err != nil {
		return nil, err
	}
	for i := range sqliteRecords {
		if _, err := tx.Exec(`INSERT INTO records VALUES (?, 1, '1001', 'lookup', 'open', ?, ?, ?)`, recordName(i), i, fmt.Sprint(i), b.record); err != nil {
			return nil, err
		}
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	if b.addChange, err = b.db.Prepare(`INSERT INTO changes (seq, at, record, kind, body) VALUES (?, ?, ?, ?, ?)`); err != nil {
		return nil, err
	}
	b.keepRecord, err = b.db.Prepare(`UPDATE records SET rev = ?, body = ? WHERE id = ?`)
	return b, err
}

func fillerText(size int) string {
	text := make([]byte, size)
	for i := range text {
		text[i] = filler[i%10]
	}
	return string(text)
}

func recordName(i int) string { return fmt.Sprintf("rec_%012d", i%sqliteRecords) }

func (b *bareSQLite) close() {
	b.db.Close()
	os.RemoveAll(b.folder)
}

// commit writes a group of claims.
func (b *bareSQLite) commit(group int) error {
	tx, err := b.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // after Commit it does nothing
	for range group {
		b.seq++
		if _, err := tx.Stmt(b.addChange).Exec(b.seq, b.seq, recordName(b.seq), "record.changed", b.change); err != nil {
			return err
		}
		if _, err := tx.Stmt(b.keepRecord).ExecContext(context.Background(), b.seq, b.record, recordName(b.seq)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// measureSQLite is how many claims a second SQLite takes at a size of the group.
func measureSQLite(group int, length time.Duration) (sample, error) {
	b, err := openBare()
	if err != nil {
		return sample{}, err
	}
	defer b.close()
	for range 20 {
		if err := b.commit(group); err != nil {
			return sample{}, err
		}
	}
	times, claims := &histogram{}, 0
	used := watchUsage(os.Getpid())
	for used.began.Add(length).After(time.Now()) {
		began := time.Now()
		if err := b.commit(group); err != nil {
			return sample{}, err
		}
		times.add(time.Since(began))
		claims += group
	}
	passed, server, others := used.end()
	s := sample{rate: float64(claims) / passed.Seconds(), cpu: float64(server.Microseconds()) / float64(claims), others: others}
	times.into(&s)
	return s, nil
}
