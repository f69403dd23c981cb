package store

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// walAtRest is what the write-ahead log is cut to when it is begun anew. SQLite itself copies it into the database in the
// commit that makes it longer than 4 MiB; at rest Commit does so before that, when no call waits for it.
const walAtRest = 8 << 20

// files are those that the store has open, as they were: SQLite writes on into one that was taken away, and what is written
// there is lost with the program.
type files map[string]identity

func openFiles(names ...string) (files, error) {
	open := files{}
	for _, name := range names {
		id, err := identify(name, false)
		if err != nil {
			return nil, err
		}
		open[name] = id
	}
	return open, nil
}

// still reports an error when a file is not the one that is open. It costs a few microseconds. It opens nothing: closing any
// handle of the database would end SQLite's own lock on it (fcntl(2)). brisk says that the file system has answered just now.
func (f files) still(brisk bool) error {
	for name, open := range f {
		id, err := identify(name, brisk)
		what := ""
		switch {
		case errors.Is(err, fs.ErrNotExist):
			what = "was deleted or moved"
		case err != nil:
			return fmt.Errorf("look at %s: %w", name, bare(err))
		case !id.same(open):
			what = "was replaced by another file"
		default:
			continue
		}
		return &telephony.Error{Code: telephony.CodeStore, Message: fmt.Sprintf("the database file %s %s while Callboard was running, so nothing can be kept in it", name, what),
			Remedy: "put the file back where it was and Callboard goes on by itself, or restart Callboard: what was not kept until then is lost"}
	}
	return nil
}
