//go:build unix

package batch

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// syncFolder makes the names in a folder last through a power cut, where its file system
// can do that.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("batch: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return fmt.Errorf("batch: %w", err)
	}
	return nil
}
