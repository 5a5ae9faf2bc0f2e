package mapping

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// write makes a file of n bytes, each its place in the file modulo 251.
func write(t *testing.T, n int) string {
	t.Helper()
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpen(t *testing.T) { testOpen(t, Open) }

// TestOpenHuge: the same bytes, at whatever address.
func TestOpenHuge(t *testing.T) { testOpen(t, OpenHuge) }

func testOpen(t *testing.T, open func(string) (*File, error)) {
	for _, size := range []int{0, 1, 4096, 100_000, HugePage, 2*HugePage + 4097} {
		f, err := open(write(t, size))
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Bytes()) != size || f.Stat().Size() != int64(size) {
			t.Errorf("%d bytes, the system says %d, want %d", len(f.Bytes()), f.Stat().Size(), size)
		}
		for i, b := range f.Bytes() {
			if b != byte(i%251) {
				t.Fatalf("byte %d of %d is %d, want %d", i, size, b, i%251)
			}
		}
		// Of any range, and of none: advice changes no byte.
		for _, r := range [][2]int64{{0, int64(size)}, {int64(size) / 2, int64(size)}, {1, 1}, {0, 0}} {
			f.Prefetch(r[0], r[1])
			f.Release(r[0], r[1])
		}
		if size > 0 && f.Bytes()[size-1] != byte((size-1)%251) {
			t.Errorf("the last of %d bytes is another after Release", size)
		}
		for range 2 {
			if err := f.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
		if f.Bytes() != nil {
			t.Error("bytes after Close")
		}
	}
}

func TestOf(t *testing.T) {
	f := Of([]byte("abc"))
	f.Prefetch(0, 3)
	f.Release(0, 3)
	if string(f.Bytes()) != "abc" || f.Stat() != nil {
		t.Errorf("%q, stat %v, want abc and none", f.Bytes(), f.Stat())
	}
	if err := f.Close(); err != nil || f.Bytes() != nil {
		t.Errorf("close: %v, %q", err, f.Bytes())
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v, want fs.ErrNotExist", err)
	}
	_, err := Open(t.TempDir())
	if !errors.Is(err, ErrKind) || err.Error() != "is a folder, want a file" {
		t.Errorf("a folder: %v, want ErrKind", err)
	}
}

// TestGuardPasses lets errors and panics of the function through.
func TestGuardPasses(t *testing.T) {
	mine := errors.New("mine")
	if err := Guard(func() error { return mine }); err != mine {
		t.Errorf("got %v, want the error of the function", err)
	}
	defer func() {
		if r := recover(); r != "mine" {
			t.Errorf("recovered %v, want the function's own panic", r)
		}
	}()
	_ = Guard(func() error { panic("mine") })
}

// TestSharedUse reads, asks for and releases pages from several goroutines at once.
func TestSharedUse(t *testing.T) {
	const size = 1 << 20
	f, err := Open(write(t, size))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				f.Prefetch(0, size)
				if b := f.Bytes(); b[0] != 0 || b[size-1] != (size-1)%251 {
					t.Errorf("bytes %d … %d, want 0 … %d", b[0], b[size-1], (size-1)%251)
				}
				f.Release(0, size)
			}
		})
	}
	all.Wait()
}
