package machine

import "golang.org/x/sys/unix"

// useHugePages asks for huge pages, with which reading is not held up by
// translating addresses. It tells whether the system takes the advice.
func useHugePages(b []byte) bool { return unix.Madvise(b, unix.MADV_HUGEPAGE) == nil }
