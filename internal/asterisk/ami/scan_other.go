//go:build !amd64

package ami

func find(b *blocks, text []byte) { findInWords(b, text) }
