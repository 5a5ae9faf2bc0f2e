package machine

import "golang.org/x/sys/unix"

// The system's classes of threads that run, and reach the disk, when no other wants to.
const (
	schedIdle    = 5
	ioWhoProcess = 1
	ioClassIdle  = 3 << 13
)

// LowPriority has the calling goroutine's thread, to which it must be locked for good, run
// and reach the disk only when no other wants to. Where the system refuses, it runs as
// before.
func LowPriority() {
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: schedIdle}, 0)
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, ioWhoProcess, 0, ioClassIdle)
}
