package store

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"
)

// TestKept: what was written is there, whichever way it went, and the file is the one that others read.
func TestKept(t *testing.T) {
	t.Parallel()
	path := file(t)
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 8*blockSize), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openKept(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(path)
	if err != nil || !slices.Equal(want[blockSize:], bytes.Repeat([]byte("x"), 7*blockSize)) {
		t.Fatalf("%d bytes, %v: more than the first block was written", len(want), err)
	}
	for i, brisk := range []bool{false, true, true, false, true} {
		blocks := makeBlocks(1 + i%2)
		for at := range blocks {
			blocks[at] = byte(i + at)
		}
		from, times := int64(1+i)*blockSize, 0
		err := f.write(blocks, from, brisk, func() error { times++; return nil })
		if err != nil || times != 1 {
			t.Errorf("write %d: %v, and %d times what was to be done meanwhile", i, err, times)
		}
		copy(want[from:], blocks)
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("after write %d the file is another: %v", i, err)
		}
	}
	failed := errors.New("meanwhile")
	for _, brisk := range []bool{false, true} {
		if err := f.write(makeBlocks(1), 0, brisk, func() error { return failed }); !errors.Is(err, failed) {
			t.Errorf("where what was to be done meanwhile fails: %v", err)
		}
	}
	for _, brisk := range []bool{false, true} {
		if size, err := f.size(brisk); err != nil || size != 8*blockSize {
			t.Errorf("%d bytes, %v", size, err)
		}
	}
	if err := f.close(); err != nil {
		t.Error(err)
	}
	for _, brisk := range []bool{false, true} {
		if err := f.write(makeBlocks(1), 0, brisk, func() error { return nil }); err == nil {
			t.Error("a file that was closed was written")
		}
		if _, err := f.size(brisk); err == nil {
			t.Error("a file that was closed has a size")
		}
	}
}
