//go:build !linux

package store

import "os"

// syncData waits until what was written to a file is kept.
func syncData(f *os.File) error { return f.Sync() }

// identity is which file it is.
type identity struct{ os.FileInfo }

func (i identity) same(other identity) bool { return os.SameFile(i.FileInfo, other.FileInfo) }

func identify(name string) (identity, error) {
	info, err := os.Stat(name)
	return identity{info}, err
}
