//go:build unix

package mapping

import (
	"os"

	"golang.org/x/sys/unix"
)

func mapFile(f *os.File, size int) (b []byte, mapped bool, err error) {
	b, err = unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	return b, true, err
}

func unmapFile(b []byte) error { return unix.Munmap(b) }

// Advice that a system does not take changes nothing but speed.

func releasePages(b []byte) { _ = unix.Madvise(b, unix.MADV_DONTNEED) }

func prefetchPages(b []byte) { _ = unix.Madvise(b, unix.MADV_WILLNEED) }
