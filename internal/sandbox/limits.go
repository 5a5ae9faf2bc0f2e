package sandbox

import (
	"fmt"
	"time"
)

// Limits bound a program and all that it starts, together where nothing else is said.
type Limits struct {
	Memory    int64         // bytes; of each process at once, of all by the watch
	Processor time.Duration // 0: any
	Time      time.Duration // from the start; 0: any
	File      int64         // bytes of each file
	Disk      int64         // bytes in its folder
	Files     int           // in its folder, folders too
	OpenFiles int           // of each process
	Processes int           // and threads of them
	Output    int           // bytes of each of stdout and stderr; of stderr alone where it is kept running
}

// DefaultLimits are enough for the tests of a page of code.
var DefaultLimits = Limits{
	Memory: 1 << 30, Processor: 20 * time.Second, Time: 20 * time.Second,
	File: 16 << 20, Disk: 64 << 20, Files: 4096, OpenFiles: 128, Processes: 64, Output: 1 << 20,
}

// GoRuntime is the memory that a Go program takes hold of before it begins, which counts as
// much as what it uses: Linux counts what may be written.
const GoRuntime = 128 << 20

// The smallest limits with which a program can begin, and the largest that make sense.
const (
	minMemory = 32 << 20
	maxMemory = 1 << 46
	minOpen   = 16
)

// check names the first limit that cannot be.
func (l *Limits) check() error {
	for _, n := range []struct {
		name           string
		got, low, high int64
	}{
		{"memory", l.Memory, minMemory, maxMemory},
		{"processor time", int64(l.Processor), 0, int64(24 * time.Hour)},
		{"time", int64(l.Time), 0, int64(24 * time.Hour)},
		{"bytes of a file", l.File, 0, maxMemory},
		{"bytes of all files", l.Disk, 0, maxMemory},
		{"files", int64(l.Files), 0, 1 << 30},
		{"open files", int64(l.OpenFiles), minOpen, 1 << 20},
		{"processes", int64(l.Processes), 1, 1 << 20},
		{"bytes of output", int64(l.Output), 0, 1 << 30},
	} {
		if n.got < n.low || n.got > n.high {
			return fmt.Errorf("sandbox: limit of %s is %d, want %d to %d", n.name, n.got, n.low, n.high)
		}
	}
	return nil
}
