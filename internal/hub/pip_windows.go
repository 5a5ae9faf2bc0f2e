package hub

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup puts pip out of reach of the console's interrupt, which is blitz's
// to handle.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// interruptGroup does nothing: without a console of its own pip hears no
// interrupt.
func interruptGroup(*os.Process) {}

// killGroup ends pip.
func killGroup(p *os.Process) { p.Kill() }
