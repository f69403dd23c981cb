//go:build !linux || !(amd64 || arm64)

package store

import (
	"io"
	"os"
)

// keptFile is a file of which each write is kept when it is done.
type keptFile struct{ file *os.File }

// openKept opens a file that is there.
func openKept(path string) (*keptFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	return &keptFile{f}, err
}

// write keeps whole blocks at a place in the file, unless what is done meanwhile fails.
func (k *keptFile) write(blocks []byte, at int64, _ bool, meanwhile func() error) error {
	if err := meanwhile(); err != nil {
		return err
	}
	if _, err := k.file.WriteAt(blocks, at); err != nil {
		return err
	}
	return k.file.Sync()
}

// size is how many bytes the file has.
func (k *keptFile) size(_ bool) (int64, error) { return k.file.Seek(0, io.SeekEnd) }

// close must not be called while a write is under way.
func (k *keptFile) close() error { return k.file.Close() }
