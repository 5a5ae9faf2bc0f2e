//go:build unix

package newfile

import (
	"errors"
	"os"
	"syscall"
)

// SyncFolder makes the names in a folder last through a power cut, where its file system
// can do that: some of the network say EINVAL or ENOTSUP.
func SyncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}
