//go:build unix

package safetensors

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"testing"
)

// large writes a file with one tensor of n bytes between two small ones.
func large(t *testing.T, n int) string {
	t.Helper()
	b := file(fmt.Sprintf(`{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"I8","shape":[%d],"data_offsets":[1,%d]},`+
		`"c":{"dtype":"I8","shape":[1],"data_offsets":[%d,%d]}}`, n, n+1, n+1, n+2), n+2)
	path := filepath.Join(t.TempDir(), "large.safetensors")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// take returns the bytes of a tensor that can be read.
func take(f *File, x Tensor) []byte {
	b, err := f.Bytes(x)
	if err != nil {
		panic(err)
	}
	return b
}

// TestGuard cuts a file that is open and touches what was there.
func TestGuard(t *testing.T) {
	path := large(t, 1<<20)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x, _ := f.Tensor("b")
	total := 0
	sum := func() error {
		for _, b := range take(f, x) {
			total += int(b)
		}
		return nil
	}
	if err := f.Guard(sum); err != nil {
		t.Fatalf("of a whole file: %v", err)
	}
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	if !faultsTell(sum) {
		t.Skip("this system, an emulator perhaps, does not tell the address of a fault; run on a real one")
	}
	err = f.Guard(sum)
	wants(t, err, "safetensors: large.safetensors: cannot be read: it was cut short while open")
	if !errors.Is(err, ErrFormat) {
		t.Errorf("%v: want ErrFormat", err)
	}
	mine := errors.New("mine")
	if err := f.Guard(func() error { return mine }); err != mine {
		t.Errorf("got %v, want the error of the function", err)
	}
	func() {
		defer func() {
			if r := recover(); r != "mine" {
				t.Errorf("recovered %v, want the function's own panic", r)
			}
		}()
		_ = f.Guard(func() error { panic("mine") })
	}()
	if total == 0 {
		t.Error("nothing was read")
	}
}

// faultsTell says whether a fault in read comes with its address. By that alone it
// differs from a nil pointer, which is a bug and stays a panic.
func faultsTell(read func() error) (tells bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { _, tells = recover().(interface{ Addr() uintptr }) }()
	_ = read()
	return false
}

// TestRelease gives the pages of every tensor back and reads it again.
func TestRelease(t *testing.T) {
	const size = 1 << 20
	f, err := Open(large(t, size))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, x := range f.Tensors() {
		f.Prefetch(x)
		want := bytes.Clone(take(f, x))
		f.Release(x)
		if got := take(f, x); !bytes.Equal(got, want) || int64(len(got)) != x.Size {
			t.Errorf("%s: other bytes after Release, or %d of %d", x.Name, len(got), x.Size)
		}
	}
}

// TestOpenPipe must not wait for somebody to write.
func TestOpenPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe.safetensors")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	_, err := Open(path)
	wants(t, err, "safetensors: pipe.safetensors: is no regular file")
}

func TestOpenWithoutPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything; run as another user")
	}
	path := large(t, 10)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path)
	wants(t, err, "safetensors: open", "large.safetensors")
	if !errors.Is(err, os.ErrPermission) || errors.Is(err, ErrFormat) {
		t.Errorf("%v: want ErrPermission", err)
	}
}
