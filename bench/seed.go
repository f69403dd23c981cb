//go:build linux

package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stored is a record as Callboard keeps it, with its changes: what copies are made of.
type stored struct {
	id, line, origin, state, number, body string
	rev, openedAt                         int64
	changes                               []storedChange
}

type storedChange struct {
	seq, at    int64
	kind, body string
}

func openDatabase(file string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(5000)")
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

func readStored(db *sql.DB, where string) (*stored, error) {
	var s stored
	err := db.QueryRow(`SELECT id, rev, line, origin, state, opened_at, number, body FROM records WHERE `+where+` LIMIT 1`).
		Scan(&s.id, &s.rev, &s.line, &s.origin, &s.state, &s.openedAt, &s.number, &s.body)
	if err != nil {
		return nil, err
	}
	rows, err := db.Query(`SELECT seq, at, kind, body FROM changes WHERE record = ? ORDER BY seq`, s.id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c storedChange
		if err := rows.Scan(&c.seq, &c.at, &c.kind, &c.body); err != nil {
			return nil, err
		}
		s.changes = append(s.changes, c)
	}
	return &s, rows.Err()
}

// lookup is an open record of a number, as it is stored.
func lookup() (*stored, error) {
	var found *stored
	err := measured(callboardPeer, func(s server) error {
		c := s.(*callboard)
		if err := c.open(1); err != nil {
			return err
		}
		db, err := openDatabase(filepath.Join(c.folder, "data", "callboard.db"))
		if err != nil {
			return err
		}
		defer db.Close()
		found, err = readStored(db, "state = 'open'")
		return err
	})
	return found, err
}

// closedCall is a call of the demo with what its apps have said, as it is stored. It is marked as closed here: the board closes
// one minutes after its end.
func closedCall() (*stored, error) {
	folder, err := os.MkdirTemp(scratch, "")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	cmd := exec.Command(program, "demo", "--no-open", "--json", "--listen", "127.0.0.1:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Env = append(os.Environ(), "TMPDIR="+folder)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		files, _ := filepath.Glob(filepath.Join(folder, "callboard-demo-*", "callboard.db"))
		if len(files) == 0 {
			continue
		}
		db, err := openDatabase(files[0])
		if err != nil {
			return nil, err
		}
		found, err := readStored(db, "origin = 'call' AND rev >= 12")
		db.Close()
		if err == nil {
			found.state, found.body = "closed", strings.Replace(found.body, `"state":"open"`, `"state":"closed"`, 1)
			return found, nil
		}
	}
	return nil, errors.New("the demo has made no call in two minutes")
}

// copies makes a folder for Callboard's data with so many copies of a record. The changes of the last thousand are there too:
// they are more than Callboard reads at its start.
func (s *stored) copies(folder string, n int) (ids []string, err error) {
	c, err := startCallboard(folder, false) // makes the database
	if err != nil {
		return nil, err
	}
	if err := c.open(1); err != nil {
		return nil, err
	}
	c.stop()
	db, err := openDatabase(filepath.Join(folder, "data", "callboard.db"))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var seq int64
	if err := db.QueryRow(`SELECT max(seq) FROM changes`).Scan(&seq); err != nil {
		return nil, err
	}
	tx, err := db.Begin()
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // after Commit it does nothing
	for i := range n {
		id := fmt.Sprintf("rec_copy%08d", i)
		ids = append(ids, id)
		if _, err := tx.Exec(`INSERT INTO records (id, rev, line, origin, state, opened_at, number, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			id, s.rev, s.line, s.origin, s.state, s.openedAt+int64(i), s.number, strings.ReplaceAll(s.body, s.id, id)); err != nil {
			return nil, err
		}
		if i < n-1000 {
			continue
		}
		for _, change := range s.changes {
			seq++
			body := strings.Replace(strings.ReplaceAll(change.body, s.id, id), fmt.Sprintf(`"seq":%d,`, change.seq), fmt.Sprintf(`"seq":%d,`, seq), 1)
			if _, err := tx.Exec(`INSERT INTO changes (seq, at, record, kind, body) VALUES (?, ?, ?, ?, ?)`, seq, change.at, id, change.kind, body); err != nil {
				return nil, err
			}
		}
	}
	// The call log need not follow: nobody reads it here.
	if _, err := tx.Exec(`INSERT INTO meta (key, value) VALUES ('calls', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, fmt.Sprint(seq)); err != nil {
		return nil, err
	}
	return ids, tx.Commit()
}
