package disktest

import (
	"bytes"
	"os"
	"syscall"
	"testing"
)

// Mount mounts a file system at a folder until the test ends. Options are those of tmpfs, such as "size=4m". Who may not mount skips the test,
// but in CI, where it fails.
func Mount(t testing.TB, folder, options string) {
	t.Helper()
	if os.Geteuid() != 0 {
		const why = "to mount a small disk needs root"
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, options); err != nil {
		t.Fatalf("mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
}

// New is Mount at a temporary folder, with a short path.
func New(t testing.TB, options string) (folder string) {
	t.Helper()
	folder, err := os.MkdirTemp("", "callboard-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(folder) })
	Mount(t, folder, options)
	return folder
}

// Fill writes a file until the disk takes no byte more.
func Fill(t testing.TB, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := bytes.Repeat([]byte("x"), 64<<10); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
}
