package mcp

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup puts a child out of reach of the console's interrupt, which is ours to handle.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// startProcess starts a child.
func startProcess(cmd *exec.Cmd) error { return cmd.Start() }

// askGroup does nothing: without a console of its own a child hears no question.
func askGroup(*os.Process) {}

// killGroup ends a child.
func killGroup(p *os.Process) { p.Kill() }
