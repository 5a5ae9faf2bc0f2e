package document

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// bound has the system end this process where it takes more: of memory beside what the
// program has reserved by now, and of processor time. It opens and writes no file from now
// on.
func bound(memory int64, seconds uint64) error {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return err
	}
	reserved, err := reservedMemory()
	if err != nil {
		return err
	}
	for kind, most := range map[int]uint64{
		unix.RLIMIT_AS: reserved + uint64(memory), unix.RLIMIT_CPU: uint64(used.Utime.Sec+used.Stime.Sec) + seconds,
		unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: 3,
	} {
		if err := unix.Setrlimit(kind, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return err
		}
	}
	return nil
}

// reservedMemory returns the bytes of addresses that this process has.
func reservedMemory() (uint64, error) {
	text, err := os.ReadFile("/proc/self/statm") // in pages, the size of all that is mapped first
	if err != nil {
		return 0, err
	}
	var pages uint64
	if _, err := fmt.Sscan(string(text), &pages); err != nil {
		return 0, fmt.Errorf("/proc/self/statm: %w", err)
	}
	return pages * uint64(os.Getpagesize()), nil
}

// prepare has a child end with this process, and keeps signals of the terminal from it.
func prepare(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
