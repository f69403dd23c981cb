package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// What is deleted or written over is overwritten in the file (secure_delete), and the WAL is cut off once it is in the file.
// SQLite also moves rows between pages as they grow, and what it leaves behind there is overwritten only when the page is used
// again. VACUUM writes every page anew; commits wait for it. So it is done where it takes a moment, and in a larger file only
// where something is found.
const vacuumUpTo = 64 << 20 // bytes: about a second

// overwrite makes sure that nothing is left in the file from the time before deleted rows were overwritten.
func (s *Store) overwrite(ctx context.Context) error {
	if done, err := meta(ctx, s.writer, metaOverwrite); err != nil || done != "" {
		return err
	}
	if _, err := s.writer.ExecContext(ctx, `VACUUM`); err != nil {
		return fmt.Errorf("clean the file: %w", err)
	}
	return s.setMeta(ctx, metaOverwrite, "1")
}

// clean takes what was struck out of the file. words are looked for in its bytes; none are known after a restart.
func (s *Store) clean(ctx context.Context, words []string) error {
	if err := s.mergeIndex(ctx); err != nil {
		return err
	}
	if err := s.scrub(ctx); err != nil {
		return err
	}
	if err := s.cutWAL(ctx); err != nil {
		return err
	}
	info, err := os.Stat(s.path)
	if err != nil {
		return fmt.Errorf("clean the file: %w", bare(err))
	}
	vacuum := len(words) == 0 || info.Size() <= vacuumUpTo
	if !vacuum {
		if vacuum, err = contains(ctx, s.bytes(), words); err != nil {
			return fmt.Errorf("clean the file: %w", bare(err))
		}
	}
	if !vacuum {
		return nil
	}
	if _, err := s.writer.ExecContext(ctx, `VACUUM`); err != nil {
		return fmt.Errorf("clean the file: %w", err)
	}
	return s.cutWAL(ctx)
}

// tidy takes what has gone out of the index, the WAL, the copy from before an upgrade, and a file of up to 64 MB is written anew, for which commits
// wait about a second. In a larger one what is left lies in unused space until that is used again.
func (s *Store) tidy(ctx context.Context) error {
	if err := s.dropFormers(); err != nil {
		return err
	}
	info, err := os.Stat(s.path)
	if err != nil {
		return fmt.Errorf("clean the file: %w", bare(err))
	}
	if info.Size() <= vacuumUpTo {
		return s.clean(ctx, nil)
	}
	if err := s.mergeIndex(ctx); err != nil {
		return err
	}
	if err := s.scrub(ctx); err != nil {
		return err
	}
	return s.cutWAL(ctx)
}

// scrub takes out of the journal what the database has already.
func (s *Store) scrub(ctx context.Context) error {
	if s.journal == nil {
		return nil
	}
	return s.journal.scrub(func() error { return s.settle(ctx) })
}

// mergeIndex takes what was deleted out of the full-text index: FTS5 only notes that it is, until the parts of the index are merged into
// one. It does so a few pages at a time, and commits go on between. FTS5's own secure-delete would do it with each change instead, which
// takes the time of several commits.
func (s *Store) mergeIndex(ctx context.Context) error {
	const pages = 250
	for step, more := -pages, true; more; step = pages { // a negative step begins with all parts there are
		err := s.within(ctx, func(t transaction) error {
			var before, after int64
			if err := askOne(ctx, t, statement{text: `SELECT total_changes()`}, nil, []any{&before}); err != nil {
				return err
			}
			if err := t.do(ctx, statement{text: `INSERT INTO call_index (call_index, rank) VALUES ('merge', ?)`}, nil, step); err != nil {
				return err
			}
			err := askOne(ctx, t, statement{text: `SELECT total_changes()`}, nil, []any{&after})
			more = after-before >= 2 // sqlite.org/fts5.html, 6.8
			return err
		})
		if err != nil {
			return fmt.Errorf("clean the index: %w", err)
		}
	}
	return nil
}

// cutWAL brings all of the WAL into the file and empties it. Readers that are under way are waited for.
func (s *Store) cutWAL(ctx context.Context) error {
	for {
		var busy, pages, moved int
		if err := s.writer.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved); err != nil {
			return fmt.Errorf("empty the WAL: %w", err)
		}
		if busy == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// InFile looks for the words, and the digits of the numbers, by which somebody was erased in the bytes of the database; of PostgreSQL, whose files are
// the server's, in all that its rows say. Digits among others are another number, or a time.
func (s *Store) InFile(ctx context.Context, m board.Match) (bool, error) {
	return s.dialect.says(ctx, s, m.Strings())
}

func (s *Store) fileSays(ctx context.Context, words []string) (bool, error) {
	if err := s.settle(ctx); err != nil {
		return false, err
	}
	if err := s.cutWAL(ctx); err != nil {
		return false, err
	}
	found, err := contains(ctx, s.bytes(), words)
	if err == nil && !found && s.journal != nil {
		found, err = contains(ctx, s.journal.bytes(), words)
	}
	if err != nil {
		return false, fmt.Errorf("read the file: %w", bare(err))
	}
	return found, nil
}

// bytes are those of the database. The file is open as long as the store is: to close any handle of it would end SQLite's locks (fcntl(2)),
// and another process could take the WAL away.
func (s *Store) bytes() io.Reader { return io.NewSectionReader(s.raw, 0, 1<<62) }

// standsIn reports whether a text has a word; digits not among others, but for zeros before them.
func standsIn(text, word []byte) bool {
	digit := func(i int) bool { return i >= 0 && i < len(text) && text[i] >= '0' && text[i] <= '9' }
	number := len(bytes.Trim(word, "0123456789")) == 0
	for from := 0; ; {
		at := bytes.Index(text[from:], word)
		if at < 0 {
			return false
		}
		begins, ends := from+at, from+at+len(word)
		for number && begins > 0 && text[begins-1] == '0' {
			begins--
		}
		if !number || !digit(begins-1) && !digit(ends) {
			return true
		}
		from += at + 1
	}
}

// contains looks for words in lower case in bytes.
func contains(ctx context.Context, in io.Reader, words []string) (bool, error) {
	const piece, overlap = 1 << 20, 4 << 10
	buffer, kept := make([]byte, piece+overlap), 0
	for ctx.Err() == nil {
		n, err := io.ReadFull(in, buffer[kept:])
		text := bytes.ToLower(buffer[:kept+n])
		for _, word := range words {
			if standsIn(text, []byte(word)) {
				return true, nil
			}
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return false, nil
		case err != nil:
			return false, err
		}
		kept = copy(buffer, buffer[kept+n-overlap:kept+n])
	}
	return false, ctx.Err()
}
