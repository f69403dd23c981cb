package cdr

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Bounds of what is read of a Master.csv and the files that it was rotated to.
const (
	firstBlock  = 256 << 10 // of the end of the file, then four times as much
	mostBytes   = 16 << 20  // some 60,000 rows
	longestLine = 64 << 10
	mostLines   = 8 // of one row: a name may have line breaks
)

// csvFile is what Asterisk's cdr_csv writes: a row when a call is over, at the end.
type csvFile struct {
	path string
	zone *time.Location
}

func (c *csvFile) name() string { return c.path }

// rows reads the end of the file, and of those that it was rotated to as long as they reach back to since.
func (c *csvFile) rows(ctx context.Context, since time.Time) ([]row, int, error) {
	const remedy = "give your user the right to read the file, or name another (pbx.cdr.source)"
	var all []row
	bad, left := 0, int64(mostBytes)
	for i, path := range append([]string{c.path}, c.rotated(since)...) {
		rows, skipped, used, err := c.tail(ctx, path, since, left)
		if i > 0 && errors.Is(err, fs.ErrNotExist) { // it was packed or renamed just now
			continue
		}
		if err != nil {
			return nil, 0, unreadable(path, err, remedy)
		}
		all, bad, left = append(all, rows...), bad+skipped, left-used
		if left <= 0 {
			break
		}
	}
	return all, bad, nil
}

// rotated are Master.csv.1, Master.csv-20261101 and so on, the newest first; those that were not written to since are left
// away, as are packed ones.
func (c *csvFile) rotated(since time.Time) []string {
	type file struct {
		path string
		at   time.Time
	}
	var files []file
	entries, err := os.ReadDir(filepath.Dir(c.path))
	if err != nil {
		return nil // what is wrong shows when the file itself is read
	}
	base := filepath.Base(c.path)
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), base)
		if !ours || rest == "" || strings.Trim(rest, ".-_0123456789") != "" {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && !info.ModTime().Before(since) {
			files = append(files, file{filepath.Join(filepath.Dir(c.path), e.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.path, b.path)) })
	var paths []string
	for _, f := range files {
		paths = append(paths, f.path)
	}
	return paths
}

// tail reads as much of the end of a file as reaches back to since, in blocks that grow.
func (c *csvFile) tail(ctx context.Context, path string, since time.Time, most int64) (rows []row, bad int, used int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, 0, errors.New("it is no file")
	}
	size := info.Size()
	for block := min(int64(firstBlock), most); ; block = min(4*block, most) {
		begin := max(size-block, 0)
		text, err := io.ReadAll(io.NewSectionReader(file, begin, size-begin))
		if err != nil {
			return nil, 0, 0, err
		}
		if begin > 0 { // the first line is cut
			_, text, _ = bytes.Cut(text, []byte("\n"))
		}
		var whole bool
		if rows, bad, whole, err = c.parse(ctx, text, since); err != nil {
			return nil, 0, 0, err
		}
		if whole || begin == 0 || block == most {
			return rows, bad, size - begin, nil
		}
	}
}

// parse reads rows out of whole lines. reaches says that the first is from before since: what is before it is older still. Of another it
// says nothing: a PBX may have begun with a clock of long ago.
func (c *csvFile) parse(ctx context.Context, text []byte, since time.Time) (rows []row, bad int, reaches bool, err error) {
	now, sounds := time.Now(), 0
	for n := 0; len(text) > 0; n++ {
		if n%1000 == 0 && ctx.Err() != nil {
			return nil, 0, false, ctx.Err()
		}
		fields, rest, whole := nextRow(text)
		if !whole {
			break // the last line is being written
		}
		text = rest
		if fields == nil {
			bad++
			continue
		}
		r, sound := newRow(columns(fields), time.Time{}, c.zone, now)
		if !sound {
			bad++
			continue
		}
		if sounds++; !r.end().Before(since) {
			rows = append(rows, r)
		} else if sounds == 1 {
			reaches = true
		}
	}
	return rows, bad, reaches, nil
}

// nextRow takes a row off the text. A row is a line, or several where there is a line break in a name. Where an Asterisk was
// killed in the middle of a line, the next row begins behind it: so a line that is no row is left behind alone. fields is nil
// then; whole is false at a last line without an end.
func nextRow(text []byte) (fields []string, rest []byte, whole bool) {
	end, quotes := 0, 0
	var behind []byte // the first line
	for range mostLines {
		length := bytes.IndexByte(text[end:], '\n')
		if length < 0 {
			return nil, behind, behind != nil
		}
		quotes += bytes.Count(text[end:end+length], []byte{'"'})
		end += length + 1
		if behind == nil {
			behind = text[end:]
		}
		if end > longestLine {
			break
		}
		if quotes%2 == 0 {
			if fields = split(text[:end-1]); fields != nil {
				return fields, text[end:], true
			}
			break
		}
	}
	return nil, behind, true
}

// Numbers of columns: cdr.conf may add the unique id, a field for the user, and three newer columns.
const (
	baseColumns  = 16
	newerColumns = 3
	mostColumns  = baseColumns + 2 + newerColumns
)

// split takes a row apart at its commas; nil: it is none. Texts are in quotes, with each quote in them doubled.
func split(line []byte) []string {
	line = bytes.TrimSuffix(line, []byte("\r"))
	var fields []string
	for {
		var field []byte
		if len(line) > 0 && line[0] == '"' {
			line = line[1:]
			for {
				quote := bytes.IndexByte(line, '"')
				if quote < 0 {
					return nil
				}
				field, line = append(field, line[:quote]...), line[quote+1:]
				if len(line) == 0 || line[0] != '"' {
					break
				}
				field, line = append(field, '"'), line[1:]
			}
		} else {
			comma := bytes.IndexByte(line, ',')
			if comma < 0 {
				comma = len(line)
			}
			field, line = append(field, line[:comma]...), line[comma:]
		}
		fields = append(fields, string(field))
		switch {
		case len(line) == 0 && len(fields) >= baseColumns:
			return fields
		case len(line) == 0 || line[0] != ',' || len(fields) == mostColumns:
			return nil
		}
		line = line[1:]
	}
}

// columns names the fields of a row (cdr_csv.c, build_csv_record).
func columns(fields []string) func(string) string {
	at := map[string]int{"src": 1, "dst": 2, "clid": 4, "channel": 5, "dstchannel": 6, "lastapp": 7, "lastdata": 8, "start": 9, "duration": 12, "billsec": 13, "disposition": 14}
	more := len(fields) - baseColumns
	if more >= newerColumns {
		at["linkedid"] = len(fields) - 2
		more -= newerColumns
	}
	if more == 2 || more == 1 && uniqueID.MatchString(fields[baseColumns]) { // a lone one may be the user's field
		at["uniqueid"] = baseColumns
	}
	return func(name string) string {
		if i, there := at[name]; there {
			return fields[i]
		}
		return ""
	}
}
