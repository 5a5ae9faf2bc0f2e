package machine

import "math"

// describe fills in what the files of Linux say, and returns the instruction
// sets that they list. What they do not say keeps its value.
func (r root) describe(m *Machine) (flags []string) {
	text, _ := r.text("proc/cpuinfo")
	processors := parseProcessors(text)
	m.CPU = processorName(processors)
	m.OSName = r.osName()
	m.HugePages = r.hugePages()
	if s, ok := r.text("proc/sys/kernel/osrelease"); ok {
		m.Kernel = tidy(s)
	}
	if online := r.online(processors); len(online) > 0 {
		usable := r.usable(online)
		list := r.logicals(usable, processors)
		m.CPUs, m.Threads = len(online), len(usable)
		m.Cores, m.FastCores = cores(list)
		m.Caches = r.caches(usable)
		m.Nodes = len(r.nodes(usable))
	}
	if m.CPUQuota = r.cpuQuota(); m.CPUQuota > 0 {
		// A part of a processor still is a thread that can run.
		m.Threads = int(min(float64(m.Threads), math.Ceil(m.CPUQuota)))
		m.Cores = min(m.Cores, m.Threads)
		m.FastCores = min(m.FastCores, m.Cores)
	}
	total, limit, available := r.memory()
	m.Memory, m.MemoryLimit, m.MemoryAvailable = total, limit, max(0, available)
	return processorFlags(processors)
}
