package machine

import (
	"os"
	"runtime"
)

// Machine is what a machine has. The zero value of a field means unknown.
type Machine struct {
	CPU    string `json:"cpu,omitempty"`     // the processor's name
	Arch   string `json:"arch"`              // as Go names it: amd64, arm64
	OS     string `json:"os"`                // as Go names it: linux, darwin, windows
	OSName string `json:"os_name,omitempty"` // "Debian GNU/Linux 12 (bookworm)"
	Kernel string `json:"kernel,omitempty"`  // its release: "6.12.48"

	CPUs      int     `json:"cpus"`                   // logical processors that are online
	Threads   int     `json:"threads"`                // of them, how many this process may keep busy: affinity and quota counted
	Cores     int     `json:"cores,omitempty"`        // physical cores behind Threads
	FastCores int     `json:"fast_cores,omitempty"`   // of the cores, those of the fast kind; all where there is one kind
	Nodes     int     `json:"memory_nodes,omitempty"` // that have processors for this process
	CPUQuota  float64 `json:"cpu_quota,omitempty"`    // processors' worth of time a control group allows; 0: no limit

	// Features are the instruction sets that matter to the kernels and that
	// processor and system both support, by their names in Linux.
	Features []string `json:"features"`
	Caches   []Cache  `json:"caches,omitempty"` // by level

	Memory          int64  `json:"memory_bytes,omitempty"`           // all of the machine's
	MemoryLimit     int64  `json:"memory_limit_bytes,omitempty"`     // of a control group, where it is below Memory
	MemoryAvailable int64  `json:"memory_available_bytes,omitempty"` // as AvailableMemory
	PageSize        int    `json:"page_bytes"`
	HugePages       string `json:"huge_pages,omitempty"` // Linux' transparent ones: always, madvise, never
}

// Cache is one kind of cache.
type Cache struct {
	Level int    `json:"level"`
	Kind  string `json:"kind"`  // data, instruction, unified
	Bytes int64  `json:"bytes"` // of each
	Count int    `json:"count"` // how many of them the usable processors have
}

// Describe tells what this machine has.
func Describe() Machine {
	m := Machine{
		Arch:     runtime.GOARCH,
		OS:       runtime.GOOS,
		CPUs:     runtime.NumCPU(),
		Threads:  runtime.NumCPU(), // counts the affinity at the process' start
		PageSize: os.Getpagesize(),
	}
	flags := m.describeSystem()
	m.Features = features(flags)
	if m.CPU == "" {
		m.CPU = brand()
	}
	return m
}

// ComputeThreads returns how many threads compute best here: one for each physical core of
// the fast kind, as far as the process may keep them busy. Slow cores would hold up those
// that wait for them, and a core's second thread takes what the first one has.
func (m *Machine) ComputeThreads() int {
	n := m.Threads
	for _, cores := range []int{m.Cores, m.FastCores} {
		if cores > 0 {
			n = min(n, cores)
		}
	}
	return max(n, 1)
}

// AvailableMemory returns how many bytes a process can still use before the
// system swaps or a control group's limit ends it: free memory and what the
// system would give up for it, such as cached files. It is false where the
// system does not say.
func AvailableMemory() (bytes int64, ok bool) { return availableMemory() }

// LastCache returns the bytes of all caches of the highest level.
func (m *Machine) LastCache() int64 {
	level, sum := 0, int64(0)
	for _, c := range m.Caches {
		if c.Kind == "instruction" || c.Level < level {
			continue
		}
		if c.Level > level {
			level, sum = c.Level, 0
		}
		sum += c.Bytes * int64(c.Count)
	}
	return sum
}
