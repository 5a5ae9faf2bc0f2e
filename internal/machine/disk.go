package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// FreeDisk returns how many bytes this user can still write to the disk of a
// folder. The folder need not exist yet: the nearest one above it that does is
// asked. The error is that of the system, with the folder's name.
func FreeDisk(dir string) (int64, error) {
	at, err := filepath.Abs(dir)
	if err != nil {
		return 0, fmt.Errorf("machine: free space of %s: %w", dir, err)
	}
	for {
		_, err := os.Stat(at)
		if err == nil {
			break
		}
		if parent := filepath.Dir(at); errors.Is(err, fs.ErrNotExist) && parent != at {
			at = parent
			continue
		}
		return 0, fmt.Errorf("machine: free space of %s: %w", dir, err)
	}
	n, err := freeDisk(at)
	if err != nil {
		return 0, fmt.Errorf("machine: free space of %s: %w", at, err)
	}
	return n, nil
}
