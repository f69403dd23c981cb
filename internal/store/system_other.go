//go:build !linux

package store

import "os"

// identity is which file it is.
type identity struct{ os.FileInfo }

func (i identity) same(other identity) bool { return os.SameFile(i.FileInfo, other.FileInfo) }

func identify(name string, _ bool) (identity, error) {
	info, err := os.Stat(name)
	return identity{info}, err
}
