//go:build !linux && !darwin

package hub

import (
	"errors"
	"os"
)

// reflink is not done on this system; a hard link or a copy takes its place.
func reflink(string, *os.File) error { return errors.ErrUnsupported }
