package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/app"
	"github.com/callboard-dev/callboard/internal/export"
)

type exportCommand struct {
	Which  which            `embed:""`
	File   string           `arg:"" optional:"" type:"path" help:"Where to keep it; only you can read it. Default: print it."`
	Format api.ExportFormat `default:"jsonl" enum:"jsonl,csv,vcard" help:"jsonl: all of it, for import. csv: the call log. vcard: the people."`
}

func (c *exportCommand) Run(ctx context.Context) (err error) {
	board, _, err := c.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	if c.File == "" {
		return board.Export(ctx, c.Format, os.Stdout)
	}
	if _, err := os.Lstat(c.File); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already: choose another name, or remove it", c.File)
	}
	half := c.File + ".part"
	if err := os.Remove(half); err != nil && !errors.Is(err, fs.ErrNotExist) { // one that was left there may be anybody's to read, or a link
		return err
	}
	f, err := os.OpenFile(half, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(half)
		}
	}()
	if err := errors.Join(board.Export(ctx, c.Format, f), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("the export broke off, and nothing was kept of it: %w", plain(err))
	}
	if err := os.Rename(half, c.File); err != nil {
		return err
	}
	fmt.Printf("%s is complete. It has calls and people in it: keep it as you keep the database.\n", c.File)
	return nil
}

type importCommand struct {
	configured `embed:""`

	File string `arg:"" help:"What callboard export has written (jsonl), or - for standard input." type:"path"`
}

func (c *importCommand) Run(ctx context.Context) error {
	_, settings, err := c.load()
	if err != nil {
		return err
	}
	var in io.Reader = os.Stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	into, err := app.OpenStore(ctx, settings)
	if err != nil {
		return err
	}
	added, there, err := into.Import(ctx, export.NewReader(bufio.NewReader(in)).Next)
	if err = errors.Join(err, into.Close()); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	fmt.Printf("Added %d records; %d were there already and were left as they are.\n", added, there)
	return nil
}
