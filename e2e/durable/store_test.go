//go:build linux

package durable

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/store"
)

// autopsy reads what a killed program has left.
func (s *story) autopsy(after int) (epoch string, more []*board.Change, err error) {
	s.t.Helper()
	if s.address == "" {
		return autopsy(s.t, filepath.Join(s.folder, "data"), after)
	}
	db, err := sql.Open("pgx", s.address)
	if err != nil {
		return "", nil, err
	}
	defer db.Close()
	// What the server was told before the program was killed it still does.
	within(s.t, patience, "the server has let go of the killed program", func() bool {
		var left int
		err := db.QueryRow("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").Scan(&left)
		return err != nil || left == 0
	})
	return left(db, "$1", after)
}

// autopsy looks at a copy: to open the database would mend it.
func autopsy(t *testing.T, data string, after int) (epoch string, more []*board.Change, err error) {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "callboard.db")
	for _, suffix := range []string{"", "-wal", ".commits"} {
		content, err := os.ReadFile(filepath.Join(data, "callboard.db"+suffix))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		if err := os.WriteFile(path+suffix, content, 0o600); err != nil {
			return "", nil, err
		}
	}
	defer os.RemoveAll(folder)
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return "", nil, err
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		return "", nil, fmt.Errorf("integrity_check: %s, %v", verdict, err)
	}
	if epoch, _, err := left(db, "?", after); err != nil || epoch == "" {
		return "", nil, err
	}
	// What is in the journal only is durable as well.
	s, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		return "", nil, err
	}
	if err := s.Close(); err != nil {
		return "", nil, err
	}
	return left(db, "?", after)
}

// left is what a database has of the log.
func left(db *sql.DB, given string, after int) (epoch string, more []*board.Change, err error) {
	if err := db.QueryRow("SELECT value FROM meta WHERE key = 'epoch'").Scan(&epoch); err != nil {
		if errors.Is(err, sql.ErrNoRows) || strings.Contains(err.Error(), "no such table") || strings.Contains(err.Error(), "does not exist") {
			return "", nil, nil // it was killed before it had begun
		}
		return "", nil, err
	}
	rows, err := db.Query("SELECT body FROM changes WHERE seq > "+given+" ORDER BY seq", after)
	if err != nil {
		return "", nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var body sql.RawBytes
		c := new(board.Change)
		if err := errors.Join(rows.Scan(&body), json.Unmarshal(body, c)); err != nil {
			return "", nil, err
		}
		more = append(more, c)
	}
	return epoch, more, rows.Err()
}
