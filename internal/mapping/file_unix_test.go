//go:build unix

package mapping

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"testing"
)

// TestGuard cuts a file that is open and touches what was there.
func TestGuard(t *testing.T) {
	path := write(t, 1<<20)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	total := 0
	sum := func() error {
		for _, b := range f.Bytes() {
			total += int(b)
		}
		return nil
	}
	if err := Guard(sum); err != nil {
		t.Fatalf("of a whole file: %v", err)
	}
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	if !faultsTell(sum) {
		t.Skip("this system, an emulator perhaps, does not tell the address of a fault; run on a real one")
	}
	if err := Guard(sum); err != ErrFault {
		t.Errorf("of a file that was cut: %v, want ErrFault", err)
	}
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

// resident returns the bytes of the process's memory that stand for files.
func resident(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skipf("this system does not tell the resident memory of files: %v", err)
	}
	_, rest, ok := bytes.Cut(b, []byte("RssFile:"))
	fields := bytes.Fields(rest)
	if !ok || len(fields) == 0 {
		t.Skip("/proc/self/status has no RssFile")
	}
	kib, err := strconv.Atoi(string(fields[0]))
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// TestRelease looks for the memory of a file before and after.
func TestRelease(t *testing.T) {
	const size = 16 << 20
	f, err := Open(write(t, size))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	touch := func() (sum int) {
		for i := 0; i < size; i += 4096 {
			sum += int(f.Bytes()[i])
		}
		return sum
	}
	f.Prefetch(0, size)
	before := resident(t)
	sum := touch()
	during := resident(t)
	f.Release(0, size)
	after := resident(t)
	if during-before < size/2 {
		t.Skipf("reading %d bytes took %d of memory: cannot tell here", size, during-before)
	}
	if after-before > size/8 {
		t.Errorf("resident: %d bytes before, %d after reading, %d after release, want about as before", before, during, after)
	}
	if again := touch(); again != sum {
		t.Errorf("after release: sum %d, want %d", again, sum)
	}
	runtime.KeepAlive(f)
}

// TestOpenPipe must not wait for somebody to write.
func TestOpenPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	if _, err := Open(path); !errors.Is(err, ErrKind) || err.Error() != "is no regular file" {
		t.Errorf("%v, want ErrKind", err)
	}
}

func TestOpenWithoutPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything; run as another user")
	}
	path := write(t, 10)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, os.ErrPermission) || errors.Is(err, ErrKind) {
		t.Errorf("%v: want os.ErrPermission", err)
	}
}
