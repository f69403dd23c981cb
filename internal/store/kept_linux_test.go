//go:build amd64 || arm64

package store

import (
	"os"
	"testing"
)

// TestKeptTwice: what is closed again does nothing to a file that was opened since.
func TestKeptTwice(t *testing.T) {
	t.Parallel()
	open := func() *keptFile {
		path := file(t)
		if err := os.WriteFile(path, make([]byte, blockSize), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := openKept(path)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	one := open()
	if err := one.close(); err != nil {
		t.Fatal(err)
	}
	other := open()
	defer other.close()
	one.close()
	if other.queue == nil {
		t.Log("the system has no queue here, or the file system does not go past the page cache")
		return
	}
	blocks := makeBlocks(1)
	if !other.queue.submit(other.fd, blocks, 0) {
		t.Fatal("the queue of another file has gone")
	}
	if n := other.await(); n != len(blocks) {
		t.Errorf("%d bytes are kept", n)
	}
}
