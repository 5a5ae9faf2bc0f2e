//go:build unix

package mcp

import (
	"os"
	"syscall"
)

// askGroup asks the processes of p's group to end.
func askGroup(p *os.Process) { syscall.Kill(-p.Pid, syscall.SIGTERM) }

// killGroup ends them.
func killGroup(p *os.Process) { syscall.Kill(-p.Pid, syscall.SIGKILL) }
