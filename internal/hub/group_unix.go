//go:build unix

package hub

import (
	"os"
	"syscall"
)

// interruptGroup asks the processes of p's group to end.
func interruptGroup(p *os.Process) { syscall.Kill(-p.Pid, syscall.SIGINT) }

// killGroup ends them.
func killGroup(p *os.Process) { syscall.Kill(-p.Pid, syscall.SIGKILL) }
