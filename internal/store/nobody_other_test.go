//go:build !linux

package store

// asNobody runs f: only as root on Linux tests need more than the file's own mode.
func asNobody(f func() error) error { return f() }
