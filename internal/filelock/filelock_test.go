package filelock

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestTry: a lock excludes others until its file is closed.
func TestTry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	a, b := open(), open()
	if err := Try(a); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system has no locks on files; run on Linux, macOS or Windows")
	} else if err != nil {
		t.Fatalf("of a file that nobody holds: %v", err)
	}
	if err := Try(b); err != ErrLocked {
		t.Errorf("of a file that is held: %v, want ErrLocked", err)
	}
	a.Close()
	if err := Try(b); err != nil {
		t.Errorf("once the holder has closed it: %v", err)
	}
}
