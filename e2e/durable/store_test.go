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

	_ "modernc.org/sqlite"

	"github.com/callboard-dev/callboard/internal/board"
)

// autopsy reads what a killed program has left. It looks at a copy: to open the database would mend it.
func autopsy(t *testing.T, data string, after int) (epoch string, more []*board.Change, err error) {
	t.Helper()
	folder := t.TempDir()
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(filepath.Join(data, "callboard.db"+suffix))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		if err := os.WriteFile(filepath.Join(folder, "callboard.db"+suffix), content, 0o600); err != nil {
			return "", nil, err
		}
	}
	defer os.RemoveAll(folder)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "callboard.db"))
	if err != nil {
		return "", nil, err
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		return "", nil, fmt.Errorf("integrity_check: %s, %v", verdict, err)
	}
	if err := db.QueryRow("SELECT value FROM meta WHERE key = 'epoch'").Scan(&epoch); err != nil {
		if errors.Is(err, sql.ErrNoRows) || strings.Contains(err.Error(), "no such table") {
			return "", nil, nil // it was killed before it had begun
		}
		return "", nil, err
	}
	rows, err := db.Query("SELECT body FROM changes WHERE seq > ? ORDER BY seq", after)
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
