package mapping

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapHuge is mapFile at a multiple of HugePage: only there can a page of the file that is
// huge in memory be one in the table of addresses, too.
func mapHuge(f *os.File, size int) (b []byte, mapped bool, err error) {
	room := uintptr(size) + HugePage
	reserved, err := unix.MmapPtr(-1, 0, nil, room, unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return nil, false, err
	}
	before := -uintptr(reserved) % HugePage
	at := unsafe.Add(reserved, before)
	p, err := unix.MmapPtr(int(f.Fd()), 0, at, uintptr(size), unix.PROT_READ, unix.MAP_SHARED|unix.MAP_FIXED)
	if err != nil {
		_ = unix.MunmapPtr(reserved, room)
		return nil, false, err
	}
	page := uintptr(os.Getpagesize())
	end := before + (uintptr(size)+page-1)/page*page
	if before > 0 {
		_ = unix.MunmapPtr(reserved, before)
	}
	if end < room {
		_ = unix.MunmapPtr(unsafe.Add(reserved, end), room-end)
	}
	b = unsafe.Slice((*byte)(p), size)
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE) // pages that are read from the disk are huge then
	return b, true, nil
}
