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

// meta is what is kept under a key; empty: nothing.
func meta(ctx context.Context, db querier, key string) (string, error) {
	var value string
	err := db.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = ?`, key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

func setMeta(ctx context.Context, t transaction, key, value string) error {
	put := statement{text: `INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`}
	return t.do(ctx, put, failing("note %s", key), key, value)
}

func (s *Store) setMeta(ctx context.Context, key, value string) error {
	return s.within(ctx, func(t transaction) error { return setMeta(ctx, t, key, value) })
}

func (s *Store) dropMeta(ctx context.Context, key string) error {
	return s.within(ctx, func(t transaction) error {
		return t.do(ctx, statement{text: `DELETE FROM meta WHERE key = ?`}, nil, key)
	})
}
