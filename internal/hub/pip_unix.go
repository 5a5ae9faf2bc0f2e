//go:build unix && !linux

package hub

import (
	"os/exec"
	"syscall"
)

// ownGroup puts pip and what it starts into a process group, out of reach of
// the terminal's interrupt, which is blitz's to handle.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
