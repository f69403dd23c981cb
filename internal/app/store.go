package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/callboard-dev/callboard/internal/config"
	"github.com/callboard-dev/callboard/internal/store"
)

// OpenStore opens the database that is configured. The data folder is there then in any case: it has the token.
func OpenStore(ctx context.Context, c config.Config) (*store.Store, error) {
	folder := config.DataFolder(c.Data)
	if c.Store == "" {
		return store.OpenSQLite(ctx, filepath.Join(folder, "callboard.db"))
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the data folder: %w: choose another one (data in callboard.yaml)", err)
	}
	return store.OpenPostgres(ctx, string(c.Store))
}

// orElsewhere adds what else helps one that is to run where another has the database.
func orElsewhere(err error, c config.Config) error {
	switch {
	case !errors.Is(err, store.ErrInUse):
		return err
	case c.Store == "":
		return fmt.Errorf("%w, or give this one a data folder of its own (data in callboard.yaml)", err)
	}
	return fmt.Errorf("%w, or give this one a database of its own (store in callboard.yaml)", err)
}
