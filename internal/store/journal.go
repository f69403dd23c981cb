package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
	"unsafe"

	"github.com/go-json-experiment/json/v1"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/crash"
)

// A commit of SQLite takes several times what it takes to append to a file and wait until that is kept. So a commit is an entry in a
// journal, and the database takes what is in there behind it, merged: the same promise in less time (docs/decisions/0026-the-journal.md).

const (
	journalEnd  = ".commits"      // stands behind the name of the database
	segmentSize = 4 << 20         // bytes
	journalSize = 2 * segmentSize // written once when it is made: then a sync costs nothing for the file's size
	journalHead = 16              // bytes before an entry: generation, length of what follows, and its CRC-32C
	blockSize   = 4096            // an entry begins at a multiple of it: no disk writes less at once, so an entry spoils none before it
)

// briskFor is how long after an entry the disk is taken to be well. Until then a commit asks it for nothing that may last, but by its queue, and tells the
// scheduler of none of its system calls: each of which it is told wakes the thread that looks after long ones, which takes more of the processor than the
// commit. A program that asks a disk that hangs in that way hangs with it; and commits that are further apart may take more of the processor.
const briskFor = 20 * time.Millisecond

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errFull says that an entry has no room; the database takes it at once instead.
var errFull = errors.New("the journal is full")

// journal is a file of two segments: while one is filled, the database takes what is in the other.
type journal struct {
	mu       sync.Mutex // guards the rest; held while an entry is written
	file     *os.File
	entries  *keptFile // the same, for entries
	segments [2]segment
	filled   int       // which of them
	entry    []byte    // whole blocks
	well     time.Time // when an entry was last kept
}

// segment is a part of the file with entries from its beginning. When the database has all of them, it is begun anew, with another generation:
// entries of an earlier one do not count, and nor does anything behind one that is not whole.
type segment struct {
	from, at   int64 // where it begins in the file, and how far into it the next entry goes
	generation uint64
	last       uint64 // seq of the newest change that may be in it
	used       int64  // up to where there may be entries, old ones too
	broken     bool   // an entry may be half there: nothing is put behind it
}

// openJournal opens the journal of a database, which has all that it says, or makes one: nothing counts that is in it from before. Where it cannot
// be written, or there is no room for it, none is left.
func openJournal(database string) (*journal, error) {
	path := database + journalEnd
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	if err := void(f, path); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	entries, err := openKept(path)
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return &journal{file: f, entries: entries, segments: [2]segment{{used: segmentSize}, {from: segmentSize, used: segmentSize}}}, nil
}

// void gives a journal its size, and nothing in it counts any more.
func void(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	for _, part := range [][2]int64{{info.Size(), journalSize}, {0, journalHead}, {segmentSize, segmentSize + journalHead}} {
		if err := blank(f, part[0], part[1]); err != nil {
			return err
		}
	}
	return errors.Join(f.Sync(), syncFolder(filepath.Dir(path)))
}

// blank writes zeros over a part of a file.
func blank(f *os.File, from, to int64) error {
	zeros := make([]byte, 64<<10)
	for from < to {
		n, err := f.WriteAt(zeros[:min(int64(len(zeros)), to-from)], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}

// ordinary reports whether a batch is nothing but changes of records: what comes with others is rare, and the database takes it at once.
func ordinary(batch []encoded) bool {
	for _, c := range batch {
		if _, picked := c.Picked(); picked || len(c.Receipts) > 0 || c.Erasure != nil {
			return false
		}
	}
	return len(batch) > 0
}

// append makes a batch durable and has it owed to the database, before anybody can clean the journal of it. After an error the batch may be
// there or not, as after one of still, which says meanwhile whether the files are those that are open.
func (j *journal) append(epoch string, batch []encoded, v *saving, still func(brisk bool) error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	g, saved := &j.segments[j.filled], v.saved()
	if g.last <= saved {
		g.begin()
	}
	j.entry = blocksOf(j.entry, g.generation, epoch, batch)
	if g.broken {
		return errFull
	}
	brisk := time.Since(j.well) < briskFor
	// Cut by another program, what stood before an entry has gone. Stat would ask for the file's time, too; see identify.
	if size, err := j.entries.size(brisk); err != nil || size < journalSize {
		return errors.Join(errFull, err)
	}
	if g.at+int64(len(j.entry)) > segmentSize {
		if len(j.entry) > segmentSize {
			j.entry = nil // which is not kept for the next
			return errFull
		}
		if g = &j.segments[1-j.filled]; g.last > saved {
			return errFull
		}
		g.begin()
		j.filled = 1 - j.filled
		v.urge() // to have the other one free when this is full
		binary.LittleEndian.PutUint64(j.entry, g.generation)
	}
	if err := g.append(j.entries, j.entry, batch[len(batch)-1].Seq, brisk, func() error { return still(brisk) }); err != nil {
		return err
	}
	j.well = time.Now()
	v.owe(batch)
	return nil
}

func (g *segment) begin() { g.at, g.generation, g.broken = 0, rand.Uint64(), false }

// append makes an entry durable that ends with a seq.
func (g *segment) append(f *keptFile, entry []byte, last uint64, brisk bool, meanwhile func() error) error {
	g.broken, g.last, g.used = true, last, max(g.used, g.at+int64(len(entry)))
	crash.Here("before entry")
	if err := f.write(entry, g.from+g.at, brisk, meanwhile); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	crash.Here("after entry")
	g.broken = false
	g.at += int64(len(entry))
	return nil
}

// makeBlocks is memory for whole blocks, which begins where one that is written past the page cache may.
func makeBlocks(n int) []byte {
	bytes := make([]byte, (n+1)*blockSize)
	from := -uintptr(unsafe.Pointer(unsafe.SliceData(bytes))) % blockSize
	return bytes[from : from+uintptr(n)*blockSize]
}

// blocksOf writes an entry with zeros behind it to whole blocks, in memory that may be used again.
func blocksOf(by []byte, generation uint64, epoch string, batch []encoded) []byte {
	size := journalHead + 8 + 4 + len(epoch)
	for _, c := range batch {
		size += 4 + len(c.body) + 4 + len(c.after)
	}
	blocks := (size + blockSize - 1) / blockSize
	if cap(by) < blocks*blockSize {
		by = makeBlocks(blocks)
	}
	entry := appendEntry(by[:0], generation, epoch, batch)
	by = by[:blocks*blockSize]
	clear(by[len(entry):])
	return by
}

// appendEntry writes an entry: the seq of its last change, the epoch, and the texts of each change. Each text has its length before it.
func appendEntry(to []byte, generation uint64, epoch string, batch []encoded) []byte {
	to = binary.LittleEndian.AppendUint64(to, generation)
	to = append(to, 0, 0, 0, 0, 0, 0, 0, 0) // length and sum
	to = binary.LittleEndian.AppendUint64(to, batch[len(batch)-1].Seq)
	to = appendSized(to, epoch)
	for _, c := range batch {
		to = appendSized(appendSized(to, c.body), c.after)
	}
	said := to[journalHead:]
	binary.LittleEndian.PutUint32(to[8:], uint32(len(said)))
	binary.LittleEndian.PutUint32(to[12:], crc32.Checksum(said, castagnoli))
	return to
}

func appendSized(to []byte, text string) []byte {
	return append(binary.LittleEndian.AppendUint32(to, uint32(len(text))), text...)
}

// scrub overwrites what entries have left behind. settle has the database take what is owed first: no entry is written meanwhile, and the next one
// begins its segment anew.
func (j *journal) scrub(settle func() error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := settle(); err != nil {
		return err
	}
	for _, g := range j.segments {
		if err := blank(j.file, g.from, g.from+g.used); err != nil {
			return fmt.Errorf("clean the journal: %w", bare(err))
		}
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("clean the journal: %w", bare(err))
	}
	j.segments[0].used, j.segments[1].used = 0, 0
	return nil
}

// close leaves a file open in which a write hangs: that ends with the program.
func (j *journal) close() error {
	if !j.mu.TryLock() {
		return nil
	}
	defer j.mu.Unlock()
	return errors.Join(j.file.Close(), j.entries.close())
}

func (j *journal) bytes() io.Reader { return io.NewSectionReader(j.file, 0, journalSize) }

// readJournal reads the journal of a database as it is; empty: there is none. What stands behind its end is not ours.
func readJournal(database string) ([]byte, error) {
	f, err := openRegular(database + journalEnd)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text := make([]byte, journalSize)
	n, err := io.ReadFull(f, text)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return text[:n], errors.Join(err, f.Close())
}

// missing are the changes in a journal that its database does not have yet, and the epoch of both. Of the journal of another database it is
// none.
func missing(ctx context.Context, db *sql.DB, journal []byte) (epoch string, left []encoded, err error) {
	var newest sql.NullInt64
	if err := db.QueryRowContext(ctx, `SELECT max(seq) FROM changes`).Scan(&newest); err != nil {
		return "", nil, err
	}
	if epoch, err = meta(ctx, db, metaEpoch); err != nil {
		return "", nil, err
	}
	there := map[uint64]*board.Change{}
	for said := range entries(journal) {
		if lastOf(said) <= uint64(newest.Int64) {
			continue
		}
		changes, of, err := readEntry(said)
		if err != nil {
			return "", nil, err
		}
		for _, c := range changes {
			if of == epoch {
				there[c.Seq] = c
			}
		}
	}
	var changes []*board.Change
	for seq := uint64(newest.Int64) + 1; there[seq] != nil; seq++ {
		changes = append(changes, there[seq])
	}
	left, _, err = encode(changes, nil)
	return epoch, left, err
}

// entries are what those of both segments say that count.
func entries(text []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for segment := range slices.Chunk(text, segmentSize) {
			for at := 0; len(segment)-at >= journalHead; {
				head := segment[at : at+journalHead]
				length := binary.LittleEndian.Uint32(head[8:])
				if at += journalHead; length == 0 || int64(length) > int64(len(segment)-at) || [8]byte(head) != [8]byte(segment) {
					break
				}
				said := segment[at : at+int(length)]
				if crc32.Checksum(said, castagnoli) != binary.LittleEndian.Uint32(head[12:]) {
					break
				}
				if !yield(said) {
					return
				}
				at += int(length)
				if rest := segment[at:]; len(rest) < 8 || [8]byte(rest) != [8]byte(segment) { // where earlier versions put the next one
					at = (at + blockSize - 1) / blockSize * blockSize
				}
			}
		}
	}
}

// lastOf is the seq of the last change in an entry.
func lastOf(said []byte) uint64 {
	if len(said) < 8 {
		return math.MaxUint64 // reading it says what is wrong
	}
	return binary.LittleEndian.Uint64(said)
}

// readEntry reads what an entry says.
func readEntry(said []byte) (changes []*board.Change, epoch string, err error) {
	text, said, err := sized(said[min(8, len(said)):])
	epoch = string(text)
	for err == nil && len(said) > 0 {
		c := new(board.Change)
		var record []byte
		if text, said, err = sized(said); err == nil {
			err = json.Unmarshal(text, c)
		}
		if err == nil {
			record, said, err = sized(said)
		}
		if err == nil && len(record) > 0 {
			c.After = new(board.Record)
			err = json.Unmarshal(record, c.After)
		}
		changes = append(changes, c)
	}
	if err != nil {
		return nil, "", fmt.Errorf("read the journal: %w", err)
	}
	return changes, epoch, nil
}

func sized(said []byte) (text, rest []byte, err error) {
	if len(said) < 4 || int64(binary.LittleEndian.Uint32(said)) > int64(len(said)-4) {
		return nil, nil, io.ErrUnexpectedEOF
	}
	n := int(binary.LittleEndian.Uint32(said))
	return said[4 : 4+n], said[4+n:], nil
}
