//go:build !unix && !windows

package mapping

import (
	"io"
	"os"
)

// mapFile reads the file into memory: this system has no mappings.
func mapFile(f *os.File, size int) (b []byte, mapped bool, err error) {
	b = make([]byte, size)
	_, err = io.ReadFull(f, b)
	return b, false, err
}

func unmapFile([]byte) error { return nil }

func releasePages([]byte) {}

func prefetchPages([]byte) {}
