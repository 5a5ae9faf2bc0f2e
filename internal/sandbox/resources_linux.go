package sandbox

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// room is the addresses that a program may reserve beside the memory that it may write to:
// runtimes of some languages reserve much and use little.
const room = 64 << 30

// confineResources bounds each process of this thread from now on. tasks are those that its
// user has beside.
func confineResources(s *spec, fenced bool, tasks int) error {
	l := &s.Limits
	most := map[int]uint64{
		unix.RLIMIT_CORE: 0, unix.RLIMIT_DATA: uint64(l.Memory), unix.RLIMIT_AS: uint64(l.Memory) + room, unix.RLIMIT_FSIZE: uint64(l.File),
		unix.RLIMIT_NOFILE: uint64(l.OpenFiles), unix.RLIMIT_MEMLOCK: 0, unix.RLIMIT_MSGQUEUE: 0, unix.RLIMIT_SIGPENDING: 1024,
		unix.RLIMIT_NPROC: uint64(l.Processes + tasks), unix.RLIMIT_NICE: 0, unix.RLIMIT_RTPRIO: 0,
	}
	if fenced {
		most[unix.RLIMIT_NPROC] = uint64(l.Processes)
	}
	if l.Processor > 0 {
		// The watch ends it before that, and knows why.
		most[unix.RLIMIT_CPU] = uint64((l.Processor+time.Second-1)/time.Second) + 1
	}
	for kind, n := range most {
		var now syscall.Rlimit
		if err := syscall.Getrlimit(kind, &now); err != nil {
			return fmt.Errorf("limits: %w", err)
		}
		n = min(n, now.Max)
		if err := syscall.Setrlimit(kind, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			return fmt.Errorf("limits: %w", err)
		}
	}
	return nil
}

// tasks counts the processes and threads that this user has, since the system's limit is one
// for all of them.
func (s *spec) tasks() (int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	n, me := 0, uint32(os.Getuid())
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		var st unix.Stat_t
		if unix.Stat("/proc/"+e.Name(), &st) == nil && st.Uid == me {
			if threads, err := os.ReadDir("/proc/" + e.Name() + "/task"); err == nil {
				n += len(threads)
			}
		}
	}
	return n, nil
}
