//go:build !unix && !windows

package filelock

import (
	"errors"
	"os"
)

// Try takes no lock: this system has none.
func Try(*os.File) error { return errors.ErrUnsupported }
