package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/blitz-r1/blitz/internal/filelock"
)

// errLocked is what tryAcquire returns when somebody else holds the lock.
var errLocked = filelock.ErrLocked

// lock is an exclusive lock on a file. It holds between processes and between
// the goroutines of one, and ends with the process that holds it.
type lock struct {
	path string
	file *os.File
}

// acquire takes the lock of that path, waiting for it as long as ctx allows.
// waiting, if not nil, is called once when there is somebody to wait for.
func acquire(ctx context.Context, path string, waiting func()) (*lock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("store: %w", diskError(err))
	}
	pause := 5 * time.Millisecond
	for {
		l, err := tryAcquire(path)
		if !errors.Is(err, errLocked) {
			return l, err
		}
		if waiting != nil {
			waiting()
			waiting = nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for a lock: %w", context.Cause(ctx))
		case <-time.After(pause):
		}
		pause = min(2*pause, 200*time.Millisecond)
	}
}

// tryAcquire takes the lock if it is free, else returns errLocked.
func tryAcquire(path string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("store: %w", diskError(err))
	}
	if err := filelock.Try(f); err != nil {
		f.Close()
		if errors.Is(err, errLocked) {
			return nil, errLocked
		}
		return nil, fmt.Errorf("lock %s: %w (is this a file system without locks?)", path, err)
	}
	// The last holder removed the file as it let go: then this lock is on a
	// file that nobody else can find, and holds nothing.
	held, err := f.Stat()
	found, lookErr := os.Stat(path)
	if err != nil || lookErr != nil || !os.SameFile(held, found) {
		f.Close()
		return nil, errLocked
	}
	return &lock{path, f}, nil
}

// release lets go of the lock and removes its file.
func (l *lock) release() {
	os.Remove(l.path)
	l.file.Close()
}
