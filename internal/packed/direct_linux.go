package packed

import (
	"os"

	"golang.org/x/sys/unix"
)

// openDirect opens a file whose reads go past the system's cache. The error says that its
// file system has none.
func openDirect(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// uncache writes what was written to the disk, and takes it out of the system's cache. What
// cannot be taken out stays there until its memory is needed.
func uncache(f *os.File, from, n int64) {
	const flags = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	_ = unix.SyncFileRange(int(f.Fd()), from, n, flags)
	uncacheRead(f, from, n)
}

// uncacheRead takes what was read out of the system's cache.
func uncacheRead(f *os.File, from, n int64) {
	_ = unix.Fadvise(int(f.Fd()), from, n, unix.FADV_DONTNEED)
}
