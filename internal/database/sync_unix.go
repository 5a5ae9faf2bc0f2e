//go:build unix

package database

import (
	"errors"

	"golang.org/x/sys/unix"
)

// cannotSync says that a file system does not sync folders at all.
func cannotSync(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP)
}
