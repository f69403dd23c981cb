package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/config"
	"github.com/callboard-dev/callboard/internal/store"
)

type storeCommand struct {
	Backup  backupCommand  `cmd:"" help:"Copy the database into a file, while Callboard runs or not."`
	Restore restoreCommand `cmd:"" help:"Put a backup in the place of the database. Callboard must not run on it."`
	Copy    copyCommand    `cmd:"" help:"Move all from the file in the data folder into the PostgreSQL database of callboard.yaml. Callboard must not run."`
	Check   checkCommand   `cmd:"" help:"Read all of the database and say what is wrong, and what to do."`
}

// database is the file that a configuration leads to.
func (c configured) database() (string, error) {
	_, settings, err := c.load()
	if err != nil {
		return "", err
	}
	if settings.Store != "" {
		return "", errors.New("the database is in PostgreSQL (store in callboard.yaml), not in a file: back it up, put it back and check it with that server's own pg_dump, pg_restore and pg_amcheck")
	}
	return filepath.Join(config.DataFolder(settings.Data), "callboard.db"), nil
}

type backupCommand struct {
	configured `embed:""`

	File string `arg:"" type:"path" help:"Where to keep it. Only you can read it; a file that is there is not overwritten."`
}

func (c *backupCommand) Run(ctx context.Context) error {
	path, err := c.database()
	if err != nil {
		return err
	}
	if err := store.Backup(ctx, path, c.File); err != nil {
		return err
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return err
	}
	fmt.Printf("%s is whole, with %.1f MB. It has calls and people in it: keep it as you keep the database.\n", c.File, float64(info.Size())/1e6)
	return nil
}

type restoreCommand struct {
	configured `embed:""`

	File string `arg:"" type:"existingfile" help:"A backup."`
	Yes  bool   `help:"Do not ask."`
}

func (c *restoreCommand) Run(ctx context.Context) error {
	path, err := c.database()
	if err != nil {
		return err
	}
	if !c.Yes {
		if err := sure("What came since that backup will not be there any more; the database that is there now is kept beside it. Type yes to restore: ", "nothing was restored"); err != nil {
			return err
		}
	}
	done, err := store.Restore(ctx, path, c.File, time.Now())
	if err != nil {
		return err
	}
	fmt.Printf("Restored: %s is as it was in %s. Apps that resume are told to list anew.\n", path, c.File)
	if done.Aside != "" {
		fmt.Printf("What was there before is in %s: remove it once you are sure.\n", done.Aside)
	}
	if len(done.Erasures) > 0 {
		fmt.Printf("Erased since that backup, and there again: %s. Erase these people again.\n", strings.Join(done.Erasures, ", "))
	}
	if len(done.Apps) > 0 {
		fmt.Printf("Removed since that backup, and let in again: %s. Remove them again: `%s app remove`.\n", strings.Join(done.Apps, ", "), self())
	}
	return nil
}

type checkCommand struct {
	configured `embed:""`

	Mend bool `help:"Make the call log and its index anew first. Callboard must not run."`
}

// wrong is the error of a database in which something was found.
type wrong int

func (w wrong) Error() string {
	return fmt.Sprintf("%d kinds of fault were found in the database", int(w))
}

func (c *checkCommand) Run(ctx context.Context) error {
	path, err := c.database()
	if err != nil {
		return err
	}
	if c.Mend {
		if err := store.Mend(ctx, path); err != nil {
			return err
		}
	}
	found, idle, err := store.Check(ctx, path)
	for _, f := range found {
		fmt.Printf("Wrong: %s\n  Do: %s\n", f.What, f.Remedy)
	}
	switch {
	case err != nil:
		return err
	case len(found) > 0:
		return wrong(len(found))
	}
	fmt.Printf("%s is whole: every record, every change, the call log", path)
	if !idle {
		fmt.Println(". The search index is compared only while no Callboard runs on it.")
		return nil
	}
	fmt.Println(" and its index.")
	return nil
}
