package mcp

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// ownGroup puts a child into a process group of its own, out of reach of the terminal's
// interrupt, which is ours to handle; it ends with us, even if we are killed.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// starts are done by one thread that never ends: a child is told of the end of the thread
// that started it, not of the program's.
var starts = sync.OnceValue(func() chan func() {
	c := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range c {
			f()
		}
	}()
	return c
})

// startProcess starts a child.
func startProcess(cmd *exec.Cmd) error {
	done := make(chan error)
	starts() <- func() { done <- cmd.Start() }
	return <-done
}
