package tensor

import "golang.org/x/sys/unix"

// hugeLeast is from how many bytes on memory is worth huge pages of 2 MiB.
const hugeLeast = 8 << 20

// adviseHuge asks for huge pages: the first touch of every 4 KiB and the translation
// of their addresses would hold up packing and reading. Where the system has none the
// memory is as good, and slower.
func adviseHuge(b []byte) {
	if len(b) >= hugeLeast {
		_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
	}
}
