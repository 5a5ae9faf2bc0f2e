//go:build !linux

package packed

import (
	"errors"
	"os"
)

// This package knows no reads past the cache of other systems, and leaves what they cache
// to them.

func openDirect(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func uncache(*os.File, int64, int64) {}

func uncacheRead(*os.File, int64, int64) {}
