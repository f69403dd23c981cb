package store

import (
	"fmt"

	"github.com/callboard-dev/callboard/internal/board"
)

// encoded is a change as it is kept, in the journal and in the database: its JSON, and that of the record after it where no later change of its batch
// has one. Texts of one batch share their memory.
type encoded struct {
	*board.Change
	body, after string
}

// encode writes the texts of a batch, by way of a buffer that may be used again.
func encode(batch []*board.Change, by []byte) ([]encoded, []byte, error) {
	newest := map[string]*board.Change{}
	for _, c := range batch {
		if c.After != nil {
			newest[c.Record] = c
		}
	}
	by = by[:0]
	ends := make([][2]int, len(batch))
	for i, c := range batch {
		var err error
		if by, err = c.AppendJSON(by); err != nil {
			return nil, by, failure{fmt.Sprint("change ", c.Seq), err}
		}
		ends[i][0] = len(by)
		if newest[c.Record] == c {
			if by, err = c.After.AppendJSON(by); err != nil {
				return nil, by, failure{"record " + c.Record, err}
			}
		}
		ends[i][1] = len(by)
	}
	all, text, from := make([]encoded, len(batch)), string(by), 0
	for i, end := range ends {
		all[i] = encoded{batch[i], text[from:end[0]], text[end[0]:end[1]]}
		from = end[1]
	}
	return all, by, nil
}
