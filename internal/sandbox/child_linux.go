package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// spec is what a child is told: the box, and who watches.
type spec struct {
	Limits  Limits
	Read    []string
	Work    string
	Parser  bool
	Program string // absolute
	Dynamic bool   // it is put together with libraries when it begins
	Parent  int
}

// statusFile is the descriptor on which a child says why it could not be confined. It closes
// when the child becomes the program.
const statusFile = 3

// exitConfine is the exit code of a child that was not confined.
const exitConfine = 125

// Main is what a child does: it confines itself by a spec and becomes the program. It does
// not return where that works.
func Main(args []string) int {
	status := os.NewFile(statusFile, "status")
	fmt.Fprint(status, become(args))
	return exitConfine
}

// become confines this process and becomes the program. It returns what kept it from that.
func become(args []string) error {
	if len(args) < 2 {
		return errors.New("want a box and a program")
	}
	var s spec
	if err := json.Unmarshal([]byte(args[0]), &s); err != nil {
		return fmt.Errorf("the box: %w", err)
	}
	if err := s.Limits.check(); err != nil {
		return err
	}
	runtime.LockOSThread() // what follows holds for this thread, and the program begins as it
	unix.CloseOnExec(statusFile)
	if err := unix.CloseRange(statusFile+1, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil && err != unix.ENOSYS && err != unix.EINVAL {
		return fmt.Errorf("close_range: %w", err)
	}
	dir := s.Work
	if dir == "" {
		dir = "/"
	}
	if err := os.Chdir(dir); err != nil {
		return err
	}
	tasks, err := s.tasks()
	if err != nil {
		return err
	}
	if err := confineFiles(&s); err != nil {
		return err
	}
	fenced, err := dropIdentity(&s)
	if err != nil {
		return err
	}
	if err := confineResources(&s, fenced, tasks); err != nil {
		return err
	}
	// Whoever started this is told of its death, but not if it died before this call.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("prctl: %w", err)
	}
	if os.Getppid() != s.Parent {
		return errors.New("who started it is gone")
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl: %w", err)
	}
	if err := confineCalls(&s, fenced); err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", s.Program, syscall.Exec(s.Program, args[1:], os.Environ()))
}
