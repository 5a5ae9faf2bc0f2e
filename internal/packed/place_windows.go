package packed

import (
	"errors"
	"os"
)

// An open file can neither be renamed nor removed here. Who claims it in between damages
// it, which the check finds.

// place gives a whole image its name.
func place(f *os.File, half, path string) error { return errors.Join(f.Close(), os.Rename(half, path)) }

// remove removes a file that is open and locked, and closes it.
func remove(f *os.File, path string) error { return errors.Join(f.Close(), os.Remove(path)) }
