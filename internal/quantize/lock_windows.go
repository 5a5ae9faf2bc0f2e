package quantize

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// errLocked is what lockFile returns where somebody else holds the lock.
var errLocked = errors.New("locked")

// lockFile locks a file as long as it is open: a byte that no file has, because Windows
// keeps everybody from bytes that are locked.
func lockFile(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	at := &windows.Overlapped{Offset: math.MaxUint32, OffsetHigh: math.MaxInt32}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errLocked
	}
	return err
}

// syncFolder does nothing: Windows has no such call, and NTFS journals names.
func syncFolder(string) error { return nil }
