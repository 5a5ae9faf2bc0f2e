//go:build unix && !linux

package mcp

import (
	"os/exec"
	"syscall"
)

// ownGroup puts a child into a process group of its own, out of reach of the terminal's
// interrupt, which is ours to handle.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// startProcess starts a child.
func startProcess(cmd *exec.Cmd) error { return cmd.Start() }
