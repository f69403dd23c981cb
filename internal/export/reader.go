package export

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/callboard-dev/callboard/internal/board"
)

// maxLine bounds a line: a record has 256 KiB of what people and apps wrote, and some structure.
const maxLine = 16 << 20

// Reader reads JSONL, a record at a time, and trusts nothing in it.
type Reader struct {
	in     *bufio.Scanner
	number int // of the line
	read   int // records
	ended  bool
}

// NewReader reads from in.
func NewReader(in io.Reader) *Reader {
	r := &Reader{in: bufio.NewScanner(in)}
	r.in.Buffer(make([]byte, 64<<10), maxLine)
	return r
}

// Next is the next record; io.EOF after the last, if the file is whole. An error names the line and what to do.
func (r *Reader) Next() (*board.Record, error) {
	for {
		l, err := r.line()
		if err != nil {
			return nil, err
		}
		switch {
		case r.number == 1 && l.Export == 0:
			return nil, r.wrong("it does not begin as an export of Callboard's does", "give a file of `callboard export --format jsonl`")
		case r.number == 1 && l.Export != version:
			return nil, r.wrong(fmt.Sprintf("it has version %d, and this Callboard knows %d", l.Export, version), "use the Callboard that made the file, or a newer one")
		case r.number == 1:
		case l.Export != 0 || r.ended:
			return nil, r.wrong("here another export begins", "give one file at a time")
		case l.End != nil:
			if l.End.Records != r.read {
				return nil, r.wrong(fmt.Sprintf("the file had %d records and has %d", l.End.Records, r.read), "export again: lines are missing")
			}
			r.ended = true
		case l.Record == nil:
			return nil, r.wrong("there is no record", "export again, or take the line out and count it off in the last line")
		default:
			if err := board.CheckStored(l.Record); err != nil {
				return nil, r.wrong(err.Error(), "export again, or mend the line")
			}
			r.read++
			return l.Record, nil
		}
	}
}

func (r *Reader) line() (line, error) {
	var l line
	if !r.in.Scan() {
		r.number++
		switch err := r.in.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			return l, r.wrong(fmt.Sprintf("it is longer than %d MiB", maxLine>>20), "export again: no record is that large")
		case err != nil:
			return l, fmt.Errorf("read line %d: %w", r.number, err)
		case !r.ended:
			return l, r.wrong("the file ends before its end", "export again: it was cut off")
		}
		return l, io.EOF
	}
	r.number++
	dec := json.NewDecoder(bytes.NewReader(r.in.Bytes()))
	dec.DisallowUnknownFields() // what is not known would be lost
	err := dec.Decode(&l)
	if err == nil && dec.Decode(&struct{}{}) != io.EOF {
		err = errors.New("there is more after the first JSON value")
	}
	if err != nil {
		return l, r.wrong(fmt.Sprintf("it is not as Callboard writes it: %v", err), "export again, or mend the line")
	}
	return l, nil
}

func (r *Reader) wrong(what, remedy string) error {
	return fmt.Errorf("line %d: %s: %s; nothing was stored", r.number, what, remedy)
}
