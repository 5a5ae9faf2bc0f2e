package hub

import (
	"os/exec"
	"syscall"
)

// ownGroup puts pip and what it starts into a process group, out of reach of
// the terminal's interrupt, which is blitz's to handle; and ends pip with
// blitz, even if that is killed.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
