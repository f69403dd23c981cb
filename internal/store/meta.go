package store

import (
	"context"
	"database/sql"
	"errors"
)

// The keys of meta.
const (
	metaEpoch     = "epoch"
	metaCalls     = "calls"      // the seq up to which the call log follows the records
	metaLettingGo = "letting_go" // what is still to be struck from the log
	metaUnclean   = "unclean"    // something has gone and lies in the file still
	metaOverwrite = "overwrites" // what is deleted in this file is overwritten
)

// execer is a database, or a transaction of it.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// meta is what is kept under a key; empty: nothing.
func meta(ctx context.Context, db querier, key string) (string, error) {
	var value string
	err := db.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = ?`, key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

func setMeta(ctx context.Context, db execer, key, value string) error {
	_, err := db.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	return err
}

func dropMeta(ctx context.Context, db execer, key string) error {
	_, err := db.ExecContext(ctx, `DELETE FROM meta WHERE key = ?`, key)
	return err
}
