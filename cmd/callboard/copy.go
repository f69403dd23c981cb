package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/config"
	"github.com/callboard-dev/callboard/internal/store"
)

type copyCommand struct {
	configured `embed:""`
}

func (c *copyCommand) Run(ctx context.Context) error {
	_, settings, err := c.load()
	if err != nil {
		return err
	}
	if settings.Store == "" {
		return errors.New("it is not said where to: write store: postgres://callboard@db.example.com/callboard into callboard.yaml, with your server's name")
	}
	path := filepath.Join(config.DataFolder(settings.Data), "callboard.db")
	progress := progress{out: os.Stderr, live: terminal(os.Stderr)}
	rows, err := store.Copy(ctx, path, string(settings.Store), progress.tell)
	if err != nil {
		return err
	}
	fmt.Printf("Copied %d rows; what was read back is the same. Callboard uses the new database from its next start.\n%s is as it was: remove it once you no longer need it.\n", rows, path)
	return nil
}

// progress tells how far a copy is: at a terminal in one line that changes, else now and then.
type progress struct {
	out  io.Writer
	live bool
	last time.Time
}

func (p *progress) tell(table string, rows, of int64) {
	done := rows == of
	if !done && time.Since(p.last) < time.Second {
		return
	}
	p.last = time.Now()
	begin, end := "", "\n"
	if p.live {
		begin = "\r\x1b[K"
		if !done {
			end = ""
		}
	}
	fmt.Fprintf(p.out, "%s%s: %d of %d%s", begin, strings.ReplaceAll(table, "_", " "), rows, of, end)
}
