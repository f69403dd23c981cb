package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A schema goes up only. The way back is the copy that is made of the database before it is brought up to date: callboard.db.schema-6,
// say, for a program that knows schema 6. It is not kept for long, for it has what is erased since.

var errNoCopy = errors.New("no copy of it can be made before it is brought up to date")

const (
	FormerEnd     = ".schema-" // stands between the name of the database and its schema
	keepFormerFor = 30 * 24 * time.Hour
)

// keepFormer copies the database as it is, if its schema is about to change, and forgets older copies.
func (s *Store) keepFormer(ctx context.Context, version, newest int64) error {
	for _, name := range formers(s.path) {
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > keepFormerFor {
			os.Remove(name)
		}
	}
	if version == 0 || version >= newest {
		return nil
	}
	if err := copyInto(ctx, s.writer, fmt.Sprint(s.path, FormerEnd, version), func(string) error { return nil }); err != nil {
		return fmt.Errorf("%w (%w)", errNoCopy, bare(err))
	}
	return nil
}

// formers are the copies that there are, the one that was made last at the end.
func formers(path string) []string {
	return slices.DeleteFunc(copies(path), func(name string) bool { return strings.HasSuffix(name, halfEnd) })
}

// copies are those and what was left of one that was not finished.
func copies(path string) []string {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(path)+FormerEnd) {
			names = append(names, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	slices.SortFunc(names, func(a, b string) int { return madeAt(a).Compare(madeAt(b)) })
	return names
}

func madeAt(name string) time.Time {
	info, err := os.Stat(name)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// orFormer is the way back to the newest copy, for a sentence; empty if there is none.
func orFormer(path string) string {
	all := formers(path)
	if len(all) == 0 {
		return ""
	}
	return "; or go back to how it was before the upgrade and lose what came since: `callboard store restore " + all[len(all)-1] + "`"
}

// dropFormers takes the copies away, also what an upgrade or a restore that was killed has left of one: what is erased is not to be left in
// them. Neither is under way, for the database is locked.
func (s *Store) dropFormers() error {
	all := copies(s.path)
	for _, end := range storeEnds {
		all = append(all, s.path+restoreEnd+end)
	}
	for _, name := range all {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the copy from before an upgrade: %w", err)
		}
	}
	return nil
}

// syncFolder makes sure that names in a folder are kept. Windows needs nothing for it.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
