//go:build !windows

package packed

import (
	"errors"
	"os"
)

// place gives a whole image its name, and lets the lock go.
func place(f *os.File, half, path string) error { return errors.Join(os.Rename(half, path), f.Close()) }

// remove removes a file that is open and locked, and closes it.
func remove(f *os.File, path string) error { return errors.Join(os.Remove(path), f.Close()) }
