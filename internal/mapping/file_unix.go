//go:build unix

package mapping

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

func mapFile(f *os.File, size int) (b []byte, mapped bool, err error) {
	p, err := unix.MmapPtr(int(f.Fd()), 0, nil, uintptr(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, false, err
	}
	return unsafe.Slice((*byte)(p), size), true, nil
}

func unmapFile(b []byte) error {
	return unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(b)), uintptr(len(b)))
}

// Advice that a system does not take changes nothing but speed.

func releasePages(b []byte) { _ = unix.Madvise(b, unix.MADV_DONTNEED) }

func prefetchPages(b []byte) { _ = unix.Madvise(b, unix.MADV_WILLNEED) }
