package store

import (
	"fmt"
	"slices"

	"github.com/callboard-dev/callboard/internal/board"
)

// encoded is a change as it is kept, in the journal and in the database: its JSON, and that of the record after it where no later change of its
// batch has one.
type encoded struct {
	*board.Change
	body, after string
}

// encodeAtOnce are the changes whose texts share their memory, and a buffer before that.
const encodeAtOnce = 256

// encode writes the texts of a batch, by way of a buffer that may be used again.
func encode(batch []*board.Change, by []byte) ([]encoded, []byte, error) {
	newest := map[string]*board.Change{}
	for _, c := range batch {
		if c.After != nil {
			newest[c.Record] = c
		}
	}
	all := make([]encoded, 0, len(batch))
	var ends [encodeAtOnce][2]int // of the texts of each
	for some := range slices.Chunk(batch, encodeAtOnce) {
		by = by[:0]
		for i, c := range some {
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
		text, from := string(by), 0
		for i, c := range some {
			all = append(all, encoded{c, text[from:ends[i][0]], text[ends[i][0]:ends[i][1]]})
			from = ends[i][1]
		}
	}
	return all, by, nil
}
