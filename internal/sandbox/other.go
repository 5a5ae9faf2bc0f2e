//go:build !linux

package sandbox

import (
	"context"
	"fmt"
	"os"
	"runtime"
)

// Describe says what the system has.
func Describe() Support {
	return Support{Missing: runtime.GOOS + " has neither Landlock nor seccomp, which are Linux's"}
}

// Main runs nothing: there is no child of a Box on this system.
func Main([]string) int {
	fmt.Fprintln(os.Stderr, Check())
	return exitConfine
}

// Run runs nothing.
func (b *Box) Run(context.Context, []string, []byte) (*Outcome, error) { return nil, Check() }

// Start starts nothing.
func (b *Box) Start(context.Context, []string) (*Process, error) { return nil, Check() }

// Process is a program that is kept running; there is none on this system.
type Process struct {
	In, Out *os.File
}

// Close ends nothing.
func (p *Process) Close() Outcome { return Outcome{} }

// exitConfine is the exit code of a child that was not confined.
const exitConfine = 125
