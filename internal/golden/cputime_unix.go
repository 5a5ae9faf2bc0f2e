//go:build unix

package golden

import (
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime returns the processor time that this process has taken, on all its threads.
// Unlike the time of the clock it hardly depends on what else the machine does.
func CPUTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
